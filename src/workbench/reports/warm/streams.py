"""A kernel's input, output and error output, asked for as `subprocess` asks for them."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import IO, Any

STREAMS = ("stdin", "stdout", "stderr")


@dataclass(frozen=True, slots=True, kw_only=True)
class Streams:
    """The open files that a kernel is given.

    Parameters
    ----------
    given : tuple of int
        The kernel's input, output and error output.
    own : dict
        This process's ends of the pipes among them, by the name of the stream.
    """

    given: tuple[int, ...]
    own: dict[str, IO[bytes]] = field(default_factory=dict)


@contextmanager
def streams(asked: Mapping[str, Any]) -> Iterator[Streams]:
    """Open what a kernel is to read from and write to; close it here when it has been handed over.

    Parameters
    ----------
    asked : mapping
        By ``stdin``, ``stdout``, ``stderr``: an open file, its number, ``subprocess.PIPE``, ``DEVNULL`` or
        ``STDOUT``; what is missing is this process's own, and an input at its end.

    Raises
    ------
    OSError
        If a file cannot be opened.

    Examples
    --------
    >>> with streams({"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT}) as opened:
    ...     written = os.write(opened.given[2], b"said")
    >>> opened.own["stdout"].read()
    b'said'
    """
    own: dict[str, IO[bytes]] = {}
    with ExitStack() as handed, ExitStack() as kept:
        given: list[int] = []
        for number, name in enumerate(STREAMS):
            wanted = asked.get(name)
            if wanted is None:
                wanted = subprocess.DEVNULL if name == "stdin" else number
            if wanted == subprocess.STDOUT and name == "stderr":
                given.append(given[1])
            elif wanted == subprocess.DEVNULL:
                given.append(os.open(os.devnull, os.O_RDWR))
                handed.callback(os.close, given[-1])
            elif wanted == subprocess.PIPE:
                theirs, own[name] = _pipe(name)
                kept.callback(own[name].close)
                given.append(theirs)
                handed.callback(os.close, theirs)
            else:
                given.append(wanted if isinstance(wanted, int) else wanted.fileno())
        yield Streams(given=tuple(given), own=own)
        kept.pop_all()


def _pipe(name: str) -> tuple[int, IO[bytes]]:
    """Return the kernel's end of a new pipe, and this process's."""
    reads, writes = os.pipe()
    return (reads, os.fdopen(writes, "wb")) if name == "stdin" else (writes, os.fdopen(reads, "rb"))
