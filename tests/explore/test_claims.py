"""What is sold and what is claimed, counted by hand."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest

from workbench import charts
from workbench.explore import claims

MONDAY = date(2024, 5, 6)


def _orders(values: list[float]) -> list[dict]:
    at = datetime(2024, 5, 6, 12, tzinfo=UTC)
    return [
        {
            "order_id": f"o{n}",
            "line": 1,
            "ordered_at": at + timedelta(days=n),
            "order_value": value,
            "is_return": False,
        }
        for n, value in enumerate(values)
    ]


def _told(channel: str, revenue: list[float | None], conversions: float = 1.0) -> list[dict]:
    return [
        {
            "date": MONDAY + timedelta(days=n),
            "campaign_id": f"c-{channel}",
            "channel": channel,
            "spend": 10.0,
            "conversions": conversions,
            "revenue": value,
        }
        for n, value in enumerate(revenue)
    ]


def test_weeks_and_channels(base) -> None:
    orders = _orders([100.0] * 7 + [50.0] * 7)
    told = _told("email", [40.0] * 14) + _told("paid_search", [10.0] * 7 + [20.0] * 7)
    view = claims(base(orders=orders, daily_performance=told), window="14d")
    assert [(w.week, w.days, w.orders, w.sold, w.claimed) for w in view.weeks] == [
        (MONDAY, 7, 7, 700.0, 350.0),
        (MONDAY + timedelta(days=7), 7, 7, 350.0, 420.0),
    ]
    assert [week.share for week in view.weeks] == pytest.approx([0.5, 1.2])
    assert [(row.channel, row.claimed, row.conversions) for row in view.channels] == [
        ("email", 560.0, 14.0),
        ("paid_search", 210.0, 14.0),
    ]
    assert view.sentence == (
        "Campaigns claim €770.00 of €1,050 sold (73.33%); in 1 week of 2 they claim more than was sold."
    )
    assert view.channels[0].share == pytest.approx(560 / 1050)
    assert len(view.to_frame()) == 2
    assert len(view.channels_frame()) == 2


def test_more_than_there_was(base) -> None:
    view = claims(base(orders=_orders([10.0] * 7), daily_performance=_told("email", [40.0] * 7)), window=None)
    assert view.sentence.endswith("(400%): more than there was, so the same orders count several times.")


def test_without_revenue_orders_are_counted(base) -> None:
    told = _told("email", [None] * 7, conversions=0.5)
    view = claims(base(orders=_orders([10.0] * 7), daily_performance=told), window="7d")
    assert view.counted == "orders"
    assert view.sentence.startswith("Campaigns claim 3.5 of 7 orders (50%)")


def test_nothing_to_compare(base) -> None:
    assert "no orders" in claims(base(daily_performance=_told("email", [1.0]))).sentence
    assert "Not enough data" in claims(base(orders=_orders([1.0]))).sentence
    spend = [row | {"conversions": None} for row in _told("email", [None] * 7)]
    assert (
        "credited" in claims(base(orders=_orders([1.0] * 7), daily_performance=spend), window="7d").sentence
    )


def test_conversions_of_a_channel_that_nobody_told_are_claimed_too(base, fact) -> None:
    """Without campaigns no conversion has a channel; it is claimed all the same."""
    at = datetime(2024, 5, 6, 9, tzinfo=UTC)
    facts = [
        fact("campaign_converted", user, at, campaign_id="x", order_id=str(user), value=10.0)
        for user in range(5)
    ]
    orders = _orders([80.0])
    assert claims(base(facts=facts, orders=orders), window=None).claimed == 50.0
    told = _told("email", [7.0])
    view = claims(base(facts=facts, orders=orders, daily_performance=told), window=None)
    assert (view.claimed, view.weeks[0].claimed, view.conversions) == (57.0, 57.0, 6.0)
    assert [(row.channel, row.claimed) for row in view.channels] == [("(not set)", 50.0), ("email", 7.0)]
    assert sum(row.share or 0.0 for row in view.channels) == pytest.approx(view.share)


@pytest.mark.parametrize("left", [0.0, -40.0])
def test_claims_of_a_week_that_sold_nothing_are_more_than_was_sold(base, left: float) -> None:
    """A week whose returns eat up its orders has no share, but what is claimed of it is too much."""
    orders = _orders([100.0] + [0.0] * 6 + [left])
    told = _told("email", [60.0] + [0.0] * 6 + [30.0])
    view = claims(base(orders=orders, daily_performance=told), window=None)
    assert view.weeks[1].share is None
    assert view.beyond == (view.weeks[1],)
    if left == 0:
        assert "in 1 week of 2 they claim more than was sold" in view.sentence
    else:
        assert view.sentence.endswith("(150%): more than there was, so the same orders count several times.")


def test_more_returns_than_orders_are_no_negative_share(base) -> None:
    told = _told("email", [5.0, 0.0])
    view = claims(base(orders=_orders([10.0, -60.0]), daily_performance=told), window=None)
    assert (view.share, view.channels[0].share) == (None, None)
    assert view.sentence == (
        "Campaigns claim €5.00 of −€50.00 sold: more than there was, as returns outweigh what was sold."
    )


def test_days_of_which_one_side_is_not_on_record_yet_are_left_out(base) -> None:
    """Orders are exported up to the 12th, the platform reports up to the 19th: no claim is beyond them."""
    told = _told("email", [40.0] * 14)
    view = claims(base(orders=_orders([100.0] * 7), daily_performance=told), window="14d")
    assert [(week.week, week.days, week.share) for week in view.weeks] == [(MONDAY, 7, 0.4)]
    assert view.beyond == ()
    assert view.left_out.startswith("After 2024-05-12")
    assert view.left_out in charts.claimed_weeks(view).note
    later = claims(base(orders=_orders([100.0] * 7), daily_performance=told), window="2024-05-14:2024-05-19")
    assert "both on record up to 2024-05-12 only" in later.sentence
