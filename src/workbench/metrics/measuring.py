"""Measure: any metrics, by any dimensions, over any window, in one pass per table."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import date
from typing import TYPE_CHECKING

import numpy as np

from workbench.errors import UsageError, wrong_kind
from workbench.metrics import assignment, completeness, intervals
from workbench.metrics.cautions import Cautions, cautions, doubles
from workbench.metrics.conditions import Condition, Where
from workbench.metrics.definitions import METRICS
from workbench.metrics.effects import blank_untreated
from workbench.metrics.filters import Kept, filters, sliced
from workbench.metrics.history import begun_within, campaigns_begun, leanings, misled
from workbench.metrics.measured import Measured, Row
from workbench.metrics.measures import Leaf, Measure, leaves
from workbench.metrics.metric import Metric
from workbench.metrics.mixed_channels import mixed_campaigns
from workbench.metrics.own_records import is_own, own_window
from workbench.metrics.plan import Plan, plan
from workbench.metrics.presence import loaded
from workbench.metrics.reasons import NOT_REPORTED, left_out, why
from workbench.metrics.slices import DIMENSIONS, parse_by
from workbench.metrics.spreads import spread
from workbench.metrics.stages import YOUNGER, counts_stages
from workbench.metrics.tracking import blank_untracked
from workbench.metrics.values import Floats, Values, fetch
from workbench.metrics.window import Window, resolve
from workbench.source import given, recorded

if TYPE_CHECKING:
    from workbench.source import Tables

Asked = str | Metric | Iterable[str | Metric]
_SINGLE_DAYS = ("day", "week")
BEYOND = "its sums are beyond what a number can hold"
_YOUNG = "the campaign began within the window before, on"
BELOW_ZERO = "nothing to divide by: the denominator is below zero"


def measure(
    tables: Tables,
    metrics: Asked,
    *,
    by: str | Iterable[str] = (),
    window: str | Window | None = None,
    compare: bool = False,
    where: Where = None,
) -> Measured:
    """Return metrics by slice, with intervals, completeness and, where asked, the change.

    Parameters
    ----------
    tables : Tables
        The data at one version.
    metrics : str, Metric, or several
        Names of the dictionary, or definitions of one's own.
    by : str or several
        Dimensions: ``campaign``, ``channel``, ``week`` ...
    window : str or Window, optional
        ``"30d"``, ``"2024-01-01:2024-01-31"``; None is all data.
    compare : bool
        Whether to measure the previous window of equal length too.
    where : mapping or conditions, optional
        What rows must meet: ``{"channel": ["email", "push"]}``. What is not known of slices by such a
        dimension is not known of these rows either.

    Raises
    ------
    UsageError
        If a name is unknown, a condition cannot be met by any row, or none of the metrics can be sliced that
        way.
    """
    given(tables)
    asked, dimensions = chosen(metrics), parse_by(by)
    names = ", ".join(metric.name for metric in asked)
    with recorded(tables, "metric_calculation_completed", metrics=names) as record:
        found = _measured(tables, asked, dimensions, window, filters(where), compare=compare)
        record["rows_returned"] = len(found.rows)
    return found


def _measured(
    tables: Tables,
    asked: tuple[Metric, ...],
    dimensions: tuple[str, ...],
    window: str | Window | None,
    kept: tuple[Condition, ...],
    *,
    compare: bool,
) -> Measured:
    named = [*dimensions, *(c.column for c in kept if c.column in DIMENSIONS)]
    formulas = {m.name: m.measured_as(named, tables.names) for m in asked}
    wanted = [leaf for m in asked for leaf in (*leaves(formulas[m.name]), *m.spread)]
    span = own_window(window, tables, wanted) or resolve(window, tables)
    daily = not any(DIMENSIONS[name].grain in _SINGLE_DAYS for name in dimensions)
    there, mixed = loaded(tables, wanted), mixed_campaigns(tables, wanted, dimensions, kept)
    needed = plan(wanted, by=dimensions, where=kept, loaded=there, daily=daily, mixed=mixed)
    _refuse_unsliceable(asked, formulas, needed.missing, dimensions)
    values = _fetched(tables, needed, kept, span, dimensions)
    kept_by = sliced(tables, wanted, kept, span, there)
    answered = [leaf for leaf in wanted if leaf not in needed.missing]
    present = completeness.present(tables, answered, span, values)
    doubts = cautions(tables, answered, kept, span, values)
    compare = compare and not _timed(dimensions)
    before = _fetched(tables, needed, kept, span.previous, dimensions) if compare else None
    past = doubles(tables, answered, kept, span.previous, before) if before else None
    begun = begun_within(tables, {leaf.table for leaf in answered}, span.previous) if before else {}
    held = completeness.present(tables, answered, span.previous, before) if before else {}
    leaning = leanings(tables, answered, span.previous) if before else {}
    young = campaigns_begun(tables, kept, span.previous, dimensions) if before else {}
    rows: list[Row] = []
    for metric in asked:
        formula = formulas[metric.name]
        own = [leaf for leaf in leaves(formula) if leaf in answered and not is_own(leaf)]
        read = {name for leaf in own for name in completeness.read_by(leaf)}
        share, earlier = completeness.least(present, read), completeness.least(held, read)
        late = max((begun[name] for name in read if name in begun), default=None)
        thin = earlier if earlier < completeness.ENOUGH * share else None
        why_not = _why_not_compared(formula, late, span, thin) or misled(formula, leaning) if before else ""
        found = _rows(metric, formula, values, None if late or why_not else before, share, kept_by)
        younger = {} if why_not or late or intervals.ratio(formula) else young
        found = [_uncompared(row, why_not or _too_young(row, dimensions, younger)) for row in found]
        rows += [_with(row, formula, dimensions, (doubts, past)) for row in found]
    return Measured(metrics=asked, by=dimensions, window=span, currency=tables.currency, rows=tuple(rows))


def chosen(metrics: Asked) -> tuple[Metric, ...]:
    """Return the definitions meant by names or definitions, each once."""
    if isinstance(metrics, str | Metric):
        metrics = [metrics]
    if not isinstance(metrics, Iterable):
        raise wrong_kind("What is measured", metrics, "a metric's name, a Metric, or several of them")
    found = [METRICS[item] if isinstance(item, str) else item for item in metrics]
    for item in found:
        if not isinstance(item, Metric):
            raise wrong_kind("A metric", item, "a name of the dictionary, or a Metric")
    if not found:
        raise UsageError("No metric is named. `workbench metrics` lists them.")
    return tuple({metric.name: metric for metric in found}.values())


def _timed(by: Sequence[str]) -> bool:
    return any(DIMENSIONS[name].grain for name in by)


def _refuse_unsliceable(
    asked: Sequence[Metric], formulas: dict[str, Measure], missing: dict[Leaf, str], by: Sequence[str]
) -> None:
    """Refuse a slice that none of the metrics knows; where some do, the others are null with the reason."""
    reasons = [[missing.get(leaf, "") for leaf in leaves(formulas[m.name])] for m in asked]
    if by and all(all("cannot be sliced" in reason for reason in row) for row in reasons):
        names = ", ".join(metric.name for metric in asked)
        raise UsageError(f"{names} cannot be sliced by {', '.join(by)}: {reasons[0][0]}.")


def _fetched(
    tables: Tables, needed: Plan, kept: tuple[Condition, ...], span: Window, by: tuple[str, ...]
) -> Values:
    values = fetch(tables, needed, by, span)
    blank_untracked(tables, values, kept, tables.names, span)
    blank_untreated(values)
    return values


def _rows(
    metric: Metric,
    formula: Measure,
    values: Values,
    before: Values | None,
    share: float,
    kept_by: Kept | None,
) -> list[Row]:
    apart = assignment.mismatch(formula, values)
    beyond = values.beyond(formula)
    value = np.where(beyond, np.nan, assignment.without_mismatched(formula, values, apart))
    if kept_by is not None and (unknown := kept_by.mismatch(formula)):
        apart, value = unknown, np.full(len(value), np.nan)
    found = spread(metric, formula, values)
    sides = intervals.ratio(formula)
    blank = np.full(len(value), np.nan)
    top, bottom = (values.of(sides[0]), values.of(sides[1])) if sides else (blank, blank)
    previous, p = _previous(metric, formula, values, before, found) if before else (blank, blank)
    with np.errstate(divide="ignore", invalid="ignore"):
        change = np.where(previous == 0, np.nan, (value - previous) / np.abs(previous))
    basis = _basis(metric, formula)
    without = left_out(formula, values)
    return [
        Row(
            metric=metric.name,
            slice=key,
            value=_number(value[i]),
            low=_number(found.low[i] if np.isfinite(value[i]) else np.nan),
            high=_number(found.high[i] if np.isfinite(value[i]) else np.nan),
            numerator=_number(top[i]),
            denominator=_number(bottom[i]),
            n=_number(found.n[i]),
            p=_number(found.p[i]),
            previous=_number(previous[i]),
            change=_number(change[i]),
            change_p=_number(p[i]),
            share=share,
            incomplete=bool(share < completeness.ENOUGH),
            basis=basis,
            note=BEYOND
            if beyond[i]
            else apart
            if apart and np.isnan(value[i])
            else _note(value[i], bottom[i], why(formula, values, i), (found.notes[i], without)),
        )
        for i, key in enumerate(values.slices)
    ]


def _with(row: Row, formula: Measure, by: tuple[str, ...], both: tuple[Cautions, Cautions | None]) -> Row:
    """Return a row that says what to bear in mind of it, and of how much of its week it is."""
    doubts, past = both
    partial = doubts.part(formula, by, row.slice)
    caution = "" if np.isnan(row.value) else doubts.of(formula, by, row.slice)
    if past is not None and np.isfinite(row.previous) and not doubts.doubles(formula, by, row.slice):
        earlier = [f"in the window before, {said}" for said in past.doubles(formula, by, row.slice)]
        caution = "; ".join(said for said in (caution, *earlier) if said)
    note = "; ".join(said for said in (partial, row.note, caution) if said)
    change_p = np.nan if doubts.clipped(formula, row.slice) else row.change_p
    return replace(row, partial=partial, caution=caution, note=note, change_p=change_p)


def _why_not_compared(formula: Measure, begun: date | None, span: Window, thin: float | None) -> str:
    """Return why a change would mislead: half a window is no measure, and older leads have come further."""
    if counts_stages(formula):
        return YOUNGER
    if begun and begun < span.first:  # of a window that is all there is, nothing is said
        return f"the window before begins earlier than the records, on {begun}"
    if (
        thin is not None and not begun and not intervals.ratio(formula)
    ):  # a ratio of fewer days is one all the same
        return f"the window before holds data on {thin:.0%} of its days only"
    return ""


def _too_young(row: Row, by: Sequence[str], young: Mapping[str | None, date]) -> str:
    """Return that a row's campaign began within the window before: a part of a window is no measure."""
    first = young.get(row.slice[by.index("campaign")] if "campaign" in by else None)
    return f"{_YOUNG} {first}" if first else ""


def _uncompared(row: Row, why_not: str) -> Row:
    """Return a row that says why it has no change, where it has none."""
    if not why_not:
        return row
    note = "; ".join(part for part in (row.note, f"no comparison: {why_not}") if part)
    return replace(row, note=note, previous=np.nan, change=np.nan, change_p=np.nan)


def _basis(metric: Metric, formula: Measure) -> str:
    if metric.credited is None:
        return ""
    return "credited" if formula is metric.credited else "orders"


def _note(value: float, bottom: float, unknown: str, known: tuple[str, str]) -> str:
    interval = known[0]
    if not np.isnan(value):
        return "; ".join(said for said in known if said)
    if unknown or (interval and not interval.startswith("no interval")):
        return unknown or interval
    if bottom < 0:
        return BELOW_ZERO
    return "nothing to divide by: the denominator is zero" if bottom == 0 else NOT_REPORTED


def _number(value: float) -> float:
    """Return a figure; null where its sums went beyond what a number can hold."""
    return float(value) if np.isfinite(value) else np.nan


def _previous(
    metric: Metric, formula: Measure, values: Values, before: Values, found: intervals.Spread
) -> tuple[Floats, Floats]:
    """Return the previous figure of every slice, and the p of the change."""
    earlier, uncertain = before.of(formula), spread(metric, formula, before)
    place = {key: row for row, key in enumerate(before.slices)}
    rows = [place.get(key, -1) for key in values.slices]
    then, error, n = (
        np.array([array[row] if row >= 0 else np.nan for row in rows], float)
        for array in (earlier, uncertain.error, uncertain.units)
    )
    return then, intervals.change_p(values.of(formula), then, (found.error, found.units), (error, n))
