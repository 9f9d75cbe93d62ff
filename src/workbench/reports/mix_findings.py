"""What a kept media mix run has to say, as one value for a page."""

from __future__ import annotations

from typing import TYPE_CHECKING

from workbench.errors import NotEnoughData
from workbench.mmm.report import MixReport, mix_report
from workbench.reports.mix_runs import mix_run

if TYPE_CHECKING:
    from pathlib import Path

    from workbench.store.workspace import Workspace


def mix_findings(
    workspace: Workspace | str | Path, run: str | None = None, *, before: str | None = None
) -> MixReport:
    """Return all that a run of a workspace has to say, or why there is nothing.

    Parameters
    ----------
    workspace : Workspace or path
        Where the run was kept.
    run : str, optional
        Its id, or the beginning of it; by default the newest that completed.
    before : str, optional
        An earlier run to compare with.

    Raises
    ------
    WorkspaceError
        If there is no such run.
    RunFailed
        If it failed.
    """
    try:
        found = mix_run(workspace, run or "")
    except NotEnoughData as reason:
        return MixReport(missing=str(reason))
    earlier = mix_run(workspace, before).fit if before else None
    return mix_report(found.fit, before=earlier)
