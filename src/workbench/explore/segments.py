"""Segments of users: who they are in figures, and two or three of them side by side.

Words: a user's segment is the one its events carry; its click-through rate is that of messages, since what
platforms show carries no segment; *growth* is the change of its active users against the
equal window before. Segments are described, not compared as if users had been sent to them by chance.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING

from workbench.errors import UsageError
from workbench.events.definitions import OWNED_CHANNELS, SEGMENTS
from workbench.explore.figures import NOTHING, Figure, Figures, figures
from workbench.explore.query import window_of
from workbench.explore.shares import difference_of_shares, holm
from workbench.explore.view import View, frame_of, lacking, ratio
from workbench.metrics import METRICS, Metric, distinct
from workbench.metrics import total as total_of
from workbench.metrics.conditions import Condition
from workbench.metrics.history import begun_within
from workbench.result import format_value

if TYPE_CHECKING:
    import pandas as pd

    from workbench.metrics import Tables, Window

OURS = {*SEGMENTS, "GENERAL"}
MUCH_MOVING = (
    0.05  # from here on a rate by segment says more of how segments are entered than of who is in them
)
ACTIVE = Metric(
    name="active_users",
    title="Active users",
    unit="count",
    better="higher",
    owner="lifecycle",
    refresh="daily",
    is_=distinct(("user_purchased", "user_engaged", "campaign_clicked", "campaign_viewed")),
    says="Distinct users who opened, clicked, did or bought something.",
)
SPEND_PER_USER = Metric(
    name="spend_per_user",
    title="Purchases per active user",
    unit="money",
    better="higher",
    owner="rewards",
    refresh="daily",
    is_=total_of("value", of="user_purchased") / ACTIVE.is_,
    says="What users bought, per active user.",
)
_KNOWN = (Condition("segment", "is not null"),)
METRIC_NAMES = ("conversion_rate", "gross_margin", "ltv_12m")


@dataclass(frozen=True, slots=True, kw_only=True)
class SegmentRow:
    """One segment's figures; None where the data cannot say."""

    segment: str
    users: int
    share: float
    growth: float | None
    spend_per_user: float | None
    ltv_12m: float | None
    ctr: float | None
    ctr_low: float | None
    ctr_high: float | None
    conversion_rate: float | None
    conversion_rate_low: float | None
    conversion_rate_high: float | None
    gross_margin: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class SegmentsView(View):
    """All segments, the largest first.

    Parameters
    ----------
    rows : tuple of SegmentRow
        One per segment.
    currency : str or None
        Of the money.
    moved : float
        By how much users counted in each of their segments exceed users counted once: 0 where nobody changed
        segment in the window, 0.1 where one in ten did once.
    missing : str
        Why there is nothing.
    """

    rows: tuple[SegmentRow, ...]
    currency: str | None
    moved: float = 0.0
    missing: str = ""

    @property
    def only(self) -> dict[str, list[str]]:
        """Return the part of the data whose segment is known, as metrics are asked for it."""
        return {"segment": [row.segment for row in self.rows]}

    @property
    def caution(self) -> str:
        """Return what keeps rates from being compared; empty where hardly anybody changed segment."""
        if self.moved < MUCH_MOVING:
            return ""
        return (
            f"users were in {1 + self.moved:.2f} segments on average: who enters one by buying clicked in "
            "another, so the rate of the one looks better, and that of the other worse, than its users are"
        )

    @property
    def sentence(self) -> str:
        """Return the largest segment and the one that converts best."""
        if self.missing:
            return self.missing
        first = self.rows[0]
        name, share = _begun(named(first.segment)), format_value(first.share, "%")
        head = f"{name} is the largest of {len(self.rows)} segments ({share})"
        able = [row for row in self.rows if row.conversion_rate is not None]
        if not able:
            return f"{head}."
        if self.caution:
            return f"{head}; {self.caution}."
        best = max(able, key=lambda row: row.conversion_rate or 0.0)
        return f"{head}; {named(best.segment)} converts best ({format_value(best.conversion_rate, '%')})."

    def to_frame(self) -> pd.DataFrame:
        """Return one row per segment."""
        return frame_of(self.rows, SegmentRow)


@dataclass(frozen=True, slots=True, kw_only=True)
class SegmentDifference:
    """Two segments in one metric; p-values are corrected for the number of pairs by Holm's method."""

    first: str
    second: str
    metric: str
    first_value: float | None
    second_value: float | None
    difference: float | None
    low: float | None
    high: float | None
    p_corrected: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class SegmentComparison(View):
    """Two or three segments, pair by pair, in one metric."""

    metric: str
    title: str
    unit: str
    pairs: tuple[SegmentDifference, ...]
    currency: str | None = None
    missing: str = ""

    @property
    def sentence(self) -> str:
        """Return which segments differ beyond chance."""
        if self.missing:
            return self.missing
        sure = [pair for pair in self.pairs if pair.p_corrected is not None and pair.p_corrected < 0.05]
        if not sure:
            return f"{self.title} does not differ between these segments beyond chance."
        words = [
            f"{named(pair.first)} ({self._said(pair.first_value)}) against {named(pair.second)} "
            f"({self._said(pair.second_value)})"
            for pair in sure
        ]
        return f"{self.title} differs: {'; '.join(words)}."

    def _said(self, value: float | None) -> str:
        return format_value(value, self.unit, currency=self.currency)

    def to_frame(self) -> pd.DataFrame:
        """Return one row per pair."""
        return frame_of(self.pairs, SegmentDifference)


def named(segment: object) -> str:
    """Return a segment as it is read: one of ours in words, any other by its own name.

    Examples
    --------
    >>> named("WEEKEND_SHOPPER"), named("30-34, M")
    ('weekend shopper', '30-34, M')
    """
    text = str(segment)
    return text.replace("_", " ").lower() if text in OURS else text


def _begun(name: str) -> str:
    return name[:1].upper() + name[1:]


def segments(tables: Tables, *, window: str | Window | None = "90d") -> SegmentsView:
    """Return all segments with their size, value and response.

    Parameters
    ----------
    tables : Tables
        Needs facts whose events carry a segment.
    window : str or Window, optional
        The days; growth is against the equal window before.
    """
    days = window_of(tables, window)
    missing = lacking(tables, "facts")
    if missing or days is None:
        return SegmentsView(rows=(), currency=tables.currency, missing=missing or lacking(tables))
    found = figures(tables, [ACTIVE, SPEND_PER_USER], by=("segment",), window=days)
    more = figures(tables, METRIC_NAMES, by=("segment",), window=days)
    owned = figures(tables, ["ctr"], by=("segment",), window=days, where={"channel": list(OWNED_CHANNELS)})
    begun = begun_within(tables, ("facts",), days.previous)  # half a window is no measure of a whole one
    before = Figures((), {}) if begun else figures(tables, [ACTIVE], by=("segment",), window=days.previous)
    sizes = {key: found.of(key, ACTIVE.name).value or 0.0 for key in found.slices}
    whole = figures(tables, [ACTIVE], window=days, where=_KNOWN).of((), ACTIVE.name).value
    if not whole:
        reason = f"Not enough data: no event in {days} carries a segment."
        return SegmentsView(rows=(), currency=tables.currency, missing=reason)
    rows = [_row(key, size, whole, (found, more, before, owned)) for key, size in sizes.items() if size]
    rows.sort(key=lambda row: (-row.users, row.segment))
    moved = sum(row.users for row in rows) / whole - 1
    return SegmentsView(rows=tuple(rows), currency=tables.currency, moved=max(moved, 0.0))


def _row(
    key: tuple[str, ...], size: float, whole: float, parts: tuple[Figures, Figures, Figures, Figures]
) -> SegmentRow:
    found, more, before, owned = parts
    of = {name: more.of(key, name) for name in METRIC_NAMES} | {"ctr": owned.of(key, "ctr")}
    earlier = before.of(key, ACTIVE.name).value
    return SegmentRow(
        segment=str(key[0]),
        users=int(size),
        share=size / whole,
        growth=None if earlier is None else ratio(size - earlier, earlier),
        spend_per_user=found.of(key, SPEND_PER_USER.name).value,
        ltv_12m=of["ltv_12m"].value,
        ctr=of["ctr"].value,
        ctr_low=of["ctr"].low,
        ctr_high=of["ctr"].high,
        conversion_rate=of["conversion_rate"].value,
        conversion_rate_low=of["conversion_rate"].low,
        conversion_rate_high=of["conversion_rate"].high,
        gross_margin=of["gross_margin"].value,
    )


def compare_segments(
    tables: Tables,
    names: Sequence[str] | None = None,
    *,
    metric: str = "conversion_rate",
    window: str | Window | None = "90d",
) -> SegmentComparison:
    """Return two or three segments pair by pair.

    Parameters
    ----------
    tables : Tables
        Needs facts whose events carry a segment.
    names : sequence of str, optional
        Two or three segments; the three with the most active users unless named.
    metric : str
        A metric of the dictionary.
    window : str or Window, optional
        The days.

    Raises
    ------
    UsageError
        If not two or three different segments are named, or the metric is unknown.
    """
    definition = METRICS[metric]
    if names is None:
        names, reason = _largest(tables, window)
        if reason:
            return SegmentComparison(
                metric=metric, title=definition.title, unit=definition.unit, pairs=(), missing=reason
            )
    if len(set(names)) != len(names) or len(names) not in (2, 3):
        raise UsageError("Compare two or three different segments.")
    empty = SegmentComparison(metric=metric, title=definition.title, unit=definition.unit, pairs=())
    days = window_of(tables, window)
    found = figures(tables, [metric], by=("segment",), window=days) if days else Figures((), {})
    sides = {name: found.of((name,), metric) for name in names}
    absent = [name for name, side in sides.items() if side == NOTHING or side.value is None]
    if absent:
        reason = f"Not enough data: {definition.title} is not known for {', '.join(absent)}."
        return SegmentComparison(metric=metric, title=empty.title, unit=empty.unit, pairs=(), missing=reason)
    pairs = list(combinations(names, 2))
    tests = [_difference(sides[first], sides[second]) for first, second in pairs]
    corrected = holm([test[3] for test in tests])
    return SegmentComparison(
        metric=metric,
        title=definition.title,
        unit=definition.unit,
        currency=tables.currency,
        pairs=tuple(
            SegmentDifference(
                first=first,
                second=second,
                metric=metric,
                first_value=sides[first].value,
                second_value=sides[second].value,
                difference=test[0],
                low=test[1],
                high=test[2],
                p_corrected=p,
            )
            for (first, second), test, p in zip(pairs, tests, corrected, strict=True)
        ),
    )


def _largest(tables: Tables, window: str | Window | None) -> tuple[list[str], str]:
    """Return the three segments with the most active users, or why there are not two."""
    found = segments(tables, window=window)
    names = [row.segment for row in found.rows[:3]]
    few = "" if len(names) > 1 else "Not enough data: fewer than two segments were active."
    return names, found.missing or few


_Test = tuple[float | None, float | None, float | None, float | None]


def _difference(first: Figure, second: Figure) -> _Test:
    """Return difference, ends and p: of two shares where both are, else from the standard errors."""
    from scipy.special import ndtr

    if first.value is None or second.value is None:
        return None, None, None, None
    step = first.value - second.value
    if first.error is None or second.error is None:
        return step, None, None, None
    error = float((first.error**2 + second.error**2) ** 0.5)
    if first.n is not None and first.n == first.denominator and second.n == second.denominator:
        found = difference_of_shares(
            first.numerator or 0.0, first.n, second.numerator or 0.0, second.n or 0.0
        )
        return found.difference, found.low, found.high, found.p_value
    if error == 0:
        return step, None, None, None
    return step, step - 1.96 * error, step + 1.96 * error, float(2 * ndtr(-abs(step) / error))
