"""Users whom files place twice: nobody's second variant may wipe out the first unseen."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from workbench.experiments import Analysis, Experiment, analyze, kept_experiment
from workbench.experiments.users.contamination import overlaps
from workbench.store import Workspace
from workbench.store.ingest import ingest

PLAN = Experiment(name="x", primary="orders", status="completed", before_days=0)


def _placed(file: Path, rows: list[tuple[str, str, str]], experiment: str = "x") -> Path:
    lines = [f"{experiment},{user},{variant},2024-03-{day}T10:00:00Z" for user, variant, day in rows]
    file.parent.mkdir()
    file.write_text("\n".join(["experiment,user_id,variant,assigned_at", *lines]) + "\n")
    return file


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return 400 users in two variants, each with one order on 12 March: to be copied."""
    home = tmp_path_factory.mktemp("shop")
    opened = Workspace.create(home / "shop")
    users = [f"u{place}" for place in range(400)]
    orders = home / "orders.csv"
    lines = [f"o{user},1,{user},2024-03-12T10:00:00Z,10,false" for user in users]
    lines.append("later,1,stranger,2024-03-25T10:00:00Z,10,false")  # the data go on
    orders.write_text("\n".join(["order_id,line,user_id,ordered_at,order_value,is_return", *lines]) + "\n")
    rows = [(user, ("control", "treatment")[place % 2], "05") for place, user in enumerate(users)]
    ingest(opened, [orders, _placed(home / "one" / "experiments.csv", rows)], backfill=True)
    return Path(opened.path)


@pytest.fixture
def workspace(shop: Path, tmp_path: Path) -> Workspace:
    return Workspace.open(shutil.copytree(shop, tmp_path / "shop"))


def _analysed(workspace: Workspace) -> Analysis:
    return analyze(PLAN, workspace.tables())


def test_a_later_file_moves_nobody_unseen(workspace: Workspace, tmp_path: Path) -> None:
    moved = [(f"u{place}", "control", "20") for place in range(1, 40, 2)]
    ingest(workspace, [_placed(tmp_path / "two" / "experiments.csv", moved)], backfill=True)
    found = _analysed(workspace)
    assert found.contamination.several == 20
    assert found.ratio.seen == (200, 180)
    assert found.verdict.blocked, "5 % of the users saw both variants"


def test_who_is_told_of_twice_counts_since_the_first_time(workspace: Workspace, tmp_path: Path) -> None:
    again = [(f"u{place}", ("control", "treatment")[place % 2], "20") for place in range(100)]
    ingest(workspace, [_placed(tmp_path / "two" / "experiments.csv", again)], backfill=True)
    found = _analysed(workspace)
    assert (found.contamination.several, found.ratio.seen) == (0, (200, 200))
    assert found.of("orders").comparison.value.value == 1.0, "orders before the second telling count"
    assert kept_experiment(workspace.tables(), "x").users == {"control": 200, "treatment": 200}


def test_users_of_two_experiments_are_counted_once(workspace: Workspace, tmp_path: Path) -> None:
    for day in ("06", "07"):
        rows = [(f"u{place}", "z", day) for place in range(60)]
        ingest(workspace, [_placed(tmp_path / day / "experiments.csv", rows, "y")], backfill=True)
    (other,) = overlaps(workspace.tables(), "x")
    assert (other.experiment, other.users) == ("y", 60)
