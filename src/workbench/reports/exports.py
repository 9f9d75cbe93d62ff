"""One completed run as files for other people: Excel, PDF, page, figures, or all of them as one ZIP file."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from workbench.errors import BadInput, UsageError, WorkspaceError, unknown_name
from workbench.governance.names import slug
from workbench.reports.notebook import sha256
from workbench.reports.pdf import HOW_TO, SECONDS, find_browser, print_page
from workbench.reports.publication import campaign_names, checked_folder, subject_of
from workbench.reports.receipt import read_receipt, receipt_bytes
from workbench.reports.record import RECEIPT, RunRecord, read_record, run_folder, write_whole
from workbench.reports.rendering import FIGURES, PAGE, TABLE, record_exports, rendered, titled
from workbench.reports.runs import executed_notebook
from workbench.reports.workbook import workbook

if TYPE_CHECKING:
    from nbformat import NotebookNode

    from workbench.store.workspace import Workspace

# What may be asked for -> the ending of its file.
FORMATS = {"csv": "csv", "excel": "xlsx", "html": "html", "json": "json", "pdf": "pdf", "zip": "zip"}
PRINTERS = ("typst", "chromium")
_SHORT = 16
_SUMS = "SHA256SUMS"


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportedFile:
    """A file that was written.

    Parameters
    ----------
    format : str
        One of `FORMATS`.
    path : Path
        Where it is.
    size : int
        Bytes.
    sha256 : str
        Its hash.
    """

    format: str
    path: Path
    size: int
    sha256: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Exported:
    """What was exported of a run.

    Parameters
    ----------
    run : str
        The run's id.
    files : tuple of ExportedFile
        In the order asked for.
    notes : tuple of str
        What could not be put in, and why.
    """

    run: str
    files: tuple[ExportedFile, ...]
    notes: tuple[str, ...] = ()

    @property
    def sentence(self) -> str:
        """Return which files there are."""
        names = ", ".join(str(file.path) for file in self.files)
        return f"{self.run} is exported: {names}."

    def to_json(self) -> dict[str, Any]:
        """Return the export as JSON values."""
        files = [
            {"format": file.format, "path": str(file.path), "sha256": file.sha256, "size": file.size}
            for file in self.files
        ]
        return {"files": files, "notes": list(self.notes), "run": self.run, "says": self.sentence}


def export(
    workspace: Workspace,
    run_id: str,
    to: str | Path,
    *,
    formats: Iterable[str] = ("zip",),
    printer: str = PRINTERS[0],
    seconds: float = SECONDS,
) -> Exported:
    """Write a completed run in other formats; all files are made before the first is written.

    A run gives the same bytes whenever it is exported, by the same code and, for PDF, with the same fonts
    installed, or the same Chromium.

    Parameters
    ----------
    workspace : Workspace
        Whose run it is.
    run_id : str
        The run's id, or the beginning of one.
    to : path
        The folder; made if it does not exist.
    formats : iterable of str
        Any of ``csv``, ``excel``, ``html``, ``json``, ``pdf`` and ``zip``. The last holds all others and the
        receipt.
    printer : str
        What makes the PDF: ``typst`` is fast, needs no browser and writes for screen readers too;
        ``chromium`` prints the page as it looks.
    seconds : float
        After which a browser that does not print is ended.

    Raises
    ------
    BadInput
        If the folder cannot be one for reports, or a file cannot be written.
    RunFailed
        If the browser did not print, or the PDF could not be typeset.
    UsageError
        If a format or a printer is unknown, or there is no browser and one is asked for.
    WorkspaceError
        If there is no such run, or it did not complete.
    """
    asked = _checked_formats(formats)
    run = run_folder(workspace.runs_path, run_id)
    record, receipt = read_record(run), read_receipt(run)
    if record is None or record.status != "completed":
        raise WorkspaceError(f"The run {run.name} cannot be exported: it did not complete.")
    _check_printer(printer, asked)
    folder = checked_folder(workspace, Path(to))
    subject = subject_of(record, campaign_names(workspace, [record]))
    contents = _contents(rendered(workspace, run, record, subject), subject, asked)
    notes: list[str] = []
    if {"pdf", "zip"} & set(asked):
        notebook = titled(record, receipt, executed_notebook(run), subject)
        contents["pdf"] = _pdf(
            notebook, contents["html"], record, printer=printer, seconds=seconds, notes=notes
        )
    if "zip" in asked:
        contents["zip"] = _bundle(contents, receipt_bytes(receipt))
    plain = slug(f"{record.notebook} {subject[:200]}", record.notebook)[:40].rstrip("-_")
    name = f"{plain}-{run.name[-_SHORT:]}"
    files = [_written(folder / f"{name}.{FORMATS[one]}", one, contents[one]) for one in asked]
    try:
        record_exports(run, {file.path.name: file.sha256 for file in files})
    except OSError as error:
        notes.append(f"The hashes could not be kept with the run: {error.strerror}.")
    return Exported(run=run.name, files=tuple(files), notes=tuple(notes))


def _checked_formats(formats: Iterable[str]) -> list[str]:
    asked = list(dict.fromkeys(formats))
    for one in asked:
        if one not in FORMATS:
            raise unknown_name("format", one, FORMATS)
    if not asked:
        raise UsageError(f"An export needs a format: {', '.join(FORMATS)}.")
    return asked


def _check_printer(printer: str, asked: list[str]) -> None:
    if printer not in PRINTERS:
        raise unknown_name("printer", printer, PRINTERS)
    if printer == "chromium" and {"pdf", "zip"} & set(asked) and find_browser() is None:
        raise UsageError(f"No Chromium was found to print with. {HOW_TO} Or leave it to Typst.")


def _contents(run: Path, subject: str, asked: list[str]) -> dict[str, bytes]:
    """Return the content of each file but the PDF that is asked for or goes into the bundle, by format."""
    contents = {
        "html": (run / PAGE).read_bytes(),
        "json": (run / FIGURES).read_bytes(),
        "csv": (run / TABLE).read_bytes(),
    }
    if {"excel", "zip"} & set(asked):
        contents["excel"] = workbook(json.loads(contents["json"]), subject=subject)
    return contents


def _pdf(
    notebook: NotebookNode, html: bytes, record: RunRecord, *, printer: str, seconds: float, notes: list[str]
) -> bytes:
    """Return the report as PDF; `notes` takes what is to be said of it."""
    if printer == "chromium":
        return print_page(html, ended=record.ended, seconds=seconds)
    from workbench.reports.typeset import typeset_report

    made = typeset_report(notebook, html.decode("utf-8", errors="replace"), ended=record.ended)
    if not made.accessible:
        notes.append(
            "The PDF is not made for screen readers: no font here has every character of the report."
        )
    return made.content


def _bundle(contents: Mapping[str, bytes], receipt: bytes) -> bytes:
    """Return a ZIP file of the same bytes for the same contents, with the hash of each beside them."""
    files = {f"report.{FORMATS[one]}": content for one, content in contents.items()} | {RECEIPT: receipt}
    sums = "".join(f"{sha256(content)}  {name}\n" for name, content in sorted(files.items()))
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as archive:
        for name, content in sorted((files | {_SUMS: sums.encode()}).items()):
            entry = zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0))
            entry.create_system, entry.external_attr = 3, 0o644 << 16
            entry.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(entry, content)
    return made.getvalue()


def _written(path: Path, format_: str, content: bytes) -> ExportedFile:
    try:
        write_whole(path, content)
    except OSError as error:
        raise BadInput(f"the file cannot be written: {error.strerror}", file=path) from None
    return ExportedFile(format=format_, path=path, size=len(content), sha256=sha256(content))
