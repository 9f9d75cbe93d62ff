"""What a chart function returns: a picture with its finding, its description and the table behind it.

Words: the *finding* is the title and says what the picture shows; the *subtitle* says what is drawn, in which
unit; the *description* is read out instead of the picture.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, fields, is_dataclass
from datetime import date, datetime
from html import escape
from typing import TYPE_CHECKING, Any

from workbench.charts import mime
from workbench.charts.renderer import in_lab, render
from workbench.charts.theme import config

if TYPE_CHECKING:
    import altair as alt

MOST_LISTED = 50  # of what has a name; the figures themselves are complete
MOST_ROWS = 400  # of days, of which a year is read as one


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """One column of a table: its heading, whether it holds figures, and whether bars stand behind them."""

    label: str
    number: bool = False
    bars: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class DataTable:
    """A table as it is read: headings and texts.

    Parameters
    ----------
    caption : str
        What the table shows.
    columns : tuple of Column
        The headings.
    rows : tuple of tuple of str
        The cells, formatted; what matters most comes first.
    bars : tuple of tuple of float
        For each row the lengths (0 to 1) of the bars behind its cells, in the order of the columns that have
        some; empty where none has.
    figures : tuple of dict
        The rows as plain values, for machines.
    closing : tuple of tuple of str
        Rows that end the table on a page: what all rows beyond `most` sum up to, a total.
    most : int
        How many rows a page lists.
    """

    caption: str
    columns: tuple[Column, ...]
    rows: tuple[tuple[str, ...], ...]
    bars: tuple[tuple[float | None, ...], ...] = ()
    figures: tuple[dict[str, Any], ...] = ()
    closing: tuple[tuple[str, ...], ...] = ()
    most: int = MOST_LISTED

    def to_json(self) -> dict[str, Any]:
        """Return the table as plain data, with the rows that fit on a page and how many do not."""
        return {
            "caption": shown(self.caption, 600),
            "columns": [{"label": c.label, "number": c.number, "bars": c.bars} for c in self.columns],
            "rows": [[shown(cell) for cell in row] for row in self._listed],
            "bars": [list(row) for row in self._bars],
            "left_out": max(0, len(self.rows) - self.most),
        }

    def to_html(self) -> str:
        """Return the table as HTML in which all text is escaped."""
        head = "".join(f"<th scope='col'>{escape(column.label)}</th>" for column in self.columns)
        body = "".join(
            "<tr>" + "".join(f"<td>{escape(shown(cell))}</td>" for cell in row) + "</tr>"
            for row in self._listed
        )
        caption = f"<caption>{escape(shown(self.caption, 600))}</caption>" if self.caption else ""
        return f"<table>{caption}<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"

    @property
    def _listed(self) -> tuple[tuple[str, ...], ...]:
        return (*self.rows[: self.most], *self.closing)

    @property
    def _bars(self) -> tuple[tuple[float | None, ...], ...]:
        """Return the bars of the rows on a page; behind those that end it stands none."""
        none = (None,) * sum(column.bars for column in self.columns)
        return (*self.bars[: self.most], *(none for _ in self.closing)) if self.bars else ()

    def _repr_mimebundle_(self, **_options: object) -> dict[str, Any]:
        return shown_as(mime.TABLE, self.to_json(), self.caption, self.to_html(), list(self.figures))


@dataclass(frozen=True, slots=True, kw_only=True)
class Drawing:
    """A chart that says what it shows.

    Parameters
    ----------
    finding, subtitle, description : str
        See the words above.
    spec : dict
        The Vega-Lite specification, complete; a concatenation is a set of small pictures side by side.
    table : DataTable
        The figures drawn.
    note : str
        What a reader must know: how it was counted, what is missing.
    """

    finding: str
    subtitle: str
    description: str
    spec: dict[str, Any] = field(repr=False)
    table: DataTable = field(repr=False)
    note: str = ""

    def to_altair(self) -> alt.Chart:
        """Return the picture as an Altair chart, to change it further."""
        import altair as alt

        return alt.Chart.from_dict(self.to_json())

    def to_json(self) -> dict[str, Any]:
        """Return the complete specification, with title, description and table."""
        words = {"table": self.table.to_json(), "note": shown(self.note, 600)}
        return {
            **self.spec,
            "title": {"text": shown(self.finding, 600), "subtitle": shown(self.subtitle, 300)},
            "description": shown(self.description, 1000),
            "config": config(),
            "usermeta": {"workbench": words},
        }

    def _repr_mimebundle_(self, **_options: object) -> dict[str, Any]:
        return {**render(self.to_json()), mime.FIGURES: list(self.table.figures)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Nothing:
    """What stands in the place of a chart or table that the data cannot fill, and why.

    Without a title and a reason it is not shown: there is nothing to be missed.

    Examples
    --------
    >>> print(Nothing(title="Funnel", reason="No events are loaded."))
    Funnel: No events are loaded.
    """

    title: str
    reason: str

    def __str__(self) -> str:
        return f"{self.title}: {self.reason}" if self.title else self.reason

    def _repr_mimebundle_(self, **_options: object) -> dict[str, Any]:
        payload = {"title": shown(self.title, 300), "reason": shown(self.reason, 600)}
        return shown_as(mime.EMPTY, payload, str(self), f"<p><em>{escape(str(self))}</em></p>")


def shown(text: object, limit: int = 120) -> str:
    r"""Return foreign text as it may stand on a page: one line, no invisible controls, not endless.

    Examples
    --------
    >>> shown("Spring\u202e sale\n2025"), shown("x" * 500, 8)
    ('Spring sale 2025', 'xxxxxxx…')
    """
    kept = "".join(c for c in str(text)[: 4 * limit] if c.isspace() or unicodedata.category(c)[0] != "C")
    line = " ".join(kept.split())
    return line if len(line) <= limit else f"{line[: limit - 1].rstrip()}…"


def coded(name: object) -> str:
    """Return a name that stands for itself in data as it is read.

    Examples
    --------
    >>> coded("paid_search")
    'paid search'
    """
    return str(name).replace("_", " ")


def more(rest: int, where: str) -> str:
    """Return that some more stand elsewhere; empty where none do.

    Examples
    --------
    >>> more(1, "in the figures"), more(3, "in the table"), more(0, "in the table")
    ('1 more is in the figures', '3 more are in the table', '')
    """
    return f"{rest:,} more {'is' if rest == 1 else 'are'} {where}" if rest else ""


def opened(sentence: str) -> str:
    """Return a sentence of names that stand for themselves as it begins on a page.

    Examples
    --------
    >>> opened("paid_search opens most.")
    'Paid search opens most.'
    """
    text = coded(sentence)
    return text[:1].upper() + text[1:]


def shown_as(
    kind: str, payload: object, text: str, html: str, figures: list[dict[str, Any]] | None = None
) -> dict[str, Any]:
    """Return one payload by MIME type; people at a notebook also get HTML."""
    bundle: dict[str, Any] = {kind: payload, "text/plain": shown(text, 600)}
    if figures is not None:
        bundle[mime.FIGURES] = figures
    if in_lab():
        bundle["text/html"] = html
    return bundle


def figures_of(rows: Iterable[object], *, leave: Sequence[str] = ()) -> tuple[dict[str, Any], ...]:
    """Return frozen rows as dictionaries of plain JSON values."""
    return tuple(
        {f.name: _plain(getattr(row, f.name)) for f in fields(row) if f.name not in leave}
        for row in rows
        if is_dataclass(row)
    )


def _plain(value: object) -> object:
    if isinstance(value, date | datetime):
        return value.isoformat()
    if isinstance(value, tuple | list):
        return [_plain(part) for part in value]
    return value
