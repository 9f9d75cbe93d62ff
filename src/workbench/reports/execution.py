"""One notebook through papermill in one fresh kernel, with a time limit and a way to stop it."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from workbench.reports.kernel import FreshKernel, fresh_kernel
from workbench.reports.notebook import canonical

Progress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """Why a run ended badly, and in which cell.

    Parameters
    ----------
    kind : str
        ``error`` (the notebook raised), ``timeout``, ``kernel`` (it died), ``cancelled`` or ``killed``.
    message : str
        What happened, as one sentence or the exception's own words.
    cell, line : optional
        The number of the cell, counted from 1 in the executed notebook, and its first line.
    """

    kind: str
    message: str
    cell: int | None = None
    line: str | None = None

    def __str__(self) -> str:
        place = f" in cell {self.cell} ({self.line})" if self.cell else ""
        return f"{self.kind}{place}: {self.message}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Executed:
    """A notebook after its execution, in canonical form, and why it stopped early if it did."""

    notebook: dict[str, Any]
    failure: Failure | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """How long a run may take, what stops it early, and until when it is wanted.

    Parameters
    ----------
    seconds : float
        After which it is ended.
    stop : threading.Event
        Ends it when it is set.
    wanted_by : str, optional
        ISO 8601: a run that a schedule asks for is on time if it has ended by then.
    """

    seconds: float = 900.0
    stop: threading.Event = field(default_factory=threading.Event)
    wanted_by: str | None = None


def execute(
    source: Mapping[str, Any],
    parameters: Mapping[str, object],
    *,
    folder: Path,
    seed: int = 0,
    limits: Limits | None = None,
    progress: Progress | None = None,
) -> Executed:
    """Return the executed notebook.

    Parameters
    ----------
    source : mapping
        The notebook, without outputs.
    parameters : mapping
        Every value to set, checked.
    folder : Path
        An empty folder, two levels below the workspace: the notebook's working directory.
    seed : int
        Seeds the random number generators of the kernel.
    limits : Limits, optional
        The time limit, and an event that stops the run.
    progress : callable, optional
        Called with cells done and cells in all.
    """
    limits = limits or Limits()
    place: dict[str, int] = {"cell": 0}
    with fresh_kernel(seed) as kernel, _watched(kernel, limits) as reason:
        target = kernel.folder / "executed.ipynb"
        raised: Exception | None = None
        try:
            _papermill(source, parameters, kernel, target, folder, _follow(place, source, progress))
        except Exception as error:  # noqa: BLE001 - whatever ends a run is what the record says
            raised = error
        written = json.loads(target.read_text(encoding="utf-8")) if target.exists() else dict(source)
    notebook = canonical(written, folder.resolve().parents[1])
    failure = _failure(notebook, raised, reason, place["cell"]) if raised or reason else None
    return Executed(notebook=notebook, failure=failure)


def _papermill(
    source: Mapping[str, Any],
    parameters: Mapping[str, object],
    kernel: FreshKernel,
    target: Path,
    folder: Path,
    follow: Callable[..., None],
) -> None:
    import nbformat
    import papermill

    papermill.execute_notebook(
        nbformat.reads(json.dumps(source), as_version=4),  # type: ignore[no-untyped-call]
        str(target),
        parameters=dict(sorted(parameters.items())),  # one order, whoever asks
        progress_bar=False,
        kernel_name="python3",
        kernel_manager_class=kernel.manager_class,
        shutdown_kernel="immediate",
        resources={"metadata": {"path": str(folder)}},
        on_cell_start=follow,
        autosave_cell_every=0,
    )


def _follow(
    place: dict[str, int], source: Mapping[str, Any], progress: Progress | None
) -> Callable[..., None]:
    total = len(source["cells"]) + 1

    def follow(*, cell: object, cell_index: int) -> None:  # noqa: ARG001 - nbclient names both
        place["cell"] = cell_index + 1
        if progress is not None:
            progress(cell_index, total)

    return follow


@contextmanager
def _watched(kernel: FreshKernel, limits: Limits) -> Iterator[list[str]]:
    """Kill the kernel when time is up or the run is stopped; the list then holds the reason."""
    reason: list[str] = []
    ended = threading.Event()

    def watch() -> None:
        waited = 0.0
        while not ended.wait(0.1):
            waited += 0.1
            if limits.stop.is_set() or waited >= limits.seconds:
                if not reason:
                    reason.append("cancelled" if limits.stop.is_set() else "timeout")
                # A kernel that is about to start is there a moment later.
                if kernel.kill():
                    return

    watcher = threading.Thread(target=watch, daemon=True, name="run-limit")
    watcher.start()
    try:
        yield reason
    finally:
        ended.set()
        watcher.join()


def _failure(notebook: Mapping[str, Any], raised: Exception | None, reason: list[str], cell: int) -> Failure:
    from nbclient.exceptions import DeadKernelError
    from papermill.exceptions import PapermillExecutionError

    line = _first_line(notebook, cell)
    if "timeout" in reason:
        return Failure(kind="timeout", message="the time limit was reached", cell=cell or None, line=line)
    if "cancelled" in reason:
        return Failure(kind="cancelled", message="the run was stopped", cell=cell or None, line=line)
    if isinstance(raised, PapermillExecutionError):
        where = raised.cell_index + 1
        return Failure(
            kind="error",
            message=f"{raised.ename}: {raised.evalue}"[:2000],
            cell=where,
            line=_first_line(notebook, where),
        )
    if isinstance(raised, DeadKernelError):
        return Failure(
            kind="kernel", message="the kernel died; memory may have run out", cell=cell, line=line
        )
    told = " ".join(str(raised).split())[:2000] or type(raised).__name__
    return Failure(kind="kernel", message=told, cell=cell or None, line=line)


def _first_line(notebook: Mapping[str, Any], cell: int) -> str | None:
    if not 0 < cell <= len(notebook["cells"]):
        return None
    lines = str(notebook["cells"][cell - 1]["source"]).strip().splitlines()
    return lines[0][:120] if lines else None
