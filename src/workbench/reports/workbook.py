"""The figures of a report as an Excel workbook: typed cells, a sheet per table, nothing that computes."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Any

from workbench.reports.cell_formats import MOMENTS, MONTHS_AND_DAYS, number_format
from workbench.reports.notebook import to_bytes

if TYPE_CHECKING:
    from xlsxwriter import Workbook
    from xlsxwriter.format import Format
    from xlsxwriter.worksheet import Worksheet

# What Excel holds: rows below the heading, columns, UTF-16 units in a cell, digits of a number.
MOST_ROWS, MOST_COLUMNS, LONGEST_TEXT, _EXACT = 1_048_575, 16_384, 32_767, 10**15
_LONGEST_NAME = 31
_WIDEST, _NARROWEST, _MEASURED = 60, 8, 200
_FIRST = "Report"
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}")
_MOMENT = re.compile(r"\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}(?::\d{2}(?:\.\d+)?)?(?:Z|[+-]\d{2}:?\d{2})?")
# What people have named stays as they wrote it, also where all of them wrote days.
_WORDS = re.compile(r"name|key|slice|label|headline|text|note|title|.*_id|.*_name")
_KINDS = {"cards": "Key figures", "alerts": "Alerts", "chart": "Chart", "table": "Table"}
_OBEYED = "=+-@\t\r\n＝＋－＠"


@dataclass(slots=True)
class _Book:
    """A workbook in the making: its formats, each made once, and what had to be cut."""

    book: Workbook
    currency: str | None
    formats: dict[tuple[str, bool], Format] = field(default_factory=dict)
    cut: list[str] = field(default_factory=list)

    def format(self, shown: str, *, inert: bool = False) -> Format:
        """Return the format of a number or, where `inert`, of a text that Excel must not read anew."""
        key = (shown, inert)
        if key not in self.formats:
            made = self.book.add_format({"num_format": shown} if shown else {})
            made.set_quote_prefix(inert)
            self.formats[key] = made
        return self.formats[key]


def workbook(payload: Mapping[str, Any], *, subject: str = "") -> bytes:
    """Return the workbook of a report: a sheet on where it comes from, then a sheet per table of figures.

    Numbers are numbers, days are dates, shares are percentages, moments are in UTC. A text is always a text,
    also where it begins like a formula, and also after somebody edits it. Equal reports give equal bytes.

    Parameters
    ----------
    payload : mapping
        What `report_payload` returns, or the JSON of it.
    subject : str
        What the report is about, besides its kind.
    """
    from xlsxwriter import Workbook

    content = io.BytesIO()
    # Text goes in as text here; the options say it once more for what is written without a kind.
    options = {"in_memory": True} | {f"strings_to_{kind}": False for kind in ("formulas", "numbers", "urls")}
    made = _Book(book=Workbook(content, options), currency=payload.get("currency"))
    ended = _moment(payload.get("timestamp")) or datetime(2000, 1, 1)  # noqa: DTZ001  Excel knows no time zone
    title = _clean(
        " ".join(f"{payload.get('title')}: {subject}".split()) if subject else payload.get("title")
    )
    made.book.set_properties({"title": title[:255], "created": ended})
    first = made.book.add_worksheet(_FIRST)
    sections = [section for section in payload["sections"] if section["rows"]]
    names = sheet_names([section["title"] or _KINDS.get(section["kind"], "Figures") for section in sections])
    for name, section in zip(names, sections, strict=True):
        _figures(made, made.book.add_worksheet(name), section)
    _front(made, first, [*_origin(payload, title), *_contents(names, sections)])
    made.book.close()
    return content.getvalue()


def sheet_names(titles: Sequence[str]) -> list[str]:
    """Return a name for each sheet that Excel takes: numbered, short, without its reserved characters.

    Examples
    --------
    >>> sheet_names(["Spend: [net]/day", "'spend'", "Paid search leads 9 channels by return"])
    ['1 Spend net day', '2 spend', '3 Paid search leads 9 channels']
    """
    names = []
    for number, title in enumerate(titles, start=1):
        words = re.sub(
            r"[\[\]:*?/\\'\x00-\x1f\x7f\ufffe\uffff\u202a-\u202e\u2066-\u2069]", " ", _clean(title)
        )
        name = str(number)
        for word in words.split():
            if _units(f"{name} {word}") > _LONGEST_NAME:
                break
            name = f"{name} {word}"
        names.append(name)
    return names


def _units(text: str) -> int:
    return len(text.encode("utf-16-le")) // 2


def _clean(text: object) -> str:
    """Return a text without lone halves of characters, which no file can hold."""
    return str(text).encode("utf-8", errors="replace").decode()


def _origin(payload: Mapping[str, Any], title: str) -> Iterator[tuple[str, Any]]:
    days = payload["date_range"]
    window = days.get("window")
    yield "Report", title
    yield "First day", _day(days.get("first")) or ("all days" if window is None else window)
    yield "Last day", _day(days.get("last")) or ""
    yield "Workspace", payload["tenant"]
    yield "Prepared (UTC)", _moment(payload["timestamp"]) or ""
    yield "Currency", payload.get("currency") or ""
    yield "Run", payload["run"]
    yield "Data version", payload["data_version"]
    yield "Receipt", payload["receipt"]
    for name, value in payload["parameters"].items():
        yield f"Parameter {name}", "" if value is None else value


def _contents(names: Sequence[str], sections: Sequence[Mapping[str, Any]]) -> Iterator[tuple[str, Any]]:
    yield "", ""
    yield "Sheet", "Figures"
    for name, section in zip(names, sections, strict=True):
        yield name, section["title"] or _KINDS.get(section["kind"], "Figures")


def _front(made: _Book, sheet: Worksheet, lines: list[tuple[str, Any]]) -> None:
    """Write the first sheet last, since only then it is known what was cut."""
    lines += [("Note", note) for note in made.cut]
    for row, (name, value) in enumerate(lines):
        _write(made, sheet, (row, 0), name)
        shown = "0" if isinstance(value, int) and not isinstance(value, bool) else ""
        _write(made, sheet, (row, 1), value, shown)
    sheet.set_column(0, 0, 32)
    sheet.set_column(1, 1, 80)


def _figures(made: _Book, sheet: Worksheet, section: Mapping[str, Any]) -> None:
    rows = section["rows"][:MOST_ROWS]
    columns = list(dict.fromkeys(name for row in rows for name in row))
    if len(section["rows"]) > MOST_ROWS or len(columns) > MOST_COLUMNS:
        made.cut.append(
            f"{sheet.get_name()}: {len(section['rows']):,} rows and {len(columns):,} columns are more than "
            "Excel holds; the rest is in the CSV and JSON files."
        )
    for at, name in enumerate(columns[:MOST_COLUMNS]):
        _write(made, sheet, (0, at), name)
        values = [row.get(name) for row in rows]
        values = values if _WORDS.fullmatch(name) else _typed(values)
        for number, (row, value) in enumerate(zip(rows, values, strict=True), start=1):
            _write(made, sheet, (number, at), value, number_format(name, value, row, made.currency))
        widest = max(len(str(value)) for value in [name, *values[:_MEASURED]])
        sheet.set_column(at, at, min(_WIDEST, max(_NARROWEST, widest + 2)))
    sheet.freeze_panes(1, 0)
    sheet.autofilter(0, 0, len(rows), max(0, min(len(columns), MOST_COLUMNS) - 1))


def _typed(values: list[Any]) -> list[Any]:
    """Return a column's values; its texts become days or moments where every one of them is such."""
    texts = [value for value in values if isinstance(value, str)]
    for read in (_day, _moment):
        if texts and all(read(text) is not None for text in texts):
            return [read(value) if isinstance(value, str) else value for value in values]
    return values


def _day(text: object) -> date | None:
    if not isinstance(text, str) or not _DAY.fullmatch(text):
        return None
    try:
        day = date.fromisoformat(text)
    except ValueError:
        return None
    return day if day.year > 1900 else None  # Excel counts days from then on, and its 1900 was a leap year


def _moment(text: object) -> datetime | None:
    if not isinstance(text, str) or not _MOMENT.fullmatch(text):
        return None
    try:
        moment = datetime.fromisoformat(text)
        moment = moment.astimezone(UTC).replace(tzinfo=None) if moment.tzinfo else moment
    except (ValueError, OverflowError):
        return None
    return moment if moment.year > 1900 else None


def _write(made: _Book, sheet: Worksheet, at: tuple[int, int], value: Any, shown: str = "") -> None:
    """Write one value as what it is; what Excel has no cell for is written as text."""
    if value is None or value == "":
        return
    if isinstance(value, bool):
        sheet.write_boolean(*at, value)
    elif isinstance(value, datetime):
        sheet.write_datetime(*at, value, made.format(MOMENTS))
    elif isinstance(value, date):
        sheet.write_datetime(*at, value, made.format(MONTHS_AND_DAYS))
    elif isinstance(value, int | float) and abs(value) < _EXACT:
        sheet.write_number(*at, value, made.format(shown))
    else:
        text = value if isinstance(value, str | int | float) else to_bytes(value).decode(errors="replace")
        _write_text(made, sheet, at, _clean(text))


def _write_text(made: _Book, sheet: Worksheet, at: tuple[int, int], text: str) -> None:
    if _units(text) > LONGEST_TEXT:
        made.cut.append(
            f"{sheet.get_name()}: the text in row {at[0] + 1}, column {at[1] + 1} was cut to what a cell "
            f"holds, {LONGEST_TEXT:,} characters; the JSON file has all of it."
        )
        text = text.encode("utf-16-le")[: 2 * LONGEST_TEXT].decode("utf-16-le", errors="ignore")
    inert = text.lstrip(" \u00a0\ufeff\x00\x0b\x0c\u200b")[:1] in {*_OBEYED}
    sheet.write_string(*at, text, made.format("", inert=True) if inert else None)
