"""A workspace is one folder, and nothing leads out of it."""

import json
import shutil
import subprocess
import sys
import time
from datetime import date
from pathlib import Path

import pyarrow as pa
import pytest

from workbench.errors import BadInput, UsageError, WorkspaceError
from workbench.metrics import measure
from workbench.store import Workspace
from workbench.store.checksums import compare_all
from workbench.store.compaction import compact
from workbench.store.ingest import ingest


def test_a_workspace_opens_as_it_was_made(tmp_path: Path) -> None:
    made = Workspace.create(tmp_path / "Acme GmbH")
    assert made.name == "acme-gmbh"
    assert Workspace.open(tmp_path / "Acme GmbH") == made
    assert made.tables().last_day is None
    assert [path.name for path in tmp_path.iterdir()] == ["Acme GmbH"]


@pytest.mark.parametrize("name", ["../x", "a/b", "", "A", ".", "a" * 64, "a\0b", "-a", "x y"])
def test_a_name_is_a_slug(tmp_path: Path, name: str) -> None:
    with pytest.raises(UsageError, match="cannot name a workspace"):
        Workspace.create(tmp_path / "w", name)
    assert not (tmp_path / "w").exists()


def test_workspaces_do_not_nest_or_overwrite(workspace: Workspace, tmp_path: Path) -> None:
    for inner in ("runs/x", "store/events/x", "x/y/z"):
        with pytest.raises(WorkspaceError, match="lies in the workspace"):
            Workspace.create(workspace.path / inner)
    with pytest.raises(WorkspaceError, match="is a workspace already"):
        Workspace.create(workspace.path)
    (tmp_path / "used").mkdir()
    (tmp_path / "used" / "thesis.txt").touch()
    with pytest.raises(WorkspaceError, match="is in use"):
        Workspace.create(tmp_path / "used")


def test_of_several_that_make_one_workspace_at_once_one_does(tmp_path: Path) -> None:
    words = [sys.executable, "-m", "workbench", "init", tmp_path / "w"]
    calls = [subprocess.Popen(words, stderr=subprocess.PIPE, text=True) for _ in range(4)]
    said = sorted((one.wait(), one.stderr.read()) for one in calls if one.stderr is not None)
    assert [code for code, _ in said] == [0, 3, 3, 3]
    assert all(text == f"workbench: {tmp_path / 'w'} is a workspace already.\n" for _, text in said[1:])
    assert [path.name for path in tmp_path.iterdir()] == ["w"]


@pytest.mark.parametrize("path", ["a*", "a[1]", "month=1/w", "a?", "a\nb", "a\udcff"])
def test_a_path_that_reads_as_a_pattern_is_refused(tmp_path: Path, path: str) -> None:
    with pytest.raises(BadInput, match="cannot contain"):
        Workspace.create(tmp_path / path)


def test_what_is_no_workspace_says_so(tmp_path: Path, workspace: Workspace) -> None:
    with pytest.raises(WorkspaceError, match="workbench init"):
        Workspace.open(tmp_path / "nothing")
    manifest = workspace.path / "workspace.json"
    for text, message in [
        ("{", "cannot be read"),
        ("[]", "damaged"),
        (json.dumps({"format": 9, "name": "acme"}), "format 9"),
        (json.dumps({"format": 1, "name": "../acme"}), "is no name"),
    ]:
        manifest.write_text(text)
        with pytest.raises(WorkspaceError, match=message):
            Workspace.open(workspace.path)


def older(workspace: Workspace, table: str) -> None:
    """Make the workspace one that was made before the table was known."""
    shutil.rmtree(workspace.store_path / table)
    for entry in (workspace.store_path / "loads" / "_delta_log").glob("*.json"):
        actions = [json.loads(line) for line in entry.read_text().splitlines()]
        for action in actions:
            action.get("commitInfo", {}).get("workbench", {"versions": {}})["versions"].pop(table, None)
        entry.write_text("".join(json.dumps(action) + "\n" for action in actions))


def test_a_workspace_older_than_a_table_opens_and_gets_it_with_the_next_load(workspace: Workspace) -> None:
    older(workspace, "creatives")
    tables = Workspace.open(workspace.path).tables()
    assert tables.rows["creatives"] == 0
    assert tables.query("SELECT count(*) AS n FROM creatives")["n"].to_pylist() == [0]
    (workspace.store_path / ".creatives.draft").mkdir()  # of a writer that was killed
    with Workspace.open(workspace.path).writer() as writer, writer.transaction("a") as load:
        load.upsert("creatives", "SELECT 'c' AS creative_id, 'x' AS campaign_id")
        load.commit()
    assert Workspace.open(workspace.path).tables().rows["creatives"] == 1
    assert Workspace.open(workspace.path).tables(tables.version).rows["creatives"] == 0
    assert not list(workspace.store_path.glob(".*"))


@pytest.mark.parametrize("table", ["creatives", "loads"])
def test_a_workspace_that_lost_a_table_is_damaged(workspace: Workspace, table: str) -> None:
    shutil.rmtree(workspace.store_path / table)
    with pytest.raises(WorkspaceError, match=f"store/{table} is missing"):
        Workspace.open(workspace.path)


def test_damaged_files_are_named(workspace: Workspace, tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("creative_id,campaign_id,headline\nx,c,Hello\n")
    ingest(workspace, [tmp_path / "a.csv"])
    (file,) = (workspace.store_path / "creatives").glob("*.parquet")
    whole = file.read_bytes()
    file.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(WorkspaceError, match=r"is damaged: files of 'creatives' cannot be read"):
        workspace.tables()
    with pytest.raises(WorkspaceError, match="is damaged"), workspace.writer():
        pass
    file.write_bytes(whole)
    log = max((workspace.store_path / "creatives" / "_delta_log").glob("*.json"))
    told = log.read_bytes()
    log.write_bytes(told[:60])
    with pytest.raises(WorkspaceError, match=r"table 'creatives' .* cannot be opened at version \d: .*\Z"):
        workspace.tables()
    log.unlink()
    log.mkdir()
    with pytest.raises(WorkspaceError, match=f"{log.name} cannot be opened: Is a directory"):
        workspace.tables()
    log.rmdir()
    log.write_bytes(told)
    log = max((workspace.store_path / "loads" / "_delta_log").glob("*.json"))
    log.write_bytes(log.read_bytes()[:60])
    with pytest.raises(WorkspaceError, match=rf"log of table 'loads' .* is damaged: {log.name}"):
        Workspace.open(workspace.path).tables()


def test_a_file_in_the_place_of_another_and_a_log_without_content(
    workspace: Workspace, tmp_path: Path
) -> None:
    for name in ("a", "a longer name"):
        (tmp_path / "a.csv").write_text(f"creative_id,campaign_id,headline\n{name},c,Hello\n")
        ingest(workspace, [tmp_path / "a.csv"])
    one, other = (workspace.store_path / "creatives").glob("*.parquet")
    whole = one.read_bytes()
    one.write_bytes(other.read_bytes())
    with pytest.raises(WorkspaceError, match=r"bytes, and had .* when it was written"):
        workspace.tables()
    one.write_bytes(whole)
    log = max((workspace.store_path / "creatives" / "_delta_log").glob("*.json"))
    log.write_bytes(b"")  # otherwise the row of this commit would be gone unseen
    with pytest.raises(WorkspaceError, match=rf"is damaged: {log.name} is empty"):
        workspace.tables()


def test_bits_that_have_changed_are_an_answer_or_named(workspace: Workspace, tmp_path: Path) -> None:
    rows = "".join(f"c{i},campaign {i % 7},Hello {i}\n" for i in range(200))
    (tmp_path / "a.csv").write_text("creative_id,campaign_id,headline\n" + rows)
    ingest(workspace, [tmp_path / "a.csv"])
    (file,) = (workspace.store_path / "creatives").glob("*.parquet")
    whole, said = file.read_bytes(), []
    for place in range(0, len(whole), 29):
        file.write_bytes(whole[:place] + bytes([whole[place] ^ 32]) + whole[place + 1 :])
        try:
            workspace.tables().query(
                "SELECT max(creative_id), max(campaign_id), max(headline) FROM creatives"
            )
        except WorkspaceError as error:
            said.append(str(error))
    assert len(said) > 4
    assert all("is damaged" in one or "cannot be read any more" in one for one in said)
    file.write_bytes(whole[:4] + bytes([255]) * 20 + whole[24:])
    with pytest.raises(WorkspaceError, match=f"{file.name}. Restore it from a copy"):
        workspace.tables().query("SELECT * FROM creatives")
    (tmp_path / "b.csv").write_text("creative_id,campaign_id,headline\nc1,c,Hello\n")
    with pytest.raises(WorkspaceError, match=f"{file.name}. Restore it from a copy"):
        ingest(workspace, [tmp_path / "b.csv"])


def test_a_changed_file_is_found_and_never_written_anew(workspace: Workspace, tmp_path: Path) -> None:
    for day in (1, 2):
        (tmp_path / "a.csv").write_text(f"date,campaign_id,channel,spend\n2024-03-0{day},c,email,100\n")
        ingest(workspace, [tmp_path / "a.csv"])
    versions = workspace.tables().versions
    same = compare_all(workspace.store_path, versions)
    assert (same.changed, same.unknown) == ((), 0)
    file = min((workspace.store_path / "daily_performance").rglob("*.parquet"))
    whole = file.read_bytes()
    file.write_bytes(whole[:40] + bytes([whole[40] ^ 1]) + whole[41:])
    found = compare_all(workspace.store_path, versions)
    assert found.changed == (file.relative_to(workspace.store_path).as_posix(),)
    with workspace.writer() as writer:
        with pytest.raises(WorkspaceError, match="'daily_performance' changed on the disk"):
            compact(writer, fewest=2)
        file.write_bytes(whole)
        compact(writer, fewest=2)
    later = compare_all(workspace.store_path, workspace.tables().versions)
    assert (later.changed, later.unknown, later.files < same.files) == ((), 0, True)


def test_a_load_that_the_log_lost_is_not_added_to(workspace: Workspace, tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("creative_id,campaign_id,headline\nx,c,Hello\n")
    ingest(workspace, [tmp_path / "a.csv"])
    max((workspace.store_path / "loads" / "_delta_log").glob("*.json")).unlink()
    with pytest.raises(WorkspaceError, match="does not name the newest version of 'creatives'"):
        ingest(workspace, [tmp_path / "a.csv"])


def test_the_currency_is_said_once(workspace: Workspace) -> None:
    assert workspace.currency is None
    for code in ("eur", "EURO", "€", "12A"):
        with pytest.raises(UsageError, match="no currency code"):
            workspace.set_currency(code)
    workspace.set_currency("EUR")
    workspace.set_currency("EUR")
    with pytest.raises(UsageError, match="is in EUR, not USD"):
        workspace.set_currency("USD")
    assert Workspace.open(workspace.path).tables().currency == "EUR"


@pytest.mark.parametrize("part", ["store", "runs", "cache", "pending", "store/events", "store/loads"])
def test_a_link_to_another_workspace_is_refused(workspace: Workspace, tmp_path: Path, part: str) -> None:
    other = Workspace.create(tmp_path / "other")
    ours = workspace.path / part
    ours.rename(tmp_path / "aside")
    ours.symlink_to(other.path / part)
    with pytest.raises(WorkspaceError, match="is a link"):
        Workspace.open(workspace.path)


def test_a_linked_or_foreign_data_file_is_refused(workspace: Workspace, tmp_path: Path) -> None:
    rows = "SELECT 'c' AS creative_id, 'x' AS campaign_id"
    other = Workspace.create(tmp_path / "other")
    for each in (workspace, other):
        with each.writer() as writer, writer.transaction("a") as load:
            load.append("creatives", rows)
            load.commit()
    (ours,), (theirs,) = ((each.store_path / "creatives").glob("*.parquet") for each in (workspace, other))
    ours.unlink()
    ours.symlink_to(theirs)
    with pytest.raises(WorkspaceError, match="is a link"):
        workspace.tables()
    entry = workspace.store_path / "creatives" / "_delta_log" / f"{1:020}.json"
    entry.write_text(entry.read_text().replace(ours.name, f"../../../other/store/creatives/{theirs.name}"))
    with pytest.raises(WorkspaceError, match="outside of its folder"):
        workspace.tables()


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT * FROM read_parquet('{other}/store/loads/*.parquet')",
        "SELECT * FROM '{other}/workspace.json'",
        "SELECT * FROM read_text('{path}/store/../../other/workspace.json')",
        "SELECT * FROM read_csv('/etc/passwd')",
        "SELECT * FROM glob('{other}/*')",
        "COPY (SELECT 1) TO '{path}/store/x.csv'",
        "ATTACH '{other}/x.db'",
        "SET enable_external_access = true",
        "CREATE TABLE x (a INT)",
        "DROP VIEW loads",
        "SELECT 1; SELECT 2",
        "INSTALL httpfs",
        "SELECT * FROM outside_frame",
    ],
)
def test_sql_cannot_leave_the_workspace(workspace: Workspace, tmp_path: Path, sql: str) -> None:
    import duckdb
    import pyarrow as pa

    other = Workspace.create(tmp_path / "other")
    outside_frame = pa.table({"secret": [1]})
    assert outside_frame.num_rows
    with pytest.raises((UsageError, duckdb.Error)):  # nothing is wrong with the workspace
        workspace.tables().query(sql.format(other=other.path, path=workspace.path))


def test_a_query_knows_neither_the_zone_of_the_machine_nor_variables_of_python(workspace: Workspace) -> None:
    """The tests run in another zone than UTC."""
    assert time.localtime(0).tm_mday == 31
    here = (
        workspace.tables()
        .query("SELECT CAST(TIMESTAMPTZ '2024-03-01 00:00:00+00' AS DATE) AS day")
        .to_pylist()
    )
    assert here == [{"day": date(2024, 3, 1)}]
    frame = pa.table({"secret": [1]})
    with pytest.raises(Exception, match="frame does not exist"):
        workspace.tables().query("SELECT * FROM frame")
    assert frame.num_rows == 1


def test_orders_fall_on_the_days_of_utc(workspace: Workspace, tmp_path: Path) -> None:
    file = tmp_path / "orders.csv"
    file.write_text(
        "order_id,user_id,ordered_at,order_value\n"
        "a,u,2024-02-29T23:59:00Z,1\nb,v,2024-03-01T00:00:00Z,10\nc,w,2024-03-02T03:00:00Z,100\n"
    )
    assert ingest(workspace, [file]).accepted == 3
    found = measure(workspace.tables(), "revenue", by="day", window="2024-02-29:2024-03-02")
    assert [row.value for row in found.rows] == [1.0, 10.0, 100.0]
