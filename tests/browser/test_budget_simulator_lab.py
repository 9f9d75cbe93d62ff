"""The budget simulator in JupyterLab, by keyboard alone: the figures are Python's."""

from __future__ import annotations

import re
import runpy
from pathlib import Path
from types import SimpleNamespace

import nbformat
import numpy as np
import pytest
from axe_core_python.sync_playwright import Axe
from nbformat import v4
from playwright.sync_api import expect

from workbench.charts.simulator import figures
from workbench.mmm.budget import BudgetQuestion, optimise, project

pytestmark = pytest.mark.browser
_BUDGET = Path(__file__).parents[1] / "mmm" / "budget" / "conftest.py"
MAKE = SimpleNamespace(**runpy.run_path(str(_BUDGET))).table_of
CODE = f"""import runpy
from workbench.widgets import budget_simulator
budget_simulator(runpy.run_path({str(_BUDGET)!r})["table_of"](draws=200, channels=3))"""


@pytest.fixture
def page(lab):
    """Return the open notebook after it ran, with a record of all that goes wrong in it."""
    kernel = {"kernelspec": {"name": "python3", "display_name": "Python 3"}}
    cells = [v4.new_code_cell(CODE), v4.new_code_cell("'a neighbour'")]
    nbformat.write(v4.new_notebook(cells=cells, metadata=kernel), lab.folder / "budget.ipynb")
    opened = lab.open("budget.ipynb")
    wrong: list[str] = []
    opened.on("console", lambda said: wrong.append(said.text) if said.type == "error" else None)
    opened.on("pageerror", lambda error: wrong.append(str(error)))
    lab.run(opened)
    yield opened
    assert wrong == []
    assert lab.foreign == []


def _told(table, split) -> list[str]:
    rows = figures(project(table, split))
    return [one["said"] + (f" ({one['range']})" if one["range"] else "") for one in rows]


def test_money_is_moved_by_keyboard_and_the_figures_are_pythons(page) -> None:
    table = MAKE(draws=200, channels=3)
    group = page.get_by_role("group", name="Budget simulator")
    first = _told(table, table.spend)
    group.get_by_role("cell", name=first[2], exact=True).first.wait_for()
    assert Axe().run(page, context=".workbench-widget")["violations"] == []

    slider = group.get_by_role("slider").first
    slider.focus()
    for _ in range(5):
        page.keyboard.press("ArrowRight")
    split = table.spend * np.array([1.05, 1, 1])
    expect(group.locator("td")).to_have_text(_told(table, split), timeout=120_000)

    group.get_by_label("Lock channel 1").focus()
    page.keyboard.press("Space")
    group.get_by_role("button", name="Back to today").focus()
    page.keyboard.press("Enter")
    group.get_by_role("cell", name="€0.00 (€0.00 to €0.00)").wait_for()
    group.get_by_role("button", name="Find the best split").focus()
    page.keyboard.press("Enter")
    plan = optimise(table, BudgetQuestion(locked=("channel 1",)))
    best = _told(table, list(plan.split.values()))
    expect(group.locator("td")).to_have_text(best, timeout=120_000)
    assert re.search("probability", group.locator(".workbench-said").inner_text())
    assert group.locator("td").all_text_contents() == best  # nothing came back from the page
    assert page.locator(".jp-CodeCell").count() == 2
    assert Axe().run(page, context=".workbench-widget")["violations"] == []
