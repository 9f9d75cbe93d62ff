"""Geo tests on the command line: from a definition to a decision, on stores whose truth is known."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest
from typer.testing import CliRunner

from workbench import experiments
from workbench.cli.app import app
from workbench.errors import BadInput, NotEnoughData, UsageError
from workbench.events.simulation import GEO_TESTS, MarketSpec
from workbench.events.simulation.markets import open_stores
from workbench.experiments.records.keeping import next_status
from workbench.experiments.records.kept import kept_experiment
from workbench.store import Workspace
from workbench.store.ingest import ingest

from .calling import run

STORES = open_stores(MarketSpec(days=180))
START, END = STORES.truth["start"].min(), STORES.truth["end"].max()
_PLAN = f"""
kind: geo
name: posters
treated: [{", ".join(GEO_TESTS[0].treated)}]
start: {START}
end: {END}
minimum_effect: 0.08
"""


@pytest.fixture(scope="module")
def stores(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A workspace with the stores; the tests add definitions of names of their own."""
    folder = tmp_path_factory.mktemp("stores")
    workspace = Workspace.create(folder / "acme")
    workspace.set_currency("EUR")
    STORES.performance.write_csv(folder / "stores.csv")
    ingest(workspace, [folder / "stores.csv"], backfill=True)
    return Path(workspace.path)


@pytest.fixture
def empty(acme: Workspace) -> Path:
    return Path(acme.path)


@pytest.fixture
def plan(tmp_path: Path) -> Path:
    path = tmp_path / "posters.yaml"
    path.write_text(_PLAN)
    return path


def test_a_geo_test_is_kept_run_analysed_and_decided(stores: Path, plan: Path) -> None:
    made = run(stores, "create", plan, "--reason", "Asked for by Ann.", "--json")
    assert (made["kind"], made["status"], made["primary"], made["progress"]) == ("geo", "draft", "revenue", 0)
    assert made["definition"]["treated"] == list(GEO_TESTS[0].treated)
    assert "has not been started" in run(stores, "analyze", "posters", fails=NotEnoughData)
    run(stores, "start", "posters")
    assert "paused" in run(stores, "pause", "posters", fails=UsageError)
    listed = run(stores, "list", "--json")
    assert [(one["name"], one["kind"], one["progress"]) for one in listed] == [("posters", "geo", 1.0)]
    assert "100%" in run(stores, "list")
    assert "progress: 100% of its days" in run(stores, "show", "posters")
    done = run(stores, "complete", "posters", "--json")
    assert [change["status"] for change in done["history"]] == ["draft", "running", "completed"]

    found = run(stores, "analyze", "posters", "--json")
    truth = STORES.truth["incremental_revenue"].sum()
    incremental = found["figures"]["incremental revenue"]
    assert incremental["low"] <= truth <= incremental["high"]
    returned = truth / STORES.performance["spend"].sum()
    assert found["figures"]["iROAS"]["low"] <= returned <= found["figures"]["iROAS"]["high"]
    assert 0 <= found["figures"]["lift"]["p"] <= 1
    assert 0 <= found["false_positive_rate"] <= 1
    assert found["status"] == "completed"
    text = run(stores, "analyze", "posters")
    assert found["sentence"] in text
    assert "iROAS" in text
    assert "promised 5.0%" in text

    made = run(stores, "decide", "posters", "--variant", "treated", "--why", "It pays.", "--json")
    assert (made["decision"], made["variant"]) == ("rollout", "treated")
    assert made["figures"]["figures"]["lift"]["value"] == found["figures"]["lift"]["value"]
    assert made["figures"]["false_positive_rate"] == found["false_positive_rate"]
    assert "It pays." in run(stores, "show", "posters")
    wrong = run(stores, "decide", "posters", "--variant", "new", "--why", "x", fails=UsageError)
    assert "treated" in wrong

    tables = Workspace.open(stores).tables()
    by_name = experiments.geo_report(tables, name="posters")
    assert by_name.analysis is not None
    assert by_name.analysis.test.name == "posters"
    assert by_name.analysis.test.minimum_effect == 0.08
    assert by_name.analysis.lift.value == found["figures"]["lift"]["value"]
    assert experiments.geo_report(tables).sentence == by_name.sentence


def test_a_running_test_says_how_far_it_is(stores: Path, plan: Path) -> None:
    last = STORES.performance["date"].max()
    plan.write_text(
        f"kind: geo\nname: late\ntreated: [Kiel]\nstart: {last - timedelta(days=6)}\n"
        f"end: {last + timedelta(days=21)}\n"
    )
    run(stores, "create", plan)
    run(stores, "start", "late")
    told = run(stores, "analyze", "late", fails=NotEnoughData)
    assert "25% of its days have passed" in told
    assert "late" in experiments.geo_report(Workspace.open(stores).tables(), name="late").missing
    run(stores, "cancel", "late")
    assert "was cancelled" in run(stores, "analyze", "late", fails=NotEnoughData)
    (shown,) = [one for one in run(stores, "list", "--json") if one["name"] == "late"]
    assert shown["progress"] is None


def test_two_tests_at_once_disturb_each_other(stores: Path, plan: Path) -> None:
    plan.write_text(_PLAN.replace("name: posters", "name: first"))
    run(stores, "create", plan)
    run(stores, "start", "first")
    plan.write_text(f"kind: geo\nname: second\ntreated: [Kiel]\nstart: {START}\nend: {END}\n")
    done = CliRunner().invoke(app, ["experiment", "create", str(plan), "-w", str(stores)])
    assert "first ran in " in done.stderr
    run(stores, "start", "second")
    notes = run(stores, "analyze", "second", "--json")["notes"]
    assert any(note.startswith("first ran in ") for note in notes)
    later = f"start: {END + timedelta(days=1)}\nend: {END + timedelta(days=5)}"
    plan.write_text(f"kind: geo\nname: third\ntreated: [Kiel]\n{later}\n")
    done = CliRunner().invoke(app, ["experiment", "create", str(plan), "-w", str(stores)])
    assert not done.stderr
    for name in ("first", "second"):
        run(stores, "cancel", name)


def test_markets_for_the_next_test(stores: Path) -> None:
    asked = ("markets", "--sizes", "2", "--periods", "14", "--expected-return", "3")
    found = run(stores, *asked, "--json")
    best = found["sets"][0]
    assert best["budget"] == pytest.approx(best["lift"] * best["volume"] / 3)
    assert len(best["treated"]) == 2
    text = run(stores, *asked)
    assert found["sentence"] in text
    assert "False alarms" in text
    assert "--sizes" in run(stores, "markets", "--sizes", "two", fails=UsageError)
    assert "above 0" in run(stores, "markets", "--expected-return", "-1", fails=UsageError)


def test_markets_of_an_empty_workspace(empty: Path) -> None:
    run(empty, "markets", fails=NotEnoughData)


def test_a_running_geo_test_keeps_what_its_answer_depends_on(empty: Path, plan: Path) -> None:
    today = datetime.now(UTC).date()
    text = (
        f"kind: geo\nname: posters\ntreated: [Bremen]\nstart: {today - timedelta(days=9)}\n"
        f"end: {today + timedelta(days=10)}\n"
    )
    plan.write_text(text)
    run(empty, "create", plan)
    (shown,) = run(empty, "list", "--json")
    assert shown["progress"] == 0.0
    run(empty, "start", "posters")
    (shown,) = run(empty, "list", "--json")
    assert shown["progress"] == pytest.approx(0.5, abs=0.051)  # midnight may pass meanwhile
    plan.write_text(text.replace("Bremen", "Bremen, Kiel"))
    assert "treated cannot change" in run(empty, "create", plan, fails=UsageError)
    plan.write_text(text + "budget: 9000\n")
    run(empty, "create", plan)
    plan.write_text(text.replace(str(today + timedelta(days=10)), str(today + timedelta(days=20))))
    assert run(empty, "create", plan, "--json")["end"] == str(today + timedelta(days=20))
    plan.write_text(text.replace(str(today + timedelta(days=10)), str(today - timedelta(days=2))))
    assert "end cannot change" in run(empty, "create", plan, fails=UsageError)
    told = run(empty, "complete", "posters", fails=UsageError)
    assert "complete it after that day" in told


def test_names_are_of_one_test_only(empty: Path, plan: Path, tmp_path: Path) -> None:
    run(empty, "create", "--name", "letters", "--primary", "orders")
    plan.write_text(_PLAN.replace("posters", "letters"))
    assert "is a test on users" in run(empty, "create", plan, fails=UsageError)
    plan.write_text(_PLAN)
    run(empty, "create", plan)
    told = run(empty, "create", "--name", "posters", "--primary", "orders", fails=UsageError)
    assert "is a geo test" in told
    (tmp_path / "users").write_text("u1\nu2\n")
    told = run(empty, "assign", "posters", "--users", tmp_path / "users", fails=UsageError)
    assert "compares regions" in told
    assert "those planned" in run(empty, "analyze", "posters", "--metric", "orders", fails=UsageError)
    told = run(empty, "decide", "posters", "--variant", "treated", "--why", "x", fails=UsageError)
    assert "has not run" in told
    run(empty, "assign", "letters", "--users", tmp_path / "users")
    tables = Workspace.open(empty).tables()
    with pytest.raises(UsageError, match="compares users"):
        experiments.geo_report(tables, name="letters")
    with pytest.raises(UsageError, match="posters is a geo test"):
        experiments.ab_test(tables, "posters")


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (_PLAN + "variants: [a, b]\n", "variants"),
        (_PLAN + "status: running\n", "begins as a draft"),
        (_PLAN + "controls: [Kiel, Kiel]\n", "Kiel is named as control"),
        (_PLAN.replace(f"end: {END}", "end: 2020-01-01"), "do not follow one another"),
        (_PLAN.replace("name: posters", "name: City Posters"), "City Posters"),
        (_PLAN.replace("treated: [", 'treated: ["a\\u202eb", '), "cannot be seen"),
        ("kind: geo\nname: x\n", "no treated"),
        (_PLAN + "cooldown: 99999999999\n", "the cooldown from 0"),
        (_PLAN + "cooldown: soon\n", "a number"),
        (_PLAN.replace(f"end: {END}", "end: 9999-12-31"), "1900 to 2200"),
        (_PLAN.replace(f"end: {END}", "end: in May"), "a day such as"),
        (_PLAN + "budget: -1\n", "above 0"),
    ],
)
def test_a_wrong_plan_says_what_is_wrong(empty: Path, plan: Path, text: str, told: str) -> None:
    plan.write_text(text)
    assert told in run(empty, "create", plan, fails=BadInput)


def test_the_metric_must_add_up_over_regions(empty: Path, plan: Path) -> None:
    plan.write_text(_PLAN + "metric: aov\n")
    assert "does not add up" in run(empty, "create", plan, fails=UsageError)
    plan.write_text(_PLAN + "metric: revenu\n")
    assert "Did you mean 'revenue'" in run(empty, "create", plan, fails=UsageError)


def test_a_definition_is_read_again_as_it_was_kept(empty: Path, plan: Path) -> None:
    run(empty, "create", plan)
    kept = kept_experiment(Workspace.open(empty).tables(), "posters")
    assert kept.geo_test is not None
    assert kept.geo_test.treated == tuple(GEO_TESTS[0].treated)
    assert (kept.geo_test.start, kept.geo_test.end) == (START, END)
    begun = next_status(kept, "running", at=datetime.now(UTC), by="ann")
    assert begun is not None
    assert begun.experiment == kept.geo_test.moved_to("running")


def test_tests_on_users_kept_before_stay_readable(empty: Path) -> None:
    run(empty, "create", "--name", "letters", "--primary", "orders")
    document = run(empty, "show", "letters", "--json")
    assert document["kind"] == "message"
    assert document["progress"] is None
    assert (
        pl.DataFrame(Workspace.open(empty).tables().query("SELECT * FROM experiment_definitions")).height == 1
    )
