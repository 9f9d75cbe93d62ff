"""Disks that are full, and folders that cannot be written: one clear error, and nothing half done."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import pytest

from workbench.reports.runs import run

from .conftest import make_workspace, write_notebook
from .crowded import on_small_disk

PROGRAM = Path(sys.executable).with_name("workbench")


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("original")
    assert run(make_workspace(folder / "w"), str(write_notebook(folder, "small", "1"))).completed
    return folder


def test_publishing_to_a_full_or_closed_disk_changes_nothing(original: Path, tmp_path: Path) -> None:
    shutil.copytree(original / "w", tmp_path / "w")
    out = tmp_path / "out"
    out.mkdir()
    (out / "index.json").write_text('{"reports": [], "tenant": "small"}')
    publish = f"{PROGRAM} publish --workspace {tmp_path / 'w'} --to {out}"
    done = on_small_disk(
        out,
        f"{publish}; echo full $?; mount -o remount,ro {out}; {publish}; echo closed $?",
        kilobytes=24,
        kept=tmp_path / "kept",
    )
    assert done.out == "full 3\nclosed 3\n", done.err
    assert "Traceback" not in done.err
    assert "the files cannot be written (No space left on device), and nothing there was changed" in done.err
    assert "the files cannot be written (Read-only file system)" in done.err
    assert done.files == {"index.json": b'{"reports": [], "tenant": "small"}'}
