"""Attribution in tables: shares by model, cost and return, and what a reader must know of the models."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import fsum

from workbench.attribution.cost import ReturnRow, Returns
from workbench.attribution.credit import Credit
from workbench.attribution.journeys import UNATTRIBUTED
from workbench.attribution.models import MODELS
from workbench.attribution.views import ModelChecks
from workbench.charts.attribution import credit_figures, model_name, nameless, untouched
from workbench.charts.cards import Alerts
from workbench.charts.drawing import MOST_LISTED, Column, DataTable, Nothing, coded, figures_of, opened
from workbench.charts.tables import figure, heading, others, tabulate, text
from workbench.result import MISSING, format_value

_MOST_SHARES = 25  # rows of ten bars each
_SPEAKERS = {"Markov", "Regression", "Shapley (Markov game)"}


def credit_table(result: Credit) -> DataTable | Nothing:
    """Return the share of conversions that each model credits, channels down and models across."""
    if result.missing or not result.rows:
        return Nothing(title="Shares", reason=result.missing or untouched(result))
    rest = (UNATTRIBUTED,) if result.unattributed else ()
    hidden = result.channels[_MOST_SHARES:]
    shares = _shares(result)
    lines = [(coded(name), shares[name]) for name in result.channels]
    most = max((max(line) for _, line in lines), default=0.0)
    plain = [(coded(name), shares[name]) for name in rest]
    if hidden:
        together = zip(*(shares[name] for name in hidden), strict=True)
        plain.insert(0, (others(len(hidden)), [fsum(some) for some in together]))
    return DataTable(
        caption=(
            f"Share of {format_value(result.conversions, 'count')} "
            f"conversion{'' if result.conversions == 1 else 's'} by {coded(result.by)} and "
            "model"
            + ("; what no touch earned is its own row" if rest else "")
            + f". {nameless(result)}".rstrip(". ")
        ),
        columns=(
            Column(label=heading(result.by)),
            *(Column(label=model_name(model), number=True, bars=True) for model in result.models),
        ),
        rows=_said(lines),
        bars=tuple(tuple(round(share / (most or 1.0), 3) for share in line) for _, line in lines),
        figures=credit_figures(result),
        closing=_said(plain),
        most=_MOST_SHARES,
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
        closing=_other_returns(known, names[MOST_LISTED:], models, result.currency),
    )


def _other_returns(
    known: Sequence[ReturnRow], names: Sequence[str], models: Sequence[str], currency: str | None
) -> tuple[tuple[str, ...], ...]:
    """Return what the channels beyond those listed cost together; and return, where all are credited."""
    if not names:
        return ()
    cells, hidden, spends = [], frozenset(names), {row.channel: row.spend or 0.0 for row in known}
    spend = fsum(spends[name] for name in names)
    for model in models:
        rows = [row for row in known if row.model == model and row.channel in hidden]
        conversions, value = (fsum(getattr(row, name) for row in rows) for name in ("conversions", "value"))
        if spend > 0 and all(row.roas is not None or not row.spend for row in rows):
            cells.append(_both(value / spend, spend / conversions if conversions > 0 else None, currency))
        else:
            cells.append(MISSING)
    return ((others(len(names)), format_value(spend, "money", currency=currency), *cells),)


def caveats(result: Credit) -> Alerts | Nothing:
    """Return what a reader must know of the credit."""
    if result.missing:
        return Nothing(title="Bear in mind", reason=result.missing)
    parted = [caveat.partition(": ") for caveat in result.caveats]
    items = tuple(
        ("info", model, says)
        if says and model in _SPEAKERS
        else ("info", "All models", coded(f"{model}{colon}{says}"))
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
        return Nothing(title="The models", reason=result.missing or untouched(result))
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


def _said(lines: Sequence[tuple[str, Sequence[float]]]) -> tuple[tuple[str, ...], ...]:
    return tuple((name, *(format_value(share, "%") for share in line)) for name, line in lines)


def _shares(result: Credit) -> dict[str, list[float]]:
    """Return what each model credits to every channel, in the order of the models."""
    places = {model: place for place, model in enumerate(result.models)}
    shares = {row.channel: [0.0] * len(places) for row in result.rows}
    for row in result.rows:
        shares[row.channel][places[row.model]] += max(row.share, 0.0)
    return shares


def _returned(row: ReturnRow | None, currency: str | None) -> str:
    if row is None or row.roas is None:
        return MISSING
    return _both(row.roas, row.cpa, currency)


def _both(roas: float, cpa: float | None, currency: str | None) -> str:
    cost = format_value(cpa, "money", currency=currency) if cpa is not None else MISSING
    return f"{format_value(roas, 'x')} · {cost}"
