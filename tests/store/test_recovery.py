"""A writer that is killed at any moment leaves all of a load or nothing; readers never see half of one."""

import json
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from workbench.errors import WorkspaceError
from workbench.store import Workspace

WRITER = Path(__file__).with_name("writing.py")


def start(workspace: Workspace, first: int) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, str(WRITER), str(workspace.path), str(first)], stdout=subprocess.PIPE
    )


def sums(workspace: Workspace) -> tuple[int, int, set[str]]:
    """Return the sums of two tables that every load keeps equal, and the loads seen, at one version."""
    snapshot = workspace.tables(threads=1)
    rows = snapshot.query(
        "SELECT (SELECT coalesce(sum(order_value), 0) FROM orders) AS orders, "
        "(SELECT coalesce(sum(spend), 0) FROM daily_performance) AS spend"
    ).to_pylist()[0]
    loads = set(snapshot.query("SELECT load_id FROM loads WHERE operation <> 'init'")["load_id"].to_pylist())
    return int(rows["orders"]), int(rows["spend"]), loads


def kill_repeatedly(workspace: Workspace, times: int, seed: int) -> None:
    rng = random.Random(seed)  # noqa: S311 - moments, not secrets
    done: set[str] = set()
    for _ in range(times):
        process = start(workspace, len(done))
        assert process.stdout is not None
        process.stdout.readline()  # the writer is open
        time.sleep(rng.uniform(0, 0.35))
        orders, spend, _ = sums(workspace)
        assert orders == spend
        process.send_signal(signal.SIGKILL)
        acknowledged = {line.decode().strip() for line in process.stdout}
        process.wait()
        with workspace.writer(threads=1):
            assert list((workspace.path / "pending").iterdir()) == []
        orders, spend, seen = sums(workspace)
        assert acknowledged <= seen
        assert done <= seen
        assert orders == spend == sum(int(name) + 1 for name in seen)
        done = seen
    assert done
    named = {
        path
        for table in ("orders", "daily_performance")
        for version in range(1, workspace.tables().version + 1)
        for path in referenced(workspace, table, version)
    }
    stored = {path for table in ("orders", "daily_performance") for path in files(workspace, table)}
    assert stored == named  # nothing half-written is left


def referenced(workspace: Workspace, table: str, version: int) -> list[Path]:
    from workbench.store.delta import data_files
    from workbench.store.loads import head

    folder = workspace.store_path / table
    at = head(workspace.store_path, version).versions[table]
    return [folder / file.path for file in data_files(folder, at)]


def files(workspace: Workspace, table: str) -> list[Path]:
    return list((workspace.store_path / table).glob("*.parquet"))


def test_a_killed_writer_leaves_all_or_nothing(workspace: Workspace) -> None:
    kill_repeatedly(workspace, 5, seed=1)


@pytest.mark.slow
def test_fifty_killed_writers_leave_all_or_nothing(workspace: Workspace) -> None:
    kill_repeatedly(workspace, 50, seed=2)


@pytest.mark.parametrize("commits", [0, 1, 2])
def test_a_decided_load_is_completed_from_any_step(
    workspace: Workspace, commits: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    from workbench.store import recovery

    class CrashError(Exception):
        pass

    left = [commits]
    real = recovery.delta.commit

    def dying(*arguments: object, **_: object) -> int:
        if left[0] == 0:
            raise CrashError
        left[0] -= 1
        return real(*arguments)

    def write() -> None:
        with workspace.writer() as writer, writer.transaction("0") as load:
            load.append("orders", order(0))
            load.append("daily_performance", day(0))
            load.commit()

    with monkeypatch.context() as patch:
        patch.setattr(recovery.delta, "commit", dying)
        if commits == 2:
            patch.setattr(recovery, "append_load", dying)
        with pytest.raises(CrashError):
            write()
    assert sums(workspace)[:2] == (0, 0)
    for _ in range(2):
        with workspace.writer():
            pass
        assert sums(workspace) == (1, 1, {"0"})


def test_readers_see_whole_loads_while_one_writes(workspace: Workspace) -> None:
    process = start(workspace, 0)
    assert process.stdout is not None
    process.stdout.readline()
    end = time.monotonic() + 500
    versions: set[int] = set()
    while len(versions) < 5 and time.monotonic() < end:
        orders, spend, seen = sums(workspace)
        assert orders == spend == sum(int(name) + 1 for name in seen)
        versions.add(len(seen))
    process.kill()
    process.wait()
    assert len(versions) == 5


def test_what_is_pending_names_files_only(workspace: Workspace) -> None:
    with workspace.writer() as writer, writer.transaction("../../x") as load:
        load.append("orders", order(3))
        (note,) = (workspace.path / "pending").iterdir()
        assert note.parent == workspace.path / "pending"
        load.commit()
    assert json.loads((workspace.path / "workspace.json").read_text())["name"] == "acme"
    assert list((workspace.path / "pending").iterdir()) == []


def test_a_decision_that_cannot_be_read_is_named(workspace: Workspace) -> None:
    note = workspace.path / "pending" / "a.json"
    for text in ("", '{"record": {}}', "[]"):
        note.write_text(text)
        with pytest.raises(WorkspaceError, match=r"is damaged: .*a\.json tells what"), workspace.writer():
            pass
    assert workspace.tables().version == 1


def order(number: int) -> str:
    return (
        f"SELECT 'o{number}' AS order_id, 1 AS line, now() AS ordered_at, {number + 1} AS order_value, "
        "false AS is_return"
    )


def day(number: int) -> str:
    key = f"DATE '2024-01-01' AS date, 'c{number}' AS campaign_id, 'email' AS channel"
    return f"SELECT {key}, {number + 1} AS spend"
