"""The commands that run notebooks and publish what they say."""

from __future__ import annotations

import json
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from workbench.cli.app import app

if TYPE_CHECKING:
    from workbench.reports.record import RunRecord
    from workbench.store.workspace import Workspace

WorkspaceOption = Annotated[Path, typer.Option("--workspace", "-w", help="The workspace's folder.")]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON.")]
_WIDTH = 100


def _open(path: Path) -> Workspace:
    from workbench.store.workspace import Workspace

    return Workspace.open(path)


def _print_json(value: object) -> None:
    typer.echo(json.dumps(value, indent=1, ensure_ascii=True))


def _say(text: str) -> None:
    typer.echo(text, err=True)


@contextmanager
def _stoppable() -> Iterator[None]:
    """Treat a polite end (SIGTERM) like Ctrl-C, so that runs are recorded as cancelled."""

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


@app.command()
def run(
    notebook: Annotated[str, typer.Argument(help="The name of a notebook, or the path of one.")],
    *,
    workspace: WorkspaceOption,
    params: Annotated[Path | None, typer.Option("--params", help="A YAML file of parameters.")] = None,
    parameter: Annotated[
        list[str] | None, typer.Option("-p", metavar="NAME=VALUE", help="One parameter; may be repeated.")
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Repeat a run that completed before.")] = False,
    timeout: Annotated[float, typer.Option(help="Seconds after which the run is ended.", min=1)] = 900,
    as_json: JsonOption = False,
) -> None:
    """Run one notebook; a run whose inputs have not changed is not repeated."""
    from workbench.reports.batch_file import read_parameter_file
    from workbench.reports.execution import Limits
    from workbench.reports.journal import store_ended_runs
    from workbench.reports.notebook import find_notebook
    from workbench.reports.parameters import read_assignments, read_parameters
    from workbench.reports.runs import run as run_notebook

    found = find_notebook(notebook)
    values = read_parameter_file(params, found.name) if params else {}
    read_parameters(found.parameters, values, source=str(params))
    values |= read_assignments(found.parameters, parameter or [])
    opened = _open(workspace)
    with _stoppable():
        done = run_notebook(
            opened, found, values, force=force, limits=Limits(seconds=timeout), progress=_progress()
        )
    store_ended_runs(opened)
    if as_json:
        _print_json(done.to_json())
    else:
        _say(done.sentence)
        typer.echo(str(done.folder))
    if not done.completed:
        raise typer.Exit(1)


@app.command()
def runs(*, workspace: WorkspaceOption, as_json: JsonOption = False) -> None:
    """List the runs of a workspace, the newest first."""
    from workbench.reports.runs import list_runs

    records = list_runs(_open(workspace))
    if as_json:
        _print_json([record.to_json() for record in records])
        return
    for record in records:
        seconds = f"{record.duration:.1f} s" if record.duration is not None else ""
        label = " ".join(record.label.split())[:_WIDTH]
        typer.echo(f"{record.id:34s} {record.status:10s} {record.started or '':30s} {seconds:>8s}  {label}")
    if not records:
        _say("No runs yet.")


def _progress() -> Callable[[RunRecord], None] | None:
    """Return what draws the progress of one run on a terminal; None where nobody looks."""
    if not sys.stderr.isatty():
        return None

    def draw(record: RunRecord) -> None:
        done = round(record.progress * 20)
        sys.stderr.write(f"\r{record.notebook} [{'#' * done}{'.' * (20 - done)}] {record.progress:4.0%}")
        sys.stderr.write("\n" if record.progress >= 1 else "")
        sys.stderr.flush()

    return draw
