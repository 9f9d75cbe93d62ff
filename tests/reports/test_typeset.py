"""A report as PDF without a browser: small, tagged, the same each time, and no word in it is obeyed."""

from __future__ import annotations

import io
import time
from typing import Any

import nbformat
import pypdf
from nbformat import v4

from workbench.charts import mime
from workbench.reports.exporter import About, ReportExporter
from workbench.reports.page import Page
from workbench.reports.typeset import Typeset, typeset, typeset_report

from .conftest import NASTY

HOSTILE = (
    *NASTY[:6],
    "#panic()",
    '#let x = read("/etc/passwd")',
    "*bold* _it_ $x$ `raw` @label <mark>",
    "= Heading",
)


def text_of(made: Typeset) -> str:
    pages = pypdf.PdfReader(io.BytesIO(made.content)).pages
    return " ".join(" ".join(page.extract_text() for page in pages).split())


def report(
    *bundles: dict[str, Any], says: str = "# Small report\n\nWhat was spent?"
) -> nbformat.NotebookNode:
    outputs = [v4.new_output("display_data", data=bundle) for bundle in bundles]
    return v4.new_notebook(cells=[v4.new_markdown_cell(says), v4.new_code_cell("1", outputs=outputs)])


def bars() -> dict[str, Any]:
    """Return a chart as a notebook has it."""
    spec = {
        "$schema": "https://vega.github.io/schema/vega-lite/v6.json",
        "title": {"text": "Social leads", "subtitle": "EUR"},
        "description": "Bars of spend by channel.",
        "data": {"values": [{"a": "social", "b": 3}, {"a": "email", "b": 1}]},
        "mark": "bar",
        "encoding": {"x": {"field": "b", "type": "quantitative"}, "y": {"field": "a", "type": "nominal"}},
        "usermeta": {"workbench": {"table": None, "note": "Net of tax."}},
    }
    return {mime.CHART: spec}


def test_a_report_is_tagged_and_the_same_each_time() -> None:
    rows = {
        "caption": "Spend",
        "columns": [{"label": "Channel", "number": False}, {"label": "Spend", "number": True}],
        "rows": [["social", "€1,200"]],
        "bars": [],
        "left_out": 3,
    }
    parts = report({mime.SENTENCE: {"text": "Social leads."}}, {mime.TABLE: rows}, bars())
    parts.cells.append(v4.new_markdown_cell("## More\n\n- one\n- **two**\n\n| a | b |\n|---|---|\n| 1 | 2 |"))
    first, again = (typeset_report(parts, ended="2024-01-02T03:04:05.678+00:00") for _ in range(2))
    assert first == again
    assert first.accessible
    document = pypdf.PdfReader(io.BytesIO(first.content))
    assert document.metadata is not None
    assert document.metadata.title == "Small report"
    assert document.metadata.creation_date is not None
    assert document.metadata.creation_date.isoformat() == "2024-01-02T03:04:05+00:00"
    root = document.trailer["/Root"].get_object()
    assert root["/MarkInfo"]["/Marked"]
    assert root["/Lang"] == "en"
    assert b"pdfuaid" in root["/Metadata"].get_object().get_data()
    text = text_of(first)
    for said in ("Social leads.", "€1,200", "3 more rows are in the figures", "Net of tax.", "two"):
        assert said in text
    assert (round(document.pages[0].mediabox.width), round(document.pages[0].mediabox.height)) == (595, 842)
    html, _ = ReportExporter().from_notebook_node(parts)
    began = time.process_time()
    again = typeset_report(parts, html, ended="2024-01-02T03:04:05+00:00")
    assert time.process_time() - began <= 1
    assert again == first, "the page has its drawings"


def test_words_are_set_and_never_obeyed() -> None:
    alerts = [{"level": word, "title": word, "text": word} for word in HOSTILE]
    card = {"name": "a", "title": "", "value": "", "alert": False}
    cards = [card | {"title": word[:40], "value": word[:12]} for word in HOSTILE]
    parts = report(
        {mime.ALERTS: {"items": alerts, "calm": ""}},
        {
            mime.KPI: {
                "cards": [{"formula": w, "says": w} | c for c, w in zip(cards, HOSTILE, strict=True)],
                "caption": "x",
            }
        },
        {mime.EMPTY: {"title": HOSTILE[6], "reason": HOSTILE[7]}},
        {"text/html": "<h5>deep</h5><table><tr><td>a<td>b<tr><td>c</table><a href='javascript:x()'>go</a>"},
        {"text/plain": "\n".join(HOSTILE)},
        {
            "image/svg+xml": "<svg xmlns='http://www.w3.org/2000/svg' width='9' height='9'>"
            "<image href='/etc/passwd'/></svg>"
        },
        says=f"# {HOSTILE[6]}\n\n{HOSTILE[8]} [x](https://example.com)",
    )
    made = typeset_report(parts)
    text = text_of(made)
    assert "#panic()" in text
    assert "#let x = read" in text
    assert "root:" not in text
    assert "A picture is left out" in text
    assert b"/JavaScript" not in made.content
    assert made.accessible


def test_what_a_reader_must_know_of_a_card_is_in_the_page_and_in_the_pdf() -> None:
    card = {"name": "a", "title": "Clicks", "value": "12", "alert": False, "incomplete": True}
    cards = [
        card | {"remark": "Data on 40% of days. Some of it may count twice"},
        card | {"leans": ""},  # of an earlier version
        card | {"incomplete": False, "leans": "Some of it may count twice"},
    ]
    parts = report({mime.KPI: {"cards": cards, "caption": ""}})
    html, _ = ReportExporter().from_notebook_node(parts)
    told = [
        "Data on 40% of days. Some of it may count twice",
        "Still incomplete",
        "Some of it may count twice",
    ]
    assert [part.split("</p>")[0] for part in html.split('<p class="note">')[1:4]] == told
    assert sum(text_of(typeset_report(parts)).count(said) for said in told[1:]) == 3


def test_a_character_no_font_has_is_said() -> None:
    made = typeset(Page(title="Name \U0001e900\U000f0000"), About(tenant="acme"))
    assert not made.accessible
    assert made.content.startswith(b"%PDF-")
