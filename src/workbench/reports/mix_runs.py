"""The media mix runs of a workspace: listed, found by their id, and read again bit by bit."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING

from workbench.errors import BadInput, NotEnoughData, RunFailed, WorkspaceError
from workbench.mmm.run import MixRun
from workbench.result import html_table, told
from workbench.store.mix_runs import stored_run, stored_runs

if TYPE_CHECKING:
    import pandas as pd

    from workbench.mmm.fitted import MixFit
    from workbench.store.mix_runs import StoredRun
    from workbench.store.workspace import Workspace


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class FittedMix:
    """A run that ended well, with what it found.

    Parameters
    ----------
    run : MixRun
        Its record, with the gates.
    fit : MixFit
        Model, data and posterior, as they were written.
    folder : Path
        Where they lie.
    reused : bool
        Whether it had been fitted before and was not fitted again.
    """

    run: MixRun
    fit: MixFit
    folder: Path
    reused: bool = False

    @property
    def id(self) -> str:
        """Return the run's id."""
        return self.run.id

    @property
    def missed(self) -> tuple[str, ...]:
        """Return the gates that it missed, in words; empty where it may carry a decision."""
        return tuple(gate.words for gate in self.run.missed)

    @property
    def sentence(self) -> str:
        """Return what became of it."""
        if self.reused:
            return f"Nothing has changed since {self.id} was fitted. {self.run.sentence}"
        return self.run.sentence

    __repr__ = told

    def to_frame(self) -> pd.DataFrame:
        """Return its gates."""
        import pandas as pd

        return pd.DataFrame([asdict(gate) for gate in self.run.gates])

    def _repr_html_(self) -> str:
        return f"<p>{escape(self.sentence)}</p>{html_table(self.to_frame())}"


@dataclass(frozen=True, slots=True, kw_only=True)
class MixRuns:
    """The media mix runs of a workspace, the newest first."""

    rows: tuple[MixRun, ...]

    @property
    def sentence(self) -> str:
        """Return how many there are, and how they ended."""
        if not self.rows:
            return "No media mix model has been fitted yet: workbench mmm fit SPEC.yaml"
        trusted = sum(run.trusted for run in self.rows)
        runs = f"{len(self.rows)} media mix run{'' if len(self.rows) == 1 else 's'}"
        return f"{runs}: {trusted} completed and missed no gate."

    __repr__ = told

    def to_frame(self) -> pd.DataFrame:
        """Return one row for each run."""
        import pandas as pd

        rows = [
            {
                "run": run.id,
                "model": run.name,
                "status": run.status,
                "progress": run.progress,
                "gates missed": ", ".join(gate.gate for gate in run.missed),
                "created": run.created,
                "seconds": run.duration,
                "data": run.fingerprint[:12],
                "says": run.error or run.doing,
            }
            for run in self.rows
        ]
        return pd.DataFrame(rows)

    def _repr_html_(self) -> str:
        return html_table(self.to_frame(), self.sentence)


def mix_run(workspace: Workspace | str | Path, id_: str = "") -> FittedMix:
    """Return a completed run with what it found.

    Parameters
    ----------
    workspace : Workspace or path
        Where it was kept.
    id_ : str
        Its id, or the beginning of it; by default the newest that completed.

    Raises
    ------
    WorkspaceError
        If there is none, or a file of it is gone or was changed.
    NotEnoughData
        If it has not ended, or none has completed yet.
    RunFailed
        If it failed; the message says why.
    """
    opened = as_workspace(workspace)
    if not id_:
        found = mix_runs(opened)
        newest = next((run for run in found.rows if run.completed), None)
        if newest is None:
            raise NotEnoughData(f"No run has completed. {found.sentence}")
        id_ = newest.id
    return _read(stored_run(opened, id_))


def mix_record(workspace: Workspace, id_: str) -> MixRun:
    """Return the record of a run, however it ended.

    Raises
    ------
    WorkspaceError
        If there is none.
    """
    return _record(stored_run(workspace, id_))


def mix_runs(workspace: Workspace | str | Path) -> MixRuns:
    """Return the media mix runs of a workspace, the newest first; those whose process died are failed."""
    found = []
    for stored in stored_runs(as_workspace(workspace)):
        try:
            found.append(_record(stored))
        except WorkspaceError:  # of a later workbench: nothing can be said of it here
            continue
    return MixRuns(rows=tuple(sorted(found, key=lambda run: (run.created, run.id), reverse=True)))


def as_workspace(workspace: Workspace | str | Path) -> Workspace:
    """Return a workspace, opened where its path was given."""
    from workbench.store.workspace import Workspace

    return workspace if isinstance(workspace, Workspace) else Workspace.open(workspace)


def completed_mix(workspace: Workspace, key: str) -> FittedMix | None:
    """Return a completed run with a key, if there is one."""
    same = (one for one in stored_runs(workspace) if one.document.get("key") == key)
    found = next((one for one in same if one.document["status"] == "completed"), None)
    return None if found is None else _read(found)


def _record(stored: StoredRun) -> MixRun:
    try:
        return MixRun.from_document(stored.document)
    except BadInput as error:
        raise WorkspaceError(f"The record of {stored.folder.name!r} cannot be read: {error}") from None


def _read(stored: StoredRun) -> FittedMix:
    from workbench.reports.mix_files import read_fit

    run = _record(stored)
    if run.status == "failed":
        raise RunFailed(run.sentence)
    if not run.completed:
        raise NotEnoughData(f"{run.sentence} Wait until it has ended.")
    return FittedMix(run=run, fit=read_fit(stored.folder, run), folder=stored.folder)
