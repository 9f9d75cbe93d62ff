"""An executed notebook as the content of a page: what a reader sees, and nothing else.

Code, parameters, errors on stderr and unknown outputs do not come here. Outputs are chosen by an allow-list
of MIME types; their text is escaped by the template, and foreign HTML is written anew (`markup.clean`).
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from html import escape
from typing import TYPE_CHECKING, Any

from workbench.charts import mime
from workbench.charts.drawing import shown
from workbench.charts.renderer import title_of
from workbench.reports.markup import clean, slug
from workbench.reports.vega import Album, pack

if TYPE_CHECKING:
    from nbformat import NotebookNode

_TITLE = re.compile(r"\A#\s+(?P<title>.+?)\s*(?:\n|\Z)")
_PNG = re.compile(r"[A-Za-z0-9+/=\s]+")


@dataclass(slots=True)
class Page:
    """The content of one page.

    Parameters
    ----------
    title : str
        The heading of the page.
    blocks : list of dict
        What follows, in order; `kind` names how the template shows it, `markup` is safe HTML.
    contents : list of dict
        The headings of the second level: id and text.
    metrics : dict
        The definitions of all figures on cards, by name.
    period : str
        The days the first cards are about.
    album : Album
        The live charts.
    """

    title: str = "Report"
    blocks: list[dict[str, Any]] = field(default_factory=list)
    contents: list[dict[str, str]] = field(default_factory=list)
    metrics: dict[str, dict[str, Any]] = field(default_factory=dict)
    period: str = ""
    album: Album = field(default_factory=Album)
    ids: dict[str, int] = field(default_factory=dict)


def page_of(notebook: NotebookNode, album: Album | None = None) -> Page:
    """Return the content of an executed notebook; its charts are drawn where an album does not have them."""
    page = Page(album=album or Album())
    for reserved in ("content", "contents", "definitions", "receipt", "theme"):
        slug(reserved, page.ids)
    for place, cell in enumerate(notebook.cells):
        if cell.cell_type == "markdown":
            _add_text(page, cell.source, first=place == 0)
        elif cell.cell_type == "code":
            half = "half" in cell.metadata.get("tags", [])
            made = [{**block, "half": half} for out in cell.outputs for block in _blocks(page, out)]
            page.blocks += made[1:] if _is_said(page, made) else made
    return page


def _is_said(page: Page, made: list[dict[str, Any]]) -> bool:
    """Return whether the cell before ended with what this one says: a table lacks the data of its picture."""
    return made[:1] == page.blocks[-1:] and made[0]["kind"] in {"empty", "sentence"} if made else False


def _add_text(page: Page, source: str, *, first: bool) -> None:
    if first and (found := _TITLE.match(source)):
        page.title, source = shown(found["title"], 200), source[found.end() :]
    html, headings = clean(to_html(source), page.ids)
    page.contents += [{"id": name, "markup": text} for level, name, text in headings if level == 2]
    if html.strip():
        page.blocks.append({"kind": "lede" if first else "text", "markup": html})


def to_html(source: str) -> str:
    """Return Markdown as HTML, not yet to be trusted."""
    from nbconvert.filters.markdown_mistune import IPythonRenderer, MarkdownWithMath

    renderer = IPythonRenderer(escape=False, exclude_anchor_links=True)
    return str(MarkdownWithMath(renderer=renderer).render(source))


def _blocks(page: Page, output: Mapping[str, Any]) -> list[dict[str, Any]]:
    if output["output_type"] == "error":
        return [{"kind": "failure", "text": shown(f"{output.get('ename')}: {output.get('evalue')}", 600)}]
    if output["output_type"] == "stream":
        text = output.get("text", "") if output.get("name") == "stdout" else ""
        return [{"kind": "plain", "text": text}] if text.strip() else []
    data = output.get("data", {})
    block = next((make(page, data[kind]) for kind, make in SHOWN.items() if kind in data), None)
    return [block] if block else []


def _chart(page: Page, spec: Mapping[str, Any]) -> dict[str, Any]:
    own = spec.get("usermeta") or {}
    words: Mapping[str, Any] = own.get("workbench", {}) if isinstance(own, Mapping) else {}
    title = spec.get("title")
    subtitle = title.get("subtitle", "") if isinstance(title, Mapping) else ""
    finding = shown(title_of(spec), 600)
    return {
        "kind": "chart",
        "id": slug(f"figure-{finding[:40]}", page.ids),
        "title": finding,
        "subtitle": shown(subtitle, 300),
        "description": shown(spec.get("description") or finding or "Chart", 1000),
        "note": words.get("note", ""),
        "table": words.get("table"),
        "columns": int(spec.get("columns") or 1),
        "pictures": page.album.add(spec),
    }


def _cards(page: Page, payload: Mapping[str, Any]) -> dict[str, Any]:
    # After a table or a chart, cards are of their own days, not of the report's.
    if not any(block["kind"] in {"table", "chart"} for block in page.blocks):
        page.period = page.period or payload.get("period", "")
    cards = [{**card, "id": slug(f"about-{card['name']}", page.ids)} for card in payload["cards"]]
    for card in cards:
        page.metrics.setdefault(card["name"], card)
    return {"kind": "cards", "cards": cards, "caption": payload.get("caption", "")}


def _table(_page: Page, payload: Mapping[str, Any]) -> dict[str, Any]:
    return {"kind": "table", "table": payload}


def _sentence(_page: Page, payload: Mapping[str, Any]) -> dict[str, Any]:
    return {"kind": "sentence", "text": payload["text"]}


def _heading(page: Page, payload: Mapping[str, Any]) -> dict[str, Any] | None:
    html, headings = clean(f"<h2>{escape(payload['text'])}</h2>", page.ids)
    page.contents += [{"id": name, "markup": text} for _, name, text in headings]
    return {"kind": "text", "markup": html} if payload["text"] else None


def _text(_page: Page, payload: Mapping[str, Any]) -> dict[str, Any] | None:
    markup = "".join(f"<p>{escape(part)}</p>" for part in payload["paragraphs"])
    return {"kind": "text", "markup": markup} if markup else None


def _alerts(_page: Page, payload: Mapping[str, Any]) -> dict[str, Any]:
    return {"kind": "alerts", "items": payload["items"], "calm": payload["calm"]}


def _empty(_page: Page, payload: Mapping[str, Any]) -> dict[str, Any]:
    return {"kind": "empty", "title": payload["title"], "reason": payload["reason"]}


_SIMULATED = ("title", "says", "rows", "figures", "warnings", "refused")


def _simulator(page: Page, payload: Mapping[str, Any]) -> dict[str, Any]:
    figures = json.dumps(payload["page"], separators=(",", ":"), allow_nan=False)
    return {
        "kind": "simulator",
        "id": slug("simulator", page.ids),
        "packed": pack(figures),
        **{name: payload[name] for name in _SIMULATED},
        "missed": payload.get("missed", ""),  # outputs of older runs do not say
    }


def _svg(_page: Page, text: str) -> dict[str, Any]:
    # As an <img> a drawing cannot run scripts or load anything.
    return {"kind": "image", "type": "svg+xml", "data": base64.b64encode(text.encode()).decode()}


def _png(_page: Page, text: str) -> dict[str, Any] | None:
    data = "".join(text.split())
    return {"kind": "image", "type": "png", "data": data} if _PNG.fullmatch(data) else None


def _html(_page: Page, text: str) -> dict[str, Any]:
    return {"kind": "foreign", "markup": clean(text)[0]}


def _plain(_page: Page, text: str) -> dict[str, Any] | None:
    return {"kind": "plain", "text": text[:20_000]} if text.strip() else None


SHOWN: dict[str, Callable[[Page, Any], dict[str, Any] | None]] = {
    mime.KPI: _cards,
    mime.CHART: _chart,
    mime.TABLE: _table,
    mime.ALERTS: _alerts,
    mime.SENTENCE: _sentence,
    mime.EMPTY: _empty,
    mime.SIMULATOR: _simulator,
    mime.HEADING: _heading,
    mime.TEXT: _text,
    "image/svg+xml": _svg,
    "image/png": _png,
    "text/html": _html,
    "text/markdown": _plain,
    "text/plain": _plain,
}
