"""Order totals against what campaigns are credited with: how much of what was sold is claimed.

Words: *sold* is the revenue of orders, returns taken off; *claimed* is the revenue that platforms report as
theirs, or that events credit to campaigns. Each platform claims an order that it touched, so that together
they may claim it several times.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any, Literal

from workbench.explore.figures import Figure, Figures, figures
from workbench.explore.query import window_of
from workbench.explore.view import View, frame_of, lacking, ratio
from workbench.result import format_value

if TYPE_CHECKING:
    import pandas as pd

    from workbench.metrics import Tables, Window

Counted = Literal["revenue", "orders"]
_TOO_MUCH = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class ClaimedWeek:
    """One week, named by its Monday; a first or last week may have fewer than 7 days in the window.

    `share` is claimed revenue of sold revenue, or claimed orders of all orders where nobody reports revenue.
    """

    week: date
    days: int
    orders: int
    sold: float
    conversions: float
    claimed: float
    share: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ClaimingChannel:
    """What one channel claims, and its share of all that was sold."""

    channel: str
    conversions: float
    claimed: float
    share: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Claims(View):
    """Sold and claimed revenue by week, and claimed revenue by channel, the largest first.

    The figures are complete counts of both sides, and so have no interval. Where nobody reports revenue,
    `counted` is ``"orders"``: then all shares are of orders, and claimed revenue is 0.
    """

    weeks: tuple[ClaimedWeek, ...]
    channels: tuple[ClaimingChannel, ...]
    sold: float | None
    orders: int
    claimed: float | None
    conversions: float
    currency: str | None
    counted: Counted = "revenue"
    missing: str = ""

    @property
    def share(self) -> float | None:
        """Return what is claimed as a share of what was sold."""
        if self.counted == "orders":
            return ratio(self.conversions, self.orders)
        return ratio(self.claimed, self.sold)

    @property
    def beyond(self) -> tuple[ClaimedWeek, ...]:
        """Return the weeks in which more is claimed than was sold."""
        return tuple(week for week in self.weeks if week.share is not None and week.share > _TOO_MUCH)

    @property
    def sentence(self) -> str:
        """Return what platforms claim of what was sold, and whether that can be true."""
        if self.missing:
            return self.missing
        if self.counted == "orders":
            head = f"Campaigns claim {self.conversions:,.0f} of {self.orders:,} orders"
        else:
            ends = (format_value(x, "money", currency=self.currency) for x in (self.claimed, self.sold))
            head = f"Campaigns claim {' of '.join(ends)} sold"
        head += f" ({format_value(self.share, '%')})"
        if (self.share or 0) > _TOO_MUCH:
            return f"{head}: more than there was, so the same orders count several times."
        if self.beyond:
            count = len(self.beyond)
            weeks = f"{count} week{'s' if count > 1 else ''}"
            return f"{head}; in {weeks} of {len(self.weeks)} they claim more than was sold."
        return f"{head}; in no week do they claim more than was sold."

    def to_frame(self) -> pd.DataFrame:
        """Return one row per week."""
        return frame_of(self.weeks, ClaimedWeek)

    def channels_frame(self) -> pd.DataFrame:
        """Return one row per channel."""
        return frame_of(self.channels, ClaimingChannel)


def claims(tables: Tables, *, window: str | Window | None = "90d") -> Claims:
    """Return the revenue of orders against the revenue that campaigns are credited with.

    Parameters
    ----------
    tables : Tables
        Needs orders, and events or daily_performance that credit campaigns with conversions.
    window : str or Window, optional
        The days.
    """
    missing = lacking(tables, "orders") or lacking(tables, "facts", "daily_performance")
    days = window_of(tables, window)
    if missing or days is None:
        return _nothing(tables, missing or lacking(tables))
    sold = figures(tables, ["revenue", "orders"], by=("week",), window=days)
    told = figures(tables, ["roas", "cost_per_conversion"], by=("channel", "week"), window=days)
    if not any(sold.of(key, "orders").value for key in sold.slices):
        return _nothing(tables, f"Not enough data: no order was placed in {days}.")
    claimed = {key: (told.of(key, "roas"), told.of(key, "cost_per_conversion")) for key in told.slices}
    counted: Counted = "revenue" if any(money.numerator for money, _ in claimed.values()) else "orders"
    if counted == "orders" and not any(cost.denominator for _, cost in claimed.values()):
        return _nothing(tables, f"Not enough data: no campaign is credited with a conversion in {days}.")
    weeks = _weeks(days, sold, claimed, counted)
    value, orders = sum(week.sold for week in weeks), sum(week.orders for week in weeks)
    channels = [_channel(name, claimed, counted, value, orders) for name in {str(key[0]) for key in claimed}]
    channels.sort(key=lambda row: (-row.claimed, -row.conversions, row.channel))
    return Claims(
        weeks=weeks,
        channels=tuple(channels),
        sold=value,
        orders=orders,
        claimed=sum(week.claimed for week in weeks),
        conversions=sum(week.conversions for week in weeks),
        currency=tables.currency,
        counted=counted,
    )


Claimed = Mapping[tuple[Any, ...], tuple[Figure, Figure]]


def _channel(name: str, claimed: Claimed, counted: Counted, value: float, orders: int) -> ClaimingChannel:
    revenue, conversions = _claims_of(claimed, 0, name)
    share = ratio(revenue, value) if counted == "revenue" else ratio(conversions, orders)
    return ClaimingChannel(channel=name, conversions=conversions, claimed=revenue, share=share)


def _claims_of(claimed: Claimed, place: int, name: object) -> tuple[float, float]:
    """Return claimed revenue and conversions of the slices with a name in one place of their key."""
    some = [sides for key, sides in claimed.items() if str(key[place]) == str(name)]
    return sum(money.numerator or 0.0 for money, _ in some), sum(cost.denominator or 0.0 for _, cost in some)


def _nothing(tables: Tables, reason: str) -> Claims:
    return Claims(
        weeks=(),
        channels=(),
        sold=None,
        orders=0,
        claimed=None,
        conversions=0.0,
        currency=tables.currency,
        missing=reason,
    )


def _weeks(days: Window, sold: Figures, claimed: Claimed, counted: Counted) -> tuple[ClaimedWeek, ...]:
    rows = []
    for key in sorted({*sold.slices, *((key[1],) for key in claimed)}):
        monday = key[0]
        last = min(days.last, monday + timedelta(days=6))
        revenue, conversions = _claims_of(claimed, 1, monday)
        value = sold.of(key, "revenue").value or 0.0
        orders = round(sold.of(key, "orders").value or 0.0)
        rows.append(
            ClaimedWeek(
                week=monday,
                days=(last - max(days.first, monday)).days + 1,
                orders=orders,
                sold=value,
                conversions=conversions,
                claimed=revenue,
                share=ratio(revenue, value) if counted == "revenue" else ratio(conversions, orders),
            )
        )
    return tuple(rows)
