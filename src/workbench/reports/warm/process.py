"""A kernel's process, plain or forked: whether it lives, how it ended, what it used."""

from __future__ import annotations

import os
import select
import signal
import socket
import subprocess
import threading
import time
from contextlib import suppress
from dataclasses import dataclass
from typing import IO, Protocol

from workbench.reports.warm.wire import receive

_LOST = -9


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """What a kernel used, and the processes it had started and waited for.

    Parameters
    ----------
    cpu_seconds : float
        Of all its threads, of the user and of the system.
    peak_bytes : int
        The most memory it held at once; what a forked kernel shares with its parent counts too.
    """

    cpu_seconds: float
    peak_bytes: int


class KernelProcess(Protocol):
    """What jupyter_client asks of a process, and what was measured of it."""

    pid: int
    returncode: int | None
    used: Usage | None

    def poll(self) -> int | None:
        """Return the exit code, or None while it lives."""

    def wait(self, timeout: float | None = None) -> int | None:
        """Wait for its end and return the exit code."""

    def send_signal(self, signum: int) -> None:
        """Send it a signal."""

    def kill(self) -> None:
        """End it at once."""


def usage_of(spent: object) -> Usage:
    """Return what the operating system says of an ended process (`resource.struct_rusage`)."""
    import sys

    unit = 1 if sys.platform == "darwin" else 1024
    return Usage(
        cpu_seconds=round(spent.ru_utime + spent.ru_stime, 3),  # type: ignore[attr-defined]
        peak_bytes=int(spent.ru_maxrss) * unit,  # type: ignore[attr-defined]
    )


class _Ending:
    """What is the same of both: signals, and waiting."""

    pid: int
    returncode: int | None
    stdin: IO[bytes] | None = None
    stdout: IO[bytes] | None = None
    stderr: IO[bytes] | None = None

    def poll(self) -> int | None:
        raise NotImplementedError

    def wait(self, timeout: float | None = None) -> int | None:
        """Wait for its end and return the exit code."""
        until = None if timeout is None else time.monotonic() + timeout
        while self.poll() is None:
            if until is not None and time.monotonic() >= until:
                raise subprocess.TimeoutExpired(str(self.pid), timeout or 0.0)
            time.sleep(0.002)
        return self.returncode

    def send_signal(self, signum: int) -> None:
        """Send it a signal."""
        if self.poll() is None:
            with suppress(ProcessLookupError):
                os.kill(self.pid, signum)

    def terminate(self) -> None:
        """Ask it to end."""
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        """End it at once."""
        self.send_signal(signal.SIGKILL)


class PlainProcess(_Ending):
    """A child of this process, measured when it ends.

    Parameters
    ----------
    started : Popen
        The process.
    """

    def __init__(self, started: subprocess.Popen[bytes]) -> None:
        self.started, self.pid = started, started.pid
        self.stdin, self.stdout, self.stderr = started.stdin, started.stdout, started.stderr
        self.returncode: int | None = None
        self.used: Usage | None = None
        self._lock = threading.Lock()

    def poll(self) -> int | None:
        """Return the exit code, or None while it lives."""
        with self._lock:
            if self.returncode is None:
                self._reap()
            return self.returncode

    def _reap(self) -> None:
        if not hasattr(os, "wait4"):
            self.returncode = self.started.poll()
            return
        try:
            pid, status, spent = os.wait4(self.pid, os.WNOHANG)
        except ChildProcessError:
            self.returncode = self.started.poll() or 0
            return
        if pid:
            self.returncode = self.started.returncode = os.waitstatus_to_exitcode(status)
            self.used = usage_of(spent)


class ForkedProcess(_Ending):
    """A child of the warm parent, which tells over the connection how it ended.

    Parameters
    ----------
    pid : int
        Its number; it leads a group of its own.
    connection : socket
        Held by the parent for as long as the kernel lives; when this end is closed, the parent ends it.
    """

    def __init__(self, pid: int, connection: socket.socket) -> None:
        self.pid = pid
        self.returncode: int | None = None
        self.used: Usage | None = None
        self.lost = False  # the parent went, and the kernel with it
        self.cause = ""  # why the parent ended it
        self._connection = connection
        self._lock = threading.Lock()

    def poll(self) -> int | None:
        """Return the exit code, or None while it lives."""
        with self._lock:
            if self.returncode is None and self._told():
                self._take_end()
            return self.returncode

    def _told(self) -> bool:
        waiting = select.poll()  # a server may have more files open than `select.select` can count
        waiting.register(self._connection, select.POLLIN)
        return bool(waiting.poll(0))

    def _take_end(self) -> None:
        told, _ = receive(self._connection)
        if told is None:
            self.lost, self.returncode = True, _LOST
            # It was asked to go with its parent; what it started itself was not.
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(self.pid, signal.SIGKILL)
        else:
            self.returncode, self.cause = int(told["code"]), str(told.get("cause", ""))
            self.used = Usage(cpu_seconds=told["cpu_seconds"], peak_bytes=told["peak_bytes"])
        self._connection.close()
