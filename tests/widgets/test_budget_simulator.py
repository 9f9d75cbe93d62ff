"""The budget simulator: what its controls do, with real widgets and no page."""

from __future__ import annotations

import re
import runpy
import time
from dataclasses import replace
from html import unescape
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from workbench.charts.drawing import Nothing
from workbench.charts.simulator import Simulator, figures
from workbench.mmm.budget import BudgetQuestion, optimise, project
from workbench.mmm.budget.scenario import scenario
from workbench.mmm.budget.view import BudgetView, budget_view
from workbench.widgets import budget_simulator
from workbench.widgets.budget_simulator import BudgetSimulator

_BUDGET = Path(__file__).parents[1] / "mmm" / "budget" / "conftest.py"
MAKE = SimpleNamespace(**runpy.run_path(str(_BUDGET))).table_of


@pytest.fixture
def table():
    return MAKE(draws=400, channels=5)


@pytest.fixture
def simulator(table) -> BudgetSimulator:
    return BudgetSimulator(scenario(table))


def _cells(simulator: BudgetSimulator) -> list[str]:
    return [unescape(one) for one in re.findall("<td>(.*?)</td>", simulator.table.value)]


def _told(table, split) -> list[str]:
    rows = figures(project(table, split))
    return [one["said"] + (f" ({one['range']})" if one["range"] else "") for one in rows]


def test_moving_a_slider_changes_the_figures(simulator: BudgetSimulator, table) -> None:
    assert _cells(simulator) == _told(table, table.spend)
    simulator.sliders[1].value = 1.5
    split = table.spend * np.array([1, 1.5, 1, 1, 1])
    assert simulator.split == pytest.approx(split)
    assert _cells(simulator) == _told(table, split)
    assert simulator.total.value == round(split.sum())
    assert "+50%" in simulator.notes[1].value
    assert "channel 1: 1.50 times today" in simulator.warned.value
    simulator.today.click()
    assert simulator.split == pytest.approx(table.spend)
    assert simulator.warned.value == ""


def test_the_best_split_is_the_optimisers_and_locks_hold(simulator: BudgetSimulator, table) -> None:
    simulator.locks[2].value = True
    assert simulator.sliders[2].disabled
    simulator.best.click()
    plan = optimise(table, BudgetQuestion(locked=("channel 2",)))
    assert simulator.split == pytest.approx(list(plan.split.values()))
    assert [slider.value for slider in simulator.sliders] == pytest.approx(simulator.split / table.spend)
    assert unescape(simulator.said.value) == f"<p>{plan.projection.sentence}</p>"


def test_a_page_that_sends_back_the_rounded_value_moves_nothing(simulator: BudgetSimulator) -> None:
    simulator.best.click()
    best, told = simulator.split.copy(), _cells(simulator)
    for slider in simulator.sliders:
        slider.value = round(slider.value, 2)
    assert (simulator.split == best).all()
    assert _cells(simulator) == told
    simulator.sliders[0].value = round(simulator.sliders[0].value - 0.05, 2)
    assert (simulator.split != best).tolist() == [True, False, False, False, False]


def test_a_total_is_shared_out_in_proportion(simulator: BudgetSimulator, table) -> None:
    simulator.total.value = 1.2 * table.total
    assert simulator.split / table.spend == pytest.approx(1.2, rel=1e-6)
    simulator.total.value = 10 * table.total
    assert simulator.split / table.spend == pytest.approx(2.0)
    assert "The bounds do not allow" in simulator.said.value
    simulator.total.value = -5
    assert simulator.split / table.spend == pytest.approx(0.5)
    for none in (float("nan"), float("inf")):  # as typed by nobody's hand, but sent by a browser
        simulator.total.value = none
        assert simulator.split / table.spend == pytest.approx(0.5)
        assert simulator.total.value == round(0.5 * table.total)
        assert "nothing was changed" in simulator.said.value


def test_the_best_split_of_locked_channels_says_why_there_is_none(simulator: BudgetSimulator, table) -> None:
    for lock in simulator.locks:
        lock.value = True
    simulator.best.click()
    assert "unlock two" in simulator.said.value
    assert (simulator.split == table.spend).all()


def test_a_move_is_answered_at_once(simulator: BudgetSimulator) -> None:
    took = []
    for value in np.linspace(0.6, 1.9, 20):
        began = time.process_time()
        simulator.sliders[0].value = value
        took.append(time.process_time() - began)
    assert np.median(took) < 0.5  # on a machine that may be slow and busy


def test_a_missed_gate_stands_on_top_and_nothing_is_optimised(table) -> None:
    simulator = BudgetSimulator(scenario(replace(table, missed=("The <b>chains</b> disagree.",))))
    assert simulator.best.disabled
    assert "The &lt;b&gt;chains&lt;/b&gt; disagree." in simulator.view.children[0].value
    simulator.find_best()
    assert "cannot carry a budget" in simulator.said.value


def test_hostile_names_stay_text(table) -> None:
    names = ("<script>alert(1)</script>", "<img src=x onerror=alert(1)>", "\u202etv", "x" * 9000, "a")
    simulator = BudgetSimulator(scenario(replace(table, channels=names)))
    simulator.sliders[0].value = 2.0
    pages = simulator.said.value + simulator.table.value + simulator.warned.value
    assert "<script" not in pages
    assert "<img" not in pages
    assert max(len(slider.description) for slider in simulator.sliders) <= 60
    assert "\u202e" not in simulator.sliders[2].description


def test_every_control_has_a_name(simulator: BudgetSimulator) -> None:
    controls = (*simulator.sliders, *simulator.locks, simulator.total, simulator.best, simulator.today)
    names = [control.description for control in controls]
    assert all(names)
    assert len(set(names)) == len(names)


def test_without_a_kernel_it_is_part_of_the_page(table) -> None:
    view = budget_view(table)
    shown = budget_simulator(view)
    assert isinstance(shown, Simulator)
    assert shown.start.split == pytest.approx(list(view.plan.split.values()))
    assert isinstance(budget_simulator(table), Simulator)
    none = budget_simulator(BudgetView(missing="There is no run.", question=BudgetQuestion()))
    assert none == Nothing(title="Budget simulator", reason="There is no run.")
    missed = budget_simulator(budget_view(replace(table, missed=("The chains disagree.",))))
    assert isinstance(missed, Simulator)
    assert missed.start.refused == "The chains disagree."


def test_a_channel_known_from_belief_only_is_locked_and_said() -> None:
    simulator = BudgetSimulator(scenario(MAKE(draws=60, channels=5, believed=("channel 3",))))
    assert simulator.locks[3].value
    assert "Locked at first: channel 3 keeps its spend" in simulator.view.children[0].value
    simulator.locks[3].value = False
    simulator.sliders[3].value = 1.1
    assert "channel 3: No data speak for this change" in simulator.warned.value
