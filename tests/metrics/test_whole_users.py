"""Figures of whole users on random small markets, against the sentences that define them, in plain Python."""

from __future__ import annotations

from collections import defaultdict
from datetime import UTC, date, datetime, timedelta
from typing import Any

import numpy as np
import pytest
from metric_tables import Memory, event, order

from workbench.metrics import measure

DAY = timedelta(days=1)
BEGIN = datetime(2024, 1, 1, tzinfo=UTC)
FIRST, LAST = datetime(2024, 5, 1, tzinfo=UTC), datetime(2024, 6, 29, tzinfo=UTC)
WINDOW, AFTER = f"{FIRST.date()}:{LAST.date()}", LAST + DAY


def instants(draws: np.random.Generator, size: int, days: int = 200) -> list[datetime]:
    """Return instants that often coincide, and often lie as far apart as the spans that figures ask for."""
    drawn = draws.integers(0, (days // 30, 2, 2), (size, 3))
    return [BEGIN + int(30 * month + day) * DAY + int(half) * DAY / 2 for month, day, half in drawn]


def purchases(draws: np.random.Generator) -> list[dict[str, Any]]:
    """Return bought and credited orders: an order several times, several at one instant, some unnamed."""
    rows = []
    for at in instants(draws, 150):
        columns: dict[str, Any] = {"order_id": f"o{draws.integers(40)}" if draws.random() < 0.9 else None}
        kind = "campaign_converted" if draws.random() < 0.6 else "user_purchased"
        if kind == "campaign_converted":
            columns["campaign_id"] = ("a", "b", None)[draws.integers(3)]
        rows.append(event(kind, int(draws.integers(25)), at, **columns))
        if draws.random() < 0.3:
            rows.append(rows[-1] | {"event_type": "user_purchased", "campaign_id": None})
    return rows


def lines(draws: np.random.Generator, days: int = 200) -> list[dict[str, Any]]:
    """Return orders of several lines at several instants, returns and guests."""
    return [
        order(
            f"u{draws.integers(80)}",
            at.replace(tzinfo=None).isoformat(),
            float(draws.integers(-20, 60)),
            order_id=f"o{draws.integers(200)}",
        )
        | ({"user_id": None} if draws.random() < 0.1 else {})
        for at in instants(draws, 300, days)
    ]


def people(draws: np.random.Generator, days: int = 200) -> list[dict[str, Any]]:
    return [
        {"user_id": f"u{i}", "signup_at": at, "acquisition_channel": ("email", "sms", None)[i % 3]}
        for i, at in enumerate(instants(draws, 40, days))
    ]


@pytest.mark.parametrize("seed", range(4))
def test_new_customers_are_those_whose_first_order_was_credited(seed: int) -> None:
    rows = purchases(np.random.default_rng(seed))
    known = [row for row in rows if row["order_id"] and row["timestamp"] < AFTER]
    expected = defaultdict(set)
    for row in known:
        if row["event_type"] == "campaign_converted" and row["timestamp"] >= FIRST:
            own = [it for it in known if it["user_key"] == row["user_key"]]
            began = min(it["timestamp"] for it in own)
            if any(it["timestamp"] == began and it["order_id"] == row["order_id"] for it in own):
                expected[row["campaign_id"],].add(row["user_key"])
    found = measure(Memory(facts=rows), "new_customers", by="campaign", window=WINDOW).rows
    counted = {row.slice: row.value for row in found if row.value > 0}
    assert counted == {key: len(users) for key, users in expected.items()}


def bought_again(rows: list[dict[str, Any]], names: tuple[str, str], by: str = "") -> dict[Any, list[int]]:
    """Return customers, and those of them who bought again, by slice."""
    user, at = names
    orders: dict[Any, dict[str, datetime]] = defaultdict(dict)
    for row in rows:
        if FIRST - 90 * DAY <= row[at] < AFTER and row["order_id"]:
            own = orders[row.get(by), row[user]]
            own[row["order_id"]] = min(row[at], own.get(row["order_id"], row[at]))
    found: dict[Any, list[int]] = defaultdict(lambda: [0, 0])
    for (key, _), own in orders.items():
        *earlier, last = sorted(own.values())
        if last >= FIRST:
            found[key][0] += 1
            found[key][1] += any(last - before < 90 * DAY for before in earlier)
    return found


@pytest.mark.parametrize("seed", range(4))
def test_who_bought_again(seed: int) -> None:
    draws = np.random.default_rng(seed)
    facts, orders = purchases(draws), lines(draws)
    found = measure(Memory(facts=facts), "repeat_purchase_rate", by="campaign", window=WINDOW).rows
    credited = [row for row in facts if row["event_type"] == "campaign_converted"]
    expected = bought_again(credited, ("user_key", "timestamp"), "campaign_id")
    assert {row.slice[0]: [row.denominator, row.numerator] for row in found} == expected
    row = measure(Memory(orders=orders), "repeat_purchase_rate", window=WINDOW).rows[0]
    kept = [line for line in orders if line["user_id"] and not line["is_return"]]
    assert [row.denominator, row.numerator] == bought_again(kept, ("user_id", "ordered_at"))[None]


@pytest.mark.parametrize("seed", range(4))
def test_who_came_back_after_signup(seed: int) -> None:
    draws = np.random.default_rng(seed)
    users, orders = people(draws), lines(draws)
    began = min(line["ordered_at"] for line in orders)
    spans = {"cohort_retention": (1, 30), "cohort_retention_60": (31, 60), "cohort_retention_90": (61, 90)}
    found = measure(Memory(users=users, orders=orders), list(spans), by="channel", window=WINDOW).rows
    for row in found:
        start, end = spans[row.metric]
        asked = [
            user
            for user in users
            if user["acquisition_channel"] == row.slice[0]
            and user["signup_at"] >= began
            # The last of these days ends in the window.
            and FIRST < user["signup_at"] + (end + 1) * DAY <= AFTER
        ]
        came = {
            user["user_id"]
            for user in asked
            for line in orders
            if line["user_id"] == user["user_id"] and not line["is_return"]
            if start <= (line["ordered_at"] - user["signup_at"]) / DAY < end + 1
        }
        assert (row.denominator, row.numerator) == (len(asked), len(came))
    assert len(found) == 9


@pytest.mark.parametrize("seed", range(4))
def test_what_users_spend_in_their_first_year(seed: int) -> None:
    draws = np.random.default_rng(seed)
    users, orders = people(draws, days=500), lines(draws, days=900)
    began = min(line["ordered_at"] for line in orders)
    end = datetime(2026, 1, 1, tzinfo=UTC)
    found = measure(
        Memory(users=users, orders=orders),
        ["ltv_12m", "ltv_projected_share"],
        by="channel",
        window=f"{date(2025, 3, 1)}:{date(2025, 12, 31)}",
    )
    for channel in ("email", "sms", None):
        known = [
            user for user in users if user["acquisition_channel"] == channel and user["signup_at"] >= began
        ]
        year = [
            user for user in known if datetime(2025, 3, 1, tzinfo=UTC) < user["signup_at"] + 365 * DAY <= end
        ]
        spent = sum(
            line["order_value"]
            for user in year
            for line in orders
            if line["user_id"] == user["user_id"]
            and 0 <= (line["ordered_at"] - user["signup_at"]) / DAY < 365
        )
        if known:
            row = found.row("ltv_12m", channel=channel)
            assert row.denominator == len(year)
            assert row.numerator == (pytest.approx(spent) if year else pytest.approx(np.nan, nan_ok=True))
            young = [user for user in known if user["signup_at"] < end < user["signup_at"] + 365 * DAY]
            share = found.value("ltv_projected_share", channel=channel)
            assert share == pytest.approx(len(young) / len(known))
