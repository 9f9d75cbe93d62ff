"""The demonstration: made once, kept while its market is the same, never at the cost of somebody's files."""

import importlib.util
import json
import shutil
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import polars as pl
import pytest

import workbench as wb
from workbench.attribution import attribution_spread, model_credit
from workbench.cli import main
from workbench.cli.demo import make_demo, report_mix, source_of
from workbench.cli.demo_mix import TRUTH, modelling, write_books
from workbench.errors import UsageError
from workbench.events.simulation import MarketSpec, simulate
from workbench.experiments import uplift_model
from workbench.experiments.records.kept import kept_experiments
from workbench.mmm import extra
from workbench.reports import mix_fitting
from workbench.reports.mix_runs import mix_runs
from workbench.reports.notebook import notebooks_folder
from workbench.store import Workspace

SPEC = MarketSpec(days=100, users=300, owned_campaigns=3)  # four months: two as Parquet, two as JSON lines


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    folder = tmp_path_factory.mktemp("demo") / "market"
    said: list[str] = []
    return make_demo(folder, SPEC, said.append), folder, said


def count(workspace, sql: str) -> int:
    return workspace.tables().query(f"SELECT count(*) AS n FROM {sql}").column("n")[0].as_py()


def test_the_loaded_workspace_holds_the_market_and_nothing_of_the_dirt(made):
    workspace, _, said = made
    market = simulate(SPEC)
    # Each load adds an event of its own, of today.
    simulated = f"timestamp < TIMESTAMPTZ '{SPEC.last_day + timedelta(days=1)} 00:00:00+00'"
    assert count(workspace, f"events WHERE {simulated}") == market.events.height
    assert count(workspace, f"facts WHERE {simulated}") == market.events.height
    for name, frame in market.tables.items():
        assert count(workspace, name) == frame.height, name
    assert count(workspace, "quarantine") == round(0.003 * market.events.height)
    assert count(workspace, "quarantine WHERE reasons = ''") == 0
    assert workspace.currency == "EUR"
    assert any("Simulated" in line for line in said)


def test_the_loaded_figures_are_those_of_the_market(made):
    workspace, _, _ = made
    market = simulate(SPEC)
    query = workspace.tables().query
    value = (
        query("SELECT sum(value) AS v FROM facts WHERE event_type = 'user_purchased'").column("v")[0].as_py()
    )
    assert value == pytest.approx(market.tables["orders"]["order_value"].sum())
    spend = query("SELECT sum(spend) AS v FROM daily_performance").column("v")[0].as_py()
    assert spend == pytest.approx(market.tables["daily_performance"]["spend"].sum())
    first = query("SELECT min(signup_at) AS v FROM users").column("v")[0].as_py()
    assert first == market.tables["users"]["signup_at"].min()


def test_tests_are_defined_with_the_days_on_which_they_ran(made):
    workspace, _, _ = made
    tables = workspace.tables()
    assigned = {
        row["experiment"]: row["first"].date()
        for row in tables.query(
            "SELECT experiment, min(assigned_at) AS first FROM experiments GROUP BY ALL"
        ).to_pylist()
    }
    kept = kept_experiments(tables).rows
    assert {one.name for one in kept} == {truth.name for truth in SPEC.experiments}
    for one in kept:
        assert (one.status, one.experiment.start) == ("completed", assigned[one.name])
        assert one.experiment.end == one.experiment.start + timedelta(days=13)


def test_a_market_that_is_there_is_kept(made):
    workspace, folder, _ = made
    said: list[str] = []
    again = make_demo(folder, SPEC, said.append)
    assert said == [f"{folder} holds this market already."]
    assert again.tables().version == workspace.tables().version


def test_a_load_that_was_cut_short_goes_on(made):
    workspace, folder, _ = made
    loads, events = count(workspace, "loads WHERE accepted > 0"), count(workspace, "events")
    marker = folder.with_name("market-source") / "market.json"
    marker.write_text(json.dumps(json.loads(marker.read_text()) | {"loaded": False}))
    again = make_demo(folder, SPEC, lambda _: None)
    assert (count(again, "loads WHERE accepted > 0"), count(again, "events")) == (loads, events)
    assert json.loads(marker.read_text())["loaded"] is True


def test_the_spread_of_attribution_is_stored(made):
    workspace, _, said = made
    spread = wb.measure(workspace.tables(), "attribution_spread").rows[0].value
    credit = model_credit(workspace.tables(), window="90d")
    assert spread == pytest.approx(attribution_spread(credit).spread)
    assert any(line.startswith("Attribution: Of ") for line in said)


def test_the_quality_of_the_uplift_model_is_stored(made):
    workspace, _, said = made
    found = uplift_model(workspace.tables(), window="180d")
    stored = wb.measure(workspace.tables(), "model_auuc").rows[0]
    assert stored.value == pytest.approx(found.auuc.value, nan_ok=True)  # too few held out for a model
    assert f"Uplift: {found.sentence}" in said


@pytest.mark.parametrize("name", ["demo", "demo-source"])
def test_files_of_somebody_else_are_not_touched(tmp_path, name):
    (tmp_path / name).mkdir()
    kept = tmp_path / name / "letter.txt"
    kept.write_text("mine")
    with pytest.raises(UsageError, match="in use"):
        make_demo(tmp_path / "demo", SPEC, lambda _: None)
    assert kept.read_text() == "mine"


def test_the_command_replaces_another_market_publishes_and_repeats_nothing(
    made, tmp_path, monkeypatch, capsys
):
    shutil.copytree(made[1], tmp_path / "demo")
    shutil.copytree(made[1].with_name("market-source"), tmp_path / "demo-source")
    assert count(Workspace.open(tmp_path / "demo"), "users") == SPEC.users
    (tmp_path / "plan.yaml").write_text("name: demonstration\nruns:\n  - notebook: data_quality\n")
    monkeypatch.chdir(tmp_path)
    sized = MarketSpec.sized  # four months instead of twelve: each is a file to load
    monkeypatch.setattr(MarketSpec, "sized", lambda *asked: replace(sized(*asked), days=SPEC.days))

    def called():
        with pytest.raises(SystemExit) as left:
            main(["demo", "demo", "--reports", "reports", "--events", "6000", "--plan", "plan.yaml"])
        told = capsys.readouterr()
        assert not left.value.code, told.err
        return told

    assert "reports/index.html" in called().out
    assert len(list((tmp_path / "reports").glob("*.html"))) == 2
    assert count(Workspace.open(tmp_path / "demo"), "users") == MarketSpec.sized(6000).users != SPEC.users
    again = called().err
    assert "holds this market already" in again
    assert "1 unchanged" in again


def test_the_books_go_on_where_the_records_begin(made):
    workspace, folder, _ = made
    books = pl.read_csv(write_books(workspace, source_of(folder)), try_parse_dates=True)
    assert set(books["date"].diff().drop_nulls().dt.total_days()) == {7}
    recorded = books.filter(pl.col("app_weeks") > 0)
    first, last = recorded["date"][0], recorded["date"][-1] + timedelta(weeks=1)
    assert SPEC.start <= first < SPEC.start + timedelta(weeks=2)
    weeks = " AND ".join(
        f"timestamp {side} TIMESTAMPTZ '{day} 00:00:00+00'" for side, day in ((">=", first), ("<", last))
    )
    query = workspace.tables().query
    sold = query(f"SELECT sum(value) AS v FROM facts WHERE event_type = 'user_purchased' AND {weeks}")
    assert recorded["revenue"].sum() == pytest.approx(sold.column("v")[0].as_py())
    truth = pl.read_csv(source_of(folder) / TRUTH)
    paid = {one.name for one in SPEC.channels}
    assert paid <= set(truth["channel"])


def test_without_the_extra_the_demonstration_goes_on_and_names_it(made, monkeypatch):
    workspace, folder, _ = made
    found = importlib.util.find_spec
    monkeypatch.setattr(extra, "find_spec", lambda name: None if name == "nutpie" else found(name))
    said: list[str] = []
    fitted = modelling(workspace, source_of(folder), said.append)
    assert report_mix(workspace, fitted, Path("never-read.yaml"), said.append)
    assert len(said) == 1
    assert "pip install 'workbench[mmm]'" in said[0]
    model = notebooks_folder().parent / "params" / "mmm_demo.yaml"
    with pytest.raises(UsageError, match=r"workbench\[mmm\]"):
        mix_fitting.fit_mix(workspace, model, write_books(workspace, source_of(folder)))
    assert not mix_runs(workspace).rows


def test_a_market_without_the_channels_of_the_model_gets_none(made):
    workspace, folder, _ = made  # three campaigns do not use four owned channels
    said: list[str] = []
    fitted = modelling(workspace, source_of(folder), said.append)
    assert not report_mix(workspace, fitted, Path("never-read.yaml"), said.append)
    assert said[-1].startswith("There is no media mix model, and there are no reports on it.")
    assert not mix_runs(workspace).rows
