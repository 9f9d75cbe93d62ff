"""What is computed on a workspace is noted beside the tables, and told as events exactly once."""

from __future__ import annotations

import json
import random
import shutil
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import pytest

from workbench.errors import UsageError
from workbench.metrics import measure
from workbench.metrics.system_metrics import PRICE_PER_HOUR
from workbench.store import Workspace
from workbench.store.ingest import ingest
from workbench.store.journal import recording, tell

TELLER = Path(__file__).with_name("telling.py")
PROPERTIES = {"metrics": "ctr", "rows_returned": 1}


def add_file(workspace: Workspace, name: str, days: int = 10) -> Path:
    path = workspace.path.parent / f"{name}.csv"
    lines = [f"2024-03-{day + 1:02},{name},email,1000,40,10.5" for day in range(days)]
    path.write_text("\n".join(["date,campaign_id,channel,impressions,clicks,spend", *lines]))
    return path


@pytest.fixture(scope="module")
def original(empty_workspace: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a workspace of ten days, to be copied."""
    made = Workspace.open(shutil.copytree(empty_workspace, tmp_path_factory.mktemp("loaded") / "acme"))
    ingest(made, [add_file(made, "a")])
    return Path(made.path)


@pytest.fixture
def loaded(original: Path, tmp_path: Path) -> Workspace:
    made = Workspace.open(shutil.copytree(original, tmp_path / "acme"))
    add_file(made, "a")
    return made


def notes(workspace: Workspace) -> list[dict[str, Any]]:
    found = sorted((workspace.path / "journal").glob("*.json"))
    return [json.loads(path.read_text()) for path in found]


def told(workspace: Workspace) -> list[dict[str, Any]]:
    return (
        workspace.tables()
        .query(
            "SELECT event_id, timestamp, ingested_at, properties FROM events"
            " WHERE event_type = 'metric_calculation_completed' ORDER BY event_id"
        )
        .to_pylist()
    )


def note(workspace: Workspace, **properties: object) -> None:
    with recording(workspace.path, "metric_calculation_completed", PROPERTIES | properties):
        pass


def test_an_evaluation_is_noted_and_changes_no_data(loaded: Workspace) -> None:
    before = loaded.tables()
    found = measure(before, ["ctr", "cpc"], by="campaign")
    (noted,) = notes(loaded)
    assert noted["event_type"] == "metric_calculation_completed"
    assert noted["properties"]["metrics"] == "ctr, cpc"
    assert noted["properties"]["rows_returned"] == len(found.rows)
    assert noted["properties"]["status"] == "success"
    assert noted["properties"]["compute_seconds"] > 0
    after = loaded.tables()
    assert (after.version, dict(after.versions)) == (before.version, dict(before.versions))


def test_the_next_load_tells_and_the_cost_can_be_derived_again(loaded: Workspace) -> None:
    tables = loaded.tables()
    assert "no metric calculation completed event recorded" in measure(tables, "cost_per_query").rows[0].note
    for name in ("ctr", "cpc", "spend"):
        measure(tables, name)
    seconds = [noted["properties"]["compute_seconds"] for noted in notes(loaded)]
    assert len(seconds) == 4
    ingest(loaded, [add_file(loaded, "b")])
    assert notes(loaded) == []
    told_now = told(loaded)
    assert [json.loads(row["properties"])["compute_seconds"] for row in told_now] == seconds
    assert all(row["ingested_at"] == row["timestamp"] for row in told_now)
    found = measure(loaded.tables(), "cost_per_query").rows[0]
    assert found.denominator == 4
    assert found.value == pytest.approx(sum(seconds) / 4 * PRICE_PER_HOUR / 3600, rel=1e-9)


def test_a_load_that_changes_nothing_tells_nothing(loaded: Workspace) -> None:
    measure(loaded.tables(), "ctr")
    version = loaded.tables().version
    ingest(loaded, [loaded.path.parent / "a.csv"])
    assert loaded.tables().version == version
    assert len(notes(loaded)) == 1


def test_what_the_workbench_records_of_itself_makes_no_day_complete(loaded: Workspace) -> None:
    from datetime import UTC, datetime

    measure(loaded.tables(), "ctr")
    (path,) = (loaded.path / "journal").glob("*.json")
    moved = json.loads(path.read_text()) | {"timestamp": datetime(2024, 3, 20, tzinfo=UTC).isoformat()}
    path.write_text(json.dumps(moved))
    ingest(loaded, [add_file(loaded, "b")])
    with loaded.writer() as writer, writer.transaction("visit") as load:
        load.append(
            "facts",
            "SELECT 'campaign_clicked' AS event_type, DATE '2024-03-01' AS day,"
            " TIMESTAMPTZ '2024-03-01 00:00:00Z' AS timestamp, 1 AS user_key, 'mobile' AS source,"
            " 0.0 AS lag_minutes, false AS late_arrival",
        )
        load.commit()
    assert measure(loaded.tables(), "ctr", window="2024-03-01:2024-03-20").rows[0].share == 1 / 20


def test_a_refused_question_is_not_noted_and_a_failure_is(loaded: Workspace) -> None:
    with pytest.raises(UsageError):
        measure(loaded.tables(), "spend", by="cohort")
    assert notes(loaded) == []
    with (
        pytest.raises(ZeroDivisionError),
        recording(loaded.path, "metric_calculation_completed", {"metrics": "ctr"}),
    ):
        raise ZeroDivisionError
    assert [noted["properties"]["status"] for noted in notes(loaded)] == ["failure"]
    ingest(loaded, [add_file(loaded, "b")])
    assert [json.loads(row["properties"])["rows_returned"] for row in told(loaded)] == [0]
    assert "quarantine" not in loaded.tables().names


def test_who_cannot_write_still_measures(loaded: Workspace) -> None:
    tables = loaded.tables()
    shutil.rmtree(loaded.path / "journal")
    assert measure(tables, "ctr").value("ctr") == 0.04


def _link(path: Path) -> None:
    secret = path.parents[2] / "secret.txt"
    secret.write_text("outside")
    path.symlink_to(secret)


def _writes(text: str) -> Callable[[Path], None]:
    return lambda path: path.write_text(text.replace("ID", path.stem)) and None


_SOUND = (
    '{"event_id": "ID", "event_type": "metric_calculation_completed", "timestamp": "2024-03-01T00:00:00Z", '
)
HOSTILE = {
    "empty": _writes(""),
    "cut": _writes('{"event_id": "ID", "event_ty'),
    "list": _writes("[1]"),
    "another id": _writes(_SOUND.replace("ID", "x") + '"properties": {}}'),
    "another type": _writes(
        '{"event_id": "ID", "event_type": "user_purchased", "timestamp": "2024-03-01T00:00:00Z",'
        ' "properties": {"order_value": 1e9}}'
    ),
    "nothing inside": _writes(_SOUND + '"properties": {}}'),
    "not a number": _writes(
        _SOUND + '"properties": {"metrics": "x", "status": "success", "duration_seconds": NaN,'
        ' "compute_seconds": "1); DROP TABLE events; --", "rows_returned": 1}}'
    ),
    "no day": _writes(
        _SOUND.replace("2024-03-01T00:00:00Z", "soon") + '"properties": {"metrics": "x", "status": "success",'
        ' "duration_seconds": 1, "compute_seconds": 1, "rows_returned": 1}}'
    ),
    "huge": _writes(_SOUND + '"properties": {"metrics": "' + "x" * 200_000 + '"}}'),
    "link": _link,
}


def test_a_note_that_is_none_goes_to_the_quarantine_with_the_reason(loaded: Workspace) -> None:
    for make in HOSTILE.values():
        make(loaded.path / "journal" / f"{uuid.uuid4()}.json")
    note(loaded, metrics="x'); DROP TABLE events; --\u202e<script>")
    with loaded.writer() as writer:
        assert tell(loaded.path, writer) == 1
    assert len(told(loaded)) == 1
    rows = loaded.tables().query("SELECT raw, reasons FROM quarantine").to_pylist()
    assert len(rows) == len(HOSTILE)
    assert all(row["reasons"] for row in rows)
    assert not any("outside" in row["raw"] for row in rows)
    assert list((loaded.path / "journal").iterdir()) == []


def test_killed_tellers_tell_every_note_once(workspace: Workspace) -> None:
    rng = random.Random(3)  # noqa: S311 - moments, not secrets
    acknowledged = 0
    for _ in range(3):
        process = subprocess.Popen([sys.executable, str(TELLER), str(workspace.path)], stdout=subprocess.PIPE)
        assert process.stdout is not None
        process.stdout.readline()
        time.sleep(rng.uniform(0.05, 0.5))
        process.send_signal(signal.SIGKILL)
        acknowledged += len(process.stdout.readlines())
        process.wait()
    with workspace.writer(threads=1) as writer:
        tell(workspace.path, writer)
    assert not [path for path in (workspace.path / "journal").iterdir() if path.suffix != ".part"]
    ids = [row["event_id"] for row in told(workspace)]
    assert len(ids) == len(set(ids))
    # A note may have been written whose line was not.
    assert acknowledged <= len(ids) <= acknowledged + 3
    assert workspace.tables().rows["facts"] == len(ids)


@pytest.mark.parametrize("step", ["claiming", "committed", "deleting"])
def test_a_telling_that_breaks_off_is_ended_once(
    workspace: Workspace, step: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    from workbench.store import journal

    class CrashError(Exception):
        pass

    for _ in range(4):
        note(workspace)
    left = [2]
    real_move = Path.replace

    def move(path: Path, target: Path) -> Path:
        left[0] -= step == "claiming" and path.suffix == ".json"
        if left[0] < 0:
            raise CrashError
        return real_move(path, target)

    def delete(path: Path) -> None:
        if step == "deleting":
            next(path.iterdir()).unlink()
        raise CrashError

    with workspace.writer(threads=1) as writer, monkeypatch.context() as patch:
        patch.setattr(Path, "replace", move)
        patch.setattr(journal.shutil, "rmtree", delete)
        with pytest.raises(CrashError):
            tell(workspace.path, writer)
    note(workspace)
    with workspace.writer(threads=1) as writer:
        tell(workspace.path, writer)
    assert len({row["event_id"] for row in told(workspace)}) == len(told(workspace)) == 5


def measure_often(folder: str, times: int) -> None:
    tables = Workspace.open(folder).tables(threads=1)
    for _ in range(times):
        measure(tables, "ctr")


def test_processes_note_at_once_while_another_tells(loaded: Workspace) -> None:
    with ProcessPoolExecutor(2, mp_context=get_context("spawn")) as pool:
        jobs = [pool.submit(measure_often, str(loaded.path), 8) for _ in range(2)]
        while not all(job.done() for job in jobs):
            with loaded.writer(threads=1) as writer:
                tell(loaded.path, writer)
            time.sleep(0.05)
        for job in jobs:
            job.result()
    with loaded.writer(threads=1) as writer:
        tell(loaded.path, writer)
    assert len({row["event_id"] for row in told(loaded)}) == len(told(loaded)) == 16
