"""Published reports of experiments as readers see them: offline, by screen reader, on a phone, on paper."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest

from workbench.events.simulation import MarketSpec, simulate, write_market
from workbench.reports.publication import publish
from workbench.reports.runs import run
from workbench.store import Workspace
from workbench.store.ingest import ingest

pytestmark = [pytest.mark.browser, pytest.mark.slow]
NAMES = ("ab_test", "holdout", "geo_experiment", "experiment_design")
PAPER = 688  # pixels between the margins of A4


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Return the page of each report, of a market large enough to say something."""
    home = tmp_path_factory.mktemp("experiments")
    spec = replace(MarketSpec.small(), days=300, users=2000)
    workspace = Workspace.create(home / "workspace")
    workspace.set_currency("EUR")
    ingest(workspace, write_market(simulate(spec), home / "files"), backfill=True)
    for name in NAMES:
        assert run(workspace, name, {}).completed
    publish(workspace, home / "out")
    return {name: home / "out" / f"{name}.html" for name in NAMES}


@pytest.mark.parametrize("name", NAMES)
def test_a_report_keeps_to_itself_and_draws_every_chart(show, files: dict[str, Path], name: str) -> None:
    page, watch = show(name)
    assert watch.requests == [files[name].as_uri()]
    assert watch.messages == []
    assert page.locator(".plot.is-live .live svg").count() == page.locator(".plot").count() > 0
    described = page.locator(".plot").evaluate_all(
        "all => all.map(one => one.closest('figure').innerHTML.includes('aria-'))"
    )
    assert all(described)


@pytest.mark.parametrize("name", NAMES)
def test_axe_finds_nothing_and_no_page_scrolls_sideways(show, name: str) -> None:
    from axe_core_python.sync_playwright import Axe

    page, _ = show(name, width=390)
    for width, scheme in ((390, "light"), (1440, "dark")):
        page.emulate_media(color_scheme=scheme)
        page.set_viewport_size({"width": width, "height": 900})
        page.wait_for_timeout(200)
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        found = Axe().run(page)["violations"]
        assert [(one["id"], [node["html"][:200] for node in one["nodes"][:3]]) for one in found] == []


@pytest.mark.parametrize("name", NAMES)
def test_headings_step_by_one_and_say_no_slug(show, name: str) -> None:
    page, _ = show(name, live=False)
    levels = page.locator("h1,h2,h3,h4").evaluate_all("all => all.map(one => +one.tagName[1])")
    assert levels.count(1) == 1
    assert all(after - before <= 1 for before, after in pairwise(levels))
    said = page.locator("h1,h2,h3,.finding,caption,.sentence").all_inner_texts()
    assert [text for text in said if "_" in text] == []


@pytest.mark.parametrize("name", NAMES)
def test_paper_cuts_no_table(show, name: str) -> None:
    page, _ = show(name, width=PAPER, live=False)
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    page.emulate_media(media="print")
    assert page.evaluate("document.documentElement.scrollWidth") <= PAPER
