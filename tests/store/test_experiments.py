"""Definitions, assignments and decisions are added once, whatever fails and whoever else writes."""

from __future__ import annotations

import json
import random
import shutil
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from workbench.errors import BadInput, UsageError, WorkspaceBusy
from workbench.experiments.definition import Experiment
from workbench.experiments.geo.plan import GeoTest
from workbench.experiments.records.keeping import (
    Change,
    Decision,
    Kept,
    next_decision,
    next_status,
    next_version,
)
from workbench.experiments.records.kept import kept_experiment, kept_experiments
from workbench.store import Workspace
from workbench.store.compaction import compact
from workbench.store.erasure import erase
from workbench.store.experiments import keep_assignments, keep_decision, keep_definition

DECIDER = Path(__file__).with_name("deciding.py")
NOW = datetime(2024, 5, 6, 9, 30, tzinfo=UTC)
PLAN = Experiment(name="new_subject", primary="ctr", hypothesis="'; DROP TABLE loads; --")
HOW: dict[str, Any] = {"at": NOW, "by": "ann'\"<b>"}


def defined(workspace: Workspace) -> Kept:
    change = next_version(Kept(name=PLAN.name), PLAN, **HOW)
    assert change is not None
    keep_definition(workspace, change.to_row())
    started = next_status(kept_experiment(workspace.tables(), PLAN.name), "running", **HOW)
    assert started is not None
    keep_definition(workspace, started.to_row())
    return kept_experiment(workspace.tables(), PLAN.name)


def users(count: int, first: int = 0) -> pa.Table:
    ids = [f"u{number}" for number in range(first, first + count)]
    return pa.table({"user_id": ids, "variant": ["control", "treatment"] * (count // 2)})


def decision(why: str) -> Decision:
    return Decision(
        name=PLAN.name,
        number=0,
        decision="rollout",
        variant="treatment",
        why=why,
        figures={"p": 0.01, "metric": "ctr"},
        data_version=3,
        decided_at=NOW,
        decided_by="ann",
    )


def test_what_was_kept_is_read_back(workspace: Workspace) -> None:
    kept = defined(workspace)
    assert [change.experiment.status for change in kept.changes] == ["draft", "running"]
    assert kept.experiment is not None
    assert kept.experiment.hypothesis == PLAN.hypothesis
    assert kept.changes[0].changed_by == "ann'\"<b>"
    assert keep_assignments(workspace, PLAN.name, users(10), at=NOW, campaign="c'1") == 10
    made = next_decision(kept_experiment(workspace.tables(), PLAN.name), decision("It sold\nmore; '--"))
    assert made is not None
    keep_decision(workspace, made.to_row())
    now = kept_experiment(workspace.tables(), PLAN.name)
    assert now.decisions == (made,)
    assert now.users == {"control": 5, "treatment": 5}
    rows = workspace.tables().query("SELECT DISTINCT campaign_id, assigned_at FROM experiments").to_pylist()
    assert rows == [{"campaign_id": "c'1", "assigned_at": NOW}]


@pytest.mark.parametrize(
    ("damaged", "told"),
    [
        ('{"name": "new_subject"', "no JSON object"),
        ("[" * 5000, "no JSON object"),
        ("[1, 2]", "no JSON object"),
        ('{"name": "other", "primary": "ctr"}', "value 'other': the definition has another name"),
        ('{"name": "new_subject"}', "primary: it is missing"),
        ('{"name": "new_subject", "primary": "ctr", "split": [0.9, 0.2]}', "sum to 1"),
        ('{"name": "new_subject", "primary": "ctr", "later": 1}', "later: no such field"),
        ('{"name": "new_subject", "kind": "geo"}', "treated"),
        ('{"name": "new_subject", "primary": "ctr", "variants": [{"a": 1}, null]}', "variants"),
    ],
)
def test_a_definition_that_cannot_be_understood_is_named_and_stops_no_other(
    workspace: Workspace, damaged: str, told: str
) -> None:
    kept = defined(workspace)
    keep_definition(workspace, kept.changes[-1].to_row() | {"version": 3, "definition": damaged})
    other = next_version(Kept(name="other"), replace(PLAN, name="other"), **HOW)
    assert other is not None
    keep_definition(workspace, other.to_row())
    keep_assignments(workspace, PLAN.name, users(10), at=NOW)
    first, second = kept_experiments(workspace.tables()).rows
    assert (first.name, first.status, second.name, second.status) == (
        PLAN.name,
        "unreadable",
        "other",
        "draft",
    )
    assert told in first.sentence
    assert "new_subject, version 3" in first.sentence
    assert kept_experiment(workspace.tables(), "other").version == 1
    with pytest.raises(BadInput) as refused:
        kept_experiment(workspace.tables(), PLAN.name)
    assert told in str(refused.value)


def test_a_definition_that_newer_rules_refuse_can_be_read(workspace: Workspace) -> None:
    old = replace(PLAN, level=0.05, secondary=("aov", "aov"), status="running")
    row = Change(version=1, experiment=old, changed_at=NOW, changed_by="ann", reason="").to_row()
    keep_definition(workspace, row)
    kept = kept_experiment(workspace.tables(), PLAN.name)
    assert str(kept.experiment) == str(old)
    ended = next_status(kept, "completed", **HOW)
    assert ended is not None
    with pytest.raises(UsageError, match=r"0\.5 at least, not 0\.05"):
        next_version(Kept(name=PLAN.name), old, **HOW)


def test_a_user_of_two_variants_counts_once(workspace: Workspace) -> None:
    rows = ", ".join(f"('a', '{user}', '{variant}')" for variant, user in zip("xxyyy", "12234", strict=True))
    given = f"SELECT *, now() AS assigned_at FROM (VALUES {rows}) t(experiment, user_id, variant)"
    with workspace.writer() as writer, writer.transaction("a") as load:
        load.append("experiments", given)
        load.commit()
    kept = kept_experiment(workspace.tables(), "a")
    assert (dict(kept.users), kept.size) == ({"x": 2, "y": 3}, 4)
    assert "4 users in 2 variants, some of them in several" in kept.sentence
    assert kept_experiments(workspace.tables()).to_frame()["users"].tolist() == [4]


def test_an_older_workspace_keeps_experiments_too(workspace: Workspace) -> None:
    added = ("experiment_definitions", "experiment_decisions")
    for name in added:
        shutil.rmtree(workspace.store_path / name)
    for entry in (workspace.store_path / "loads" / "_delta_log").glob("*.json"):
        actions = [json.loads(line) for line in entry.read_text().splitlines()]
        for action in actions:
            for name in added:
                action.get("commitInfo", {}).get("workbench", {"versions": {}})["versions"].pop(name, None)
        entry.write_text("".join(json.dumps(action) + "\n" for action in actions))
    opened = Workspace.open(workspace.path)
    assert kept_experiments(opened.tables()).rows == ()
    assert defined(opened).status == "running"
    regions = GeoTest(name="posters", treated=("Kiel'",), start=NOW.date(), end=NOW.date())
    change = next_version(Kept(name=regions.name), regions, **HOW)
    assert change is not None
    keep_definition(opened, change.to_row())
    assert kept_experiment(opened.tables(), "posters").geo_test == regions
    assert kept_experiment(opened.tables(), PLAN.name).geo_test is None
    assert kept_experiments(opened.tables(1)).rows == ()


def test_nobody_is_moved(workspace: Workspace) -> None:
    keep_assignments(workspace, "a", users(10), at=NOW)
    version = workspace.tables().version
    assert keep_assignments(workspace, "a", users(10), at=NOW) == 0
    assert workspace.tables().version == version  # nothing new is no load
    turned = users(20).set_column(1, "variant", pa.array(["treatment"] * 20))
    assert keep_assignments(workspace, "a", turned, at=NOW) == 10
    assert keep_assignments(workspace, "b", users(10), at=NOW) == 10  # another experiment has its own
    counted = {kept.name: dict(kept.users) for kept in kept_experiments(workspace.tables()).rows}
    assert counted == {"a": {"control": 5, "treatment": 15}, "b": {"control": 5, "treatment": 5}}


def test_a_change_of_what_was_read_before_another_change_is_refused(workspace: Workspace) -> None:
    kept = defined(workspace)
    paused, cancelled = (next_status(kept, status, **HOW) for status in ("paused", "cancelled"))
    assert paused is not None
    assert cancelled is not None
    keep_definition(workspace, paused.to_row())
    with pytest.raises(WorkspaceBusy, match="meanwhile"):
        keep_definition(workspace, cancelled.to_row())
    assert kept_experiment(workspace.tables(), PLAN.name).status == "paused"
    with workspace.writer(), pytest.raises(WorkspaceBusy, match="written by process"):
        keep_definition(workspace, replace(cancelled, version=4).to_row())


def test_many_at_once_add_each_number_once(workspace: Workspace) -> None:
    keep_assignments(workspace, PLAN.name, users(4), at=NOW)
    defined(workspace)

    def decide(who: int) -> bool:
        for _ in range(2000):
            kept = kept_experiment(workspace.tables(threads=1), PLAN.name)
            made = next_decision(kept, replace(decision(f"By {who}."), decided_by=str(who)))
            if made is None:
                return True
            try:
                keep_decision(workspace, made.to_row())
            except WorkspaceBusy:
                time.sleep(0.01)
            else:
                return True
        return False

    with ThreadPoolExecutor(4) as pool:
        assert all(pool.map(decide, range(4)))
    made = kept_experiment(workspace.tables(), PLAN.name).decisions
    assert [one.number for one in made] == [1, 2, 3, 4]
    assert {one.decided_by for one in made} == {"0", "1", "2", "3"}


def kill_deciders(workspace: Workspace, times: int) -> None:
    keep_assignments(workspace, PLAN.name, users(4), at=NOW)
    defined(workspace)
    rng, done = random.Random(5), 0  # noqa: S311 - moments, not secrets
    for _ in range(times):
        process = subprocess.Popen(
            [sys.executable, str(DECIDER), str(workspace.path)], stdout=subprocess.PIPE
        )
        assert process.stdout is not None
        process.stdout.readline()
        process.stdout.readline()  # one decision is acknowledged
        time.sleep(rng.uniform(0, 0.3))
        process.send_signal(signal.SIGKILL)
        acknowledged = [int(line) for line in process.stdout]
        process.wait()
        with workspace.writer(threads=1):
            assert list((workspace.path / "pending").iterdir()) == []
        numbers = [one.number for one in kept_experiment(workspace.tables(), PLAN.name).decisions]
        assert numbers == list(range(1, len(numbers) + 1))
        assert len(numbers) >= max([done + 1, *acknowledged])
        done = len(numbers)


def test_a_killed_decision_is_there_or_not(workspace: Workspace) -> None:
    kill_deciders(workspace, 2)


@pytest.mark.slow
def test_many_killed_decisions_are_there_or_not(workspace: Workspace) -> None:
    kill_deciders(workspace, 25)


def test_erasing_and_compacting_leave_the_rest(workspace: Workspace) -> None:
    kept = defined(workspace)
    for first in range(0, 60, 10):
        keep_assignments(workspace, PLAN.name, users(10, first), at=NOW)
    with workspace.writer() as writer:
        compact(writer)
        assert erase(writer, "u7").rows == {"experiments": 1}
    now = kept_experiment(workspace.tables(), PLAN.name)
    assert sum(now.users.values()) == 59
    assert now.changes == kept.changes


def test_hostile_names_of_loaded_assignments_stay_values(workspace: Workspace) -> None:
    name = "a'); DROP TABLE experiments; --"
    keep_assignments(workspace, name, users(2), at=NOW)
    found = kept_experiment(workspace.tables(), name)
    assert (found.status, found.users) == ("undefined", {"control": 1, "treatment": 1})
    shown = kept_experiments(workspace.tables())
    assert shown.sentence == "1 experiment: 1 undefined."
    keep_assignments(workspace, "<script>", users(2), at=NOW)
    assert "<script>" not in kept_experiments(workspace.tables())._repr_html_()
