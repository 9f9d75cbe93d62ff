"""Attribution: what each model credits, how far models lie apart, and what credit costs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from math import fsum
from typing import Any

from workbench.attribution.cost import Spread, attribution_spread
from workbench.attribution.credit import Credit, CreditRow
from workbench.attribution.journeys import NOT_SET, UNATTRIBUTED
from workbench.attribution.rules import RULES
from workbench.charts.drawing import MOST_LISTED, DataTable, Drawing, Nothing, coded, figures_of, more, opened
from workbench.charts.lanes import LETTERS, lanes
from workbench.charts.shapes import MOST_BARS, dots, in_one_line, labels
from workbench.charts.tables import figure, heading, others, tabulate, text
from workbench.result import MISSING, format_value

_MOST_SERIES = 6
_NAMES = {
    "last_non_direct": "Last non-direct",
    "position_based": "Position based",
    "shapley": "Shapley, coverage",
    "shapley_markov": "Shapley, Markov",
}
_MOST_BESIDE = 8
_BESIDE = ("last_touch", "markov")
_EVEN = 1e-9  # of all credit: what floats of sums in another order may differ by


def model_name(model: str) -> str:
    """Return the name of a model as an axis has room for it.

    Examples
    --------
    >>> model_name("time_decay"), model_name("shapley_markov")
    ('Time decay', 'Shapley, Markov')
    """
    return _NAMES.get(model) or heading(model)


def model_comparison(result: Credit) -> Drawing | Nothing:
    """Return the credited value of each channel under every model, with intervals.

    With more than six models the rules are ticks on a band from the lowest to the highest; the models that
    learn from data are points with their intervals.
    """
    names = result.channels[:MOST_BARS]
    if result.missing or not names:
        return Nothing(title="Models side by side", reason=result.missing or untouched(result))
    several = len(result.models) > _MOST_SERIES
    strong = [model for model in result.models if not several or model not in RULES][:_MOST_SERIES]
    rules = [model for model in result.models if model not in strong]
    shown = dict(zip(names, labels([coded(name) for name in names], room=LETTERS), strict=True))
    points = [_point(result, row, shown) for model in strong for row in _known(result, model, names)]
    ticks = [_point(result, row, shown) for model in rules for row in _known(result, model, names)]
    listed = "; ".join(_listed(result, name) for name in names)
    band = "; grey bands: all rules, one tick each" if ticks else ""
    return Drawing(
        finding=coded(result.sentence),
        subtitle=in_one_line(
            f"Credited value by {coded(result.by)} and model",
            result.currency or "",
            "lines are 95% intervals",
        )
        + band,
        description=f"Points with intervals, one row per {coded(result.by)}, one point per model: {listed}.",
        spec=lanes(points, ticks, order=list(shown.values()), series=[model_name(m) for m in strong]),
        table=_all_rows(result),
        note=_left_out(result, len(names)),
    )


def credit_beside(result: Credit) -> Drawing | Nothing:
    """Return what a model that learns from data credits to each channel, beside the last touch."""
    title = "Credit of channels"
    last, learnt = _BESIDE
    if result.missing or not set(_BESIDE) <= set(result.models):
        return Nothing(title=title, reason=result.missing or f"Credit of {last} and {learnt} is needed.")
    names = result.channels[:_MOST_BESIDE]
    if not names:
        return Nothing(title=title, reason=untouched(result))
    gains = {name: _share_of(result, learnt, name) - _share_of(result, last, name) for name in names}
    shown = dict(zip(names, labels([coded(name) for name in names], room=LETTERS), strict=True))
    points = [_point(result, row, shown) for model in _BESIDE for row in _known(result, model, names)]
    return Drawing(
        finding=_change(result, gains),
        subtitle=in_one_line(
            f"Credited value by {coded(result.by)}: last touch, and Markov removal effect",
            result.currency or "",
            "lines are 95% intervals",
        ),
        description=f"Two points with intervals per {coded(result.by)}. "
        + "; ".join(_listed(result, name) for name in names),
        spec=lanes(points, [], order=list(shown.values()), series=[model_name(model) for model in _BESIDE]),
        table=_all_rows(result),
        note=f"{format_value(result.unattributed / result.conversions, '%')} of the conversions had no "
        f"touch. {nameless(result)}Credit shares out what happened; it is not effect.",
    )


def nameless(result: Credit) -> str:
    """Return that what is credited to touches without a name belongs to others; empty where all have one."""
    several = NOT_SET in result.channels
    return f"{NOT_SET} is no {coded(result.by)}: its credit belongs to the others. " if several else ""


def model_spread(result: Credit) -> Drawing | Nothing:
    """Return how far the models lie apart on each channel: the lowest, mean and highest credited value."""
    title = "How far the models lie apart"
    if result.missing or len(result.models) < 2:
        return Nothing(title=title, reason=result.missing or "One model alone cannot disagree.")
    found = attribution_spread(result)
    if found.spread is None:
        return Nothing(title=title, reason=found.sentence)
    rows = [row for row in found.rows if row.spread is not None][:MOST_BARS]
    points = [
        {
            "label": label,
            "value": row.mean,
            "low": row.lowest,
            "high": row.highest,
            "said": _money(result, row.mean),
            "interval": f"{_money(result, row.lowest)} ({model_name(row.lowest_model)}) to "
            f"{_money(result, row.highest)} ({model_name(row.highest_model)})",
            "tone": "s1",
        }
        for label, row in zip(labels([coded(row.channel) for row in rows]), rows, strict=True)
    ]
    return Drawing(
        finding=coded(found.sentence),
        subtitle=in_one_line(
            "Mean credited value, with a bar from the lowest to the highest model", result.currency or ""
        ),
        description="Dots with bars: " + "; ".join(f"{p['label']} {p['interval']}" for p in points) + ".",
        spec=dots(points, unit="money", tooltips=("Mean", "Lowest to highest")),
        table=_spread_table(found, result.currency),
    )


def _spread_table(found: Spread, currency: str | None) -> DataTable:
    rows = [
        replace(row, lowest_model=model_name(row.lowest_model), highest_model=model_name(row.highest_model))
        for row in found.rows
    ]
    made = tabulate(
        rows,
        [
            text("channel", heading(found.by)),
            figure("lowest", "Lowest", "money"),
            text("lowest_model", "by"),
            figure("highest", "Highest", "money"),
            text("highest_model", "by"),
            figure("mean", "Mean", "money"),
            figure("spread", "Spread", "%", bars=True),
        ],
        caption="Spread: highest less lowest credited value, by the mean of all models",
        currency=currency,
    )
    return replace(made, figures=figures_of(found.rows))


def untouched(result: Credit) -> str:
    """Return why no channel is credited."""
    return result.sentence if not result.channels else "No channel is credited."


def _known(result: Credit, model: str, names: Sequence[str]) -> list[CreditRow]:
    return [row for row in result.of(model) if row.channel in names]


def _point(result: Credit, row: CreditRow, shown: dict[str, str]) -> dict[str, Any]:
    known = row.value_low is not None and row.value_high is not None
    return {
        "label": shown[row.channel],
        "series": model_name(row.model),
        "value": row.value,
        "low": row.value_low,
        "high": row.value_high,
        "said": _money(result, row.value),
        "share": f"{format_value(row.conversions, 'count')} ({format_value(row.share, '%')})",
        "interval": f"{_money(result, row.value_low)} to {_money(result, row.value_high)}"
        if known
        else MISSING,
    }


def _listed(result: Credit, name: str) -> str:
    found = [row.value for row in result.rows if row.channel == name]
    low, high = _money(result, min(found)), _money(result, max(found))
    return f"{coded(name)} {low if low == high else f'{low} to {high}'}"


def _share(row: CreditRow | None) -> float:
    return max(row.share, 0.0) if row else 0.0


def _share_of(result: Credit, model: str, name: str) -> float:
    return _share({row.channel: row for row in result.of(model)}.get(name))


def _change(result: Credit, gains: Mapping[str, float]) -> str:
    """Return who gains and who loses when all touches count."""
    named = {name: gain for name, gain in gains.items() if name != NOT_SET} or gains
    up, down = max(named, key=lambda name: named[name]), min(named, key=lambda name: named[name])
    less = f"{coded(down)} loses most" if gains[down] < -_EVEN else ""
    if gains[up] > _EVEN:
        more = f"{opened(up)} gains most when all touches count: {_moved(result, up)}"
        return f"{more}; {less}: {_moved(result, down)}" if less else more
    if less:
        return f"{opened(less)} when all touches count: {_moved(result, down)}"
    if len(gains) == 1:
        return f"{opened(up)} has all the credit, whether the last touch counts or all do"
    return "Credit is shared alike, whether the last touch counts or all do"


def _moved(result: Credit, name: str) -> str:
    last, learnt = (format_value(_share_of(result, model, name), "%") for model in _BESIDE)
    return f"{learnt} of conversions instead of {last}{_overlap(result, name)}"


def _overlap(result: Credit, name: str) -> str:
    """Return that the intervals of both models overlap: of channels that are alike one gains most, too."""
    found = [row for model in _BESIDE for row in result.of(model) if row.channel == name]
    lows = [row.conversions_low for row in found if row.conversions_low is not None]
    highs = [row.conversions_high for row in found if row.conversions_high is not None]
    apart = len(lows) < len(_BESIDE) or len(highs) < len(_BESIDE) or max(lows) > min(highs)
    return "" if apart else " (intervals overlap)"


def _money(result: Credit, value: float | None) -> str:
    return format_value(value, "money", currency=result.currency)


def credit_figures(result: Credit) -> tuple[dict[str, Any], ...]:
    """Return the credit as plain values, for machines."""
    return tuple({**row, "credit": row["share"]} for row in figures_of(result.rows))


def _all_rows(result: Credit) -> DataTable:
    """Return the credit model by model: of the first channels, and of all others together."""
    names = result.channels[: max(MOST_BARS, MOST_LISTED // max(1, len(result.models)))]
    named = [replace(row, model=model_name(row.model)) for row in result.rows]
    rest = {row.channel for row in named} - {*names, UNATTRIBUTED}
    listed = [row for row in named if row.channel not in rest]
    made = tabulate(
        [*listed, *(row for row in named if row.channel in rest)],
        [
            text("model", "Model"),
            text("channel", heading(result.by)),
            figure("conversions", "Conversions", ""),
            figure("conversions_low", "95% interval from", ""),
            figure("conversions_high", "to", ""),
            figure("value", "Value", "money"),
            figure("value_low", "95% interval from", "money"),
            figure("value_high", "to", "money"),
            figure("share", "Share", "%"),
        ],
        caption=f"Credit by model and {coded(result.by)}",
        currency=result.currency,
        most=len(listed),
        totals=_together([row for row in named if row.channel in rest]),
    )
    return replace(made, figures=credit_figures(result))


def _together(rows: Sequence[CreditRow]) -> list[CreditRow]:
    """Return what each model credits to some channels together; their intervals do not add up."""
    by_model: dict[str, list[CreditRow]] = {}
    for row in rows:
        by_model.setdefault(row.model, []).append(row)
    return [
        CreditRow(
            model=model,
            channel=others(len(some)),
            conversions=fsum(row.conversions for row in some),
            value=fsum(row.value for row in some),
            share=fsum(row.share for row in some),
        )
        for model, some in by_model.items()
    ]


def _left_out(result: Credit, drawn: int) -> str:
    rest = format_value(result.unattributed / result.conversions, "%")
    parts = [f"{rest} of the conversions had no touch and stand in no row."] if result.unattributed else []
    if len(result.channels) > drawn:
        parts.append(f"{more(len(result.channels) - drawn, 'in the figures')}.")
    return " ".join(parts)
