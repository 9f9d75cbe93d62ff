"""What is said where the machine fails: one sentence and exit code 1, no traceback."""

from __future__ import annotations

import io
import os
import subprocess
import sys
from pathlib import Path

import pytest

from workbench.cli import main
from workbench.cli.app import say
from workbench.cli.faults import of_machine
from workbench.store import Workspace


def left(capsys: pytest.CaptureFixture[str], *arguments: object) -> str:
    with pytest.raises(SystemExit) as ended:
        main([str(argument) for argument in arguments])
    assert ended.value.code == 1
    printed = capsys.readouterr()
    assert not printed.out
    return printed.err


def test_a_folder_that_cannot_be_made(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "file").write_text("no folder")
    said = left(capsys, "init", tmp_path / "file" / "acme")
    assert said.startswith("workbench: ")
    assert "Not a directory" in said
    assert said.count("\n") == 1


def test_a_lock_that_cannot_be_opened(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = Workspace.create(tmp_path / "acme").path
    (folder / ".lock").unlink(missing_ok=True)
    (folder / ".lock").mkdir()
    (tmp_path / "a.csv").write_text("date,campaign_id,channel,spend\n2024-01-01,a,email,1\n")
    said = left(capsys, "ingest", tmp_path / "a.csv", "-w", folder)
    assert f"{folder / '.lock'}: Is a directory" in said
    assert "run the command again" in said


def test_a_load_that_was_decided_before_the_fault(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from workbench.store import recovery

    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    folder = Workspace.create(tmp_path / "acme").path
    (tmp_path / "a.csv").write_text("date,campaign_id,channel,spend\n2024-01-01,a,email,1\n")
    with monkeypatch.context() as patch:
        patch.setattr(recovery, "append_load", full)
        said = left(capsys, "ingest", tmp_path / "a.csv", "-w", folder)
    assert "all of it is on the disk and shows then, as already loaded" in said
    assert Workspace.open(folder).tables().rows["daily_performance"] == 0
    with pytest.raises(SystemExit):
        main(["ingest", str(tmp_path / "a.csv"), "-w", str(folder)])
    assert "already loaded" in capsys.readouterr().err
    assert Workspace.open(folder).tables().rows["daily_performance"] == 1


def test_where_nobody_reads_nothing_fails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder, file = Workspace.create(tmp_path / "acme").path, tmp_path / "a.csv"
    file.write_text("date,campaign_id,channel,spend\n2024-01-01,a,email,1\n")
    for command, closed in ((f"ingest {file}", "<&- >&- 2>&-"), ("quarantine", ">&-"), ("runs", "2>&-")):
        called = f'"{sys.executable}" -m workbench {command} -w "{folder}" {closed}'
        done = subprocess.run(["/bin/sh", "-c", called], stderr=subprocess.PIPE, text=True, check=False)
        assert done.returncode == 0, done.stderr
    full = Path("/dev/full").open("w")  # noqa: SIM115 - it cannot be closed without an error
    monkeypatch.setattr(sys, "stderr", full)
    say("the disk of the log is full")
    with pytest.raises(OSError, match="No space left"):
        full.close()


def test_who_wants_no_more_of_the_output_is_no_failure(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for arguments, stream, code in ((["metrics"], "stdout", 141), (["quality", "-w", "none"], "stderr", 3)):
        reads, writes = os.pipe()
        os.close(reads)
        unread = io.TextIOWrapper(io.FileIO(writes, "w"), encoding="utf-8", write_through=True)
        with monkeypatch.context() as patch:
            patch.setattr(sys, stream, unread)
            with pytest.raises(SystemExit) as ended:
                main(arguments)
        assert ended.value.code == code
    assert not capsys.readouterr().err


def test_a_full_disk_is_named_whatever_library_found_it() -> None:
    import duckdb
    from deltalake.exceptions import CommitFailedError

    full = "Unable to copy data to file \x1b[31m↳\x1b[0m No space left on device (os error 28)"
    for error in (OSError(full), CommitFailedError(full), duckdb.IOException(full)):
        assert (of_machine(error) or "").startswith("The disk is full. ")
    shut = of_machine(duckdb.IOException('Cannot open file "a": Permission denied\n\nLINE 1: SELECT ...'))
    assert (shut or "").startswith('Cannot open file "a": Permission denied. ')
    assert of_machine(duckdb.BinderException("a mistake of ours")) is None


def test_signs_that_an_encoding_lacks_are_written_by_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A log in Latin-1 has neither a euro nor a true minus: no figure would be there, or no loss."""
    log = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(log, encoding="latin-1", write_through=True))
    with pytest.raises(SystemExit) as ended:
        main(["init", str(tmp_path / "−5 € für März")])
    assert ended.value.code == 0
    assert log.getvalue().decode("latin-1").strip().endswith(r"\N{MINUS SIGN}5 \N{EURO SIGN} für März")
