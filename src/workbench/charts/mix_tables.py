"""Media mix in figures: channels, shares, beliefs, gates, parts, and what moved since an earlier run."""

from __future__ import annotations

from dataclasses import dataclass

from workbench.charts.cards import Alerts
from workbench.charts.drawing import DataTable, Nothing, coded, opened
from workbench.charts.mix_words import (
    LEVEL,
    likely,
    missing_of,
    outcome_unit,
    per_money,
    place_of,
    scaled,
    spoken,
    unit_of_return,
)
from workbench.charts.tables import figure, tabulate, text
from workbench.mmm.comparison import RunComparison
from workbench.mmm.gates import GATES
from workbench.mmm.report import MixReport
from workbench.mmm.results import MixResults
from workbench.mmm.returns import ChannelReturn
from workbench.result import MISSING

NOT_ASKED = Nothing(title="", reason="")
_STATUS = {"passed": "yes", "missed": "no", "unknown": "not known"}
_VERDICTS = {"same": "the same", "within": "within both intervals", "moved": "moved"}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Row:
    channel: str
    region: str
    spend: float
    spend_share: float
    contribution: float
    contribution_interval: str
    media_share: float
    roi: float
    roi_interval: str
    next_roi: float | None
    next_interval: str
    chance: float | None
    chance_said: str
    current: float | None
    break_even: str
    full: str
    half_life: float
    prior: float | None
    spread_left: float | None


def mix_table(result: MixReport) -> DataTable | Nothing:
    """Return every channel with its spend, its return, and that of its next unit."""
    found = result.results
    if found is None or result.missing:
        return Nothing(title="Channels", reason=missing_of(result))
    unit = "" if found.kind == "conversions" else "money"
    return tabulate(
        [_row(one, found) for one in found.channels],
        [
            text("channel", "Channel"),
            figure("spend", "Spend", "money"),
            figure("roi", opened(per_money(found)), unit),
            text("roi_interval", f"{LEVEL} interval"),
            figure("next_roi", "Next unit", unit),
            text("next_interval", f"{LEVEL} interval"),
            text("chance_said", "Next unit pays"),
        ],
        caption="What channels returned",
        currency=found.currency or None,
    )


def mix_advice(result: MixReport) -> Alerts | Nothing:
    """Return what every channel returned and what to do, in one sentence each, the largest spend first."""
    found = result.results
    if found is None or result.missing:
        return Nothing(title="What to do", reason=missing_of(result))
    level = "info" if found.gates.passed else "warning"
    ranked = sorted(found.channels, key=lambda one: -one.spend)
    items = [(level, coded(one.channel), _advice(one, found)) for one in ranked]
    caution = [] if found.gates.passed else [("critical", "A gate was missed", found.gates.sentence)]
    return Alerts(items=(*caution, *items), calm="No channel spent anything.")


def mix_regions(result: MixReport) -> DataTable | Nothing:
    """Return every channel's return region by region; nothing at all where there is but one region."""
    found = result.results
    if found is None or result.missing:
        return Nothing(title="Regions", reason=missing_of(result))
    if not found.regions:
        return NOT_ASKED
    return tabulate(
        [_row(one, found) for one in found.regions if one.spend > 0],
        [
            text("channel", "Channel"),
            text("region", "Region"),
            figure("spend", "Spend", "money"),
            figure("contribution", "Caused", outcome_unit(found.kind)),
            figure("roi", opened(per_money(found)), ""),
            text("roi_interval", f"{LEVEL} interval"),
            figure("next_roi", "Next unit", ""),
        ],
        caption="Returns by region",
        currency=found.currency or None,
    )


def mix_gates(result: MixReport) -> Alerts | Nothing:
    """Return what the model showed at every gate, what it missed first."""
    found = result.results
    if found is None or result.missing:
        return Nothing(title="Gates", reason=missing_of(result))
    levels = {"passed": "info", "unknown": "warning", "missed": "critical"}
    ranked = sorted(found.gates.verdicts, key=lambda one: ("missed", "unknown", "passed").index(one.status))
    items = tuple(
        (
            levels[one.status],
            f"{GATES[one.gate].title} {opened(_STATUS[one.status])}",
            f"{one.message} Found {one.figure}, asked for {one.limit}. {one.recommendation}".strip(),
        )
        for one in ranked
    )
    return Alerts(items=items, calm="Nothing was checked.")


def mix_fit_figures(result: MixReport) -> DataTable | Nothing:
    """Return how well the model fits what it has seen, and what it has not."""
    found = result.figures
    if found is None or result.missing:
        return Nothing(title="How well the model fits", reason=missing_of(result))
    rows = [
        _Figure(name="Variation explained, seen periods (R²)", value=found.r2, asked=None),
        _Figure(name="By draw, noise included (Bayesian R²)", value=found.bayes_r2.value, asked=None),
        _Figure(name="Variation foretold, unseen periods (R²)", value=found.r2_unseen, asked=None),
        _Figure(name="Mean error in seen periods, share of the outcome (MAPE)", value=found.mape, asked=None),
        *(
            _Figure(name=f"Outcomes inside {one.level:.0%} intervals", value=one.seen, asked=one.level)
            for one in found.coverage
        ),
        *(
            _Figure(name="Correlation of an error with the one before", value=one, asked=0.0)
            for one in found.autocorrelation[:1]
        ),
    ]
    return tabulate(
        rows,
        [text("name", "Figure"), figure("value", "Found", "%"), figure("asked", "Should be", "%")],
        caption=coded(found.sentence),
    )


def mix_reasons(result: MixReport) -> DataTable | Nothing:
    """Return what was changed since the earlier run; nothing at all without one."""
    found = result.comparison
    if result.results is None or result.missing:
        return Nothing(title="What was changed", reason=missing_of(result))
    if found is None:
        return NOT_ASKED
    rows = [_Reason(what=opened(one)) for one in found.reasons]
    if not rows:
        return Nothing(title="What was changed", reason="Nothing: question, data and seed are the same.")
    return tabulate(rows, [text("what", "Changed since the earlier run")], caption="What was changed")


def returns_table(found: MixResults) -> DataTable:
    """Return the channels as a table."""
    unit = "" if found.kind == "conversions" else "money"
    return tabulate(
        [_row(one, found) for one in found.channels],
        [
            text("channel", "Channel"),
            figure("spend", "Spend", "money"),
            figure("contribution", "Caused", outcome_unit(found.kind)),
            text("contribution_interval", f"{LEVEL} interval"),
            figure("roi", opened(per_money(found)), unit),
            text("roi_interval", f"{LEVEL} interval"),
            figure("next_roi", "Next unit", unit),
            text("next_interval", f"{LEVEL} interval"),
            text("chance_said", "Next unit pays"),
            figure("current", f"Spend a {found.period}", "money"),
            text("break_even", "Stops to pay at"),
            text("full", "90% of its most at"),
            figure("half_life", f"Half-life, {found.period}s", ""),
        ],
        caption="What channels returned",
        currency=found.currency or None,
    )


def shares_table(found: MixResults) -> DataTable:
    """Return shares of spend and effect as a table."""
    return tabulate(
        [_row(one, found) for one in found.channels],
        [
            text("channel", "Channel"),
            figure("spend", "Spend", "money"),
            figure("spend_share", "Share of spend", "%", bars=True),
            figure("media_share", "Share of what media caused", "%", bars=True),
        ],
        caption="Shares of spend and effect",
        currency=found.currency or None,
    )


def learnt_table(found: MixResults) -> DataTable:
    """Return beliefs and findings as a table."""
    return tabulate(
        [_row(one, found) for one in found.channels],
        [
            text("channel", "Channel"),
            figure("prior", "Believed before", ""),
            figure("roi", "After the data", ""),
            text("roi_interval", f"{LEVEL} interval"),
            figure("spread_left", "Spread left", "%"),
        ],
        caption="What was believed of returns, and what the data made of it",
    )


def moved_table(found: RunComparison) -> DataTable:
    """Return the returns of two runs as a table."""
    rows = [
        _Move(
            channel=coded(one.channel),
            before=one.before.value,
            before_interval=spoken(one.before, "", "")[1],
            after=one.after.value,
            after_interval=spoken(one.after, "", "")[1],
            chance=one.chance_higher,
            chance_said=likely(one.chance_higher),
            verdict=_VERDICTS[one.verdict],
        )
        for one in found.channels
    ]
    return tabulate(
        rows,
        [
            text("channel", "Channel"),
            figure("before", "Earlier", ""),
            text("before_interval", f"{LEVEL} interval"),
            figure("after", "Now", ""),
            text("after_interval", f"{LEVEL} interval"),
            text("chance_said", "Probability of a rise"),
            text("verdict", "Verdict"),
        ],
        caption="Returns in two runs",
    )


def _advice(one: ChannelReturn, found: MixResults) -> str:
    """Return what a channel returned and what to do, without its name."""
    words = one.in_words(kind=found.kind, currency=found.currency, period=found.period)
    return opened(words.removeprefix(coded(one.channel)).strip())


def _row(one: ChannelReturn, found: MixResults) -> _Row:
    by, unit = unit_of_return(found.kind), "" if found.kind == "conversions" else "money"
    roi, marginal = scaled(one.roi, by), scaled(one.marginal_roi, by)
    point = one.saturation
    return _Row(
        channel=coded(one.channel),
        region=one.region or "",
        spend=one.spend,
        spend_share=one.spend_share,
        contribution=one.contribution.value,
        contribution_interval=spoken(one.contribution, outcome_unit(found.kind), found.currency)[1],
        media_share=one.media_share.value,
        roi=roi.value,
        roi_interval=spoken(roi, unit, found.currency)[1],
        next_roi=marginal.value if marginal.known else None,
        next_interval=spoken(marginal, unit, found.currency)[1],
        chance=one.chance_next_pays if marginal.known else None,
        chance_said=likely(one.chance_next_pays) if marginal.known else MISSING,
        current=None if point is None else point.current,
        break_even=MISSING if point is None else place_of(point.break_even, found.currency),
        full=MISSING if point is None else place_of(point.full, found.currency),
        half_life=one.half_life.value,
        prior=None if one.learning is None else by * one.learning.prior.median,
        spread_left=None if one.learning is None else one.learning.spread_left,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Figure:
    name: str
    value: float | None
    asked: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Reason:
    what: str


@dataclass(frozen=True, slots=True, kw_only=True)
class _Move:
    channel: str
    before: float
    before_interval: str
    after: float
    after_interval: str
    chance: float
    chance_said: str
    verdict: str
