"""The journey browser in JupyterLab, by keyboard alone: find an order, see its timeline, read its credit."""

from __future__ import annotations

import nbformat
import numpy as np
import pandas as pd
import pytest
from axe_core_python.sync_playwright import Axe
from nbformat import v4

from workbench.attribution.browsing import OrderSearch, browsable, find_orders, sharers
from workbench.result import format_value

pytestmark = pytest.mark.browser
HOSTILE = (
    "<script>window.attacked = 1</script>",
    "'\"><img src=x onerror=window.attacked=2>",
    "\u202egnp.exe\u202c",
    "x" * 10_000,
)
CODE = """import pandas as pd
from workbench.widgets import journey_browser
journey_browser(pd.read_parquet("ways.parquet"))"""


def _ways() -> pd.DataFrame:
    generator = np.random.default_rng(3)
    day = pd.Timestamp("2024-03-01", tz="UTC")
    size = 240
    touched = pd.DataFrame(
        {
            "user_id": [f"ann-{number}" for number in generator.integers(0, 12, size)],
            "timestamp": day + pd.to_timedelta(generator.integers(0, 40 * 86_400, size), unit="s"),
            "channel": generator.choice(["direct", "email", "search"], size),
            "campaign": generator.choice(HOSTILE, size),
            "is_conversion": np.arange(size) % 4 == 0,
            "value": 20.0,
        }
    )
    return touched.assign(conversion_id=[f"order-{number}" for number in range(size)])


@pytest.fixture
def page(lab):
    """Return the open notebook after it ran, with a record of all that goes wrong in it."""
    _ways().to_parquet(lab.folder / "ways.parquet")
    kernel = {"kernelspec": {"name": "python3", "display_name": "Python 3"}}
    cells = [v4.new_code_cell(CODE), v4.new_code_cell("'a neighbour'")]
    nbformat.write(v4.new_notebook(cells=cells, metadata=kernel), lab.folder / "browser.ipynb")
    opened = lab.open("browser.ipynb")
    wrong: list[str] = []
    opened.on("console", lambda said: wrong.append(said.text) if said.type == "error" else None)
    opened.on("pageerror", lambda error: wrong.append(str(error)))
    opened.on("dialog", lambda dialog: wrong.append(dialog.message))
    lab.run(opened)
    yield opened
    assert wrong == []
    assert opened.evaluate("window.attacked") is None
    assert lab.foreign == []


def _tab_to(page, control) -> None:
    for _ in range(30):
        if control.evaluate("place => place === document.activeElement"):
            return
        page.keyboard.press("Tab")
    raise AssertionError("The Tab key does not lead there.")


def _expected(order) -> list[list[str]]:
    return [[format_value(some, "%") for some in touch.credit.values()] for touch in order.touches]


def _wait_for(page, order) -> None:
    """Wait until the picture is of this order and the table has the credit of its touches, row by row."""
    page.get_by_text(f"Order {order.conversion_id},").wait_for()
    page.wait_for_function(
        """wanted => {
            const rows = [...document.querySelectorAll(".workbench-widget tbody tr")];
            const found = rows.map(row => [...row.querySelectorAll("td")].map(cell => cell.textContent));
            const credits = found.map(row => row.slice(-(wanted[0]?.length ?? 1)));
            return JSON.stringify(credits) === JSON.stringify(wanted);
        }""",
        arg=_expected(order),
    )


def test_orders_are_found_and_read_by_keyboard_alone(page) -> None:
    found = browsable(_ways())
    models = sharers(found)
    newest = find_orders(found, models=models).rows
    wanted = next(row for row in newest if 3 <= len(row.touches) <= 6)
    hers = find_orders(found, OrderSearch(text=wanted.user), models=models).rows
    group = page.get_by_role("group", name="Journey browser")
    search, listed = group.get_by_label("Order or customer"), group.get_by_label("Orders")

    _tab_to(page, search)
    page.keyboard.type(wanted.conversion_id)
    page.keyboard.press("Enter")
    _wait_for(page, wanted)
    drawn = group.locator(".vega-embed :is(canvas, svg.marks)")
    drawn.wait_for()
    assert drawn.bounding_box()["height"] > 100

    assert Axe().run(page, context=".workbench-widget")["violations"] == []

    page.keyboard.press("Control+a")
    page.keyboard.type(wanted.user)
    page.keyboard.press("Enter")
    page.wait_for_function(f"document.querySelectorAll('.widget-select option').length === {len(hers)}")
    kept = [row.conversion_id for row in hers].index(wanted.conversion_id)  # what was chosen stays chosen
    page.wait_for_function(
        "kept => document.querySelector('.widget-select select').selectedIndex === kept", arg=kept
    )
    _wait_for(page, wanted)
    _tab_to(page, listed)
    page.keyboard.press("ArrowDown")
    _wait_for(page, hers[kept + 1])
    page.keyboard.press("x")  # cuts the cell where a list has no guard
    assert page.locator(".jp-CodeCell").count() == 2

    page.keyboard.press("Shift+Tab")
    _tab_to(page, search)
    page.keyboard.press("Control+a")
    page.keyboard.type("<img src=x onerror=window.attacked=4>")
    page.keyboard.press("Enter")
    group.get_by_text("There is no order or customer '<img src=x").wait_for()
    page.wait_for_function("!document.querySelector('.workbench-widget :is(table, .vega-embed)')")
