"""Reports in a real browser that has no network."""

from __future__ import annotations

import re
import runpy
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING

import altair as alt
import pytest
from nbformat import NotebookNode, v4

from workbench import charts
from workbench.attribution.cost import returns
from workbench.charts.drawing import Column, DataTable, Drawing, Nothing
from workbench.charts.shapes import dots
from workbench.explore.funnels import funnel_of
from workbench.reports.exporter import ReportExporter

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

SAMPLES = SimpleNamespace(**runpy.run_path(str(Path(__file__).parents[1] / "charts" / "samples.py")))
OF_TESTS = ("experiment", "geo", "holdout", "lift", "uplift", "bandit", "plan")
SLOW = ("bandit_regret", "geo_markets", "geo_power")
HOSTILE = (
    "<script>window.hit=1;alert(1)</script>",
    "'\"><img src=x onerror=window.hit=1>",
    "</script><script>window.hit=1</script>",
    "<svg/onload=window.hit=1>",
    "javascript:window.hit=1",
    "{{7*7}} ${window.hit=1} {% raw %}",
    "<style>body{display:none}</style>",
    '<a href="http://evil.example/" onmouseover="window.hit=1">x</a>',
    "\u202egnp.exe\u202c \x00\x1b[31m",
    "<iframe srcdoc='<script>parent.hit=1</script>'></iframe>",
    "--><!--",
    "x" * 10_000,
)


def output(shown: object) -> NotebookNode:
    return v4.new_output("display_data", data=shown._repr_mimebundle_())  # type: ignore[attr-defined]


def cell(*shown: object, tags: tuple[str, ...] = ()) -> NotebookNode:
    outputs = [output(one) for one in shown]
    return v4.new_code_cell("secret = 'code'", outputs=outputs, metadata={"tags": list(tags)})


def line_chart(names: tuple[str, ...]) -> Drawing:
    rows = [
        {"day": f"2025-01-{day:02d}", "value": day * (place + 1), "name": name}
        for place, name in enumerate(names)
        for day in range(1, 29)
    ]
    base = (
        alt.Chart(alt.Data(values=rows))
        .mark_line()
        .encode(
            x=alt.X("day:T", scale=alt.Scale(type="utc")),
            y="value:Q",
            color="name:N",
            tooltip=["name:N"],
        )
    )
    table = DataTable(
        caption="Days",
        columns=(Column(label=names[0]), Column(label="Value", number=True)),
        rows=tuple((row["name"], str(row["value"])) for row in rows),
    )
    return Drawing(
        finding=f"{names[0]} grows",
        subtitle="Value by day",
        description=f"Lines of {names[-1]}",
        spec=base.properties(width=640, height=200).to_dict(),
        table=table,
        note=names[0],
    )


def dot_chart(names: tuple[str, ...]) -> Drawing:
    points = [
        {
            "label": name,
            "value": float(place),
            "low": place - 0.5,
            "high": place + 0.5,
            "said": str(place),
            "interval": name,
            "tone": "s1",
        }
        for place, name in enumerate(names)
    ]
    table = DataTable(caption="", columns=(Column(label="Name"),), rows=tuple((name,) for name in names))
    return Drawing(
        finding="One is ahead",
        subtitle=names[0],
        description="Dots",
        spec=dots(points, unit="x"),
        table=table,
    )


def three_charts(names: tuple[str, ...] = ("Search", "Social", "Email")) -> NotebookNode:
    """Return an executed notebook with cards, three charts, a table, an alert, an empty section."""
    notebook = v4.new_notebook(
        cells=[
            v4.new_markdown_cell("# Weekly review\n\n**Question.** How is marketing doing?"),
            v4.new_code_cell("campaign = 'parameter-value'", metadata={"tags": ["parameters"]}),
            v4.new_markdown_cell("## Key figures"),
            cell(charts.kpi_cards(SAMPLES.kpi_cards(names)), charts.sentence(names[0])),
            v4.new_markdown_cell("## Needs a decision"),
            cell(charts.alerts(SAMPLES.alerts(names))),
            v4.new_markdown_cell("## Charts"),
            cell(line_chart(names)),
            cell(dot_chart(names), tags=("half",)),
            cell(charts.funnel(funnel_of([100, 50, 20, 10, 5], label=names[0])), tags=("half",)),
            v4.new_markdown_cell("## Tables"),
            cell(charts.leaderboard(SAMPLES.leaderboard(names)), Nothing(title=names[0], reason=names[-1])),
        ]
    )
    notebook.metadata["workbench"] = {
        "tenant": names[0],
        "created": "21 November 2025",
        "data_version": 3,
        "run": "ab12" * 8,
        "receipt": {"Notebook": names[0], "Seed": "1"},
    }
    return notebook


def widest_tables() -> NotebookNode:
    """Return an executed notebook with the tables of most columns: long figures of every model."""
    found = SAMPLES.credit(("paid_search", "(unattributed)", "business_buyers"))
    rows = tuple(replace(row, share=0.10437, value=123_456.78) for row in found.rows)
    wide = replace(found, rows=rows)
    spend = dict.fromkeys(wide.channels, 12_345.67)
    tables = [
        charts.credit_table(wide),
        charts.returns_by_model(returns(wide, spend)),
        charts.model_notes(wide),
    ]
    return v4.new_notebook(cells=[v4.new_markdown_cell("# Credit"), *map(cell, tables)])


def attacked_tests() -> NotebookNode:
    """Return an executed notebook on experiments whose names, variants, geos and metrics are attacks."""
    kinds = [kind for kind in SAMPLES.RESULTS if kind.split("_")[0] in OF_TESTS and kind not in SLOW]
    shown = [getattr(charts, kind)(SAMPLES.RESULTS[kind](HOSTILE)) for kind in kinds]
    return v4.new_notebook(cells=[v4.new_markdown_cell("# Tests"), *map(cell, shown)])


@pytest.fixture(scope="session")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Return an ordinary report, two whose every text is an attack, and one of wide tables, as files."""
    folder = tmp_path_factory.mktemp("reports")
    made = {}
    pages = {
        "plain": three_charts(),
        "hostile": three_charts(HOSTILE),
        "hostile_tests": attacked_tests(),
        "wide": widest_tables(),
    }
    for name, page in pages.items():
        html, _ = ReportExporter().from_notebook_node(page)
        made[name] = folder / f"{name}.html"
        made[name].write_text(html, "utf-8")
    return made


class Watch:
    """What a page did while it was open."""

    def __init__(self, page: Page) -> None:
        self.requests: list[str] = []
        self.messages: list[str] = []
        self.dialogs: list[str] = []
        page.on("request", lambda request: self.requests.append(request.url))
        page.on("console", lambda message: self.messages.append(message.text))
        page.on("pageerror", lambda error: self.messages.append(str(error)))
        page.on("dialog", lambda dialog: (self.dialogs.append(dialog.message), dialog.dismiss()))


Show = Callable[..., "tuple[Page, Watch]"]


@pytest.fixture
def show(browser: Browser, files: dict[str, Path]) -> Iterator[Show]:
    """Return a function that opens a report at a width, light or dark, with or without scripts."""
    opened = []

    def opener(
        name: str = "plain",
        *,
        width: int = 1440,
        scheme: str = "light",
        scripts: bool = True,
        live: bool = True,
    ) -> tuple[Page, Watch]:
        context = browser.new_context(
            viewport={"width": width, "height": 900},
            color_scheme=scheme,
            java_script_enabled=scripts,
            offline=True,
        )
        context.set_default_timeout(120_000)
        opened.append(context)
        page = context.new_page()
        watch = Watch(page)
        page.goto(files[name].as_uri())
        if scripts and live:
            wake(page)
        return page, watch

    yield opener
    for context in opened:
        context.close()


def wake(page: Page) -> None:
    """Scroll through the page until every chart is live."""
    for _ in range(100):
        page.mouse.wheel(0, 400)
        page.wait_for_timeout(40)
        if page.evaluate("document.querySelectorAll('.plot:not(.is-live)').length") == 0:
            break
    else:
        page.wait_for_timeout(5000)
    page.evaluate("scrollTo({top: 0, behavior: 'instant'})")


@pytest.fixture(scope="session")
def loads() -> Callable[[str], list[str]]:
    """Return a function that lists every reference of a page that a browser would load."""
    return loading_references


@pytest.fixture(scope="session")
def notebook() -> Callable[..., NotebookNode]:
    """Return a function that makes an executed notebook with three charts."""
    return three_charts


def loading_references(html: str) -> list[str]:
    """Return every reference of a page that a browser would load."""
    patterns = (
        r"<(?:link|iframe|object|embed|audio|video|source|track|base|frame)\b",
        r"\b(?:src|srcset|poster|data|background|xlink:href)\s*=\s*[\"']?\s*(?!data:image/)(?:\w+:|//)[^\"'>\s]*",
        r"url\(\s*[\"']?\s*(?!data:|#)[^)]*\)",
        r"@import",
        r"<image\b",
        r"http-equiv=[\"']?refresh",
    )
    return [found for pattern in patterns for found in re.findall(pattern, html, re.IGNORECASE)]
