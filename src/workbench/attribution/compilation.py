"""How the one pass is compiled: with Numba, which is an extra, and kept in the user's cache folder."""

from __future__ import annotations

import contextlib
import hashlib
import os
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import numba

from workbench.metrics.sql import cache_folder


def compiled[**P, R](function: Callable[P, R]) -> Callable[P, R]:
    """Return a function that is compiled at its first call; the result is kept where that can be written."""
    folder = cache_folder().with_name("compiled") / _sources()
    with contextlib.suppress(OSError):
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    kept = os.access(folder, os.W_OK)
    config: Any = numba.config
    before, config.CACHE_DIR = config.CACHE_DIR, str(folder)
    try:
        made: Callable[P, R] = numba.njit(nogil=True, cache=kept, error_model="numpy")(function)
    finally:
        config.CACHE_DIR = before
    return made


def inlined[**P, R](function: Callable[P, R]) -> Callable[P, R]:
    """Return a function whose text becomes part of each compiled function that calls it."""
    made: Callable[P, R] = numba.njit(nogil=True, inline="always", error_model="numpy")(function)
    return made


@cache
def _sources() -> str:
    """Return what changes with any compiled function: Numba looks only at the file of the one it has kept."""
    return hashlib.sha256(b"".join(file.read_bytes() for file in compiled_files())).hexdigest()[:16]


def compiled_files() -> list[Path]:
    """Return the files whose functions are compiled: what is kept is theirs as they are now."""
    room = Path(__file__).parent
    return sorted([*room.glob("kernel*.py"), room / "sharing.py"])
