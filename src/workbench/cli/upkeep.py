"""The commands that take away: a load, a person's data, many small files, files that nobody needs."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from workbench.cli.app import app, say
from workbench.cli.data import printable

if TYPE_CHECKING:
    from workbench.store.erasure import Erased
    from workbench.store.undo import Undone

_WORKSPACE = Annotated[Path, typer.Option("--workspace", "-w", help="The workspace's folder.")]
_JSON = Annotated[bool, typer.Option("--json", help="Print JSON.")]


@app.command()
def undo(
    load: Annotated[
        str | None,
        typer.Argument(metavar="LOAD", help="Its id, as `ingest --json` tells it; without one it asks."),
    ] = None,
    *,
    workspace: _WORKSPACE,
    as_json: _JSON = False,
) -> None:
    """Take back the newest load of a file: its rows leave, and rows that they replaced come back.

    The file counts as never loaded, and may come again. Earlier data versions, and the runs that read them,
    stay. With an id nothing is asked, and only that load is taken back, once, however often this is called.
    Leaves with 3 where another load is the newest, or it cannot be taken back any more: after users were
    erased, or after `vacuum` deleted the files of before.
    """
    from workbench.reports.runs import list_runs
    from workbench.store import Workspace
    from workbench.store.undo import planned
    from workbench.store.undo import undo as undo_load

    opened = Workspace.open(workspace)
    if load is None:
        with opened.writer() as writer:
            plan = planned(writer)
        load = plan.load_id
        typer.confirm(f"{printable(plan.sentence)} Take it back?", abort=True, err=True)
    with opened.writer() as writer:
        done = undo_load(writer, load)
        version = writer.head.version
    runs = [run.id for run in list_runs(opened) if run.data_version in done.versions]
    if as_json:
        typer.echo(json.dumps({**_undone(done), "data_version": version, "runs": runs}, ensure_ascii=True))
    else:
        typer.echo(printable(done.sentence))
    if runs:
        say(f"Runs that have read it, and stay as they are: {', '.join(runs)}.")
    if done.kept:
        say(f"Written since, and kept, though it may rest on it: {', '.join(done.kept)}.")


def _undone(done: Undone) -> dict[str, object]:
    return {
        "load_id": done.load_id,
        "file": done.file,
        "table": done.table_name,
        "rows_left": dict(done.leaving),
        "rows_returned": dict(done.returning),
        "currency_withdrawn": done.currency,
        "tables_written_since": list(done.kept),
    }


@app.command()
def erase(
    users: Annotated[list[str], typer.Argument(metavar="USER...", help="Ids of users.")],
    *,
    workspace: _WORKSPACE,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    as_json: _JSON = False,
) -> None:
    """Erase users from every table and version, and search all files of the workspace for their ids.

    It cannot be undone. Ids are not repeated in what is printed. Leaves with 1 where an id still stands in a
    file, such as a run that printed it; what was published outside of the workspace is not searched.
    """
    from workbench.errors import UsageError
    from workbench.store import Workspace
    from workbench.store.erasure import erase as erase_users

    asked = tuple(dict.fromkeys(users))
    if not all(user.strip() for user in asked):
        raise UsageError("An empty user id names nobody.")
    opened = Workspace.open(workspace)
    who = "1 user" if len(asked) == 1 else f"{len(asked)} users"
    if not yes:
        typer.confirm(
            f"Erase {who} from every version of workspace {opened.name!r}? It cannot be undone.",
            abort=True,
            err=True,
        )
    with opened.writer() as writer:
        done = erase_users(writer, *asked)
    typer.echo(json.dumps(_document(done), ensure_ascii=True) if as_json else _lines(done))
    typer.echo(_proof(done), err=True)
    if done.remaining:
        raise typer.Exit(1)


def _document(done: Erased) -> dict[str, object]:
    return {
        "rows": dict(done.rows),
        "files_deleted": done.files_deleted,
        "remaining": list(done.remaining),
        "data_version": done.version,
    }


def _lines(done: Erased) -> str:
    rows = [f"{table}: {count}" for table, count in done.rows.items()]
    return "\n".join([*rows, f"files deleted: {done.files_deleted}", f"data version: {done.version}"])


def _proof(done: Erased) -> str:
    if not done.remaining:
        return "After that every file of the workspace was searched byte by byte: no id stands in any."
    return "An id still stands in: " + ", ".join(printable(path) for path in done.remaining)


@app.command()
def compact(*, workspace: _WORKSPACE, as_json: _JSON = False) -> None:
    """Make few large files of many small ones. No row changes, and earlier versions stay readable."""
    from workbench.store import Workspace
    from workbench.store.compaction import compact as compact_files

    with Workspace.open(workspace).writer() as writer:
        done = compact_files(writer)
        version = writer.head.version
    if as_json:
        found = {"files_before": done.files_before, "files_after": done.files_after, "data_version": version}
        typer.echo(json.dumps(found))
    else:
        typer.echo(done.sentence)


@app.command()
def prune(
    *,
    workspace: _WORKSPACE,
    keep: Annotated[
        int, typer.Option(help="Completed runs of each notebook and parameter set that stay.", min=1)
    ] = 10,
    age: Annotated[float, typer.Option(help="Days whose runs stay, too.", min=0, max=36_500)] = 30.0,
    as_json: _JSON = False,
) -> None:
    """Remove the files of runs that later ones have taken the place of; `vacuum` then frees their data.

    The table of runs keeps what was run and how it ended. What was published outside of the workspace stays
    until it is published again.
    """
    from workbench.reports.retention import prune_runs
    from workbench.store import Workspace

    done = prune_runs(Workspace.open(workspace), keep=keep, age=timedelta(days=age))
    typer.echo(json.dumps(done.to_json()) if as_json else done.sentence)


@app.command()
def vacuum(
    *,
    workspace: _WORKSPACE,
    grace: Annotated[float, typer.Option(help="Days whose versions stay, too.", min=0, max=36_500)] = 1.0,
    as_json: _JSON = False,
) -> None:
    """Delete files that only old versions need, which then cannot be read any more.

    What stays readable: the newest version, the versions of all runs, and those of the last day. A version
    from before a user was erased is not readable any more, whether a run has read it or not.
    """
    from workbench.reports.runs import list_runs
    from workbench.store import Workspace
    from workbench.store.compaction import readable
    from workbench.store.compaction import vacuum as vacuum_files

    opened = Workspace.open(workspace)
    with opened.writer() as writer:
        # Asked once nobody else writes, so that no run's version is missed.
        asked = {record.data_version for record in list_runs(opened)}
        asked = {version for version in asked if version <= writer.head.version}  # the tables may be a copy's
        deleted = vacuum_files(writer, asked, grace=timedelta(days=grace))
        kept = sorted(readable(writer, asked))
    if as_json:
        typer.echo(json.dumps({"files_deleted": deleted, "versions_of_runs": kept}))
    else:
        of_runs = f", none of the versions that runs have read: {', '.join(map(str, kept))}"
        typer.echo(f"{deleted} {'file' if deleted == 1 else 'files'} deleted{of_runs if kept else ''}.")
