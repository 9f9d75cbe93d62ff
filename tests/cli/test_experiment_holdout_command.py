"""What campaigns caused, whom to keep out, how to share impressions, who is moved: the commands."""

from __future__ import annotations

import csv
import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

import workbench as wb
import workbench.cli.commands
from workbench.cli.app import app
from workbench.errors import BadInput, NotEnoughData, UsageError, WorkbenchError
from workbench.experiments import check_holdout, creative_shares, held_out, holdouts, uplift_model
from workbench.metrics import measure
from workbench.store import Workspace

assert workbench.cli.commands  # its import adds the commands


@pytest.fixture(scope="module")
def market(held_out_market: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return Path(shutil.copytree(held_out_market, tmp_path_factory.mktemp("holdout") / "market"))


@pytest.fixture
def empty(acme: Workspace) -> Path:
    return Path(acme.path)


def run(*arguments: object, fails: type[WorkbenchError] | None = None) -> Any:
    done = CliRunner().invoke(app, ["experiment", *map(str, arguments)])
    if fails:
        assert isinstance(done.exception, fails), (done.output, done.exception)
        return str(done.exception)
    assert done.exit_code == 0, done.exception
    return json.loads(done.stdout) if "--json" in arguments else done.stdout


def test_the_figures_of_holdouts_are_those_of_the_dictionary(market: Path) -> None:
    found = run("holdout", "-w", market, "--json")
    tables = Workspace.open(market).tables()
    names = {
        "incrementality": "incrementality",
        "lift": "holdout_lift",
        "net": "net_incremental_revenue",
    }
    rows = {row.metric: row.value for row in measure(tables, list(names.values())).rows}
    for figure, metric in names.items():
        assert found["overall"][figure]["value"] == pytest.approx(rows[metric])
    assert found["sentence"] == holdouts(tables).sentence
    assert found["coverage"]["share"] == 1.0
    errors = [one for one in check_holdout(tables).errors if one.used]
    told = {one["outcome"]: one["rate"] for one in found["false_alarms"] if one["used"]}
    assert told == {one.outcome: one.rate for one in errors}
    text = run("holdout", "-w", market)
    for said in (found["sentence"], "net incremental revenue", "campaigns kept a holdout", "promised 5%"):
        assert said in text


def test_one_campaign_and_days(market: Path) -> None:
    tables = Workspace.open(market).tables()
    campaign = tables.query("SELECT min(campaign_id) AS v FROM facts WHERE is_holdout")["v"][0].as_py()
    found = run("holdout", "-w", market, "--campaign", campaign, "--window", "150d", "--json")
    assert found["campaigns"] == []
    assert found["overall"]["treated"] == holdouts(tables, campaign=campaign, window="150d").overall.treated  # type: ignore[union-attr]
    run("holdout", "-w", market, "--campaign", "nobody's", fails=NotEnoughData)
    run("holdout", "-w", market, "--planned", "2", fails=UsageError)


def test_a_workspace_without_deliveries_says_so(empty: Path) -> None:
    assert "No campaign sent a message" in run("holdout", "-w", empty, fails=NotEnoughData)
    run("uplift", "-w", empty, fails=NotEnoughData)
    run("allocate", "spring", "-w", empty, fails=NotEnoughData)


def test_whom_to_hold_out_is_written_and_the_same_every_time(tmp_path: Path) -> None:
    users = [f"u{place}" for place in range(2000)]
    (tmp_path / "users").write_text("\n".join([*users, "u1", ""]))
    asked = ("holdout-users", "spring", "--users", tmp_path / "users")
    found = run(*asked, "--output", tmp_path / "a.csv", "--json")
    run(*asked, "--output", tmp_path / "b.csv")
    rows = list(csv.DictReader((tmp_path / "a.csv").open()))
    assert [row["user_id"] for row in rows] == users
    assert [row["held_out"] == "true" for row in rows] == held_out("spring", users).tolist()
    assert found["held_out"] == sum(row["held_out"] == "true" for row in rows)
    assert (tmp_path / "a.csv").read_bytes() == (tmp_path / "b.csv").read_bytes()
    wider = run(*asked, "--share", "0.5", "--output", tmp_path / "c.csv", "--json")
    assert 900 < wider["held_out"] < 1100
    assert (tmp_path / "a.csv").stat().st_mode & 0o077 == 0


def test_ids_that_a_spreadsheet_would_compute_are_written_as_text(tmp_path: Path) -> None:
    (tmp_path / "users").write_text("=HYPERLINK(A1)\nann\n@SUM(A1)\n")
    found = run(
        "holdout-users", "c", "--users", tmp_path / "users", "--output", tmp_path / "out.csv", "--json"
    )
    rows = list(csv.DictReader((tmp_path / "out.csv").open()))
    assert [row["user_id"] for row in rows] == ["'=HYPERLINK(A1)", "ann", "'@SUM(A1)"]
    assert found["changed_ids"] == 2


def test_what_cannot_be_written_is_said(market: Path, tmp_path: Path) -> None:
    (tmp_path / "users").write_text("ann\n")
    (tmp_path / "there.csv").write_text("mine")
    asked = ("holdout-users", "c", "--users", tmp_path / "users", "--output")
    assert "exists" in run(*asked, tmp_path / "there.csv", fails=BadInput)
    assert (tmp_path / "there.csv").read_text() == "mine"
    assert "No such file" in run(*asked, tmp_path / "no" / "x.csv", fails=BadInput)
    run(*asked, tmp_path / "x.csv", "--share", "1.5", fails=UsageError)
    assert not (tmp_path / "x.csv").exists()
    every = ("holdout-users", "c", "--users", "all", "--output", tmp_path / "all.csv")
    assert "--workspace" in run(*every, fails=UsageError)
    assert run(*every, "-w", market, "--json")["users"] == 1500
    (tmp_path / "none").write_text("\n")
    run("holdout-users", "c", "--users", tmp_path / "none", "--output", tmp_path / "y.csv", fails=BadInput)


def test_impressions_are_shared_out(market: Path) -> None:
    tables = Workspace.open(market).tables()
    (row,) = tables.query(
        "SELECT campaign_id AS campaign FROM facts WHERE creative_id IS NOT NULL AND campaign_id IS NOT NULL "
        "GROUP BY campaign_id ORDER BY count(DISTINCT creative_id) DESC, count(*) DESC, campaign_id LIMIT 1"
    ).to_pylist()
    asked = ("allocate", row["campaign"], "-w", market, "--reward", "clicks", "--window", "180d")
    found = run(*asked, "--json")
    assert sum(one["share"] for one in found["creatives"]) == pytest.approx(1)
    assert min(one["share"] for one in found["creatives"]) >= found["floor"]
    expected = creative_shares(tables, row["campaign"], reward="clicks", window="180d")
    assert found["sentence"] == expected.sentence
    text = run(*asked)
    assert expected.sentence in text
    assert all(one.name in text for one in expected.rows)
    run("allocate", row["campaign"], "-w", market, "--reward", "likes", fails=UsageError)


def test_the_quality_of_the_uplift_model_is_kept_for_the_metric(market: Path) -> None:
    def stored() -> Any:
        return wb.measure(wb.open(market), "model_auuc").rows[0]

    found = run("uplift", "-w", market, "--json")
    assert stored().value != stored().value  # nothing was kept
    run("uplift", "-w", market, "--keep")
    expected = uplift_model(Workspace.open(market).tables())
    assert stored().value == pytest.approx(expected.auuc.value)
    assert found["auuc"]["value"] == pytest.approx(expected.auuc.value)
    assert (stored().low, stored().high) == pytest.approx((expected.auuc.low, expected.auuc.high))
    version = Workspace.open(market).tables().version
    run("uplift", "-w", market, "--keep")
    assert Workspace.open(market).tables().version == version
    assert "AUUC" in run("uplift", "-w", market)
    assert "Did you mean" in run("uplift", "-w", market, "--learner", "t_logistics", fails=UsageError)
    run("uplift", "-w", market, "--keep", "--campaign", "c", fails=UsageError)
