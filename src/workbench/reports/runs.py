"""Running a notebook on a workspace: planned first (and refused here if wrong), then executed, then kept."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from workbench.errors import RunFailed, WorkspaceError
from workbench.reports.admission import most_memory
from workbench.reports.claims import claimed
from workbench.reports.execution import Executed, Failure, Limits, execute
from workbench.reports.inputs import RunInputs, read_inputs
from workbench.reports.lease import lease, list_records, put_in_place, settle, working_directory
from workbench.reports.notebook import Notebook, find_notebook, sha256
from workbench.reports.parameter_kinds import RunParameters
from workbench.reports.parameters import name_fits, read_parameters
from workbench.reports.receipt import make_receipt, notebook_bytes, read_receipt, receipt_bytes
from workbench.reports.record import NOTEBOOK, RECEIPT, RunRecord, now, read_record, write_record, write_whole

if TYPE_CHECKING:
    from workbench.store.workspace import Workspace

Executor = Callable[..., Executed]  # `execute`, or what does the same elsewhere


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedRun:
    """A run that is known to be well-formed: its notebook, checked parameters, inputs and id.

    Its `timeout` is how many seconds it may take, where that is not as for all others. `filled_in` names the
    parameters whose value nobody gave.
    """

    id: str
    notebook: Notebook
    parameters: Mapping[str, Any]
    inputs: RunInputs
    label: str = ""
    timeout: float | None = None
    filled_in: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """A run and where its files are.

    Parameters
    ----------
    record : RunRecord
        What is known of it.
    folder : Path
        Its notebook, record and receipt.
    cached : bool
        Whether it had been completed before and was not repeated.
    """

    record: RunRecord
    folder: Path
    cached: bool = False

    @property
    def id(self) -> str:
        """Return the run's id."""
        return self.record.id

    @property
    def completed(self) -> bool:
        """Return whether the run ended well."""
        return self.record.status == "completed"

    @property
    def sentence(self) -> str:
        """Return what became of the run."""
        if self.cached:
            return f"{self.record.title} is unchanged since it was run: {self.id}."
        return self.record.sentence

    def to_json(self) -> dict[str, Any]:
        """Return the run as JSON values."""
        return self.record.to_json() | {"cached": self.cached, "folder": str(self.folder)}


def plan(
    notebook: Notebook,
    parameters: RunParameters | Mapping[str, object] | None,
    inputs: RunInputs,
    *,
    source: str | None = None,
) -> PlannedRun:
    """Return the run that would be made; `source` names the parameters' file in messages.

    Raises
    ------
    BadInput
        If a parameter is unknown or cannot take its value.
    """
    if not isinstance(parameters, RunParameters):
        parameters = read_parameters(notebook.parameters, parameters or {}, source=source)
    values, fits = name_fits(parameters, inputs.fits, source=source)
    inputs = replace(inputs, fits=fits, books=inputs.books if notebook.parameters.reads_books else "")
    defaults = {name: field.default for name, field in type(parameters).model_fields.items()}
    newest = parameters.newest_fit
    filled_in = (newest,) if newest and getattr(parameters, newest) is None and values[newest] else ()
    label = ", ".join(
        f"{name} {'all days' if value is None and name == 'window' else _written(value)}"
        for name, value in values.items()
        if value != defaults[name] and name not in filled_in
    )
    return PlannedRun(
        id=inputs.run_id(notebook.name, notebook.sha256, values),
        notebook=notebook,
        parameters=values,
        inputs=inputs,
        label=label[:500],
        filled_in=filled_in,
    )


def _written(value: object) -> object:
    return f"{value:,.0f}" if isinstance(value, float) and value.is_integer() else value


def run(
    workspace: Workspace,
    notebook: str | Notebook,
    parameters: RunParameters | Mapping[str, object] | None = None,
    *,
    force: bool = False,
    seed: int = 0,
    limits: Limits | None = None,
    progress: Callable[[RunRecord], None] | None = None,
) -> Run:
    """Return the run of a notebook on a workspace; one that was completed before is not repeated.

    Parameters
    ----------
    workspace : Workspace
        Whose data is read and whose runs folder keeps the result.
    notebook : str or Notebook
        The name of a notebook of the project, or the path of one.
    parameters : mapping or RunParameters, optional
        Name to value; the rest takes its default.
    force : bool
        Whether to repeat a completed run.
    seed : int
        Seeds the random number generators.
    limits : Limits, optional
        What the run may take, and a way to stop it. Where nothing is said of memory, four fifths of what is
        free.
    progress : callable, optional
        Called with the record whenever a cell begins.

    Returns
    -------
    Run
        Whose record says whether it completed, and in which cell it failed if it did not.
    """
    found = notebook if isinstance(notebook, Notebook) else find_notebook(notebook)
    planned = plan(found, parameters, read_inputs(workspace, seed=seed))
    limits = limits or Limits()
    limits = replace(limits, memory=limits.memory or most_memory())
    if not force and (before := completed_run(workspace, planned)) is not None:
        return before
    with kept(workspace):
        settle(workspace.runs_path)
        with claimed(workspace.runs_path, planned.id, limits.stop), lease(workspace.runs_path) as home:
            if not force and (before := completed_run(workspace, planned)) is not None:
                return before
            return perform(workspace, planned, home, limits=limits, progress=progress)


@contextmanager
def kept(workspace: Workspace) -> Iterator[None]:
    """Say clearly that runs cannot be kept, for want of space or of rights.

    Raises
    ------
    WorkspaceError
        Naming the folder and the reason.
    """
    try:
        yield
    except BrokenPipeError:  # somebody else's: whom progress is told to
        raise
    except OSError as error:
        raise WorkspaceError(
            f"Runs cannot be kept in {workspace.runs_path}: {error.strerror or error}. "
            "Runs that had ended are there, the others are not; put it right and start again."
        ) from None


def completed_run(workspace: Workspace, planned: PlannedRun) -> Run | None:
    """Return the completed run with the same inputs, if there is one."""
    folder = workspace.runs_path / planned.id
    record = read_record(folder)
    if record is None or record.status != "completed" or not (folder / RECEIPT).is_file():
        return None
    return Run(record=record, folder=folder, cached=True)


def perform(
    workspace: Workspace,
    planned: PlannedRun,
    home: Path,
    *,
    limits: Limits | None = None,
    progress: Callable[[RunRecord], None] | None = None,
    executor: Executor = execute,
    attempts: tuple[Failure, ...] = (),
) -> Run:
    """Execute a planned run under a lease and put it in its place, however it ends.

    `attempts` says why earlier attempts at it ended.
    """
    limits = limits or Limits()
    attempt = home / planned.id
    attempt.mkdir(exist_ok=True)
    planned = replace(planned, inputs=_pinned(workspace, planned))
    record = replace(
        queued_record(workspace, planned),
        status="running",
        started=now(),
        wanted_by=limits.wanted_by,
        attempts=attempts,
    )
    write_record(attempt, record)
    told = [record]

    def follow(done: int, total: int) -> None:
        told[0] = replace(record, progress=round(done / total, 3))
        write_record(attempt, told[0])
        if progress is not None:
            progress(told[0])

    version = planned.inputs.data_version
    try:
        with working_directory(workspace.runs_path, home) as folder:
            executed = executor(
                planned.notebook.source,
                {"workspace": "../..", "data_version": version, **planned.parameters},
                folder=folder,
                seed=planned.inputs.seed,
                limits=limits,
                progress=follow,
            )
    except BaseException as error:
        if not isinstance(error, Exception) or isinstance(error, RunFailed):
            stopped = Failure(kind="cancelled", message=f"the run was stopped ({type(error).__name__})")
            write_record(attempt, told[0].ending("cancelled", stopped))
            put_in_place(attempt, workspace.runs_path)
            raise
        # No process, no memory, no file for a kernel: another may go well.
        executed = Executed(notebook=dict(planned.notebook.source), failure=_unstarted(error))
    return _ended(workspace, attempt, planned, told[0], executed)


def _ended(
    workspace: Workspace, attempt: Path, planned: PlannedRun, record: RunRecord, executed: Executed
) -> Run:
    ended = _keep(attempt, planned, record, executed)
    return Run(record=ended, folder=put_in_place(attempt, workspace.runs_path))


def _unstarted(error: Exception) -> Failure:
    told = " ".join(f"{type(error).__name__}: {error}".split())
    return Failure(kind="system", message=told[:2000])


def queued_record(workspace: Workspace, planned: PlannedRun) -> RunRecord:
    """Return the record of a run that has yet to start."""
    return RunRecord(
        id=planned.id,
        notebook=planned.notebook.name,
        title=planned.notebook.title,
        parameters=planned.parameters,
        tenant=workspace.name,
        data_version=planned.inputs.data_version,
        status="queued",
        label=planned.label,
        filled_in=planned.filled_in,
    )


def _pinned(workspace: Workspace, planned: PlannedRun) -> RunInputs:
    """Return the inputs with the version that an earlier run with this id read: the data is the same."""
    try:
        earlier = int(read_receipt(workspace.runs_path / planned.id)["data"]["version"])
    except WorkspaceError:
        return planned.inputs
    return replace(planned.inputs, data_version=earlier)


def _keep(attempt: Path, planned: PlannedRun, record: RunRecord, executed: Executed) -> RunRecord:
    content = notebook_bytes(executed.notebook)
    write_whole(attempt / NOTEBOOK, content)
    failure: Failure | None = executed.failure
    record = replace(record, measured=asdict(executed.measured))
    if failure is None:
        receipt = make_receipt(
            planned.id,
            planned.notebook,
            planned.parameters,
            planned.inputs,
            executed.notebook,
            content=content,
        )
        write_whole(attempt / RECEIPT, receipt_bytes(receipt))
        ended = record.ending("completed")
    else:
        ended = record.ending("cancelled" if failure.kind == "cancelled" else "failed", failure)
    write_record(attempt, ended)
    return ended


def list_runs(workspace: Workspace) -> list[RunRecord]:
    """Return every run of a workspace, the newest first; folders copied from another are none of its own."""
    return [record for record in list_records(workspace.runs_path) if record.tenant == workspace.name]


def executed_notebook(folder: Path) -> dict[str, Any]:
    """Return the canonical notebook that a run left.

    Raises
    ------
    WorkspaceError
        If it is not what the run left: what somebody changed must not be published as a result.
    """
    told = read_receipt(folder)["result"]["sha256"]
    try:
        content = (folder / NOTEBOOK).read_bytes()
    except OSError as error:
        raise WorkspaceError(f"The notebook of {folder.name} cannot be read: {error.strerror}.") from None
    if sha256(content) != told:
        raise WorkspaceError(
            f"The notebook of {folder.name} was changed after the run: `workbench run --force` makes it anew."
        )
    return dict(json.loads(content))
