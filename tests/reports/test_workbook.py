"""Workbooks, opened again: every cell is what it was, and none computes."""

from __future__ import annotations

import io
import zipfile
from datetime import datetime
from typing import Any

import openpyxl
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from workbench.reports.workbook import LONGEST_TEXT, sheet_names, workbook

HOSTILE = (
    '=HYPERLINK("http://x.test","click")',
    "+1+1",
    "-2+3",
    "@SUM(A1)",
    "\t=1+1",
    " =1+1",
    "＝1+1",
    "<b>&amp;",
    "_x0041_",
    "\x01\x1f\ufffe",
    "https://x.test",
    "007",
)


def payload(*sections: dict[str, Any], **values: Any) -> dict[str, Any]:
    return {
        "currency": "EUR",
        "data_version": 7,
        "date_range": {"first": "2024-01-01", "last": "2024-01-30", "window": "30d"},
        "parameters": {"window": "30d", "top": 5, "campaign": None},
        "receipt": "ab" * 32,
        "run": "small-0123456789abcdef",
        "sections": list(sections),
        "tenant": "acme",
        "timestamp": "2024-02-01T09:30:00.500+01:00",
        "title": "Small report",
    } | values


def section(rows: list[dict[str, Any]], title: str = "", kind: str = "table") -> dict[str, Any]:
    return {"cell": "c", "kind": kind, "rows": rows, "text": "", "title": title}


def opened(content: bytes) -> openpyxl.Workbook:
    return openpyxl.load_workbook(io.BytesIO(content))


def column(content: bytes, sheet: int, name: str) -> list[Any]:
    """Return the cells under a heading."""
    table = opened(content).worksheets[sheet]
    at = [cell.value for cell in table[1]].index(name)
    return [row[at] for row in table.iter_rows(min_row=2)]


def test_the_first_sheet_says_where_it_comes_from() -> None:
    sheet = opened(workbook(payload(section([{"a": 1}], "What was spent")), subject="Spring")).worksheets[0]
    told = {row[0].value: row[1].value for row in sheet.iter_rows()}
    assert told["Report"] == "Small report: Spring"
    assert (told["First day"], told["Last day"]) == (datetime(2024, 1, 1), datetime(2024, 1, 30))
    assert told["Prepared (UTC)"] == datetime(2024, 2, 1, 8, 30, 0, 500_000)
    assert (told["Run"], told["Data version"]) == ("small-0123456789abcdef", 7)
    assert told["Receipt"] == "ab" * 32
    assert told["Parameter top"] == 5
    assert told["1 What was spent"] == "What was spent"


def test_cells_have_the_kind_and_the_look_of_what_they_hold() -> None:
    rows = [
        {"day": "2024-01-01", "at": "2024-01-01T12:00:00+02:00", "ctr_low": 0.0072, "value": 12.5},
        {"day": "2024-02-29", "at": "2024-01-02T12:00:00Z", "ctr_low": None, "value": 0.031},
    ]
    rows[0] |= {"unit": "money", "clicks": 1234.0, "used": True, "healthy": [0.5, None], "big": 10**17}
    rows[1] |= {"unit": "%", "clicks": 12.0, "used": False, "mixed": "2024-01-01", "name": "2024-01-01"}
    made = workbook(payload(section(rows)))
    looks = {
        name: [(c.data_type, c.number_format) for c in column(made, 1, name)]
        for name in ("day", "at", "value")
    }
    assert looks["day"] == [("d", "yyyy-mm-dd")] * 2
    assert looks["at"] == [("d", "yyyy-mm-dd hh:mm:ss")] * 2
    assert looks["value"] == [("n", '#,##0.00 "EUR"'), ("n", "0.00%")]
    assert [c.value for c in column(made, 1, "at")] == [datetime(2024, 1, 1, 10), datetime(2024, 1, 2, 12)]
    assert [c.value for c in column(made, 1, "ctr_low")] == [0.0072, None]
    assert column(made, 1, "ctr_low")[0].number_format == "0.00%"
    assert column(made, 1, "clicks")[0].number_format == "#,##0"
    assert [c.value for c in column(made, 1, "used")] == [True, False]
    assert column(made, 1, "healthy")[0].value == "[0.5,null]"
    assert column(made, 1, "big")[0].value == str(10**17)  # Excel keeps 15 digits
    assert column(made, 1, "name")[1].data_type == "s"  # what people name stays what they wrote


def test_a_frame_reads_it_with_its_types() -> None:
    rows = [{"day": f"2024-01-0{n}", "spend": n / 2, "channel": "email"} for n in range(1, 4)]
    frame = pl.read_excel(io.BytesIO(workbook(payload(section(rows, "By day")))), sheet_name="1 By day")
    assert frame.schema == {"day": pl.Date, "spend": pl.Float64, "channel": pl.String}
    assert frame["spend"].to_list() == [0.5, 1.0, 1.5]


@pytest.mark.parametrize("text", HOSTILE)
def test_text_stays_text(text: str) -> None:
    made = workbook(
        payload(section([{text: text}], text), title=text, tenant=text, parameters={text: text}), subject=text
    )
    with zipfile.ZipFile(io.BytesIO(made)) as parts:
        sheets = [parts.read(name) for name in parts.namelist() if name.startswith("xl/worksheets/sheet")]
        assert not [name for name in parts.namelist() if "externalLink" in name or "vba" in name.lower()]
    assert all(b"<f>" not in sheet and b"<hyperlink" not in sheet for sheet in sheets)
    heading, cell = (row[0] for row in opened(made).worksheets[1].iter_rows())
    for one in (heading, cell):
        assert one.data_type == "s"
        # Somebody who edits the cell does not make a formula of it either.
        assert bool(one.quotePrefix) == (text.lstrip()[0] in "=+-@＝")
    if text.isprintable():
        assert cell.value == text or text == "_x0041_"


def test_what_a_cell_cannot_hold_is_cut_and_told() -> None:
    book = opened(workbook(payload(section([{"a": "€" * 40_000, "b": "\ud800"}], "Long"))))
    assert len(book.worksheets[1]["A2"].value) == LONGEST_TEXT
    assert book.worksheets[1]["B2"].value == "?"
    notes = [row[1].value for row in book.worksheets[0].iter_rows() if row[0].value == "Note"]
    assert notes == [
        "1 Long: the text in row 2, column 1 was cut to what a cell holds, 32,767 characters; "
        "the JSON file has all of it."
    ]


def test_rows_that_do_not_fit_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("workbench.reports.workbook.MOST_ROWS", 3)
    book = opened(workbook(payload(section([{"a": n} for n in range(5)], "Long"))))
    assert book.worksheets[1].max_row == 4
    notes = [row[1].value for row in book.worksheets[0].iter_rows() if row[0].value == "Note"]
    assert len(notes) == 1
    assert notes[0].startswith("1 Long: 5 rows and 1 columns are more than Excel holds")


def test_a_report_without_figures() -> None:
    book = opened(workbook(payload(section([]), date_range={"first": None, "last": None, "window": None})))
    assert book.sheetnames == ["Report"]


def test_equal_reports_give_equal_bytes() -> None:
    one = payload(section([{"a": 1, "b": "=x"}], "A"), section([{"c": "2024-01-01"}], "A"))
    made = workbook(one, subject="x")
    assert made == workbook(one, subject="x")
    assert opened(made).properties.created == datetime(2024, 2, 1, 8, 30)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.text(max_size=80), max_size=6))
def test_names_of_sheets_are_such(titles: list[str]) -> None:
    names = sheet_names(titles)
    assert len({name.casefold() for name in names}) == len(titles)
    for name in names:
        assert 1 <= len(name.encode("utf-16-le")) // 2 <= 31
        assert not set(name) & set("[]:*?/\\'")
        assert name[0].isdigit()
        assert name.casefold() not in {"history", "report"}
