"""How many runs a machine carries at once: its cores and its memory say so, before and while they run."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Condition, Event

from workbench.reports.memory import memory_free

USUAL_NEED = 1_600_000_000  # bytes that a kernel with the usual libraries and data takes at most
_SHARE = 0.8
_BETWEEN = 0.5


def most_jobs(need: int = USUAL_NEED) -> int:
    """Return how many kernels this machine runs at once: one per core, with `need` bytes of memory each."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    free = memory_free()
    return cores if free is None else max(1, min(cores, free // need))


def most_memory() -> int | None:
    """Return how many bytes one run may take at most: four fifths of what is free; None where unknown."""
    free = memory_free()
    return None if free is None else int(_SHARE * free)


class Room:
    """Room for runs: one is let in while there is memory for it, and always when it is alone.

    Parameters
    ----------
    need : int
        Bytes that a run may take.
    """

    def __init__(self, need: int) -> None:
        self._need, self._running = need, 0
        self._changed = Condition()

    @contextmanager
    def taken(self, stop: Event) -> Iterator[None]:
        """Wait for room, or until `stop` is set, and hold it for as long as the block lasts."""
        with self._changed:
            while self._running and not stop.is_set() and not self._fits():
                self._changed.wait(_BETWEEN)
            self._running += 1
        try:
            yield
        finally:
            with self._changed:
                self._running -= 1
                self._changed.notify_all()

    def _fits(self) -> bool:
        free = memory_free()
        return free is None or free >= self._need
