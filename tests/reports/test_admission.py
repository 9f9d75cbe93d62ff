"""Room and claims: who may begin, who waits, and that nobody waits for the dead."""

from __future__ import annotations

import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from workbench.reports.admission import Room, most_jobs
from workbench.reports.claims import claimed
from workbench.reports.kernel_family import family
from workbench.reports.lease import settle
from workbench.reports.memory import memory_held

HOLD = """
import sys, threading
from pathlib import Path
from workbench.reports.claims import claimed

with claimed(Path(sys.argv[1]), "one", threading.Event()) as held:
    print(held, flush=True)
    sys.stdin.read()
"""


def test_a_run_that_fits_nowhere_is_alone() -> None:
    room, stop = Room(10**18), threading.Event()
    assert most_jobs(10**18) == 1
    entered = threading.Event()

    def enter() -> None:
        with room.taken(stop):
            entered.set()

    with ThreadPoolExecutor(1) as pool:
        with room.taken(stop):
            second = pool.submit(enter)
            assert not entered.wait(0.7)
        second.result(timeout=10)
    assert entered.is_set()
    with ThreadPoolExecutor(1) as pool, room.taken(stop):
        third = pool.submit(enter)
        stop.set()  # who is stopped is let in, to be stopped
        third.result(timeout=10)


def test_small_runs_are_let_in_together() -> None:
    room = Room(1)
    with room.taken(threading.Event()), room.taken(threading.Event()):
        pass


def test_one_run_has_one_holder(tmp_path: Path) -> None:
    never, counted = threading.Event(), [0]
    lock = threading.Lock()

    def work(_: int) -> None:
        with claimed(tmp_path, "one", never) as held:
            assert held
            assert lock.acquire(blocking=False)  # nobody else is in here
            counted[0] += 1
            lock.release()

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(work, range(12)))
    assert counted == [12]
    with claimed(tmp_path, "one", never), claimed(tmp_path, "two", never) as other:
        assert other
        with claimed(tmp_path, "one", never, wait=False) as again:
            assert not again
    assert not list((tmp_path / ".active").iterdir())


def test_the_claim_of_a_killed_process_ends_with_it(tmp_path: Path) -> None:
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLD, tmp_path], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert holder.stdout is not None
    assert holder.stdout.readline() == "True\n"
    settle(tmp_path)  # leaves a claim that is held
    with claimed(tmp_path, "one", threading.Event(), wait=False) as held:
        assert not held
    before = family(holder.pid)
    assert list(before) == [holder.pid]
    assert memory_held(before, 0) > 1_000_000
    holder.kill()
    holder.communicate()
    settle(tmp_path)
    assert not list((tmp_path / ".active").iterdir())
    with claimed(tmp_path, "one", threading.Event(), wait=False) as held:
        assert held
