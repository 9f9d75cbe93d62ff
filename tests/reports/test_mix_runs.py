"""Media mix runs of a workspace: kept to the last bit, reused, and failed in words whatever kills them."""

from __future__ import annotations

import json
import os
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.mmm import handmade

from workbench.errors import BadInput, NotEnoughData, RunFailed, WorkspaceError
from workbench.mmm.fitted import MixFit
from workbench.mmm.market import market_of
from workbench.mmm.simulation import SimulatedMarket, simulate_market
from workbench.mmm.spec import MixSpec, Sampling
from workbench.reports.memory import memory_free
from workbench.reports.mix_fitting import fit_mix, keep_mix
from workbench.reports.mix_memory import memory_needed, refuse_too_large
from workbench.reports.mix_process import failure
from workbench.reports.mix_runs import mix_record, mix_run, mix_runs
from workbench.store import Workspace
from workbench.store.erasure import erase

SPEC = """
name: weekly
outcome: revenue
channels: [tv, search]
controls: [price, promo]
data: sales.csv
sampling: {chains: 2, tune: 20, draws: 20}
"""


@pytest.fixture
def empty(acme: Workspace) -> Workspace:
    return acme


@pytest.fixture(scope="module")
def simulated() -> SimulatedMarket:
    return simulate_market(seed=4, periods=104, channels=2)


@pytest.fixture
def spec(tmp_path: Path, simulated: SimulatedMarket) -> Path:
    """A model's file, with its data beside it."""
    simulated.table.to_csv(tmp_path / "sales.csv", index=False)
    path = tmp_path / "weekly.yaml"
    path.write_text(SPEC)
    return path


def same(one: Any, two: Any) -> bool:
    """Return whether two values agree in every field, arrays to the last bit."""
    for own in fields(one):
        a, b = getattr(one, own.name), getattr(two, own.name)
        if isinstance(a, np.ndarray):
            if a.dtype != b.dtype or a.shape != b.shape or a.tobytes() != b.tobytes():
                return False
        elif a != b:
            return False
    return True


def test_a_run_is_read_again_to_the_last_bit(empty: Workspace) -> None:
    fit = handmade.fitted()
    kept = keep_mix(empty, fit, source="by hand")
    assert kept.run.trusted
    assert kept.missed == ()
    again = mix_run(Workspace.open(empty.path), kept.id)
    assert again.run == kept.run
    for one, two in (
        (again.fit.draws, fit.draws),
        (again.fit.market, fit.market),
        (again.fit.health, fit.health),
    ):
        assert same(one, two)
    assert (again.fit.spec, again.fit.forecast, again.fit.versions) == (fit.spec, fit.forecast, fit.versions)
    assert (again.run.source, again.run.by != "", again.run.seed) == ("by hand", True, fit.spec.sampling.seed)
    assert [run.id for run in mix_runs(empty).rows] == ["weekly"]
    assert mix_runs(empty).sentence == "1 media mix run: 1 completed and missed no gate."
    assert not list(kept.folder.glob(".*"))


def test_a_run_that_missed_gates_says_so_everywhere(empty: Workspace) -> None:
    kept = keep_mix(empty, handmade.fitted(bad=True))
    assert kept.run.completed
    assert not kept.run.trusted
    assert {gate.gate for gate in kept.run.missed} >= {"r_hat", "effective_draws", "divergences", "forecast"}
    assert "missed a gate" in kept.sentence
    assert "divergences" in str(mix_runs(empty).to_frame()["gates missed"][0])
    assert "<p>" in kept._repr_html_()


def test_what_was_changed_on_disk_is_not_believed(empty: Workspace) -> None:
    kept = keep_mix(empty, handmade.fitted())
    draws = kept.folder / "draws.npz"
    held = bytearray(draws.read_bytes())
    held[len(held) // 2] ^= 1
    draws.write_bytes(held)
    with pytest.raises(WorkspaceError, match="was changed"):
        mix_run(empty, kept.id)
    (kept.folder / "market.npz").unlink()
    draws.unlink()
    with pytest.raises(WorkspaceError, match="cannot be read"):
        mix_run(empty, kept.id)


def test_nothing_is_fitted_twice(empty: Workspace, spec: Path, simulated: SimulatedMarket) -> None:
    asked = replace(as_asked(spec), sampling=Sampling(chains=2, tune=20, draws=20))
    market = market_of(asked, simulated.table)
    by_hand = handmade.fitted(market, draws=handmade.draws(market))
    kept = keep_mix(empty, MixFit(**{**shallow(by_hand), "spec": asked}))
    found = fit_mix(empty, spec)
    assert found.reused
    assert found.id == kept.id
    assert found.sentence.startswith("Nothing has changed since weekly was fitted.")
    # Another seed is another question, other data are another answer.
    other = replace(asked, sampling=replace(asked.sampling, seed=2))
    assert keep_mix(empty, MixFit(**{**shallow(by_hand), "spec": other})).run.key != kept.run.key


def as_asked(path: Path) -> MixSpec:
    from workbench.mmm.spec_file import mix_file_of

    return mix_file_of(path.read_text()).spec


def shallow(fit: MixFit) -> dict[str, Any]:
    return {one.name: getattr(fit, one.name) for one in fields(fit)}


def test_runs_do_not_wait_for_each_other(empty: Workspace) -> None:
    with ThreadPoolExecutor(4) as pool:
        kept = list(pool.map(lambda _: keep_mix(empty, handmade.fitted()).id, range(6)))
    assert sorted(kept) == ["weekly", *(f"weekly-{number}" for number in range(2, 7))]
    assert all(run.completed for run in mix_runs(empty).rows)
    assert len({run.key for run in mix_runs(empty).rows}) == 1


def test_bad_data_leave_no_run(empty: Workspace, spec: Path) -> None:
    sales = spec.with_name("sales.csv")
    sales.write_text(sales.read_text().replace("revenue", "income", 1))
    with pytest.raises(BadInput, match=r"sales\.csv.*revenue"):
        fit_mix(empty, spec)
    assert mix_runs(empty).rows == ()


def test_a_fit_that_cannot_end_well_does_not_begin(
    empty: Workspace, spec: Path, monkeypatch: pytest.MonkeyPatch, simulated: SimulatedMarket
) -> None:
    import workbench.reports.mix_fitting as fitting

    free = memory_free()
    assert free is None or free > 0
    monkeypatch.setattr(fitting, "memory_free", lambda: 50_000_000)  # what a small machine says
    with pytest.raises(NotEnoughData, match=r"takes about .* GB of memory, and 0\.1 GB are free"):
        fit_mix(empty, spec)
    assert mix_runs(empty).rows == ()
    # More draws, more memory.
    larger = replace(simulated.spec, sampling=Sampling(draws=500_000))
    assert memory_needed(larger, simulated.market) > 1.5 * memory_needed(simulated.spec, simulated.market)
    # A line is two figures a region, a free trend one a period.
    free_trend = replace(larger, trend="varying")
    assert memory_needed(free_trend, simulated.market) > 1.5 * memory_needed(larger, simulated.market)
    refuse_too_large(1, None)


def test_erasing_a_user_leaves_runs_as_they_are(empty: Workspace) -> None:
    kept = keep_mix(empty, handmade.fitted())
    with empty.writer() as writer:
        assert erase(writer, "u1").remaining == ()
    again = mix_run(empty, kept.id)
    assert again.run == kept.run
    assert same(again.fit.draws, kept.fit.draws)


FULL = """
import resource, sys
from tests.mmm import handmade
from workbench.errors import WorkspaceError
from workbench.reports.mix_fitting import keep_mix
from workbench.store import Workspace
resource.setrlimit(resource.RLIMIT_FSIZE, (9_000, 9_000))
try:
    keep_mix(Workspace.open(sys.argv[1]), handmade.fitted())
except WorkspaceError as error:
    print(error)
"""


def test_a_full_disk_fails_the_run_and_leaves_nothing_half_written(empty: Workspace) -> None:
    told = subprocess.run(
        [sys.executable, "-c", FULL, str(empty.path)],
        capture_output=True,
        text=True,
        check=True,
        cwd=Path(__file__).parents[2],
    )
    assert told.stdout.count("\n") == 1
    assert "Make room" in told.stdout
    record = mix_record(empty, "weekly")
    assert record.status == "failed"
    assert "cannot be written" in record.error
    folder = empty.path / "mix" / "weekly"
    assert sorted(path.name for path in folder.iterdir()) == ["lock", "run.json"]
    with pytest.raises(RunFailed, match="weekly failed"):
        mix_run(empty, "weekly")
    assert keep_mix(empty, handmade.fitted()).id == "weekly-2"


def test_a_killed_fit_is_seen_as_failed_and_takes_its_sampler_along(empty: Workspace, spec: Path) -> None:
    process = started(empty, spec)
    worker = until(lambda: workers_of(process.pid))[0]
    assert mix_record(empty, "weekly").status == "running"
    process.send_signal(signal.SIGKILL)
    process.wait()
    record = mix_record(empty, "weekly")
    assert (record.status, record.ended) == ("failed", None)
    assert "ended without a word" in record.error
    until(lambda: not alive(worker))
    assert sorted(path.name for path in (empty.path / "mix" / "weekly").iterdir()) == ["lock", "run.json"]
    assert keep_mix(empty, handmade.fitted()).id == "weekly-2"  # nothing else is broken


def test_a_sampler_that_the_system_ends_fails_the_run_in_words(empty: Workspace, spec: Path) -> None:
    process = started(empty, spec)
    worker = until(lambda: workers_of(process.pid))[0]
    os.kill(worker, signal.SIGKILL)  # as Linux does where memory runs out
    _, told = process.communicate(timeout=300)
    assert process.returncode == 1
    assert "Memory ran out, most likely" in told
    assert "Traceback" not in told
    assert "Memory ran out, most likely" in mix_record(empty, "weekly").error


@pytest.mark.parametrize("sign", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_fit_says_so(empty: Workspace, spec: Path, sign: signal.Signals) -> None:
    process = started(empty, spec)
    worker = until(lambda: workers_of(process.pid))[0]
    process.send_signal(sign)
    _, told = process.communicate(timeout=300)
    assert process.returncode == 1
    assert "it was interrupted" in told
    assert "Traceback" not in told
    assert mix_record(empty, "weekly").error == "It was interrupted."
    until(lambda: not alive(worker))


@pytest.mark.parametrize(
    ("status", "found", "log", "said"),
    [
        (1, {"kind": "MemoryError", "error": ""}, "", "Memory ran out while it was sampled."),
        (1, {"kind": "_ArrayMemoryError", "error": "Unable to allocate"}, "", "Memory ran out"),
        (-6, {}, "terminate called after throwing an instance of 'std::bad_alloc'", "Memory ran out"),
        (-11, {}, "", "was ended by SIGSEGV"),
        (3, {}, "first\nlast line\n", "ended with 3. last line"),
        (1, {"kind": "KeyError", "error": "'x'"}, "", "KeyError: 'x'"),
        (1, {"kind": "WorkspaceError", "error": "No space left."}, "", "No space left."),
    ],
)
def test_every_end_of_a_sampler_has_words(status: int, found: dict[str, str], log: str, said: str) -> None:
    assert said in str(failure(status, found, log))


def test_what_does_not_fit_the_data_is_bad_input() -> None:
    assert isinstance(failure(0, {"kind": "BadInput", "error": "a test lies outside."}, ""), BadInput)


@pytest.mark.slow
def test_a_fit_through_the_command_is_kept_and_read_again(empty: Workspace, spec: Path) -> None:
    pytest.importorskip("pymc_marketing")
    told = subprocess.run(
        [Path(sys.executable).with_name("workbench"), "mmm", "fit", spec, "-w", empty.path, "--json"],
        capture_output=True,
        text=True,
        check=True,
    )
    document = json.loads(told.stdout)
    assert (document["run"], document["status"]) == ("weekly", "completed")
    assert {gate["gate"] for gate in document["gates"]} >= {"r_hat", "divergences"}
    assert "sampling" in told.stderr
    found = mix_run(empty, "weekly")
    assert len(found.fit.draws) == 40
    again = fit_mix(empty, spec, again=True)
    assert again.id == "weekly-2"
    assert same(again.fit.draws, found.fit.draws)  # the same seed, the same draws


@pytest.mark.slow
@pytest.mark.parametrize("wait", [4.0, 12.0, 25.0])
def test_a_fit_killed_at_any_moment_breaks_nothing(empty: Workspace, spec: Path, wait: float) -> None:
    process = started(empty, spec)
    worker = until(lambda: workers_of(process.pid))[0]
    time.sleep(wait)
    process.send_signal(signal.SIGKILL)
    process.wait()
    until(lambda: not alive(worker))
    assert mix_record(empty, "weekly").status in ("failed", "completed")
    assert [run.id for run in mix_runs(empty).rows] == ["weekly"]


@pytest.mark.slow
@pytest.mark.parametrize("megabytes", [150, 300, 450, 500])
def test_too_little_memory_fails_the_run_and_nothing_else(
    empty: Workspace, spec: Path, megabytes: int
) -> None:
    process = started(empty, spec)
    worker = until(lambda: workers_of(process.pid))[0]
    resource.prlimit(worker, resource.RLIMIT_DATA, (megabytes * 1_000_000, megabytes * 1_000_000))
    _, told = process.communicate(timeout=400)
    assert process.returncode == 1
    record = mix_record(empty, "weekly")
    assert record.status == "failed"
    assert record.error in told
    assert record.error  # that of CPython may be "error return without exception set"
    assert "Traceback" not in told
    assert keep_mix(empty, handmade.fitted()).id == "weekly-2"


def test_a_sampler_that_stands_still_is_ended(
    empty: Workspace, simulated: SimulatedMarket, monkeypatch: pytest.MonkeyPatch
) -> None:
    import workbench.reports.mix_process as process

    monkeypatch.setattr(process, "_STILL", 1)  # seconds; otherwise a minute
    with ThreadPoolExecutor(1) as pool:
        told = pool.submit(fit_mix, empty, simulated.spec, simulated.table)
        os.kill(until(lambda: workers_of(os.getpid()))[0], signal.SIGSTOP)
        with pytest.raises(RunFailed, match="got on no more"):
            told.result(timeout=300)
    assert not workers_of(os.getpid())
    assert mix_runs(empty).rows[0].status == "failed"


def started(workspace: Workspace, spec: Path) -> subprocess.Popen[str]:
    """Start a fit as a person does; it is at work once its sampler is there."""
    program = Path(sys.executable).with_name("workbench")
    return subprocess.Popen(
        [program, "mmm", "fit", spec, "--workspace", workspace.path],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def until[Found](look: Callable[[], Found], seconds: float = 300.0) -> Found:
    end = time.monotonic() + seconds
    while not (found := look()):
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.05)
    return found


def workers_of(parent: int) -> list[int]:
    """Return the sampling processes that a process has started."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            stat, command = (process / "stat").read_text(), (process / "cmdline").read_bytes()
        except OSError:
            continue
        if int(stat.rpartition(")")[2].split()[1]) == parent and b"mix_worker" in command:
            found.append(int(process.name))
    return found


def alive(process: int) -> bool:
    try:
        return "Z" not in Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[:1]
    except OSError:
        return False
