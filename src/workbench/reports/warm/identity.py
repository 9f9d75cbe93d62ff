"""What a warm parent and a kernel must have in common, for a fork to be like a kernel started anew."""

from __future__ import annotations

import hashlib
import json
import os
import site
import stat
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from workbench.reports.warm.wire import NoWarmKernel

# What differs from one kernel, terminal or request of a browser (RFC 3875; Voila sets it) to the next, and is
# not read by an import.
_REQUEST = {"PATH_INFO", "QUERY_STRING", "REMOTE_USER", "SCRIPT_NAME"}
_OWN = frozenset({"IPYTHONDIR", "OLDPWD", "PWD", "SHLVL", "_"} | _REQUEST)
_OWN_BEGINNINGS = ("HTTP_", "JPY_", "PYTEST_", "SERVER_", "SSH_", "TERM", "VOILA_")
# Allocators start threads of their own unless told not to. Polars sets the second when it is imported: its
# rest is about memory alone, and whether the client has imported Polars must not matter.
NO_THREADS = {
    "JE_ARROW_MALLOC_CONF": "background_thread:false",
    "_RJEM_MALLOC_CONF": "background_thread:false",
}
# Linear algebra starts threads when it is imported, which a fork would lack; all kernels have one.
ONE_THREAD = dict.fromkeys(
    ("MKL_NUM_THREADS", "NUMEXPR_NUM_THREADS", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1"
)
TIME_OVER = "its time was up"  # why a kernel was ended
_LONGEST_FOLDER = 60  # a Unix socket's path may have 104 bytes on some systems
_CODE = frozenset({".py", ".yaml", ".sql"})


def short_folder() -> str:
    """Return a folder for sockets: the temporary one, or where its path is long, the system's."""
    wanted = tempfile.gettempdir()
    return wanted if len(wanted) <= _LONGEST_FOLDER else "/tmp"  # noqa: S108 - what is made in it is private


def private_folder() -> Path:
    """Return the folder of this user's sockets, made if need be.

    Raises
    ------
    NoWarmKernel
        If the folder is not this user's alone.
    """
    folder = Path(short_folder()) / f"workbench-{os.getuid()}"
    folder.mkdir(mode=0o700, exist_ok=True)
    found = folder.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.getuid() or found.st_mode & 0o077:
        raise NoWarmKernel(f"the folder {folder} is not private")
    return folder


def environment_of(environment: Mapping[str, str]) -> dict[str, str]:
    """Return what a kernel's environment shares with its parent's: not its own part, nor the allocators'."""
    return {
        name: value
        for name, value in sorted(environment.items())
        if name not in _OWN and name not in NO_THREADS and not name.startswith(_OWN_BEGINNINGS)
    }


def identity(of: str, environment: Mapping[str, str], preload: Sequence[str]) -> str:
    """Return a hash of all that a kernel takes from the process it is forked from.

    Parameters
    ----------
    of : str
        Whose parent it is: the path of a workspace.
    environment : mapping
        The kernel's environment.
    preload : sequence of str
        The modules that the parent imports.
    """
    whole = {
        "code": code_state(),
        "environment": environment_of(environment),
        "of": of,
        "preload": list(preload),
        "process": _inherited(),
        "python": [sys.executable, sys.version, sys.prefix],
    }
    return hashlib.sha256(json.dumps(whole, sort_keys=True).encode()).hexdigest()[:24]


def code_state(package: Path = Path(__file__).parents[2]) -> str:
    """Return a hash that changes with the package's source, the lock file, and the installed libraries."""
    files = [f"{path}:{found.st_size}:{found.st_mtime_ns}" for path, found in sorted(_sources(package))]
    others = [*map(Path, site.getsitepackages()), package.parents[1] / "uv.lock"]
    whole = [files, [_changed(path) for path in others]]
    return hashlib.sha256(json.dumps(whole).encode()).hexdigest()


def _sources(folder: Path) -> Iterator[tuple[str, os.stat_result]]:
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.is_dir(follow_symlinks=False):
                if entry.name != "__pycache__":
                    yield from _sources(Path(entry.path))
            elif os.path.splitext(entry.name)[1] in _CODE:  # noqa: PTH122 - 400 files, at every run
                yield entry.path, entry.stat()


def _changed(path: Path) -> list[object]:
    try:
        return [str(path), path.stat().st_mtime_ns]
    except OSError:
        return [str(path), None]


def _inherited() -> dict[str, object]:
    """Return what a process hands down to those it starts: limits, processors, priority, mode of files."""
    import resource

    names = sorted(name for name in dir(resource) if name.startswith("RLIMIT_"))
    told = Path("/proc/self/status").read_text(encoding="utf-8")
    mask = next((line.split()[1] for line in told.splitlines() if line.startswith("Umask")), "")
    return {
        "limits": {name: list(resource.getrlimit(getattr(resource, name))) for name in names},
        "niceness": os.getpriority(os.PRIO_PROCESS, 0),
        "processors": sorted(os.sched_getaffinity(0)),
        "umask": mask,
    }
