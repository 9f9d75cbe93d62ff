"""The answer of `measure`: every metric by slice, with its uncertainty and what stands behind it."""

from __future__ import annotations

import math
from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING, Any

from workbench.errors import UsageError
from workbench.metrics.metric import Metric
from workbench.metrics.window import Window
from workbench.result import MISSING, format_value, html_table, signed, told

if TYPE_CHECKING:
    import pandas as pd

NAN = float("nan")


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One metric in one slice.

    Parameters
    ----------
    metric : str
        The metric's name.
    slice : tuple
        The values of the dimensions.
    value, low, high : float
        The figure and its 95 % interval; NaN is null.
    numerator, denominator : float
        The sums of a ratio.
    n : float
        What was counted: users of a share, days of a ratio.
    p : float
        Against no effect, for the metrics that are effects.
    previous, change, change_p : float
        The figure in the previous equal window, the relative change, and its p.
    share : float
        The share of expected days that hold data.
    incomplete : bool
        Whether less than 90 % of them do.
    basis : str
        What revenue means here: ``orders`` or ``credited``; empty where it plays no part.
    note : str
        Why something is null, and what to bear in mind.
    caution : str
        Which way the figure leans, and why; empty where it is sound.
    partial : str
        How much of the week or month lies in the window, ``"2 of 7 days"``; empty where all of it does.
    """

    metric: str
    slice: tuple[Any, ...]
    value: float
    low: float = NAN
    high: float = NAN
    numerator: float = NAN
    denominator: float = NAN
    n: float = NAN
    p: float = NAN
    previous: float = NAN
    change: float = NAN
    change_p: float = NAN
    share: float = NAN
    incomplete: bool = False
    basis: str = ""
    note: str = ""
    caution: str = ""
    partial: str = ""


def said(row: Row) -> str:
    """Return what must be known of a figure: how many of its days are there, on what it rests, and its note.

    Examples
    --------
    >>> said(Row(metric="roas", slice=(), value=2.0, share=0.5, incomplete=True, basis="orders"))
    '50% of days; orders'
    """
    days = f"{row.share:.0%} of days" if row.incomplete else ""
    return "; ".join(part for part in (days, row.basis, row.note) if part)


_SHOWN = 60  # rows in a notebook; pandas shows as many
_FIGURES = tuple(name for name in Row.__dataclass_fields__ if name not in ("metric", "slice"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """Metrics by slice over a window.

    Parameters
    ----------
    metrics : tuple of Metric
        What was asked.
    by : tuple of str
        The dimensions.
    window : Window
        The days.
    currency : str or None
        Of every money figure.
    rows : tuple of Row
        Metric after metric, slices in order within each.
    """

    metrics: tuple[Metric, ...]
    by: tuple[str, ...]
    window: Window
    currency: str | None
    rows: tuple[Row, ...]

    __repr__ = told

    def to_frame(self) -> pd.DataFrame:
        """Return a long table: the dimensions, then the metric, then its figures."""
        import pandas as pd

        columns: dict[str, list[Any]] = {
            name: [row.slice[place] for row in self.rows] for place, name in enumerate(self.by)
        }
        columns["metric"] = [row.metric for row in self.rows]
        columns |= {name: [getattr(row, name) for row in self.rows] for name in _FIGURES}
        return pd.DataFrame(columns)

    def to_wide(self) -> pd.DataFrame:
        """Return one line per slice and one column per metric."""
        import pandas as pd

        lines: dict[tuple[Any, ...], dict[str, float]] = {}
        for row in self.rows:
            lines.setdefault(row.slice, {})[row.metric] = row.value
        slices = [dict(zip(self.by, key, strict=True)) for key in lines]
        names = [*self.by, *(metric.name for metric in self.metrics)]
        return pd.DataFrame(
            [{**place, **figures} for place, figures in zip(slices, lines.values(), strict=True)],
            columns=names,
        )

    def row(self, metric: str, **slice_: object) -> Row:
        """Return one metric in one slice, the slice by the names of its dimensions."""
        unknown = set(slice_) - set(self.by)
        if unknown or metric not in {m.name for m in self.metrics}:
            raise UsageError(f"{metric} by {', '.join(slice_) or 'nothing'} was not measured here.")
        found = [r for r in self.rows if r.metric == metric and self._in(r, slice_)]
        if len(found) > 1:
            raise UsageError(f"{metric} has {len(found)} slices here. Name one by {', '.join(self.by)}.")
        return found[0] if found else Row(metric=metric, slice=(), value=NAN, note="no such slice")

    def value(self, metric: str, **slice_: object) -> float:
        """Return the figure of one metric in one slice; NaN is null."""
        return self.row(metric, **slice_).value

    def _in(self, row: Row, slice_: dict[str, object]) -> bool:
        return all(row.slice[self.by.index(name)] == value for name, value in slice_.items())

    def metric(self, name: str) -> Metric:
        """Return one of the metrics asked."""
        return next(metric for metric in self.metrics if metric.name == name)

    @property
    def sentence(self) -> str:
        """Return the figures as one plain sentence; of many slices, the first metric's two ends."""
        span = self.window.told
        if not self.rows:
            return f"There is nothing to measure {span}."
        if not self.by:
            return f"{'; '.join(self._spoken(row) for row in self.rows)} {span}."
        metric = self.metrics[0]
        known = [row for row in self.rows if row.metric == metric.name and math.isfinite(row.value)]
        if not known:
            return f"{metric.title} has no value in any slice {span}."
        # A week that the window cuts is no low one.
        known = [row for row in known if not row.partial] or known
        ordered = sorted(known, key=lambda row: row.value, reverse=True)
        ends = [
            f"{' / '.join(map(str, row.slice))} ({self._figure(row)})" for row in (ordered[0], ordered[-1])
        ]
        return f"{metric.title} by {' and '.join(self.by)} runs from {ends[0]} to {ends[1]} {span}."

    def _figure(self, row: Row, figure: float | None = None) -> str:
        return format_value(
            row.value if figure is None else figure, self.metric(row.metric).unit, currency=self.currency
        )

    def _spoken(self, row: Row) -> str:
        metric = self.metric(row.metric)
        text = f"{metric.title} was {self._figure(row)}"
        if math.isfinite(row.low):
            low, high = (format_value(v, metric.unit, currency=self.currency) for v in (row.low, row.high))
            text += f" (95% interval {low} to {high})"
        if math.isfinite(row.change):
            way = "up" if row.change >= 0 else "down"
            text += f", {abs(row.change):.1%} {way} on the {self.window.days} days before"
        text += f", with only {row.share:.0%} of its days present" if row.incomplete else ""
        return text + (f" ({row.caution})" if row.caution else "")

    def _repr_html_(self) -> str:
        more = len(self.rows) - _SHOWN
        rest = f"<p>{more:,} more rows are in to_frame().</p>" if more > 0 else ""
        return f"<p>{escape(self.sentence)}</p>{html_table(self._readable())}{rest}"

    def _readable(self) -> pd.DataFrame:
        """Return the first rows as people read them: figures in their unit, and no empty column."""
        import pandas as pd

        rows = self.rows[:_SHOWN]
        columns: dict[str, list[str]] = {
            name: [MISSING if row.slice[place] is None else str(row.slice[place]) for row in rows]
            for place, name in enumerate(self.by)
        }
        columns["metric"] = [self.metric(row.metric).title for row in rows]
        columns["value"] = [self._figure(row) for row in rows]
        columns["95% interval"] = [
            f"{self._figure(row, row.low)} to {self._figure(row, row.high)}" if math.isfinite(row.low) else ""
            for row in rows
        ]
        if any(math.isfinite(row.previous) for row in rows):
            columns["previous"] = [self._figure(row, row.previous) for row in rows]
            columns["change"] = [signed(row.change) if math.isfinite(row.change) else "" for row in rows]
        columns["note"] = [said(row) for row in rows]
        return pd.DataFrame(columns)
