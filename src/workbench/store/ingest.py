"""Loads files into a workspace: each file is one load that becomes visible whole, or not at all.

A load is known by the bytes of its file and how they are read: the same file again changes nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from workbench.errors import BadInput, UsageError
from workbench.events.mapping import Mapping, detect, load_mapping, names, ready
from workbench.events.mistakes import named
from workbench.events.nearest import what_it_lacks
from workbench.events.tables import TABLES, TableDefinition
from workbench.store.compaction import keep_compact
from workbench.store.ingest_events import looks_like_events
from workbench.store.ingest_rows import native_table
from workbench.store.ingested import FileLoad, Ingested
from workbench.store.journal import tell
from workbench.store.loading import Loading, load_events, load_rows
from workbench.store.loads import untaken_id
from workbench.store.reading import Found, find_files, fingerprint, open_source, unopened
from workbench.store.reading_lines import with_all_keys
from workbench.store.reading_sheet import UNNAMED
from workbench.store.reading_text import header_below
from workbench.store.sources import Source

if TYPE_CHECKING:
    from workbench.store.workspace import Workspace
    from workbench.store.writer import Writer

_MEMORY = "2GB"  # beyond it rows are spilled, which takes no longer


@dataclass(frozen=True, slots=True, kw_only=True)
class _Plan:
    source: Source
    table: TableDefinition | None  # None: events in our own form
    mapping: Mapping | None

    @property
    def table_name(self) -> str:
        if self.mapping is not None:
            return self.mapping.table
        return "events" if self.table is None else self.table.name


def ingest(
    workspace: Workspace,
    files: Iterable[str | Path],
    mapping: str | Path | None = None,
    *,
    backfill: bool = False,
    now: datetime | None = None,
    expected: int | None = None,
) -> Ingested:
    """Return what became of files that were loaded.

    Parameters
    ----------
    workspace : Workspace
        Where they go.
    files : iterable of path
        CSV, TSV, JSON lines, Parquet or Excel, gzip allowed; of a folder all such files.
    mapping : str or path, optional
        A ready mapping or a YAML file. Without one, files in our own form are taken as they are, and
        others by the ready mapping that fits their columns.
    backfill : bool
        Whether events of any age are accepted.
    now : datetime, optional
        When the rows arrive; the present by default.
    expected : int, optional
        How many rows should arrive, for the ingestion rate.

    Raises
    ------
    BadInput
        If the only file is refused; of several files the refused ones are listed in the result.
    WorkspaceBusy
        If another process is writing.
    """
    named = load_mapping(mapping) if mapping is not None else None
    found, refused = _found(files)
    arrival = now or datetime.now(UTC)
    if arrival.tzinfo is None:
        raise UsageError("`now` needs a time zone.")
    loaded: list[FileLoad] = []
    with workspace.writer() as writer:
        writer.connection.execute(f"SET memory_limit = '{_MEMORY}'")
        for path in found.files:
            try:
                plan = _plan(path, named)
                loading = Loading(workspace=workspace, now=arrival, backfill=backfill, expected=expected)
                loaded.append(_load(writer, plan, loading))
                _keep_compact(writer)
            except (BadInput, OSError) as error:
                if isinstance(error.__cause__, Exception):
                    writer.check_stored(error.__cause__)  # it may have been met while the file was read
                said = _refusal(error, path)
                if len(found.files) + len(refused) == 1:
                    raise said from None
                refused.append((str(path), str(said)))
        if not all(load.again for load in loaded):  # a load that changes nothing leaves the data as it is
            tell(workspace.path, writer)
    return Ingested(files=tuple(loaded), refused=tuple(refused), left=tuple(map(str, found.left)))


def _refusal(error: BadInput | OSError, path: Path) -> BadInput:
    """Return why a file is refused; what the system says of other files is no reason."""
    if isinstance(error, BadInput):
        return error.of_file(path)
    if error.filename is None or Path(error.filename) != path:
        raise error
    return unopened(error, path)


def _keep_compact(writer: Writer) -> None:
    try:
        keep_compact(writer)
    except Exception as error:
        error.add_note("the file is loaded, but small files were not merged")
        raise


def _found(named: Iterable[str | Path]) -> tuple[Found, list[tuple[str, str]]]:
    """Return the files that are meant, and of several names those without a file, with the reason."""
    names = list(named)
    if not names or "" in names:  # which would be the folder that one is in
        raise UsageError("No file was named." if not names else "One name of a file is empty.")
    if len(names) == 1:
        return find_files(names), []
    there: list[str | Path] = []
    refused = []
    for name in names:
        try:
            find_files([name])
        except BadInput as error:
            refused.append((str(name), str(error)))
        else:
            there.append(name)
    return find_files(there), refused


def _plan(path: Path, named: Mapping | None) -> _Plan:
    source = open_source(path, delimiter=named.delimiter if named else "auto")
    if named is not None:
        unnamed = any(name.startswith(UNNAMED) for name in source.columns)
        if (len(source.columns) == 1 or unnamed) and (titled := _titled(source)):
            raise titled
        return _Plan(source=_whole(source), table=named.definition, mapping=_as_written(named, source))
    # A file of JSON lines without a single object is garbage: its lines go to quarantine as events.
    if looks_like_events(source.columns) or (source.shape == "lines" and _eventlike(source)):
        return _Plan(source=source, table=None, mapping=None)
    source = _whole(source)
    table = native_table(source.columns)
    if table is not None:
        return _Plan(source=source, table=table, mapping=None)
    fitting = detect(source.columns)
    if fitting is not None:
        if fitting.delimiter != "auto":
            source = open_source(path, delimiter=fitting.delimiter)
        return _Plan(source=source, table=fitting.definition, mapping=_as_written(fitting, source))
    raise _unknown_form(source)


def _whole(source: Source) -> Source:
    # What stands under a key that the first lines lack must not be lost.
    return with_all_keys(source) if source.shape == "lines" else source


def _eventlike(source: Source) -> bool:
    return not source.columns or bool({"event_id", "event_type"} & set(source.columns))


def _as_written(mapping: Mapping, source: Source) -> Mapping:
    # Semicolons part cells where commas part decimals: 1,234 is then no thousands to a ready mapping.
    if source.delimiter == ";" and mapping.thousands == "," and mapping == ready().get(mapping.name):
        return mapping.model_copy(update={"thousands": ""})
    return mapping


def _titled(source: Source) -> BadInput | None:
    below = header_below(source.path) if source.delimiter else None
    if below is None and not any(name.startswith(UNNAMED) for name in source.columns):
        return None
    return BadInput(
        "titles seem to stand above the names of the columns"
        + (f", which are in row {below}" if below else ""),
        file=source.path,
        row=1,
        fix="Remove the rows above the names, and load the file again.",
    )


def _own_lacks(columns: Sequence[str]) -> str:
    """Return what a file lacks to be rows of one of our tables, all of whose columns are that table's."""
    there = set(columns)
    for table in TABLES.where(loadable=True).values():
        needed = {field.name for field in table.fields if field.required}
        if there <= set(table.columns) and needed & set(table.key) <= there:
            left = {name: native_table([*there | needed - {name}]) for name in needed - there}
            lacks = [name for name in table.columns if name in left and left[name] is None]
            return f"our table {table.name} comes closest, and lacks {', '.join(lacks)}"
    return ""


def _unknown_form(source: Source) -> BadInput:
    if titled := _titled(source):
        return titled
    if len(source.columns) == 1:
        return BadInput(
            "the file has one column only",
            file=source.path,
            row=1,
            column=source.columns[0][:80],
            expected="columns parted by a comma, semicolon, tab or bar",
            fix="Check the delimiter, or state it in a mapping.",
        )
    lacks = _own_lacks(source.columns) or what_it_lacks(source.columns)
    return BadInput(
        f"no mapping fits the columns {named(source.columns)}" + (f"; {lacks}" if lacks else ""),
        file=source.path,
        row=1,
        expected="our own columns, or those of a ready mapping, in English",
        fix=f"Name one with --mapping: {', '.join(names())};"
        " or write a YAML file of your own, of a few lines: docs/how-to/map-a-source.md.",
    )


def _load(writer: Writer, plan: _Plan, loading: Loading) -> FileLoad:
    how = plan.mapping.model_dump_json() if plan.mapping else plan.table_name
    bytes_id = fingerprint(plan.source.path, f"{how}|{'backfill' if loading.backfill else 'live'}")
    load_id = untaken_id(writer.store, bytes_id)
    mapped = plan.mapping.name if plan.mapping else None
    with writer.transaction(
        load_id,
        operation="ingest",
        file=str(plan.source.path),
        mapping=mapped,
        table_name=plan.table_name,
    ) as transaction:
        done = transaction.done
        if done is not None:
            return FileLoad(
                file=str(plan.source.path),
                table=plan.table_name,
                mapping=mapped,
                load_id=load_id,
                read=done.rows_read,
                duplicates=done.accepted + done.duplicates,
                quarantined=done.quarantined,
                again=True,
            )
        if plan.table_name == "events":
            return load_events(writer.connection, transaction, plan.source, plan.mapping, loading)
        assert plan.table is not None  # noqa: S101 - for the type checker: only events have none
        return load_rows(writer.connection, transaction, plan.source, plan.table, (plan.mapping, loading))
