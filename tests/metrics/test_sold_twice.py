"""A shop's list of orders and its site's purchases are added up, so it is said of every figure of orders."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import numpy as np
import pytest
from metric_tables import Memory, event, order

from workbench.charts.cards import kpi_cards as cards
from workbench.explore import alerts, kpi_cards
from workbench.metrics import measure
from workbench.metrics.sold_twice import sold_twice

SAID = (
    "orders of {days} are told by purchase events ({told}) and by a list of orders ({listed})"
    " under other ids: if they are the same ones, they count twice"
)
FIRST = datetime(2024, 3, 4, 9, tzinfo=UTC)


def market(*, ids: str = "T", listed: int = 40, shift: timedelta = timedelta(0)) -> Memory:
    """Return four orders on each of ten days, of which a site tells purchases, and a list of orders some."""
    rng = np.random.default_rng(3)
    facts, orders = [], []
    for place in range(40):
        when = FIRST + timedelta(days=place // 4, hours=3 * (place % 4), minutes=int(rng.integers(0, 60)))
        value, text = float(rng.integers(10, 90)) + 0.5, str(when)[:19]
        facts.append(event("user_purchased", when=text, order_id=f"T{place}", value=value))
        orders.append(order("u", text, value, order_id=f"T{place}"))
        if place < listed and ids != "T":
            orders.append(
                order("v", str(when + shift + timedelta(seconds=40))[:19], value, order_id=f"#{place}")
            )
    return Memory(facts=facts, orders=orders)


def test_sales_that_two_sources_tell_are_named_at_every_figure() -> None:
    tables = market(ids="#")
    said = SAID.format(days="10 days", told=40, listed=40)
    found = {
        row.metric: row for row in measure(tables, ["revenue", "orders", "aov", "repeat_purchase_rate"]).rows
    }
    assert found["orders"].value == 80
    assert {name: said in row.caution for name, row in found.items()} == dict.fromkeys(found, True)
    (alert,) = [alert for alert in alerts(tables, window=None).alerts if alert.subject == "Orders"]
    assert alert.text == said.removeprefix("orders ")
    (card,) = cards(kpi_cards(tables, ["revenue"], window="2024-03-04:2024-03-13")).items
    assert "Some of it may count twice" in card["remark"]


@pytest.mark.parametrize(
    "how",
    [{"ids": "T"}, {"ids": "#", "shift": timedelta(hours=2, minutes=44)}],
    ids=["one id", "other times"],
)
def test_other_sales_bear_no_caution(how: dict[str, Any]) -> None:
    tables = market(**how)
    assert sold_twice(tables) is None
    assert measure(tables, "revenue").rows[0].caution == ""


def test_only_the_days_concerned_bear_the_caution() -> None:
    tables = market(ids="#", listed=24)
    by_day = {row.slice[0]: row.caution for row in measure(tables, "revenue", by="day").rows}
    said = SAID.format(days="1 day", told=4, listed=4)
    assert by_day == {date(2024, 3, 4 + place): said if place < 6 else "" for place in range(10)}
    one = measure(tables, "revenue", window="2024-03-05:2024-03-05").rows[0]
    assert one.caution == said  # a day alone is judged with those around it
    assert measure(tables, "revenue", window="2024-03-10:2024-03-13").rows[0].caution == ""


def test_a_change_from_sales_that_count_twice_bears_the_caution() -> None:
    tables = market(ids="#", listed=20)
    (row,) = measure(tables, "revenue", window="2024-03-09:2024-03-13", compare=True).rows
    assert row.change < -0.3
    assert row.caution == f"in the window before, {SAID.format(days='5 days', told=20, listed=20)}"
    (card,) = cards(kpi_cards(tables, ["revenue"], window="2024-03-09:2024-03-13")).items
    assert "Some of it may count twice" in card["remark"]


def test_what_only_purchase_events_know_tells_their_orders_apart() -> None:
    tables = market(ids="#")
    assert {row.caution for row in measure(tables, "revenue", by="segment").rows} == {""}
    by_user = measure(tables, "repeat_purchase_rate", where={"segment": "a"})
    assert {row.caution for row in by_user.rows} <= {""}
