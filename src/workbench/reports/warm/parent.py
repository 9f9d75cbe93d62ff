"""The warm parent: imports the libraries once, uses none of them, and forks a kernel when one is asked for.

It is a program of its own, started with a listening socket as an open file. It has one thread and only waits,
so that a fork of it is a process in which nothing has happened yet.
"""

from __future__ import annotations

import gc
import importlib
import json
import os
import random
import selectors
import signal
import socket
import sys
import time
import warnings
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from workbench.reports.warm.identity import NO_THREADS, TIME_OVER, code_state
from workbench.reports.warm.process import usage_of
from workbench.reports.warm.wire import receive, same_user, send

# Threads that may be missing in a fork: polars' cleaner of a folder for spilled data that nobody has used.
HARMLESS_THREADS = frozenset({"polars-ooc-clea"})
_TICK = 1.0
_ANSWER = 10.0  # seconds within which a client must have sent what it began to send


@dataclass(kw_only=True)
class _Kernel:
    pid: int
    connection: socket.socket
    handle: int
    until: float | None = None
    cause: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """What a fork is to become.

    Parameters
    ----------
    argv : tuple of str
        The arguments of the kernel's program.
    environment : dict
        Its environment.
    folder : str
        Its working directory.
    files : tuple of int
        Its input, its output and its error output.
    """

    argv: tuple[str, ...]
    environment: dict[str, str]
    folder: str
    files: tuple[int, ...]


def threads() -> list[str]:
    """Return the names of this process's threads, the main one and harmless ones left out."""
    own = str(os.getpid())
    found = [p for p in Path("/proc/self/task").iterdir() if p.name != own]
    names = [(p / "comm").read_text(encoding="utf-8").strip() for p in found]
    return sorted(name for name in names if name not in HARMLESS_THREADS)


def preload(names: Sequence[str]) -> tuple[str, dict[str, str]]:
    """Import modules; return why none may be forked from here, or nothing, and the variables they set."""
    import numpy as np
    import rich.style  # noqa: F401 - draws one; kernels import it before they are seeded

    variables = dict(os.environ)
    before = random.getstate(), str(np.random.get_state())  # noqa: NPY002 - what a kernel seeds
    for name in names:
        try:
            module = importlib.import_module(name)
            if name.startswith("workbench."):  # what a room offers is looked up late, and so not imported yet
                for offered in getattr(module, "__all__", ()):
                    getattr(module, offered)
        except Exception as error:  # noqa: BLE001 - the kernel that wants it will say so
            sys.stderr.write(f"{name} cannot be imported: {error}\n")
    if before != (random.getstate(), str(np.random.get_state())):  # noqa: NPY002
        return "a library draws random numbers when it is imported", {}
    new = {name: value for name, value in os.environ.items() if variables.get(name) != value}
    return "", {name: value for name, value in new.items() if name not in NO_THREADS}


@dataclass(kw_only=True)
class Parent:
    """The loop of the warm parent.

    Parameters
    ----------
    listener : socket
        Where clients connect.
    idle : float
        Seconds without any client after which it ends.
    refusal : str
        Why it forks nothing; empty where it does.
    variables : dict
        What the imports added to the environment, and so a kernel has too.
    """

    listener: socket.socket
    idle: float
    refusal: str = ""
    variables: dict[str, str] = field(default_factory=dict)
    _kernels: dict[int, _Kernel] = field(default_factory=dict)
    _clients: set[socket.socket] = field(default_factory=set)
    _selector: selectors.PollSelector = field(default_factory=selectors.PollSelector)
    _order: Order | None = None

    def serve(self) -> Order | None:
        """Return, in a fork, what it is to become; in the parent, nothing when it is time to end."""
        place = Path(self.listener.getsockname()).stat().st_ino
        self._selector.register(self.listener, selectors.EVENT_READ, self._accept)
        busy = time.monotonic()
        while True:
            for key, _ in self._selector.select(_TICK):
                act: Callable[[], None] = key.data
                act()
                if self._order is not None:
                    self._forget()
                    return self._order
            now = time.monotonic()
            for kernel in list(self._kernels.values()):
                if kernel.until is not None and now >= kernel.until:
                    kernel.until, kernel.cause = None, TIME_OVER
                    self._end(kernel)
            busy = now if self._clients or self._kernels else busy
            if now - busy > self.idle or not self._in_place(place):
                return None

    def _in_place(self, inode: int) -> bool:
        if self._kernels or self._clients:
            return True
        try:
            return Path(self.listener.getsockname()).stat().st_ino == inode
        except OSError:
            return False

    def _accept(self) -> None:
        connection, _ = self.listener.accept()
        if not same_user(connection):
            connection.close()
            return
        connection.settimeout(_ANSWER)
        self._clients.add(connection)
        self._selector.register(connection, selectors.EVENT_READ, lambda: self._listen(connection))

    def _listen(self, connection: socket.socket) -> None:
        files: list[int] = []
        try:
            asked, files = receive(connection, 3)
            if asked is None:
                self._leave(connection)
            elif asked["what"] == "kernel":
                self._fork(asked, files, connection)
            else:
                send(connection, {"pid": os.getpid(), "refused": self._refuses()})
        except (OSError, ValueError, KeyError, TypeError):
            self._leave(connection)
        finally:
            if self._order is None:
                for file in files:
                    os.close(file)

    def _refuses(self) -> str:
        unknown = threads()
        return self.refusal or (f"it has threads of {', '.join(unknown)}" if unknown else "")

    def _fork(self, asked: dict[str, Any], files: list[int], connection: socket.socket) -> None:
        why = self._refuses()
        if why:
            send(connection, {"refused": why})
            return
        order = Order(
            argv=tuple(map(str, asked["argv"])),
            environment=self.variables | dict(asked["environment"]),
            folder=str(asked["folder"]),
            files=tuple(files),
        )
        seconds = float(asked["seconds"]) if asked.get("seconds") else None
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # Python counts harmless threads too
            pid = os.fork()
        if pid == 0:
            self._order = order
            return
        handle = os.pidfd_open(pid)
        kernel = _Kernel(pid=pid, connection=connection, handle=handle)
        kernel.until = None if seconds is None else time.monotonic() + seconds
        self._kernels[pid] = kernel
        self._selector.register(handle, selectors.EVENT_READ, lambda: self._bury(kernel))
        send(connection, {"pid": pid})

    def _end(self, kernel: _Kernel) -> None:
        """Kill a kernel and what it started."""
        try:
            os.killpg(kernel.pid, signal.SIGKILL)
        except (ProcessLookupError, PermissionError):  # it has not made its group yet
            os.kill(kernel.pid, signal.SIGKILL)

    def _bury(self, kernel: _Kernel) -> None:
        """Tell how a kernel ended, once what it had started has ended too."""
        self._selector.unregister(kernel.handle)
        os.close(kernel.handle)
        del self._kernels[kernel.pid]
        # Its number is nobody else's until it has been waited for.
        self._end(kernel)
        _, status, spent = os.wait4(kernel.pid, 0)
        used = usage_of(spent)
        told = {"code": os.waitstatus_to_exitcode(status), "cause": kernel.cause}
        told |= {"cpu_seconds": used.cpu_seconds, "peak_bytes": used.peak_bytes}
        if kernel.connection in self._clients:
            with suppress(OSError):
                send(kernel.connection, told)
            self._leave(kernel.connection)

    def _leave(self, connection: socket.socket) -> None:
        """Let go of a client; a kernel of its own goes with it."""
        if connection not in self._clients:
            return
        self._clients.discard(connection)
        self._selector.unregister(connection)
        connection.close()
        for kernel in self._kernels.values():
            if kernel.connection is connection:
                kernel.cause = "its client went away"
                self._end(kernel)

    def _forget(self) -> None:
        """Close, in a fork, what is the parent's."""
        for kernel in self._kernels.values():
            os.close(kernel.handle)
        for connection in self._clients:
            connection.close()
        self._selector.close()
        self.listener.close()


def settle_in(order: Order) -> int:
    """Make this fork the process that a kernel's program would have been started in; return its parent."""
    parent = os.getppid()
    os.setsid()
    _go_with_the_parent()
    for target, file in zip((0, 1, 2), order.files, strict=False):
        os.dup2(file, target)
    for file in order.files:
        os.close(file)
    os.environ.clear()
    os.environ.update(order.environment)
    os.environ["JPY_PARENT_PID"] = str(parent)
    time.tzset()
    try:
        os.chdir(order.folder)
    except FileNotFoundError:  # its run was stopped meanwhile
        sys.exit(f"The kernel was not started: its folder {order.folder} is gone.")
    sys.argv[:] = list(order.argv)
    if os.getppid() != parent:
        os._exit(1)
    return parent


def _go_with_the_parent() -> None:
    import ctypes

    ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG


def main() -> Order:
    """Import, serve, and return in a fork what it is to become; the parent ends here."""
    told = json.loads(sys.argv[1])
    listener = socket.socket(fileno=int(told["socket"]))
    where = listener.getsockname()
    sys.path[:] = [entry for entry in sys.path if entry not in {"", str(Path.cwd())}]
    refusal, variables = preload(told["preload"])
    if code_state() != told["code"]:
        refusal = refusal or "the code has changed since it started"
    gc.collect()
    gc.freeze()  # else the first collection of every fork would copy all pages
    parent = Parent(listener=listener, idle=float(told["idle"]), refusal=refusal, variables=variables)
    order = parent.serve()
    if order is None:
        Path(where).unlink(missing_ok=True)
        os._exit(0)  # nothing was begun that would have to be ended
    return order


if __name__ == "__main__":
    parent_process = settle_in(main())
    from ipykernel import kernelapp

    # At the same depth of calls as `python -m ipykernel_launcher`.
    kernelapp.launch_new_instance(parent_handle=parent_process)
