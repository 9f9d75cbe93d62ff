"""The budget simulator of a report, without kernel or network: every figure is the one of Python."""

from __future__ import annotations

import runpy
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from axe_core_python.sync_playwright import Axe
from nbformat import v4

from workbench.charts.mime import SIMULATOR
from workbench.charts.simulator import figure, figures, marginal, percent, simulator_block, warnings
from workbench.mmm.budget import BudgetQuestion, optimise, project
from workbench.mmm.budget.scenario import auto_split, rescaled, scenario
from workbench.reports.exporter import ReportExporter

pytestmark = pytest.mark.browser
_BUDGET = Path(__file__).parents[1] / "mmm" / "budget" / "conftest.py"
MAKE = SimpleNamespace(**runpy.run_path(str(_BUDGET))).table_of
HOSTILE = (
    "</script><script>window.hit=1</script>",
    "<img src=x onerror=window.hit=1>",
    "paid_search",
    "\u202etv",
    "x" * 5000,
    "'\"><svg/onload=window.hit=1>",
    "{{7*7}}",
    "email",
)
RUNNING_OFF = """[...document.querySelectorAll(".sim-channel dd")].filter(one =>
    one.getBoundingClientRect().right > one.closest(".simulator").getBoundingClientRect().right - 16)"""
FACTS = {"draws": 400, "channels": 8, "spread": 0.5, "seed": 11}


def page_of(table, plan=None) -> str:
    return _exported(None if table is None else simulator_block(table, plan)._repr_mimebundle_())


def _exported(bundle: dict | None) -> str:
    notebook = v4.new_notebook(cells=[v4.new_markdown_cell("# Budget")])
    if bundle is not None:
        notebook.cells.append(v4.new_code_cell("x", outputs=[v4.new_output("display_data", data=bundle)]))
    return ReportExporter().from_notebook_node(notebook)[0]


@pytest.fixture(scope="module")
def table():
    return MAKE(**FACTS)


@pytest.fixture
def opened(browser, tmp_path: Path):
    """Return a function that opens a page and, at the end, what it asked for and complained of."""
    contexts, asked, said = [], [], []

    def opener(html: str, *, ready: bool = True, **options: object):
        file = tmp_path / f"{len(contexts)}.html"
        file.write_text(html, "utf-8")
        context = browser.new_context(offline=True, viewport={"width": 1280, "height": 900}, **options)
        contexts.append(context)
        page = context.new_page()
        page.on(
            "request", lambda request: asked.append(request.url) if request.url != file.as_uri() else None
        )
        page.on("console", lambda message: said.append(message.text))
        page.on("pageerror", lambda error: said.append(str(error)))
        page.goto(file.as_uri())
        if ready:
            page.locator(".simulator[data-ready]").wait_for()
        return page

    yield opener
    for context in contexts:
        context.close()
    assert asked == []
    assert said == []


def raw(page, name: str) -> float:
    return float(page.locator(f"[data-part={name}]").first.get_attribute("data-raw"))


def split_of(page) -> np.ndarray:
    return np.array(page.evaluate("[...document.querySelector('.simulator').simulator.split]"))


def agrees(page, table, split) -> None:
    """Compare every figure of the page with Python's for the same split."""
    known = project(table, split)
    for name, one in (("outcome", known.outcome_then), ("gain", known.gain)):
        span = page.locator(f"[data-part={name}-range]")
        ends = [float(span.get_attribute(f"data-{end}")) for end in ("low", "high")]
        scale = known.outcome_then.value
        assert [raw(page, name), *ends] == pytest.approx([one.value, one.low, one.high], abs=1e-9 * scale)
    assert raw(page, "better") == pytest.approx(known.better)
    for one in figures(known):
        assert page.locator(f"[data-part={one['name']}]").inner_text() == one["said"]
        if one["range"] and one["name"] != "current":
            assert page.locator(f"[data-part={one['name']}-range]").inner_text() == one["range"]
    changes = page.locator(".sim-channel [data-part=change]").all_inner_texts()
    assert changes == [percent(row.change) for row in known.rows]
    returns = page.locator(".sim-channel [data-part=next]").all_inner_texts()
    assert returns == [marginal(row.marginal_then.value, known.unit) for row in known.rows]
    assert page.locator(".sim-warnings li").all_inner_texts() == warnings(known)


@pytest.mark.parametrize("unit", ["revenue", "conversions"])
def test_moving_a_slider_gives_the_figures_of_python(opened, unit: str) -> None:
    table = MAKE(**FACTS, kind=unit)
    page = opened(page_of(table))
    assert split_of(page) == pytest.approx(table.spend)
    sliders = page.locator(".sim-slider input")
    for place, key, times in ((0, "ArrowRight", 7), (3, "ArrowLeft", 12), (5, "End", 1), (6, "Home", 1)):
        sliders.nth(place).focus()
        for _ in range(times):
            page.keyboard.press(key)
        split = split_of(page)
        assert split[place] != pytest.approx(table.spend[place])
        agrees(page, table, split)
    assert split_of(page)[[0, 5, 6]] / table.spend[[0, 5, 6]] == pytest.approx([1.07, 2.0, 0.5])
    field = page.get_by_label("Amount for channel 2")
    field.fill(str(round(1.3 * table.spend[2])))
    field.press("Enter")
    assert split_of(page)[2] == round(1.3 * table.spend[2])
    agrees(page, table, split_of(page))
    page.set_viewport_size({"width": 700, "height": 900})  # about as wide as A4 between its margins
    page.emulate_media(media="print")
    assert page.locator(".sim-lock, .sim-slider, .sim-amount").locator("visible=true").count() == 0
    known = project(table, split_of(page))
    spent = [figure(row.proposed, "money", known.currency) for row in known.rows]
    assert page.locator(".sim-still dd").all_inner_texts() == spent
    assert page.evaluate(RUNNING_OFF) == []


def test_a_page_of_an_older_run_knows_neither_gates_nor_beliefs(opened, table) -> None:
    output = simulator_block(table)._repr_mimebundle_()
    payload = output[SIMULATOR]
    del payload["missed"], payload["page"]["believed"]
    page = opened(_exported(output))
    page.get_by_role("button", name="Find the best split").click()
    agrees(page, table, split_of(page))


def test_what_is_only_believed_is_locked_at_first_and_warned_of_when_moved(opened) -> None:
    table = MAKE(**FACTS, believed=("channel 1", "channel 6"))
    page = opened(page_of(table))
    assert (
        "Locked at first: channel 1 and channel 6 keep their spend" in page.locator(".simulator").inner_text()
    )
    page.get_by_role("button", name="Find the best split").click()
    assert split_of(page)[[1, 6]] == pytest.approx(table.spend[[1, 6]])
    agrees(page, table, split_of(page))
    for place, times in ((1, 2.0), (6, 1.1)):
        page.get_by_label(f"Lock channel {place}").uncheck()
        page.get_by_label(f"Amount for channel {place}").fill(str(round(times * table.spend[place])))
        page.keyboard.press("Enter")
    agrees(page, table, split_of(page))
    assert page.get_by_text("No data speak for this change").count() == 2


def test_the_best_split_is_pythons_and_locks_hold(opened, table) -> None:
    for seed, slope, locks in ((11, 1.0, ()), (12, 1.0, (1, 4)), (13, 2.5, (0,))):
        one = MAKE(**{**FACTS, "seed": seed, "slope": slope})
        page = opened(page_of(one))
        for place in locks:
            page.get_by_label(f"Lock channel {place}").check()
        page.get_by_role("button", name="Find the best split").click()
        start, locked = scenario(one), np.isin(np.arange(8), locks)
        known = auto_split(start, one.spend, locked)
        found = split_of(page)
        assert found.sum() == pytest.approx(one.total)
        assert found[locked] == pytest.approx(one.spend[locked])
        gained = project(one, found).outcome_then.value
        assert gained >= 0.999 * project(one, known).outcome_then.value
        assert found == pytest.approx(known, rel=1e-6)
        agrees(page, one, found)
        assert page.locator(".sim-slider input:disabled").count() == len(locks)


def test_another_total_scales_what_is_free(opened, table) -> None:
    page = opened(page_of(table, BudgetQuestion(locked=("channel 1",))))
    total = page.get_by_label("Total")
    wanted = round(1.25 * table.total)
    total.fill(str(wanted))
    total.press("Enter")
    start = scenario(table)
    locked = np.arange(8) == 1
    assert split_of(page) == pytest.approx(rescaled(table.spend, start.limits, locked, wanted), rel=1e-9)
    agrees(page, table, split_of(page))
    total.fill("99999999999")
    total.press("Enter")
    assert "The bounds do not allow" in page.get_by_role("status").inner_text()
    total.fill("")
    total.press("Enter")
    page.get_by_role("button", name="Back to today").click()
    assert split_of(page) == pytest.approx(table.spend)
    for place in range(8):
        page.get_by_label(f"Lock channel {place}").check()
    page.get_by_role("button", name="Find the best split").click()
    assert "All channels are locked" in page.get_by_role("status").inner_text()


def test_a_plan_is_shown_as_it_was_made_with_and_without_scripts(opened, table) -> None:
    plan = optimise(table, BudgetQuestion(within=(0.0, 3.0)))
    html = page_of(table, plan)
    page = opened(html)
    assert split_of(page) == pytest.approx(list(plan.split.values()))
    live = page.locator(".sim-figures").inner_text()
    agrees(page, table, list(plan.split.values()))
    still = opened(html, ready=False, java_script_enabled=False)
    assert still.locator(".sim-figures").inner_text() == live
    assert still.get_by_text("Proposed").count() == 8
    assert still.get_by_role("slider").count() == 0


def test_nothing_hostile_comes_to_life(opened) -> None:
    table = MAKE(**FACTS)
    page = opened(page_of(replace(table, channels=HOSTILE, missed=("<img src=x onerror=window.hit=1>",))))
    page.locator(".sim-slider input").first.focus()
    page.keyboard.press("End")
    page.wait_for_timeout(100)
    assert page.evaluate("window.hit") is None
    assert page.locator("main img, main svg, .simulator script:not([data-figures])").count() == 0
    assert "</script><script>window.hit=1</script>" in page.locator(".sim-name").first.inner_text()
    assert page.get_by_role("slider", name="paid search").count() == 1


@pytest.mark.parametrize("width", [390, 1280])
def test_it_is_readable_for_everybody(opened, table, width: int) -> None:
    page = opened(page_of(replace(table, channels=HOSTILE), optimise(replace(table, channels=HOSTILE))))
    page.set_viewport_size({"width": width, "height": 900})
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)
        found = Axe().run(page)["violations"]
        assert [(one["id"], [node["html"][:200] for node in one["nodes"][:3]]) for one in found] == []
    for one in (width, 320):
        page.set_viewport_size({"width": one, "height": 900})
        assert page.evaluate("document.documentElement.scrollWidth") <= one
    assert page.get_by_role("slider").first.get_attribute("aria-valuetext").endswith("times today")


def test_everything_is_reached_by_keyboard(opened, table) -> None:
    page = opened(page_of(table))
    page.get_by_label("Total").focus()
    reached = []
    for _ in range(4):
        page.keyboard.press("Tab")
        reached.append(
            page.evaluate("document.activeElement.ariaLabel ?? document.activeElement.textContent")
        )
    assert reached == ["Find the best split", "Back to today", "Spend on channel 0", "Amount for channel 0"]
    page.get_by_role("button", name="Find the best split").focus()
    page.keyboard.press("Enter")
    assert raw(page, "gain") > 0


def test_a_model_that_missed_a_gate_is_shown_and_not_optimised(opened, table) -> None:
    page = opened(page_of(replace(table, missed=("The chains disagree.",))))
    assert "The chains disagree." in page.locator(".sim-refused").inner_text()
    assert page.get_by_role("button", name="Find the best split").is_disabled()
    allowed = BudgetQuestion(despite_gates=True)
    page = opened(page_of(replace(table, missed=("The chains disagree.",)), allowed))
    assert "The chains disagree." in page.locator(".sim-refused").inner_text()
    page.get_by_role("button", name="Find the best split").click()
    assert raw(page, "gain") > 0


def test_a_move_is_answered_before_the_eye_sees_it(opened, table) -> None:
    page = opened(page_of(table))
    took = page.evaluate(
        """() => {
            const slider = document.querySelector('.sim-slider input'), took = [];
            for (let i = 0; i < 40; i++) {
                slider.value = 0.6 + i / 40;
                const began = performance.now();
                slider.dispatchEvent(new Event('input'));
                document.body.getBoundingClientRect();
                took.push(performance.now() - began);
            }
            return took.sort((a, b) => a - b)[20];
        }"""
    )
    assert took < 50


def test_figures_are_written_as_python_writes_them(opened) -> None:
    values = [0.0, 0.5, 1.5, 2.5, -2.5, 0.125, 1.145, 12.345, 999.995, 999.999, 1000.5, 1001.5, 123_456.5]
    values += [1e6, 1.005e6, 2.345e6, 2.5e9, -3.21e7, 0.004, -0.0049, 1e-7, 0.01, 99_999_999.5]
    values += list(np.random.default_rng(2).normal(0, 1, 200) * 10 ** np.linspace(-3, 10, 200))
    ask = "values => values.map(one => document.querySelector('.simulator').simulator.amount(one))"
    for facts in (*({"currency": code} for code in ("EUR", "KWD", "JPY", "")), {"kind": "conversions"}):
        table = MAKE(draws=60, channels=2, **facts)
        known = [figure(one, table.unit, table.currency) for one in values]
        assert opened(page_of(table)).evaluate(ask, values) == known


def test_it_fits_into_its_part_of_a_page(table) -> None:
    assert len(page_of(table)) - len(page_of(None)) < 150_000
