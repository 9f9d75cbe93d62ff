"""What experiments found, as evidence that a media mix model has to agree with.

An experiment compares what happened with what would have happened without its change of spend. Let S(t) be
the spend of the channel as the data have it, D(t) the part of it that the experiment added (below 0 where it
took some away), s the share of the people who got D, and F what the model says that spend brings where all
get it. Those people saw D / s on top of the rest, S - D, so that

    sum over the test's days of s [F(S - D + D / s) - F(S - D)] = outcome caused, sum of D = spend changed.

*Geo test.* The treated regions spent `cost` more than they would have, and sold `incremental` more than the
regions that stand for them say they would have; there s = 1. In a model without regions s is the share of
the market that lives in them: the same money spread over all would move everyone a little, which is not what
was tested.

*Holdout.* A share h of N users was kept out by lot, so `cost` was spent on the other (1 - h) N: D = cost and
s = 1 - h. Held-out users show what a user buys without the campaign, mean b; the treated buy a. The data's
outcome, ``(1 - h) N a + h N b``, would have been ``N b`` without the campaign, so ``(1 - h) N (a - b)`` was
caused: the figure that a report on a holdout gives for the treated. Seen from the other side, ``h N (a - b)``
was lost among the held-out for ``cost h / (1 - h)`` that was not spent on them: with s = h the equation above
is the same one, both sides times -h / (1 - h).

*Standard error.* A normal interval of level g around v is v -/+ z e with z = ndtri((1 + g) / 2), hence
``e = (high - low) / 2 z``. Where the ends lie unequally far away, as those of placebo tests do, the farther
one counts: the model is told less than the experiment knows, never more.

Every experiment with a figure and an interval is used, whatever it found: to use those alone that found an
effect would make every channel look better than it is.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import TYPE_CHECKING, Literal

import numpy as np
from scipy.special import ndtri

from workbench.errors import BadInput
from workbench.mmm.calendar import LENGTH
from workbench.mmm.market import EVERYWHERE, Market, check_lift_test
from workbench.mmm.spec import LiftTest, MixSpec
from workbench.result import html_table, told, worded

if TYPE_CHECKING:
    import pandas as pd

Outcome = Literal["revenue", "conversions"]
_UNEQUAL = 0.2  # of half the interval; beyond it the record says that the farther end was taken
_TOLERANCE = 1.02  # periods are booked in whole, experiments by the day


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """What one experiment found about one channel, in plain values.

    Parameters
    ----------
    source : str
        The experiment's name.
    kind : {'geo test', 'holdout'}
        Which it is.
    channel : str
        The channel whose spend it changed; empty where nobody said which.
    outcome : {'revenue', 'conversions'}
        What it counted.
    start, end : date
        First and last day on which it worked, both included.
    caused, low, high : float
        Outcome that it caused in all, and the interval; NaN where it is not known.
    level : float
        Of the interval.
    spend : float
        Money that was spent more because of it, below 0 where it was cut; NaN where it is not known.
    regions : tuple of str
        Where it ran; empty where it ran everywhere.
    share : float
        Of the people whose spend it changed: in those regions of the whole market, or not held out of all.
    currency : str, optional
        ISO 4217 code of all money in it.
    doubt : str
        Why the experiment itself is not to be believed; empty where it is.
    spent_until : date, optional
        Last day on which it moved money, where its effect was counted for longer; by default `end`.
    """

    source: str
    kind: Literal["geo test", "holdout"]
    channel: str
    outcome: Outcome
    start: date
    end: date
    caused: float
    low: float
    high: float
    level: float
    spend: float
    regions: tuple[str, ...] = ()
    share: float = 1.0
    currency: str | None = None
    doubt: str = ""
    spent_until: date | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """One experiment and what becomes of it.

    Parameters
    ----------
    finding : Finding
        What it found.
    test : LiftTest or None
        The evidence; None where it is not used.
    says : str
        Why it is not used, or what to know of it.
    """

    finding: Finding
    test: LiftTest | None
    says: str

    @property
    def sentence(self) -> str:
        """Return whether it is used, and why not."""
        named = f"The {self.finding.kind} {self.finding.source}"
        if self.test is None:
            return f"{named} is not used: {self.says}."
        said = (
            f"{named} is used for {worded(self.test.channel)}: {self.test.outcome_change:,.0f} (standard "
            f"error {self.test.error:,.0f}) for {self.test.spend_change:,.0f} spent"
        )
        return f"{said}; {self.says}." if self.says else f"{said}."


@dataclass(frozen=True, slots=True, kw_only=True)
class Calibration:
    """The experiments that a model has to agree with, and those that it does not hear of.

    Parameters
    ----------
    judged : tuple of Judged
        Every experiment that was looked at.
    """

    judged: tuple[Judged, ...]

    @property
    def tests(self) -> tuple[LiftTest, ...]:
        """Return the evidence."""
        return tuple(one.test for one in self.judged if one.test is not None)

    @property
    def sentence(self) -> str:
        """Return how many experiments are used, and for which channels."""
        if not self.judged:
            return "No experiment is known: the model rests on its data and on what is believed beforehand."
        tests = self.tests
        channels = ", ".join(sorted({worded(test.channel) for test in tests}))
        return f"{len(tests)} of {len(self.judged)} experiments are used" + (
            f", for {channels}." if tests else "."
        )

    __repr__ = told

    def to_frame(self) -> pd.DataFrame:
        """Return one row for each experiment."""
        import pandas as pd

        rows = [
            {
                "experiment": one.finding.source,
                "kind": one.finding.kind,
                "channel": one.finding.channel,
                "used": one.test is not None,
                "start": one.finding.start,
                "end": one.finding.end,
                "spend": one.finding.spend,
                "caused": one.finding.caused,
                "error": math.nan if one.test is None else one.test.error,
                "says": one.says,
            }
            for one in self.judged
        ]
        return pd.DataFrame(rows)

    def _repr_html_(self) -> str:
        return html_table(self.to_frame(), self.sentence)


def calibration_of(spec: MixSpec, market: Market, findings: Sequence[Finding]) -> Calibration:
    """Return which experiments a model can be held to, each used one as a lift test.

    Parameters
    ----------
    spec : MixSpec
        The model; tests that it names by itself stay as they are, and are not taken twice.
    market : Market
        Its data: a test has to lie in it, and its money has to be in it.
    findings : sequence of Finding
        What the experiments found.
    """
    named = {test.source for test in spec.lift_tests if test.source}
    judged = []
    for finding in findings:
        if finding.source in named:
            judged.append(Judged(finding=finding, test=None, says="the model names it already"))
            continue
        try:
            judged.append(_judged(finding, spec, market))
        except BadInput as refused:
            judged.append(Judged(finding=finding, test=None, says=refused.problem))
    return Calibration(judged=tuple(judged))


def lift_test(finding: Finding) -> LiftTest:
    """Return what an experiment found as a lift test; whether it fits a model is not looked at.

    Raises
    ------
    BadInput
        If it has no figure, no interval with two ends, or no change of spend.

    Examples
    --------
    >>> found = Finding(source="posters", kind="geo test", channel="ooh", outcome="revenue",
    ...     start=date(2024, 5, 6), end=date(2024, 6, 2), caused=900.0, low=508.0, high=1292.0, level=0.95,
    ...     spend=400.0)
    >>> round(lift_test(found).error)
    200
    """
    if not finding.channel:
        raise BadInput("nobody said which channel it tested")
    if not math.isfinite(finding.caused):
        raise BadInput("it has no figure for what it caused")
    if math.isnan(finding.low) or math.isnan(finding.high):
        raise BadInput("it has no interval, and a p-value alone does not say how sure its figure is")
    if math.isinf(finding.low) or math.isinf(finding.high) or finding.high <= finding.low:
        raise BadInput("its interval has no end, so it does not say how sure its figure is")
    if not math.isfinite(finding.spend) or finding.spend == 0:
        raise BadInput("the money that it moved is not known")
    if not 0 < finding.share <= 1:
        raise BadInput("it is not known which share of the people it reached")
    return LiftTest(
        channel=finding.channel,
        start=finding.start,
        end=finding.end,
        spend_change=_settled(finding.spend),
        outcome_change=_settled(finding.caused),
        error=_settled(max(_reach(finding)) / float(ndtri((1 + finding.level) / 2))),
        regions=finding.regions,
        share=1.0 if finding.regions else _settled(finding.share),
        source=finding.source,
        spent_until=finding.spent_until,
    )


def _settled(figure: float) -> float:
    """Return a figure without its last digits.

    A store sums rows in any order, so these change from one reading to the next; a sampler that is told other
    ones draws something else, and nothing could be made again from its receipt.
    """
    return float(f"{figure:.9g}")


def _judged(finding: Finding, spec: MixSpec, market: Market) -> Judged:
    _refuse_strange(finding, spec)
    test = lift_test(finding)
    notes = []
    ends = _reach(finding)
    if abs(ends[0] - ends[1]) > _UNEQUAL * (ends[0] + ends[1]) / 2:
        notes.append("its interval is uneven, so the farther end sets the error")
    placed, said = _placed(test, finding.share, market)
    _refuse_impossible(placed, market)
    return Judged(finding=finding, test=placed, says="; ".join([*notes, *said]))


def _reach(finding: Finding) -> tuple[float, float]:
    """Return how far the ends of the interval lie from the figure."""
    return max(finding.caused - finding.low, 0.0), max(finding.high - finding.caused, 0.0)


def _refuse_strange(finding: Finding, spec: MixSpec) -> None:
    """Raise where an experiment speaks of another channel, outcome or currency than the model."""
    if finding.doubt:
        raise BadInput(finding.doubt.rstrip("."))
    if finding.channel and finding.channel not in spec.channel_names:
        raise BadInput(f"the model has no channel {finding.channel[:80]!r}")
    if finding.outcome != spec.kind:
        raise BadInput(f"it counts {finding.outcome}, the model explains {spec.kind}")
    if spec.currency and finding.currency and spec.currency != finding.currency:
        raise BadInput(f"its money is in {finding.currency[:10]}, the model's in {spec.currency}")


def _placed(test: LiftTest, share: float, market: Market) -> tuple[LiftTest, list[str]]:
    """Return the test where the market knows it, and what to know of that."""
    if not test.regions or market.regions != (EVERYWHERE,):
        check_lift_test(test, market)
        return test, []
    everywhere = replace(test, regions=(), share=share)
    check_lift_test(everywhere, market)
    where = f"{len(test.regions)} region" + ("s" if len(test.regions) > 1 else "")
    return everywhere, [f"the model has no regions, it ran in {where}, {share:.1%} of the market"]


def _refuse_impossible(test: LiftTest, market: Market) -> None:
    """Raise where the data do not hold the money or the outcome of a test: its units are others."""
    days = LENGTH[market.period]
    starts = market.dates.astype("datetime64[D]")
    during = (starts <= np.datetime64(test.end)) & (starts + days > np.datetime64(test.start))
    rows = [place for place, name in enumerate(market.regions) if not test.regions or name in test.regions]
    spent = float(market.spend[rows][:, during, market.channels.index(test.channel)].sum())
    sold = float(market.outcome[rows][:, during].sum())
    if test.spend_change > spent * _TOLERANCE:
        raise BadInput(
            f"it moved {test.spend_change:,.0f}, but the data have {spent:,.0f} of {test.channel} in its "
            "days: its money is not in them, or in another unit"
        )
    if test.outcome_change > sold:
        raise BadInput(
            f"it says that {test.outcome_change:,.0f} were caused, more than the {sold:,.0f} in the data"
        )
