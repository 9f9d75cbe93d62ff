"""Loads become visible at once, once, and leave earlier versions as they were."""

import json

import polars as pl
import pyarrow as pa
import pytest
from deltalake import DeltaTable

from workbench.errors import UsageError, WorkspaceBusy, WorkspaceError
from workbench.events.tables import TABLES
from workbench.store import LoadRecord, Workspace
from workbench.store.schema import arrow_schema, sql_type

EVENTS = """
SELECT CAST(uuid() AS VARCHAR) AS event_id, 'user_engaged' AS event_type, 'mobile' AS "source",
       TIMESTAMPTZ '2024-01-01 00:00:00+00' + to_hours(CAST(i AS INTEGER)) AS "timestamp",
       'user-' || (i % 50) AS user_id, '{}' AS properties, now() AS ingested_at, false AS late_arrival
FROM range(2000) AS r(i)
"""


def campaign(number: int, name: str) -> str:
    return (
        f"SELECT 'c{number}' AS campaign_id, '{name}' AS name, 'OTHER' AS campaign_type, 'email' AS channel, "
        "'active' AS status"
    )


def test_a_load_is_seen_by_whoever_opens_afterwards_and_by_nobody_before(workspace: Workspace) -> None:
    before = workspace.tables()
    with workspace.writer() as writer, writer.transaction("a", operation="ingest", file="a.jsonl") as load:
        assert load.append("events", EVENTS) == 2000
        load.upsert("campaigns", campaign(1, "Spring"))
        assert workspace.tables().names == {"loads"}
        load.commit(LoadRecord(rows_read=2000, accepted=2000))
    after = workspace.tables()
    assert after.names == {"loads", "events", "campaigns"}
    assert before.query("SELECT count(*) AS n FROM events")["n"].to_pylist() == [0]
    row = after.query("SELECT * FROM loads WHERE load_id = 'a'").to_pylist()[0]
    assert (row["operation"], row["file"], row["accepted"]) == ("ingest", "a.jsonl", 2000)
    assert json.loads(row["versions"]) == {name: v for name, v in after.versions.items() if name != "loads"}


def test_the_same_load_twice_is_one(workspace: Workspace) -> None:
    with workspace.writer() as writer:
        for _ in range(2):
            with writer.transaction("a") as load:
                load.append("events", EVENTS)
                record = load.commit()
        again = writer.transaction("a")
        assert again.done == record
        assert again.append("events", EVENTS) == 0
    with workspace.writer() as writer:
        assert writer.transaction("a").done == record
    assert workspace.tables().rows["events"] == 2000
    assert workspace.tables().version == 2


def test_rows_of_equal_key_replace_each_other_and_nulls_are_equal(workspace: Workspace) -> None:
    day = (
        "SELECT DATE '2024-01-02' AS date, 'c1' AS campaign_id, 'email' AS channel, {spend} AS spend, "
        "{creative} AS creative_id"
    )
    with workspace.writer() as writer:
        for number, (spend, creative) in enumerate([(1, "NULL"), (2, "NULL"), (5, "'x'"), (6, "'x'")]):
            with writer.transaction(str(number)) as load:
                rows = day.format(spend=spend, creative=creative)
                assert load.upsert("daily_performance", f"{rows} UNION ALL {rows}") == 1
                load.commit()
    frame = workspace.tables().frame("daily_performance")
    assert sorted(frame["spend"]) == [2.0, 6.0]
    assert workspace.tables(3).frame("daily_performance")["spend"].tolist() == [2.0]


def test_changes_of_one_load_build_on_each_other(workspace: Workspace) -> None:
    with workspace.writer() as writer, writer.transaction("a") as load:
        load.upsert("campaigns", campaign(1, "Spring"))
        load.upsert("campaigns", f"{campaign(1, 'Summer')} UNION ALL {campaign(2, 'Autumn')}")
        assert load.remove("campaigns", "campaign_id = 'c2'") == 1
        load.commit()
    assert workspace.tables().frame("campaigns")["name"].tolist() == ["Summer"]


def test_removing_rewrites_only_what_it_touches(workspace: Workspace) -> None:
    with workspace.writer() as writer:
        with writer.transaction("a") as load:
            load.append("events", EVENTS)
            load.commit()
        with writer.transaction("b") as load:
            before = {file.path for file in load.files("events")}
            assert load.remove("events", "user_id = 'user-7'") == 40
            kept = before & {file.path for file in load.files("events")}
            load.commit()
    assert len(before) - len(kept) == 3  # one bucket of each of three months
    snapshot = workspace.tables()
    assert snapshot.query("SELECT count(*) AS n FROM events WHERE user_id = 'user-7'")["n"][0].as_py() == 0
    assert snapshot.rows["events"] == 1960
    assert workspace.tables(2).rows["events"] == 2000


def test_a_load_that_fails_leaves_nothing(workspace: Workspace) -> None:
    with workspace.writer() as writer:
        with pytest.raises(UsageError), writer.transaction("a") as load:  # noqa: PT012
            load.append("events", EVENTS)
            load.append("facts", EVENTS)
        assert list(workspace.store_path.rglob("events/**/*.parquet")) == []
        assert list((workspace.path / "pending").iterdir()) == []
        with writer.transaction("a") as load:
            assert load.append("events", EVENTS) == 2000
            load.commit()
    assert workspace.tables().rows["events"] == 2000


@pytest.mark.parametrize(
    ("table", "sql", "message"),
    [
        ("campaigns", "SELECT 'c' AS campaign_id", "lack name, campaign_type, channel, status"),
        ("campaigns", f"{campaign(1, 'x')}, 1 AS wrong", "no column 'wrong'"),
        ("campaign", campaign(1, "x"), "Did you mean 'campaigns'"),
        ("loads", "SELECT 1 AS x", "cannot be changed"),
    ],
)
def test_rows_that_do_not_fit_are_refused_by_name(
    workspace: Workspace, table: str, sql: str, message: str
) -> None:
    with (
        workspace.writer() as writer,
        writer.transaction("a") as load,
        pytest.raises(UsageError, match=message),
    ):
        load.append(table, sql)


def test_one_transaction_at_a_time(workspace: Workspace) -> None:
    with (
        workspace.writer() as writer,
        writer.transaction("a"),
        pytest.raises(UsageError, match="still open"),
    ):
        writer.transaction("b")


def test_a_second_writer_is_told_who_is_at_work(workspace: Workspace) -> None:
    with workspace.writer(), pytest.raises(WorkspaceBusy, match=r"written by process \d+ on"):
        workspace.writer().__enter__()
    with workspace.writer():
        pass


@pytest.mark.parametrize("table", list(TABLES))
def test_an_empty_table_has_its_types(workspace: Workspace, table: str) -> None:
    if table == "loads":
        return
    got = workspace.tables().query(f"SELECT * FROM {table}").schema
    wanted = arrow_schema(TABLES[table])
    assert got.names == wanted.names
    for field in wanted:
        found = got.field(field.name).type
        same = pa.types.is_timestamp(found) if pa.types.is_timestamp(field.type) else found == field.type
        assert same, (field, found)


def test_types_stay_when_rows_arrive(workspace: Workspace) -> None:
    empty = workspace.tables().query("SELECT * FROM events").schema
    with workspace.writer() as writer, writer.transaction("a") as load:
        load.append("events", EVENTS)
        load.commit()
    assert workspace.tables().query("SELECT * FROM events").schema == empty
    described = workspace.tables().query("DESCRIBE events").to_pylist()
    assert {row["column_name"]: row["column_type"] for row in described} == {
        field.name: sql_type(field) for field in TABLES["events"].fields
    }


def test_other_readers_of_delta_see_the_same_rows(workspace: Workspace) -> None:
    with workspace.writer() as writer:
        with writer.transaction("a") as load:
            load.append("events", EVENTS)
            load.commit()
        with writer.transaction("b") as load:
            load.remove("events", "user_id = 'user-7'")
            load.commit()
    folder = workspace.store_path / "events"
    ours = workspace.tables().query("SELECT * FROM events ORDER BY event_id")
    plain = DeltaTable(folder).to_pyarrow_table(columns=["event_id", "month", "bucket"])
    lazy = pl.scan_delta(str(folder)).filter(pl.col("month") == "2024-02")
    assert plain.num_rows == ours.num_rows == 1960
    assert sorted(plain["event_id"].to_pylist()) == ours["event_id"].to_pylist()
    counted = workspace.tables().query("SELECT count(*) AS n FROM events WHERE month = '2024-02'")
    assert lazy.select(pl.len()).collect().item() == counted["n"][0].as_py()
    stats = DeltaTable(folder).get_add_actions(flatten=True)
    assert sum(stats["num_records"].to_pylist()) == 1960
    assert "min.user_id" not in stats.column_names or not any(stats["min.user_id"].to_pylist())


def test_an_unknown_version_is_refused(workspace: Workspace) -> None:
    with pytest.raises(WorkspaceError, match="no data version 9; there are 1 to 1"):
        workspace.tables(9)


def test_versions_count_up_even_when_the_clock_goes_back(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    import workbench.store.loads as module

    class Past(module.datetime):
        @classmethod
        def now(cls, tz=None):
            return cls(2001, 1, 1, tzinfo=tz)

    monkeypatch.setattr(module, "datetime", Past)
    with workspace.writer() as writer, writer.transaction("a") as load:
        load.upsert("campaigns", campaign(1, "x"))
        load.commit()
    assert workspace.tables().frame("loads")["load_id"].tolist() == ["init", "a"]
