"""What the workbench computes on a workspace: noted by readers beside the tables, and told by the next load.

Readers may not write to the tables, and a report that is made must not change the data it was made from. So
every computation leaves a file of its own in the journal, whole or not at all. The next load that brings new
data tells them as events: it first claims the files by moving them into a folder whose name is the id of the
load that will hold them, so that a claim is committed once, whenever the writer is killed.
"""

from __future__ import annotations

import json
import math
import os
import shutil
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from workbench.errors import WorkbenchError
from workbench.events.definitions import EVENT_TYPES, EventType, Kind
from workbench.events.tables import EVENTS, QUARANTINE
from workbench.store.derived import facts_sql, staged_again
from workbench.store.loads import LoadRecord
from workbench.store.schema import arrow_schema, literal
from workbench.store.staging import sync_folder

if TYPE_CHECKING:
    from workbench.store.writer import Writer

JOURNAL = "journal"
SYSTEM_USER = "workbench"
_CLAIM = ".claim-"
_SYSTEM = EVENT_TYPES.where(family="system")
_LONGEST = 64 * 1024
_NUMERIC = frozenset({Kind.NUMBER, Kind.MONEY, Kind.SCORE, Kind.COUNT})
Row = dict[str, Any]


@contextmanager
def recording(
    folder: Path,
    event_type: str,
    properties: dict[str, object],
    *,
    clock: Callable[[], float] = time.process_time,
) -> Iterator[dict[str, object]]:
    """Give the properties of a system event, and note it in a workspace's journal when the block ends.

    A question that is refused is not noted; one that fails is, as a failure. Where nothing can be written,
    for example by someone who may only read, nothing is.

    Parameters
    ----------
    folder : Path
        The workspace.
    event_type : str
        One of the system events.
    properties : dict
        What is known beforehand; more may be added in the block.
    clock : callable
        Counts the compute seconds: by default those of all threads of this process.
    """
    began, computing = time.perf_counter(), clock()
    status = "success"
    try:
        yield properties
    except WorkbenchError:
        status = ""
        raise
    except Exception:
        status = "failure"
        raise
    finally:
        if status:
            measured = {
                "status": status,
                "duration_seconds": round(time.perf_counter() - began, 6),
                "compute_seconds": round(clock() - computing, 6),
            }
            fields = _SYSTEM[event_type].fields
            names = {field.name for field in fields}
            # What broke off returned nothing: its counts were never noted.
            none = {f.name: 0 for f in fields if f.kind is Kind.COUNT and f.required and status == "failure"}
            known = {k: v for k, v in measured.items() if k in names}
            _note(folder / JOURNAL, event_type, none | properties | known)


def _note(journal: Path, event_type: str, properties: dict[str, object]) -> None:
    event_id = str(uuid.uuid4())
    event = {
        "event_id": event_id,
        "event_type": event_type,
        "timestamp": datetime.now(UTC).isoformat(),
        "properties": properties,
    }
    draft = journal / f".{event_id}.part"
    with suppress(OSError):
        # Not waited for: after a power cut a note may be missing, which is worth less than a wait for each.
        draft.write_text(json.dumps(event), encoding="utf-8")
        draft.replace(journal / f"{event_id}.json")


def tell(folder: Path, writer: Writer) -> int:
    """Write what the journal holds to the events and facts, each note exactly once; return how many.

    Parameters
    ----------
    folder : Path
        The workspace.
    writer : Writer
        Its writer, without an open load.
    """
    journal = folder / JOURNAL
    notes = sorted(journal.glob("[!.]*.json"))
    if notes:
        claim = journal / f"{_CLAIM}{uuid.uuid4().hex}"
        claim.mkdir()
        for note in notes:
            note.replace(claim / note.name)
        sync_folder(claim)
        sync_folder(journal)
    told = 0
    for claim in sorted(journal.glob(f"{_CLAIM}*")):
        told += _commit(claim, writer)
        shutil.rmtree(claim)
    return told


def _commit(claim: Path, writer: Writer) -> int:
    load_id = f"{JOURNAL}-{claim.name.removeprefix(_CLAIM)}"
    with writer.transaction(load_id, file=JOURNAL, table_name=EVENTS.name) as transaction:
        if transaction.done is not None:
            return 0
        began = time.perf_counter()
        sound, refused = _read(claim)
        if sound:
            _register(writer, "journal_events", EVENTS, sound)
            transaction.append(EVENTS.name, "SELECT * EXCLUDE (load_id, month, bucket) FROM journal_events")
            staged = f"({staged_again('journal_events', 'true')})"
            transaction.append("facts", facts_sql(staged, "timestamp", literal(load_id)))
        if refused:
            _register(writer, "journal_refused", QUARANTINE, refused)
            transaction.append(QUARANTINE.name, "SELECT * EXCLUDE (load_id) FROM journal_refused")
        transaction.commit(
            LoadRecord(
                rows_read=len(sound) + len(refused),
                accepted=len(sound),
                quarantined=len(refused),
                seconds=round(time.perf_counter() - began, 3),
            )
        )
    return len(sound)


def _register(writer: Writer, name: str, definition: Any, rows: list[Row]) -> None:
    import pyarrow as pa

    writer.connection.register(name, pa.Table.from_pylist(rows, schema=arrow_schema(definition)))


def _read(claim: Path) -> tuple[list[Row], list[Row]]:
    """Return the events of a claim, and the rows for the quarantine of what is none."""
    sound: list[Row] = []
    refused: list[Row] = []
    for note in sorted(claim.iterdir()):
        raw = ""
        try:
            raw = _text(note)
            sound.append(_event(note, raw))
        except (ValueError, OSError) as problem:
            refused.append(
                {
                    "table_name": EVENTS.name,
                    "file": f"{JOURNAL}/{note.name}",
                    "line": 1,
                    "raw": raw,
                    "reasons": str(problem).replace(";", ",")[:500],
                    "quarantined_at": datetime.now(UTC),
                }
            )
    return sound, refused


def _text(note: Path) -> str:
    # A link would bring in what lies outside of the workspace.
    handle = os.open(note, os.O_RDONLY | os.O_NOFOLLOW)
    with os.fdopen(handle, "rb") as file:
        return file.read(_LONGEST).decode(errors="replace")


def _event(note: Path, raw: str) -> Row:
    read = json.loads(raw)
    if not isinstance(read, dict) or read.get("event_id") != note.stem:
        raise ValueError("not an event of the journal")
    name, properties = str(read.get("event_type")), read.get("properties")
    if name not in _SYSTEM or not isinstance(properties, dict):
        raise ValueError("not a system event")
    _check(_SYSTEM[name], properties)
    at = datetime.fromisoformat(str(read.get("timestamp")))
    if at.tzinfo is None:
        raise ValueError("malformed timestamp: no time zone")
    return {
        "event_id": str(uuid.UUID(note.stem)),
        "event_type": name,
        "timestamp": at,
        "user_id": SYSTEM_USER,
        "source": "backend",
        "properties": json.dumps(properties),
        # It was in the workspace from that moment on; this load only moves it.
        "ingested_at": at,
        "late_arrival": False,
    }


def _check(kind: EventType, properties: dict[str, object]) -> None:
    known = {field.name: field for field in kind.fields}
    missing = [name for name in kind.required if properties.get(name) is None]
    wrong = [
        name
        for name, value in properties.items()
        if value is not None
        and (
            name not in known
            or isinstance(value, bool | dict | list)
            or (isinstance(value, float) and not math.isfinite(value))
            or isinstance(value, int | float) != (known[name].kind in _NUMERIC)
        )
    ]
    if missing or wrong:
        raise ValueError(f"missing or wrongly typed: {', '.join([*missing, *wrong])}"[:300])
