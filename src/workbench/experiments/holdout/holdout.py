"""What campaigns caused, read from the users they kept out: over all, campaign by campaign, with and without.

Who is held out and what counts as bought are those of the metrics `incrementality`, `holdout_lift` and
`net_incremental_revenue`; the figures are the same.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from workbench.errors import NotEnoughData, UsageError
from workbench.experiments.holdout.effects import Method, beside, effect_of
from workbench.experiments.holdout.figures import Effect
from workbench.experiments.holdout.reading import Reach, campaign_names, reach, read_pairs
from workbench.experiments.holdout.sides import Rate, Side, rates_of, sides_of
from workbench.experiments.inference.estimate import Estimate
from workbench.experiments.users.assignment import places
from workbench.metrics.window import Window, resolve
from workbench.result import format_value, html_table, told
from workbench.source import given

if TYPE_CHECKING:
    import pandas as pd

    from workbench.source import Tables

SHARE = 0.1


@dataclass(frozen=True, slots=True, kw_only=True)
class Coverage:
    """How many of the campaigns that sent messages kept a holdout.

    Parameters
    ----------
    campaigns, with_holdout : int
        All campaigns, and those that held out at least one user.
    users, covered : int
        Treated users of all campaigns, and of those with a holdout.
    """

    campaigns: int
    with_holdout: int
    users: int
    covered: int

    @property
    def share(self) -> float:
        """Return the share of campaigns with a holdout; NaN where none sent a message."""
        return self.with_holdout / self.campaigns if self.campaigns else float("nan")

    @property
    def sentence(self) -> str:
        """Return the coverage in one sentence."""
        if not self.campaigns:
            return "No campaign sent a message."
        campaigns = format_value(self.share, "%")
        users = format_value(self.covered / self.users if self.users else None, "%")
        return (
            f"{self.with_holdout} of {self.campaigns} campaign{'s' if self.campaigns != 1 else ''} kept a "
            f"holdout ({campaigns}); {users} of the users who were sent something "
            "got it from one of them, each counted once per campaign."
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Holdout:
    """What campaigns caused.

    Parameters
    ----------
    overall : Effect or None
        All campaigns with a holdout together, each against its own.
    campaigns : tuple of Effect
        One by one, by revenue caused.
    sides : tuple of Side
        What happened with and without the campaigns.
    rates : tuple of Rate
        The share of the treated who bought, and of those who would have bought anyway.
    coverage : Coverage
        How many campaigns can be judged at all.
    window : Window
        The days.
    level : float
        Of all intervals.
    currency : str or None
        Of money.
    missing : str
        Why there is no answer; empty where there is one.
    """

    overall: Effect | None
    campaigns: tuple[Effect, ...]
    sides: tuple[Side, ...]
    rates: tuple[Rate, ...]
    coverage: Coverage
    window: Window | None
    level: float
    currency: str | None = None
    missing: str = ""

    @property
    def sentence(self) -> str:
        """Return what the campaigns caused, and what follows from it."""
        if self.overall is None:
            return self.missing
        return effect_sentence(self.overall, currency=self.currency, level=self.level)

    __repr__ = told

    def to_frame(self) -> pd.DataFrame:
        """Return one row per campaign, after a row of all."""
        return frame_of([] if self.overall is None else [self.overall, *self.campaigns])

    def _repr_html_(self) -> str:
        return f"<p>{escape(self.sentence)}</p>{html_table(self.to_frame())}"


def holdouts(
    tables: Tables,
    *,
    campaign: str | None = None,
    window: str | Window | None = None,
    level: float = 0.95,
    method: Method = "auto",
    seed: int = 0,
) -> Holdout:
    """Return what campaigns with a holdout caused in a window.

    Parameters
    ----------
    tables : Tables
        Needs facts; spend comes from daily_performance, names from campaigns.
    campaign : str, optional
        The id of the only campaign to judge; all by default.
    window : str or Window, optional
        The days of deliveries and of what was bought; all data by default.
    level : float
        Of all intervals.
    method : {"auto", "t", "permutation"}
        How revenue is judged, see `holdout_effects.effect_of`.
    seed : int
        Of the permutation.
    """
    _check_level(level)
    covered = coverage(tables, window=window)
    try:
        pairs = read_pairs(tables, campaign=campaign, window=window)
    except NotEnoughData as error:
        return Holdout(
            overall=None,
            campaigns=(),
            sides=(),
            rates=(),
            coverage=covered,
            window=None if tables.last_day is None else resolve(window, tables),
            level=level,
            currency=tables.currency,
            missing=str(error),
        )
    names = campaign_names(tables)
    apart = tuple(
        effect_of(pairs.of(one), name=names.get(one) or one, level=level, method=method, seed=seed)
        for one in pairs.campaigns
    )
    many = len(pairs.campaigns) > 1
    overall = (
        effect_of(pairs, name="all campaigns", level=level, method=method, seed=seed) if many else apart[0]
    )
    return Holdout(
        overall=overall,
        campaigns=_ranked(beside(apart)) if many else (),
        sides=sides_of(pairs),
        rates=rates_of(pairs, level=level),
        coverage=covered,
        window=pairs.window,
        level=level,
        currency=tables.currency,
    )


def coverage(tables: Tables, *, window: str | Window | None = None) -> Coverage:
    """Return how many campaigns that sent messages kept a holdout."""
    rows = reach(tables, window=window) if given(tables).last_day is not None else ()
    kept: list[Reach] = [row for row in rows if row.held]
    return Coverage(
        campaigns=len(rows),
        with_holdout=len(kept),
        users=sum(row.treated for row in rows),
        covered=sum(row.treated for row in kept),
    )


def held_out(campaign: str, users: Iterable[str], *, share: float = SHARE) -> NDArray[np.bool_]:
    """Return whether each user is kept out of a campaign: by a hash, the same on every machine.

    Campaigns hold out users independently of each other. A larger share keeps out who was kept out before.

    Parameters
    ----------
    campaign : str
        The campaign's id.
    users : iterable of str
        Ids of users.
    share : float
        Share of users to keep out.

    Raises
    ------
    UsageError
        If the share is not between 0 and 1.

    Examples
    --------
    >>> held_out("spring_sale", ["ann", "bob", "cleo", "dan"], share=0.5).tolist()
    [True, False, False, False]
    """
    if not 0 < share < 1:
        raise UsageError(f"A share between 0 and 1 can be held out, not {share:g}: 0.1 is usual.")
    return places(f"holdout:{campaign}", users) < share


def effect_sentence(effect: Effect, *, currency: str | None, level: float) -> str:
    """Return what an effect means, in one sentence."""
    found = effect.worth
    what = "after cost" if effect.net.known else "before any cost, for no spend is on record"
    if "count as free" in effect.note:
        what = "after the cost on record"
    if not found.known:
        return f"{_opened(effect.name)}: nothing can be said of revenue, because {found.note}."
    money = format_value(found.value, "money", currency=currency)
    if np.isnan(found.low):
        return f"{_opened(effect.name)} brought {money} {what} against the holdout; {found.note}."
    ends = interval_text(found, "money", currency=currency, level=level)
    if found.low > 0:
        then = "it pays" if effect.net.known else "it sells; whether it pays depends on its cost"
    elif found.high < 0 and effect.early:
        over = format_value(effect.unfollowed, "%")
        then = f"too early to judge, the 30 days of {over} of its users are not over: wait for what they buy"
    elif found.high < 0:
        costs = "it costs more than it brings" if effect.net.known else "it drives sales away"
        then = f"{costs}: change it or stop it"
    else:
        then = "that may be chance: keep the holdout and wait for more buyers"
    share = ""
    if effect.incrementality.known and effect.lift.significant and effect.lift.value > 0:
        bought = format_value(effect.incrementality.value, "%")
        sure = "yet in buyers it is clear: " if found.low <= 0 <= found.high else ""
        share = f"; {sure}{bought} of the treated buyers would not have bought otherwise"
    return f"{_opened(effect.name)} brought {money} {what} against the holdout ({ends}): {then}{share}."


def _opened(name: str) -> str:
    return name[:1].upper() + name[1:]


def interval_text(found: Estimate, unit: str, *, currency: str | None = None, level: float = 0.95) -> str:
    """Return an interval in words.

    Examples
    --------
    >>> interval_text(Estimate(value=0.5, low=0.2, high=float("inf")), "%")
    '95% interval 20% or more'
    """
    low, high = (format_value(end, unit, currency=currency) for end in (found.low, found.high))
    name = f"{level * 100:g}% interval"
    if np.isinf(found.low) and np.isinf(found.high):
        return f"{name} without bounds"
    if np.isinf(found.high):
        return f"{name} {low} or more"
    return f"{name} up to {high}" if np.isinf(found.low) else f"{name} {low} to {high}"


def frame_of(effects: Iterable[Effect]) -> pd.DataFrame:
    """Return effects as a table: one row each, figures with the ends of their intervals."""
    import pandas as pd

    plain = ("name", "campaigns", "treated", "held", "treated_buyers", "held_buyers", "expected_buyers")
    money = ("treated_revenue", "expected_revenue", "cost")
    rows = []
    for effect in effects:
        row: dict[str, object] = {name: getattr(effect, name) for name in (*plain, *money)}
        for name in ("lift", "relative", "incrementality", "revenue", "net", "iroas"):
            found: Estimate = getattr(effect, name)
            row |= {
                name: found.value,
                f"{name}_low": found.low,
                f"{name}_high": found.high,
                f"{name}_p": found.p,
            }
        rows.append(row | {"p_adjusted": effect.p_adjusted, "note": effect.note})
    return pd.DataFrame(rows)


def _ranked(effects: tuple[Effect, ...]) -> tuple[Effect, ...]:
    def worth(effect: Effect) -> tuple[bool, float]:
        value = effect.worth.value
        return not np.isfinite(value), -value if np.isfinite(value) else 0.0

    return tuple(sorted(effects, key=worth))


def _check_level(level: float) -> None:
    if not 0.5 <= level < 1:
        raise UsageError(f"A level from 0.5 to below 1 is needed, not {level:g}: 0.95 is usual.")
