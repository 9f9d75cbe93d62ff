"""Who gets which variant: by the hash, never moved, and overlaps said."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pyarrow as pa
import pytest

from workbench.errors import NotEnoughData, UsageError
from workbench.experiments.definition import Experiment, Status
from workbench.experiments.records.assigning import Assigned, assigning, everybody
from workbench.experiments.records.keeping import Change, Kept
from workbench.experiments.users.assignment import assign
from workbench.store import Workspace
from workbench.store.experiments import keep_assignments

NOW = datetime(2024, 5, 6, tzinfo=UTC)
PLAN = Experiment(name="new_subject", primary="ctr", split=(0.8, 0.2), status="running")
USERS = [f"user {number} 'x\"" for number in range(2000)]


def kept(status: Status = "running") -> Kept:
    plan = replace(PLAN, status=status)
    return Kept(
        name=PLAN.name,
        changes=(Change(version=1, experiment=plan, changed_at=NOW, changed_by="", reason=""),),
    )


def keep(workspace: Workspace, found: Assigned) -> None:
    keep_assignments(workspace, found.name, found.rows, at=NOW)


def variants(workspace: Workspace) -> dict[str, str]:
    rows = workspace.tables().query(
        f"SELECT user_id, variant FROM experiments WHERE experiment = '{PLAN.name}'"
    )
    return dict(zip(*(rows[name].to_pylist() for name in ("user_id", "variant")), strict=True))


def test_new_users_get_what_the_hash_says(workspace: Workspace) -> None:
    found = assigning(workspace.tables(), kept(), [*USERS, USERS[0]])
    assert sum(found.users.values()) == 2000
    keep(workspace, found)
    assert variants(workspace) == dict(zip(USERS, assign(PLAN, USERS), strict=True))
    again = assigning(workspace.tables(), kept(), USERS)
    assert (again.rows.num_rows, again.known, again.elsewhere) == (0, 2000, 0)
    assert again.sentence.startswith("No user is new in new_subject.")


def test_who_came_from_a_file_stays_there_and_is_counted(workspace: Workspace) -> None:
    other = ["treatment" if variant == "control" else "control" for variant in assign(PLAN, USERS[:100])]
    keep_assignments(workspace, PLAN.name, pa.table({"user_id": USERS[:100], "variant": other}), at=NOW)
    found = assigning(workspace.tables(), kept(), USERS)
    assert (found.known, found.elsewhere, found.rows.num_rows) == (100, 100, 1900)
    assert "100 of them are in another variant" in found.sentence
    keep(workspace, found)
    kept_now = variants(workspace)
    assert [kept_now[user] for user in USERS[:100]] == other


def test_overlap_with_what_runs_is_said(workspace: Workspace) -> None:
    both = pa.table({"user_id": USERS[:50], "variant": ["a"] * 50})
    keep_assignments(workspace, "it's other", both, at=NOW)
    found = assigning(workspace.tables(), kept(), USERS, others=["it's other", "nobody"])
    assert found.overlap == {"it's other": 50, "nobody": 0}
    assert '50 are also in "it\'s other", which runs' in found.sentence
    assert "nobody" not in found.sentence


@pytest.mark.parametrize("status", ["paused", "completed", "cancelled"])
def test_who_does_not_run_gets_nobody(workspace: Workspace, status: Status) -> None:
    with pytest.raises(UsageError, match=f"new_subject is {status}"):
        assigning(workspace.tables(), kept(status), USERS)
    with pytest.raises(UsageError, match="was not defined here"):
        assigning(workspace.tables(), Kept(name="x"), USERS)


def test_everybody_are_the_users_else_those_with_events(workspace: Workspace) -> None:
    with pytest.raises(NotEnoughData, match="nobody can be assigned"):
        everybody(workspace.tables())
    with workspace.writer() as writer, writer.transaction("a") as load:
        load.append("users", "SELECT 'u' || i AS user_id, now() AS signup_at FROM range(3) t(i)")
        load.commit()
    assert everybody(workspace.tables()) == ["u0", "u1", "u2"]


@pytest.fixture
def workspace(acme: Workspace) -> Workspace:
    return acme
