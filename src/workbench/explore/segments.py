"""Segments of users: who they are in figures.

Words: a user's segment is the one its events carry; its click-through rate is that of messages, since what
platforms show carries no segment; *growth* is the change of its active users against the
equal window before. Segments are described, not compared as if users had been sent to them by chance.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from workbench.events.definitions import OWNED_CHANNELS, SEGMENTS
from workbench.explore.figures import Figures, figures
from workbench.explore.query import window_of
from workbench.explore.view import View, frame_of, lacking, listed, ratio
from workbench.metrics import Metric, distinct
from workbench.metrics import total as total_of
from workbench.metrics.conditions import Condition
from workbench.metrics.history import begun_within
from workbench.result import format_value

if TYPE_CHECKING:
    import pandas as pd

    from workbench.metrics import Window
    from workbench.source import Tables

OURS = {*SEGMENTS, "GENERAL"}
# From here on a rate by segment says more of how segments are entered than of who is in them.
MUCH_MOVING = 0.05
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
    def converting(self) -> tuple[SegmentRow, ...]:
        """Return the segments whose conversion rate is known, the best first."""
        known = (row for row in self.rows if row.conversion_rate is not None)
        return tuple(sorted(known, key=lambda row: -(row.conversion_rate or 0.0)))

    @property
    def doubt(self) -> str:
        """Return that the best rate is not clearly the best; empty where its interval stands clear."""
        low, *others = [(row.conversion_rate_low, row.conversion_rate_high) for row in self.converting]
        clear = all(low[0] is not None and high is not None and low[0] > high for _, high in others)
        return "" if clear else ", not clearly ahead of the next"

    @property
    def last_doubt(self) -> str:
        """Return that the worst rate is not clearly the worst; empty where its interval stands clear."""
        *others, high = [(row.conversion_rate_low, row.conversion_rate_high) for row in self.converting]
        clear = all(high[1] is not None and low is not None and high[1] < low for low, _ in others)
        return "" if clear else ", not clearly behind"

    @property
    def sentence(self) -> str:
        """Return the largest segment and the one that converts best."""
        if self.missing:
            return self.missing
        first, share = self.rows[0], format_value(self.rows[0].share, "%")
        even = [named(row.segment) for row in self.rows if row.users == first.users]
        who, count = _begun(listed(even)), len(self.rows)
        head = f"{who} {'is' if len(even) == 1 else 'are'} the largest of {count} segments ({share})"
        head = f"{who} is the only segment" if count == 1 else head
        if not self.converting:
            return f"{head}."
        if self.caution:
            return f"{head}; {self.caution}."
        best = self.converting[0]
        said = f"{named(best.segment)} converts best" if len(self.converting) > 1 else "it converts"
        return f"{head}; {said} ({format_value(best.conversion_rate, '%')}{self.doubt})."

    def to_frame(self) -> pd.DataFrame:
        """Return one row per segment."""
        return frame_of(self.rows, SegmentRow)


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
        reason = f"Not enough data: nobody whose segment is known did anything {days.told}."
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
