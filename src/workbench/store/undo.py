"""The newest load is taken back: all tables are again as they were before it.

No data are rewritten. What the load replaced, and what it was merged with later, still lies in the files of
before, until they are vacuumed: these enter the tables again, and those of the load leave them. Notes of the
workbench's own that came after the load stay. In the load log its row is marked, so that no figure is told of
it any more, and its file may be loaded again.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from workbench.errors import BadInput
from workbench.events.rollups import ROLLUPS
from workbench.events.tables import EVENTS, FACTS, LOADS, TABLES
from workbench.store.checksums import check
from workbench.store.commits import as_added
from workbench.store.connection import files_sql
from workbench.store.delta import Change, DataFile, data_files
from workbench.store.journal import JOURNAL
from workbench.store.loads import LoadRecord, head, undo_id
from workbench.store.manifest import stated_currency
from workbench.store.rollups import Touched, merged, refreshed
from workbench.store.schema import literal
from workbench.store.staging import file_prefix, stage
from workbench.store.writer import Writer

_FILE = "_file_path"
_INSTEAD = "Make a new workspace with `workbench init`, and load into it what is right."
_OWN = frozenset({JOURNAL, "runs"})  # what the workbench notes of itself
Files = dict[str, DataFile]


@dataclass(frozen=True, slots=True, kw_only=True)
class Undone:
    """What taking a load back does, or did.

    Parameters
    ----------
    load_id, file, table_name : str
        The load: its id, its file, and the table that the file was for.
    leaving, returning : mapping of str to int
        How many rows leave each table, and how many come back that the load had replaced.
    currency : str, optional
        That of the workspace, where the load's file stated it: it goes, too.
    kept : tuple of str
        Tables that were written since, other than by what the workbench notes of itself; they stay as they
        are, though it may rest on the load.
    versions : range
        The data versions with the load in them; runs that read one tell what it told.
    done : bool
        Whether it is.
    """

    load_id: str
    file: str
    table_name: str
    leaving: Mapping[str, int]
    returning: Mapping[str, int]
    currency: str | None = None
    kept: tuple[str, ...] = ()
    versions: range = range(0)
    done: bool = False

    @property
    def sentence(self) -> str:
        """Return one plain sentence."""
        does = "is taken back" if self.done else "would be taken back"
        said = f"Load {self.load_id} of {self.file} into {self.table_name} {does}, and with it"
        said += f" {_rows(self.leaving)}"
        if self.returning:
            came = "came" if self.done else "would come"
            said += f"; {_rows(self.returning)} that it had replaced {came} back"
        if self.currency:
            has = "has" if self.done else "would have"
            said += f"; the workspace {has} no currency again, for only this file said {self.currency}"
        return f"{said}."


def _rows(counts: Mapping[str, int]) -> str:
    told = [f"{count:,} {'row' if count == 1 else 'rows'} of {table}" for table, count in counts.items()]
    return " and ".join([", ".join(told[:-1]), told[-1]] if len(told) > 1 else told) or "no row"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Past:
    """The newest load, the row of the log before it, and those after it."""

    load: LoadRecord
    before: LoadRecord
    since: tuple[LoadRecord, ...]

    def changed(self) -> list[str]:
        was, is_ = self.before.versions, self.load.versions
        return [name for name in TABLES if was.get(name, 0) != is_.get(name, 0)]


def planned(writer: Writer) -> Undone:
    """Return what taking the newest load back would do.

    Raises
    ------
    BadInput
        If there is none, or what came since cannot be parted from it.
    """
    past = _past(writer)
    _changes(writer, past)
    return _told(writer, past)


def undo(writer: Writer, load_id: str | None = None) -> Undone:
    """Take the newest load back, and return what that did.

    Parameters
    ----------
    writer : Writer
        The workspace's writer.
    load_id : str, optional
        Which load is meant: nothing happens where it is not the newest.

    Raises
    ------
    BadInput
        As `planned`, or if another load is meant.
    """
    past = _past(writer, load_id)
    load = past.load
    changes, told, own = _changes(writer, past), _told(writer, past), undo_id(load.load_id)
    with writer.transaction(
        own, operation="undo", file=load.file, mapping=load.mapping, table_name=load.table_name
    ) as transaction:
        changes |= _of_rollups(writer, past, file_prefix(own))
        transaction.change({**changes, LOADS.name: _marked(writer, load.load_id, file_prefix(own))})
        transaction.commit()
    return replace(told, done=True)


def _past(writer: Writer, meant: str | None = None) -> _Past:
    names = "load_id, operation, file, mapping, table_name, versions"
    rows = writer.connection.execute(f"SELECT {names} FROM loads ORDER BY loaded_at").fetchall()
    log = [
        LoadRecord(**{**dict(zip(names.split(", "), row, strict=True)), "versions": json.loads(row[-1])})
        for row in rows
    ]
    if any(record.load_id == meant and record.operation == "undone" for record in log):
        raise BadInput(f"the load {meant} was taken back already")
    place = max((at for at, record in enumerate(log) if record.operation == "ingest"), default=0)
    if not place:
        raise BadInput("no file is loaded that could be taken back")
    past = _Past(load=log[place], before=log[place - 1], since=tuple(log[place + 1 :]))
    if meant not in {None, past.load.load_id}:
        newest = f"{past.load.load_id} of {past.load.file}"
        raise BadInput(f"the newest load is {newest}, not {meant:.80}: only the newest can be taken back")
    if any(record.operation == "erase" for record in past.since):
        raise _refused(past, "users were erased since, who would come back")
    return past


def _refused(past: _Past, why: str) -> BadInput:
    what = f"the newest load, {past.load.load_id} of {past.load.file}, cannot be taken back: {why}"
    return BadInput(what, fix=_INSTEAD)


def _changes(writer: Writer, past: _Past) -> dict[str, Change]:
    """Return what enters and leaves each table that the load changed, the roll-ups left out."""
    changes = {}
    for name in past.changed():
        changes[name] = _exchanged(writer, past, name, _wanted(writer.store, past, name))
    return changes


def _wanted(store: Path, past: _Past, name: str) -> Files:
    """Return the files of a table as it would be without the load: of before, and of the journal since."""
    wanted, at = _files(store, name, past.before.versions), past.load.versions
    for record in past.since:
        if record.operation == "write" and record.versions.get(name, 0) != at.get(name, 0):
            was, is_ = _files(store, name, at), _files(store, name, record.versions)
            if record.file != JOURNAL or was.keys() - is_.keys():
                raise _refused(past, f"rows of {name} were written since, which may rest on it")
            wanted |= {path: is_[path] for path in is_.keys() - was.keys()}
        at = record.versions  # merged files hold the same rows: those that were merged are wanted
    return wanted


def _files(store: Path, name: str, versions: Mapping[str, int]) -> Files:
    return {file.path: file for file in data_files(store / name, versions.get(name, 0))}


def _exchanged(writer: Writer, past: _Past, name: str, wanted: Files) -> Change:
    """Return the change from the files of now to wanted ones, all of which are on the disk as they were."""
    folder, version = writer.store / name, writer.head.versions[name]
    now = _files(writer.store, name, writer.head.versions)
    back = wanted.keys() - now.keys()
    _check_there(folder, past, back)
    added = as_added(folder, version, back)
    check(folder, version, added)
    return Change(added=added, removed=tuple(now[path] for path in sorted(now.keys() - wanted.keys())))


def _check_there(folder: Path, past: _Past, paths: Iterable[str]) -> None:
    if not all((folder / path).is_file() for path in paths):
        raise _refused(past, "files of before it were vacuumed since")


def _of_rollups(writer: Writer, past: _Past, prefix: str) -> dict[str, Change]:
    """Return what changes in the roll-ups: as they were before, with the sums of the facts since added."""
    store, now = writer.store, writer.head.versions
    # An earlier version of the workbench may have kept none, before the load or after it.
    versions = {name: at for name, at in past.before.versions.items() if name not in ROLLUPS or name in now}
    facts = _wanted(store, past, FACTS.name)
    since = tuple(facts[path] for path in facts.keys() - _files(store, FACTS.name, versions).keys())
    kept = [name for name in ROLLUPS if name in versions]
    before = {name: _files(store, name, versions) for name in kept}
    for name, files in before.items():
        _check_there(store / name, past, files)
    touched = Touched(appended=since, days=frozenset(), files=())
    made = refreshed(writer.connection, store, versions, touched, prefix)
    changes = {}
    for name, files in before.items():
        more = made.get(name, Change())
        gone = {file.path for file in more.removed}
        change = _exchanged(writer, past, name, {p: file for p, file in files.items() if p not in gone})
        changes[name] = replace(change, added=(*change.added, *more.added))
    unkept = [name for name in ROLLUPS if name in now and name not in versions]
    if unkept:  # they were first made from facts that leave
        changes |= {name: Change(removed=tuple(_files(store, name, now).values())) for name in unkept}
        changes |= merged(writer.connection, store, dict.fromkeys(kept, 0), facts.values(), prefix)
    return changes


def _marked(writer: Writer, load_id: str, prefix: str) -> Change:
    """Return what marks a load as undone in the load log, its files being written."""
    folder, version = writer.store / LOADS.name, writer.head.version
    files, its = data_files(folder, version), f"load_id = {literal(load_id)}"
    rows = files_sql(LOADS, folder, files, file_column=_FILE)
    found = writer.connection.execute(f"SELECT DISTINCT {_FILE} FROM ({rows}) WHERE {its}").fetchall()
    held = {Path(path).relative_to(folder).as_posix() for (path,) in found}
    removed = tuple(file for file in files if file.path in held)
    check(folder, version, removed)
    mark = f"CASE WHEN {its} THEN 'undone' ELSE operation END AS operation"
    marked = f"SELECT * REPLACE ({mark}) FROM ({files_sql(LOADS, folder, removed)})"
    return Change(added=stage(writer.connection, LOADS, folder, marked, prefix), removed=removed)


def _told(writer: Writer, past: _Past) -> Undone:
    counts = {name: _counted(writer, past, name) for name in past.changed() if name != FACTS.name}
    if EVENTS.name in counts:  # among them is the one that the load tells of itself
        leaving, returning = counts[EVENTS.name]
        counts[EVENTS.name] = leaving - 1, returning
    return Undone(
        load_id=past.load.load_id,
        file=past.load.file,
        table_name=past.load.table_name,
        leaving={name: leaving for name, (leaving, _) in counts.items() if leaving},
        returning={name: returning for name, (_, returning) in counts.items() if returning},
        currency=stated_currency(writer.store.parent, past.load.load_id),
        kept=_written_since(past),
        versions=range(_first_version(writer, past), writer.head.version + 1),
    )


def _written_since(past: _Past) -> tuple[str, ...]:
    written = (record for record in past.since if record.operation == "write" and record.file not in _OWN)
    return tuple(sorted({record.table_name for record in written} - {""}))


def _first_version(writer: Writer, past: _Past) -> int:
    name, version = past.changed()[0], writer.head.version
    while head(writer.store, version - 1).versions[name] >= past.load.versions[name]:
        version -= 1
    return version


def _counted(writer: Writer, past: _Past, name: str) -> tuple[int, int]:
    """Return how many rows the load added to a table, and how many it took away."""
    folder = writer.store / name
    was, is_ = (_files(writer.store, name, at.versions) for at in (past.before, past.load))
    added, removed = _apart(is_, was), _apart(was, is_)
    if not removed:
        return sum(file.rows for file in added), 0
    _check_there(folder, past, [file.path for file in (*added, *removed)])
    new, old = (files_sql(TABLES[name], folder, files) for files in (added, removed))
    counted = (f"SELECT count(*) FROM ({one} EXCEPT ALL {two})" for one, two in ((new, old), (old, new)))
    leaving, returning = (writer.connection.execute(sql).fetchall()[0][0] for sql in counted)
    return int(leaving), int(returning)


def _apart(files: Files, others: Collection[str]) -> list[DataFile]:
    return [file for path, file in files.items() if path not in others]
