"""How an experiment may change: by its life cycle, and never in what its answer depends on once it runs."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workbench.errors import UsageError
from workbench.experiments.definition import TRANSITIONS, Experiment, Guardrail, Status
from workbench.experiments.records.keeping import (
    Change,
    Decision,
    Kept,
    next_decision,
    next_status,
    next_version,
)

NOW = datetime(2024, 5, 6, 9, tzinfo=UTC)
PLAN = Experiment(name="new_subject", primary="ctr")
HOW: dict[str, Any] = {"at": NOW, "by": "ann"}


def kept(*statuses: Status, users: dict[str, int] | None = None) -> Kept:
    changes = tuple(
        Change(
            version=version,
            experiment=replace(PLAN, status=status),
            changed_at=NOW,
            changed_by="ann",
            reason="",
        )
        for version, status in enumerate(statuses, start=1)
    )
    return Kept(name="new_subject", changes=changes, users=users or {})


@given(st.lists(st.sampled_from(list(TRANSITIONS)), max_size=8))
def test_only_the_life_cycle_leads_on(asked: list[Status]) -> None:
    now = kept("draft")
    for status in asked:
        before = now.status
        try:
            change = next_status(now, status, **HOW)
        except UsageError:
            assert status not in TRANSITIONS[before]
            continue
        if change is None:
            assert status == before
            continue
        assert status in TRANSITIONS[before]
        assert change.version == now.version + 1
        now = replace(now, changes=(*now.changes, change))
    assert [change.version for change in now.changes] == list(range(1, len(now.changes) + 1))


def test_days_that_nobody_planned_are_those_of_the_change() -> None:
    started = next_status(kept("draft"), "running", **HOW)
    assert started is not None
    assert (started.experiment.start, started.experiment.end) == (date(2024, 5, 6), None)
    ended = next_status(replace(kept(), changes=(started,)), "completed", **HOW)
    assert ended is not None
    assert ended.experiment.end == date(2024, 5, 6)


@pytest.mark.parametrize(
    "changed",
    [
        {"variants": ("control", "other")},
        {"split": (0.9, 0.1)},
        {"primary": "orders"},
        {"level": 0.9},
        {"looks": 5},
        {"campaign": "c-1"},
        {"start": date(2024, 1, 1)},
    ],
)
@pytest.mark.parametrize("status", ["running", "paused"])
def test_what_runs_keeps_its_question(changed: dict[str, Any], status: Status) -> None:
    with pytest.raises(UsageError, match=f"{next(iter(changed))} cannot change"):
        next_version(kept(status), replace(PLAN, **changed), **HOW)
    assert next_version(kept("draft"), replace(PLAN, **changed), **HOW) is not None


def test_what_runs_may_get_more_metrics_and_a_later_end() -> None:
    wider = replace(PLAN, secondary=("aov",), guardrails=(Guardrail(metric="orders"),), end=date(2024, 7, 1))
    change = next_version(kept("draft", "running"), wider, reason="Asked by finance.", **HOW)
    assert change is not None
    assert (change.version, change.experiment.status, change.reason) == (3, "running", "Asked by finance.")
    assert next_version(kept("running"), PLAN, **HOW) is None


@pytest.mark.parametrize("status", ["completed", "cancelled"])
def test_what_ended_stays(status: Status) -> None:
    with pytest.raises(UsageError, match="cannot be changed any more"):
        next_version(kept(status), replace(PLAN, secondary=("aov",)), **HOW)


def test_users_pin_the_variants_of_a_draft() -> None:
    users = {"control": 3, "treatment": 4}
    with pytest.raises(UsageError, match="has users already: its split"):
        next_version(kept("draft", users=users), replace(PLAN, split=(0.9, 0.1)), **HOW)
    with pytest.raises(UsageError, match="'treatment' already, which the definition lacks"):
        next_version(kept(users=users), replace(PLAN, variants=("control", "b")), **HOW)
    assert next_version(kept(users=users), PLAN, **HOW) is not None


def decision(**changed: Any) -> Decision:
    said = {"decision": "rollout", "variant": "treatment", "why": "It sold more.", "decided_by": "ann"}
    fixed = {"name": "new_subject", "number": 0, "figures": {}, "data_version": 7, "decided_at": NOW}
    return Decision(**{**fixed, **said, **changed})


def test_a_decision_is_kept_once_and_numbered() -> None:
    ran = kept("running", users={"control": 3, "treatment": 4})
    first = next_decision(ran, decision())
    assert first is not None
    assert first.number == 1
    ran = replace(ran, decisions=(first,))
    assert next_decision(ran, decision(data_version=9)) is None
    second = next_decision(ran, decision(decision="stop", variant="control"))
    assert second is not None
    assert second.number == 2
    assert "the test stops with 'control'" in second.sentence


@pytest.mark.parametrize(
    ("state", "changed", "told"),
    [
        (kept("running", users={"control": 1}), {"variant": "treatmnt"}, "Did you mean 'treatment'"),
        (kept("running", users={"control": 1}), {"why": "  "}, "say why"),
        (kept("running", users={"control": 1}), {"why": "ask a@b.co"}, "e-mail"),
        (kept("running"), {}, "has not run"),
        (kept("draft", users={"control": 1}), {}, "has not run"),
    ],
)
def test_a_decision_needs_a_test_that_ran(state: Kept, changed: dict[str, Any], told: str) -> None:
    with pytest.raises(UsageError, match=told):
        next_decision(state, decision(**changed))


def test_assignments_from_a_file_can_be_decided_on() -> None:
    loaded = kept(users={"a": 5, "b": 6})
    assert loaded.status == "undefined"
    assert next_decision(loaded, decision(variant="b")) is not None
    with pytest.raises(UsageError, match="was not defined here"):
        next_status(loaded, "running", **HOW)
