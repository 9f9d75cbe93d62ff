"""One notebook through papermill in one fresh kernel, with a time limit and a way to stop it."""

from __future__ import annotations

import json
import shutil
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from workbench.reports.kernel import FreshKernel, Measured, Source, fresh_kernel, imported_by
from workbench.reports.kernel_family import KernelFamily, runner_of
from workbench.reports.notebook import canonical, to_bytes

Progress = Callable[[int, int], None]
_LOST = "the warm parent ended during the run"
_LEFT = "the notebook ended its own kernel, with {}: no cell after it was run"
_LATER = 5.0  # seconds after which the warm parent ends what should have been ended here
_LONGEST_OUTPUT = 120  # seconds that what a cell shows may need after the cell has ended
_REASONS = {
    "cancelled": "the run was stopped",
    "memory": "the memory limit was reached",
    "timeout": "the time limit was reached",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """Why a run ended badly, and in which cell.

    Parameters
    ----------
    kind : str
        ``error`` (the notebook raised), ``timeout``, ``memory`` (it took more than it may), ``kernel`` (it
        died), ``system`` (it could not be started), ``cancelled`` or ``killed``.
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
    """A notebook after its execution, in canonical form, and why it stopped early if it did.

    Parameters
    ----------
    notebook : dict
        In canonical form.
    failure : Failure, optional
        Why it stopped early.
    measured : Measured
        What its kernel was and used.
    """

    notebook: dict[str, Any]
    failure: Failure | None
    measured: Measured = field(default_factory=Measured)


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
    memory : int, optional
        Bytes that the kernel and all it starts may hold together; more ends the run.
    """

    seconds: float = 900.0
    stop: threading.Event = field(default_factory=threading.Event)
    wanted_by: str | None = None
    memory: int | None = None


def execute(
    source: Mapping[str, Any],
    parameters: Mapping[str, object],
    *,
    folder: Path,
    seed: int = 0,
    limits: Limits | None = None,
    progress: Progress | None = None,
    warm: bool = True,
) -> Executed:
    """Return the executed notebook.

    The kernel is forked from the workspace's warm parent if one is there. If that parent is killed meanwhile,
    the notebook is executed once more, in a plain kernel.

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
    warm : bool
        Whether the kernel may be a fork.
    """
    limits = limits or Limits()
    asked = _Asked(source=source, parameters=parameters, folder=folder, seed=seed, progress=progress)
    done, lost = _executed(asked, limits, warm=warm)
    if not lost or limits.stop.is_set():
        return done
    for left in folder.iterdir():
        shutil.rmtree(left) if left.is_dir() and not left.is_symlink() else left.unlink()
    again = _executed(asked, limits, warm=False)[0]
    return replace(again, measured=replace(again.measured, why=_LOST))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Asked:
    source: Mapping[str, Any]
    parameters: Mapping[str, object]
    folder: Path
    seed: int
    progress: Progress | None


def _executed(asked: _Asked, limits: Limits, *, warm: bool) -> tuple[Executed, bool]:
    """Return the executed notebook, and whether its kernel was lost with the warm parent."""
    place: dict[str, int] = {"cell": 0}
    workspace = asked.folder.resolve().parents[1]
    modules = imported_by(asked.source)
    source = Source(
        of=str(workspace),
        preload=modules,
        warm=warm,
        seconds=limits.seconds + _LATER,
        runner=runner_of(asked.folder),
    )
    raised: Exception | None = None
    with fresh_kernel(asked.seed, source) as kernel, _watched(kernel, limits, asked.folder) as reason:
        seen: list[Any] = []
        try:
            _papermill(asked, kernel, seen, _follow(place, asked.source, asked.progress))
        except Exception as error:  # noqa: BLE001 - whatever ends a run is what the record says
            raised = error
    if kernel.overdue and not reason:
        reason.append("timeout")
    notebook = canonical(seen[0].nb if seen else asked.source, workspace)
    failure = _exit(notebook)
    if raised or reason:
        failure = _failure(notebook, raised, reason, place["cell"], kernel.code)
    executed = Executed(notebook=notebook, failure=failure, measured=kernel.measured)
    return executed, failure is not None and not reason and kernel.lost


def _papermill(asked: _Asked, kernel: FreshKernel, seen: list[Any], follow: Callable[..., None]) -> None:
    """Execute as papermill does, but write no file: not between cells, and none to be read again."""
    import papermill
    from papermill.execute import raise_for_execution_errors

    from workbench.reports.warm.papermill_engine import WarmEngine

    bare = kernel.folder / "bare.ipynb"
    bare.write_text(json.dumps(asked.source), encoding="utf-8")
    values = json.loads(to_bytes(dict(asked.parameters)))  # one order, whoever asks, and plain lists
    prepared = papermill.execute_notebook(
        str(bare), None, values, kernel_name="python3", progress_bar=False, prepare_only=True
    )
    done = WarmEngine.execute_notebook(
        prepared,
        "python3",
        progress_bar=False,
        kernel_manager_class=kernel.manager_class,
        seen=seen,
        resources={"metadata": {"path": str(asked.folder)}},
        on_cell_start=follow,
        on_cell_executed=_refuse_exit(prepared),
        autosave_cell_every=0,
        iopub_timeout=_LONGEST_OUTPUT,
    )
    raise_for_execution_errors(done, None)


def _follow(
    place: dict[str, int], source: Mapping[str, Any], progress: Progress | None
) -> Callable[..., None]:
    total = len(source["cells"]) + 1

    def follow(*, cell: object, cell_index: int) -> None:  # noqa: ARG001 - nbclient names both
        place["cell"] = cell_index + 1
        if progress is not None:
            progress(cell_index, total)

    return follow


class _NotebookExit(Exception):
    pass


def _refuse_exit(notebook: Any) -> Callable[..., None]:
    """Return what stops a run at a cell that says `exit`; else chance decides how many are still run."""
    last = max((place for place, cell in enumerate(notebook.cells) if cell.cell_type == "code"), default=0)

    def refuse(*, cell: object, cell_index: int, execute_reply: Mapping[str, Any]) -> None:  # noqa: ARG001
        asked = {one.get("source") for one in execute_reply["content"].get("payload") or ()}
        if "ask_exit" in asked and cell_index < last:
            raise _NotebookExit(_LEFT.format("exit"))

    return refuse


@contextmanager
def _watched(kernel: FreshKernel, limits: Limits, work: Path) -> Iterator[list[str]]:
    """Kill the kernel when time is up or the run is stopped; the list then holds the reason."""
    reason: list[str] = []
    ended = threading.Event()
    family = KernelFamily(kernel.started, kernel.folder, work)
    most = limits.memory or sys.maxsize

    def watch() -> None:
        until = time.monotonic() + limits.seconds
        while not ended.wait(0.1):
            over = family.held(most) > most
            if limits.stop.is_set() or time.monotonic() >= until or over:
                if not reason:
                    reason.append("cancelled" if limits.stop.is_set() else "memory" if over else "timeout")
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
        family.end()


def _failure(
    notebook: Mapping[str, Any], raised: Exception | None, reason: list[str], cell: int, code: int | None
) -> Failure:
    from nbclient.exceptions import DeadKernelError
    from papermill.exceptions import PapermillExecutionError

    line = _first_line(notebook, cell)
    if reason:
        return Failure(kind=reason[0], message=_REASONS[reason[0]], cell=cell or None, line=line)
    if isinstance(raised, PapermillExecutionError):
        where = raised.cell_index + 1
        return Failure(
            kind="error",
            message=f"{raised.ename}: {raised.evalue}"[:2000],
            cell=where,
            line=_first_line(notebook, where),
        )
    if isinstance(raised, DeadKernelError):
        kind, message = _ended(code)
        return Failure(kind=kind, message=message, cell=cell, line=line)
    if isinstance(raised, _NotebookExit):
        return Failure(kind="error", message=str(raised), cell=cell, line=line)
    told = " ".join(str(raised).split())[:2000] or type(raised).__name__
    return Failure(kind="kernel", message=told, cell=cell or None, line=line)


def _ended(code: int | None) -> tuple[str, str]:
    """Return the kind of a kernel's end within the notebook, and what is said of it."""
    if code is None:
        return "kernel", "the kernel died; memory may have run out"
    if code == -signal.SIGKILL:
        return "kernel", "the kernel was killed; memory may have run out"
    if code < 0:
        return "kernel", f"the kernel was ended by signal {-code} ({signal.strsignal(-code)})"
    return "error", _LEFT.format(f"exit code {code}")


def _exit(notebook: Mapping[str, Any]) -> Failure | None:
    """Return the failure of a notebook that left by itself, which papermill takes for a good end."""
    for number, cell in enumerate(notebook["cells"], start=1):
        if any(output.get("ename") == "SystemExit" for output in cell.get("outputs", [])):
            line = _first_line(notebook, number)
            left = "SystemExit: the cells after it were not run"
            return Failure(kind="error", message=left, cell=number, line=line)
    return None


def _first_line(notebook: Mapping[str, Any], cell: int) -> str | None:
    if not 0 < cell <= len(notebook["cells"]):
        return None
    lines = str(notebook["cells"][cell - 1]["source"]).strip().splitlines()
    return lines[0][:120] if lines else None
