"""A report as its readers see it: offline, live, in both themes, on a phone, by keyboard, on paper."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import pytest
from nbformat import NotebookNode

from workbench.reports.exporter import ReportExporter

pytestmark = pytest.mark.browser
PAPER = 688  # pixels between the margins of A4


def test_the_only_request_is_the_file_itself(show, files: dict[str, Path]) -> None:
    for name in ("plain", "hostile", "hostile_tests"):
        _, watch = show(name)
        assert watch.requests == [files[name].as_uri()]
        assert watch.messages == []


def test_every_chart_is_live(show) -> None:
    page, _ = show()
    assert page.locator(".plot.is-live .live svg").count() == 3
    assert page.locator(".drawn svg >> visible=true").count() == 0


def test_charts_answer_to_the_mouse(show) -> None:
    page, _ = show()
    page.locator(".plot").nth(1).scroll_into_view_if_needed()
    box = page.locator(".plot").nth(1).locator(".live .mark-symbol path").first.bounding_box()
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    tip = page.locator(".hover")
    tip.wait_for(state="visible")
    assert "95% interval" in tip.inner_text()
    page.mouse.move(1, 1)
    tip.wait_for(state="hidden")
    page.locator(".plot").nth(1).locator(".live .mark-symbol path").first.dispatch_event("click")  # a finger
    assert "95% interval" in tip.inner_text()
    page.locator("h1").dispatch_event("click")
    assert tip.is_hidden()


def test_without_scripts_every_chart_is_drawn(show) -> None:
    page, watch = show(scripts=False)
    assert page.locator(".drawn svg >> visible=true").count() == 3
    assert page.locator(".card").count() == 3
    assert watch.requests[1:] == []
    letters = [one.bounding_box()["height"] for one in page.locator(".half .drawn svg text").all()]
    assert min(letters) >= 11  # in half of the width too
    page.set_viewport_size({"width": 390, "height": 900})
    wide = page.locator(".pictures:not(.several) .drawn svg").first
    assert wide.bounding_box()["width"] >= 560  # its letters can be read
    assert page.locator("html").bounding_box()["width"] <= 390


@pytest.mark.parametrize("name", ["hostile", "hostile_tests"])
def test_nothing_hostile_comes_to_life(show, name: str) -> None:
    for scheme in ("light", "dark"):
        page, watch = show(name, scheme=scheme)
        for plot in page.locator(".plot").all():
            plot.hover()
        for button in page.locator(".about button").all():
            button.hover(force=True)
        page.locator("summary").evaluate_all("all => all.forEach(one => one.click())")
        page.wait_for_timeout(200)
        assert page.evaluate("window.hit") is None
        assert watch.dialogs == []
        assert watch.messages == []
        assert page.locator("main script, main style, main iframe, main [onerror]").count() == 0
        assert page.locator("a[href^='javascript'], a[href*='evil']").count() == 0
        assert page.title() != ""


def test_hostile_names_are_shown_as_they_are(show) -> None:
    page, _ = show("hostile")
    text = page.locator("main").inner_text()
    assert "<script>window.hit=1;alert(1)</script>" in text
    assert "{{7*7}}" in text
    assert "49" not in page.locator("h1").inner_text()
    assert "x" * 2000 not in text


def test_hostile_names_of_tests_are_shown_as_they_are(show) -> None:
    page, _ = show("hostile_tests", live=False)
    text = page.locator("main").inner_text()
    for name in ("<script>window.hit=1;alert(1)</script>", "'\"><img src=x onerror=window.hit=1>"):
        assert text.count(name) > 5
    assert "x" * 2000 not in text
    assert page.locator("table, .plot").count() > 20


def test_even_an_injected_script_would_not_run(show) -> None:
    page, _ = show()
    page.evaluate(
        """() => {
            const script = document.createElement('script');
            script.textContent = 'window.hit = 1';
            document.body.append(script);
            document.body.insertAdjacentHTML('beforeend', '<img src="data:," onerror="window.hit = 1">');
        }"""
    )
    page.wait_for_timeout(200)
    assert page.evaluate("window.hit") is None


def test_evaluation_of_text_is_refused(show) -> None:
    page, _ = show()
    # What the tool itself evaluates may do so; what the page does later may not.
    refused = page.evaluate(
        """() => new Promise(done => setTimeout(() => {
            try { done(Function('return 1')()); } catch (problem) { done(problem.name); }
        }))"""
    )
    assert refused == "EvalError"


@pytest.mark.parametrize("name", ["plain", "hostile", "hostile_tests"])
def test_no_page_scrolls_sideways(show, name: str) -> None:
    page, _ = show(name, width=390)
    page.locator("summary").evaluate_all("all => all.forEach(one => one.click())")
    for width in (390, 320, 768, 1440):
        page.set_viewport_size({"width": width, "height": 900})
        page.wait_for_timeout(200)
        assert page.evaluate("document.documentElement.scrollWidth") <= width


@pytest.mark.parametrize("name", ["plain", pytest.param("hostile", marks=pytest.mark.slow)])
def test_axe_finds_nothing(show, name: str) -> None:
    from axe_core_python.sync_playwright import Axe

    page, _ = show(name, width=390)
    page.locator("summary").evaluate_all("all => all.forEach(one => one.click())")
    for width, scheme in ((390, "light"), (1440, "dark")):
        page.emulate_media(color_scheme=scheme)
        page.set_viewport_size({"width": width, "height": 900})
        page.wait_for_timeout(200)
        found = Axe().run(page)["violations"]
        assert [(one["id"], [node["html"][:200] for node in one["nodes"][:3]]) for one in found] == []


def test_the_theme_follows_the_system_and_the_reader(show) -> None:
    page, _ = show(scheme="dark")
    ground = "getComputedStyle(document.body).backgroundColor"
    assert page.evaluate(ground) == "rgb(15, 18, 22)"
    page.emulate_media(color_scheme="light")
    light = page.evaluate(ground)
    assert light == "rgb(246, 247, 249)"
    button = page.locator("#theme")
    assert button.get_attribute("aria-pressed") == "false"
    button.click()
    assert page.evaluate(ground) == "rgb(15, 18, 22)"
    assert button.get_attribute("aria-pressed") == "true"
    page.emulate_media(color_scheme="dark")
    button.click()
    assert page.evaluate(ground) == light


def test_charts_change_with_the_theme(show) -> None:
    page, _ = show()
    colour = "getComputedStyle(document.querySelector('.live .mark-symbol [fill^=\"var\"]')).fill"
    before = page.evaluate(colour)
    page.locator("#theme").click()
    assert page.evaluate(colour) != before


def test_keyboard_reaches_everything(show) -> None:
    page, _ = show(live=False)
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
    assert page.locator(".skip").bounding_box()["x"] >= 0
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "content"
    reached = set()
    for _ in range(40):
        page.keyboard.press("Tab")
        reached.add(page.evaluate("document.activeElement.tagName + '.' + document.activeElement.className"))
    assert {"BUTTON.", "SUMMARY.", "DIV.scroll"} <= reached


def test_a_definition_opens_on_focus_and_closes_with_escape(show) -> None:
    page, _ = show(live=False)
    page.locator(".about button").first.focus()
    tip = page.locator(".tip").first
    assert tip.is_visible()
    assert "sum(order_value) / sum(spend)" in tip.inner_text()
    page.keyboard.press("Escape")
    assert not tip.is_visible()


def test_definitions_stay_inside_a_phone(show) -> None:
    page, _ = show(width=390, live=False)
    for place, button in enumerate(page.locator(".about button").all()):
        button.focus()
        box = page.locator(".tip").nth(place).bounding_box()
        assert box["x"] >= 0
        assert box["x"] + box["width"] <= 390


def test_paper_shows_drawings_definitions_and_receipt_in_light(show) -> None:
    page, _ = show(scheme="dark")
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    page.emulate_media(media="print", color_scheme="dark")
    assert page.locator(".drawn svg >> visible=true").count() == 3
    assert page.locator(".live >> visible=true").count() == 0
    assert page.locator("#theme >> visible=true").count() == 0
    assert page.locator("#receipt dl >> visible=true").count() == 1
    assert page.locator(".definitions code >> visible=true").count() == 3
    assert page.evaluate("getComputedStyle(document.querySelector('.card h3')).color") == "rgb(86, 97, 114)"
    pdf = page.pdf(prefer_css_page_size=True)
    assert pdf.startswith(b"%PDF")
    assert 1 <= len(re.findall(rb"/Type\s*/Page[^s]", pdf)) <= 6


@pytest.mark.parametrize("name", ["plain", "wide"])
def test_paper_cuts_no_table(show, name: str) -> None:
    page, _ = show(name, width=PAPER, live=False)
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    page.emulate_media(media="print")
    assert page.evaluate("document.documentElement.scrollWidth") <= PAPER
    ends = page.locator("td, th").evaluate_all(
        "all => all.filter(one => one.scrollWidth > one.clientWidth).map(one => one.innerText)"
    )
    assert ends == []  # no text runs over into the next cell


def test_headings_step_by_one(show) -> None:
    page, _ = show(live=False)
    levels = page.locator("h1,h2,h3,h4").evaluate_all("all => all.map(one => +one.tagName[1])")
    assert levels.count(1) == 1
    assert levels[0] == 1
    assert all(after - before <= 1 for before, after in pairwise(levels))


def test_nothing_in_the_file_could_load(files: dict[str, Path], loads: Callable[[str], list[str]]) -> None:
    html = files["plain"].read_text("utf-8")
    assert loads(html) == []
    assert not re.findall(r"https?://", html)


def test_no_code_and_no_parameters_are_in_the_file(files: dict[str, Path]) -> None:
    html = files["plain"].read_text("utf-8")
    assert "secret" not in html
    assert "parameter-value" not in html


def test_three_charts_fit_into_600_kilobytes(files: dict[str, Path]) -> None:
    assert files["plain"].stat().st_size <= 600_000


def test_the_same_notebook_gives_the_same_bytes(notebook: Callable[..., NotebookNode]) -> None:
    first, second = (ReportExporter().from_notebook_node(notebook())[0] for _ in range(2))
    assert first == second


def test_a_data_set_used_twice_is_there_once(notebook: Callable[..., NotebookNode]) -> None:
    from workbench.reports.page import page_of

    twice = notebook()
    chart = next(c for c in twice.cells if c.cell_type == "code" and "vegalite" in json.dumps(c.outputs))
    twice.cells.append(chart)
    once, doubled = page_of(notebook()), page_of(twice)
    assert len(doubled.album.charts) == len(once.album.charts) + 1
    assert list(doubled.album.data) == list(once.album.data)
