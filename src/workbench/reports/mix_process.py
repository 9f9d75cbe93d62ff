"""Sampling in a process of its own: started, followed, and its end put into words, whatever ended it."""

from __future__ import annotations

import json
import math
import os
import select
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from workbench.errors import BadInput, RunFailed
from workbench.mmm.run import GateRecord

WORKER = "workbench.reports.mix_worker"
# The order of sums in a compiled model follows that of sets, and theirs the seed of hashes. With one seed the
# same model gives the same draws to the last bit; with another they differ in the twelfth digit.
_SAME = {"PYTHONHASHSEED": "0"}
_STILL, _LEAST = 60, 0.05  # seconds without a word, and of computing in them
_MOST = 900.0  # seconds of computing without a word: ten times what a large model takes to compile
_LONGEST_LOG = 2000
_IN_WORDS = ("NotEnoughData", "UsageError", "WorkspaceError")
_MEMORY = ("memoryerror", "bad_alloc", "cannot allocate memory", "out of memory", "memory allocation")


@dataclass(frozen=True, slots=True, kw_only=True)
class Sampled:
    """What a sampling process left.

    Parameters
    ----------
    files : mapping of str to str
        Its files with their hashes.
    gates : tuple of GateRecord
        What was found at the gates.
    """

    files: Mapping[str, str]
    gates: tuple[GateRecord, ...]


def sampled(
    folder: Path,
    spec: Mapping[str, Any],
    market: Mapping[str, str],
    on_progress: Callable[[float, str], None],
) -> Sampled:
    """Return what the sampling of a model left in a run's folder, and what it showed at the gates.

    Parameters
    ----------
    folder : Path
        The run's folder, which holds the market.
    spec : mapping
        The model as a document.
    market : mapping of str to str
        The files of the market, with their hashes.
    on_progress : callable
        Called with the share that is done and what is being done.

    Raises
    ------
    BadInput
        If the model does not fit the data.
    RunFailed
        If the process failed, was killed, or memory ran out; the message says which.
    """
    asked = {"folder": str(folder), "spec": dict(spec), "market": dict(market)}
    found: dict[str, Any] = {}
    with tempfile.TemporaryFile() as log:
        # In a session of its own: Ctrl-C reaches it through this process alone.
        worker = subprocess.Popen(  # noqa: S603 - this very interpreter, with a module of its own
            [sys.executable, "-m", WORKER],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=log,
            start_new_session=True,
            env=os.environ | _SAME,
        )
        try:
            _follow(worker, asked, found, on_progress)
            status = worker.wait()
        finally:
            _end(worker)
        if "files" in found:
            return Sampled(
                files={str(name): str(digest) for name, digest in found["files"].items()},
                gates=tuple(GateRecord(**gate) for gate in found["gates"]),
            )
        log.seek(0, 2)
        log.seek(max(log.tell() - _LONGEST_LOG, 0))
        raise failure(status, found, log.read().decode(errors="replace"))


def failure(status: int, found: Mapping[str, Any], log: str) -> BadInput | RunFailed:
    """Return how a process ended, in words: by what it said, its exit status, and the end of its log.

    Examples
    --------
    >>> print(failure(-9, {}, ""))
    Memory ran out, most likely: the sampling process was killed by the system (SIGKILL).
    >>> print(failure(1, {"kind": "ValueError", "error": "it was odd"}, ""))
    ValueError: it was odd
    """
    kind, said = str(found.get("kind", "")), str(found.get("error", ""))
    if kind == "BadInput":
        return BadInput(said.rstrip("."))
    text = f"{kind} {said}" if kind else log
    if any(word in text.lower() for word in _MEMORY):
        return RunFailed("Memory ran out while it was sampled.")
    if kind in _IN_WORDS:
        return RunFailed(said)
    if kind:
        return RunFailed(f"{kind}: {said}" if said else kind)
    if status == -signal.SIGKILL:
        return RunFailed(
            "Memory ran out, most likely: the sampling process was killed by the system (SIGKILL)."
        )
    if status < 0:
        return RunFailed(f"The sampling process was ended by {signal.Signals(-status).name}.")
    lines = log.strip().splitlines()
    return RunFailed(f"The sampling process ended with {status}. {lines[-1] if lines else ''}".rstrip())


def _follow(
    worker: subprocess.Popen[bytes],
    asked: Mapping[str, Any],
    found: dict[str, Any],
    on_progress: Callable[[float, str], None],
) -> None:
    with suppress(BrokenPipeError):  # it ended at once: its status says why
        assert worker.stdin is not None  # noqa: S101 - a pipe was asked for
        worker.stdin.write(json.dumps(asked).encode() + b"\n")
        worker.stdin.flush()
    for line in _lines(worker):
        with suppress(ValueError):
            told = json.loads(line)
            if "progress" in told:
                on_progress(float(told["progress"]), str(told["doing"]))
            else:
                found.update(told)


def _lines(worker: subprocess.Popen[bytes]) -> Iterator[bytes]:
    """Yield what a process says, line by line, to its end; one that gets on no more is ended.

    Where memory is refused to it, a library's thread may end with a lock in its hands while the others wait,
    or the interpreter ask for the same bytes again and again. Building and compiling say nothing for a while,
    but compute; sampling says something several times a second.
    """
    assert worker.stdout is not None  # noqa: S101 - a pipe was asked for
    said, rest = worker.stdout.fileno(), b""
    spent = heard = 0.0
    while True:
        if not select.select([said], [], [], _STILL)[0]:
            before, spent = spent, _processor_time(worker.pid)
            if spent - before < _LEAST or _MOST < spent - heard < math.inf:
                raise RunFailed(
                    "The sampling process got on no more and was ended. Memory ran out, most likely."
                )
            continue
        heard, read = _processor_time(worker.pid), os.read(said, 1 << 16)
        if not read:
            return
        *whole, rest = (rest + read).split(b"\n")
        yield from whole


def _processor_time(process: int) -> float:
    """Return the seconds that a process has computed; without end where the system does not say."""
    try:
        fields = Path(f"/proc/{process}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
    except (OSError, ValueError, IndexError):
        return math.inf


def _end(worker: subprocess.Popen[bytes]) -> None:
    """End the process, if it has not ended, and close what leads to it."""
    if worker.poll() is None:
        worker.kill()
        worker.wait()
    for pipe in (worker.stdin, worker.stdout):
        if pipe is not None:
            with suppress(OSError):
                pipe.close()
