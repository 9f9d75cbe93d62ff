"""A fresh kernel of this very interpreter: no installed kernelspec, no TCP port, no user's start-up files."""

from __future__ import annotations

import os
import signal
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_ONE_THREAD = (
    "MKL_NUM_THREADS",
    "NUMEXPR_NUM_THREADS",
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "POLARS_MAX_THREADS",
    "VECLIB_MAXIMUM_THREADS",
    "WORKBENCH_THREADS",
)
_LONGEST_SOCKET_FOLDER = 60  # a Unix socket's path may have 104 bytes on some systems


@dataclass(frozen=True, slots=True, kw_only=True)
class FreshKernel:
    """A kernel that is about to start.

    Parameters
    ----------
    manager_class : type
        What nbclient makes its kernel manager of; it then owns it.
    folder : Path
        The kernel's private folder: its sockets, its profile.
    started : list
        The managers made so far.
    """

    manager_class: type
    folder: Path
    started: list[Any]

    def kill(self) -> bool:
        """End the kernel and everything it started, at once; return whether there was one yet."""
        killed = [kill_kernel(manager) for manager in self.started]
        return any(killed)


def kernel_environment(folder: Path) -> dict[str, str]:
    """Return the environment variables that make a kernel repeatable: hash seed, threads, no user profile."""
    return dict.fromkeys(_ONE_THREAD, "1") | {
        "PYTHONHASHSEED": "0",
        "PYTHONDONTWRITEBYTECODE": "",  # compiled modules are kept, or every kernel compiles the package anew
        "PYTHONSTARTUP": "",
        "PYDEVD_DISABLE_FILE_VALIDATION": "1",
        "IPYTHONDIR": str(folder / "profile"),
        "MPLBACKEND": "agg",
        "TZ": "UTC",
        "NO_COLOR": "1",
        "WORKBENCH_OUTPUT": "batch",  # charts and widgets: what is shown goes into a report
    }


def kernel_command(seed: int) -> list[str]:
    """Return the command that starts a kernel, with every generator of random numbers seeded."""
    seeding = f"import random, numpy; random.seed({seed}); numpy.random.seed({seed}); del random, numpy"
    return [
        sys.executable,
        "-m",
        "ipykernel_launcher",
        "-f",
        "{connection_file}",
        "--HistoryManager.enabled=False",
        "--IPKernelApp.log_level=CRITICAL",
        "--InteractiveShell.enable_tip=False",  # each greeting of a client would draw one by chance
        f"--IPKernelApp.exec_lines={seeding}",
    ]


@contextmanager
def fresh_kernel(seed: int) -> Iterator[FreshKernel]:
    """Give what starts one kernel in a private folder, and clean up at the end."""
    from jupyter_client.kernelspec import KernelSpecManager
    from jupyter_client.manager import AsyncKernelManager

    with tempfile.TemporaryDirectory(prefix="wb-", dir=_short_folder(), ignore_cleanup_errors=True) as name:
        folder = Path(name)
        _write_kernelspec(folder / "kernels" / "python3", seed, folder)
        started: list[Any] = []

        def begin(manager: Any, **options: Any) -> None:
            found = KernelSpecManager(kernel_dirs=[str(folder / "kernels")], ensure_native_kernel=False)
            AsyncKernelManager.__init__(
                manager,
                kernel_spec_manager=found,
                transport="ipc",
                ip=str(folder / "k"),
                connection_file=str(folder / "kernel.json"),
                **options,
            )
            started.append(manager)

        made = type("FreshKernelManager", (AsyncKernelManager,), {"__init__": begin})
        try:
            yield FreshKernel(manager_class=made, folder=folder, started=started)
        finally:
            for manager in started:
                kill_kernel(manager)


def kill_kernel(manager: Any) -> bool:
    """End a kernel and everything it started, at once; return whether it had begun."""
    process = getattr(getattr(manager, "provisioner", None), "process", None)
    if process is None:
        return False
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)  # the kernel leads its own group
    process.wait()
    return True


def _short_folder() -> str | None:
    wanted = tempfile.gettempdir()
    return None if len(wanted) <= _LONGEST_SOCKET_FOLDER else "/tmp"  # noqa: S108 - made private by mkdtemp


def _write_kernelspec(folder: Path, seed: int, home: Path) -> None:
    import json

    folder.mkdir(parents=True)
    specification = {
        "argv": kernel_command(seed),
        "display_name": "Python 3",
        "language": "python",
        "env": kernel_environment(home),
    }
    (folder / "kernel.json").write_text(json.dumps(specification))
