"""What a newcomer gets wrong first: each is answered by one sentence that says what was expected."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pytest

import workbench as wb
from workbench import attribution, charts, experiments, explore, insights
from workbench.errors import BadInput, UsageError, WorkbenchError, unknown_name
from workbench.events.simulation import simulate
from workbench.explore.funnels import FUNNELS
from workbench.metrics.window import parse_window
from workbench.mmm.budget import BudgetQuestion, next_money
from workbench.mmm.recorded import proposed_spec

OF_TABLES = {
    **{
        name: getattr(explore, name)
        for name in explore.__all__
        if name[0].islower()
        and name not in ("campaign_named", "compare_funnels", "funnel_of", "reconcile", "trends")
    },
    "campaign_named": lambda tables: explore.campaign_named(tables, "a"),
    "trends": lambda tables: explore.trends(tables, "roas"),
    "measure": lambda tables: wb.measure(tables, "roas"),
    "analyze": lambda tables: wb.analyze(experiment(), tables),
    "model_credit": attribution.model_credit,
    "returns_by_method": insights.returns_by_method,
    "design_from_tables": lambda tables: experiments.design_from_tables(tables, metric="revenue", mde=0.1),
    "geo_panel": lambda tables: experiments.geo_panel(tables, "revenue"),
    "kept_experiments": experiments.kept_experiments,
    "kept_experiment": lambda tables: experiments.kept_experiment(tables, "mail"),
    "holdouts": experiments.holdouts,
    "check_holdout": experiments.check_holdout,
    "uplift_model": experiments.uplift_model,
    "proposed_spec": proposed_spec,
    "creative_shares": lambda tables: experiments.creative_shares(tables, "c1"),
}


def experiment(**changed: Any) -> wb.Experiment:
    return wb.Experiment(**{"name": "mail", "primary": "orders", "status": "completed", **changed})


@pytest.mark.parametrize("name", OF_TABLES)
def test_what_is_no_tables_is_named(name: str, tmp_path: Path) -> None:
    workspace = wb.Workspace.create(tmp_path / "acme")
    for given, told in [
        ("data/acme", "not of a str: open it with wb.open('data/acme')"),
        (workspace, f"not of a Workspace: open it with wb.open({str(workspace.path)!r})"),
        (pd.DataFrame({"channel": ["email"]}), "not of a DataFrame: open it with wb.open(FOLDER)"),
        (None, "not of a NoneType: open it with wb.open(FOLDER)"),
    ]:
        with pytest.raises(UsageError) as found:
            OF_TABLES[name](given)
        assert told in str(found.value)


@pytest.mark.parametrize("path", [None, 5, pd.DataFrame()])
def test_a_workspace_is_named_by_its_folder(path: Any) -> None:
    with pytest.raises(UsageError, match="A workspace is named by its folder, as 'data/acme', not "):
        wb.open(path)


@pytest.mark.parametrize(
    "window",
    [
        30,
        timedelta(days=30),
        date(2024, 1, 1),
        (date(2024, 1, 1), date(2024, 1, 31)),
        ["2024-01-01", "2024-01-31"],
        pd.Timestamp("2024-01-01"),
    ],
)
def test_a_window_of_another_kind_is_refused_in_words(window: Any) -> None:
    with pytest.raises(UsageError, match=r"^A window is text as 30d or 2024-01-01:2024-01-31, a Window, or"):
        parse_window(window, date(2024, 1, 31))


def test_a_name_in_capitals_is_recognised() -> None:
    assert "Did you mean 'roas'?" in str(unknown_name("metric", "ROAS", ["aov", "roas"]))
    assert "Did you mean 'Bremen'?" in str(unknown_name("geo", "bremn", ["Bremen", "Berlin"]))


def test_a_catalog_says_what_it_lacks() -> None:
    with pytest.raises(UsageError, match="told apart by 'ownr'"):
        wb.METRICS.where(ownr="cmo")
    with pytest.raises(UsageError, match="No metric named"):
        wb.METRICS[["roas"]]  # type: ignore[index]
    assert "roas" in wb.METRICS._ipython_key_completions_()


MISTAKES = {
    "what is analyzed": lambda: wb.analyze("mail", None),
    "an experiment that was never defined": lambda: wb.analyze(None, None),
    "variants in one text": lambda: experiment(variants="control,question"),
    "secondary in one text": lambda: experiment(secondary="revenue"),
    "a day as text": lambda: experiment(start="2024-05-01"),
    "a moment for a day": lambda: experiment(end=datetime(2024, 5, 1)),
    "a geo as text": lambda: experiments.GeoTest(
        name="a", treated="Bremen", start=date(2024, 5, 1), end=date(2024, 5, 8)
    ),
    "a day of a geo test as text": lambda: experiments.GeoTest(
        name="a", treated=("Bremen",), start="2024-05-01", end="2024-05-08"
    ),
    "plan and panel in the wrong order": lambda: experiments.analyze_geo(None, None),
    "one size of a group": lambda: experiments.select_markets(pd.DataFrame(), sizes=2),
    "one length of a test": lambda: experiments.select_markets(pd.DataFrame(), periods=14),
    "numbers for users": lambda: experiments.simulate_aa([0.0, 1.0]),
    "an experiment by its name": lambda: experiments.assign("mail", ["u1"]),
    "how many users": lambda: experiments.assign(experiment(), 5),
    "a size for a market": lambda: simulate(5),
    "money as text": lambda: next_money(None, "100"),
    "tables for a funnel": lambda: explore.compare_funnels(_Nothing(), _Nothing()),
    "a funnel by its name": lambda: explore.funnel_of([5, 4, 3, 2, 1], "purchase"),
    "one count of a funnel": lambda: explore.funnel_of(5),
    "a count that is unknown": lambda: explore.funnel_of([5, 4, None, 2, 1]),
    "one benchmark of a funnel": lambda: explore.funnel_of(
        [5, 4, 3, 2, 1], replace(FUNNELS["purchase"], benchmarks=(0.1,))
    ),
    "tables for a panel": lambda: experiments.select_markets(pd.DataFrame()),
    "a misspelt choice of a plan": lambda: wb.design(baseline=0.05, mde=0.1, powr=0.9),
    "a baseline as text": lambda: wb.design(baseline="5 %", mde=0.1),
    "one user": lambda: experiments.held_out("spring", "u1"),
    "users by number": lambda: experiments.held_out("spring", [1, 2]),
    "one user of a test": lambda: experiments.assign(experiment(), "u1"),
    "metrics as text": lambda: experiments.analyze_users(
        experiment(), pl.DataFrame({"variant": ["control"], "orders": [1]}), ["orders"]
    ),
    "rows as a list": lambda: attribution.journeys_of([{"user_id": 1}]),
    "a frame for journeys": lambda: attribution.credit_of(pd.DataFrame()),
    "bounds as a word": lambda: BudgetQuestion(bounds={"tv": "keep"}),
    "bounds as one number": lambda: BudgetQuestion(bounds={"tv": 5}),
    "a total as text": lambda: BudgetQuestion(total="200000"),
    "a metric by number": lambda: wb.measure(_Nothing(), [5]),
    "no metric": lambda: wb.measure(_Nothing(), None),
    "a dimension by number": lambda: wb.measure(_Nothing(), "roas", by=5),
}


class _Nothing:
    """Tables that were never asked anything."""

    names: frozenset[str] = frozenset()

    def query(self, sql: str) -> None:
        raise AssertionError(sql)


@pytest.mark.parametrize("name", MISTAKES)
def test_a_mistake_is_answered_in_one_sentence(name: str) -> None:
    with pytest.raises(WorkbenchError) as found:
        MISTAKES[name]()
    assert isinstance(found.value, UsageError | BadInput)
    assert str(found.value).endswith(".")
    assert "\n" not in str(found.value)


@pytest.mark.parametrize("name", [name for name in charts.__all__ if name != "sentence"])
def test_a_chart_says_what_it_draws(name: str) -> None:
    draw = getattr(charts, name)
    for given in ("data/acme", _Nothing(), [1]):
        with pytest.raises(UsageError, match=f"What charts.{name} draws is [A-Z]"):
            draw(given)


def test_bounds_may_be_any_pair() -> None:
    for pair in ((1.0, 2.0), [1.0, 2.0], np.array([1.0, 2.0])):
        assert BudgetQuestion(bounds={"tv": pair}).bounds["tv"] is pair
