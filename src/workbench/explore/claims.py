"""Order totals against what campaigns are credited with: how much of what was sold is claimed.

Words: *sold* is the revenue of orders, returns taken off; *claimed* is the revenue that platforms report as
theirs, or that events credit to campaigns. Each platform claims an order that it touched, so that together
they may claim it several times.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any, Literal

from workbench.explore.figures import Figures, figures
from workbench.explore.query import window_of
from workbench.explore.view import View, frame_of, lacking, ratio
from workbench.metrics.unfinished import finished, last_day_of
from workbench.metrics.window import Window
from workbench.result import format_value

if TYPE_CHECKING:
    import pandas as pd

    from workbench.source import Tables

Counted = Literal["revenue", "orders"]
_READ = ("orders", "daily_performance", "facts")
NAMELESS = "(not set)"
_NOISE = 1e-9  # of a whole: what floats of sums in another order may differ by


@dataclass(frozen=True, slots=True, kw_only=True)
class ClaimedWeek:
    """One week, named by its Monday; a first or last week may have fewer than 7 days in the window.

    `share` is claimed revenue of sold revenue, or claimed orders of all orders where nobody reports revenue;
    None where nothing is left of what was sold.
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
    """What one channel claims, and its share of all that was sold.

    Conversions of campaigns whose channel nobody told are those of the channel ``(not set)``.
    """

    channel: str
    conversions: float
    claimed: float
    share: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Claims(View):
    """Sold and claimed revenue by week, and claimed revenue by channel, the largest first.

    The figures are complete counts of both sides, and so have no interval. Where nobody reports revenue,
    `counted` is ``"orders"``: then all shares are of orders, and claimed revenue is 0. `left_out` says from
    when on only one side is on record.
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
    left_out: str = ""

    @property
    def share(self) -> float | None:
        """Return what is claimed as a share of what was sold."""
        return _share(*self._sides(self))

    @property
    def beyond(self) -> tuple[ClaimedWeek, ...]:
        """Return the weeks in which more is claimed than was sold."""
        return tuple(week for week in self.weeks if self._is_beyond(week))

    def _is_beyond(self, part: Claims | ClaimedWeek) -> bool:
        claimed, sold = self._sides(part)
        return claimed - sold > _NOISE * abs(claimed)

    def _sides(self, part: Claims | ClaimedWeek) -> tuple[float, float]:
        if self.counted == "orders":
            return part.conversions, float(part.orders)
        return part.claimed or 0.0, part.sold or 0.0

    @property
    def sentence(self) -> str:
        """Return what platforms claim of what was sold, and whether that can be true."""
        if self.missing:
            return self.missing
        if self.counted == "orders":
            head = f"Campaigns claim {format_value(self.conversions)} of {self.orders:,} orders"
        else:
            ends = (format_value(x, "money", currency=self.currency) for x in (self.claimed, self.sold))
            head = f"Campaigns claim {' of '.join(ends)} sold"
        head += f" ({format_value(self.share, '%')})" if self.share is not None else ""
        if self._is_beyond(self):
            why = (
                "so the same orders count several times"
                if self.share
                else "as returns outweigh what was sold"
            )
            return f"{head}: more than there was, {why}."
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
    asked, last = days, _on_record(tables, days)
    if last < days.first:
        return _nothing(tables, f"Not enough data: orders and claims are both on record up to {last} only.")
    days = Window(days.first, last)
    sold = figures(tables, ["revenue", "orders"], by=("week",), window=days)
    by_week = _claimed(tables, ("week",), days)
    if not any(sold.of(key, "orders").value for key in sold.slices):
        return _nothing(tables, f"Not enough data: no order was placed {days.told}.")
    counted: Counted = "revenue" if any(money for money, _ in by_week.values()) else "orders"
    if counted == "orders" and not any(number for _, number in by_week.values()):
        return _nothing(tables, f"Not enough data: no campaign is credited with a conversion {days.told}.")
    weeks = _weeks(days, sold, by_week, counted)
    value, orders = sum(week.sold for week in weeks), sum(week.orders for week in weeks)
    claimed, conversions = _sum(by_week.values())
    return Claims(
        weeks=weeks,
        channels=_channels(
            _claimed(tables, ("channel",), days), (claimed, conversions), counted, value, orders
        ),
        sold=value,
        orders=orders,
        claimed=claimed,
        conversions=conversions,
        currency=tables.currency,
        counted=counted,
        left_out="" if days == asked else f"After {last}, orders or claims are not yet on record as a whole.",
    )


def overclaimed(tables: Tables, *, window: str | Window | None = "90d") -> str:
    """Return by how much campaigns are credited with more than was sold, in words; empty where they are not.

    Then returns on ad spend are of money that nobody paid. Days of which one side is not on record are left
    out.
    """
    days = window_of(tables, window)
    if days is None or lacking(tables, "orders") or lacking(tables, "facts", "daily_performance"):
        return ""
    last = _on_record(tables, days)
    if last < days.first:
        return ""
    found = figures(tables, ["revenue", "roas"], window=Window(days.first, last))
    sold, claimed = found.of((), "revenue").value or 0.0, found.of((), "roas").numerator or 0.0
    if sold <= 0 or claimed - sold <= _NOISE * claimed:
        return ""
    ends = [format_value(money, "money", currency=tables.currency) for money in (claimed, sold)]
    return (
        f"is {ends[0]}, but all that was sold is {ends[1]}: platforms claim the same orders, or sales are not"
        " loaded; returns on ad spend look better than they are"
    )


def _on_record(tables: Tables, days: Window) -> date:
    """Return the last day of which both orders and claims are there as a whole: one export may come later."""
    ends = {name: last_day_of(tables, name) for name in _READ if name in tables.names}
    told = max(day for name, day in ends.items() if name != "orders")
    last = min(ends["orders"], told, days.last)
    return last if last < days.first else finished(tables, Window(days.first, last), _READ).last


Claimed = Mapping[Any, tuple[float, float]]


def _claimed(tables: Tables, by: tuple[str, ...], days: Window) -> Claimed:
    """Return claimed revenue and conversions by one dimension."""
    told = figures(tables, ["roas", "cost_per_conversion"], by=by, window=days)
    return {
        key[0]: (
            told.of(key, "roas").numerator or 0.0,
            told.of(key, "cost_per_conversion").denominator or 0.0,
        )
        for key in told.slices
    }


def _sum(pairs: Iterable[tuple[float, float]]) -> tuple[float, float]:
    some = list(pairs)
    return sum(money for money, _ in some), sum(number for _, number in some)


def _channels(
    named: Claimed, whole: tuple[float, float], counted: Counted, value: float, orders: int
) -> tuple[ClaimingChannel, ...]:
    """Return what each channel claims, and what is left of the whole without a name."""
    told = _sum(named.values())
    rest = tuple(
        all_ - part if abs(all_ - part) > _NOISE * abs(all_) else 0.0
        for all_, part in zip(whole, told, strict=True)
    )
    found = {**{str(name): pair for name, pair in named.items()}, **({NAMELESS: rest} if any(rest) else {})}
    rows = [
        ClaimingChannel(
            channel=name,
            claimed=money,
            conversions=number,
            share=_share(money, value) if counted == "revenue" else _share(number, orders),
        )
        for name, (money, number) in found.items()
    ]
    return tuple(sorted(rows, key=lambda row: (-row.claimed, -row.conversions, row.channel)))


def _share(claimed: float, sold: float) -> float | None:
    return ratio(claimed, sold) if sold > 0 else None


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
    for monday in sorted({*(key[0] for key in sold.slices), *claimed}):
        last = min(days.last, monday + timedelta(days=6))
        revenue, conversions = claimed.get(monday, (0.0, 0.0))
        value = sold.of((monday,), "revenue").value or 0.0
        orders = round(sold.of((monday,), "orders").value or 0.0)
        rows.append(
            ClaimedWeek(
                week=monday,
                days=(last - max(days.first, monday)).days + 1,
                orders=orders,
                sold=value,
                conversions=conversions,
                claimed=revenue,
                share=_share(revenue, value) if counted == "revenue" else _share(conversions, orders),
            )
        )
    return tuple(rows)
