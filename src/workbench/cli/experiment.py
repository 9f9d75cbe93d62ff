"""`workbench experiment`: define tests, move them through their life, assign users, list and show them."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from workbench.cli.app import app
from workbench.cli.data import printable
from workbench.cli.measure import printed_table

if TYPE_CHECKING:
    from workbench.experiments.definition import Status
    from workbench.experiments.records.keeping import Change, Decision, Kept
    from workbench.store import Workspace

experiment = typer.Typer(
    name="experiment",
    help="Experiments: design, define, assign, analyze, decide.",
    no_args_is_help=True,
    rich_markup_mode=None,
)
app.add_typer(experiment)

Name = Annotated[str, typer.Argument(help="The experiment.")]
Folder = Annotated[Path, typer.Option("--workspace", "-w", help="The workspace's folder.")]
Reason = Annotated[str, typer.Option(help="Why; it is kept.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]


@experiment.callback()
def _root() -> None:
    """Experiments: design, define, assign, analyze, decide."""


@experiment.command()
def create(
    file: Annotated[
        Path | None, typer.Argument(help="A YAML or JSON file that defines it; or --name and --primary.")
    ] = None,
    *,
    workspace: Folder,
    name: Annotated[str | None, typer.Option(help="Its name: a-z, 0-9, - and _.")] = None,
    primary: Annotated[str | None, typer.Option(help="The metric that decides.")] = None,
    variants: Annotated[
        str, typer.Option(help="The control first, joined by commas; shares after a colon: old:0.9,new:0.1.")
    ] = "control,treatment",
    reason: Reason = "",
    as_json: Json = False,
) -> None:
    """Define an experiment, or a geo test (kind: geo), as a draft; or give one a new version.

    One that runs keeps its variants, split, primary metric and all else that its answer depends on.
    """
    from workbench.cli.experiment_files import experiment_of_options, read_experiment
    from workbench.errors import UsageError
    from workbench.experiments.analysis.asked import check_metrics
    from workbench.experiments.geo.plan import GeoTest
    from workbench.experiments.geo.reading import check_metric
    from workbench.experiments.records.keeping import next_version
    from workbench.store import Workspace

    if (file is None) == (name is None or primary is None):
        raise UsageError("Give a file that defines the experiment, or --name and --primary.")
    plan = (
        read_experiment(file)
        if file is not None
        else experiment_of_options(name or "", primary or "", variants)
    )
    if isinstance(plan, GeoTest):
        check_metric(plan.metric)
    else:
        check_metrics(plan)
    opened = Workspace.open(workspace)
    kept = _kept(opened, plan.name, new=True)
    change = next_version(kept, plan, at=datetime.now(UTC), by=_who(), reason=reason)
    _keep(opened, kept, change, as_json=as_json)


@experiment.command()
def start(name: Name, *, workspace: Folder, reason: Reason = "", as_json: Json = False) -> None:
    """Let a draft, or one that paused, run."""
    _move(workspace, name, "running", reason, as_json=as_json)


@experiment.command()
def pause(name: Name, *, workspace: Folder, reason: Reason = "", as_json: Json = False) -> None:
    """Hold one that runs: nobody new is assigned."""
    _move(workspace, name, "paused", reason, as_json=as_json)


@experiment.command()
def complete(name: Name, *, workspace: Folder, reason: Reason = "", as_json: Json = False) -> None:
    """End one as planned; it cannot be changed or go on after that."""
    _move(workspace, name, "completed", reason, as_json=as_json)


@experiment.command()
def cancel(name: Name, *, workspace: Folder, reason: Reason = "", as_json: Json = False) -> None:
    """Give one up; it cannot be changed or go on after that."""
    _move(workspace, name, "cancelled", reason, as_json=as_json)


@experiment.command()
def assign(
    name: Name,
    *,
    workspace: Folder,
    users: Annotated[
        str, typer.Option(help="A file: one id a line, or a CSV file with the column user_id; or all.")
    ],
    as_json: Json = False,
) -> None:
    """Give users their variant by the hash of test and user; nobody who is in the test is moved."""
    from workbench.cli.experiment_files import read_users
    from workbench.experiments.records.assigning import assigning, everybody
    from workbench.experiments.records.kept import kept_experiments
    from workbench.store import Workspace
    from workbench.store.experiments import keep_assignments

    listed = None if users == "all" else read_users(Path(users))
    opened = Workspace.open(workspace)
    tables = opened.tables()
    kept = _kept(opened, name)
    others = [
        own.name for own in kept_experiments(tables).rows if own.status == "running" and own.name != name
    ]
    ids = everybody(tables) if listed is None else list(listed.ids)
    now, plan = datetime.now(UTC), kept.experiment  # a geo test has no users, and says so
    found = assigning(tables, kept, ids, others=others)
    if found.rows.num_rows:
        keep_assignments(opened, name, found.rows, at=now, campaign=(plan and plan.campaign) or None)
    if listed is not None and (listed.repeated or listed.empty):
        typer.echo(f"Lines that repeated an id: {listed.repeated}; empty: {listed.empty}.", err=True)
    document = {
        "name": name,
        "users": dict(found.users),
        "known": found.known,
        "elsewhere": found.elsewhere,
        "overlap": dict(found.overlap),
        "sentence": found.sentence,
    }
    typer.echo(json.dumps(document, indent=1) if as_json else found.sentence)


@experiment.command(name="list")
def list_all(*, workspace: Folder, as_json: Json = False) -> None:
    """List all experiments, those that were only loaded as assignments too."""
    from workbench.experiments.records.kept import kept_experiments
    from workbench.store import Workspace

    found = kept_experiments(Workspace.open(workspace).tables())
    if as_json:
        typer.echo(json.dumps([summary(kept) for kept in found.rows], indent=1))
        return
    frame = found.to_frame(datetime.now(UTC).date())
    told = frame.astype(object).where(frame.notna(), None)  # a column without a text has NaN for None
    lines = [["–" if value is None else str(value) for value in row] for row in told.itertuples(index=False)]
    typer.echo(printed_table(list(frame.columns), lines) if lines else found.sentence)
    for kept in found.rows:
        if kept.unreadable:
            typer.echo(printable(kept.sentence))


@experiment.command()
def show(name: Name, *, workspace: Folder, as_json: Json = False) -> None:
    """Show one experiment: how it is defined, every change, who is in it, what was decided."""
    from workbench.store import Workspace

    kept = _kept(Workspace.open(workspace), name)
    if as_json:
        typer.echo(json.dumps(as_document(kept), indent=1))
        return
    document = as_document(kept)
    plan = document["definition"] or {}
    lines = [f"{field}: {json.dumps(value, ensure_ascii=False)}" for field, value in plan.items()]
    if document["progress"] is not None:
        lines.append(f"progress: {document['progress']:.0%} of its days")
    users = [f"users in {variant!r}: {count:,}" for variant, count in kept.users.items()]
    past = [
        f"{change.changed_at:%Y-%m-%d %H:%M} version {change.version}: {change.experiment.status}, "
        f"{change.changed_by}. {change.reason}".rstrip()
        for change in kept.changes
    ]
    decided = [decision.sentence for decision in kept.decisions]
    parts = ([kept.sentence], lines, users, past, decided)
    typer.echo("\n\n".join("\n".join(printable(line) for line in part) for part in parts if part))


def summary(kept: Kept) -> dict[str, Any]:
    """Return one experiment in short, as JSON takes it."""
    from workbench.experiments.records.documents import kind_of, primary_of

    plan, last = kept.plan, kept.decisions[-1] if kept.decisions else None
    return {
        "name": kept.name,
        "status": kept.status,
        "version": kept.version,
        "kind": kind_of(plan) if plan else None,
        "primary": primary_of(plan) if plan else None,
        "start": str(plan.start) if plan and plan.start else None,
        "end": str(plan.end) if plan and plan.end else None,
        "progress": kept.progress(datetime.now(UTC).date()),
        "users": dict(kept.users),
        "everyone": kept.size,
        "decision": decided_document(last) if last else None,
        "sentence": kept.sentence,
    }


def as_document(kept: Kept) -> dict[str, Any]:
    """Return one experiment with its history, as JSON takes it."""
    from workbench.experiments.records.documents import document_of

    history = [
        {
            "version": change.version,
            "status": change.experiment.status,
            "changed_at": change.changed_at.isoformat(),
            "changed_by": change.changed_by,
            "reason": change.reason,
        }
        for change in kept.changes
    ]
    return summary(kept) | {
        "definition": document_of(kept.plan) if kept.plan else None,
        "history": history,
        "decisions": [decided_document(decision) for decision in kept.decisions],
    }


def decided_document(decision: Decision) -> dict[str, Any]:
    """Return one decision as JSON takes it."""
    row = {name: getattr(decision, name) for name in decision.__dataclass_fields__}
    return row | {"figures": dict(decision.figures), "decided_at": decision.decided_at.isoformat()}


def _move(workspace: Path, name: str, status: Status, reason: str, *, as_json: bool) -> None:
    from workbench.experiments.records.keeping import next_status
    from workbench.store import Workspace

    opened = Workspace.open(workspace)
    kept = _kept(opened, name)
    change = next_status(kept, status, at=datetime.now(UTC), by=_who(), reason=reason)
    _keep(opened, kept, change, as_json=as_json)


def _keep(opened: Workspace, kept: Kept, change: Change | None, *, as_json: bool) -> None:
    from workbench.experiments.analysis.geo_recorded import disturbances
    from workbench.store.experiments import keep_definition

    if change is None:
        typer.echo(f"Nothing changed: {kept.name} was {kept.status} and defined so already.", err=True)
    else:
        keep_definition(opened, change.to_row())
    now = _kept(opened, kept.name)
    if now.geo_test is not None and now.status in ("draft", "running"):
        for note in disturbances(now.geo_test, opened.tables()):
            typer.echo(printable(note), err=True)
    typer.echo(json.dumps(as_document(now), indent=1) if as_json else now.sentence)


def _kept(opened: Workspace, name: str, *, new: bool = False) -> Kept:
    from workbench.experiments.records.keeping import Kept
    from workbench.experiments.records.kept import kept_experiment, kept_experiments, readable

    tables = opened.tables()
    if new:
        known = {kept.name: kept for kept in kept_experiments(tables).rows}
        return readable(known.get(name) or Kept(name=name))
    return kept_experiment(tables, name)


def _who() -> str:
    from workbench.governance.roles import identity

    return identity()
