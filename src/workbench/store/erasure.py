"""A person's rows leave every table and the disk, and the files that remain are searched for what is left."""

from __future__ import annotations

import re
import shutil
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from mmap import ACCESS_READ, mmap
from pathlib import Path

from workbench.errors import UsageError
from workbench.events.tables import EVENTS, FACTS, QUARANTINE, TABLES, TableDefinition
from workbench.store.compaction import stored_files
from workbench.store.connection import files_sql
from workbench.store.delta import DataFile
from workbench.store.schema import literal, quote, user_bucket, user_key
from workbench.store.transaction import Transaction
from workbench.store.writer import Writer

_WORD = re.compile(rb"[A-Za-z0-9_-]")
_FILE = "_file_path"
ERASED = "(erased)"
# What people write about experiments, where they may have named a user.
_TEXTS: Mapping[str, Mapping[str, str]] = {
    "experiment_definitions": {
        "reason": "reason",
        "definition": "json_extract_string(definition, '$.hypothesis')",
    },
    "experiment_decisions": {"why": "why"},
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Erased:
    """What erasing did.

    Parameters
    ----------
    rows : mapping of str to int
        How many rows left each table.
    files_deleted : int
        How many files, of this and of earlier versions, were deleted from the disk.
    remaining : tuple of str
        Files of the workspace in which an id still stands, such as reports that printed it.
    version : int
        The data version without them. Earlier ones that held them cannot be read any more.
    texts : int
        In how many texts about experiments an id stood; it was struck out there.
    """

    rows: Mapping[str, int]
    files_deleted: int
    remaining: tuple[str, ...]
    version: int
    texts: int = 0

    @property
    def sentence(self) -> str:
        """Return one plain sentence."""
        count = sum(self.rows.values())
        done = f"{count} rows left {len(self.rows)} tables, and {self.files_deleted} files the disk"
        if self.texts:
            done += f"; the id was struck out of {self.texts} texts about experiments"
        if self.remaining:
            return f"{done}; the id still stands in {', '.join(self.remaining)}."
        return f"{done}; the id stands in no file of the workspace."


def erase(writer: Writer, *user_ids: str) -> Erased:
    """Remove users from every table, in all versions, and search the workspace's files for their ids.

    Of what was written about experiments only the ids go: who decided what, and why, stays. Only files that
    hold one of them are rewritten, each once: those of the facts hold nearly everybody, so erasing many
    together costs little more than erasing one. The load log stays. It can be repeated safely.
    """
    if not user_ids or not all(user_ids):
        raise UsageError("An empty user id names nobody.")
    rows: dict[str, int] = {}
    deleted = texts = 0
    # The id of the load must not tell whom it erased.
    with writer.transaction(f"erase-{uuid.uuid4().hex}", operation="erase") as load:
        for table, definition in TABLES.items():
            if definition.user is None:
                continue
            condition = _condition(definition, user_ids)
            counts = _holding(writer, definition, condition)
            rows_left = _remove(load, definition, counts, condition)
            if rows_left:
                rows[table] = rows_left
            load.purge(table, counts)
            deleted += len(counts)
        for table in _TEXTS:
            counts, struck = _strike(writer, load, TABLES[table], user_ids)
            deleted, texts = deleted + len(counts), texts + struck
        load.commit()
    folder = writer.store.parent
    for path in (folder / "cache").iterdir():
        shutil.rmtree(path) if path.is_dir() else path.unlink()
    return Erased(
        rows=rows,
        files_deleted=deleted,
        remaining=tuple(sorted({path for user_id in user_ids for path in files_naming(folder, user_id)})),
        version=writer.head.version,
        texts=texts,
    )


def _remove(load: Transaction, definition: TableDefinition, counts: Mapping[str, int], condition: str) -> int:
    touched = [file for file in load.files(definition.name) if file.path in counts]
    load.rewrite(definition.name, touched, f"({condition}) IS NOT TRUE")
    return sum(counts[file.path] for file in touched)


def _strike(
    writer: Writer, load: Transaction, definition: TableDefinition, user_ids: tuple[str, ...]
) -> tuple[dict[str, int], int]:
    """Strike ids out of the texts of a table; return the files that held some, and how many rows did."""
    texts, word = _TEXTS[definition.name], literal(_word(user_ids))
    condition = " OR ".join(f"coalesce(regexp_matches({text}, {word}), false)" for text in texts.values())
    counts = _holding(writer, definition, condition)
    touched = [file for file in load.files(definition.name) if file.path in counts]
    changed = {}
    for column, text in texts.items():
        new = text
        for _ in range(2):  # two ids side by side share the sign between them
            new = f"regexp_replace({new}, {word}, '\\1{ERASED}\\3', 'g')"
        if column != text:  # within JSON, whose names may look like an id
            patch = f"json_merge_patch({column}, json_object('hypothesis', {new}))"
            new = f"CASE WHEN {text} IS NULL THEN {column} ELSE CAST({patch} AS VARCHAR) END"
        changed[column] = new
    load.rewrite(definition.name, touched, changed=changed)
    load.purge(definition.name, counts)
    return counts, sum(counts[file.path] for file in touched)


def _word(user_ids: tuple[str, ...]) -> str:
    named = "|".join(map(re.escape, user_ids))
    return f"(^|[^A-Za-z0-9_-])({named})($|[^A-Za-z0-9_-])"


def _holding(writer: Writer, definition: TableDefinition, condition: str) -> dict[str, int]:
    folder = writer.store / definition.name
    every_file = [DataFile(path=path, size=0, rows=0) for path in stored_files(folder)]
    rows = files_sql(definition, folder, every_file, file_column=_FILE)
    found = writer.connection.execute(
        f"SELECT {_FILE}, count(*) FROM ({rows}) AS old_row WHERE {condition} GROUP BY ALL"
    ).fetchall()
    return {Path(path).relative_to(folder).as_posix(): int(count) for path, count in found}


def _condition(definition: TableDefinition, user_ids: tuple[str, ...]) -> str:
    who = ", ".join(map(literal, user_ids))
    same = f"{quote(definition.user or '')} IN ({who})"
    if definition is EVENTS:
        buckets = ", ".join(user_bucket(literal(user_id)) for user_id in user_ids)
        return f"bucket IN ({buckets}) AND {same}"
    if definition is FACTS:
        return f"user_key IN ({', '.join(user_key(literal(user_id)) for user_id in user_ids)})"
    if definition is QUARANTINE:
        word = literal(_word(user_ids))
        return f"({same} OR regexp_matches(raw, {word}) OR regexp_matches(reasons, {word}))"
    if "email" in definition.columns:
        return f"({same} OR email IN ({who}))"
    return same


def files_naming(folder: Path, text: str) -> Iterator[str]:
    """Return the files below a folder whose bytes hold `text` as a word of its own, hidden files included.

    Values in compressed pages are found by their column, not here; this finds what stands beside them, such
    as statistics, logs and reports.
    """
    for path in sorted(folder.rglob("*")):
        if path.is_symlink() or not path.is_file() or not path.stat().st_size:
            continue
        with path.open("rb") as file, mmap(file.fileno(), 0, access=ACCESS_READ) as held:
            if _holds(held, text.encode()):
                yield path.relative_to(folder).as_posix()


def _holds(held: mmap, text: bytes) -> bool:
    at = held.find(text)
    while at >= 0:
        before, after = held[max(at - 1, 0) : at], held[at + len(text) : at + len(text) + 1]
        # In a Parquet footer the byte before a text is its length, which may look like a letter.
        starts = not _WORD.match(before) or before[0] == len(text)
        if starts and not _WORD.match(after):
            return True
        at = held.find(text, at + 1)
    return False
