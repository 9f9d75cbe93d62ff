"""Other programs get warm kernels by the name of a kernelspec, and need to know nothing of them."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from collections.abc import Iterator
from importlib.metadata import entry_points
from pathlib import Path

import nbformat
import papermill
import pytest
from jupyter_client.blocking import BlockingKernelClient
from jupyter_client.manager import KernelManager
from nbconvert.preprocessors import ExecutePreprocessor

from workbench.reports.notebook import bare
from workbench.reports.warm import client, identity, provisioner

from .conftest import notebook

SPECIFICATION = Path(provisioner.__file__).parent / "kernelspec" / "kernel.json"
PARENT = "import os, pathlib\npathlib.Path(f'/proc/{os.getppid()}/cmdline').read_text().split('\\0')[2]"


@pytest.fixture
def kernel_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """Install the kernelspec for a parent of the test's own, which imports little."""
    found = json.loads(SPECIFICATION.read_text())
    assert found["env"] == identity.ONE_THREAD | {"PYDEVD_DISABLE_FILE_VALIDATION": "1"}
    few = ["ipykernel.ipkernel"]
    found["metadata"]["kernel_provisioner"]["config"] = {"of": str(tmp_path), "preload": few}
    (tmp_path / "kernels" / "few").mkdir(parents=True)
    (tmp_path / "kernels" / "few" / "kernel.json").write_text(json.dumps(found))
    monkeypatch.setenv("JUPYTER_PATH", str(tmp_path))
    yield "few"
    environment = os.environ | found["env"]
    told = client.state(client.Wanted(environment=environment, of=str(tmp_path), preload=tuple(few)))
    if told is not None:
        os.kill(told["pid"], signal.SIGKILL)


def asked(kernel: BlockingKernelClient) -> str:
    body, shown = PARENT.split("\n")
    reply = kernel.execute(body, user_expressions={"told": shown}, reply=True, timeout=60)
    return reply["content"]["user_expressions"]["told"]["data"]["text/plain"]


def test_the_kernelspec_names_what_is_installed() -> None:
    for group, found in (
        ("jupyter_client.kernel_provisioners", provisioner.WarmProvisioner),
        ("papermill.engine", None),
    ):
        (entry,) = entry_points(group=group, name="workbench-warm")
        assert found in {None, entry.load()}
    named = json.loads(SPECIFICATION.read_text())["metadata"]["kernel_provisioner"]["provisioner_name"]
    assert named == "workbench-warm"


def test_a_kernel_of_the_kernelspec_is_interrupted_and_restarted_as_any(kernel_name: str) -> None:
    manager = KernelManager(kernel_name=kernel_name)
    manager.start_kernel()
    kernel = manager.client()
    kernel.start_channels()
    try:
        kernel.wait_for_ready(timeout=60)
        assert asked(kernel) == "'workbench.reports.warm.parent'"
        kernel.execute("import time, sys\nprint('there', flush=True)\ntime.sleep(60)")
        while kernel.get_iopub_msg(timeout=60)["msg_type"] != "stream":
            pass
        manager.interrupt_kernel()
        assert kernel.get_shell_msg(timeout=60)["content"]["ename"] == "KeyboardInterrupt"
        kernel.execute("left = 1", reply=True, timeout=60)
        manager.restart_kernel(now=True)
        kernel.wait_for_ready(timeout=60)
        assert asked(kernel) == "'workbench.reports.warm.parent'"
        assert kernel.execute("left", reply=True, timeout=60)["content"]["ename"] == "NameError"
    finally:
        kernel.stop_channels()
        manager.shutdown_kernel()
    assert not manager.is_alive()


def test_a_warm_kernel_writes_where_it_is_told(kernel_name: str, tmp_path: Path) -> None:
    manager = KernelManager(kernel_name=kernel_name)
    with (tmp_path / "errors").open("wb") as errors:
        manager.start_kernel(stdout=subprocess.PIPE, stderr=errors)
    kernel = manager.client()
    kernel.start_channels()
    try:
        kernel.wait_for_ready(timeout=60)
        assert asked(kernel) == "'workbench.reports.warm.parent'"
        kernel.execute("import subprocess\nleft = subprocess.run(['echo', 'here'])", reply=True, timeout=60)
        assert manager.provisioner.process.stdout.readline() == b"here\n"
        kernel.execute("subprocess.run(['sh', '-c', 'cat; echo there >&2'])", reply=True, timeout=60)
        while b"there\n" not in (tmp_path / "errors").read_bytes():
            assert manager.is_alive()
    finally:
        kernel.stop_channels()
        manager.shutdown_kernel(now=True)


def test_nbconvert_gets_a_warm_kernel(kernel_name: str) -> None:
    source = nbformat.from_dict(bare(notebook(PARENT)))
    done, _ = ExecutePreprocessor(kernel_name=kernel_name).preprocess(source, {})
    assert done.cells[-1].outputs[0].data["text/plain"] == "'workbench.reports.warm.parent'"


@pytest.mark.parametrize("engine", [None, "workbench-warm"])
def test_papermill_gets_a_warm_kernel(kernel_name: str, engine: str | None) -> None:
    source = nbformat.from_dict(bare(notebook(PARENT)))
    done = papermill.execute_notebook(
        source, None, engine_name=engine, kernel_name=kernel_name, progress_bar=False
    )
    assert done.cells[-1].outputs[0].data["text/plain"] == "'workbench.reports.warm.parent'"
