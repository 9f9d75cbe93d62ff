"""`workbench schedule`, called as a person calls it."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

import workbench.cli.schedule
from workbench.cli import main
from workbench.cli.app import app

assert workbench.cli.schedule  # its import adds the commands

CELL = {"cell_type": "code", "id": "a", "metadata": {"tags": ["parameters"]}, "outputs": []}


@pytest.fixture
def folder(empty_workspace: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a folder with a workspace `w`, and a schedule whose only entry fails."""
    shutil.copytree(empty_workspace, tmp_path / "w")
    cells = [CELL | {"source": "top = 3", "execution_count": None}]
    cells += [{**CELL, "id": "b", "metadata": {}, "source": "1 / 0", "execution_count": None}]
    notebook = {"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 5}
    (tmp_path / "broken.ipynb").write_text(json.dumps(notebook))
    entry = "{name: 'Every morning', cron: '0 6 * * *', notebook: broken.ipynb, parameters: {top: 4}}"
    (tmp_path / "s.yaml").write_text(f"time_zone: Asia/Kathmandu\nentries: [{entry}]")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def call(*words: str, code: int = 0) -> Result:
    done = CliRunner().invoke(app, ["schedule", *words])
    assert done.exit_code == code, (done.output, done.exception)
    return done


def test_from_a_failure_to_its_alert(folder: Path) -> None:
    assert call("run", "s.yaml", "-w", "w", "--once", "--json").stdout == ""  # the past is not owed
    done = call("run", "s.yaml", "-w", "w", "--entry", "Every morning", "--json", code=1)
    told = json.loads(done.stdout)
    assert (told["entry"], told["status"]) == ("Every morning", "failed")
    assert told["due"].endswith("T06:00:00+05:45")
    assert "ALERT: Every morning, due" in done.stderr
    assert "ZeroDivisionError" in done.stderr
    for words in ([], ["--alerts"]):
        assert json.loads(call("history", "-w", "w", "--json", *words).stdout) == [told]
    assert "ALERT: Every morning" in call("history", "-w", "w").stdout


def test_list_and_export(folder: Path) -> None:
    listed = json.loads(call("list", "s.yaml", "--next", "2", "--json").stdout)
    assert [one["at"][10:] for one in listed] == ["T06:00:00+05:45"] * 2
    assert "Asia/Kathmandu" in call("list", "s.yaml").stdout
    assert "0 6 * * * " in call("export", "crontab", "s.yaml", "-w", "w").stdout
    written = call("export", "systemd", "s.yaml", "-w", "w", "--to", "units").stdout.split()
    assert sorted(written) == ["units/workbench-every-morning.service", "units/workbench-every-morning.timer"]
    assert all((folder / name).is_file() for name in written)


@pytest.mark.parametrize(
    ("words", "code", "says"),
    [
        (["run", "none.yaml", "-w", "w"], 3, "No such file"),
        (["run", "s.yaml", "-w", "nowhere"], 3, "There is no workspace"),
        (["run", "s.yaml", "-w", "w", "--entry", "Every mourning"], 2, "Did you mean 'Every morning'?"),
        (["export", "kron", "s.yaml", "-w", "w"], 2, "No scheduler named 'kron'"),
        (["export", "kubernetes", "s.yaml", "-w", "w"], 3, "--image"),
        (["export", "crontab", "s.yaml", "-w", "w", "--to", "s.yaml/x"], 3, "cannot be written: Not a direc"),
        (["run", "/dev/zero", "-w", "w"], 3, "/dev/zero: the file is too large; expected at most 64 KiB"),
    ],
)
def test_what_is_wrong_is_said_with_its_exit_code(
    folder: Path, capsys: pytest.CaptureFixture[str], words: list[str], code: int, says: str
) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["schedule", *words])
    assert ended.value.code == code
    assert says in capsys.readouterr().err
