"""All tests on one page: each as it stands alone, and all counted together."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from statsmodels.stats.multitest import multipletests

import workbench as wb
from workbench.charts.cards import Alerts
from workbench.charts.drawing import DataTable
from workbench.charts.experiment_summary import summary_doubts, summary_table
from workbench.events.simulation import MarketSpec, simulate, write_market
from workbench.experiments import ab_test, summarize_tests
from workbench.experiments.analysis.analyzing import analyze_users
from workbench.experiments.analysis.asked import ENDLESS
from workbench.experiments.analysis.summary import ExperimentSummary, summary_rows
from workbench.experiments.definition import Experiment, Guardrail
from workbench.experiments.records.keeping import Kept
from workbench.experiments.users.metric import own_metric
from workbench.source import Tables
from workbench.store import Workspace
from workbench.store.ingest import ingest


@pytest.fixture(scope="module")
def tables(tmp_path_factory: pytest.TempPathFactory) -> Tables:
    """Return the tables of a simulated market with tests that change nothing or little."""
    home = tmp_path_factory.mktemp("tests")
    files = write_market(simulate(MarketSpec.small()), home / "files")
    workspace = Workspace.create(home / "w", name="w")
    workspace.set_currency("EUR")
    ingest(
        workspace,
        [file for file in files if any(n in file.name for n in ("orders", "experiments"))],
        backfill=True,
    )
    return wb.open(str(home / "w"), None)


def test_every_test_is_as_it_stands_alone(tables: Tables) -> None:
    view = summarize_tests(tables)
    assert view.rows
    for row in view.rows:
        analysis = ab_test(tables, row.experiment, metrics="orders", daily=False).analysis
        assert analysis is not None
        alone = next(one for one in analysis.primary if one.variant == row.variant)
        assert row.p == alone.p_adjusted
        assert row.effect == alone.effect
        assert (row.users, row.verdict) == (analysis.users, analysis.sentence)
    p = [row.p for row in view.rows]
    assert [row.p_all for row in view.rows] == pytest.approx(multipletests(p, method="fdr_bh")[1])
    names = {row.experiment for row in view.rows}
    assert view.sentence.startswith(f"Of {len(names)} test")
    assert len(view.to_frame()) == len(view.rows)


def test_the_others_are_named(tables: Tables) -> None:
    every = {row.experiment for row in summarize_tests(tables).rows}
    view = summarize_tests(tables, most=1)
    assert len({row.experiment for row in view.rows}) == 1
    assert {name for name, _ in view.left_out} == every - {row.experiment for row in view.rows}
    assert all("newest test is" in why for _, why in view.left_out)
    left = "is" if len(every) == 2 else "are"
    assert view.sentence.startswith(f"Of 1 test ({len(every) - 1} more {left} left out), ")
    assert "counted" not in view.sentence


@pytest.mark.parametrize(("users", "price"), [(400, 1.0), (400, 0.1), (60, 1.0)])
def test_no_better_variant_is_found_where_the_test_alone_forbids_it(users: int, price: float) -> None:
    bought = np.tile([0.0, 0.0, 0.0, 1.0], users // 4), np.tile([0.0, 1.0, 1.0, 1.0], users // 4)
    spent = np.concatenate([bought[0] * 10, bought[1] * 10 * price])
    frame = pd.DataFrame(
        {"variant": ["a"] * users + ["b"] * users, "bought": np.concatenate(bought), "spent": spent}
    )
    plan = Experiment(
        name="form",
        primary="bought",
        variants=("a", "b"),
        guardrails=(Guardrail(metric="spent"),),
        status="completed",
    )
    alone = analyze_users(plan, frame, [own_metric("bought"), own_metric("spent")])
    kept = Kept(name="form", changes=(), decisions=(), users={"a": users, "b": users})
    (row,) = (replace(row, p_all=row.p) for row in summary_rows(kept, alone))
    view = ExperimentSummary(rows=(row,))
    assert row.course == "better"
    won = alone.verdict.decision == "variant"
    assert won == (users == 400 and price == 1)
    assert ("1 found a clearly better variant" in view.sentence) == won
    assert ("none found a clearly better variant" in view.sentence) == (not won)
    shown = summary_table(view)
    assert isinstance(shown, DataTable)
    assert ("clearly better" in shown.rows[0]) == won
    doubts = summary_doubts(view)
    assert isinstance(doubts, Alerts)
    assert [why for level, _, why in doubts.items if level == "warning"] == (
        [] if won else [alone.verdict.sentence]
    )


def test_a_test_without_an_end_is_named_and_its_days_are_shown(tables: Tables) -> None:
    view = summarize_tests(tables)
    names = {row.experiment for row in view.rows}
    assert f"; of {len(names)} the end is not known" in view.sentence
    assert {row.last_day for row in view.rows} == {tables.last_day}
    assert all(row.first_day is not None and row.first_day < tables.last_day for row in view.rows)
    doubts = summary_doubts(view)
    assert isinstance(doubts, Alerts)
    assert [why for _, _, why in doubts.items].count(ENDLESS) == len(names)
    endless, ended = (ab_test(tables, view.rows[0].experiment, days=days, daily=False) for days in (None, 14))
    assert endless.analysis is not None
    assert ENDLESS in endless.analysis.notes[0]
    assert ended.analysis is not None
    assert ENDLESS not in ended.analysis.notes[0]


def test_nothing_is_said_of_nothing(tmp_path: Path) -> None:
    Workspace.create(tmp_path / "w", name="w")
    assert "No assignments" in summarize_tests(wb.open(str(tmp_path / "w"), None)).sentence
