"""The command that sends published reports to people and programs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from workbench.cli.app import app, say
from workbench.cli.runs import (
    JsonOption,
    WorkspaceOption,
    _counting,
    _open,
    _plain,
    _print_json,
    stoppable,
)
from workbench.errors import UsageError

if TYPE_CHECKING:
    from workbench.reports.delivery_journal import Step


@app.command()
def deliver(
    runs: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[RUN]...", help="Runs, by id or its beginning; by default the newest of each."
        ),
    ] = None,
    *,
    workspace: WorkspaceOption,
    plan: Annotated[Path | None, typer.Option("--plan", help="A YAML file of targets.")] = None,
    again: Annotated[
        bool, typer.Option("--again", help="Send even what was sent, or may have arrived.")
    ] = False,
    listed: Annotated[bool, typer.Option("--list", help="List what became of every delivery.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Send published reports by e-mail, to folders and webhooks; nothing is sent twice."""
    from workbench.reports.delivery import deliver as deliver_reports
    from workbench.reports.delivery import list_deliveries

    if listed == (plan is not None) or (listed and (again or runs)):
        raise UsageError("Either --plan FILE, with runs and --again if wanted, or --list alone.")
    if plan is None:
        _list(list_deliveries(_open(workspace)), as_json=as_json)
        return
    said = "Stopped; what was being sent at that moment is recorded as may have arrived."
    with stoppable(said), _counting("deliveries") as told:
        done = deliver_reports(_open(workspace), plan, runs or (), again=again, told=told)
    for note in done.notes:
        say(_plain(note))
    for outcome in done.outcomes:
        if outcome.status in {"failed", "unknown"}:
            say(_plain(outcome.sentence))
    if as_json:
        _print_json(done.to_json())
    else:
        typer.echo(done.sentence)
    if not done.well:
        raise typer.Exit(1)


def _list(steps: Sequence[Step], *, as_json: bool) -> None:
    if as_json:
        _print_json([asdict(step) for step in steps])
        return
    for step in steps:
        typer.echo(f"{step.id[:12]} {step.at:30s} {_plain(step.sentence)}")
    if not steps:
        say("Nothing yet.")
