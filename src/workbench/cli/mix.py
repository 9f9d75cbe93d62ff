"""`workbench mmm`: check the data of a media mix model, fit it, read and compare runs, plan a budget."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from workbench.cli.app import app
from workbench.cli.data import printable

if TYPE_CHECKING:
    from workbench.mmm.run import MixRun
    from workbench.reports.mix_data import Asked

mmm = typer.Typer(
    name="mmm",
    help="Media mix models: check, fit, show, compare, calibrate, optimise.",
    no_args_is_help=True,
    rich_markup_mode=None,
)
app.add_typer(mmm)

Spec = Annotated[Path, typer.Argument(metavar="SPEC", help="A YAML file that describes the model.")]
RunId = Annotated[str, typer.Argument(metavar="RUN", help="A run's id, or the beginning of one.")]
Folder = Annotated[Path, typer.Option("--workspace", "-w", help="The workspace's folder.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Data = Annotated[
    Path | None,
    typer.Option(
        "--data", help="A file with the data; without it the one that SPEC names, or else the workspace."
    ),
]
Test = Annotated[
    list[str] | None,
    typer.Option("--test", metavar="NAME=CHANNEL", help="Which channel a geo test tested; may be repeated."),
]


@mmm.callback()
def _root() -> None:
    """Media mix models: check, fit, show, compare, calibrate, optimise."""


@mmm.command()
def propose(
    *,
    workspace: Folder,
    outcome: Annotated[str, typer.Option(help="What is explained: revenue or orders.")] = "revenue",
    period: Annotated[str, typer.Option(help="What days are added up to: week or day.")] = "week",
    region: Annotated[
        str | None, typer.Option(help="Tell regions apart: region (of users) or geo (of geo_performance).")
    ] = None,
) -> None:
    """Write a model of what a workspace holds as YAML: all channels that spend, to be read and changed."""
    from workbench.errors import UsageError
    from workbench.mmm.recorded import proposed_spec
    from workbench.reports.mix_data import model_text
    from workbench.store import Workspace

    if period not in ("week", "day"):
        raise UsageError(f"--period is week or day, not {period!r:.80}.")
    tables = Workspace.open(workspace).tables()
    made = proposed_spec(tables, outcome=outcome, period="day" if period == "day" else "week", region=region)
    typer.echo(model_text(made, period=period), nl=False)


@mmm.command()
def check(
    spec: Spec,
    *,
    workspace: Annotated[Path | None, typer.Option("--workspace", "-w", help="The workspace.")] = None,
    data: Data = None,
    as_json: Json = False,
) -> None:
    """Say in words what is wrong with the data of a model, and what to do about it.

    Leaves with 1 where they carry no model.
    """
    found = _asked(spec, workspace, data)
    if as_json:
        document = {
            "model": found.spec.name,
            "fingerprint": found.market.fingerprint,
            "source": found.source,
            "data_version": found.data_version,
            "refused": bool(found.check.refused),
            "sentence": found.check.sentence,
            "findings": [asdict(one) for one in found.check.findings],
        }
        typer.echo(json.dumps(document, indent=1))
    else:
        _print([found.check.sentence, *(f"- {note}" for note in found.notes)])
    if found.check.refused:
        raise typer.Exit(1)


@mmm.command()
def fit(
    spec: Spec,
    *,
    workspace: Folder,
    data: Data = None,
    calibrate: Annotated[
        bool, typer.Option("--calibrate", help="Hold it to the workspace's geo and holdout tests.")
    ] = False,
    test: Test = None,
    again: Annotated[
        bool, typer.Option("--again", help="Fit it even if nothing has changed since it was fitted.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Fit a model and keep it as a run; print its id and its gates.

    A model with the same data, code and libraries is not fitted twice. Leaves with 1 where the fit failed; a
    run that missed a gate is kept, and says so.
    """
    from workbench.cli.mix_text import run_document, run_lines
    from workbench.cli.runs import stoppable
    from workbench.reports.mix_fitting import fit_mix
    from workbench.store import Workspace

    opened = Workspace.open(workspace)
    tests = _pairs(test) if calibrate or test else None
    said = "Stopped; the run is recorded as failed: it was interrupted."
    with stoppable(said), _watching() as told:
        done = fit_mix(opened, spec, data, tests=tests, again=again, on_progress=told)
    if as_json:
        typer.echo(json.dumps(run_document(done.run) | {"reused": done.reused}, indent=1))
    else:
        typer.echo(done.id)
        _print([done.sentence, *run_lines(done.run)], err=True)


@mmm.command(name="list")
def list_all(*, workspace: Folder, as_json: Json = False) -> None:
    """List the runs of a workspace, the newest first."""
    from workbench.cli.measure import printed_table
    from workbench.cli.mix_text import run_document
    from workbench.reports.mix_runs import mix_runs
    from workbench.store import Workspace

    found = mix_runs(Workspace.open(workspace))
    if as_json:
        typer.echo(json.dumps([run_document(run) for run in found.rows], indent=1))
        return
    lines = [
        [run.id, run.status, f"{run.progress:.0%}", str(len(run.missed)), run.created[:16], run.error[:80]]
        for run in found.rows
    ]
    head = ["run", "status", "done", "gates missed", "created", "why"]
    _print((printed_table(head, lines) if lines else found.sentence).split("\n"))


@mmm.command()
def show(run: RunId, *, workspace: Folder, as_json: Json = False) -> None:
    """Show what a run found of every channel, its gates first; of one that failed, why."""
    from workbench.cli.mix_text import results_document, results_text, run_document, run_lines
    from workbench.mmm.results import results
    from workbench.reports.mix_runs import mix_record, mix_run
    from workbench.store import Workspace

    opened = Workspace.open(workspace)
    record = mix_record(opened, run)
    if not record.completed:
        typer.echo(json.dumps(run_document(record), indent=1) if as_json else printable(record.sentence))
        raise typer.Exit(1 if record.status == "failed" else 0)
    found = results(mix_run(opened, record.id).fit)
    if as_json:
        typer.echo(json.dumps(run_document(record) | {"results": results_document(found)}, indent=1))
    else:
        _print([record.sentence, *run_lines(record), "", *results_text(found).split("\n")])


@mmm.command()
def compare(
    first: Annotated[str, typer.Argument(help="The earlier run.")],
    second: Annotated[str, typer.Argument(help="The later run.")],
    *,
    workspace: Folder,
    as_json: Json = False,
) -> None:
    """Say what moved between two runs, and why."""
    from workbench.cli.mix_text import comparison_document, comparison_text
    from workbench.mmm.comparison import compare_runs
    from workbench.reports.mix_runs import mix_run
    from workbench.store import Workspace

    opened = Workspace.open(workspace)
    one, two = (mix_run(opened, name) for name in (first, second))
    found = compare_runs(one.fit, two.fit)
    if as_json:
        document = comparison_document(found) | {"first": one.id, "second": two.id}
        typer.echo(json.dumps(document, indent=1))
    else:
        _print(comparison_text(found).split("\n"))


@mmm.command()
def calibrate(
    spec: Spec, *, workspace: Folder, data: Data = None, test: Test = None, as_json: Json = False
) -> None:
    """Say which geo and holdout tests of the workspace a model would be held to, and which not and why."""
    from workbench.cli.mix_text import calibration_document

    found = _asked(spec, workspace, data, tests=_pairs(test)).calibration
    if found is None:
        return
    if as_json:
        typer.echo(json.dumps(calibration_document(found), indent=1))
    else:
        _print([found.sentence, *(f"- {one.sentence}" for one in found.judged)])


def _asked(
    spec: Path, workspace: Path | None, data: Path | None, *, tests: dict[str, str] | None = None
) -> Asked:
    from workbench.reports.mix_data import asked_of
    from workbench.store import Workspace

    opened = None if workspace is None else Workspace.open(workspace)
    return asked_of(opened, spec, data, tests=tests)


def _pairs(given: list[str] | None) -> dict[str, str]:
    from workbench.errors import UsageError

    found: dict[str, str] = {}
    for one in given or []:
        name, sign, channel = one.rpartition("=")
        if not (name and sign and channel) or name in found:
            raise UsageError(f"--test names a geo test and its channel once, NAME=CHANNEL, not {one!r:.80}.")
        found[name] = channel
    return found


def _print(lines: list[str], *, err: bool = False) -> None:
    for line in lines:
        typer.echo(printable(f"|{line}")[1:], err=err)


@contextmanager
def _watching() -> Iterator[Callable[[MixRun], None]]:
    """Give what tells how far a fit has come: a bar on a terminal, a line for each step in a log."""
    if not sys.stderr.isatty():
        said: list[str] = []

        def tell(run: MixRun) -> None:
            step = f"{run.doing.split(',')[0]}, {run.progress:.0%}"
            if not said or run.doing.split(",")[0] != said[-1].split(",")[0] or run.progress >= 1:
                said.append(step)
                typer.echo(printable(f"{run.id}: {step}"), err=True)

        yield tell
        return
    from rich.console import Console
    from rich.markup import escape
    from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn

    columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("reading data", total=1.0)
        yield lambda run: bar.update(
            task, completed=run.progress, description=escape(printable(run.doing)[:40])
        )
