"""Panels from the tables of a workspace: sales by market and day, or a metric of the dictionary by region."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from workbench.errors import NotEnoughData, UsageError
from workbench.experiments.geo.panel import Gaps, Panel, panel_of
from workbench.metrics import sql
from workbench.metrics.intervals import ratio
from workbench.metrics.measuring import chosen, measure
from workbench.metrics.window import Window, resolve
from workbench.source import given

if TYPE_CHECKING:
    import pyarrow as pa

    from workbench.metrics import Metric
    from workbench.source import Tables

MARKETS = "geo_performance"
FIGURES = ("orders", "revenue")
_ADDS_UP = ("count", "money")
_WEEK = 7


def geo_panel(
    tables: Tables,
    metric: str = "revenue",
    *,
    source: Literal["markets", "regions"] | None = None,
    window: str | Window | None = None,
    grain: Literal["day", "week"] = "day",
    gaps: Gaps | None = None,
    needed: Callable[[str], bool] | None = None,
) -> Panel:
    """Return one figure of every geo on every day or week.

    Parameters
    ----------
    tables : Tables
        The data at one version.
    metric : str
        ``orders`` or ``revenue`` of the table of markets; or a metric of the dictionary that is a number of
        things or money, by region.
    source : str, optional
        ``"markets"`` is the table ``geo_performance``; ``"regions"`` the regions of users. Markets where
        they are loaded and hold the metric, if not given.
    window : str or Window, optional
        All days with data by default.
    grain : str
        ``"day"``, or ``"week"`` for sums of whole weeks from Monday.
    gaps : str, optional
        As in `panel_of`. Markets without a row are refused, regions without a row count as 0, by default.
    needed : function, optional
        As in `panel_of`.

    Raises
    ------
    NotEnoughData
        If there is no such figure.
    UsageError
        If the metric is a ratio, which does not add up over geos, or is unknown.
    """
    own = MARKETS in given(tables).names and metric in FIGURES
    if source == "markets" and not own:
        what = f"no table {MARKETS} is loaded" if metric in FIGURES else f"it holds {' and '.join(FIGURES)}"
        raise NotEnoughData(f"{metric} of markets is not known: {what}.")
    if own and source != "regions":
        found = _markets(tables, metric, window, gaps or "refuse", needed=needed)
    else:
        found = _regions(tables, metric, window, gaps or "zero")
    found = replace(found, metric=metric)
    return weekly(found) if grain == "week" else found


def weekly(panel: Panel) -> Panel:
    """Return the sums of whole weeks, Monday first; days outside of one are left out and counted.

    Raises
    ------
    UsageError
        If the panel is not one of days.
    NotEnoughData
        If no week is whole.
    """
    if any((later - day).days != 1 for day, later in zip(panel.days, panel.days[1:], strict=False)):
        raise UsageError("Only days can be added up to weeks.")
    first = -panel.days[0].weekday() % _WEEK
    weeks = (len(panel.days) - first) // _WEEK
    if weeks < 1:
        raise NotEnoughData(f"{len(panel.days)} days from {panel.days[0]} hold no whole week.")
    whole = panel.cut(first, first + weeks * _WEEK)
    left = len(panel.days) - weeks * _WEEK
    note = (f"{left} days outside of whole weeks are left out.",) if left else ()
    shape = (len(panel.geos), weeks, _WEEK)
    return replace(
        whole,
        days=whole.days[::_WEEK],
        values=whole.values.reshape(shape).sum(-1),
        spend=None if whole.spend is None else whole.spend.reshape(shape).sum(-1),
        notes=(*whole.notes, *note),
    )


def _markets(
    tables: Tables,
    metric: str,
    window: str | Window | None,
    gaps: Gaps,
    *,
    needed: Callable[[str], bool] | None,
) -> Panel:
    import pyarrow as pa

    key = ("geo markets", _source(), metric)
    span = None if window is None else resolve(window, tables)
    text = sql.to_sql(lambda: _sales(metric, span is not None), (*key, span is not None), tables.dialect)
    rows: pa.Table = tables.query(text if span is None else sql.with_window(text, span))
    if not rows.num_rows:
        raise NotEnoughData(f"No market has a row{'' if span is None else f' {span.told}'}.")
    unknown = rows["spend"].null_count
    spent = unknown < rows.num_rows
    if spent and unknown:
        spent_there = np.nan_to_num(rows["spend"].to_numpy())
        rows = rows.set_column(rows.column_names.index("spend"), "spend", pa.array(spent_there))
    found = panel_of(rows, spend="spend" if spent else None, gaps=gaps, needed=needed)
    note = (f"{unknown:,} of {rows.num_rows:,} rows tell no spend; it counts as 0.",) * (
        spent and unknown > 0
    )
    return replace(found, notes=(*found.notes, *note))


def _sales(metric: str, cut: bool) -> Any:
    markets = sql.unbound(MARKETS)
    rows = markets.filter(sql.within(markets.date, instant=False)) if cut else markets
    return rows.select(
        geo=rows.geo, day=rows.date, value=sql.number(rows[metric]), spend=sql.number(rows.spend)
    )


def _regions(tables: Tables, metric: str, window: str | Window | None, gaps: Gaps) -> Panel:
    import pyarrow as pa

    asked = check_metric(metric)
    try:
        found = measure(tables, asked, by=["region", "day"], window=window)
    except UsageError as error:
        if "cannot be sliced" not in str(error):
            raise
        reason = str(error).partition(": ")[2] or str(error)
        raise NotEnoughData(f"{asked.title} is not known by market or region: {reason}") from None
    rows = [(*row.slice, row.value) for row in found.rows if np.isfinite(row.value)]
    nowhere = sum(value for region, _, value in rows if region is None)
    known = [row for row in rows if row[0] is not None]
    if not known:
        raise NotEnoughData(f"No {metric} is known by region and day.")
    if gaps == "zero":  # also where no region has a row on some day
        days = {row[1] for row in known}
        span = [found.window.first + timedelta(days=place) for place in range(found.window.days)]
        known += [(known[0][0], day, 0.0) for day in span if day not in days]
    columns = dict(zip(("geo", "day", "value"), zip(*known, strict=True), strict=True))
    panel = panel_of(pa.table({name: list(column) for name, column in columns.items()}), gaps=gaps)
    note = f"{metric} of {nowhere:,.0f} without a region is left out."
    return replace(panel, notes=(*panel.notes, *((note,) if nowhere else ())))


def last_sold(tables: Tables) -> date | None:
    """Return the last day of the table of markets; of all data where there is none."""
    if MARKETS not in tables.names:
        return tables.last_day
    last: date | None = tables.query(f"SELECT max(date) AS last FROM {MARKETS}")["last"][0].as_py()
    return last


def check_metric(metric: str) -> Metric:
    """Return a metric of the dictionary, where it adds up over regions.

    Raises
    ------
    UsageError
        If it is unknown, or a ratio.

    Examples
    --------
    >>> check_metric("revenue").unit
    'money'
    """
    (asked,) = chosen(metric)
    if asked.unit not in _ADDS_UP or ratio(asked.is_) is not None:
        raise UsageError(
            f"{metric} is a ratio, which does not add up over regions. Test one of its parts, such as orders."
        )
    return asked


@cache
def _source() -> str:
    return hashlib.sha256(Path(__file__).read_bytes()).hexdigest()
