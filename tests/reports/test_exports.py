"""Exports of a run: the same bytes each time, whole or not at all, and a PDF where there is a browser."""

from __future__ import annotations

import hashlib
import io
import json
import stat
import tempfile
import zipfile
from pathlib import Path
from shutil import copytree

import openpyxl
import pypdf
import pytest

from workbench.cli import main
from workbench.errors import BadInput, RunFailed, UsageError, WorkspaceError
from workbench.reports.exports import FORMATS, export
from workbench.reports.pdf import print_page
from workbench.reports.runs import run
from workbench.reports.verification import verify
from workbench.store.workspace import Workspace

from .conftest import NASTY, OPEN, make_workspace, write_notebook
from .test_publication import ROWS, SHOW

PLAIN = ("csv", "excel", "html", "json", "pdf")


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a workspace with a completed run; tests work on copies."""
    folder = tmp_path_factory.mktemp("original")
    made = make_workspace(folder / "w")
    path = write_notebook(folder, "small", OPEN, SHOW, ROWS, parameters="campaign = None\nwindow = None")
    assert run(made, str(path), {"campaign": NASTY[1]}).completed
    return made.path


@pytest.fixture
def workspace(original: Path, tmp_path: Path) -> Workspace:
    return Workspace.open(copytree(original, tmp_path / "w"))


@pytest.fixture
def without_browser(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))


def _browser(folder: Path, monkeypatch: pytest.MonkeyPatch, script: str) -> None:
    """Put a program where Chromium would be found."""
    program = folder / "bin" / "chromium"
    program.parent.mkdir()
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv("PATH", f"{program.parent}:/usr/bin:/bin")


@pytest.mark.usefixtures("without_browser")
def test_the_same_files_twice(workspace: Workspace, tmp_path: Path) -> None:
    first, second = (export(workspace, "small", tmp_path / to, formats=[*PLAIN, "zip"]) for to in "ab")
    assert [file.path.suffix for file in first.files] == [".csv", ".xlsx", ".html", ".json", ".pdf", ".zip"]
    assert len({file.path.stem for file in first.files}) == 1
    for one, two in zip(first.files, second.files, strict=True):
        content = one.path.read_bytes()
        assert content == two.path.read_bytes()
        assert hashlib.sha256(content).hexdigest() == one.sha256 == two.sha256
        assert len(content) == one.size
    assert not first.notes
    told = json.loads((workspace.runs_path / first.run / "published.json").read_text())
    assert told["exports"] == {file.path.name: file.sha256 for file in first.files}
    assert verify(workspace, "small").same


@pytest.mark.usefixtures("without_browser")
def test_where_a_file_cannot_be_written(workspace: Workspace, tmp_path: Path) -> None:
    done = export(workspace, "small", tmp_path / "out", formats=["csv"])
    done.files[0].path.unlink()
    done.files[0].path.mkdir()
    with pytest.raises(BadInput, match="the file cannot be written: Is a directory"):
        export(workspace, "small", tmp_path / "out", formats=["csv"])
    assert [path.name for path in (tmp_path / "out").iterdir()] == [done.files[0].path.name]


@pytest.mark.usefixtures("without_browser")
def test_the_bundle_holds_all_and_the_hash_of_each(workspace: Workspace, tmp_path: Path) -> None:
    done = export(workspace, "small", tmp_path / "out")
    with zipfile.ZipFile(done.files[0].path) as bundle:
        assert bundle.testzip() is None
        parts = {name: bundle.read(name) for name in bundle.namelist()}
        assert {entry.date_time for entry in bundle.infolist()} == {(1980, 1, 1, 0, 0, 0)}
    ran = workspace.runs_path / done.run
    assert list(parts) == [
        "SHA256SUMS",
        "receipt.json",
        *(f"report.{ending}" for ending in ("csv", "html", "json", "pdf", "xlsx")),
    ]
    assert parts["receipt.json"] == (ran / "receipt.json").read_bytes()
    assert parts["report.html"] == (ran / "report.html").read_bytes()
    sums = dict(line.split("  ")[::-1] for line in parts.pop("SHA256SUMS").decode().splitlines())
    assert sums == {name: hashlib.sha256(content).hexdigest() for name, content in parts.items()}
    book = openpyxl.load_workbook(io.BytesIO(parts["report.xlsx"]))
    assert book["Report"]["B1"].value == f"Small report: {NASTY[1]}"
    notes = [row[-3].value for row in book.worksheets[1].iter_rows()]
    assert not [cell for sheet in book for row in sheet.iter_rows() for cell in row if cell.data_type == "f"]
    assert notes


def test_what_cannot_be_exported(workspace: Workspace, tmp_path: Path) -> None:
    out = tmp_path / "out"
    ended = copytree(
        next(workspace.runs_path.glob("small-*")), workspace.runs_path / "broken-0123456789abcdef"
    )
    (ended / "receipt.json").unlink()  # as every run is left that did not complete
    for run_id, formats, error, says in (
        ("broken", ["zip"], WorkspaceError, "did not complete"),
        ("nope", ["zip"], WorkspaceError, "There is no run 'nope'"),
        ("small", ["exel"], UsageError, "Did you mean 'excel'?"),
        ("small", [], UsageError, "needs a format"),
    ):
        with pytest.raises(error, match=says.replace("?", r"\?")):
            export(workspace, run_id, out, formats=formats)
    with pytest.raises(BadInput):
        export(workspace, "small", workspace.runs_path / "x", formats=["json"])
    assert not out.exists()


@pytest.mark.usefixtures("without_browser")
def test_chromium_is_not_there(workspace: Workspace, tmp_path: Path) -> None:
    with pytest.raises(
        UsageError, match=r"No Chromium was found .* Install Chromium .* Or leave it to Typst"
    ):
        export(workspace, "small", tmp_path / "out", formats=["csv", "pdf"], printer="chromium")
    with pytest.raises(UsageError, match="Did you mean 'typst'"):
        export(workspace, "small", tmp_path / "out", formats=["pdf"], printer="tyst")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("script", "says"),
    [
        ("sleep 60", "within 0.5 s"),
        ("echo it broke >&2; exit 3", "did not print the report: it broke"),
        (
            'for w in "$@"; do case $w in --print-to-pdf=*) printf %%PDF- > "${w#*=}";; esac; done',
            "did not print",
        ),
    ],
)
def test_a_browser_that_fails_leaves_nothing(
    workspace: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, script: str, says: str
) -> None:
    _browser(tmp_path, monkeypatch, script)
    (tmp_path / "t").mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "t"))
    with pytest.raises(RunFailed, match=says):
        export(workspace, "small", tmp_path / "out", formats=["csv", "pdf"], printer="chromium", seconds=0.5)
    assert not list((tmp_path / "out").iterdir())
    assert not list((tmp_path / "t").iterdir())


@pytest.mark.usefixtures("without_browser")
def test_the_command(
    workspace: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    words = ["export", "small", "--workspace", "w", "--to", "out"]
    with pytest.raises(SystemExit) as left:
        main([*words, "--format", "excel", "--format", "json", "--json"])
    told = json.loads(capsys.readouterr().out)
    assert left.value.code in {0, None}
    assert [file["format"] for file in told["files"]] == ["excel", "json"]
    assert all(Path(file["path"]).is_file() for file in told["files"])
    with pytest.raises(SystemExit) as left:
        main([*words, "--format", "pdf", "--printer", "chromium"])
    assert left.value.code == 2
    with pytest.raises(SystemExit):
        main(words)
    said = capsys.readouterr()
    assert said.out.strip().endswith(".zip")


@pytest.mark.browser
def test_a_pdf_of_a_real_browser(
    workspace: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with tempfile.TemporaryDirectory() as temporary:
        monkeypatch.setattr("tempfile.tempdir", temporary)
        done = export(workspace, "small", tmp_path / "out", formats=["pdf", "zip"], printer="chromium")
        assert not list(Path(temporary).iterdir())
    assert not done.notes
    printed = done.files[0].path.read_bytes()
    with zipfile.ZipFile(done.files[1].path) as bundle:
        assert bundle.read("report.pdf") == printed
    document = pypdf.PdfReader(io.BytesIO(printed))
    text = " ".join(page.extract_text() for page in document.pages)
    assert "€1,200" in text
    assert "Small report" in text
    assert 1 <= len(document.pages) <= 4
    width, height = (float(x) for x in document.pages[0].mediabox[2:])
    assert (round(width / 72 * 25.4), round(height / 72 * 25.4)) == (210, 297)
    assert str(tmp_path).encode() not in printed
    assert b"/JavaScript" not in printed
    ended = json.loads((workspace.runs_path / done.run / "record.json").read_text())["ended"]
    assert document.metadata is not None
    assert document.metadata.creation_date is not None
    assert document.metadata.creation_date.isoformat(timespec="seconds")[:19] == ended[:19]


@pytest.mark.browser
def test_nothing_in_a_page_runs_while_it_is_printed() -> None:
    page = b"<html><head></head><body>plain<script>document.body.append('ran')</script></body></html>"
    once, again = (print_page(page, ended="2024-01-02T03:04:05+00:00") for _ in range(2))
    assert once == again
    assert pypdf.PdfReader(io.BytesIO(once)).pages[0].extract_text().split() == ["plain"]


def test_every_format_has_an_ending_of_its_own() -> None:
    assert len(set(FORMATS.values())) == len(FORMATS)
