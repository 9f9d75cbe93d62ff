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

from workbench.cli.app import app, say

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


@contextmanager
def stoppable(
    said: str = "Stopped; what was running is recorded as cancelled.", code: int = 1
) -> Iterator[None]:
    """Treat a polite end (SIGTERM) like Ctrl-C, so that it is recorded, say so, and exit with a code."""

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    except KeyboardInterrupt:
        say(said)
        raise typer.Exit(code) from None
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
    limits = Limits(seconds=timeout)
    with stoppable():
        done = run_notebook(opened, found, values, force=force, limits=limits, progress=_progress())
    store_ended_runs(opened)
    if as_json:
        _print_json(done.to_json())
    else:
        say(_plain(done.sentence))
        typer.echo(str(done.folder))
    if not done.completed:
        raise typer.Exit(1)


@app.command()
def runs(
    *,
    workspace: WorkspaceOption,
    notebook: Annotated[str | None, typer.Option(help="Only runs of this notebook.")] = None,
    status: Annotated[
        str | None, typer.Option(help="Only those: queued, running, completed, failed or cancelled.")
    ] = None,
    since: Annotated[
        str | None, typer.Option(help="Only those started since: a day, a time, or how long ago (36h, 7d).")
    ] = None,
    text: Annotated[str, typer.Option(help="Words in the id, title, parameters or error.")] = "",
    limit: Annotated[int | None, typer.Option(help="How many at most.", min=1)] = None,
    as_json: JsonOption = False,
) -> None:
    """List the runs of a workspace, the newest first."""
    from datetime import UTC, datetime

    from workbench.reports.run_search import RunSearch, moment
    from workbench.reports.runs import list_runs

    after = moment(since, datetime.now(UTC)) if since is not None else None
    search = RunSearch(notebook=notebook, status=status, since=after, text=text, limit=limit)
    known = list_runs(_open(workspace))
    records = search.find(known)
    if as_json:
        _print_json([record.to_json() for record in records])
        return
    for record in records:
        seconds = f"{record.duration:.1f} s" if record.duration is not None else ""
        label = _plain(record.label)[:_WIDTH]
        typer.echo(f"{record.id:34s} {record.status:10s} {record.started or '':30s} {seconds:>8s}  {label}")
    if not records:
        say("No such runs." if known else "No runs yet.")


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


@app.command()
def batch(
    file: Annotated[Path, typer.Argument(help="A YAML file of runs.")],
    *,
    workspace: WorkspaceOption,
    jobs: Annotated[int | None, typer.Option(help="How many run at once.", min=1, max=64)] = None,
    force: Annotated[bool, typer.Option("--force", help="Repeat runs that completed before.")] = False,
    limit: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME=VALUE",
            help="What each run may take: timeout=SECONDS, memory=GB, retries=TIMES; may be repeated.",
        ),
    ] = None,
    on: Annotated[
        str | None,
        typer.Option("--on", metavar="dask://HOST:PORT", help="Run on the workers of a Dask cluster."),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Run many notebooks, a few at a time; what is done already is not repeated."""
    from workbench.reports.batches import batch as run_batch
    from workbench.reports.cluster import jobs_on

    limits = dict(one.partition("=")[::2] for one in limit or [])
    opened = _open(workspace)
    with stoppable(), jobs_on(on, opened, jobs=jobs) as there, _counting("runs") as told:
        done = run_batch(opened, file, jobs=there, force=force, limits=limits, told=told)
    for note in done.notes:
        say(note)
    for run_ in done.failed:
        say(_plain(run_.sentence))
    if as_json:
        _print_json(done.to_json())
    else:
        typer.echo(done.sentence)
    if done.failed:
        raise typer.Exit(1)


@app.command()
def verify(
    run_id: Annotated[str, typer.Argument(metavar="RUN", help="A run's id, or the beginning of one.")],
    *,
    workspace: WorkspaceOption,
    as_json: JsonOption = False,
) -> None:
    """Make a run again from its receipt and compare every output, byte for byte."""
    from workbench.reports.verification import verify as verify_run

    found = verify_run(_open(workspace), run_id)
    for note in found.notes:
        say(note)
    if as_json:
        _print_json(found.to_json())
    else:
        typer.echo(found.sentence)
    if not found.same:
        raise typer.Exit(1)


@app.command()
def publish(
    *,
    workspace: WorkspaceOption,
    to: Annotated[Path | None, typer.Option("--to", help="The folder; by default reports/NAME.")] = None,
    history: Annotated[int, typer.Option(help="Earlier runs listed with each report.", min=0, max=1000)] = 3,
    as_json: JsonOption = False,
) -> None:
    """Publish completed runs as self-contained pages, with their figures and a gallery."""
    from workbench.reports.publication import publish as publish_runs

    opened = _open(workspace)
    with _counting("reports") as told:
        done = publish_runs(opened, to or Path("reports") / opened.name, history=history, told=told)
    if as_json:
        _print_json(done.to_json())
    else:
        say(done.sentence)
        typer.echo(str(done.index))


@app.command()
def gallery(
    *,
    workspace: WorkspaceOption,
    to: Annotated[Path | None, typer.Option("--to", help="The folder; by default reports/NAME.")] = None,
    as_json: JsonOption = False,
) -> None:
    """Write the gallery anew over the reports that were published."""
    from workbench.reports.publication import gallery as write_gallery

    opened = _open(workspace)
    done = write_gallery(opened, to or Path("reports") / opened.name)
    if as_json:
        _print_json(done.to_json())
    else:
        typer.echo(str(done.index))


@app.command()
def doctor(
    *,
    workspace: Annotated[
        Path | None, typer.Option("--workspace", "-w", help="A workspace to examine too.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Say whether everything is here that runs need."""
    from workbench.reports.health import examine

    health = examine(workspace)
    if as_json:
        _print_json(health.to_json())
    else:
        for check in health.checks:
            fix = f" {check.fix}" if check.fix else ""
            typer.echo(f"{check.status:5s} {check.name:10s} {check.says}{fix}")
        say(health.sentence)
    if not health.well:
        raise typer.Exit(1)


@contextmanager
def _counting(things: str) -> Iterator[Callable[[object, int, int], None]]:
    """Give what tells progress: a bar on a terminal, a line for each in a log."""
    if not sys.stderr.isatty():
        yield lambda thing, done, total: say(f"{done}/{total} {_told(thing)}")
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task, failed = bar.add_task(things, total=None), [0]

        def tell(thing: object, done: int, total: int) -> None:
            failed[0] += getattr(thing, "completed", True) is False
            said = f"{things}, {failed[0]} failed" if failed[0] else things
            bar.update(task, completed=done, total=total, description=said)

        yield tell


def _told(thing: object) -> str:
    return _plain(str(getattr(thing, "sentence", "") or getattr(thing, "title", "")))[:_WIDTH]


def _plain(text: str) -> str:
    """Return foreign text without what a terminal would obey."""
    return "".join(letter for letter in " ".join(text.split()) if letter.isprintable())
