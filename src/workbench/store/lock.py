"""One writer per workspace: a lock the operating system frees when its process ends, however it ends."""

from __future__ import annotations

import fcntl
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from workbench.errors import WorkspaceBusy


@contextmanager
def writer_lock(path: Path) -> Iterator[None]:
    """Hold the lock of a workspace.

    Raises
    ------
    WorkspaceBusy
        If another process, or another writer of this one, holds it; the message names it.
    """
    handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = os.pread(handle, 200, 0).decode(errors="replace").strip() or "another process"
            raise WorkspaceBusy(
                f"{path.parent} is being written by {holder}. Try again when it has ended."
            ) from None
        os.ftruncate(handle, 0)
        os.pwrite(handle, f"process {os.getpid()} on {socket.gethostname()}\n".encode(), 0)
        yield
    finally:
        os.close(handle)
