"""A fresh kernel of this very interpreter: no installed kernelspec, no TCP port, no user's start-up files.

It is forked from a warm parent where one is there, and started anew where none is. What a notebook finds is
the same: environment, seeds, working directory, arguments.
"""

from __future__ import annotations

import os
import signal
import sys
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from workbench.reports.kernel_family import kernel_prefix
from workbench.reports.warm.identity import TIME_OVER, short_folder

_ONE_THREAD = (
    "MKL_NUM_THREADS",
    "NUMEXPR_NUM_THREADS",
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "POLARS_MAX_THREADS",
    "VECLIB_MAXIMUM_THREADS",
    "WORKBENCH_THREADS",
)


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

    @property
    def measured(self) -> Measured:
        """Return what the kernel was and used, once it has ended."""
        if not self.started or self.started[-1].provisioner is None:
            return Measured()
        return _measured(self.started[-1].provisioner)

    @property
    def code(self) -> int | None:
        """Return the exit code of the kernel's process, negative for a signal; None where it is not known."""
        return getattr(self.started[-1].provisioner, "code", None) if self.started else None

    @property
    def overdue(self) -> bool:
        """Return whether the warm parent ended the kernel because its time was up."""
        return any(getattr(manager.provisioner, "cause", "") == TIME_OVER for manager in self.started)

    @property
    def lost(self) -> bool:
        """Return whether the kernel went because its warm parent did."""
        return any(getattr(manager.provisioner, "lost", False) for manager in self.started)


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """Where a kernel comes from.

    Parameters
    ----------
    of : str
        Whose warm parent is asked: the path of a workspace.
    warm : bool
        Whether it is asked at all.
    seconds : float
        How long the kernel may live, if its client does not end it before.
    preload : tuple of str
        The modules that the warm parent has imported.
    runner : str
        Who runs it, by the name that `lease` gave: what a killed runner leaves is known by it.
    """

    of: str = ""
    preload: tuple[str, ...] = ()
    warm: bool = False
    seconds: float = 0.0
    runner: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """What is known of a kernel besides its results; no hash depends on it.

    Parameters
    ----------
    kernel : str
        ``warm`` or ``plain``; empty where none was started.
    why : str
        Why it was a plain one.
    cpu_seconds : float, optional
        Of the kernel, and of the processes that it waited for.
    peak_bytes : int, optional
        The most memory it held at once; what a warm kernel shares with its parent counts too.
    """

    kernel: str = ""
    why: str = ""
    cpu_seconds: float | None = None
    peak_bytes: int | None = None


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
    # Rich draws a number when it is imported: before the seed, so that it does not matter what imports it.
    seeding = (
        f"import random, numpy, rich.style; random.seed({seed}); numpy.random.seed({seed}); "
        "del random, numpy, rich"
    )
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
def warm_kernels(workspace: Path, notebooks: Iterable[Mapping[str, Any]] = ()) -> Iterator[tuple[str, ...]]:
    """Keep warm parents for a workspace's runs, one for each set of modules that the notebooks need.

    It gives the reasons where there are none.
    """
    from workbench.reports.warm import client

    environment = os.environ | kernel_environment(workspace)
    environment.pop("PYTHONEXECUTABLE", None)  # as jupyter_client does
    wanted = [
        client.Wanted(environment=environment, of=str(workspace.resolve()), preload=modules)
        for modules in sorted({imported_by(notebook) for notebook in notebooks} or {client.PRELOAD})
    ]
    with ExitStack() as stack:
        yield tuple(filter(None, [stack.enter_context(client.kept(one)) for one in wanted]))


def imported_by(notebook: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the modules that a warm parent has imported for a notebook."""
    from workbench.reports.warm.client import preload_of

    code = [cell["source"] for cell in notebook["cells"] if cell["cell_type"] == "code"]
    return preload_of("\n".join(code))


@contextmanager
def fresh_kernel(seed: int, source: Source) -> Iterator[FreshKernel]:
    """Give what starts one kernel in a private folder, and clean up at the end."""
    from jupyter_client.kernelspec import KernelSpecManager
    from jupyter_client.manager import AsyncKernelManager

    from workbench.reports.output_limit import LimitedClient
    from workbench.reports.warm.provisioner import WarmProvisioner

    prefix = kernel_prefix(source.runner) if source.runner else "wb-"
    with tempfile.TemporaryDirectory(prefix=prefix, dir=short_folder(), ignore_cleanup_errors=True) as name:
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
                client_factory=LimitedClient,
                **options,
            )
            manager.provisioner = WarmProvisioner(
                kernel_spec=manager.kernel_spec,
                parent=manager,
                begin=False,
                of=source.of,
                preload=list(source.preload),
                seconds=source.seconds,
                warm=source.warm,
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


def _measured(provisioner: Any) -> Measured:
    used, process = provisioner.used, provisioner.process
    used = used or getattr(process, "used", None)
    return Measured(
        kernel="warm" if provisioner.forked else "plain",
        why=provisioner.plain_because,
        cpu_seconds=used.cpu_seconds if used else None,
        peak_bytes=used.peak_bytes if used else None,
    )


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
