"""Foreign HTML made harmless: parsed, and written anew from a short list of elements."""

from __future__ import annotations

import re
from html import escape
from html.parser import HTMLParser

_WORDS = {
    "p",
    "br",
    "hr",
    "strong",
    "em",
    "b",
    "i",
    "del",
    "sup",
    "sub",
    "code",
    "pre",
    "kbd",
    "blockquote",
    "a",
}
_LISTS = {"ul", "ol", "li", "dl", "dt", "dd", "div", "span"}
_HEADINGS = {"h2", "h3", "h4", "h5", "h6"}
_TABLES = {"table", "caption", "thead", "tbody", "tfoot", "tr", "th", "td"}
_KEPT = _WORDS | _LISTS | _HEADINGS | _TABLES
_VOID = {"br", "hr"}
_SILENT = {"script", "style", "iframe", "object", "embed", "template", "svg", "math", "noscript", "textarea"}
_SILENT |= {"title", "select", "head", "form"}
_HREF = re.compile(r"(?:https?://|mailto:|#)[^\s]*", re.IGNORECASE)
_HEADING = re.compile(r"h[1-6]")
_CODE = re.compile(r"(<(?:script|style)\b.*?</(?:script|style)>)", re.DOTALL)
_SIGN = re.compile("([+\u2212])(?=[\u20ac$\u00a3\u00a5])")


class _Writer(HTMLParser):
    def __init__(self, ids: dict[str, int]) -> None:
        super().__init__(convert_charrefs=True)
        self.out: list[str] = []
        self.open: list[str] = []
        self.silent: list[str] = []
        self.ids = ids
        self.headings: list[tuple[int, str, str]] = []
        self._heading_start: int | None = None

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if self.silent or tag in _SILENT:
            self.silent += [tag] if tag in _SILENT and tag != "embed" else []
            return
        tag = "h2" if tag == "h1" else tag
        if tag not in _KEPT:
            return
        if _HEADING.fullmatch(tag):
            self._heading_start = len(self.out)
        self.out.append(f"<{tag}{_attributes(tag, dict(attrs))}>")
        if tag not in _VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if not self.silent and tag in _VOID:
            self.handle_starttag(tag, attrs)

    def handle_endtag(self, tag: str) -> None:
        if self.silent:
            if tag == self.silent[-1]:
                self.silent.pop()
            return
        tag = "h2" if tag == "h1" else tag
        if tag not in self.open:
            return
        while True:
            last = self.open.pop()
            self.out.append(f"</{last}>")
            if _HEADING.fullmatch(last):
                self._name_heading(last)
            if last == tag:
                return

    def handle_data(self, data: str) -> None:
        if not self.silent:
            self.out.append(escape(data))

    def _name_heading(self, tag: str) -> None:
        start = self._heading_start
        if start is None:
            return
        text = re.sub(r"<[^>]*>", "", "".join(self.out[start:]))
        name = slug(text, self.ids)
        self.out[start] = f'<{tag} id="{name}">'
        self.headings.append((int(tag[1]), name, text))
        self._heading_start = None


def _attributes(tag: str, given: dict[str, str | None]) -> str:
    if tag == "a" and _HREF.fullmatch(given.get("href") or ""):
        return f' href="{escape(given["href"] or "")}" rel="noopener noreferrer"'
    if tag == "th" and given.get("scope") in {"col", "row"}:
        return f' scope="{given["scope"]}"'
    return ' class="number"' if tag in {"td", "th"} and given.get("class") == "number" else ""


def clean(html: str, ids: dict[str, int] | None = None) -> tuple[str, list[tuple[int, str, str]]]:
    """Return HTML written anew from allowed elements, and its headings as (level, id, escaped text).

    Scripts, styles, pictures, frames, forms, event handlers and every other attribute are gone; a heading of
    the first level becomes one of the second, for the page has its own.

    Examples
    --------
    >>> clean('<p onclick="x()">a <script>x()</script><b>b</p><img src=x onerror=y>')[0]
    '<p>a <b>b</b></p>'
    >>> clean("<h1>Key figures</h1>")
    ('<h2 id="key-figures">Key figures</h2>', [(2, 'key-figures', 'Key figures')])
    """
    writer = _Writer(ids if ids is not None else {})
    writer.feed(html)
    writer.close()
    for tag in reversed(list(writer.open)):
        writer.silent.clear()
        writer.handle_endtag(tag)
    return "".join(writer.out), writer.headings


def unbroken(page: str) -> str:
    """Return a page in which no line ends between a minus or plus and the sign of a currency.

    A browser may break there, and what is left in the next line reads as a gain.

    Examples
    --------
    >>> loss = "<p>" + chr(0x2212) + "$5</p>"
    >>> len(unbroken(loss)) - len(loss), unbroken("<p>$5</p>")
    (1, '<p>$5</p>')
    """
    parts = _CODE.split(page)
    parts[::2] = [_SIGN.sub("\\1\u2060", part) for part in parts[::2]]
    return "".join(parts)


def slug(text: str, ids: dict[str, int]) -> str:
    """Return a name for a place in the page that no other place has.

    Examples
    --------
    >>> ids = {}
    >>> slug("Key figures", ids), slug("Key figures!", ids)
    ('key-figures', 'key-figures-2')
    """
    base = re.sub(r"[^a-z0-9]+", "-", text.lower())[:60].strip("-") or "part"
    name = base
    while name in ids:
        ids[base] += 1
        name = f"{base}-{ids[base]}"
    ids[name] = 1
    return name
