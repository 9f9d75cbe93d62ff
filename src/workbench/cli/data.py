"""The commands for data: make a workspace, load files, see what was rejected and how good the loads were."""

from __future__ import annotations

import json
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from shlex import quote
from typing import TYPE_CHECKING, Annotated, Any

import typer

from workbench.cli.app import app, say

if TYPE_CHECKING:
    from workbench.store import Workspace

_WORKSPACE = Annotated[Path, typer.Option("--workspace", "-w", help="The folder of the workspace.")]
_JSON = Annotated[bool, typer.Option("--json", help="Print JSON.")]
_REASONS, _READ = 3, 10_000  # said of one file, of so many rejected rows: all are in the quarantine
_REMEDIES = {
    "and this is no backfill": "To load history, add --backfill.",
    "not UTF-8 text": "Save the file as UTF-8, in spreadsheets CSV UTF-8, and load it again.",
    "not a date, expected": "How days are written is said in a mapping of your own:"
    " docs/how-to/map-a-source.md.",
    "not a number, expected digits": "What parts decimals and thousands is said in a mapping of your own:"
    " docs/how-to/map-a-source.md.",
}


@app.command()
def init(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="A folder that is new or empty.")],
    name: Annotated[
        str | None, typer.Option(help="The name of the workspace; by default the folder's.")
    ] = None,
    currency: Annotated[str | None, typer.Option(help="The currency of all money, e.g. EUR.")] = None,
) -> None:
    """Make a new, empty workspace."""
    from workbench.store import Workspace
    from workbench.store.manifest import check_code

    if currency is not None:
        check_code(currency)  # before there is a folder that would be in use at the next try
    made = Workspace.create(folder, name)
    if currency is not None:
        made.set_currency(currency)
    typer.echo(str(made.path))
    say(f"Workspace {made.name!r} is ready. Load files with: workbench ingest FILE -w {quote(str(folder))}")


@app.command()
def ingest(
    files: Annotated[list[str], typer.Argument(metavar="FILE...", help="Files, or folders of files.")],
    workspace: _WORKSPACE,
    mapping: Annotated[
        str | None, typer.Option(help="How the files are read: the name of a ready mapping, or a YAML file.")
    ] = None,
    *,
    backfill: Annotated[bool, typer.Option("--backfill", help="Accept events of any age.")] = False,
    expected: Annotated[int | None, typer.Option(help="How many rows should arrive.", min=1)] = None,
    as_json: _JSON = False,
) -> None:
    """Load files: CSV, TSV, JSON lines, Parquet, Excel; gzip allowed.

    Accepted, duplicates and quarantined add up to read. Leaves with 1 where nothing was accepted, for example
    because the file was loaded before, and with 3 where a file was refused; the other files are loaded.
    """
    from workbench.store import Workspace
    from workbench.store.ingest import ingest as load

    opened = Workspace.open(workspace)
    with _progress(f"Loading {len(files)} path{'s' if len(files) > 1 else ''}"):
        result = load(opened, files, mapping, backfill=backfill, expected=expected)
    if as_json:
        typer.echo(result.to_json())
    else:
        for name in ("read", "accepted", "duplicates", "quarantined"):
            typer.echo(f"{name}: {getattr(result, name)}")
    for file in result.files:
        say(printable(file.sentence))
        why = _rejections(opened, file.load_id) if file.quarantined and not file.again else []
        for note in (*file.notes, *(alert.sentence for alert in file.alerts), *why):
            say(f"  {printable(note)}")
    for name in result.left:
        say(f"{printable(name)}: left, for its ending names no form that is read.")
    for _, problem in result.refused:
        say(f"workbench: {printable(problem)}")
    if result.refused:
        raise typer.Exit(3)
    if not result.accepted and not result.replaced:
        raise typer.Exit(1)


def _rejections(workspace: Workspace, load_id: str) -> list[str]:
    """Return why rows of a load were rejected, the most frequent reasons first, and where all of them are."""
    from workbench.explore.quality import reasons_in
    from workbench.store.schema import literal

    text = (
        f"SELECT line, reasons FROM quarantine WHERE load_id = {literal(load_id)} ORDER BY line LIMIT {_READ}"
    )
    rows = workspace.tables().query(text).to_pylist()
    first: dict[str, int] = {}
    counts: Counter[str] = Counter()
    for row in rows:
        for reason in reasons_in(row["reasons"]):
            first.setdefault(reason, row["line"])
            counts[reason] += 1
    most = sorted(counts, key=lambda reason: (-counts[reason], first[reason]))[:_REASONS]
    return [
        *(f"rejected for: {reason} (first in line {first[reason]})" for reason in most),
        *(remedy for says, remedy in _REMEDIES.items() if any(says in reason for reason in most)),
        "Every rejected row with its reasons: workbench quarantine",
    ]


@app.command()
def quarantine(
    workspace: _WORKSPACE,
    *,
    limit: Annotated[int, typer.Option(help="At most so many rows, the newest first.", min=1)] = 1000,
    as_json: _JSON = False,
) -> None:
    """Show the rejected rows: file, line, every reason, and the text as it was."""
    from workbench.store import Workspace

    tables = Workspace.open(workspace).tables()
    rows = tables.query(
        "SELECT file, line, table_name, reasons, raw, CAST(quarantined_at AS VARCHAR) AS quarantined_at"
        f" FROM quarantine ORDER BY quarantined_at DESC, file, line LIMIT {limit}"
    ).to_pylist()
    if as_json:
        typer.echo(json.dumps(rows, ensure_ascii=True))
    else:
        _print_csv(("file", "line", "reasons", "raw"), rows)
    whole = tables.rows["quarantine"]
    if len(rows) < whole:
        say(f"The newest {len(rows):,} of {whole:,} rejected rows; --limit takes more.")
    elif not as_json:
        say(f"{whole:,} rejected row{'s' if whole != 1 else ''}.")


@app.command()
def quality(workspace: _WORKSPACE, *, as_json: _JSON = False) -> None:
    """Show the figures of the newest load of every table and source, and the alerts."""
    from workbench.store import Workspace
    from workbench.store.review import review

    found = review(Workspace.open(workspace).tables())
    if as_json:
        typer.echo(json.dumps(found.to_dict(), ensure_ascii=True, allow_nan=False))
        return
    _print_csv(found.columns, found.rows)
    for sentence in found.alerts:
        say(printable(sentence))


def printable(text: str) -> str:
    r"""Return a text that cannot steer a terminal or a spreadsheet: control signs are shown, formulas quoted.

    Examples
    --------
    >>> print(printable("a\x1b[31mb\u202e"))
    a\x1b[31mb\u202e
    >>> printable("=1+1")
    "'=1+1"
    """
    shown = "".join(sign if sign.isprintable() else sign.encode("unicode_escape").decode() for sign in text)
    return f"'{shown}" if shown.lstrip()[:1] in {"=", "+", "@"} else shown


def _print_csv(columns: tuple[str, ...], rows: list[dict[str, Any]]) -> None:
    import csv
    import io

    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(columns)
    for row in rows:
        writer.writerow([_cell(row.get(column)) for column in columns])
    typer.echo(text.getvalue(), nl=False)


def _cell(value: object) -> object:
    if value is None:
        return ""
    return printable(value) if isinstance(value, str) else value


@contextmanager
def _progress(title: str) -> Iterator[None]:
    if not sys.stderr.isatty():
        yield
        return
    from rich.console import Console

    with Console(stderr=True).status(title):
        yield
