"""Kernels for whatever starts them through jupyter_client: forked from a warm parent, or else plain ones.

A kernelspec asks for it in its metadata, as ``workbench-warm``; papermill, nbconvert, nbval, JupyterLab and
Voila then need to know nothing of it.
"""

from __future__ import annotations

import asyncio
import os
from pathlib import Path
from typing import Any

from jupyter_client.provisioning.local_provisioner import LocalProvisioner
from traitlets import Bool, Float, List, Unicode

from workbench.reports.warm import client
from workbench.reports.warm.process import ForkedProcess, PlainProcess, Usage
from workbench.reports.warm.streams import STREAMS, streams
from workbench.reports.warm.wire import NoWarmKernel

_GONE_WITHIN = 2.0  # seconds that a killed process takes to end, at most
_STEP = 0.002
_KNOWN = frozenset({"cwd", "env", "extra_arguments", "independent", "kernel_id", *STREAMS})


class WarmProvisioner(LocalProvisioner):
    """Starts a kernel by a fork of a warm parent; where that cannot be, as jupyter_client does."""

    warm = Bool(True, help="Whether to ask for a fork at all.").tag(config=True)
    begin = Bool(True, help="Whether to start a warm parent where there is none.").tag(config=True)
    of = Unicode("", help="Whose warm parent: the path of a workspace, or nothing.").tag(config=True)
    seconds = Float(0.0, help="How long a forked kernel may live; 0 is for ever.").tag(config=True)

    process: Any
    preload = List(
        Unicode(), list(client.PRELOAD), help="The modules that the warm parent has imported."
    ).tag(config=True)

    plain_because = ""
    cause = ""
    used: Usage | None = None
    lost = False
    code: int | None = None  # how the kernel's process ended; negative for a signal

    @property
    def forked(self) -> bool:
        """Return whether the kernel was forked."""
        return not self.plain_because

    async def launch_kernel(self, cmd: list[str], **options: Any) -> Any:
        """Start a kernel; return how to connect to it."""
        self.plain_because, self.cause, self.used, self.lost, self.code = "", "", None, False, None
        try:
            # A parent that is about to be ready is waited for; a server has others to answer meanwhile.
            self.process = await asyncio.to_thread(self._fork, cmd, options)
        except (NoWarmKernel, OSError) as error:
            self.plain_because = str(error)
            if self.begin:  # who asked for a warm one by name has no record that says so
                self.log.warning("A plain kernel is started, since %s.", error)
            await super().launch_kernel(cmd, **options)
            self.process = PlainProcess(self.process)
            return self.connection_info
        self.pid = self.pgid = self.process.pid
        self.cwd = options.get("cwd") or Path.cwd()
        return self.connection_info

    def _fork(self, cmd: list[str], options: dict[str, Any]) -> ForkedProcess:
        if not self.warm:
            raise NoWarmKernel("a plain kernel was asked for")
        special = sorted(set(options) - _KNOWN)
        if special or options.get("independent"):
            raise NoWarmKernel(f"the kernel is to have {', '.join(special) or 'a life of its own'}")
        environment = dict(options.get("env") or os.environ)
        wanted = client.Wanted(environment=environment, of=self.of, preload=tuple(self.preload))
        if self.begin:
            client.start(wanted)
        folder = str(options.get("cwd") or Path.cwd())
        with streams(options) as opened:
            given, life = opened.given, self.seconds
            forked = client.fork(
                wanted, cmd, environment=environment, folder=folder, seconds=life, files=given
            )
        for name, end in opened.own.items():
            setattr(forked, name, end)
        return forked

    async def poll(self) -> int | None:
        """Return the exit code, or None while the kernel lives."""
        code = await super().poll()
        if code is not None:
            self._measure(self.process)
        return code

    async def wait(self) -> int | None:
        """Wait for the kernel's end, and keep what it used."""
        process = self.process
        while process is not None and process.poll() is None:
            await asyncio.sleep(_STEP)
        code = await super().wait()
        self._measure(process)
        return None if code is None else int(code)

    async def kill(self, restart: bool = False) -> None:
        """End the kernel and what it started; most often it is gone when this returns."""
        process = self.process
        await super().kill(restart)
        for _ in range(int(_GONE_WITHIN / _STEP)):
            if process is None or process.poll() is not None:
                break
            await asyncio.sleep(_STEP)
        self._measure(process)

    def _measure(self, process: Any) -> None:
        self.used = getattr(process, "used", None) or self.used
        self.lost = bool(getattr(process, "lost", False)) or self.lost
        self.cause = getattr(process, "cause", "") or self.cause
        self.code = getattr(process, "returncode", None) if self.code is None else self.code
