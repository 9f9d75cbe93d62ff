"""The warm parent: whom it serves, when it refuses, and that it never stays behind."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from workbench.reports.warm import client, identity
from workbench.reports.warm.process import ForkedProcess
from workbench.reports.warm.wire import NoWarmKernel, send

FEW = ("ipykernel.ipkernel",)
COMMAND = [sys.executable, "-m", "ipykernel_launcher", "-f", "none.json"]


@pytest.fixture
def wanted(tmp_path: Path) -> Iterator[client.Wanted]:
    """Give a parent of the test's own, and end it."""
    found = client.Wanted(environment=os.environ | identity.ONE_THREAD, of=str(tmp_path), preload=FEW)
    yield found
    told = client.state(found)
    if told is not None:
        os.kill(told["pid"], signal.SIGKILL)


@pytest.fixture
def module(tmp_path: Path, wanted: client.Wanted) -> Callable[[str], client.Wanted]:
    """Return a function that wants a parent which has imported this code."""

    def with_module(code: str) -> client.Wanted:
        (tmp_path / "imported.py").write_text(code)
        before = os.environ.get("PYTHONPATH", "")
        environment = {**wanted.environment, "PYTHONPATH": f"{tmp_path}{os.pathsep}{before}"}
        return replace(wanted, environment=environment, preload=("imported",))

    return with_module


def until(true: Callable[[], object], seconds: float = 60.0) -> None:
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end
        time.sleep(0.02)


def hung_up(connection: socket.socket) -> bool:
    try:
        return connection.recv(1) == b""
    except ConnectionResetError:
        return True


def alive(process: int) -> bool:
    try:
        return b") Z" not in Path(f"/proc/{process}/stat").read_bytes()
    except OSError:
        return False


def forked(wanted: client.Wanted, folder: Path, code: str, seconds: float = 0.0) -> ForkedProcess:
    """Fork a kernel whose start-up runs code; it is never connected to."""
    (folder / "none.json").unlink(missing_ok=True)
    command = [*COMMAND[:-1], str(folder / "none.json"), f"--IPKernelApp.exec_lines={code}"]
    return client.fork(wanted, command, environment=wanted.environment, folder=str(folder), seconds=seconds)


def test_all_clients_of_a_workspace_share_one_parent(wanted: client.Wanted) -> None:
    code = (
        "import json, os, sys\nfrom workbench.reports.warm import client\ngiven = json.loads(sys.argv[1])\n"
    )
    code += "wanted = client.Wanted(environment=dict(os.environ), of=given[0], preload=tuple(given[1]))\n"
    code += "with client.kept(wanted) as reason:\n    print(reason, client.state(wanted)['pid'])"
    with client.kept(wanted) as reason:
        assert reason == ""
        given = f'["{wanted.of}", ["{FEW[0]}"]]'
        others = [
            subprocess.Popen(
                [sys.executable, "-c", code, given],
                stdout=subprocess.PIPE,
                text=True,
                env=dict(wanted.environment),
            )
            for _ in range(2)
        ]
        told = {other.communicate()[0] for other in others}
        own = client.state(wanted)
        assert own is not None
        assert told == {f" {own['pid']}\n"}


def test_a_parent_ends_when_its_last_client_has_gone(wanted: client.Wanted, tmp_path: Path) -> None:
    client.start(wanted, idle=0.2)
    kernel = forked(wanted, tmp_path, "import time; time.sleep(60)")
    told = client.state(wanted)
    assert told is not None
    assert kernel.poll() is None
    kernel._connection.close()  # as when the process that asked for it is killed
    until(lambda: not alive(kernel.pid))
    until(lambda: not alive(told["pid"]))
    assert client.state(wanted) is None


def test_a_kernel_that_never_answers_is_ended_with_all_it_started(
    wanted: client.Wanted, tmp_path: Path
) -> None:
    with client.kept(wanted):
        code = "import subprocess, time; c = subprocess.Popen(['sleep', '60']); "
        code += "open('child', 'w').write(str(c.pid)); time.sleep(60)"
        kernel = forked(wanted, tmp_path, code, seconds=8.0)
        until(lambda: (tmp_path / "child").exists() and (tmp_path / "child").read_text())
        assert kernel.wait(60) == -signal.SIGKILL
        assert kernel.cause == identity.TIME_OVER
        assert kernel.used is not None
        until(lambda: not alive(int((tmp_path / "child").read_text())))


def test_a_kernel_goes_with_a_parent_that_is_killed(wanted: client.Wanted, tmp_path: Path) -> None:
    with client.kept(wanted):
        kernel = forked(wanted, tmp_path, "import time; time.sleep(60)")
        told = client.state(wanted)
        assert told is not None
        os.kill(told["pid"], signal.SIGKILL)
        kernel.wait(60)
        assert kernel.lost
        until(lambda: not alive(kernel.pid))
        with pytest.raises(NoWarmKernel, match="no warm parent is there"):
            forked(wanted, tmp_path, "pass")
    with client.kept(wanted) as reason:  # the socket that was left does not matter
        assert reason == ""
        assert client.state(wanted) is not None


def test_a_kernel_whose_run_was_stopped_before_it_began_says_so(
    wanted: client.Wanted, tmp_path: Path
) -> None:
    with client.kept(wanted), (tmp_path / "said").open("w+") as said:
        gone, files = str(tmp_path / "gone"), (0, said.fileno(), said.fileno())
        kernel = client.fork(wanted, COMMAND, environment=wanted.environment, folder=gone, files=files)
        assert kernel.wait(60) == 1
        said.seek(0)
        assert said.read() == f"The kernel was not started: its folder {gone} is gone.\n"


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        (
            "import threading, time\nthreading.Thread(target=time.sleep, args=(600,), daemon=True).start()",
            "threads",
        ),
        ("import random\nrandom.random()", "draws random numbers"),
        ("import os\nos._exit(3)", "the warm parent ended"),
    ],
)
def test_a_parent_that_would_not_fork_well_refuses(
    module: Callable[[str], client.Wanted], tmp_path: Path, code: str, reason: str
) -> None:
    unsafe = module(code)
    with client.kept(unsafe) as said:
        assert reason in said
        with pytest.raises(NoWarmKernel):
            forked(unsafe, tmp_path, "pass")
    told = client.state(unsafe)
    if told is not None:
        os.kill(told["pid"], signal.SIGKILL)


def test_what_cannot_be_forked_is_said(
    wanted: client.Wanted, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(NoWarmKernel, match="not this interpreter's ipykernel"):
        client.fork(wanted, ["python2", "-m", "ipykernel_launcher"], environment={}, folder="/")
    monkeypatch.setattr(sys, "platform", "darwin")
    with client.kept(wanted) as reason:
        assert reason == "this system cannot fork kernels"


def test_a_folder_that_others_may_enter_is_not_used(
    wanted: client.Wanted, monkeypatch: pytest.MonkeyPatch
) -> None:
    with tempfile.TemporaryDirectory(dir=identity.short_folder()) as home:
        monkeypatch.setattr(tempfile, "tempdir", home)
        folder = Path(home) / f"workbench-{os.getuid()}"
        folder.mkdir()
        folder.chmod(0o755)
        with client.kept(wanted) as reason:
            assert reason == f"the folder {folder} is not private"
        monkeypatch.undo()


def test_what_ended_parents_left_is_removed_after_a_day(wanted: client.Wanted) -> None:
    left = identity.private_folder() / f"left-{os.getpid()}.log"
    left.touch()
    new = left.with_suffix(".lock")
    new.touch()
    os.utime(left, (0, 0))
    with client.kept(wanted):
        assert not left.exists()
        assert new.exists()
    new.unlink()


def test_whoever_talks_nonsense_is_let_go(wanted: client.Wanted, tmp_path: Path) -> None:
    with client.kept(wanted):
        for nonsense in (b"GET / HTTP/1.1\r\n\r\n", b"\x00\x00\x00\x02[]", b"\x00\x00\x00\x02{}"):
            with client.connect(wanted) as connection:  # type: ignore[union-attr]
                connection.sendall(nonsense)
                connection.shutdown(socket.SHUT_WR)
                assert hung_up(connection)
        with client.connect(wanted) as connection:  # type: ignore[union-attr]
            send(connection, {"what": "kernel", "argv": [], "environment": {}})
            assert hung_up(connection)
        assert client.state(wanted) is not None


def test_code_environment_and_limits_tell_parents_apart(tmp_path: Path) -> None:
    given = {"A": "1", "PWD": "/here", "JPY_PARENT_PID": "7"}
    one = identity.identity("w", given, FEW)
    assert one == identity.identity("w", given | {"PWD": "/there", "JPY_PARENT_PID": "8"}, FEW)
    others = [("v", given, FEW), ("w", given | {"A": "2"}, FEW), ("w", given, ("json",))]
    assert one not in {identity.identity(*other) for other in others}
    package = tmp_path / "src" / "workbench"
    shutil.copytree(Path(identity.__file__).parent, package)
    before = identity.code_state(package)
    assert before == identity.code_state(package)
    (package / "wire.py").write_text("")
    changed = identity.code_state(package)
    (tmp_path / "uv.lock").write_text("")
    assert len({before, changed, identity.code_state(package)}) == 3
