"""Where the lift comes from: segments that differ, and creatives that a holdout never sees."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa
import pytest

from workbench.events.fields import Kind
from workbench.events.recorded_tables import FACTS
from workbench.experiments import check_holdout, holdouts, lift_by, lift_over_time, uplift_model
from workbench.experiments.holdout.reading import read_pairs

_TYPES = {
    Kind.NUMBER: pa.float64(),
    Kind.BOOLEAN: pa.bool_(),
    Kind.INSTANT: pa.timestamp("us", tz="UTC"),
    Kind.DATE: pa.date32(),
}
START = datetime(2024, 3, 1, 9, tzinfo=UTC)


class Facts:
    """A table of facts in this process, and nothing else."""

    dialect = "duckdb"
    currency = "EUR"
    names = frozenset({"facts"})
    last_day = date(2024, 4, 30)

    def __init__(self, rows: list[dict[str, Any]]) -> None:
        self.connection = duckdb.connect()
        self.connection.execute("SET TimeZone = 'UTC'")
        schema = pa.schema([(column.name, _TYPES.get(column.kind, pa.string())) for column in FACTS.fields])
        schema = schema.set(schema.get_field_index("user_key"), pa.field("user_key", pa.int64()))
        filled = [
            {"day": row["timestamp"].date(), "month": f"{row['timestamp']:%Y-%m}", **row} for row in rows
        ]
        self.connection.register("loading", pa.Table.from_pylist(filled, schema=schema))
        self.connection.execute("CREATE TABLE facts AS SELECT * FROM loading")

    def query(self, sql: str) -> pa.Table:
        return self.connection.sql(sql).to_arrow_table()


def shop(
    rates: dict[str, tuple[float, float]], *, planned: bool = True, chosen: bool = False, users: int = 3000
) -> Facts:
    """Return users of each creative (or segment) who buy at two rates: held out, and treated."""
    rng = np.random.default_rng(1)
    rows: list[dict[str, Any]] = []
    for place, (name, (held_rate, rate)) in enumerate(rates.items()):
        for number in range(users):
            user, held = place * users + number, rng.random() < 0.2
            rows.append(
                {
                    "event_type": "campaign_delivered",
                    "timestamp": START,
                    "user_key": user,
                    "campaign_id": "spring",
                    "creative_id": name if planned or not held else None,
                    "segment": name,
                    "is_holdout": held,
                }
            )
            if rng.random() < (held_rate if held else rate):
                rows.append(bought(user, START + timedelta(days=3)))
            if rng.random() < (0.2 + 0.1 * place * chosen):
                rows.append(bought(user, START - timedelta(days=9)))
    return Facts(rows)


def bought(user: int, at: datetime) -> dict[str, Any]:
    return {"event_type": "user_purchased", "timestamp": at, "user_key": user, "value": 20.0}


def test_segments_that_differ_are_told_apart() -> None:
    found = lift_by(shop({"loyal": (0.2, 0.2), "new": (0.1, 0.25)}), by="segment")
    assert [row.name for row in found.rows] == ["new", "loyal"]
    assert found.p_differ < 0.001
    assert found.sentence.startswith(
        "The campaigns do not work alike by segment: the lift is largest for new"
    )
    assert found.rows[0].p_adjusted >= found.rows[0].lift.p
    assert all(row.net.note == "no spend is loaded" for row in found.rows)


def test_segments_alike_are_not() -> None:
    found = lift_by(shop({"loyal": (0.2, 0.3), "new": (0.2, 0.3)}), by="segment")
    assert found.p_differ > 0.01
    assert found.sentence.startswith("No clear difference by segment; the lift is sure by itself for")


def test_creatives_are_compared_with_those_who_would_have_got_them() -> None:
    found = lift_by(shop({"red": (0.1, 0.2), "blue": (0.3, 0.3)}), by="creative")
    assert "planned for them" in found.note
    lift = {row.name: row.lift.value for row in found.rows}
    assert lift["red"] == pytest.approx(0.1, abs=0.04)
    assert lift["blue"] == pytest.approx(0.0, abs=0.05)
    assert sum(row.held for row in found.rows) == int(read_pairs(shop({"red": (0.1, 0.2)})).held.sum()) + (
        found.rows[0].held if found.rows[0].name == "blue" else found.rows[1].held
    )


def test_creatives_at_random_share_the_holdout() -> None:
    tables = shop({"red": (0.1, 0.2), "blue": (0.1, 0.1)}, planned=False)
    found = lift_by(tables, by="creative")
    assert "whole holdout" in found.note
    held = int(read_pairs(tables).held.sum())
    assert {row.held for row in found.rows} == {held}
    assert {row.name: round(row.lift.value, 1) for row in found.rows} == {"red": 0.1, "blue": 0.0}


def test_creatives_that_were_chosen_for_their_users_are_not_compared() -> None:
    found = lift_by(shop({"red": (0.1, 0.2), "blue": (0.1, 0.1)}, planned=False, chosen=True), by="creative")
    assert not found.rows
    assert "not given at random" in found.missing


def test_a_campaign_without_a_holdout_is_no_campaign_with_one() -> None:
    rows = [
        {
            "event_type": "campaign_delivered",
            "timestamp": START,
            "user_key": user,
            "campaign_id": "spring",
            "is_holdout": None,
        }
        for user in range(20)
    ]
    tables = Facts(rows)
    found = holdouts(tables)
    assert found.overall is None
    assert (found.coverage.campaigns, found.coverage.with_holdout) == (1, 0)
    reasons = [
        found.missing,
        lift_by(tables).missing,
        lift_over_time(tables).missing,
        check_holdout(tables).missing,
        uplift_model(tables).missing,
    ]
    assert all(reason.startswith("Not enough data: nobody was held out") for reason in reasons)


@pytest.mark.filterwarnings("error")
def test_of_users_who_were_all_held_out_nobody_can_be_told_apart() -> None:
    row = {
        "event_type": "campaign_delivered",
        "timestamp": START,
        "campaign_id": "spring",
        "is_holdout": True,
    }
    tables = Facts([row | {"user_key": user} for user in range(20)])
    assert "needs treated people" in uplift_model(tables).missing


def test_both_deliveries_put_a_user_in_the_holdout_and_count_as_contamination() -> None:
    tables = shop({"red": (0.1, 0.2)})
    twice = [
        {
            "event_type": "campaign_delivered",
            "timestamp": START + timedelta(days=1),
            "user_key": user,
            "campaign_id": "spring",
            "is_holdout": held,
        }
        for user in (50_000, 50_001)
        for held in (True, False)
    ]
    more = Facts(twice).query("SELECT * FROM facts")
    tables.connection.register("more", more)
    before = int(read_pairs(tables).held.sum())
    tables.connection.execute("INSERT INTO facts SELECT * FROM more")
    pairs = read_pairs(tables)
    assert int(pairs.held.sum()) == before + 2
    assert int((pairs.held & (pairs.deliveries > 0)).sum()) == 2


def test_what_was_bought_before_is_read_from_before_the_window() -> None:
    tables = shop({"red": (0.1, 0.2)})
    pairs = read_pairs(tables, window="2024-03-01:2024-04-30")
    assert pairs.before_orders.mean() == pytest.approx(0.2, abs=0.03)
    assert pairs.before_revenue.sum() == 20 * pairs.before_orders.sum()
    assert pairs.weekly[:, 0].sum() == pairs.orders.sum()
    assert (pairs.followed > 60).all()
    assert pairs.known.max() == pytest.approx(9)


def test_what_is_bought_after_thirty_days_is_not_the_campaign_s() -> None:
    tables = shop({"red": (0.0, 0.0)}, users=100)
    late = [bought(3, START + timedelta(days=30)), bought(4, START + timedelta(days=30, microseconds=-1))]
    tables.connection.register("more", Facts(late).query("SELECT * FROM facts"))
    tables.connection.execute("INSERT INTO facts SELECT * FROM more")
    assert read_pairs(tables).orders.sum() == 1
