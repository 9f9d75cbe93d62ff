"""Pictures of budgets: they say what the plan says, keep whole with any names, or say why there is none."""

from __future__ import annotations

import json
import runpy
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from altair.vegalite.v6.schema import Root

from workbench import charts
from workbench.charts.drawing import DataTable, Drawing, Nothing
from workbench.charts.mime import FIGURES
from workbench.charts.simulator import simulator_block
from workbench.mmm.budget import BudgetQuestion, BudgetView, budget_view, optimise

_BUDGET = Path(__file__).parents[1] / "mmm" / "budget" / "conftest.py"
MAKE = SimpleNamespace(**runpy.run_path(str(_BUDGET))).table_of
DRAWN = (
    charts.budget_split,
    charts.budget_sweep,
    charts.budget_returns,
    charts.budget_gain,
    charts.budget_next,
    charts.budget_warnings,
    charts.budget_pays,
)


@pytest.fixture(scope="module")
def view() -> BudgetView:
    return budget_view(MAKE(draws=200, channels=5, spread=0.5), more=20_000.0)


def test_every_picture_holds_the_figures_of_the_result(view: BudgetView) -> None:
    assert view.plan is not None
    split = charts.budget_split(view)
    assert isinstance(split, Drawing)
    assert {row["channel"]: row["proposed"] for row in split.table.figures} == pytest.approx(view.plan.split)
    gain = charts.budget_gain(view)
    assert isinstance(gain, Drawing)
    rows = gain.table.figures
    assert sum(row["share"] for row in rows) == pytest.approx(1)
    assert sum(row["share"] for row in rows if row["low"] >= 0) == pytest.approx(view.plan.better, abs=0.01)
    assert all(row["low"] >= -1e-9 or row["high"] <= 1e-9 for row in rows)
    sweep = charts.budget_sweep(view)
    assert isinstance(sweep, Drawing)
    assert len(sweep.table.figures) == len(view.sweep.rows)
    more = charts.budget_next(view)
    assert isinstance(more, DataTable)
    assert "The next €20,000 go to" in more.caption


@pytest.mark.parametrize(("half", "overlap"), [(0.0, False), (1e9, True)])
def test_what_brings_most_of_channels_that_may_be_alike_is_told_so(
    view: BudgetView, half: float, overlap: bool
) -> None:
    assert view.plan is not None
    rows = tuple(
        replace(row, marginal_now=replace(row.marginal_now, low=value - half, high=value + half))
        for row in view.plan.rows
        for value in [row.marginal_now.value]
    )
    plan = replace(view.plan, projection=replace(view.plan.projection, rows=rows))
    drawn = charts.budget_returns(plan)
    assert isinstance(drawn, Drawing)
    assert drawn.finding.endswith("; their intervals overlap") == overlap


@pytest.mark.parametrize("draw", DRAWN, ids=lambda one: one.__name__)
def test_names_of_any_kind_are_one_short_line(draw) -> None:
    names = ("<script>x</script>", "\u202etv\n2", "y" * 9000, "paid_search", "a" * 50)
    shown = draw(budget_view(replace(MAKE(draws=60, channels=5), channels=names, missed=())))
    if isinstance(shown, Drawing):
        Root.validate(shown.to_json())
    bundle = {**shown._repr_mimebundle_(), FIGURES: []}  # those keep names as they are: data, not text
    text = json.dumps(bundle, allow_nan=False)
    assert "\\u202e" not in text
    assert "y" * 1000 not in text


@pytest.mark.parametrize("draw", DRAWN, ids=lambda one: one.__name__)
def test_without_a_plan_the_reason_stands_there(draw) -> None:
    none = BudgetView(missing="No run has completed.", question=BudgetQuestion())
    assert draw(none).reason == "No run has completed."


def test_where_nothing_can_move_there_is_nothing_to_draw() -> None:
    fixed = budget_view(MAKE(draws=60), BudgetQuestion(within=(1.0, 1.0)))
    assert charts.budget_gain(fixed).reason == "The plan is what is spent now."
    assert charts.budget_sweep(fixed).reason == "The bounds allow one total only."
    assert "no room" in charts.budget_next(fixed).reason
    assert isinstance(charts.budget_split(fixed), Drawing)


def test_conversions_are_counted_and_without_a_worth_nothing_pays() -> None:
    view = budget_view(replace(MAKE(draws=60), kind="conversions"))
    assert isinstance(charts.budget_pays(view), Nothing)
    assert "conversions" in charts.budget_sweep(view).subtitle
    assert budget_view(replace(MAKE(draws=60), kind="conversions"), worth=3.0).pays is not None


def test_the_simulator_of_a_page_is_plain_data_and_the_same_each_time() -> None:
    table = MAKE(draws=120, channels=3)
    block = simulator_block(table, optimise(table))
    first, second = (json.dumps(block._repr_mimebundle_(), allow_nan=False) for _ in range(2))
    assert first == second
    assert block.sentence in json.loads(first)["text/plain"]
    assert "<table" in block._repr_html_()
    split = [row["proposed"] for row in block.start.projection.to_frame().to_dict("records")]
    assert split == pytest.approx(np.array(list(optimise(table).split.values())))
