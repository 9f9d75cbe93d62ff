"""What makes a load all or nothing over many tables: a written intent, completed by whoever comes next.

A load first marks that it stages files, then stages them, then writes its intent: which files enter and
leave which table. The intent is the decision. Before it, the next writer deletes what was staged; after it,
the next writer carries it out, and every step of that is done once however often it is tried. Readers see
nothing of either: they read the versions named by the last row of the load log, which is written last.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from workbench.errors import RESTORE, WorkspaceError
from workbench.events.rollups import STORED
from workbench.events.tables import LOADS
from workbench.store import delta
from workbench.store.checkpoints import checkpoint
from workbench.store.delta import Change, DataFile
from workbench.store.loads import Head, LoadRecord, append_load, head, undone_load
from workbench.store.manifest import retract_currency, withdraw_currency
from workbench.store.staging import file_prefix, sync_files, sync_folder, write_durably

DECIDED = "all of it is on the disk and shows then, as already loaded"


@dataclass(frozen=True, slots=True, kw_only=True)
class Intent:
    """Everything that a load will do.

    Parameters
    ----------
    record : LoadRecord
        Its row in the load log.
    changes : mapping of str to Change
        What enters and leaves each table.
    purged : mapping of str to sequence of str
        The files of each table that are deleted from the disk in the end.
    """

    record: LoadRecord
    changes: Mapping[str, Change]
    purged: Mapping[str, Sequence[str]] = field(default_factory=dict)

    def to_json(self) -> str:
        """Return the intent as it is written to disk."""
        record = asdict(replace(self.record, loaded_at=None))
        changes = {name: asdict(change) for name, change in self.changes.items()}
        return json.dumps({"record": record, "changes": changes, "purged": self.purged})

    @classmethod
    def from_json(cls, text: str) -> Intent:
        """Return the intent that was written."""
        read = json.loads(text)
        return cls(
            record=LoadRecord(**read["record"]),
            changes={name: _change(change) for name, change in read["changes"].items()},
            purged=read["purged"],
        )


def _change(read: Mapping[str, Any]) -> Change:
    return Change(
        added=tuple(DataFile(**file) for file in read["added"]),
        removed=tuple(DataFile(**file) for file in read["removed"]),
    )


def announce(pending: Path, load_id: str) -> None:
    """Note that files of this load may lie about from now on."""
    write_durably(_marker(pending, load_id), load_id)


def withdraw(store: Path, pending: Path, load_id: str) -> None:
    """Delete what a load staged, the currency that it stated, and its note."""
    retract_currency(store.parent, load_id)
    for name in STORED:
        for path in (store / name).rglob(f"{file_prefix(load_id)}*.parquet"):
            path.unlink()
    _marker(pending, load_id).unlink(missing_ok=True)


def decide(pending: Path, intent: Intent) -> None:
    """Write the intent: from here on the load will happen."""
    write_durably(_intent_path(pending, intent.record.load_id), intent.to_json())
    _marker(pending, intent.record.load_id).unlink(missing_ok=True)
    sync_folder(pending)


def carry_out(store: Path, pending: Path, intent: Intent) -> LoadRecord:
    """Commit every table, then the load's row, and return it; steps that were done before are skipped."""
    load_id, record = intent.record.load_id, intent.record
    if not delta.has_load(store / LOADS.name, load_id):
        before = head(store)
        versions = dict(before.versions)
        for name, change in intent.changes.items():
            if name != LOADS.name:
                versions[name] = delta.commit(store / name, change, load_id)
                sync_files(store / name, [f"_delta_log/{delta.log_entry(store / name, versions[name]).name}"])
        rewritten = intent.changes.get(LOADS.name, Change())
        record = append_load(store, replace(record, versions=versions), after=before, rewritten=rewritten)
    _sync_log(store / LOADS.name)
    if record.operation == "undo":
        withdraw_currency(store.parent, undone_load(load_id), delta.newest_version(store / LOADS.name) - 1)
    for name, paths in intent.purged.items():
        for path in paths:
            (store / name / path).unlink(missing_ok=True)
    _intent_path(pending, load_id).unlink()
    newest = {**record.versions, LOADS.name: delta.newest_version(store / LOADS.name)}
    checkpoint(store, {name: newest[name] for name in (*intent.changes, LOADS.name) if name in newest})
    return record


def recover(store: Path, pending: Path) -> None:
    """Finish what an earlier writer had decided, and delete what it had not.

    Raises
    ------
    WorkspaceError
        If a decision cannot be read.
    """
    for path in sorted(pending.glob("*.json")):
        intent = _written(path)
        _marker(pending, intent.record.load_id).unlink(missing_ok=True)
        sync_folder(pending)
        carry_out(store, pending, intent)
    for path in sorted(pending.glob("*.staging")):
        load_id = path.read_text(encoding="utf-8")
        if delta.has_load(store / LOADS.name, load_id):
            path.unlink()
        else:
            withdraw(store, pending, load_id)
    for path in pending.glob(".*"):  # a note that was being written
        path.unlink()


def _written(path: Path) -> Intent:
    try:
        return Intent.from_json(path.read_text(encoding="utf-8"))
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise WorkspaceError(
            f"{path.parent.parent} is damaged: {path} tells what a load had decided to do,"
            f" and cannot be read. {RESTORE}"
        ) from error


def ahead(store: Path, state: Head) -> list[str]:
    """Return the tables whose log goes on after a state: a load is at work, or its entry was lost."""
    tables = ((name, state.versions.get(name, 0)) for name in sorted(state.named))
    return [name for name, at in tables if delta.log_entry(store / name, at + 1).exists()]


def check_named(store: Path) -> None:
    """Refuse a store with commits that the load log does not name, once nothing is left unfinished.

    What is loaded next would be added to them, and rows would show that no load brought.

    Raises
    ------
    WorkspaceError
        If there are any.
    """
    if found := ahead(store, head(store)):
        raise WorkspaceError(
            f"The workspace {store.parent} is damaged: its load log does not name the newest version of"
            f" {found[0]!r}. Either an entry of the log is lost, or the folder was copied while a load was at"
            " work. Restore it from a copy, made while nothing is loaded."
        )


def _sync_log(folder: Path) -> None:
    version = delta.newest_version(folder)
    sync_files(folder, [f"_delta_log/{delta.log_entry(folder, version).name}"])


def _marker(pending: Path, load_id: str) -> Path:
    return pending / f"{file_prefix(load_id)}load.staging"


def _intent_path(pending: Path, load_id: str) -> Path:
    return pending / f"{file_prefix(load_id)}load.json"
