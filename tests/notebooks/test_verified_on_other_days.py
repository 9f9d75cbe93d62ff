"""Every notebook of the project is made again byte for byte, on other days and in other time zones."""

from __future__ import annotations

import json
import os
import runpy
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace

import pytest

from workbench.cli.demo import make_demo
from workbench.events.simulation import MarketSpec
from workbench.reports.batches import batch
from workbench.reports.definitions import NOTEBOOKS
from workbench.reports.mix_fitting import keep_mix

HAND = SimpleNamespace(**runpy.run_path(str(Path(__file__).parents[1] / "mmm" / "handmade.py")))
CLOCK = r"""
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdlib.h>
#include <sys/time.h>
#include <time.h>

static long ahead(void) { const char *text = getenv("CLOCK_AHEAD"); return text ? atol(text) : 0; }

int clock_gettime(clockid_t clock, struct timespec *found) {
    static int (*real)(clockid_t, struct timespec *);
    if (!real) real = (int (*)(clockid_t, struct timespec *))dlsym(RTLD_NEXT, "clock_gettime");
    int result = real(clock, found);
    if (!result && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE)) found->tv_sec += ahead();
    return result;
}

int gettimeofday(struct timeval *restrict found, void *restrict zone) {
    struct timespec now;
    int result = clock_gettime(CLOCK_REALTIME, &now);
    found->tv_sec = now.tv_sec;
    found->tv_usec = now.tv_nsec / 1000;
    return result;
}

time_t time(time_t *found) {
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    if (found) *found = now.tv_sec;
    return now.tv_sec;
}
"""
ELSEWHERE = {"Pacific/Kiritimati": 400 * 86_400 + 11 * 3600, "America/St_Johns": -(40 * 86_400 + 5 * 3600)}
VERIFY = """
import json, sys
from workbench.reports.verification import verify
from workbench.store import Workspace

workspace = Workspace.open(sys.argv[1])
print(json.dumps([verify(workspace, run).to_json() for run in sys.argv[2:]]))
"""


@pytest.fixture(scope="module")
def clock(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a library that puts the clock of a process, and of all it starts, ahead or back."""
    compiler = shutil.which("cc")
    if compiler is None or not sys.platform.startswith("linux"):
        pytest.skip("the clock of a process is put ahead by a C library, which needs a compiler and Linux")
    folder = tmp_path_factory.mktemp("clock")
    (folder / "clock.c").write_text(CLOCK)
    library = folder / "clock.so"
    subprocess.run([compiler, "-shared", "-fPIC", "-o", library, folder / "clock.c", "-ldl"], check=True)
    return library


def python(clock: Path, zone: str, *arguments: object) -> str:
    """Return what a program prints on another day, in another time zone."""
    elsewhere = {"LD_PRELOAD": str(clock), "CLOCK_AHEAD": str(ELSEWHERE[zone]), "TZ": zone}
    done = subprocess.run(
        [sys.executable, "-c", *map(str, arguments)],
        env=os.environ | elsewhere,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize("zone", ELSEWHERE)
def test_the_clock_is_another_one(clock: Path, zone: str) -> None:
    told = python(clock, zone, "import time; print(time.time(), time.tzname[0])").split()
    assert float(told[0]) - datetime.now(UTC).timestamp() == pytest.approx(ELSEWHERE[zone], abs=600)
    assert told[1] != "UTC"


@pytest.mark.slow  # four minutes of processor time: every notebook is made three times
@pytest.mark.timeout(3600)
def test_all_notebooks_come_out_the_same_elsewhere(clock: Path, tmp_path: Path) -> None:
    workspace = make_demo(
        tmp_path / "demo", MarketSpec(days=100, users=300, owned_campaigns=3), lambda _: None
    )
    fit = keep_mix(workspace, HAND.fitted(HAND.market(periods=80, channels=3))).id
    given: dict[str, object] = {"ab_test": {"experiment": "checkout_layout", "days": 43}}
    given |= {name: {"run": fit} for name in ("mmm", "budget_simulator")}
    plan = {"runs": [{"notebook": name, "parameters": given.get(name, {})} for name in NOTEBOOKS]}
    (tmp_path / "all.yaml").write_text(json.dumps(plan))
    done = batch(workspace, tmp_path / "all.yaml")
    assert not done.failed, [run.sentence for run in done.failed]
    assert len(done.runs) == len(NOTEBOOKS)
    runs = [run.id for run in done.runs]
    with ThreadPoolExecutor() as both:
        told = both.map(lambda zone: python(clock, zone, VERIFY, workspace.path, *runs), ELSEWHERE)
        found = [one for answer in told for one in json.loads(answer)]
    assert [one["says"] for one in found if not one["same"]] == []
    assert [one["id"] for one in found] == runs * len(ELSEWHERE)
