"""Executes a notebook as papermill does, without its waits: ``papermill --engine workbench-warm``."""

from __future__ import annotations

import asyncio
import logging
import time
from pathlib import Path
from queue import Empty
from typing import Any

from jupyter_client.manager import AsyncKernelManager
from jupyter_core.utils import run_sync
from papermill.clientwrap import PapermillNotebookClient
from papermill.engines import Engine

from workbench.reports.warm.identity import ONE_THREAD
from workbench.reports.warm.provisioner import WarmProvisioner

_STEP, _STEPS = 0.005, 20
_AGAIN = 0.25  # seconds after which a kernel is asked anew whether it is there


class WarmKernelManager(AsyncKernelManager):
    """A manager whose kernel is forked where its kernelspec does not say how it is to be started."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        found = self.kernel_spec
        if found is not None and "kernel_provisioner" not in found.metadata:
            found.env = ONE_THREAD | found.env
            self.provisioner = WarmProvisioner(kernel_spec=found, parent=self)


class QuickClient(PapermillNotebookClient):  # type: ignore[misc]
    """Papermill's client, but it begins as soon as the kernel answers, and waits for no heartbeat's end."""

    async def async_start_new_kernel_client(self) -> Any:
        """Return a client of the kernel, once the kernel answers and its outputs arrive here."""
        try:
            until = time.monotonic() + self.startup_timeout
            await self._until_there(until)
            client = self.kc = self.km.client()
            client.start_channels(stdin=False, hb=False)
            while not await self._answers(client):
                await self._still_starting(until)
        except Exception:
            await self._async_cleanup_kernel()
            raise
        return client

    start_new_kernel_client = run_sync(async_start_new_kernel_client)

    async def _until_there(self, until: float) -> None:
        """Wait until a kernel listens; a connection tried before would be tried again only much later."""
        if self.km.transport != "ipc":
            return
        ports = (self.km.shell_port, self.km.iopub_port, self.km.control_port)
        while True:
            for _ in range(_STEPS):
                if all(Path(f"{self.km.ip}-{port}").exists() for port in ports):
                    return
                await asyncio.sleep(_STEP)
            await self._still_starting(until)

    async def _still_starting(self, until: float) -> None:
        if not await self.km.is_alive():
            raise RuntimeError("The kernel died before it answered.")
        if time.monotonic() > until:
            raise RuntimeError(f"The kernel did not answer within {self.startup_timeout} seconds.")

    async def _answers(self, client: Any) -> bool:
        """Ask what the kernel is; it is there when it answers, and when what it shows comes through too."""
        asked, until = client.kernel_info(), time.monotonic() + _AGAIN
        missing = {"kernel_info_reply": client.get_shell_msg, "idle": client.get_iopub_msg}
        for wanted, get in missing.items():
            while True:
                try:
                    told = await get(timeout=max(0.0, until - time.monotonic()))
                except Empty:
                    return False
                names = {told["msg_type"], told["content"].get("execution_state")}
                if told["parent_header"].get("msg_id") == asked and wanted in names:
                    break
        return True


class WarmEngine(Engine):  # type: ignore[misc]
    """Papermill's engine with quick beginnings; `seen` takes the notebook, which is executed in place."""

    @classmethod
    def execute_managed_notebook(cls, nb_man: Any, kernel_name: str, **options: Any) -> Any:
        """Execute a notebook."""
        seen: list[Any] | None = options.pop("seen", None)
        if seen is not None:
            seen.append(nb_man)
        for name in ("input_path", "request_save_on_cell_execute"):
            options.pop(name, None)
        timeout, start = options.pop("execution_timeout", None), options.pop("start_timeout", 60)
        options.setdefault("kernel_manager_class", WarmKernelManager)
        options.setdefault("shutdown_kernel", "immediate")
        options.setdefault("log", logging.getLogger("papermill"))
        options["timeout"] = timeout or options.get("timeout")
        client = QuickClient(nb_man, kernel_name=kernel_name, startup_timeout=start, **options)
        return client.execute()
