"""Media mix runs on disk: one folder each, locked by the process that fits, whole or not at all.

::

    mix/
      <run id>/run.json      the record; replaced in one step whenever the run gets on
      <run id>/lock          held, by the operating system's lock, for as long as the fitting process lives
      <run id>/*.npz, *.json what it found, named with their hashes in the record that says "completed"
      .new-*/                a folder that has no name yet

The lock goes with the process, however it ends: a run that says it is at work while nobody holds its lock has
died, and whoever looks next says so. Runs do not wait for each other.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import shutil
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from secrets import token_hex
from typing import IO, TYPE_CHECKING, Any

from workbench.errors import WorkspaceError
from workbench.governance.names import check_slug, slug

if TYPE_CHECKING:
    import numpy as np

    from workbench.store.workspace import Workspace

    Arrays = Mapping[str, np.ndarray[Any, Any]]

FOLDER, RECORD, LOCK = "mix", "run.json", "lock"
DIED = (
    "The process that fitted it ended without a word: it was killed, the machine went down, "
    "or memory ran out."
)
_AT_WORK = ("draft", "running")
_ABANDONED = 3600.0
_MOST = 10_000
_HASH = "record_sha256"


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredRun:
    """One run as its folder has it.

    Parameters
    ----------
    folder : Path
        Where it lies.
    document : mapping
        Its record; of one that died, as it is to be read.
    """

    folder: Path
    document: Mapping[str, Any]


@contextmanager
def begin(workspace: Workspace, stem: str, document: Mapping[str, Any]) -> Iterator[StoredRun]:
    """Give the folder of a new run, locked for as long as this process lives and the block lasts.

    Parameters
    ----------
    workspace : Workspace
        Where to.
    stem : str
        How the id begins; a number follows where the name is taken.
    document : mapping
        The record; ``id`` is filled in.

    Raises
    ------
    WorkspaceError
        If nothing can be written there.
    """
    home = _home(workspace)
    with _said_clearly(home):
        home.mkdir(exist_ok=True)
        _sweep(home)
        new = home / f".new-{token_hex(8)}"  # who may read it is as the user's umask says
        new.mkdir()
    try:
        with (new / LOCK).open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            stored = _named(home, new, stem, document)
            yield stored
    finally:
        shutil.rmtree(new, ignore_errors=True)


def _named(home: Path, new: Path, stem: str, document: Mapping[str, Any]) -> StoredRun:
    """Return the folder under the first free name: it has its record and its lock when others see it."""
    plain = slug(stem, "mix")[:50].strip("-_")
    for number in range(1, _MOST):
        name = plain if number == 1 else f"{plain}-{number}"
        if (home / name).exists():
            continue
        own = {**document, "id": name}
        write_record(new, own)
        with suppress(OSError):  # somebody else took the name meanwhile
            new.rename(home / name)
            return StoredRun(folder=home / name, document=own)
    raise WorkspaceError(f"{home} holds {_MOST:,} runs named {plain}: delete some.")


def write_record(folder: Path, document: Mapping[str, Any]) -> None:
    """Replace the record of a run in one step; it ends with the hash of all that stands before it.

    Raises
    ------
    WorkspaceError
        If it cannot be written; the earlier one stays.
    """
    text = json.dumps({**document, _HASH: _hash(document)}, indent=1, allow_nan=False) + "\n"
    _write(folder / RECORD, lambda file: file.write(text.encode()))


def _hash(document: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(document, allow_nan=False, sort_keys=True).encode()).hexdigest()


def write_document(folder: Path, name: str, document: Mapping[str, Any]) -> str:
    """Write a JSON file of a run, and return its SHA-256.

    Raises
    ------
    WorkspaceError
        If it cannot be written; nothing is left of it then.
    """
    text = json.dumps(document, indent=1, allow_nan=False) + "\n"
    return _write(folder / name, lambda file: file.write(text.encode()))


def write_arrays(folder: Path, name: str, arrays: Arrays) -> str:
    """Write arrays as one file of a run, every bit of them, and return its SHA-256.

    Raises
    ------
    WorkspaceError
        If it cannot be written; nothing is left of it then.
    """
    import numpy as np

    return _write(folder / name, lambda file: np.savez(file, allow_pickle=False, **arrays))


def read_document(folder: Path, name: str, sha256: str) -> dict[str, Any]:
    """Return a JSON file of a run, if it is what was written.

    Raises
    ------
    WorkspaceError
        If it is gone or was changed.
    """
    with _checked(folder, name, sha256) as file:
        return dict(json.load(file))


def read_arrays(folder: Path, name: str, sha256: str) -> dict[str, np.ndarray[Any, Any]]:
    """Return arrays of a run, if they are what was written; nothing in the file is ever executed.

    Raises
    ------
    WorkspaceError
        If the file is gone or was changed.
    """
    import numpy as np

    with _checked(folder, name, sha256) as file, np.load(file, allow_pickle=False) as held:
        return {key: held[key] for key in held.files}


def stored_runs(workspace: Workspace) -> list[StoredRun]:
    """Return every run of a workspace by its id; those that died are noted as failed on the way."""
    home = _home(workspace)
    if not home.is_dir():
        return []
    found = (_stored(folder) for folder in sorted(home.iterdir()) if not folder.name.startswith("."))
    return [one for one in found if one is not None]


def stored_run(workspace: Workspace, id_: str) -> StoredRun:
    """Return one run, found by its id or by the beginning of its id.

    Raises
    ------
    WorkspaceError
        If no run, or more than one, is meant, or its record cannot be read.
    """
    home = _home(workspace)
    names = [path.name for path in home.iterdir() if path.name[:1] != "."] if home.is_dir() else []
    meant = [name for name in names if name == id_] or [n for n in names if id_ and n.startswith(id_)]
    if len(meant) != 1:
        problem = f"{len(meant)} media mix runs begin with" if meant else "There is no media mix run"
        raise WorkspaceError(f"{problem} {id_[:80]!r}. `workbench mmm list` lists them.")
    found = _stored(home / check_slug(meant[0], "run"))
    if found is None:
        raise WorkspaceError(f"The record of the run {id_[:80]!r} cannot be read.")
    return found


def _stored(folder: Path) -> StoredRun | None:
    document = None if folder.is_symlink() else _read(folder)  # what lies elsewhere is not of this workspace
    if document is None:
        return None
    if document["status"] in _AT_WORK and _deserted(folder):
        document = _read(folder) or document  # it may have ended well since
        if document["status"] in _AT_WORK:
            document = {**document, "status": "failed", "error": DIED}
            with suppress(WorkspaceError):  # what can be read only is still told right
                write_record(folder, document)
            clear(folder)
    return StoredRun(folder=folder, document=document)


def _deserted(folder: Path) -> bool:
    """Return whether nobody holds the lock of a run. It is never taken again: what is so once stays so."""
    try:
        with (folder / LOCK).open("r") as lock:
            # Lookers share the lock, so that none of them takes another for the process that fits.
            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except FileNotFoundError:
        return True
    except OSError:
        return False
    return True


def _read(folder: Path) -> dict[str, Any] | None:
    try:
        document = json.loads((folder / RECORD).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    if not isinstance(document, dict) or not isinstance(document.get("status"), str):
        return None
    told = document.pop(_HASH, None)  # a byte that changed would say another model, or other gates
    try:
        return document if told is None or told == _hash(document) else None
    except ValueError:
        return None


def clear(folder: Path) -> None:
    """Delete what a run that failed had written, its record and its lock aside."""
    for path in folder.iterdir() if folder.is_dir() else ():
        if path.name not in (RECORD, LOCK) and path.is_file():
            with suppress(OSError):
                path.unlink()


def _sweep(home: Path) -> None:
    """Delete folders that were begun, and left without a name, more than an hour ago."""
    for folder in home.glob(".new-*"):
        with suppress(OSError):
            if time.time() - folder.stat().st_mtime > _ABANDONED:
                shutil.rmtree(folder, ignore_errors=True)


def _home(workspace: Workspace) -> Path:
    home = workspace.path / FOLDER
    if home.is_symlink():
        raise WorkspaceError(f"{home} is a link: a workspace's files lie inside of it.")
    return home


def _write(path: Path, fill: Callable[[IO[bytes]], object]) -> str:
    """Write a file that is whole or absent after a crash, and replaces an earlier one in one step."""
    with _said_clearly(path.parent):
        draft = path.with_name(f".{path.name}-{token_hex(8)}")
        try:
            with draft.open("x+b") as file:
                fill(file)
                file.flush()
                os.fsync(file.fileno())
                file.seek(0)
                digest = hashlib.file_digest(file, "sha256").hexdigest()
            draft.replace(path)
        except BaseException:
            draft.unlink(missing_ok=True)
            raise
        _sync(path.parent)
    return digest


def _sync(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


@contextmanager
def _said_clearly(folder: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        why = error.strerror or str(error)
        raise WorkspaceError(
            f"{folder} cannot be written: {why}. Make room, or choose another place, and try again."
        ) from error


@contextmanager
def _checked(folder: Path, name: str, sha256: str) -> Iterator[IO[bytes]]:
    try:
        with (folder / name).open("rb") as file:
            if hashlib.file_digest(file, "sha256").hexdigest() != sha256:
                raise WorkspaceError(f"{folder / name} was changed after it was written: fit the run again.")
            file.seek(0)
            yield file
    except OSError as error:
        raise WorkspaceError(f"{folder / name} cannot be read: {error.strerror or error}.") from None
