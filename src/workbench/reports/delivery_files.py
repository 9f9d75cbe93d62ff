"""The files of a report that a plan wants: those that are not there yet are made."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from workbench.errors import WorkbenchError
from workbench.reports.delivery_faults import NotSent
from workbench.reports.delivery_letter import Report, ReportFile
from workbench.reports.notebook import sha256

if TYPE_CHECKING:
    from workbench.store.workspace import Workspace

_FOLDER = "exports"


def with_files(report: Report, forms: Sequence[str], workspace: Workspace) -> tuple[Report, dict[str, str]]:
    """Return a report with the files of some forms, and why a file could not be made, by its name.

    Parameters
    ----------
    report : Report
        As it was published.
    forms : sequence of str
        Any of ``html``, ``pdf``, ``excel``, ``json`` and ``csv``.
    workspace : Workspace
        Whose run it is; files that are made lie in its cache.

    Raises
    ------
    NotSent
        If none of the forms can be had.
    """
    from workbench.reports.exports import FORMATS

    files, missing = dict(report.files), {}
    for form in forms:
        name = f"{report.name}.{FORMATS[form]}"
        try:
            if form not in files:
                files[form] = _kept(report, name, workspace) or _made(report, form, workspace)
        except (WorkbenchError, OSError) as error:
            missing[name] = str(error).rstrip(".")
    if missing and len(missing) == len(forms):
        raise NotSent("; ".join(missing.values()))
    return replace(report, files=files), missing


def _made(report: Report, form: str, workspace: Workspace) -> ReportFile:
    from workbench.reports.exports import export

    done = export(workspace, report.entry.run, workspace.cache_path / _FOLDER, formats=[form])
    return ReportFile(path=done.files[0].path, sha256=done.files[0].sha256)


def _kept(report: Report, name: str, workspace: Workspace) -> ReportFile | None:
    """Return the file that was made of the page as it is now, if there is one."""
    path = workspace.cache_path / _FOLDER / name
    try:
        published = workspace.runs_path / report.entry.run / "published.json"
        hash_ = json.loads(published.read_text(encoding="utf-8"))["exports"][name]
        return ReportFile(path=path, sha256=hash_) if sha256(path.read_bytes()) == hash_ else None
    except (OSError, ValueError, KeyError, TypeError):
        return None
