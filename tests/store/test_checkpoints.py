"""Checkpoints of the logs: they save reading and change nothing, whole or half written, kept or thinned."""

import shutil
from concurrent.futures import ThreadPoolExecutor

import pytest
from deltalake import DeltaTable
from deltalake.exceptions import DeltaError

from workbench.store import Workspace, checkpoints, delta
from workbench.store.loads import head


def load(workspace: Workspace, *names: str) -> None:
    """Add one order in each of the loads of these names."""
    with workspace.writer(threads=1) as writer:
        for name in names:
            with writer.transaction(name) as transaction:
                transaction.append(
                    "orders",
                    f"SELECT '{name}' AS order_id, 1 AS line, now() AS ordered_at, 1 AS order_value,"
                    " false AS is_return",
                )
                transaction.commit()


def orders(workspace: Workspace, version: int | None = None) -> list[str]:
    """Return what a process that has read nothing yet finds at a version."""
    delta._OPENED.clear()
    delta._data_files.cache_clear()
    found = workspace.tables(version, threads=1).listed("SELECT order_id FROM orders ORDER BY order_id")
    return [name for (name,) in found]


def written(workspace: Workspace, table: str) -> list[int]:
    log = workspace.store_path / table / "_delta_log"
    return sorted(int(path.name[:20]) for path in log.glob("*.checkpoint.parquet"))


@pytest.fixture
def often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checkpoints, "APART", 1)
    monkeypatch.setattr(checkpoints, "KEPT", 2)


@pytest.mark.usefixtures("often")
def test_thinned_checkpoints_leave_every_version_and_every_load_known(workspace: Workspace) -> None:
    names = [f"o{number}" for number in range(6)]
    load(workspace, *names[:5])
    load(workspace, *names)  # all but the last are done
    assert written(workspace, "orders") == [1, 2, 4, 5, 6]
    for version in (1, 3, 6):
        assert orders(workspace, version + 1) == names[:version]
    folder = workspace.store_path / "orders"
    assert all(delta.has_load(folder, name) for name in names)
    assert not delta.has_load(folder, "o6")


@pytest.mark.usefixtures("often")
def test_a_checkpoint_that_a_power_cut_left_half_written_is_taken_away(workspace: Workspace) -> None:
    load(workspace, "a")
    log = workspace.store_path / "orders" / "_delta_log"
    for version, half in enumerate([b"", b"PAR1 and no more", None], start=2):
        load(workspace, f"b{version}")
        newest = log / f"{version:020}.checkpoint.parquet"
        assert newest.exists()
        newest.unlink() if half is None else newest.write_bytes(half)
        with pytest.raises(DeltaError):
            DeltaTable(log.parent)
        with workspace.writer(threads=1):
            assert version not in written(workspace, "orders")
        assert orders(workspace) == ["a", *(f"b{number}" for number in range(2, version + 1))]


@pytest.mark.usefixtures("often")
def test_a_disk_that_takes_no_checkpoint_keeps_no_load_from_ending(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(DeltaTable, "create_checkpoint", full)
    load(workspace, "a")
    assert written(workspace, "orders") == []
    assert orders(workspace) == ["a"]


def test_a_table_opened_before_an_older_copy_was_restored_is_not_used(workspace: Workspace) -> None:
    load(workspace, "a")
    shutil.copytree(workspace.store_path, workspace.path / "copy")
    load(workspace, "b")
    shutil.rmtree(workspace.store_path)
    (workspace.path / "copy").rename(workspace.store_path)
    load(workspace, "c")
    assert not delta.has_load(workspace.store_path / "orders", "b")
    assert workspace.tables(threads=1).listed("SELECT order_id FROM orders ORDER BY order_id") == [
        ("a",),
        ("c",),
    ]


def test_threads_that_read_different_versions_at_once_find_their_own_files(workspace: Workspace) -> None:
    load(workspace, *"abc")
    assert written(workspace, "orders") == []  # they come seldom
    folder = workspace.store_path / "orders"
    versions = [head(workspace.store_path, number).versions["orders"] for number in range(1, 5)]

    def count(version: int) -> int:
        delta._data_files.cache_clear()
        return len(delta.data_files(folder, version)) - version

    with ThreadPoolExecutor(4) as pool:
        assert set(pool.map(count, versions * 20)) == {0}
