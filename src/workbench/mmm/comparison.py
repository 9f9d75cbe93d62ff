"""Two runs of a model side by side: which returns moved, by how much, and what was changed between them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from html import escape
from typing import TYPE_CHECKING, Literal

import numpy as np
import numpy.typing as npt

from workbench.errors import UsageError
from workbench.mmm.curves import contribution_totals
from workbench.mmm.differences import DataChange, FieldChange, data_changes, spec_changes
from workbench.mmm.estimate import Estimate, estimate
from workbench.mmm.fitted import MixFit, ParameterHealth
from workbench.mmm.gates import Gates, gates
from workbench.mmm.spec import Kind
from workbench.result import html_table, told, worded

if TYPE_CHECKING:
    import pandas as pd

Array = npt.NDArray[np.float64]
Verdict = Literal["same", "within", "moved"]
SURE = 0.95
_NOISE = 3.0  # so many standard errors of the sampler are no news


@dataclass(frozen=True, slots=True, kw_only=True)
class ChannelMove:
    """One channel in two runs.

    Parameters
    ----------
    channel : str
        Its name.
    before, after : Estimate
        Its return on all periods of each run.
    share_before, share_after : Estimate
        Its share of the outcome.
    difference : Estimate
        Of the returns, as if the two runs knew nothing of each other.
    chance_higher : float
        Probability that the later return is higher, by the same reading.
    noise : float
        Standard error of the difference that the sampler alone makes (same data, another seed).
    verdict : {'same', 'within', 'moved'}
        No more than the sampler's noise; more, but each run's interval allows for it; or a probability of
        95 % and more that the return is higher, or that it is lower.
    unit : str
        How returns are read: ``"x"`` for revenue, plain figures for conversions.
    """

    channel: str
    before: Estimate
    after: Estimate
    share_before: Estimate
    share_after: Estimate
    difference: Estimate
    chance_higher: float
    noise: float
    verdict: Verdict
    unit: str = "x"

    @property
    def sentence(self) -> str:
        """Return what became of its return."""
        ends = f"from {self.before.said(self.unit)} to {self.after.said(self.unit)}"
        match self.verdict:
            case "same":
                return f"{worded(self.channel)} is the same but for the sampler's noise ({ends})."
            case "within":
                return f"{worded(self.channel)} went {ends}: within what both runs allow for."
            case _:
                chance = max(self.chance_higher, 1 - self.chance_higher)
                way = "up" if self.chance_higher > 0.5 else "down"
                sure = "over 99%" if chance >= 0.995 else f"{chance:.0%}"
                return f"{worded(self.channel)} went {way} {ends}, with a probability of {sure}."


@dataclass(frozen=True, slots=True, kw_only=True)
class RunComparison:
    """What moved between two runs, and why it may have.

    The probabilities take the posteriors as independent. Where the runs share most of their data they are
    not, and a difference is surer than it is said to be.

    Parameters
    ----------
    before, after : str
        Names of the models.
    kind : {'revenue', 'conversions'}
        What the outcome is.
    channels : tuple of ChannelMove
        Channels that both runs have and that spent something.
    only_before, only_after : tuple of str
        Channels of one run only.
    spec : tuple of FieldChange
        What was asked differently, the seed and length of sampling left out.
    sampling : tuple of FieldChange
        How it was sampled differently.
    data : DataChange
        What is not the same in the data.
    libraries : tuple of FieldChange
        Versions that changed.
    gates : tuple of Gates
        What each of the two runs showed of itself.
    """

    before: str
    after: str
    kind: Kind
    channels: tuple[ChannelMove, ...]
    only_before: tuple[str, ...]
    only_after: tuple[str, ...]
    spec: tuple[FieldChange, ...]
    sampling: tuple[FieldChange, ...]
    data: DataChange
    libraries: tuple[FieldChange, ...]
    gates: tuple[Gates, Gates]

    @property
    def moved(self) -> tuple[ChannelMove, ...]:
        """Return the channels whose return is surely another one."""
        return tuple(one for one in self.channels if one.verdict == "moved")

    @property
    def reasons(self) -> tuple[str, ...]:
        """Return what was changed, in words; nothing where the runs differ in nothing."""
        return (
            *(one.sentence for one in self.spec),
            *self.data.sentences,
            *(one.sentence for one in self.sampling),
            *(f"{one.field} is {one.after} instead of {one.before}" for one in self.libraries),
        )

    @property
    def sentence(self) -> str:
        """Return which returns moved, and what was changed; a missed gate first."""
        if self.moved:
            said = " ".join(one.sentence for one in self.moved)
        elif any(one.verdict == "within" for one in self.channels):
            said = "No return moved by more than its interval allows for."
        else:
            said = "No return moved by more than the sampler's noise."
        return f"{self._caution}{said} {self._why}"

    @property
    def _caution(self) -> str:
        missed = [
            f"The {run} run missed a gate: {' '.join(verdict.message for verdict in found.missed)} "
            for run, found in zip(("earlier", "later"), self.gates, strict=True)
            if not found.passed
        ]
        return "".join(missed)

    @property
    def _why(self) -> str:
        if not self.reasons:
            return "Nothing was changed: question, data, seed and libraries are the same."
        if not self.spec and not self.data.any:
            return f"Question and data are the same; changed: {'; '.join(self.reasons)}."
        return f"Changed: {'; '.join(self.reasons)}."

    __repr__ = told

    def to_frame(self) -> pd.DataFrame:
        """Return one row per channel."""
        import pandas as pd

        return pd.DataFrame(
            {
                "channel": one.channel,
                "before": one.before.value,
                "before_low": one.before.low,
                "before_high": one.before.high,
                "after": one.after.value,
                "after_low": one.after.low,
                "after_high": one.after.high,
                "share_before": one.share_before.value,
                "share_after": one.share_after.value,
                "difference": one.difference.value,
                "chance_higher": one.chance_higher,
                "noise": one.noise,
                "verdict": one.verdict,
            }
            for one in self.channels
        )

    def _repr_html_(self) -> str:
        return f"<p>{escape(self.sentence)}</p>{html_table(self.to_frame())}"


def compare_runs(before: MixFit, after: MixFit) -> RunComparison:
    """Return which returns moved between two runs, and what was changed.

    Parameters
    ----------
    before, after : MixFit
        Two fits of one kind of outcome, in one currency.

    Raises
    ------
    UsageError
        Where one explains revenue and the other conversions, or the currencies differ.
    """
    for what in ("kind", "currency"):
        first, second = (getattr(one.spec, what) for one in (before, after))
        if first != second:
            raise UsageError(
                f"These runs cannot be compared: {what} is {first or 'unknown'} in the first and "
                f"{second or 'unknown'} in the second."
            )
    changes = spec_changes(before.spec, after.spec)
    old, new = before.market.channels, after.market.channels
    return RunComparison(
        before=before.spec.name,
        after=after.spec.name,
        kind=after.spec.kind,
        channels=tuple(_moves(before, after)),
        only_before=tuple(name for name in old if name not in new),
        only_after=tuple(name for name in new if name not in old),
        spec=tuple(one for one in changes if not one.field.startswith("sampling.")),
        sampling=tuple(one for one in changes if one.field.startswith("sampling.")),
        data=data_changes(before.market, after.market),
        libraries=_libraries(before, after),
        gates=(gates(before), gates(after)),
    )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Side:
    """Returns and shares of one run by draw, shape (D,), and the sampler's standard error of the return."""

    roi: Array
    share: Array
    error: float


def _moves(before: MixFit, after: MixFit) -> list[ChannelMove]:
    sides = [_sides(one) for one in (before, after)]
    unit = "x" if after.spec.kind == "revenue" else ""
    moves = [_move(name, sides[0][name], sides[1][name]) for name in sides[0] if name in sides[1]]
    return [replace(one, unit=unit) for one in moves]


def _sides(fit: MixFit) -> dict[str, _Side]:
    totals = contribution_totals(fit.draws, fit.market).sum(axis=1)
    spend, outcome = fit.market.spend.sum(axis=(0, 1)), float(fit.market.outcome.sum())
    return {
        name: _Side(
            roi=totals[:, place] / spend[place],
            share=totals[:, place] / outcome,
            error=float((totals[:, place] / spend[place]).std() / np.sqrt(_effective(fit, name))),
        )
        for place, name in enumerate(fit.market.channels)
        if spend[place] > 0
    }


def _effective(fit: MixFit, channel: str) -> float:
    """Return the effective draws of a channel's return; where they are unknown, the fewest of all."""

    def draws(one: ParameterHealth) -> float:
        return one.bulk if np.isfinite(one.bulk) else 1.0

    named = [draws(one) for one in fit.health.parameters if one.name == f"roi[{channel}]"]
    return max(1.0, min(named or [draws(one) for one in fit.health.parameters] or [1.0]))


def _move(channel: str, before: _Side, after: _Side) -> ChannelMove:
    count = max(len(before.roi), len(after.roi))
    rng = np.random.default_rng(0)
    pairs = rng.permutation(np.resize(after.roi, count)) - np.resize(before.roi, count)
    ranks = np.searchsorted(np.sort(before.roi), after.roi, side="left")
    higher = float(ranks.mean() / len(before.roi))
    noise = float(np.hypot(before.error, after.error))
    shift = float(after.roi.mean() - before.roi.mean())
    verdict: Verdict = "within"
    if abs(shift) <= _NOISE * noise:
        verdict = "same"
    elif max(higher, 1 - higher) >= SURE:
        verdict = "moved"
    return ChannelMove(
        channel=channel,
        before=estimate(before.roi),
        after=estimate(after.roi),
        share_before=estimate(before.share),
        share_after=estimate(after.share),
        difference=estimate(pairs),
        chance_higher=higher,
        noise=noise,
        verdict=verdict,
    )


def _libraries(before: MixFit, after: MixFit) -> tuple[FieldChange, ...]:
    first, second = dict(before.versions), dict(after.versions)
    return tuple(
        FieldChange(field=name, before=first.get(name, "none"), after=second.get(name, "none"))
        for name in dict.fromkeys([*first, *second])
        if first.get(name) != second.get(name)
    )
