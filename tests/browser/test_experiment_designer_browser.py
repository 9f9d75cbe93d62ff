"""The experiment designer in JupyterLab, by keyboard alone: change the effect; read users and weeks."""

from __future__ import annotations

import nbformat
import pytest
from axe_core_python.sync_playwright import Axe
from nbformat import v4

from workbench.experiments.power.planning import design

pytestmark = pytest.mark.browser
CODE = """from workbench.experiments import design
from workbench.widgets import experiment_designer
experiment_designer(design(baseline=0.008, mde=0.15, daily_users=12_000))"""
# Counts the frames in which no picture stands there.
WATCH = """() => {
  window.blank = 0;
  const look = () => {
    const drawn = document.querySelector('.workbench-widget .vega-embed :is(canvas, svg.marks)');
    window.blank += !drawn || drawn.getBoundingClientRect().height < 100;
    requestAnimationFrame(look);
  };
  look();
}"""


@pytest.fixture
def page(lab):
    """Return the open notebook after it ran, with a record of all that goes wrong in it."""
    kernel = {"kernelspec": {"name": "python3", "display_name": "Python 3"}}
    cells = [v4.new_code_cell(CODE), v4.new_code_cell("'a neighbour'")]
    nbformat.write(v4.new_notebook(cells=cells, metadata=kernel), lab.folder / "designer.ipynb")
    opened = lab.open("designer.ipynb")
    wrong: list[str] = []
    opened.on("console", lambda said: wrong.append(said.text) if said.type == "error" else None)
    opened.on("pageerror", lambda error: wrong.append(str(error)))
    lab.run(opened)
    yield opened
    assert wrong == []
    assert lab.foreign == []


def _tab_to(page, control) -> None:
    for _ in range(40):
        if control.evaluate("place => place === document.activeElement"):
            return
        page.keyboard.press("Tab")
    raise AssertionError("The Tab key does not lead there.")


def _type(page, control, text: str) -> None:
    _tab_to(page, control)
    page.keyboard.press("Control+a")
    page.keyboard.type(text)


def test_a_plan_is_changed_and_read_by_keyboard_alone(page) -> None:
    group = page.get_by_role("group", name="Experiment designer")
    group.get_by_text("92,944 users in each of 2 groups").wait_for()
    drawn = group.locator(".vega-embed :is(canvas, svg.marks)")
    drawn.wait_for()
    assert drawn.bounding_box()["height"] > 100
    assert Axe().run(page, context=".workbench-widget")["violations"] == []
    place = group.get_by_role("table").bounding_box()["y"]
    notes = group.locator("ul").bounding_box()["y"]

    page.evaluate(WATCH)
    _type(page, group.get_by_label("Smallest change, %"), "10")
    smaller = design(baseline=0.008, mde=0.1, daily_users=12_000)
    group.get_by_text(f"{smaller.sizes[0]:,} users in each of 2 groups").wait_for()
    assert group.locator("td").all_text_contents()[1] == f"{smaller.total:,}"
    page.wait_for_timeout(700)
    assert page.evaluate("window.blank") == 0
    # Nothing jumped: figures and notes stand where they stood, but for lines that the warnings gained.
    assert group.get_by_role("table").bounding_box()["y"] == pytest.approx(place, abs=2)
    assert group.locator("ul").bounding_box()["y"] == pytest.approx(notes, abs=30)

    groups = group.get_by_label("Groups")
    _tab_to(page, groups)
    page.keyboard.press("ArrowUp")
    group.get_by_text("in each of 3 groups").wait_for()
    correction = group.get_by_label("Several variants")
    _tab_to(page, correction)
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowDown")
    adjusted = design(baseline=0.008, mde=0.1, variants=3, correction="dunnett", daily_users=12_000)
    group.get_by_text(f"{adjusted.sizes[0]:,} users in each of 3 groups").wait_for()
    page.keyboard.press("x")  # cuts the cell where a list has no guard
    assert page.locator(".jp-CodeCell").count() == 2

    _type(page, group.get_by_label("Baseline"), "8")
    group.get_by_text("A share lies between 0 and 1").wait_for()
    assert group.locator("table").count() == 0
    assert Axe().run(page, context=".workbench-widget")["violations"] == []
