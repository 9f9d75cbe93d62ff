"""How much memory there is, and how much processes hold: asked of the system, without a library."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

_PROCESSES = Path("/proc")


def memory_free() -> int | None:
    """Return how many bytes a new process could take now; None where the system does not say.

    The least counts of what the machine has left (its caches given back) and what the control group of this
    process may still take.
    """
    found = [free for free in (_of_machine(), _of_group()) if free is not None]
    return min(found, default=None)


def memory_held(processes: Iterable[int], most: int) -> int:
    """Return how many bytes processes hold together; above `most`, shared pages are counted once.

    The resident sets are summed, which is quick and counts shared pages for each process. Only where that sum
    is above `most` are the proportional shares read, which takes milliseconds.
    """
    processes = list(processes)
    held = sum(map(_resident, processes))
    return held if held <= most else sum(map(_proportional, processes))


def _resident(process: int) -> int:
    try:
        pages = (_PROCESSES / str(process) / "statm").read_bytes().split()[1]
        return int(pages) * os.sysconf("SC_PAGE_SIZE")
    except (OSError, ValueError, IndexError):
        return 0


def _proportional(process: int) -> int:
    try:
        lines = (_PROCESSES / str(process) / "smaps_rollup").read_text(encoding="ascii").splitlines()
        return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("Pss:"))
    except (OSError, ValueError, IndexError, StopIteration):
        return _resident(process)


def _of_machine() -> int | None:
    try:
        lines = Path("/proc/meminfo").read_text(encoding="ascii").splitlines()
        (line,) = (line for line in lines if line.startswith("MemAvailable:"))
        return int(line.split()[1]) * 1024
    except (OSError, ValueError, IndexError):
        return None


def _of_group(root: Path = Path("/sys/fs/cgroup")) -> int | None:
    for most, now, cache in (
        ("memory.max", "memory.current", "inactive_file"),
        ("memory/memory.limit_in_bytes", "memory/memory.usage_in_bytes", "total_inactive_file"),
    ):
        try:
            limit, used = (int((root / name).read_text(encoding="ascii")) for name in (most, now))
            stat = (root / most).with_name("memory.stat").read_text(encoding="ascii")
            given_back = dict(line.split() for line in stat.splitlines()).get(cache, "0")
            return limit - used + int(given_back)
        except (OSError, ValueError):  # no such group, or one without a limit: "max"
            continue
    return None
