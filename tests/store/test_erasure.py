"""An erased person is in no table, no version, no byte; everybody else stays."""

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from workbench.errors import UsageError, WorkspaceError
from workbench.events.tables import TABLES
from workbench.experiments.definition import Experiment
from workbench.experiments.records.keeping import Change, Decision
from workbench.experiments.records.kept import kept_experiment
from workbench.store import Workspace
from workbench.store.compaction import compact
from workbench.store.erasure import erase, files_naming
from workbench.store.experiments import keep_decision, keep_definition
from workbench.store.schema import user_key

USERS = 300
WHO = "person-117@example.org"


def fill(workspace: Workspace, load_id: str = "a") -> None:
    who = "CASE WHEN i % 300 = 117 THEN 'person-117@example.org' ELSE 'person-' || (i % 300) END"
    at = "TIMESTAMPTZ '2024-01-01 00:00:00+00' + to_hours(CAST(i AS INTEGER))"
    source = f"(SELECT i, {who} AS who, {at} AS moment FROM range(3000) AS r(i))"
    with workspace.writer() as writer, writer.transaction(load_id) as load:
        load.append(
            "events",
            f"SELECT 'e' || i AS event_id, 'user_engaged' AS event_type, moment AS \"timestamp\", "
            f"who AS user_id, 'mobile' AS \"source\", '{{}}' AS properties, moment AS ingested_at, "
            f"false AS late_arrival FROM {source}",
        )
        load.append(
            "facts",
            f"SELECT 'user_engaged' AS event_type, CAST(moment AS DATE) AS day, moment AS \"timestamp\", "
            f"{user_key('who')} AS user_key, 'mobile' AS \"source\", 0 AS lag_minutes, false AS late_arrival "
            f"FROM {source}",
        )
        load.upsert(
            "users", f"SELECT DISTINCT who AS user_id, TIMESTAMPTZ '2023-01-01' AS signup_at FROM {source}"
        )
        load.append(
            "orders",
            f"SELECT 'o' || i AS order_id, 1 AS line, who AS user_id, moment AS ordered_at, "
            f"1 AS order_value, false AS is_return FROM {source} WHERE i < 600",
        )
        load.upsert("contacts", f"SELECT DISTINCT who AS email, who AS contact_id FROM {source}")
        load.append(
            "quarantine",
            f"SELECT 'users' AS table_name, 'f.jsonl' AS file, i AS line, "
            f"'{{\"user_id\": \"' || who || '\"}}' AS raw, 'future' AS reasons, now() AS quarantined_at "
            f"FROM {source} WHERE i < 300",
        )
        load.commit()


def test_an_erased_person_is_nowhere(workspace: Workspace) -> None:
    fill(workspace)
    with workspace.writer() as writer:
        # An earlier version with the person's rows in other files.
        compact(writer)
        with writer.transaction("b") as load:
            load.upsert("users", "SELECT 'person-1' AS user_id, TIMESTAMPTZ '2023-01-02' AS signup_at")
            load.commit()
    (workspace.cache_path / "frames").mkdir()
    (workspace.cache_path / "frames" / "x.csv").write_text(f"user\n{WHO}\n")
    with workspace.writer() as writer:
        erased = erase(writer, WHO)
    assert erased.rows == {"events": 10, "facts": 10, "users": 1, "orders": 2, "contacts": 1, "quarantine": 1}
    assert erased.remaining == ()
    assert "no file" in erased.sentence
    for path in workspace.path.rglob("*"):
        if path.is_file():
            assert WHO.encode() not in path.read_bytes(), path
        if path.suffix == ".parquet" and "_delta_log" not in path.parts:
            assert WHO not in str(pq.read_table(path).to_pydict()), path
    snapshot = workspace.tables()
    assert snapshot.version == erased.version
    assert snapshot.rows["events"] == snapshot.rows["facts"] == 2990
    assert (
        snapshot.query(f"SELECT count(*) AS n FROM facts WHERE user_key = {user_key(repr(WHO))}")["n"][
            0
        ].as_py()
        == 0
    )
    assert snapshot.frame("loads")["load_id"].tolist()[:2] == ["init", "a"]


def test_an_earlier_version_says_why_it_cannot_be_read(workspace: Workspace) -> None:
    fill(workspace)
    open_before = workspace.tables(2)
    with workspace.writer() as writer:
        erase(writer, WHO)
    with pytest.raises(WorkspaceError, match="a user was erased"):
        workspace.tables(2)
    with pytest.raises(WorkspaceError, match="cannot be read any more"):
        open_before.query("SELECT sum(length(event_id)) FROM events")


def test_erasing_touches_one_bucket_and_can_be_repeated(workspace: Workspace) -> None:
    fill(workspace)
    folder = workspace.store_path / "events"
    before = {path: path.stat().st_mtime_ns for path in folder.rglob("*.parquet")}
    with workspace.writer() as writer:
        erase(writer, WHO)
        again = erase(writer, WHO)
    after = {path: path.stat().st_mtime_ns for path in folder.rglob("*.parquet")}
    assert again.rows == {}
    assert again.files_deleted == 0
    assert len(set(before) - set(after)) == 4  # one bucket of four months
    assert all(after[path] == written for path, written in before.items() if path in after)


def test_many_are_erased_together(workspace: Workspace) -> None:
    fill(workspace)
    with workspace.writer() as writer:
        erased = erase(writer, WHO, "person-11", "person-1", "nobody")
    assert erased.rows == {
        "events": 30,
        "facts": 30,
        "users": 3,
        "orders": 6,
        "contacts": 3,
        "quarantine": 3,
    }
    assert erased.remaining == ()
    tables = workspace.tables()
    assert tables.rows["events"] == tables.rows["facts"] == 2970
    assert tables.query("SELECT count(DISTINCT user_id) AS n FROM events")["n"].to_pylist() == [USERS - 3]


def test_an_id_that_is_part_of_another_takes_nobody_else(workspace: Workspace) -> None:
    fill(workspace)
    with workspace.writer() as writer:
        assert erase(writer, "person-11").rows["events"] == 10
        assert erase(writer, "person-1' OR true --").rows == {}
        with pytest.raises(UsageError):
            erase(writer, "")
        with pytest.raises(UsageError):
            erase(writer)
    snapshot = workspace.tables()
    left = snapshot.query("SELECT count(DISTINCT user_id) AS n FROM events")["n"][0].as_py()
    assert left == USERS - 1
    assert snapshot.query("SELECT count(*) AS n FROM quarantine")["n"][0].as_py() == USERS - 1


def test_reports_that_print_the_id_are_named(workspace: Workspace) -> None:
    fill(workspace)
    report = workspace.runs_path / "r1" / "report.html"
    report.parent.mkdir()
    report.write_text(f"<td>{WHO}</td>")
    with workspace.writer() as writer:
        assert erase(writer, WHO).remaining == ("runs/r1/report.html",)


def test_the_search_finds_words_only(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b'{"user": "u-1"}')
    (tmp_path / "b").write_bytes(b"u-12 xu-1")
    (tmp_path / "c").write_bytes(b"\x00\x03u-1\x18")
    (tmp_path / "empty").write_bytes(b"")
    assert list(files_naming(tmp_path, "u-1")) == ["a", "c"]


def test_every_table_with_a_person_is_looked_at() -> None:
    with_people = {name for name, definition in TABLES.items() if definition.user}
    assert {
        name for name, it in TABLES.items() if {"user_id", "email", "user_key"} & set(it.columns)
    } == with_people


def test_an_id_is_struck_out_of_what_was_written_about_experiments(workspace: Workspace) -> None:
    fill(workspace)
    who = ("person-117", "control")  # one has the name of a variant
    plan = Experiment(
        name="form", primary="orders", hypothesis="As person-117 and person-1170 said.", minimum_effect=0.05
    )
    at = datetime(2024, 1, 5, tzinfo=UTC)
    change = Change(
        version=1, experiment=plan, changed_at=at, changed_by="me", reason="person-117 person-117 asked"
    )
    keep_definition(workspace, change.to_row())
    decision = Decision(
        name="form",
        number=1,
        decision="stop",
        variant="control",
        why="Ask person-117; not person-118.",
        figures={},
        data_version=1,
        decided_at=at,
        decided_by="me",
    )
    keep_decision(workspace, decision.to_row())
    with workspace.writer() as writer:
        found = erase(writer, *who)
    assert found.texts == 2
    assert "struck out of 2 texts" in found.sentence
    kept = kept_experiment(workspace.tables(), "form")
    assert kept.changes[0].reason == "(erased) (erased) asked"
    assert kept.decisions[0].why == "Ask (erased); not person-118."
    assert kept.decisions[0].variant == "control"
    assert kept.experiment == replace(plan, hypothesis="As (erased) and person-1170 said.")
    # What is left is of another person, whose address begins alike.
    assert not [path for path in files_naming(workspace.path, "person-117") if "experiment_" in path]
    with workspace.writer() as writer:
        assert erase(writer, *who).texts == 0
