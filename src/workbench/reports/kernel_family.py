"""A kernel and all that it starts: what they hold together, and that none of them stays behind."""

from __future__ import annotations

import os
import re
import shutil
import signal
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from workbench.reports.memory import memory_held
from workbench.reports.warm.identity import short_folder

_PROCESSES = "/proc"
_WORK = re.compile(r"\.work-([a-z0-9_]+)-\w+")
_FORKED = b"WORKBENCH_OUTPUT=batch"  # in the environment of kernels and of their warm parents
_BETWEEN = 1.0  # seconds between two looks at all processes: one takes some milliseconds


def family(leader: int) -> dict[int, int]:
    """Return the processes that a process stands for: itself, its group, its session and all descendants.

    Parameters
    ----------
    leader : int
        The process; its group and session count where it leads them.

    Returns
    -------
    dict of int to int
        Of each process when it was started, which tells it from a later one with its id; empty where the
        system does not say.
    """
    parents: dict[int, int] = {}
    starts: dict[int, int] = {}
    found: set[int] = set()
    for process in _processes():
        if (stat := _stat(process)) is None:
            continue
        parents[process], starts[process] = int(stat[1]), int(stat[19])
        if leader in {process, int(stat[2]), int(stat[3])}:
            found.add(process)
    for process in parents:
        line = [process]
        while line[-1] not in found and parents.get(line[-1], 0) > 1 and len(line) <= len(parents):
            line.append(parents[line[-1]])
        if line[-1] in found:
            found.update(line)
    return {process: starts[process] for process in found if process in starts}


def kernel_prefix(runner: str) -> str:
    """Return how the private folders of a runner's kernels begin."""
    return f"wb-{runner}-"


def work_prefix(runner: str) -> str:
    """Return how the working directories of a runner's notebooks begin."""
    return f".work-{runner}-"


def runner_of(folder: Path) -> str:
    """Return whose working directory a folder is; empty where it is no runner's.

    Examples
    --------
    >>> runner_of(Path("runs") / f"{work_prefix('k2f_81xq')}0a1b2c3d")
    'k2f_81xq'
    """
    found = _WORK.fullmatch(folder.name)
    return found[1] if found else ""


def end_strays(runner: str) -> int:
    """End what a killed runner's kernels left, and remove their folders; return how many processes it were.

    A process that took leave of its kernel still has the kernel's folder in its environment, or where it was
    forked from a warm one, its working directory. One that changed both on purpose stays.
    """
    if not runner:
        return 0
    found = _marked(os.fsencode(f"/{kernel_prefix(runner)}"), os.fsencode(f"/{work_prefix(runner)}"))
    found.pop(os.getpid(), None)
    ended = _end(found)
    for folder in Path(short_folder()).glob(f"{kernel_prefix(runner)}*"):
        shutil.rmtree(folder, ignore_errors=True)
    return ended


class KernelFamily:
    """What a kernel and everything it starts hold, and what they leave.

    Parameters
    ----------
    managers : sequence
        The managers of the kernel, those made later included: their `provisioner.pid` is the kernel.
    folder : Path
        The kernel's private folder, whose path its processes have in their environment.
    work : Path
        The notebook's working directory, by which what a warm kernel forked is known.
    """

    def __init__(self, managers: Sequence[Any], folder: Path, work: Path) -> None:
        self._managers, self._mark = managers, os.fsencode(folder)
        self._place = os.fsencode(work.resolve())
        self._seen: dict[int, int] = {}
        self._leaders: set[int] = set()
        self._looked = -_BETWEEN

    def held(self, most: int) -> int:
        """Return how many bytes they hold; where it is above `most`, with shared pages counted once."""
        now = time.monotonic()
        self._note_leaders()
        if now - self._looked >= _BETWEEN:
            self._looked = now
            for leader in self._leaders:
                self._seen |= family(leader)
        return memory_held(self._seen.keys() | self._leaders, most)

    def end(self) -> int:
        """End whatever is left of them, at once; return how many processes there were."""
        self._note_leaders()
        for leader in self._leaders:
            self._seen |= family(leader)
        return _end(self._seen | _marked(self._mark, self._place))

    def _note_leaders(self) -> None:
        for manager in list(self._managers):
            pid = getattr(getattr(manager, "provisioner", None), "pid", None)
            if isinstance(pid, int) and pid > 1:
                self._leaders.add(pid)


def _marked(mark: bytes, place: bytes | None = None) -> dict[int, int]:
    """Return the processes that took leave of their parents, found by the environment of the kernel.

    With `place`, also those that were forked from it: they have the environment of the warm parent, and a
    working directory with that in its path.
    """
    found: dict[int, int] = {}
    for process in _processes():
        with suppress(OSError):
            environment = _told(process, "environ")
            if mark in environment or (place and _FORKED in environment and place in _directory(process)):
                stat = _stat(process)
                found |= {process: int(stat[19])} if stat else {}
    return found


def _end(processes: Mapping[int, int]) -> int:
    """End processes, given with when they were started, at once; return how many there were."""
    ended = 0
    for process, started in processes.items():
        stat = _stat(process)
        if stat is not None and int(stat[19]) == started and stat[0] != b"Z":
            with suppress(ProcessLookupError, PermissionError):
                os.kill(process, signal.SIGKILL)
                ended += 1
    return ended


def _processes() -> list[int]:
    try:
        return [int(name) for name in os.listdir(_PROCESSES) if name.isdigit()]  # noqa: PTH208 - names suffice
    except OSError:
        return []


def _directory(process: int) -> bytes:
    return os.fsencode(Path(f"{_PROCESSES}/{process}/cwd").readlink())


def _told(process: int, what: str) -> bytes:
    # Every run reads hundreds of these: plain texts, not paths.
    with open(f"{_PROCESSES}/{process}/{what}", "rb", buffering=0) as file:  # noqa: PTH123
        return file.read()


def _stat(process: int) -> list[bytes] | None:
    """Return what the system says of a process after its id and name; None where it has ended."""
    try:
        stat = _told(process, "stat")
        return stat[stat.rindex(b")") + 2 :].split()
    except (OSError, ValueError):
        return None
