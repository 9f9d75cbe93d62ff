"""Which reports of a workspace can be delivered: those that are published, and as they were published."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from workbench.errors import WorkspaceError
from workbench.governance.names import slug
from workbench.reports.delivery_letter import Report, ReportFile
from workbench.reports.gallery_page import Entry, headline
from workbench.reports.notebook import sha256, to_bytes
from workbench.reports.publication import FIGURES, PAGE, TABLE, campaign_names, listed, newest_of, subject_of
from workbench.reports.record import RunRecord, read_record, run_folder
from workbench.reports.runs import executed_notebook, list_runs
from workbench.reports.verification import published_hashes

if TYPE_CHECKING:
    from workbench.store.workspace import Workspace

_FILES = {"html": PAGE, "json": FIGURES, "csv": TABLE}
_SHORT = 16


def chosen_reports(
    workspace: Workspace, runs: Sequence[str], published: Path
) -> tuple[list[Report], list[str]]:
    """Return the published reports of some runs, and what is to be said of others.

    Parameters
    ----------
    workspace : Workspace
        Whose runs are meant.
    runs : sequence of str
        Their ids, or the beginnings of ids; none means the newest of every notebook and parameter set.
    published : Path
        The folder of the gallery, whose pages are linked.

    Raises
    ------
    WorkspaceError
        If a run that is named does not exist, did not complete, or was not published.
    """
    names = campaign_names(workspace)
    pages = {entry.run: entry.page for entry in listed(published)}
    if runs:
        folders = dict.fromkeys(run_folder(workspace.runs_path, id_) for id_ in runs)
        return [_report(folder, names, pages) for folder in folders], []
    reports, notes = [], []
    for record in newest_of(list_runs(workspace)):
        try:
            reports.append(_report(workspace.runs_path / record.id, names, pages))
        except WorkspaceError as error:
            notes.append(str(error))
    return reports, notes


def _report(folder: Path, names: Mapping[str, str], pages: Mapping[str, str | None]) -> Report:
    record = read_record(folder)
    if record is None or record.status != "completed":
        raise WorkspaceError(f"The run {folder.name} did not complete, so there is no report to deliver.")
    hashes = published_hashes(folder)
    files = {
        form: ReportFile(path=folder / name, sha256=hashes[name])
        for form, name in _FILES.items()
        if name in hashes and (folder / name).is_file()
    }
    for form, name in _FILES.items():
        if form not in files:
            raise WorkspaceError(f"The run {folder.name} is not published. Do first: workbench publish")
        if sha256((folder / name).read_bytes()) != hashes[name]:
            raise WorkspaceError(
                f"{name} of the run {folder.name} is not what was published. Do again: workbench publish"
            )
    figures = json.loads((folder / FIGURES).read_bytes())
    # A run that is repeated ends at another time, and says the same.
    figures.pop("timestamp", None)
    subject = subject_of(record, names)
    return Report(
        entry=Entry.of(record, subject, pages.get(record.id), headline(executed_notebook(folder))),
        name=_file_name(record, subject),
        files=files,
        content=sha256(to_bytes(figures)),
    )


def _file_name(record: RunRecord, subject: str) -> str:
    plain = slug(f"{record.notebook} {subject[:200]}", record.notebook)[:40].rstrip("-_")
    return f"{plain}-{record.id[-_SHORT:]}"
