"""The same questions get the same answers from DuckDB and from a real Postgres server."""

import json

import pyarrow as pa
import pytest

from workbench.errors import UsageError, WorkbenchError
from workbench.events.rollups import ROLLUPS
from workbench.metrics import measure
from workbench.store import Snapshot
from workbench.store.dialects import DSN_VARIABLE, ENGINES, open_engine
from workbench.store.postgres import PostgresTables, copy_to_postgres

QUERIES = [
    "SELECT * FROM orders ORDER BY order_id",
    "SELECT count(*) AS n, sum(order_value) AS total, count(DISTINCT user_id) AS users FROM orders",
    "SELECT category, count(*) AS n FROM orders GROUP BY category ORDER BY category NULLS FIRST",
    'SELECT CAST(ordered_at AS DATE) AS day, max("ordered_at") AS last FROM orders GROUP BY 1 ORDER BY 1',
    "SELECT event_type, day, month, user_key FROM facts ORDER BY user_key",
    "SELECT * FROM leads",
]


@pytest.fixture(scope="module")
def copied(snapshot: Snapshot, postgres_dsn: str) -> PostgresTables:
    for _ in range(2):
        copy_to_postgres(snapshot, postgres_dsn)
    return PostgresTables(postgres_dsn, currency=snapshot.currency)


@pytest.mark.postgres
@pytest.mark.parametrize("sql", QUERIES)
def test_answers_agree(snapshot: Snapshot, copied: PostgresTables, sql: str) -> None:
    ours, theirs = snapshot.query(sql), copied.query(sql)
    assert ours.column_names == theirs.column_names
    for name in ours.column_names:
        values = ours[name].to_pylist()
        if pa.types.is_string(ours[name].type):
            values = [value and value.replace("\0", "") for value in values]
        if pa.types.is_floating(ours[name].type) and None not in values:
            assert theirs[name].to_pylist() == pytest.approx(values, rel=1e-12), name
        else:
            assert theirs[name].to_pylist() == values, name


@pytest.mark.postgres
def test_the_facts_about_the_tables_agree(snapshot: Snapshot, copied: PostgresTables) -> None:
    assert copied.names == snapshot.names - set(ROLLUPS) == {"orders", "facts", "loads"}
    assert copied.last_day == snapshot.last_day
    assert str(snapshot.last_day) == "2024-04-04"
    assert copied.currency == "EUR"


@pytest.mark.postgres
def test_an_evaluation_on_the_server_is_noted_in_the_workspace(
    snapshot: Snapshot, copied: PostgresTables, postgres_dsn: str
) -> None:
    journal = snapshot.path / "journal"
    before = set(journal.iterdir())
    value = measure(copied, "orders").value("orders")
    assert set(journal.iterdir()) == before
    at_home = PostgresTables(postgres_dsn, currency="EUR", home=snapshot.path)
    assert measure(at_home, "orders").value("orders") == value
    (note,) = set(journal.iterdir()) - before
    assert json.loads(note.read_text())["properties"]["metrics"] == "orders"


@pytest.mark.postgres
def test_only_one_reading_statement_is_taken(copied: PostgresTables) -> None:
    with pytest.raises(WorkbenchError, match="read-only"):
        copied.query("DELETE FROM orders")
    with pytest.raises(WorkbenchError, match="multiple commands"):
        copied.query("SELECT 1; SELECT 2")


@pytest.mark.postgres
def test_an_engine_is_opened_by_name(
    snapshot: Snapshot, postgres_dsn: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(DSN_VARIABLE, postgres_dsn)
    assert open_engine("postgres", snapshot).query("SELECT count(*) AS n FROM orders")["n"].to_pylist() == [
        100
    ]
    monkeypatch.delenv(DSN_VARIABLE)
    with pytest.raises(UsageError, match=DSN_VARIABLE):
        open_engine("postgres", snapshot)


def test_engines_that_are_not_run_are_refused(snapshot: Snapshot) -> None:
    for name in ENGINES:
        if not ENGINES[name].executed:
            with pytest.raises(UsageError, match="compiled, not run"):
                open_engine(name, snapshot)
    assert open_engine("duckdb", snapshot) is snapshot
    with pytest.raises(UsageError, match="Did you mean 'postgres'"):
        open_engine("postgre", snapshot)
