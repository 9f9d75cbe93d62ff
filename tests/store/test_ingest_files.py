"""Files good and bad: each is loaded, refused by name, or its rows are quarantined with a reason."""

from __future__ import annotations

import gzip
import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path
from random import Random
from typing import Any

import polars as pl
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from workbench.errors import BadInput, UsageError, WorkspaceError
from workbench.metrics import measure
from workbench.store import Workspace
from workbench.store.ingest import ingest
from workbench.store.reading import open_source
from workbench.store.recovery import announce

from .loaded import load, reasons

HEADER = "date,campaign_id,channel,impressions,clicks,spend,region\n"
ROW = "2024-03-01,c1,email,1000,50,12.5,EU\n"


def stored(workspace: Workspace, table: str = "daily_performance") -> list[dict[str, Any]]:
    return workspace.tables().query(f"SELECT * FROM {table} ORDER BY ALL").to_pylist()


@pytest.mark.parametrize(
    "content",
    [
        (HEADER + ROW).encode("utf-8-sig"),
        (HEADER + ROW).encode("utf-16"),
        (HEADER + ROW).encode("utf-16-le"),
        (HEADER + ROW).encode("utf-16-be"),
        (HEADER + ROW).replace("\n", "\r\n").encode(),
        (HEADER + ROW).replace("\n", "\r").encode(),
        (HEADER.strip() + "\r\n" + ROW + "\r\n\n").encode(),
        (HEADER + ROW).replace(",", ";").encode(),
        (HEADER + ROW).replace(",", "\t").encode(),
        gzip.compress((HEADER + ROW).encode()),
        (HEADER.strip() + ",\n" + ROW.strip() + ",\n").encode(),
    ],
    ids=["mark", "utf16", "le", "be", "crlf", "cr", "mixed", "semicolon", "tab", "gzip", "trailing"],
)
def test_ways_to_write_one_row(workspace: Workspace, tmp_path: Path, content: bytes) -> None:
    assert load(workspace, tmp_path, content).accepted == 1
    (row,) = stored(workspace)
    assert (str(row["date"]), row["clicks"], row["spend"], row["region"]) == ("2024-03-01", 50, 12.5, "EU")


def _damaged_parquet() -> bytes:
    names = ["date", "campaign_id", "channel", "spend"]
    into = pa.BufferOutputStream()
    pq.write_table(pa.table([["2024-03-01"], ["c"], ["email"], [1.5]], names=names), into)
    whole = into.getvalue().to_pybytes()
    return whole[:4] + bytes([255]) * 20 + whole[24:]


@pytest.mark.parametrize(
    ("content", "name", "says"),
    [
        (b"", "a.csv", "the file is empty"),
        (b"\xef\xbb\xbf\r\n \n", "a.jsonl", "the file is empty"),
        (b"date:campaign_id:clicks\n2024-01-01:c:1\n", "a.csv", "one column only"),
        (b"date,clicks,clicks\n", "a.csv", "a column stands twice"),
        (b"date,,clicks\n1,2,3\n", "a.csv", "column 2 has no name"),
        (b"mood,weather\nbad,rain\n", "a.csv", "no mapping fits the columns mood, weather"),
        (
            b"campaign_id,name\na,b\n",
            "a.csv",
            "our table campaigns comes closest, and lacks campaign_type, ch",
        ),
        (b"order_id,line\na,1\n", "a.csv", "table orders comes closest, and lacks ordered_at, order_value;"),
        (b"Campaign,Day,Impr.\na,b,c\n", "a.csv", r"; google_ads comes closest, and lacks spend \(from"),
        (b"Campaign,Day,Cost\na,b,1\n", "a.csv", "google_ads comes closest: --mapping google_ads reads"),
        (b"date,medium,clicks\na,b,1\n", "a.csv", r"comes closest, and lacks campaign_id .* 'channel'\)"),
        (b"[{}]", "a.jsonl", "is a JSON array"),
        (b'[\n  {"a": 1}\n]\n', "a.json", "is a JSON array"),
        (b'{\n  "a": 1,\n  "b": [\n    2\n  ]\n}\n', "truth.json", "is JSON over several lines"),
        (b"\x1f\x8bgarbage", "a.csv", "gzip is damaged"),
        (gzip.compress(os.urandom(200_000))[:-5000], "a.csv.gz", "gzip is damaged"),
        (b"PAR1 nothing", "a.parquet", "not a Parquet file"),
        (_damaged_parquet(), "a.parquet", "or not all of it .* Write or download it again"),
        (b"PK\x03\x04 nothing", "a.xlsx", "not an Excel file"),
        (b"a,b\n1,2\n", "a.parquet", "the content is something else"),
        (b"da\x00te,campaign_id\n1,2\n", "a.csv", "NUL bytes"),
        (b"_row,date\n1,2\n", "a.csv", "the loader uses this name itself"),
    ],
)
def test_files_refused_by_name(
    workspace: Workspace, tmp_path: Path, content: bytes, name: str, says: str
) -> None:
    with pytest.raises(BadInput, match=says) as caught:
        load(workspace, tmp_path, content, name)
    assert str(tmp_path / name) in str(caught.value)
    assert workspace.tables().names == {"loads"}


def test_a_gzip_that_breaks_off_late_leaves_nothing(workspace: Workspace, tmp_path: Path) -> None:
    rows = "".join(f"2024-03-01,c{n},email,{n},1,1,EU\n" for n in range(200_000))
    with pytest.raises(BadInput, match="gzip is damaged"):
        load(workspace, tmp_path, gzip.compress((HEADER + rows).encode())[:-20_000], "a.csv.gz")
    assert workspace.tables().names <= {"loads"}


def test_only_a_header(workspace: Workspace, tmp_path: Path) -> None:
    result = load(workspace, tmp_path, HEADER)
    assert (result.read, result.accepted) == (0, 0)


def test_rows_that_cannot_be_used(workspace: Workspace, tmp_path: Path) -> None:
    rows = [
        "2024-03-01,c1,email,1,1,1,EU",
        "2024-03-01,c2,email,1,1,1",
        "2024-03-01,c3,email,1,1,1,EU,more",
        "2024-02-30,c4,email,1,1,1,EU",
        ",c5,email,1,1,1,EU",
        "2024-03-01,c6,pigeon,1,1,1,EU",
        "2024-03-01,c7,email,1,1,-5,EU",
        "2024-03-01,c8,email,1.5,1,1,EU",
        "2024-03-01,c9,email,1,1,1e309,EU",
        "2024-03-01,c10,email,-3,x,nan,EU",
        "2024-03-01,c11,email,1,1,\x00,EU",
        '2024-03-01,c12,"email,1,1,1,EU',
        "2024-03-01,c13,email,1,1,-0.0,EU",
    ]
    content = (HEADER + "\n".join(rows) + "\n").encode() + b"2024-03-01,c14,email,1,1,1,Z\xfcrich\n"
    result = load(workspace, tmp_path, content)
    assert (result.read, result.accepted, result.quarantined) == (14, 2, 12)
    found = reasons(workspace)
    expected = [
        "6 cells where the header has 7",
        "8 cells where the header has 7",
        "2024-02-30",
        "missing value: date",
        "value not allowed: channel",
        "negative money: spend",
        "1.5",
        "1e309",
        "'x'",
        "NUL",
        "a quote is opened and never closed",
        "not UTF-8 text",
    ]
    for reason, part in zip(found, expected, strict=True):
        assert part in reason
    assert "negative count: impressions" in found[8]
    assert "'nan'" in found[8]
    kept = workspace.tables().query("SELECT raw, line FROM quarantine ORDER BY line").to_pylist()
    assert [row["raw"] for row in kept[:10]] == [*rows[1:11]]
    assert [row["line"] for row in kept] == [*range(3, 14), 15]


def test_one_key_twice(workspace: Workspace, tmp_path: Path) -> None:
    content = HEADER + ROW + ROW + ROW.replace("50", "51")
    result = load(workspace, tmp_path, content)
    assert (result.accepted, result.duplicates, result.quarantined) == (1, 1, 1)
    assert reasons(workspace)[0].startswith("second row for one key: date, campaign_id")
    changed = load(
        workspace, tmp_path, HEADER + ROW.replace("12.5", "13.5") + ROW.replace("c1", "c2"), "b.csv"
    )
    assert (changed.accepted, changed.duplicates) == (2, 0)
    assert [row["spend"] for row in stored(workspace)] == [13.5, 12.5]
    same = load(workspace, tmp_path, HEADER + ROW.replace("12.5", "13.50"), "c.csv")
    assert (same.accepted, same.duplicates) == (0, 1)


def test_what_may_not_be_opened_is_named(
    workspace: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shut, opened, listed = tmp_path / "in" / "shut.csv", Path.open, os.scandir
    shut.parent.mkdir()
    for name in ("good.csv", "shut.csv"):
        shut.with_name(name).write_text(HEADER + ROW)

    def refusing(path: Path, *how: Any, **kept: Any) -> Any:
        if path == shut:
            raise PermissionError(13, "Permission denied", str(path))
        return opened(path, *how, **kept)

    monkeypatch.setattr(Path, "open", refusing)
    result = ingest(workspace, [shut.parent])
    assert (result.accepted, [name for name, _ in result.refused]) == (1, [str(shut)])
    assert "shut.csv: it cannot be opened: Permission denied" in result.refused[0][1]
    monkeypatch.setattr(
        os, "scandir", lambda path: listed("/proc/none" if Path(path) == shut.parent else path)
    )
    with pytest.raises(BadInput, match="it cannot be opened: No such file"):
        ingest(workspace, [tmp_path])


def test_a_return_alone_does_not_take_the_place_of_the_sale(workspace: Workspace, tmp_path: Path) -> None:
    header = "order_id,ordered_at,order_value\n"
    sale, back = "o1,2026-03-01,100\n", "o1,2026-03-05,-40\n"
    load(workspace, tmp_path, header + sale + "o2,2026-03-01,-5\n")
    alone = load(workspace, tmp_path, header + back + "o2,2026-03-01,70\n", "b.csv")
    assert (alone.accepted, alone.quarantined) == (0, 2)
    assert [said.split(";")[0] for said in reasons(workspace)] == [
        "a return under the order_id and line of a stored sale",
        "a sale under the order_id and line of a stored return",
    ]
    assert load(workspace, tmp_path, "line,".join(("", header)) + f"2,{back}", "c.csv").accepted == 1
    # The whole order anew, the newest first, is no return alone: its lines are numbered anew.
    both = load(workspace, tmp_path, header + back + sale, "d.csv", mapping="generic_orders")
    assert (both.accepted, both.quarantined) == (2, 0)
    assert sorted(row["order_value"] for row in stored(workspace, "orders")) == [-40, -5, 100]


def test_a_file_that_goes_while_it_is_read(
    workspace: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def planned(path: Path, **how: Any) -> Any:
        source = open_source(path, **how)
        path.unlink()
        return source

    monkeypatch.setattr("workbench.store.ingest.open_source", planned)
    monkeypatch.setattr("workbench.store.ingest.fingerprint", lambda *_: "gone")
    with pytest.raises(BadInput, match=r"a\.csv: it cannot be read: No such file or directory"):
        load(workspace, tmp_path, HEADER + ROW)


def test_two_currencies(workspace: Workspace, tmp_path: Path) -> None:
    header = "date,campaign_id,channel,spend,currency\n"
    euro, dollar = "2024-01-01,a,email,1,EUR\n", "2024-01-01,b,email,1,USD\n"
    with pytest.raises(BadInput, match="several currencies: EUR, USD"):
        load(workspace, tmp_path, header + euro + dollar, mapping="generic_daily_performance")
    workspace.set_currency("EUR")
    result = load(workspace, tmp_path, header + euro + dollar, mapping="generic_daily_performance")
    assert (result.accepted, result.quarantined) == (1, 1)
    assert reasons(workspace) == ["another currency: USD; the workspace is in EUR"]


def test_the_first_currency_becomes_the_workspaces(workspace: Workspace, tmp_path: Path) -> None:
    content = "date,campaign_id,channel,spend,currency\n2024-01-01,a,email,1,GBP\n"
    load(workspace, tmp_path, content, mapping="generic_daily_performance")
    assert workspace.currency == "GBP"


def test_a_load_that_fails_leaves_no_currency(workspace: Workspace, tmp_path: Path) -> None:
    header = "date,campaign_id,channel,spend{}\n2024-01-01,a,email,{}\n"
    load(workspace, tmp_path, header.format("", "1"))
    (kept,) = (workspace.store_path / "daily_performance").rglob("*.parquet")
    whole = kept.read_bytes()
    pq.write_table(pq.read_table(kept, partitioning=None), kept, compression="gzip")
    with pytest.raises(WorkspaceError, match="is damaged"):
        load(workspace, tmp_path, header.format(",currency", "2,USD"))
    assert workspace.currency is None
    kept.write_bytes(whole)
    load(workspace, tmp_path, header.format(",currency", "3,EUR"))
    assert workspace.currency == "EUR"


def test_a_killed_load_leaves_no_currency(workspace: Workspace) -> None:
    announce(workspace.path / "pending", "killed")
    workspace.set_currency("USD", "killed")
    with workspace.writer():
        assert workspace.currency is None


def test_excel_and_tables_as_json_lines(workspace: Workspace, tmp_path: Path) -> None:
    frame = pl.DataFrame({"creative_id": ["1", "2"], "campaign_id": ["a", "b"], "headline": ["Ä", None]})
    frame.write_ndjson(tmp_path / "c.jsonl")
    assert ingest(workspace, [tmp_path / "c.jsonl"]).accepted == 2
    assert [row["headline"] for row in stored(workspace, "creatives")] == ["Ä", None]
    book = b""
    try:
        import xlsxwriter  # noqa: F401

        frame.with_columns(campaign_id=pl.lit("z")).write_excel(tmp_path / "c.xlsx")
    except ModuleNotFoundError:
        book = _workbook([list(frame.columns), ["1", "z", "Ä"], ["2", "z", ""]])
        (tmp_path / "c.xlsx").write_bytes(book)
    assert ingest(workspace, [tmp_path / "c.xlsx"]).accepted == 2
    assert {row["campaign_id"] for row in stored(workspace, "creatives")} == {"z"}


def _workbook(rows: list[list[str]]) -> bytes:
    import io
    import zipfile

    cells = "".join(
        "<row>" + "".join(f'<c t="inlineStr"><is><t>{cell}</t></is></c>' for cell in row) + "</row>"
        for row in rows
    )
    main = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
    link = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
    package = "http://schemas.openxmlformats.org/package/2006"
    office = "application/vnd.openxmlformats-officedocument.spreadsheetml"
    parts = {
        "[Content_Types].xml": f'<Types xmlns="{package}/content-types">'
        '<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
        f'<Override PartName="/xl/workbook.xml" ContentType="{office}.sheet.main+xml"/>'
        f'<Override PartName="/xl/worksheets/sheet1.xml" ContentType="{office}.worksheet+xml"/></Types>',
        "_rels/.rels": f'<Relationships xmlns="{package}/relationships"><Relationship Id="r1"'
        f' Type="{link}/officeDocument" Target="xl/workbook.xml"/></Relationships>',
        "xl/workbook.xml": f'<workbook xmlns="{main}" xmlns:r="{link}"><sheets>'
        '<sheet name="S" sheetId="1" r:id="r1"/></sheets></workbook>',
        "xl/_rels/workbook.xml.rels": f'<Relationships xmlns="{package}/relationships"><Relationship Id="r1"'
        f' Type="{link}/worksheet" Target="worksheets/sheet1.xml"/></Relationships>',
        "xl/worksheets/sheet1.xml": f'<worksheet xmlns="{main}"><sheetData>{cells}</sheetData></worksheet>',
    }
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as book:
        for name, text in parts.items():
            book.writestr(name, text)
    return made.getvalue()


def test_a_bad_file_does_not_stop_the_others(workspace: Workspace, tmp_path: Path) -> None:
    (tmp_path / "good.csv").write_text(HEADER + ROW)
    (tmp_path / "empty.csv").write_text("")
    result = ingest(workspace, [tmp_path / "empty.csv", tmp_path / "good.csv"])
    assert result.accepted == 1
    ((file, problem),) = result.refused
    assert file.endswith("empty.csv")
    assert "empty" in problem


def test_a_name_without_a_file_does_not_stop_the_others(workspace: Workspace, tmp_path: Path) -> None:
    (tmp_path / "good.csv").write_text(HEADER + ROW)
    result = ingest(workspace, [tmp_path / "absent.csv", tmp_path / "good.csv"])
    assert result.accepted == 1
    assert [problem for _, problem in result.refused] == [
        f"{tmp_path / 'absent.csv'}: there is no such file."
    ]


def test_a_folder_with_other_files(workspace: Workspace, tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    (folder / ".hidden").mkdir(parents=True)
    for name in ("good.csv", "notes.txt", "old.csv.bak", ".hidden/a.pdf"):
        (folder / name).write_text(HEADER + ROW)
    result = ingest(workspace, [folder, folder / "notes.txt"])
    assert [Path(load.file).name for load in result.files] == ["good.csv", "notes.txt"]
    assert result.left == (str(folder / "old.csv.bak"),)
    assert result.to_dict()["left"] == list(result.left)
    assert result.sentence.endswith("; 1 files left, of no form that is read.")


def test_a_refused_file_is_named(workspace: Workspace, tmp_path: Path) -> None:
    with pytest.raises(
        BadInput, match=r"a\.csv: the file lacks columns that the mapping 'facebook_kag' needs"
    ):
        load(workspace, tmp_path, HEADER + ROW, mapping="facebook_kag")


def test_a_parquet_file_with_a_column_twice(workspace: Workspace, tmp_path: Path) -> None:
    row: list[list[Any]] = [["2024-03-01"], ["c1"], ["email"], [{"spend": [1]}], [1.0], [2.0]]
    names = ["date", "campaign_id", "channel", "more", "spend", "spend"]
    pq.write_table(
        pa.Table.from_arrays([pa.array(cells) for cells in row], names=names), tmp_path / "a.parquet"
    )
    with pytest.raises(BadInput, match="column 'spend': a column stands twice"):
        ingest(workspace, [tmp_path / "a.parquet"])
    once = pa.Table.from_arrays([pa.array(cells) for cells in row[:-1]], names=names[:-1])
    pq.write_table(once, tmp_path / "a.parquet")  # 'spend' within 'more' is another column
    assert ingest(workspace, [tmp_path / "a.parquet"], mapping="generic_daily_performance").accepted == 1


def test_a_sheet_with_a_column_twice_or_a_row_of_nothing(workspace: Workspace, tmp_path: Path) -> None:
    row = ["x", "c", "Hello", "Bye"]
    twice = _workbook([["creative_id", "campaign_id", "headline", "headline"], row])
    with pytest.raises(BadInput, match="column 'headline': a column stands twice"):
        load(workspace, tmp_path, twice, "a.xlsx")
    gap = _workbook([["creative_id", "campaign_id", "headline", "body"], row, [""] * 4, ["y", *row[1:]]])
    assert load(workspace, tmp_path, gap, "b.xlsx").read == 2


def test_a_key_that_the_first_lines_lack(workspace: Workspace, tmp_path: Path) -> None:
    days = [
        f"{year}-{month:02}-{day:02}"
        for year in range(2010, 2017)
        for month in range(1, 13)
        for day in range(1, 29)
    ]
    lines = [json.dumps({"date": day, "campaign_id": "a", "channel": "email"}) for day in days]
    lines[-1] = lines[-1].replace("}", ', "spend": 7.5}')
    assert load(workspace, tmp_path, "\n".join(lines), "a.jsonl").accepted == len(days) > 2000
    assert measure(workspace.tables(), "spend").rows[0].value == 7.5
    many = "\n".join(json.dumps({"date": "2024-01-01", "campaign_id": "a", str(n): n}) for n in range(2500))
    with pytest.raises(BadInput, match="different keys"):
        load(workspace, tmp_path, many, "b.jsonl")


def test_no_number_among_numbers_is_nothing(workspace: Workspace, tmp_path: Path) -> None:
    days = ["2024-03-01", "2024-03-02", "2024-03-03"]
    spend = pl.Series("spend", [1.0, float("nan"), 3.0])
    pl.DataFrame({"date": days, "campaign_id": "c", "channel": "email"}).with_columns(spend).write_parquet(
        tmp_path / "a.parquet"
    )
    assert ingest(workspace, [tmp_path / "a.parquet"]).accepted == 3
    assert [row["spend"] for row in stored(workspace)] == [1.0, None, 3.0]


def test_an_id_that_is_missing_makes_no_decimals_of_the_others(workspace: Workspace, tmp_path: Path) -> None:
    ids = pl.Series("campaign_id", [7.0, None, -3.0, 2.5])
    frame = pl.DataFrame({"date": "2024-03-01", "channel": "email", "spend": [1.0, 2.0, 0.5, 1e22]})
    frame.with_columns(ids).write_parquet(tmp_path / "a.parquet")
    ingest(workspace, [tmp_path / "a.parquet"])
    assert {row["campaign_id"] for row in stored(workspace)} <= {"7", "-3", "2.5", None}
    assert {"7", "-3"} <= {row["campaign_id"] for row in stored(workspace)}
    assert sum(row["spend"] for row in stored(workspace) if row["campaign_id"] in {"7", "-3"}) == 1.5


@pytest.mark.parametrize(
    ("zone", "unit"),
    [("Asia/Tokyo", "us"), ("America/New_York", "ns"), ("+05:30", "us"), ("-03:30", "ns"), ("UTC", "us")],
)
def test_a_day_of_a_typed_file_is_that_of_its_own_zone(
    workspace: Workspace, tmp_path: Path, zone: str, unit: str
) -> None:
    # Clocks change in New York on the tenth.
    midnights = [datetime.fromisoformat(f"2024-03-{day:02}") for day in (9, 10, 11)]
    days = pc.assume_timezone(pa.array(midnights, pa.timestamp(unit)), timezone=zone)
    cells = {"date": days, "campaign_id": ["c"] * 3, "channel": ["email"] * 3, "spend": [1.0, 2.0, 3.0]}
    pq.write_table(pa.table(cells), tmp_path / "a.parquet")
    orders = {"order_id": ["a", "b", "c"], "user_id": ["u"] * 3, "ordered_at": days, "order_value": [1.0] * 3}
    pq.write_table(pa.table(orders), tmp_path / "b.parquet")
    assert ingest(workspace, [tmp_path / "a.parquet", tmp_path / "b.parquet"]).accepted == 6
    assert [row["date"].day for row in stored(workspace)] == [9, 10, 11]
    assert [row["ordered_at"] for row in stored(workspace, "orders")] == days.to_pylist()


def test_a_text_that_holds_nul(workspace: Workspace, tmp_path: Path) -> None:
    days = [{"date": "2024-03-01", "campaign_id": name, "channel": "email", "spend": 1} for name in "a\x00"]
    lines = "".join(json.dumps(day) + "\n" for day in days)
    assert load(workspace, tmp_path, lines, "a.jsonl").accepted == 1
    pl.DataFrame(days).with_columns(date=pl.lit("2024-03-02")).write_parquet(tmp_path / "b.parquet")
    assert ingest(workspace, [tmp_path / "b.parquet"]).accepted == 1
    assert reasons(workspace) == ["NUL character: campaign_id"] * 2


def test_a_day_that_is_yet_to_come(workspace: Workspace, tmp_path: Path) -> None:
    days = ["2024-03-01", "2024-03-02", "2024-03-03", "2100-01-01"]
    rows = "".join(f"{day},c1,email,1,1,1,EU\n" for day in days)
    now = datetime(2024, 3, 1, 23, tzinfo=UTC)  # it is the second of March in the east already
    assert load(workspace, tmp_path, HEADER + rows, now=now).accepted == 2
    assert reasons(workspace) == ["future: date lies more than a day ahead"] * 2
    assert workspace.tables().last_day == date(2024, 3, 2)
    lines = (
        "order_id,user_id,ordered_at,order_value\na,u,2024-03-02T22:00:00Z,1\nb,u,2024-03-03T00:00:00Z,1\n"
    )
    assert load(workspace, tmp_path, lines, "orders.csv", now=now).accepted == 1


def test_a_return_takes_off(workspace: Workspace, tmp_path: Path) -> None:
    rows = "order_id,user_id,ordered_at,order_value,is_return\na,u,2024-03-01,50,false\n"
    rows += "b,u,2024-03-02,-20,true\nc,u,2024-03-02,20,true\nd,u,2024-03-02,0,true\n"
    assert load(workspace, tmp_path, rows).accepted == 3
    assert reasons(workspace) == ["a return with a value above zero: order_value"]
    assert workspace.tables().listed("SELECT sum(order_value) FROM orders") == [(30,)]


def test_a_currency_that_no_column_says(workspace: Workspace, tmp_path: Path) -> None:
    (tmp_path / "own.yaml").write_text(
        "name: own\ntitle: Own\ntable: daily_performance\ncurrency: {column: Money}\n"
        "columns: {date: date, campaign_id: campaign_id, channel: channel, spend: spend}\n"
        "ignore: [impressions, clicks, region]\n"
    )
    (found,) = load(workspace, tmp_path, HEADER + ROW, mapping=tmp_path / "own.yaml").files
    assert found.notes == ("no column Money says the currency: all amounts count as the workspace's",)
    google = "Campaign,Day,Cost,Impr.\nBrand,2024-03-01,1.50,100\n"
    (found,) = load(workspace, tmp_path, google).files
    assert found.notes[0].startswith("no column currency_code or ")
    own = "date,campaign_id,channel,spend,currency_code\n2024-03-01,b,email,1,{}\n2024-03-01,c,email,1,EUR\n"
    with pytest.raises(BadInput, match="several currencies: EUR, USD"):
        load(workspace, tmp_path, own.format("USD"))


def test_the_sign_of_the_workspace_may_stand_in_our_own_form(workspace: Workspace, tmp_path: Path) -> None:
    rows = "date,campaign_id,channel,spend\n2024-03-01,a,email,€ 1.50\n2024-03-01,b,email,$2\n"
    assert load(workspace, tmp_path, rows).accepted == 0
    assert "nor does the workspace: state one" in reasons(workspace)[0]
    workspace.set_currency("EUR")
    (again,) = load(workspace, tmp_path, rows).files  # the same bytes are the same load
    assert again.sentence.endswith(" 2 are in quarantine: once right, load them as a file of their own.")
    single = replace(again, read=1, quarantined=1).sentence
    assert single.endswith(
        "its 1 row changes nothing. 1 is in quarantine: once right, load it as a file of its own."
    )
    assert load(workspace, tmp_path, rows + "\n").accepted == 1
    said = "column spend: '$2' carries a currency, and EUR is read;"
    assert any(reason.startswith(said) for reason in reasons(workspace))


def test_what_was_named_wrongly(workspace: Workspace, tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="no such file"):
        ingest(workspace, [tmp_path / "absent.csv"])
    with pytest.raises(BadInput, match="has no file to load"):
        ingest(workspace, [tmp_path])  # nothing but the workspace
    with pytest.raises(UsageError, match="Did you mean 'facebook_kag'"):
        ingest(workspace, [tmp_path], mapping="facebook_kak")


def test_columns_with_hostile_names(workspace: Workspace, tmp_path: Path) -> None:
    header = 'date,campaign_id,channel,clicks,"x"" FROM loads; DROP TABLE loads --",$(id),{{7*7}},=1+1\n'
    row = "2024-01-01,=HYPERLINK(1),email,1,<script>alert(1)</script>,../../x,'; DROP TABLE events; --,a\n"
    result = load(workspace, tmp_path, header + row, mapping="generic_daily_performance")
    assert result.accepted == 1
    assert "DROP TABLE loads" in result.files[0].notes[0]
    assert stored(workspace)[0]["campaign_id"] == "=HYPERLINK(1)"


@pytest.mark.data
def test_a_shop_by_the_day(workspace: Workspace, public_data: Path) -> None:
    folder = public_data / "events" / "online_retail_by_day" / "by-day"
    days = sorted(folder.iterdir())[:4]
    first = ingest(workspace, days[:2], "online_retail")
    again = ingest(workspace, days, "online_retail")
    assert [file.again for file in again.files] == [True, True, False, False]
    assert again.duplicates == first.read
    assert len(stored(workspace, "orders")) == first.accepted + again.accepted
    assert workspace.currency == "GBP"


WRITER = """
import sys
from workbench.store import Workspace
from workbench.store.ingest import ingest
from workbench.store.reading import open_source
from workbench.store.recovery import announce
print("ready", flush=True)
ingest(Workspace.open(sys.argv[1]), [sys.argv[2]], backfill=True)
"""


def _killed(workspace: Workspace, file: Path, after: float) -> bool:
    process = subprocess.Popen(
        [sys.executable, "-c", WRITER, str(workspace.path), str(file)], stdout=subprocess.PIPE
    )
    assert process.stdout is not None
    process.stdout.readline()
    try:
        process.wait(after)
    except subprocess.TimeoutExpired:
        process.send_signal(signal.SIGKILL)
    process.wait()
    return process.returncode == -signal.SIGKILL


def _events(folder: Path, part: int, rows: int = 4000) -> Path:
    file = folder / f"{part}.jsonl"
    with file.open("w") as lines:
        for n in range(rows):
            lines.write(
                f'{{"event_id":"00000000-0000-0000-{part:04}-{n:012}","event_type":"user_engaged",'
                f'"timestamp":"2024-0{1 + n % 6}-01T00:00:00Z","user_id":"u{n}","source":"mobile",'
                '"properties":{"engagement_type":"search"}}\n'
            )
    return file


def _survives(workspace: Workspace, folder: Path, kills: int) -> None:
    random, hit = Random(7), 0  # noqa: S311 - moments, no secrets
    for done in range(kills):
        file = _events(folder, done)
        started = time.perf_counter()
        hit += _killed(workspace, file, random.uniform(0.05, 1.6))
        assert time.perf_counter() - started < 500
        tables = workspace.tables()
        for table in ("events", "facts"):
            (found,) = tables.query(f"SELECT count(*) AS n FROM {table} WHERE source = 'mobile'").to_pylist()
            assert found["n"] in {4000 * done, 4000 * (done + 1)}
        ingest(workspace, [file], backfill=True)
        tables = workspace.tables()
        found = tables.query(
            "SELECT (SELECT count(DISTINCT event_id) FROM events WHERE source = 'mobile') AS ids,"
            " (SELECT count(*) FROM events WHERE source = 'mobile') AS events,"
            " (SELECT count(*) FROM facts WHERE source = 'mobile') AS facts,"
            " (SELECT count(*) FROM loads WHERE operation = 'ingest') AS loads"
        ).to_pylist()[0]
        assert set(found.values()) == {4000 * (done + 1), done + 1}
    assert hit


def test_killed_while_loading(workspace: Workspace, tmp_path: Path) -> None:
    _survives(workspace, tmp_path, 3)


@pytest.mark.slow
def test_killed_fifty_times_while_loading(workspace: Workspace, tmp_path: Path) -> None:
    _survives(workspace, tmp_path, 50)


def test_events_of_a_mapping(workspace: Workspace, tmp_path: Path) -> None:
    content = (
        "event_name,event_timestamp,user_pseudo_id,event_params\n"
        "view_item,1714550400000000,u1,[]\n"
        "view_item,1714550400000000,u1,[]\n"
        "purchase,1714550400000000,u2,[]\n"
        "scroll,1714550400000000,u3,[]\n"
    )
    result = load(workspace, tmp_path, content, mapping="ga4_events", backfill=True)
    assert (result.read, result.accepted, result.quarantined) == (4, 2, 2)
    found = reasons(workspace)
    assert "missing property: order_id" in found[0]
    assert found[1] == "not mapped: scroll"
    again = load(workspace, tmp_path, content.replace("scroll", "page"), mapping="ga4_events", backfill=True)
    assert (again.accepted, again.duplicates) == (0, 2)


def test_numbers_that_no_business_has_are_refused(workspace: Workspace, tmp_path: Path) -> None:
    cells = ["1e15", "1e16", "1e308"]
    rows = [f"2024-03-0{i},c{i},email,1,1,{cell},EU" for i, cell in enumerate(cells, 1)]
    rows += [f"2024-03-0{i},d{i},email,{cell},1,1,EU" for i, cell in enumerate(cells, 1)]
    result = load(workspace, tmp_path, (HEADER + "\n".join(rows) + "\n").encode())
    assert (result.accepted, result.quarantined) == (2, 4)
    found = reasons(workspace)
    assert found[:2] == ["too large: spend"] * 2
    assert "1e308' is too large" in found[3]
    spend = measure(workspace.tables(), "spend").rows[0]
    assert spend.value == 1e15 + 1
