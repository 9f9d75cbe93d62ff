"""A report as PDF without a browser: typeset by Typst in a fraction of a second, tagged for screen readers.

The words of a report go in as data, the way they are on its page; no word is ever read as markup.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from html.parser import HTMLParser
from pathlib import Path
from typing import TYPE_CHECKING, Any

from workbench.charts.drawing import shown
from workbench.charts.theme import LIGHT
from workbench.errors import RunFailed
from workbench.reports.exporter import About, about_of
from workbench.reports.markup import unbroken
from workbench.reports.page import Page, page_of
from workbench.reports.typeset_tables import breakable, table_set
from workbench.reports.vega import DrawnAlbum, drawings_of

if TYPE_CHECKING:
    from nbformat import NotebookNode

_TEMPLATE = Path(__file__).parent / "template" / "report.typ"
_VARIABLE = re.compile(r"var\(--([a-z0-9]+)\)")
_GOOD = {"good": "good", "bad": "bad", "told": "ink", "met": "good", "missed": "bad"}
_VOID = frozenset({"br", "hr"})
_OUTER = frozenset({"div", "ul", "ol", "dl", "table", "thead", "tbody", "tr", "blockquote"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Typeset:
    """A PDF file.

    Parameters
    ----------
    content : bytes
        The file.
    accessible : bool
        Whether it keeps to PDF/UA-1. It does not where the fonts of this machine lack a character.
    """

    content: bytes
    accessible: bool


def typeset_report(notebook: NotebookNode, drawn: str = "", *, ended: str | None = None) -> Typeset:
    """Return an executed notebook as PDF; the charts are those of its published page, where that is given."""
    page = page_of(notebook, DrawnAlbum(drawings=drawings_of(drawn)))
    return typeset(page, about_of(notebook.metadata.get("workbench", {}), page), ended=ended)


def typeset(page: Page, about: About, *, ended: str | None = None) -> Typeset:
    """Return a page as PDF, A4; the same page gives the same bytes with the same fonts installed.

    Parameters
    ----------
    page : Page
        The content.
    about : About
        What the title block says.
    ended : str, optional
        When the run ended, ISO 8601; the date in the file.

    Raises
    ------
    RunFailed
        If it cannot be typeset.

    Examples
    --------
    >>> typeset(Page(title="Weekly review"), About(tenant="acme")).content[:5]
    b'%PDF-'
    """
    import typst

    files = {"main.typ": _TEMPLATE.read_bytes()}
    report = _Writer(files=files).report(page, about)
    said = json.loads(unbroken(json.dumps(report, ensure_ascii=False)))
    files["data.json"] = json.dumps(said, ensure_ascii=True).encode()
    moment = datetime.fromisoformat(ended).astimezone(UTC) if ended else datetime(2000, 1, 1, tzinfo=UTC)
    moment = moment.replace(microsecond=0)
    problem = ""
    for standards in (["ua-1"], []):
        try:
            made = _compiled(files, pdf_standards=standards, timestamp=moment)
        except typst.TypstError as error:
            problem = problem or shown(error, 600)
        else:
            return Typeset(content=made, accessible=bool(standards))
    raise RunFailed(f"The report could not be typeset: {problem}")


def _compiled(files: dict[str, bytes], **options: Any) -> bytes:
    import typst

    compile_: Any = typst.compile  # its types know nothing of several files
    # What a foreign drawing asks for is looked up below the template, where nothing is to be found.
    return bytes(compile_(files, root=_TEMPLATE.parent, format="pdf", **options))


@dataclass(slots=True)
class _Writer:
    """What is known while a page is turned into data: its pictures, the level of the heading before."""

    files: dict[str, bytes]
    level: int = 0

    def report(self, page: Page, about: About) -> dict[str, Any]:
        facts = {
            "Period": about.period,
            "Prepared": about.created,
            "Data": "" if about.data_version is None else f"version {about.data_version}",
            "Run": about.run,
        }
        return {
            "title": page.title,
            "tenant": about.tenant,
            "language": about.language,
            "colours": dict(LIGHT),
            "facts": [{"name": name, "value": value} for name, value in facts.items() if value],
            "foot": " · ".join(part for part in (about.tenant, page.title, about.period) if part),
            "blocks": [made for block in page.blocks for made in self.block(block)],
            "definitions": [
                {name: str(card.get(name, "")) for name in ("title", "says", "formula")}
                for card in page.metrics.values()
            ],
            "receipt": [
                {"name": name, "value": breakable(value, 80)} for name, value in about.receipt.items()
            ],
        }

    def block(self, block: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
        kind = str(block["kind"])
        if kind in {"lede", "text", "foreign"}:
            yield {"kind": kind, "nodes": self.nodes(block["markup"])}
        elif kind == "cards":
            cards = [_card(card) for card in block["cards"]]
            yield {"kind": kind, "cards": cards, "caption": block["caption"]}
        elif kind == "chart":
            yield self.chart(block)
        elif kind == "table":
            yield {"kind": kind, "table": table_set(block["table"])}
        elif kind == "simulator":
            yield _simulator(block)
        elif kind == "image":
            yield self.foreign(base64.b64decode(block["data"]), "svg" if "svg" in block["type"] else "png")
        elif kind == "failure":
            yield {"kind": "empty", "title": "This part could not be computed", "reason": block["text"]}
        elif kind != "empty" or block["title"] or block["reason"]:
            yield {name: value for name, value in block.items() if name in _PLAIN[kind]}

    def chart(self, block: Mapping[str, Any]) -> dict[str, Any]:
        pictures = [
            {
                "name": picture.name,
                "alt": (block["description"] if n == 0 else picture.name) or block["title"] or "Chart",
                "file": self.picture(printed(picture.svg).encode(), "svg"),
            }
            for n, picture in enumerate(block["pictures"])
        ]
        words = {name: block[name] or "" for name in ("title", "subtitle", "note")}
        columns = min(block["columns"] if len(pictures) > 1 else 1, 4)
        return {"kind": "chart", "pictures": pictures, "columns": columns, **words}

    def foreign(self, content: bytes, ending: str) -> dict[str, Any]:
        """Return a picture that is none of ours: one that is broken, or asks for other files, is left out."""
        import typst

        alone = {"main.typ": f'#image("one.{ending}")'.encode(), f"one.{ending}": content}
        try:
            _compiled(alone)
        except typst.TypstError:
            reason = "It cannot be set on paper; the page has it."
            return {"kind": "empty", "title": "A picture is left out", "reason": reason}
        alt = "Picture without a description"
        return {"kind": "image", "file": self.picture(content, ending), "alt": alt}

    def picture(self, content: bytes, ending: str) -> str:
        name = f"picture-{len(self.files)}.{ending}"
        self.files[name] = content
        return name

    def nodes(self, markup: str) -> list[Any]:
        """Return clean HTML as a tree; headings of the second level become the first, and none is skipped."""
        reader = _Reader(self.level)
        reader.feed(markup)
        reader.close()
        self.level = reader.level
        return reader.root


class _Reader(HTMLParser):
    """Read HTML that was written anew by `markup.clean`, and so is well-formed."""

    def __init__(self, level: int) -> None:
        super().__init__(convert_charrefs=True)
        self.root: list[Any] = []
        self.open: list[list[Any]] = [self.root]
        self.tags: list[str] = ["div"]
        self.level = level

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        level = None
        if re.fullmatch(r"h[2-6]", tag):
            level = self.level = min(int(tag[1]) - 1, self.level + 1)
        href = dict(attrs).get("href") or ""
        outward = href if href.startswith(("https://", "http://", "mailto:")) else None
        parts: list[Any] = []
        self.open[-1].append({"tag": tag, "parts": parts, "level": level, "href": outward})
        if tag not in _VOID:
            self.open.append(parts)
            self.tags.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag not in _VOID and len(self.open) > 1:
            self.open.pop()
            self.tags.pop()

    def handle_data(self, data: str) -> None:
        # A line that ends in the source is no line that ends on paper.
        said = data if "pre" in self.tags else re.sub(r"[ \t\r\n]+", " ", data)
        if said.strip() or (said and self.tags[-1] not in _OUTER):
            self.open[-1].append(said)


_PLAIN = {
    "sentence": {"kind", "text"},
    "alerts": {"kind", "items", "calm"},
    "empty": {"kind", "title", "reason"},
    "plain": {"kind", "text"},
}


def _remark(card: Mapping[str, Any]) -> str:
    """Return what a reader must know of a card in a few words; earlier runs tell it in two fields."""
    older = "Still incomplete" if card.get("incomplete") else card.get("leans", "")
    return str(card.get("remark", older if isinstance(older, str) else ""))


def _card(card: Mapping[str, Any]) -> dict[str, Any]:
    change = card.get("change", "")
    if change and card.get("before"):
        change = f"{change} from {card['before']}"
    target = f"Target {card['target']} {card.get('target_is') or ''}".strip() if card.get("target") else ""
    sure = "" if card.get("target_by_chance") else card.get("target_is", "")
    note = card.get("note", "") if card["value"] == "–" else _remark(card)
    lines = (
        (card.get("interval", ""), "muted"),
        (change, _GOOD.get(card.get("change_is", ""), "muted")),
        (target, _GOOD.get(sure, "muted")),
        (note, "muted"),
    )
    return {
        "title": card["title"],
        "value": card.get("amount") or card["value"],
        "unit": card.get("unit", ""),
        "alert": bool(card.get("alert")),
        "lines": [{"text": text, "colour": colour} for text, colour in lines if text],
        "line": [run for run in card.get("line", []) if len(run) > 1],
    }


def _simulator(block: Mapping[str, Any]) -> dict[str, Any]:
    rows = block["rows"]
    heads = ("Channel", "Today", "Proposed", "Change", rows[0]["next_label"] if rows else "Next")
    table = {
        "caption": "",
        "columns": [{"label": label, "number": n > 0} for n, label in enumerate(heads)],
        "rows": [
            [row[name] for name in ("channel", "current", "proposed", "change", "next")] for row in rows
        ],
    }
    figures = [
        {name: str(one.get(name) or "") for name in ("label", "said", "range")} for one in block["figures"]
    ]
    words = {name: str(block[name] or "") for name in ("title", "says", "missed")}
    return {
        "kind": "simulator",
        **words,
        "figures": figures,
        "table": table_set(table),
        "warnings": block["warnings"],
    }


def printed(svg: str) -> str:
    """Return a drawing with the colours of paper in place of variables."""
    return _VARIABLE.sub(lambda found: LIGHT.get(found[1], LIGHT["ink"]), svg)
