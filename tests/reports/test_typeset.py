"""A report as PDF without a browser: small, tagged, the same each time, and no word in it is obeyed."""

from __future__ import annotations

import io
import re
import time
from pathlib import Path
from typing import Any

import nbformat
import pypdf
import pytest
from nbformat import v4

from workbench.charts import mime
from workbench.charts.theme import config
from workbench.reports.exporter import About, ReportExporter
from workbench.reports.page import Page, page_of
from workbench.reports.typeset import Typeset, typeset, typeset_report
from workbench.reports.vega import drawings_of

from .conftest import NASTY

WIDE = Path("/usr/share/fonts/truetype/dejavu/DejaVuSans.ttf")
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


def lines_of(made: Typeset) -> list[list[str]]:
    """Return the lines of every page."""
    return [
        page.extract_text().replace("\u2060", "").splitlines()
        for page in pypdf.PdfReader(io.BytesIO(made.content)).pages
    ]


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


def test_what_a_picture_and_its_table_lack_alike_is_said_once() -> None:
    lacking = {mime.EMPTY: {"title": "Budget pacing", "reason": "No campaign is running."}}
    other = {mime.EMPTY: {"title": "Budget pacing", "reason": "No budget."}}
    told = {mime.SENTENCE: {"text": "No events are loaded."}}
    made = report()
    for one in (told, told, lacking, lacking, other, lacking, bars(), bars()):
        made.cells += report(one).cells[1:]
    kinds = [block["kind"] for block in page_of(made).blocks[1:]]
    assert kinds == ["sentence", "empty", "empty", "empty", "chart", "chart"]
    apart = report(lacking)
    apart.cells += report(lacking, says="## Next").cells
    assert [block["kind"] for block in page_of(apart).blocks[1:]] == ["empty", "text", "empty"]


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


def test_lines_end_where_they_are_full_and_columns_where_their_words_do() -> None:
    heads = ["Creative", "Remarks", *(f"Figure {n}" for n in range(9))]
    table = {
        "caption": "Wide",
        "columns": [{"label": head, "number": n > 1} for n, head in enumerate(heads)],
        "rows": [["9e29c336-7f6f-4ede-94df-82bdfa740d79", "a word " * 40, *["€1,256,713"] * 9]],
        "left_out": 0,
    }
    losses = [f"The interval of all orders goes from {'i' * n} \u2212€27,552 up" for n in range(36, 56, 2)]
    says = "# A/B test: delivery promise\n\n**One**\n**two** says how often\nchance shows as much."
    made = typeset_report(
        report(*({mime.SENTENCE: {"text": said}} for said in losses), {mime.TABLE: table}, says=says)
    )
    (lines,) = lines_of(made)
    assert "A/B test: delivery promise" in lines, "the title fits"
    assert "One two says how often chance shows as much." in lines
    assert not any(line.endswith("\u2212") for line in lines)
    assert "82bdfa740d79" not in next(line for line in lines if "9e29c336" in line), "a long name is broken"
    starts: dict[str, float] = {}

    def place(text: str, cm: list[float], tm: list[float], _font: object, _size: float) -> None:
        starts.setdefault(text.strip(), cm[4] + cm[0] * tm[4])

    pypdf.PdfReader(io.BytesIO(made.content)).pages[0].extract_text(visitor_text=place)
    at = [starts[head] for head in ("Creative", "Remarks", "Figure 0")]
    assert at[1] - at[0] > 50, "so wide is half of the name"
    assert at[2] - at[1] > 30


def test_words_stand_with_the_picture_they_lead_to() -> None:
    fill = report({mime.SENTENCE: {"text": "Filled."}}).cells[1].outputs * 32
    parts = report({mime.CHART: bars()[mime.CHART]})
    parts.cells[1:1] = [v4.new_code_cell("1", outputs=fill), v4.new_markdown_cell("## Found\n\nIntroduced.")]
    first, second = lines_of(typeset_report(parts))
    assert "Filled." in first[-2:][0] + first[-1]
    assert [line for line in second if line in {"Found", "Introduced.", "Social leads"}] == [
        "Found",
        "Introduced.",
        "Social leads",
    ]


@pytest.mark.skipif(not WIDE.is_file(), reason="this machine draws with other letters")
def test_a_drawing_keeps_room_for_the_letters_it_is_drawn_with() -> None:
    spec = bars()[mime.CHART] | {"config": config()}
    spec["data"] = {"values": [{"a": "delivery promise: free returns", "b": 1}]}
    spec["encoding"] = {name: channel | {"title": None} for name, channel in spec["encoding"].items()}
    (drawn,) = drawings_of(ReportExporter().from_notebook_node(report({mime.CHART: spec}))[0])
    room = re.search(r"translate\((\d+)", drawn)
    assert room
    assert int(room[1]) >= 188, "of the label and of what keeps it from the bars"


def test_a_character_no_font_has_is_said() -> None:
    made = typeset(Page(title="Name \U0001e900\U000f0000"), About(tenant="acme"))
    assert not made.accessible
    assert made.content.startswith(b"%PDF-")
