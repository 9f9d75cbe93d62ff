"""Who does a run: one at a time, whichever process, thread or batch asks for it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Event
from typing import IO

from workbench.reports.lease import ACTIVE, CLAIMS

_BETWEEN = 0.2


@contextmanager
def claimed(runs: Path, id_: str, stop: Event, *, wait: bool = True) -> Iterator[bool]:
    """Hold the run of an id for as long as the block lasts.

    Parameters
    ----------
    runs : Path
        The runs folder.
    id_ : str
        The run's id.
    stop : threading.Event
        Ends the waiting.
    wait : bool
        Whether to wait while another holds it.

    Yields
    ------
    bool
        Whether it is held; False where another holds it.
    """
    path = runs / ACTIVE / CLAIMS / id_
    while True:
        with _opened(path) as file:
            if not _locked_by_another(file):
                # The one before may have removed the file between our opening and locking it.
                if not _is(path, file.fileno()):
                    continue
                try:
                    yield True
                finally:
                    with suppress(OSError):
                        path.unlink()
                        path.parent.rmdir()
                return
        if not wait or stop.wait(_BETWEEN):
            yield False
            return


def _locked_by_another(file: IO[str]) -> bool:
    """Take the lock of a file; return whether another has it. Where there are no locks nobody waits."""
    try:
        import fcntl
    except ImportError:
        return False
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:  # e.g. a network's disk without locks
        return False
    return False


def _opened(path: Path) -> IO[str]:
    while True:
        # The last holder removes the folder with its file, also between two looks at it.
        with suppress(FileExistsError):
            path.parent.mkdir(parents=True, exist_ok=True)
        with suppress(FileNotFoundError):
            return path.open("w")


def _is(path: Path, handle: int) -> bool:
    with suppress(OSError):
        return os.path.samestat(path.stat(), os.fstat(handle))
    return False
