"""The words of an analysis on the command line: what a person reads is what was found."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from typer.testing import CliRunner

import workbench.cli.experiment_analysis
from workbench.cli.app import app
from workbench.experiments import Experiment
from workbench.experiments.analysis.asked import asked
from workbench.experiments.records.keeping import Change, Kept
from workbench.store import Workspace
from workbench.store.experiments import keep_assignments, keep_definition
from workbench.store.ingest import ingest

assert workbench.cli.experiment_analysis  # its import adds the commands

Run = Callable[..., Any]
START = date(2024, 3, 4)
HOSTILE = "b\x1b[31m"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a workspace with two tests of 800 users over 20 days; in one a variant's name is hostile."""
    home, rng = tmp_path_factory.mktemp("words"), np.random.default_rng(6)
    names = {"known": ("control", "treatment"), "hostile": (HOSTILE, "control\x1b[32m")}
    placed, orders = [], []
    for user in range(800):
        for name, variants in names.items():
            placed.append(f"{name},u{user},{variants[user % 2]},{START}T00:00:00Z")
        for order in range(rng.poisson(2.0 + 0.6 * (user % 2))):
            day = START + timedelta(days=int(rng.integers(20)))
            orders.append(f"o{user}-{order},1,u{user},{day}T12:00:00Z,{rng.gamma(2, 10):.2f},false")
    files = {
        "experiments.csv": ["experiment,user_id,variant,assigned_at", *placed],
        "orders.csv": ["order_id,line,user_id,ordered_at,order_value,is_return", *orders],
    }
    for file, lines in files.items():
        (home / file).write_text("\n".join(lines) + "\n")
    opened = Workspace.create(home / "shop")
    ingest(opened, [home / file for file in files], backfill=True)
    return Path(opened.path)


@pytest.fixture(scope="module")
def run(folder: Path) -> Run:
    def call(*arguments: object) -> Any:
        done = CliRunner().invoke(app, ["experiment", *map(str, arguments), "--workspace", str(folder)])
        assert done.exit_code == 0, (done.output, done.exception)
        return json.loads(done.stdout) if "--json" in arguments else done.stdout

    return call


def test_figures_are_no_formulas_and_names_cannot_steer(run: Run) -> None:
    known, hostile = run("analyze", "known"), run("analyze", "hostile")
    assert "'+" not in known
    assert "+0." in known
    assert "\x1b" not in hostile
    assert "all days with data since its first assignment count" in known


def test_a_running_test_is_not_ended_by_naming_its_days(run: Run, tmp_path: Path) -> None:
    plan = tmp_path / "plan.yaml"
    plan.write_text(
        f"name: known\nprimary: orders\nvariants: {{control: 0.5, treatment: 0.5}}\nguardrails: [revenue]\n"
        f"start: {START}\nend: {START + timedelta(days=60)}\n"
    )
    run("create", plan)
    run("start", "known")
    days = f"{START}:{START + timedelta(days=13)}"
    by_plan, by_days = run("analyze", "known", "--json"), run("analyze", "known", "--window", days, "--json")
    for found in (by_plan, by_days):
        assert found["monitoring"]["kind"] == "any time"
    once = by_days["findings"][0]
    span = {name: once[name]["high"] - once[name]["low"] for name in ("monitored",)}
    fixed = once["comparison"]["difference"]
    assert span["monitored"] > fixed["high"] - fixed["low"], "looking early has its price"
    assert "guardrail ok" in run("analyze", "known")
    assert "nan" not in run("list"), "what is unknown is a dash"


def test_long_names_keep_tables_narrow_and_a_damaged_definition_stops_no_other(tmp_path: Path) -> None:
    long, folder = "v" * 10_000, Path(Workspace.create(tmp_path / "acme").path)
    change = Change(
        version=1,
        experiment=Experiment(name="known", primary="orders", start=START, end=START + timedelta(days=9)),
        changed_at=datetime(2024, 3, 4, tzinfo=UTC),
        changed_by="ann",
        reason="",
    )
    opened = Workspace.open(folder)
    keep_definition(opened, change.to_row())
    keep_definition(opened, change.to_row() | {"name": "torn", "definition": "{"})
    ids = [f"u{place}" for place in range(10)]
    users = pa.table({"user_id": ids, "variant": [long] * 10})
    keep_assignments(opened, "w" * 10_000, users, at=datetime(2024, 3, 4, tzinfo=UTC))

    def said(*words: str) -> Any:
        return CliRunner().invoke(app, ["experiment", *words, "--workspace", str(folder)])

    listed = said("list").stdout
    table, reason = listed.split("What is kept of torn")
    assert max(map(len, table.split("\n"))) < 200
    assert "known" in table
    assert "no JSON object" in reason
    assert said("show", "known").exit_code == 0
    assert "cannot be understood" in str(said("show", "torn").exception)
    assert "cannot be understood" in str(said("start", "torn").exception)


@pytest.mark.parametrize(("looks", "end"), [(1, START + timedelta(days=9)), (3, START + timedelta(days=60))])
def test_days_after_an_early_end_do_not_count(folder: Path, looks: int, end: date) -> None:
    plan = Experiment(
        name="known", primary="orders", start=START, end=START + timedelta(days=60), looks=looks
    )
    at = datetime(2024, 3, 13, 12, tzinfo=UTC)
    states = ("draft", "running", "completed")
    changes = [
        Change(version=1, experiment=replace(plan, status=status), changed_at=at, changed_by="ann", reason="")
        for status in states
    ]
    kept = Kept(name="known", changes=tuple(changes), users={"control": 400, "treatment": 400})
    found = asked(kept, Workspace.open(folder).tables())
    assert found.experiment.end == end
    (note,) = found.notes
    assert "ended on 2024-03-13, before its planned end" in note
    assert "later days do not count" in note
    assert ("on the way was not the reason" in note) == (looks == 1), "planned looks allow an early end"
    assert found.tables.last_day == (at.date() if looks > 1 else Workspace.open(folder).tables().last_day)
