"""Attribution: what each model credits, how far models lie apart, and what credit costs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from workbench.attribution.cost import ReturnRow, Returns, attribution_spread
from workbench.attribution.credit import UNATTRIBUTED, Credit, CreditRow
from workbench.attribution.models import MODELS
from workbench.attribution.rules import RULES
from workbench.attribution.views import ModelChecks
from workbench.charts.cards import Alerts
from workbench.charts.drawing import Column, DataTable, Drawing, Nothing, coded, figures_of, opened
from workbench.charts.lanes import lanes
from workbench.charts.shapes import MOST_BARS, dots, in_one_line, labels
from workbench.charts.tables import figure, heading, tabulate, text
from workbench.result import MISSING, format_value

_MOST_SERIES = 6
_NAMES = {
    "last_non_direct": "Last non-direct",
    "position_based": "Position based",
    "shapley": "Shapley (coverage)",
    "shapley_markov": "Shapley (Markov)",
}
_MOST_BESIDE = 8
_SPEAKERS = {"Markov", "Regression", "Shapley (Markov game)"}
_BESIDE = ("last_touch", "markov")


def model_name(model: str) -> str:
    """Return the name of a model as an axis has room for it.

    Examples
    --------
    >>> model_name("time_decay"), model_name("shapley_markov")
    ('Time decay', 'Shapley (Markov)')
    """
    return _NAMES.get(model) or heading(model)


def model_comparison(result: Credit) -> Drawing | Nothing:
    """Return the credited value of each channel under every model, with intervals.

    With more than six models the rules are ticks on a band from the lowest to the highest; the models that
    learn from data are points with their intervals.
    """
    names = result.channels[:MOST_BARS]
    if result.missing or not names:
        return Nothing(title="Models side by side", reason=result.missing or _untouched(result))
    several = len(result.models) > _MOST_SERIES
    strong = [model for model in result.models if not several or model not in RULES][:_MOST_SERIES]
    rules = [model for model in result.models if model not in strong]
    shown = dict(zip(names, labels([coded(name) for name in names]), strict=True))
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


def credit_table(result: Credit) -> DataTable | Nothing:
    """Return the share of conversions that each model credits, channels down and models across."""
    if result.missing or not result.rows:
        return Nothing(title="Shares", reason=result.missing or _untouched(result))
    rest = (UNATTRIBUTED,) if result.unattributed else ()
    names = (*result.channels, *rest)
    found = {(row.model, row.channel): row for row in result.rows}
    shares = [[_share(found.get((model, name))) for model in result.models] for name in names]
    most = max((max(line) for name, line in zip(names, shares, strict=True) if name not in rest), default=0.0)
    return DataTable(
        caption=(
            f"Share of {format_value(result.conversions, 'count')} conversions by {coded(result.by)} and "
            "model; what no touch earned is its own row"
        ),
        columns=(
            Column(label=heading(result.by)),
            *(Column(label=model_name(model), number=True, bars=True) for model in result.models),
        ),
        rows=tuple(
            (coded(name), *(format_value(share, "%") for share in line))
            for name, line in zip(names, shares, strict=True)
        ),
        bars=tuple(
            tuple(None if name in rest else round(share / (most or 1.0), 3) for share in line)
            for name, line in zip(names, shares, strict=True)
        ),
        figures=_figures(result),
    )


def credit_beside(result: Credit) -> Drawing | Nothing:
    """Return what a model that learns from data credits to each channel, beside the last touch."""
    title = "Credit of channels"
    last, learnt = _BESIDE
    if result.missing or not set(_BESIDE) <= set(result.models):
        return Nothing(title=title, reason=result.missing or f"Credit of {last} and {learnt} is needed.")
    names = result.channels[:_MOST_BESIDE]
    if not names:
        return Nothing(title=title, reason=_untouched(result))
    gains = {name: _share_of(result, learnt, name) - _share_of(result, last, name) for name in names}
    up, down = max(gains, key=lambda name: gains[name]), min(gains, key=lambda name: gains[name])
    finding = (
        f"{opened(up)} gains most when all touches count: {_moved(result, up)}"
        f"{f'; {coded(down)} loses most: {_moved(result, down)}' if gains[down] < 0 else ''}"
    )
    shown = dict(zip(names, labels([coded(name) for name in names]), strict=True))
    points = [_point(result, row, shown) for model in _BESIDE for row in _known(result, model, names)]
    return Drawing(
        finding=finding,
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
        "touch. Credit shares out what happened; it is not effect.",
    )


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
        table=tabulate(
            found.rows,
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
            currency=result.currency,
        ),
    )


def returns_by_model(result: Returns) -> DataTable | Nothing:
    """Return what each channel returns of its spend by every model, and what a conversion costs."""
    title = "Cost and return"
    known = [row for row in result.rows if row.spend is not None]
    if result.missing or not known:
        return Nothing(title=title, reason=result.missing or result.sentence)
    models = list(dict.fromkeys(row.model for row in known))
    found = {(row.model, row.channel): row for row in known}
    spend = {row.channel: row.spend or 0.0 for row in known}
    names = sorted(spend, key=lambda name: (-spend[name], name))
    return DataTable(
        caption=f"Return on ad spend · cost of a credited conversion. {opened(result.sentence)}",
        columns=(
            Column(label=heading(result.by)),
            Column(label="Spend", number=True),
            *(Column(label=model_name(model), number=True) for model in models),
        ),
        rows=tuple(
            (
                coded(name),
                format_value(spend[name], "money", currency=result.currency),
                *(_returned(found.get((model, name)), result.currency) for model in models),
            )
            for name in names
        ),
        figures=figures_of(known),
    )


def caveats(result: Credit) -> Alerts | Nothing:
    """Return what a reader must know of the credit."""
    if result.missing:
        return Nothing(title="Bear in mind", reason=result.missing)
    parted = [caveat.partition(": ") for caveat in result.caveats]
    items = tuple(
        ("info", *((model, says) if says and model in _SPEAKERS else ("All models", f"{model}{colon}{says}")))
        for model, colon, says in parted
    )
    return Alerts(items=items, calm="Nothing is known against these figures.")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Note:
    """What is said of a model."""

    title: str
    question: str
    misleads: str


def model_notes(result: Credit) -> DataTable | Nothing:
    """Return what each model asks, and when its answer misleads."""
    if result.missing or not result.rows:
        return Nothing(title="The models", reason=result.missing or _untouched(result))
    known = [MODELS[name] for name in result.models if name in MODELS]
    return tabulate(
        [_Note(title=some.title, question=some.question, misleads=some.misleads) for some in known],
        [text("title", "Model"), text("question", "What it asks"), text("misleads", "When it misleads")],
        caption="What each model asks, and when its answer misleads",
    )


def model_checks(result: ModelChecks) -> DataTable | Nothing:
    """Return how well the models that predict do on users they have not seen."""
    if result.missing or not result.rows:
        return Nothing(title="How well the models predict", reason=result.sentence)
    rows = [
        replace(
            row, model=" ".join([model_name(row.model), row.variant, "(used)" if row.chosen else ""]).strip()
        )
        for row in result.rows
    ]
    return tabulate(
        rows,
        [
            text("model", "Model"),
            figure("auc", "AUC", ""),
            figure("log_loss", "Log-loss", ""),
            figure("plain_log_loss", "of their mean rate", ""),
            figure("gain", "Less loss", "%"),
        ],
        caption=f"{result.sentence} The order of Markov is chosen by every next step, not by the end alone.",
    )


def _untouched(result: Credit) -> str:
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


def _moved(result: Credit, name: str) -> str:
    last, learnt = (format_value(_share_of(result, model, name), "%") for model in _BESIDE)
    return f"{learnt} of conversions instead of {last}"


def _money(result: Credit, value: float | None) -> str:
    return format_value(value, "money", currency=result.currency)


def _figures(result: Credit) -> tuple[dict[str, Any], ...]:
    return tuple({**row, "credit": row["share"]} for row in figures_of(result.rows))


def _all_rows(result: Credit) -> DataTable:
    made = tabulate(
        result.rows,
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
    )
    named = tuple(
        (model_name(row.model), *line[1:]) for row, line in zip(result.rows, made.rows, strict=True)
    )
    return DataTable(caption=made.caption, columns=made.columns, rows=named, figures=_figures(result))


def _left_out(result: Credit, drawn: int) -> str:
    rest = format_value(result.unattributed / result.conversions, "%")
    parts = [f"{rest} of the conversions had no touch and stand in no row."] if result.unattributed else []
    if len(result.channels) > drawn:
        parts.append(f"{len(result.channels) - drawn} more are in the figures.")
    return " ".join(parts)


def _returned(row: ReturnRow | None, currency: str | None) -> str:
    if row is None or row.roas is None:
        return MISSING
    cost = format_value(row.cpa, "money", currency=currency) if row.cpa is not None else MISSING
    return f"{format_value(row.roas, 'x')} · {cost}"
