"""Whether a holdout can be trusted: size, split, balance, contamination, power, errors of the method."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING, Literal

import numpy as np
from scipy.special import ndtri

from workbench.errors import NotEnoughData, UsageError
from workbench.experiments.holdout.balance import Balance, balance
from workbench.experiments.holdout.contrast import by_normal
from workbench.experiments.holdout.errors import FalsePositives, false_positives
from workbench.experiments.holdout.holdout import SHARE, Holdout
from workbench.experiments.holdout.pairs import Pairs
from workbench.experiments.holdout.reading import campaign_names, read_pairs
from workbench.experiments.inference.comparison import shown_p
from workbench.experiments.inference.multiplicity import adjusted
from workbench.experiments.inference.sample_ratio import BLOCKS, WARNS, ratio_p
from workbench.experiments.inference.skewness import FEW_BUYERS
from workbench.metrics.window import Window
from workbench.result import format_value, html_table, signed, told

if TYPE_CHECKING:
    import pandas as pd

    from workbench.source import Tables

Verdict = Literal["good", "warning", "bad", "unknown"]
POWER = 0.8
_CONTAMINATED = 0.01
_REACHED = 0.001


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One check.

    Parameters
    ----------
    name : str
        What is checked.
    found : str
        The figure.
    verdict : {"good", "warning", "bad", "unknown"}
        Whether it is as it should be.
    says : str
        What it means, and what to do.
    """

    name: str
    found: str
    verdict: Verdict
    says: str


@dataclass(frozen=True, slots=True, kw_only=True)
class HoldoutHealth:
    """Whether a holdout can be trusted.

    Parameters
    ----------
    checks : tuple of Check
        Size, split, balance, contamination, power, errors of the method.
    balance : Balance or None
        Traits of both sides before.
    errors : tuple of FalsePositives
        How often the methods are wrong on these users.
    detectable, detectable_share : float
        The smallest lift that is found with the power asked for, in shares of users, and over those who buy
        anyway.
    missing : str
        Why there is no answer; empty where there is one.
    """

    checks: tuple[Check, ...]
    balance: Balance | None
    errors: tuple[FalsePositives, ...]
    detectable: float
    detectable_share: float
    missing: str = ""

    @property
    def verdict(self) -> str:
        """Return whether the holdout can be trusted."""
        if self.missing:
            return self.missing
        bad = [check.name.lower() for check in self.checks if check.verdict == "bad"]
        warned = [check.name.lower() for check in self.checks if check.verdict == "warning"]
        start = "The holdout can be trusted"
        if bad:
            start = f"The holdout cannot be trusted: look at {', '.join(bad)}"
        elif warned:
            start = f"The holdout can be used with care: {', '.join(warned)}"
        return f"{start}."

    def verdict_on(self, found: Holdout) -> str:
        """Return what campaigns caused, and what follows; nothing follows where the sides differed before."""
        if found.overall is None or self.balance is None or self.balance.balanced or not self.balance.df:
            return found.sentence
        return (
            f"No verdict on what {found.overall.name} brought: those held out differed from the others "
            f"before, so no figure from this holdout may decide (balance, p {shown_p(self.balance.p)})."
        )

    @property
    def sentence(self) -> str:
        """Return whether the holdout can be trusted, and how often its method is wrong."""
        return " ".join([self.verdict, *(error.sentence for error in self.errors if error.used)])

    __repr__ = told

    def to_frame(self) -> pd.DataFrame:
        """Return one row per check."""
        import pandas as pd

        names = ["name", "found", "verdict", "says"]
        return pd.DataFrame(
            [{name: getattr(check, name) for name in names} for check in self.checks], columns=names
        )

    def _repr_html_(self) -> str:
        return f"<p>{escape(self.sentence)}</p>{html_table(self.to_frame())}"


def check_holdout(
    tables: Tables,
    *,
    campaign: str | None = None,
    window: str | Window | None = None,
    planned: float = SHARE,
    level: float = 0.95,
    seed: int = 0,
) -> HoldoutHealth:
    """Return whether the holdout of one campaign, or of all, can be trusted.

    Parameters
    ----------
    tables : Tables
        Needs facts.
    campaign, window
        As in `holdouts`.
    planned : float
        The share of users that was to be held out.
    level : float
        Of the report's intervals, for power and errors.
    seed : int
        Of the random holdouts.

    Raises
    ------
    UsageError
        If the planned share is not between 0 and 1.
    """
    if not 0 < planned < 1:
        raise UsageError(f"The planned share lies between 0 and 1, not at {planned:g}: 0.1 is usual.")
    try:
        pairs = read_pairs(tables, campaign=campaign, window=window)
    except NotEnoughData as error:
        return HoldoutHealth(
            checks=(),
            balance=None,
            errors=(),
            detectable=float("nan"),
            detectable_share=float("nan"),
            missing=str(error),
        )
    return health_of(pairs, planned=planned, level=level, seed=seed, names=campaign_names(tables))


def health_of(
    pairs: Pairs,
    *,
    planned: float = SHARE,
    level: float = 0.95,
    seed: int = 0,
    names: dict[str, str] | None = None,
) -> HoldoutHealth:
    """Return whether the holdout of these pairs can be trusted; see `check_holdout`."""
    alike = balance(pairs)
    wrong = false_positives(pairs, level=level, seed=seed)
    least, share = detectable(pairs, level=level)
    checks = (
        _size(pairs),
        _split(pairs, planned, names or {}),
        _balanced(alike),
        *_contaminated(pairs),
        _power(least, share),
        *_errors(wrong),
    )
    return HoldoutHealth(checks=checks, balance=alike, errors=wrong, detectable=least, detectable_share=share)


def detectable(pairs: Pairs, *, level: float = 0.95, power: float = POWER) -> tuple[float, float]:
    """Return the smallest lift in buyers that is found with some power: absolute, and over the expected."""
    pairs = pairs.comparable()
    treated = float((~pairs.held).sum())
    if not pairs.held.any() or not treated:
        return float("nan"), float("nan")
    found = by_normal(pairs, pairs.buys, level=level)
    if not found.error > 0:
        return float("nan"), float("nan")
    least = (float(ndtri(0.5 + level / 2)) + float(ndtri(power))) * found.error
    return least / treated, least / found.expected if found.expected > 0 else float("nan")


def _size(pairs: Pairs) -> Check:
    held, buyers = int(pairs.held.sum()), int(pairs.buys[pairs.held].sum())
    few = buyers < FEW_BUYERS
    says = "Enough for Student's t, unless revenue is very skewed."
    if few:
        says = f"Fewer than {FEW_BUYERS} buyers are held out: revenue is judged by reassigning the holdout."
    return Check(
        name="Size",
        found=f"{held:,} held out, {buyers:,} of them bought",
        verdict="warning" if few else "good",
        says=says,
    )


def _split(pairs: Pairs, planned: float, names: dict[str, str]) -> Check:
    count = len(pairs.campaigns)
    held = np.bincount(pairs.campaign, pairs.held, minlength=count)
    sizes = np.bincount(pairs.campaign, minlength=count)
    each = adjusted(ratio_p(np.column_stack([sizes - held, held]), np.array([1 - planned, planned])))
    overall = float(
        ratio_p(np.array([sizes.sum() - held.sum(), held.sum()]), np.array([1 - planned, planned]))
    )
    p = min(overall, float(each.min()))
    worst = names.get(pairs.campaigns[int(each.argmin())]) or pairs.campaigns[int(each.argmin())]
    verdict: Verdict = "bad" if p < BLOCKS else "warning" if p < WARNS else "good"
    says = f"As planned: {format_value(planned, '%')} (p {shown_p(p)})."
    if verdict != "good":
        says = (
            f"Planned were {format_value(planned, '%')} (p {shown_p(p)}), and {worst} is furthest off: find "
            "out who was lost, or say which share was planned."
        )
    return Check(
        name="Split",
        found=f"{format_value(held.sum() / sizes.sum(), '%')} held out",
        verdict=verdict,
        says=says,
    )


def _balanced(alike: Balance) -> Check:
    if not alike.df:
        return Check(name="Balance", found="", verdict="unknown", says="Nothing is known of users before.")
    worst = alike.traits[0]
    says = "Treated and held out users were alike before, as far as chance allows."
    if not alike.balanced:
        says = "The sides differed before the campaign: what differs after it need not be its doing."
    return Check(
        name="Balance",
        found=f"p {shown_p(alike.p)}; largest: {worst.name},"
        f" {signed(worst.difference, '.3f')} standard deviations",
        verdict="good" if alike.balanced else "bad",
        says=says,
    )


def _contaminated(pairs: Pairs) -> Iterator[Check]:
    held = pairs.held
    touched = held & ((pairs.deliveries > 0) | (pairs.views > 0) | (pairs.clicks > 0))
    share = float(touched.sum() / max(1, held.sum()))
    verdict: Verdict = "bad" if share > _CONTAMINATED else "warning" if share > _REACHED else "good"
    says = "Held out users got nothing of the campaign."
    if touched.any():
        says = (
            f"{int(touched.sum()):,} held out users got or clicked a message of their campaign. They stay in "
            "the holdout: leaving them out would choose by what happened. The lift is understated."
        )
    yield Check(name="Contamination", found=format_value(share, "%"), verdict=verdict, says=says)


def _power(least: float, share: float) -> Check:
    if not np.isfinite(share):
        return Check(name="Power", found="", verdict="unknown", says="Nobody of the holdout bought.")
    verdict: Verdict = "good" if share <= 0.2 else "warning"
    says = (
        f"A lift of this size is found in {POWER:.0%} of cases; a smaller one is more often missed than not."
    )
    if verdict == "warning":
        says += " Hold out more users, or judge several campaigns together."
    return Check(
        name="Power",
        found=f"{format_value(least, 'pp')}, {format_value(share, '%')} more buyers than without",
        verdict=verdict,
        says=says,
    )


def _errors(wrong: tuple[FalsePositives, ...]) -> Iterator[Check]:
    for error in wrong:
        if not error.used:
            continue
        low, high, promised, gains, losses = (
            format_value(value, "%")
            for value in (error.low, error.high, error.promised, error.gains, error.losses)
        )
        says = f"{low} to {high} before the campaign, {promised} promised: gains {gains}, losses {losses}."
        yield Check(
            name=f"False alarms on {error.outcome}",
            found=format_value(error.rate, "%"),
            verdict="unknown" if error.missing else "good" if error.kept else "bad",
            says=f"Not measured: {error.missing}." if error.missing else says,
        )
