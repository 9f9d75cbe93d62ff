"""Holdouts in figures: both sides, and every campaign or part against its own holdout."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

from workbench.charts.drawing import DataTable, Nothing, coded, figures_of
from workbench.charts.tables import figure, tabulate, text
from workbench.experiments.holdout.figures import Effect
from workbench.experiments.holdout.holdout import Holdout
from workbench.experiments.inference.comparison import shown_p

SIDES = {
    "treated": "Sent the campaign",
    "holdout": "Held out",
    "holdout, scaled": "Held out, scaled to as many",
}


def holdout_sides(result: Holdout) -> DataTable | Nothing:
    """Return what happened with the campaigns, in the holdout, and in a holdout of the same size."""
    if result.missing or not result.sides:
        return Nothing(
            title="With and without", reason=result.missing or "Not enough data: nothing to compare."
        )
    made = tabulate(
        [replace(one, side=SIDES.get(one.side, one.side)) for one in result.sides],
        [
            text("side", "Side"),
            figure("users", "Users", "count"),
            figure("impressions", "Messages", "count"),
            figure("clicks", "Clicks", "count"),
            figure("conversions", "Buyers", "count"),
            figure("revenue", "Revenue", "money"),
            figure("cost", "Cost", "money"),
            figure("net_revenue", "Net revenue", "money"),
            figure("roas", "ROAS", "x"),
        ],
        caption="Both sides in figures; users count once per campaign",
        currency=result.currency,
    )
    return replace(made, figures=figures_of(result.sides))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Row:
    name: str
    treated: int
    held: int
    lift: float | None
    lift_low: float | None
    lift_high: float | None
    p: str
    incrementality: float | None
    net: float | None
    net_low: float | None
    net_high: float | None
    iroas: float | None
    note: str


def _row(effect: Effect) -> _Row:
    money = effect.worth
    p = effect.lift.p if math.isnan(effect.p_adjusted) else effect.p_adjusted
    return _Row(
        name=coded(effect.name),
        treated=effect.treated,
        held=effect.held,
        lift=finite(effect.lift.value),
        lift_low=finite(effect.lift.low),
        lift_high=finite(effect.lift.high),
        p=shown_p(p),
        incrementality=finite(effect.incrementality.value),
        net=finite(money.value),
        net_low=finite(money.low),
        net_high=finite(money.high),
        iroas=finite(effect.iroas.value),
        note=effect.note or money.note or effect.lift.note,
    )


def effect_table(effects: Sequence[Effect], currency: str | None, first: str) -> DataTable:
    """Return effects as a table, one row each; `first` heads the column of names."""
    paid = any(effect.net.known for effect in effects)
    money = "Revenue caused, less cost" if paid else "Revenue caused"
    return tabulate(
        [_row(effect) for effect in effects],
        [
            text("name", first),
            figure("treated", "Treated", "count"),
            figure("held", "Held out", "count"),
            figure("lift", "Lift in buyers", "pp"),
            figure("lift_low", "from", "pp"),
            figure("lift_high", "to", "pp"),
            text("p", "p" if len(effects) == 1 else "p, adjusted"),
            figure("incrementality", "Incrementality", "%"),
            figure("net", money, "money"),
            figure("net_low", "from", "money"),
            figure("net_high", "to", "money"),
            figure("iroas", "iROAS", "x"),
            text("note", "Bear in mind"),
        ],
        caption="Each against its own holdout, buyers and revenue of 30 days",
        currency=currency,
    )


def finite(value: float) -> float | None:
    """Return a figure, or None where it is unknown or has no end."""
    return value if math.isfinite(value) else None
