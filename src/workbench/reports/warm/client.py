"""Where a warm parent is asked for kernels, and started where there is none."""

from __future__ import annotations

import importlib.util
import json
import os
import re
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from workbench.reports.warm.identity import NO_THREADS, code_state, environment_of, identity, private_folder
from workbench.reports.warm.process import ForkedProcess
from workbench.reports.warm.wire import NoWarmKernel, receive, same_user, send

# What notebooks of the workbench import, and what an ipykernel imports while it starts. Nothing of it may use
# threads, take part in a widget's conversation, or ask which shell it is in, while it is imported.
PRELOAD = (
    "ipykernel.kernelapp",
    "ipykernel.ipkernel",
    "ipykernel.zmqshell",
    "ipykernel.debugger",
    "ipykernel.displayhook",
    "ipykernel.comm.manager",
    "IPython.core.completer",
    "IPython.core.completerlib",
    "IPython.core.debugger",
    "IPython.core.display",
    "IPython.core.logger",
    "IPython.core.oinspect",
    "IPython.extensions.storemagic",
    "IPython.utils.wildcard",
    "faulthandler",
    "tornado.platform.asyncio",
    "numpy",
    "pandas",
    "pyarrow",
    "polars",
    "duckdb",
    "altair",
    "altair.vegalite.v6.api",
    "narwhals._polars.dataframe",
    "pandas.io.formats.html",
    "pandas.io.formats.string",
    "pyarrow.pandas_compat",
    "deltalake",
    "scipy.special",
    "scipy.optimize",
    "numba",
    "workbench.store.opening",
    "workbench.charts",
    "workbench.explore",
    "workbench.attribution",
    "workbench.experiments",
    "workbench.customers",
)
# What is imported too where a notebook asks for it: dear, and safe to fork once imported.
DEAR = {"pymc_marketing": "pymc_marketing.mmm"}
_IDLE = 60.0
_LEFT = 86_400.0
_PATIENCE = 60.0  # seconds that a parent may take to import everything
_started: list[subprocess.Popen[bytes]] = []


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """Which warm parent is wanted.

    Parameters
    ----------
    environment : mapping
        The environment of the kernels.
    of : str
        Whose it is: the path of a workspace, or nothing.
    preload : tuple of str
        The modules that it has imported.
    """

    environment: Mapping[str, str]
    of: str = ""
    preload: tuple[str, ...] = field(default=PRELOAD)


def preload_of(code: str) -> tuple[str, ...]:
    """Return what a warm parent is to have imported for a notebook with this code.

    Examples
    --------
    >>> preload_of("from pymc_marketing.mmm import MMM")[-1]
    'pymc_marketing.mmm'
    >>> preload_of("import pandas") == PRELOAD
    True
    """
    asked = [name for name in DEAR if re.search(rf"^\s*(import|from)\s+{name}\b", code, re.MULTILINE)]
    return (*PRELOAD, *(DEAR[name] for name in asked))


def supported() -> bool:
    """Return whether kernels can be forked on this system."""
    return sys.platform == "linux" and hasattr(os, "fork") and hasattr(os, "pidfd_open")


def connect(wanted: Wanted) -> socket.socket | None:
    """Return a connection to the warm parent; None where there is none.

    Raises
    ------
    NoWarmKernel
        If there can be none.
    """
    if not supported():
        raise NoWarmKernel("this system cannot fork kernels")
    return _connect(_place(wanted))


def start(wanted: Wanted, *, idle: float = _IDLE) -> None:
    """Start a warm parent where there is none; it takes connections at once, and answers when it is ready.

    Parameters
    ----------
    wanted : Wanted
        Which.
    idle : float
        Seconds after which it ends when nobody is connected.
    """
    if not supported():
        raise NoWarmKernel("this system cannot fork kernels")
    import fcntl

    state = code_state()
    place = _place(wanted)
    with place.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        connection = _connect(place)
        if connection is not None:
            connection.close()
            return
        place.unlink(missing_ok=True)  # of a parent that was killed
        _tidy(place.parent)
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(str(place))
            listener.listen(128)
            _launch(listener, place, wanted, {"code": state, "idle": idle})


def fork(
    wanted: Wanted,
    argv: Sequence[str],
    *,
    environment: Mapping[str, str],
    folder: str,
    seconds: float = 0.0,
    files: Sequence[int] = (0, 1, 2),
) -> ForkedProcess:
    """Return a kernel that was forked from the warm parent.

    Parameters
    ----------
    wanted : Wanted
        Which parent.
    argv : sequence of str
        The command that would start the kernel.
    environment : mapping
        The kernel's environment.
    folder : str
        Its working directory.
    seconds : float
        After how long the parent ends it; never, if 0.
    files : sequence of int
        Its input, output and error output: open files of this process.

    Raises
    ------
    NoWarmKernel
        If there is no parent, or it refuses.
    """
    arguments = _arguments(argv)
    connection = connect(wanted)
    if connection is None:
        raise NoWarmKernel("no warm parent is there")
    order = {"what": "kernel", "argv": arguments, "environment": dict(environment), "folder": folder}
    try:
        send(connection, order | {"seconds": seconds}, files)
        answer, _ = receive(connection)
    except OSError as error:
        answer = {"refused": str(error)}
    if answer is None or "pid" not in answer:
        connection.close()
        raise NoWarmKernel(str((answer or {}).get("refused") or "the warm parent ended"))
    connection.settimeout(None)
    return ForkedProcess(int(answer["pid"]), connection)


def state(wanted: Wanted) -> dict[str, Any] | None:
    """Return what a warm parent says of itself: its process, and why it refuses; None where there is none."""
    connection = connect(wanted)
    if connection is None:
        return None
    with connection:
        send(connection, {"what": "state"})
        return receive(connection)[0]


@contextmanager
def kept(wanted: Wanted) -> Iterator[str]:
    """Keep a warm parent, ready when this begins, for as long as it lasts; give why it forks nothing."""
    connection, reason = None, "the warm parent ended"
    try:
        start(wanted)
        connection = connect(wanted)
        if connection is not None:
            send(connection, {"what": "state"})
            told = receive(connection)[0]
            reason = reason if told is None else str(told["refused"])
    except (NoWarmKernel, OSError) as error:
        reason = str(error)
    try:
        yield reason
    finally:
        if connection is not None:
            connection.close()
        _started[:] = [parent for parent in _started if parent.poll() is None]


def _place(wanted: Wanted) -> Path:
    return private_folder() / identity(wanted.of, wanted.environment, wanted.preload)


def _connect(place: Path) -> socket.socket | None:
    connection = socket.socket(socket.AF_UNIX)
    connection.settimeout(_PATIENCE)
    try:
        connection.connect(str(place))
    except OSError:
        connection.close()
        return None
    if not same_user(connection):
        connection.close()
        raise NoWarmKernel("the warm parent is not this user's")
    return connection


def _tidy(folder: Path) -> None:
    """Remove what parents left that have ended, more than a day ago."""
    for path in folder.iterdir():
        with suppress(OSError):
            if time.time() - path.lstat().st_mtime < _LEFT:
                continue
            connection = _connect(path.with_suffix(""))
            if connection is None:
                path.unlink()
            else:
                connection.close()


def _launch(listener: socket.socket, place: Path, wanted: Wanted, told: Mapping[str, object]) -> None:
    own = environment_of(wanted.environment)
    told = {**told, "preload": wanted.preload, "socket": listener.fileno()}
    with place.with_suffix(".log").open("wb") as log:
        started = subprocess.Popen(  # noqa: S603 - this interpreter, this module
            [sys.executable, "-m", "workbench.reports.warm.parent", json.dumps(told)],
            pass_fds=[listener.fileno()],
            env=NO_THREADS | own,
            cwd=place.parent,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    _started[:] = [parent for parent in _started if parent.poll() is None] + [started]


def _arguments(argv: Sequence[str]) -> list[str]:
    """Return what a kernel's program is given; it must be this interpreter's ipykernel."""
    if list(argv[1:3]) != ["-m", "ipykernel_launcher"] or argv[0] != sys.executable:
        raise NoWarmKernel("the kernel is not this interpreter's ipykernel")
    found = importlib.util.find_spec("ipykernel_launcher")
    with suppress(AttributeError):
        return [str(found.origin), *argv[3:]]  # type: ignore[union-attr]
    raise NoWarmKernel("there is no ipykernel")
