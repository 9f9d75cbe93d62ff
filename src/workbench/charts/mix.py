"""Media mix: what channels returned, what the next unit returns, what was believed, what moved."""

from __future__ import annotations

from typing import Any

from workbench.charts.cards import period
from workbench.charts.drawing import Drawing, Nothing, coded, opened
from workbench.charts.lanes import Measure, lanes
from workbench.charts.mix_tables import learnt_table, moved_table, returns_table, shares_table
from workbench.charts.mix_words import (
    LEVEL,
    cautious,
    finite,
    largest,
    left_out,
    listed,
    missing_of,
    per_money,
    scaled,
    spoken,
    unit_of_return,
)
from workbench.charts.shapes import in_one_line, labels
from workbench.mmm.comparison import RunComparison
from workbench.mmm.estimate import Estimate
from workbench.mmm.findings import joined
from workbench.mmm.report import MixReport
from workbench.mmm.results import MixResults
from workbench.mmm.returns import SURE, ChannelReturn

_WORDS = (("label", "title"), ("series", "Of"), ("said", "Value"), ("interval", f"{LEVEL} interval"))
_PAST, _NEXT = "All of it", "The next unit"
_SPEND, _EFFECT = "Share of spend", "Share of effect"
_PRIOR, _POSTERIOR = "Believed before", "After the data"


def mix_returns(result: MixReport) -> Drawing | Nothing:
    """Return what every channel returned on average, and what its next unit of money returns."""
    found = result.results
    rows = () if found is None else largest(found)
    if found is None or result.missing or not rows:
        return Nothing(title="Returns of channels", reason=missing_of(result))
    by, unit = unit_of_return(found.kind), "money" if found.kind == "revenue" else ""
    names = labels([coded(one.channel) for one in rows])
    points = [
        _point(name, series, scaled(value, by), unit, found.currency)
        for name, one in zip(names, rows, strict=True)
        for series, value in ((_PAST, one.roi), (_NEXT, one.marginal_roi))
        if value.known
    ]
    mark = by * rows[0].threshold
    against = "1, where money comes back" if found.kind == "revenue" else "what media return on average"
    return Drawing(
        finding=cautious(result, _headline(found, rows)),
        subtitle=in_one_line(f"{opened(per_money(found))} by channel", f"lines are {LEVEL} intervals"),
        description="Two points with intervals per channel, of all its money and of the next unit. "
        + listed(f"{p['label']}, {p['series'].lower()}: {p['said']} ({p['interval']})" for p in points),
        spec=lanes(
            points,
            [],
            order=names,
            series=[_PAST, _NEXT],
            measure=Measure(unit="x", words=_WORDS, mark_at=mark),
        ),
        table=returns_table(found),
        note=f"{_PAST}: {period(found.first, found.last)}. {_NEXT}: at the spend of the "
        f"{found.window.periods} {found.period}s up to {period(found.window.last, found.window.last)}. "
        f"{left_out(found, len(rows))}The hairline stands at {against}. "
        + ("Revenue is no profit: with a margin of 40% a channel has to return 2.5." if unit else ""),
    )


def mix_shares(result: MixReport) -> Drawing | Nothing:
    """Return each channel's share of spend beside its share of what media caused."""
    found = result.results
    rows = () if found is None else largest(found)
    if found is None or result.missing or not rows:
        return Nothing(title="Shares of spend and effect", reason=missing_of(result))
    names = labels([coded(one.channel) for one in rows])
    points = [
        _point(name, series, value, "%", "")
        for name, one in zip(names, rows, strict=True)
        for series, value in ((_SPEND, _exact(one.spend_share)), (_EFFECT, one.media_share))
    ]
    apart = max(rows, key=lambda one: one.media_share.value - one.spend_share)
    return Drawing(
        finding=cautious(
            result,
            f"{opened(apart.channel)} has {spoken(_exact(apart.spend_share), '%', '')[0]} of the spend and "
            f"caused {spoken(apart.media_share, '%', '')[0]} of what media brought",
        ),
        subtitle=in_one_line(
            "Share of spend, and of what all media caused, by channel",
            period(found.first, found.last),
            f"lines are {LEVEL} intervals",
        ),
        description="Two points per channel. "
        + listed(f"{p['label']}, {p['series'].lower()}: {p['said']}" for p in points),
        spec=lanes(
            points, [], order=names, series=[_SPEND, _EFFECT], measure=Measure(unit="%", words=_WORDS)
        ),
        table=shares_table(found),
        note=left_out(found, len(rows)).strip(),
    )


def mix_learning(result: MixReport) -> Drawing | Nothing:
    """Return what was believed of every return beside what the data made of it."""
    found = result.results
    rows = () if found is None else [one for one in largest(found) if one.learning is not None]
    if found is None or result.missing or not rows:
        return Nothing(title="Belief and finding", reason=missing_of(result))
    by, unit = unit_of_return(found.kind), "money" if found.kind == "revenue" else ""
    names = labels([coded(one.channel) for one in rows])
    points = [
        _point(name, series, scaled(value, by), unit, found.currency)
        for name, one in zip(names, rows, strict=True)
        if one.learning is not None
        for series, value in ((_PRIOR, one.learning.interval), (_POSTERIOR, one.roi))
        if value.low > 0
    ]
    silent = [one.channel for one in rows if one.learning is not None and one.learning.from_prior]
    said = (
        f"The data said nearly nothing about {coded(', '.join(silent))}"
        if silent
        else "The data said something about every channel"
    )
    return Drawing(
        finding=cautious(result, said),
        subtitle=in_one_line(
            f"{opened(per_money(found))} by channel, before and after the data",
            f"lines are {LEVEL} intervals",
            "each step to the right multiplies",
        ),
        description="Two points with intervals per channel. "
        + listed(f"{p['label']}, {p['series'].lower()}: {p['said']} ({p['interval']})" for p in points),
        spec=lanes(
            points,
            [],
            order=names,
            series=[_PRIOR, _POSTERIOR],
            measure=Measure(unit="x", words=_WORDS, log=True),
        ),
        table=learnt_table(found),
        note="Where both lines are alike the figure is a belief: only a test can tell.",
    )


def mix_moved(result: MixReport) -> Drawing | Nothing:
    """Return the returns of two runs side by side."""
    found = result.comparison
    if found is None or result.missing or not found.channels:
        if result.missing or result.results is None:
            return Nothing(title="Since the earlier run", reason=missing_of(result))
        reason = "There is no earlier run to compare with; the parameter before names one."
        return Nothing(title="", reason=reason)
    rows = found.channels[:12]
    names, unit = labels([coded(one.channel) for one in rows]), "x" if found.kind == "revenue" else ""
    by = unit_of_return(found.kind)
    series = ["Earlier run", "This run"]
    points = [
        _point(name, run, scaled(value, by), unit, "")
        for name, one in zip(names, rows, strict=True)
        for run, value in zip(series, (one.before, one.after), strict=True)
    ]
    return Drawing(
        finding=cautious(result, _moved_in_words(found)),
        subtitle=f"{_return_in_words(found)} by channel in both runs, lines are {LEVEL} intervals",
        description="Two points with intervals per channel. "
        + listed(f"{p['label']}, {p['series'].lower()}: {p['said']} ({p['interval']})" for p in points),
        spec=lanes(
            points,
            [],
            order=names,
            series=series,
            measure=Measure(unit=unit, words=_WORDS, mark_at=1.0 if found.kind == "revenue" else None),
        ),
        table=moved_table(found),
        note="Probabilities take the runs as independent: where they share data a difference is surer.",
    )


def _headline(found: MixResults, rows: tuple[ChannelReturn, ...]) -> str:
    live = [one for one in rows if one.marginal_roi.known and not _believed(one)]
    pays = [coded(one.channel) for one in live if one.chance_next_pays >= SURE]
    burns = [coded(one.channel) for one in live if one.chance_next_pays <= 1 - SURE]
    enough = "more than it costs" if found.kind == "revenue" else "more than media do on average"
    less = "less than it costs" if found.kind == "revenue" else "less than media do on average"
    said = [
        *([f"the next unit in {joined(pays)} returns {enough}"] if pays else []),
        *([f"{'in' if pays else 'the next unit in'} {joined(burns)} {less}"] if burns else []),
    ]
    text = "; ".join(said) if pays else f"{said[0].replace(' less', ' returns less')}" if said else ""
    return opened(text) if text else "For no channel is it clear whether its next unit pays"


def _believed(one: ChannelReturn) -> bool:
    """Return whether a return is what was believed beforehand: no finding to put in a headline."""
    return one.learning is not None and one.learning.from_prior


def _return_in_words(found: RunComparison) -> str:
    return "Return" if found.kind == "revenue" else "Conversions per 1,000 of spend"


def _moved_in_words(found: RunComparison) -> str:
    moved = [coded(one.channel) for one in found.moved]
    if not moved:
        return "No return moved by more than its interval allows for"
    return f"{opened(', '.join(moved))} returned something else than in the earlier run"


def _exact(value: float) -> Estimate:
    return Estimate(value=value, low=float("nan"), high=float("nan"))


def _point(label: str, series: str, value: Estimate, unit: str, currency: str) -> dict[str, Any]:
    figure, interval = spoken(value, unit, currency)
    return {
        "label": label,
        "series": series,
        "value": finite(value.value),
        "low": finite(value.low),
        "high": finite(value.high),
        "said": figure,
        "interval": interval,
    }
