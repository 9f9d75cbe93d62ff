"""Orders looked for in a workspace, where touches know customers by a number only."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from workbench.attribution.attributing import attribute
from workbench.attribution.browsing import (
    OrderSearch,
    browsable,
    find_orders,
    order_alone,
    sharers,
    user_key,
)
from workbench.errors import NotEnoughData
from workbench.events.simulation import MarketSpec, simulate, write_market
from workbench.store import Workspace
from workbench.store.ingest import ingest
from workbench.store.schema import user_key as key_in_sql
from workbench.store.snapshot import Snapshot


@pytest.fixture(scope="module")
def tables(tmp_path_factory: pytest.TempPathFactory) -> Snapshot:
    folder: Path = tmp_path_factory.mktemp("market")
    market = simulate(replace(MarketSpec.small(), days=60, users=120))
    workspace = Workspace.create(folder / "acme")
    files = write_market(market, folder / "files")
    ingest(
        workspace, [file for file in files if file.stem.startswith(("events", "campaigns"))], backfill=True
    )
    return workspace.tables()


@settings(deadline=None)
@given(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), min_size=1))
def test_the_number_of_a_user_is_that_of_the_facts(user: str) -> None:
    found = duckdb.connect().execute(f"SELECT {key_in_sql('who')} FROM (SELECT $1 AS who)", [user]).fetchone()
    assert found == (user_key(user),)


def test_a_customer_is_found_by_the_id_and_by_the_number(tables: Snapshot) -> None:
    found = browsable(tables)
    bought = tables.query(
        "SELECT e.user_id, f.user_key, list(DISTINCT f.order_id) AS orders FROM facts AS f"
        f" JOIN (SELECT DISTINCT user_id FROM events) AS e ON f.user_key = {key_in_sql('e.user_id')}"
        " WHERE f.event_type = 'user_purchased' GROUP BY ALL ORDER BY len(orders) DESC, user_id LIMIT 5"
    ).to_pylist()
    assert len(bought) == 5
    for row in bought:
        for text in (row["user_id"], str(row["user_key"])):
            orders = find_orders(found, OrderSearch(text=text)).rows
            assert {order.conversion_id for order in orders} == set(row["orders"])
    with pytest.raises(NotEnoughData, match="no order or customer 'nobody'"):
        find_orders(found, OrderSearch(text="nobody"))


def test_all_orders_together_are_the_credit_of_every_model(tables: Snapshot) -> None:
    found, names = browsable(tables), ("linear", "time_decay", "markov", "shapley", "regression")
    credit = attribute(tables, models=names, replicates=0)
    models = sharers(found)
    every = find_orders(found, OrderSearch(newest=10**6), models=models)
    touches = [touch for order in every.rows for touch in order.touches]
    for model in names:
        wanted = {row.channel: row.conversions for row in credit.of(model) if row.channel != "(unattributed)"}
        gap = models[model].gap * credit.conversions if model in models else 0.0
        for channel, conversions in wanted.items():
            given_ = sum(touch.credit[model] for touch in touches if touch.touch == channel)
            assert given_ == pytest.approx(conversions, abs=gap + 1e-6), (model, channel)


def test_one_order_alone_has_the_model_asked_for(tables: Snapshot) -> None:
    orders = find_orders(browsable(tables))
    order = next(row for row in orders.rows if row.touches)
    alone = order_alone(orders, order, "linear").order
    assert alone is not None
    assert {name for touch in alone.rows[0].touches for name in touch.credit} == {"linear"}
    assert set(order.touches[0].details) == {"campaign", "platform"}
