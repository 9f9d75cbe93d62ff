"""Fewer files, the same rows, sorted; what is vacuumed is only what nobody asked to keep."""

import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from workbench.errors import WorkspaceError
from workbench.store import Workspace
from workbench.store.compaction import compact, keep_compact, vacuum
from workbench.store.delta import data_files
from workbench.store.ingest import ingest
from workbench.store.writer import Writer

from .upkeep import load, sums

UPKEEP = Path(__file__).with_name("upkeep.py")


def load_often(workspace: Workspace, times: int) -> None:
    for number in range(times):
        with workspace.writer() as writer, writer.transaction(str(number)) as load:
            load.append(
                "facts",
                "SELECT if(i % 2 = 0, 'user_engaged', 'campaign_clicked') AS event_type, "
                'CAST(t AS DATE) AS day, t AS "timestamp", i AS user_key, '
                "'mobile' AS \"source\", 0 AS lag_minutes, false AS late_arrival "
                "FROM (SELECT i, TIMESTAMPTZ '2024-01-20' + to_days(CAST(i AS INTEGER)) AS t "
                "FROM range(20) AS r(i))",
            )
            load.commit()


def test_many_small_files_become_few(workspace: Workspace) -> None:
    load_often(workspace, 5)
    before = workspace.tables()
    with workspace.writer() as writer:
        done = compact(writer)
    after = workspace.tables()
    assert (done.files_before, done.files_after) == (10 + 7, 2 + 1)
    everything = "SELECT * FROM facts ORDER BY load_id, user_key"
    assert after.query(everything).equals(before.query(everything))
    for file in data_files(workspace.store_path / "facts", after.versions["facts"]):
        types = pq.ParquetFile(workspace.store_path / "facts" / file.path).read(["event_type"])
        assert types["event_type"].to_pylist() == sorted(types["event_type"].to_pylist())
    assert after.frame("loads")["operation"].tolist() == ["init", *["write"] * 5, "compact"]
    assert workspace.tables(4).rows["facts"] == 60
    with workspace.writer() as writer:
        assert compact(writer).sentence == "No table has many small files."


@pytest.mark.parametrize("loads", [18, pytest.param(66, marks=pytest.mark.slow)])
def test_however_many_loads_there_are_files_stay_few(workspace: Workspace, loads: int) -> None:
    rewritten = 0
    with workspace.writer(threads=1) as writer:

        def stored(name: str, version: int) -> dict[str, int]:
            return {file.path: file.rows for file in data_files(writer.store / name, version)}

        for number in range(loads):
            with writer.transaction(str(number)) as load:
                load.append(
                    "orders",
                    f"SELECT '{number}-' || i AS order_id, 1 AS line, now() AS ordered_at, 1 AS order_value, "
                    "false AS is_return FROM range(10) AS r(i)",
                )
                load.commit()
            before = stored("orders", writer.head.versions["orders"])
            keep_compact(writer)
            after = stored("orders", writer.head.versions["orders"])
            rewritten += sum(rows for path, rows in after.items() if path not in before)
            assert len(after) <= 15
            assert len(stored("loads", writer.head.version)) <= 30
    tables = workspace.tables()
    assert tables.query("SELECT count(DISTINCT order_id) AS n FROM orders")["n"].to_pylist() == [10 * loads]
    assert sorted(tables.frame("loads")["load_id"])[:loads] == sorted(str(n) for n in range(loads))
    assert 0 < rewritten <= 2 * 10 * loads  # a row once for each eightfold growth: 10, 80, 640


def test_files_of_different_sizes_are_left_alone(workspace: Workspace) -> None:
    with workspace.writer(threads=1) as writer:
        for number in range(4):
            for rows in (1, 1000):
                with writer.transaction(f"{number}-{rows}") as load:
                    load.append(
                        "quarantine",
                        "SELECT 't' AS table_name, 'f' AS file, i AS line, '' AS raw, '' AS reasons, "
                        f"now() AS quarantined_at FROM range({rows}) AS r(i)",
                    )
                    load.commit()
        assert keep_compact(writer).files_after == 1  # of the load log, which has a row for each load
        assert len(data_files(writer.store / "quarantine", writer.head.versions["quarantine"])) == 8


def test_a_month_that_another_has_followed_is_merged_sooner(workspace: Workspace) -> None:
    def kept(writer: Writer, name: str, *files: tuple[int, int]) -> list[tuple[str | None, int]]:
        with writer.transaction(name) as load:
            for month, rows in files:
                at = f"2024-{month:02}-05"
                load.append(
                    "facts",
                    f"SELECT 'user_engaged' AS event_type, DATE '{at}' AS day, i AS user_key,"
                    f" TIMESTAMPTZ '{at}' AS timestamp, 'mobile' AS source, 0 AS lag_minutes,"
                    f" false AS late_arrival FROM range({rows}) AS r(i)",
                )
            load.commit()
        keep_compact(writer)
        found = data_files(writer.store / "facts", writer.head.versions["facts"])
        return sorted((file.partition["month"], file.rows) for file in found)

    with workspace.writer(threads=1) as writer:
        late, second = [(1, 1)] * 4, [("2024-02", 9)] * 3
        assert kept(writer, "a", *[(1, 9)] * 8, *[(2, 9)] * 3) == [("2024-01", 72), *second]
        # Files that outweigh the late ones are not written anew for these, and four are waited for.
        grown = [("2024-01", 1)] * 4 + [("2024-01", 17), ("2024-01", 72), *second]
        assert kept(writer, "b", *late, (1, 17)) == grown
        # When hardly anything comes any more, what outweighs others is written once more.
        months = [("2024-01", 93), *second, ("2024-03", 72)]
        assert kept(writer, "c", *[(3, 9)] * 8) == months
    counted = "SELECT load_id, count(*) FROM facts GROUP BY ALL ORDER BY ALL"
    assert workspace.tables(threads=1).listed(counted) == [("a", 99), ("b", 21), ("c", 72)]


def test_files_loaded_one_by_one_become_few_by_themselves(workspace: Workspace, tmp_path: Path) -> None:
    for number in range(10):
        line = f"2024-01-{number + 1:02},c,email,{number}"
        (tmp_path / f"{number}.csv").write_text(f"date,campaign_id,channel,spend\n{line}\n")
    for number in range(10):
        ingest(workspace, [tmp_path / f"{number}.csv"])
    tables = workspace.tables()
    for name in ("events", "facts", "daily_performance", "loads"):
        version = tables.version if name == "loads" else tables.versions[name]
        assert len(data_files(workspace.store_path / name, version)) <= 6
    assert tables.query("SELECT sum(spend) AS s FROM daily_performance")["s"].to_pylist() == [sum(range(10))]
    assert tables.rows["events"] == 10  # one says of each load that it came


def test_vacuum_keeps_the_versions_it_is_told_to(workspace: Workspace) -> None:
    load_often(workspace, 4)
    with workspace.writer() as writer:
        compact(writer)
        assert vacuum(writer, retain_versions=range(1, writer.head.version), grace=timedelta(0)) == 0
        assert vacuum(writer) == 0  # somebody may still be reading what was the newest an hour ago
        assert vacuum(writer, retain_versions=[3], grace=timedelta(0)) > 0
    assert workspace.tables().rows["facts"] == 80
    assert workspace.tables(3).query("SELECT count(*) AS n FROM facts")["n"].to_pylist() == [40]
    with pytest.raises(WorkspaceError, match="old versions were vacuumed"):
        workspace.tables(5)


@pytest.mark.slow
def test_readers_are_not_disturbed_while_one_loads_compacts_and_vacuums(workspace: Workspace) -> None:
    for number in range(3):
        load(workspace, number)
    pinned = workspace.tables().version
    roles = ("keep", "read", "read")
    arguments = [str(workspace.path), "60", str(pinned)]
    processes = [
        subprocess.Popen([sys.executable, str(UPKEEP), role, *arguments], stdout=subprocess.PIPE)
        for role in roles
    ]
    said = [process.communicate()[0].decode().split() for process in processes]
    assert [process.returncode for process in processes] == [0, 0, 0]
    loads = int(said[0][1])
    assert loads > 10
    assert all(int(times) > 10 for times, _ in said[1:])
    tables = workspace.tables()
    assert tables.rows["orders"] == tables.rows["facts"] == 50 * loads
    assert sums(workspace.tables(pinned)) == (150, 300, 150, 2)
