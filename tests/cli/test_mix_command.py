"""`workbench mmm` on runs that were kept by hand, and what it says to wrong words and bad data."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from tests.mmm import handmade
from typer.testing import CliRunner

import workbench.cli.mix
import workbench.cli.mix_budget
from workbench.cli.app import app
from workbench.errors import BadInput, NotEnoughData, RunFailed, UsageError, WorkbenchError, WorkspaceError
from workbench.mmm.simulation import simulate_market
from workbench.reports.mix_fitting import keep_mix
from workbench.store import Workspace
from workbench.store.mix_runs import begin

assert workbench.cli.mix  # their import adds the commands
assert workbench.cli.mix_budget

SPEC = "name: weekly\noutcome: revenue\nchannels: [tv, search]\ncontrols: [price]\ndata: sales.csv\n"


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A workspace with a run that passed, `weekly`, and one that missed its gates, `weekly-2`."""
    workspace = Workspace.create(tmp_path_factory.mktemp("mix") / "acme")
    keep_mix(workspace, handmade.fitted())
    keep_mix(workspace, handmade.fitted(handmade.market(periods=60, seed=5), bad=True))
    return Path(workspace.path)


@pytest.fixture
def spec(tmp_path: Path) -> Path:
    simulate_market(seed=4, periods=104, channels=2).table.to_csv(tmp_path / "sales.csv", index=False)
    path = tmp_path / "weekly.yaml"
    path.write_text(SPEC)
    return path


def run(*words: object) -> str:
    done = CliRunner().invoke(app, ["mmm", *map(str, words)])
    if isinstance(done.exception, WorkbenchError):
        raise done.exception
    assert done.exit_code == 0, done.output
    return done.stdout


def told(*words: object) -> Any:
    return json.loads(run(*words, "--json"))


def test_runs_are_listed_the_newest_first(kept: Path) -> None:
    found = told("list", "-w", kept)
    assert [one["run"] for one in found] == ["weekly-2", "weekly"]
    assert [one["trusted"] for one in found] == [False, True]
    assert "weekly-2  completed" in run("list", "-w", kept)


def test_a_run_is_shown_with_its_gates_first(kept: Path) -> None:
    found = told("show", "weekly-2", "-w", kept)
    assert {gate["status"] for gate in found["gates"]} == {"missed", "passed"}
    channels = {row["channel"]: row for row in found["results"]["channels"]}
    assert set(channels) == {"tv", "search"}
    assert channels["tv"]["roi_low"] < channels["tv"]["roi"] < channels["tv"]["roi_high"]
    text = run("show", "weekly-2", "-w", kept)
    assert text.index("missed: r_hat") < text.index("share of outcome")


def test_two_runs_are_compared(kept: Path) -> None:
    found = told("compare", "weekly", "weekly-2", "-w", kept)
    assert (found["first"], found["second"]) == ("weekly", "weekly-2")
    assert {row["channel"] for row in found["channels"]} == {"tv", "search"}
    assert found["reasons"]
    assert found["sentence"] in run("compare", "weekly", "weekly-2", "-w", kept)


def test_a_budget_is_split_with_an_interval_for_the_gain(kept: Path) -> None:
    now = told("optimise", "weekly", "-w", kept)
    found = told("optimise", "weekly", "--total", 1.2 * now["total"], "-w", kept)
    assert found["total"] == pytest.approx(1.2 * now["total"])
    assert sum(row["proposed"] for row in found["channels"]) == pytest.approx(found["total"])
    assert sum(row["current"] for row in found["channels"]) == pytest.approx(found["current_total"])
    assert found["gain"]["low"] <= found["gain"]["value"] <= found["gain"]["high"]
    assert found["gates_missed"] == []
    bounds = ("--bound", "tv=keep", "--bound", f"search=1:{now['total']}")
    text = run("optimise", "weekly", *bounds, "-w", kept)
    assert "search" in text
    held = {row["channel"]: row for row in told("optimise", "weekly", *bounds, "-w", kept)["channels"]}
    assert held["tv"]["proposed"] == pytest.approx(held["tv"]["current"])


def test_a_run_that_missed_a_gate_carries_no_budget_unasked(kept: Path) -> None:
    with pytest.raises(NotEnoughData, match="--despite-gates"):
        run("optimise", "weekly-2", "-w", kept)
    found = told("optimise", "weekly-2", "--despite-gates", "-w", kept)
    assert len(found["gates_missed"]) == 4
    assert run("optimise", "weekly-2", "--despite-gates", "-w", kept).startswith("Despite missed gates.")


def test_a_run_that_failed_says_why(tmp_path: Path) -> None:
    workspace = Workspace.create(tmp_path / "acme")
    run_ = keep_mix(workspace, handmade.fitted()).run
    with begin(workspace, "dead", run_.started_now().to_document()):
        found = told("show", "dead", "-w", workspace.path)
        assert (found["run"], found["status"]) == ("dead", "running")
        with pytest.raises(NotEnoughData, match="Wait until it has ended"):
            run("optimise", "dead", "-w", workspace.path)
    done = CliRunner().invoke(app, ["mmm", "show", "dead", "-w", str(workspace.path)])
    assert done.exit_code == 1
    assert "ended without a word" in done.stdout
    with pytest.raises(RunFailed, match="ended without a word"):
        run("optimise", "dead", "-w", workspace.path)


def test_data_are_checked_in_words(spec: Path, tmp_path: Path) -> None:
    found = told("check", spec)
    assert found["refused"] is False
    assert found["sentence"]
    assert set(found["findings"][0]) >= {"status", "says", "fix"} if found["findings"] else True
    same = tmp_path / "same.yaml"
    same.write_text(SPEC.replace("[tv, search]", "[tv, {name: search, spend: tv2}]"))
    lines = (tmp_path / "sales.csv").read_text().splitlines()
    place = lines[0].split(",").index("tv")
    doubled = [f"{line},{line.split(',')[place] if number else 'tv2'}" for number, line in enumerate(lines)]
    (tmp_path / "sales.csv").write_text("\n".join(doubled) + "\n")
    done = CliRunner().invoke(app, ["mmm", "check", str(same), "--json"])
    assert done.exit_code == 1
    assert json.loads(done.stdout)["refused"] is True
    workspace = Workspace.create(tmp_path / "acme")
    with pytest.raises(BadInput, match="no model can be fitted"):
        run("fit", same, "-w", workspace.path)


def test_a_run_of_hostile_names_steers_no_terminal(tmp_path: Path) -> None:
    workspace = Workspace.create(tmp_path / "acme")
    record = keep_mix(workspace, handmade.fitted()).run.to_document()
    with begin(workspace, "x", {**record, "status": "failed", "error": "\x1b[31m=1+1 [red]", "name": "<b>"}):
        pass
    text = run("list", "-w", workspace.path)
    assert "\x1b" not in text
    assert "[31m=1+1 [red]" in text


@pytest.mark.parametrize(
    ("words", "error", "said"),
    [
        (("show", "gone"), WorkspaceError, "There is no media mix run 'gone'"),
        (("show", "week"), WorkspaceError, "2 media mix runs begin with 'week'"),
        (("compare", "weekly", "gone"), WorkspaceError, "There is no media mix run"),
        (("optimise", "weekly", "--total", "-5"), UsageError, "above 0"),
        (("optimise", "weekly", "--total", "1e12"), UsageError, "do not allow"),
        (("optimise", "weekly", "--bound", "tv"), UsageError, "CHANNEL=LEAST:MOST"),
        (("optimise", "weekly", "--bound", "radio=1:2"), UsageError, "No channel named 'radio'"),
        (("optimise", "weekly", "--worst", "0"), UsageError, "worst"),
        (("fit", "gone.yaml"), BadInput, "gone.yaml"),
        (("calibrate", "gone.yaml", "--test", "posters"), UsageError, "NAME=CHANNEL"),
    ],
)
def test_wrong_words_are_refused(kept: Path, words: tuple[str, ...], error: type, said: str) -> None:
    with pytest.raises(error, match=said):
        run(*words, "-w", kept)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (("revenue", "income"), "income"),
        (("name: weekly", "name: weekly\nrumour: 1"), "rumour"),
        (("sales.csv", "gone.csv"), "gone.csv"),
        (("[tv, search]", "[]"), "no channel"),
        (("[tv, search]", "tv"), "channels"),
    ],
)
def test_bad_models_are_bad_input(spec: Path, change: tuple[str, str], said: str) -> None:
    spec.write_text(SPEC.replace(*change))
    with pytest.raises(BadInput, match=said):
        run("check", spec)


def test_a_model_says_where_its_data_are(spec: Path) -> None:
    spec.write_text(SPEC.replace("data: sales.csv\n", ""))
    with pytest.raises(UsageError, match="where the data are"):
        run("check", spec)


def test_a_model_is_proposed_for_what_a_workspace_holds(kept: Path) -> None:
    with pytest.raises(UsageError, match="week or day"):
        run("propose", "--period", "month", "-w", kept)
    with pytest.raises(NotEnoughData, match="no spend is recorded"):
        run("propose", "-w", kept)


def test_a_workspace_without_experiments_says_so(spec: Path, tmp_path: Path) -> None:
    workspace = Workspace.create(tmp_path / "acme")
    found = told("calibrate", spec, "-w", workspace.path)
    assert found["experiments"] == []
    assert found["sentence"].startswith("No experiment is known")
    with pytest.raises(UsageError, match="No geo test that ran named 'posters'"):
        run("calibrate", spec, "--test", "posters=tv", "-w", workspace.path)
