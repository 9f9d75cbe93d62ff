"""The commands that run notebooks and batches at their times."""

from __future__ import annotations

import json
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from workbench.cli.app import app, say
from workbench.cli.runs import JsonOption, WorkspaceOption, _open, _plain, _print_json, stoppable
from workbench.errors import BadInput, UsageError

schedule = typer.Typer(
    name="schedule", help="Run batches and notebooks at their times.", no_args_is_help=True
)
app.add_typer(schedule)

FileArgument = Annotated[Path, typer.Argument(help="A YAML file of cron lines.")]


@schedule.command("run")
def run_schedule(
    file: FileArgument,
    *,
    workspace: WorkspaceOption,
    once: Annotated[
        bool, typer.Option("--once", help="Run what is due, then end, instead of waiting for the next.")
    ] = False,
    entry: Annotated[
        str | None, typer.Option("--entry", metavar="NAME", help="Run this one now, then end.")
    ] = None,
    due: Annotated[
        bool, typer.Option("--due", help="With --entry: unless it was run for its time already.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Wait, run each entry when it is due and deliver its reports, until stopped; catch up once.

    With --once or --entry the exit code is 1 where something failed.
    """
    from workbench.reports.schedule import read_schedule
    from workbench.reports.schedule_record import Outcome
    from workbench.reports.scheduler import run_entry, serve

    if due and entry is None:
        raise UsageError("--due goes with --entry NAME.")
    read, opened, failed = read_schedule(file), _open(workspace), False

    def tell(outcome: Outcome) -> None:
        if as_json:
            typer.echo(json.dumps(outcome.to_json()))
        if not as_json or outcome.status == "failed":
            say(f"{outcome.ended} {_plain(outcome.sentence)}")

    if entry is not None:
        with stoppable():
            for outcome in run_entry(opened, read, entry, due_only=due, say=lambda text: say(_plain(text))):
                tell(outcome)
                failed = failed or outcome.status == "failed"
    else:
        with stoppable("Stopped; what was running is begun again at the next start.", code=0):
            for outcome in serve(opened, read, once=once, say=lambda text: say(_plain(text))):
                tell(outcome)
                failed = failed or outcome.status == "failed"
    if failed:
        raise typer.Exit(1)


@schedule.command("list")
def list_schedule(
    file: FileArgument,
    *,
    most: Annotated[int, typer.Option("--next", help="How many times of each entry.", min=1, max=100)] = 3,
    as_json: JsonOption = False,
) -> None:
    """List when each entry is due next, in its time zone."""
    from workbench.reports.schedule import read_schedule

    coming = list(read_schedule(file).coming(datetime.now(UTC), most))
    if as_json:
        _print_json(
            [
                {"at": at.isoformat(), "entry": one.name, "times": one.times, "runs": one.runs}
                for at, one in coming
            ]
        )
        return
    for at, one in coming:
        typer.echo(f"{at:%a %Y-%m-%d %H:%M %z}  {one.cron.zone.key:20s}  {one.name}  ({_plain(one.runs)})")


@schedule.command("export")
def export_schedule(
    kind: Annotated[str, typer.Argument(help="crontab, systemd, kubernetes or airflow.")],
    file: FileArgument,
    *,
    workspace: WorkspaceOption,
    to: Annotated[Path | None, typer.Option("--to", help="A folder to write the files to.")] = None,
    program: Annotated[str | None, typer.Option(help="The `workbench` command there.")] = None,
    image: Annotated[str | None, typer.Option(help="Kubernetes: the container image.")] = None,
    claim: Annotated[str | None, typer.Option(help="Kubernetes: the volume claim of the workspace.")] = None,
) -> None:
    """Print the schedule as another scheduler reads it, each file under its name.

    Paths are written in full. In a container the schedule's file and the workspace must have the same paths.
    """
    from workbench.reports import schedule_export
    from workbench.reports.schedule import read_schedule

    here = "workbench" if kind == "kubernetes" else str(Path(sys.executable).with_name("workbench"))
    target = schedule_export.Target(
        workspace=workspace.resolve(), program=program or here, image=image, claim=claim
    )
    files = schedule_export.export_schedule(read_schedule(file), kind, target)
    for one in files:
        if to is None:
            typer.echo((f"# {one.name}\n" if len(files) > 1 else "") + one.text, nl=len(files) > 1)
        else:
            try:
                to.mkdir(parents=True, exist_ok=True)
                (to / one.name).write_text(one.text, encoding="utf-8")
            except OSError as error:
                raise BadInput(f"the file cannot be written: {error.strerror}", file=to / one.name) from None
            typer.echo(str(to / one.name))


@schedule.command("history")
def history(
    *,
    workspace: WorkspaceOption,
    alerts: Annotated[bool, typer.Option("--alerts", help="Only what failed.")] = False,
    as_json: JsonOption = False,
) -> None:
    """List what became of each time that was due, the newest first, and what is owed."""
    from workbench.reports import schedule_owed, schedule_record

    folder = schedule_record.schedule_folder(_open(workspace))
    name = schedule_record.ALERTS if alerts else schedule_record.HISTORY
    outcomes = schedule_record.read_outcomes(folder, name)[::-1]
    if as_json:
        _print_json([outcome.to_json() for outcome in outcomes])
        return
    for outcome in outcomes:
        typer.echo(f"{outcome.ended} {_plain(outcome.sentence)}")
    if not outcomes:
        say("Nothing yet.")
    for owed in schedule_owed.read_owed(folder):
        at = owed.at.isoformat(timespec="seconds")
        say(
            _plain(
                f"Owed: {owed.what} of {owed.entry}, due {owed.due}; tried {owed.tries} times, next at {at}."
            )
        )
