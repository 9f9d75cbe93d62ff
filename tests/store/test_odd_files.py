"""Files that were handed on by other machines and programs: read as they are meant, or refused by name."""

from __future__ import annotations

import bz2
import os
from pathlib import Path
from typing import Any

import pytest
from xlsxwriter import Workbook

from workbench.errors import BadInput
from workbench.store import Workspace
from workbench.store.ingest import ingest

HEADER = "date,campaign_id,channel,impressions,spend\n"
ROW = "2024-03-01,c1,email,1000,12.5\n"


def load(workspace: Workspace, folder: Path, content: str | bytes, name: str = "a.csv", **how: Any) -> Any:
    file = folder / name
    file.write_bytes(content if isinstance(content, bytes) else content.encode())
    result = ingest(workspace, [file], **how)
    assert result.accepted + result.duplicates + result.quarantined == result.read
    return result


def reasons(workspace: Workspace) -> list[str]:
    rows = workspace.tables().query("SELECT reasons FROM quarantine ORDER BY line").to_pylist()
    return [row["reasons"] for row in rows]


def stored(workspace: Workspace, columns: str, table: str = "daily_performance") -> list[tuple[Any, ...]]:
    rows = workspace.tables().query(f"SELECT {columns} FROM {table} ORDER BY ALL").to_pylist()
    return [tuple(row.values()) for row in rows]


def test_a_name_of_a_file_that_is_no_text_stops_that_file_only(workspace: Workspace, tmp_path: Path) -> None:
    folder = tmp_path / "files"
    folder.mkdir()
    for name in (b"M\xfcnchen.csv", b"M\xfcnchen.jsonl", b"plain.csv"):
        Path(os.fsdecode(os.fsencode(folder) + b"/" + name)).write_text(HEADER + ROW)
    done = ingest(workspace, [folder])
    assert (done.accepted, len(done.refused)) == (1, 2)
    assert all("the name of the file is not UTF-8 text" in said for _, said in done.refused)
    assert load(workspace, tmp_path, HEADER + ROW.replace("c1", "c2")).accepted == 1


@pytest.mark.parametrize(
    "content",
    [
        "date,campaign_id,channel,spend,grö\n2024-03-01,c1,email,1,1\n".encode("latin-1"),
        bz2.compress((HEADER + ROW).encode()),
    ],
)
def test_names_of_columns_that_are_no_text(workspace: Workspace, tmp_path: Path, content: bytes) -> None:
    with pytest.raises(BadInput, match="names of the columns are not UTF-8 text") as refused:
        load(workspace, tmp_path, content)
    assert str(refused.value).isprintable()
    assert load(workspace, tmp_path, HEADER + ROW, "b.csv").accepted == 1


def test_half_a_surrogate_pair_is_a_reason(workspace: Workspace, tmp_path: Path) -> None:
    row = '{"date": "2024-03-01", "campaign_id": "%s", "channel": "email", "spend": 1, "%s": 2}\n'
    rows = row % ("a\\ud800", "k") + row % ("b", "\\udc00k") + row % ("\\ud83d\\ude00", "k")
    assert load(workspace, tmp_path, rows, "a.jsonl").accepted == 1
    assert reasons(workspace) == ["not JSON", "not JSON"]
    assert stored(workspace, "campaign_id") == [("😀",)]


def sheet(path: Path, *rows: list[Any]) -> Path:
    with Workbook(path) as book:
        page = book.add_worksheet()
        for place, row in enumerate((["date", "campaign_id", "channel", "spend", "region", "ctr"], *rows)):
            for column, value in enumerate(row):
                if isinstance(value, str) and value.startswith("#"):
                    page.write_formula(place, column, "=1/0", None, value)
                elif isinstance(value, str):
                    page.write_string(place, column, value)
                else:
                    page.write(place, column, value)
    return path


def test_formulas_that_came_to_nothing_are_not_blank_cells(workspace: Workspace, tmp_path: Path) -> None:
    rows = [
        ["2024-03-01", "a", "email", "#N/A", "EU", 1],
        ["2024-03-01", "b", "email", 1, "#REF!", 1],
        ["2024-03-01", "#VALUE!", "email", 1, "EU", 1],
        ["2024-03-01", "c", "email", 2.5, "EU", "#DIV/0!"],
    ]
    done = ingest(workspace, [sheet(tmp_path / "a.xlsx", *rows)])
    assert (done.accepted, done.quarantined) == (1, 3)
    assert reasons(workspace) == [
        "column 'spend': '#N/A' is not a number; expected digits with '.' decimals",
        "an error of a spreadsheet: region",
        "an error of a spreadsheet: campaign_id",
    ]
    assert stored(workspace, "campaign_id, spend") == [("c", 2.5)]


def test_ids_that_a_sheet_keeps_as_numbers_have_lost_digits(workspace: Workspace, tmp_path: Path) -> None:
    whole = "120212345678901230"
    rows = [
        ["2024-03-01", int(whole), "email", 1],
        ["2024-03-02", whole, "email", 1],
        ["2024-03-03", 123456789012345, "email", 1],
        ["2024-03-04", 1234567890123450, "email", 1],
        ["2024-03-05", "1234567890123450", "email", 1],
    ]
    assert ingest(workspace, [sheet(tmp_path / "a.xlsx", *rows)]).accepted == 3
    assert reasons(workspace) == ["malformed id: campaign_id is a number that was shortened"] * 2
    assert stored(workspace, "campaign_id") == [
        ("120212345678901230",),
        ("123456789012345",),
        ("1234567890123450",),
    ]
