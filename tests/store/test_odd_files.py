"""Files that were handed on by other machines and programs: read as they are meant, or refused by name."""

from __future__ import annotations

import bz2
import os
import uuid
from pathlib import Path
from typing import Any

import pytest
from xlsxwriter import Workbook

from workbench.errors import BadInput
from workbench.store import Workspace
from workbench.store.ingest import ingest

from .loaded import load, reasons

HEADER = "date,campaign_id,channel,impressions,spend\n"
ROW = "2024-03-01,c1,email,1000,12.5\n"


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


def test_a_sheet_whose_amounts_are_texts(workspace: Workspace, tmp_path: Path) -> None:
    rows = [["2024-03-01", "a", "email", "1.234"], ["2024-03-02", "a", "email", 7.5]]
    assert ingest(workspace, [sheet(tmp_path / "a.xlsx", *rows)]).accepted == 2
    rows = [["2024-04-01", "a", "email", "1.234"], ["2024-04-02", "a", "email", "12,50"]]
    assert ingest(workspace, [sheet(tmp_path / "b.xlsx", *rows)]).accepted == 0


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


@pytest.mark.parametrize(
    ("delimiter", "spends", "kept"),
    [
        (";", ["1.234"], []),  # nothing else says what the point is
        (";", ["1.234", "7"], [7.0]),
        (";", ["1.234", "12,50", "7"], [7.0]),
        (";", ["1.234", "1.234.567", "7"], [7.0]),
        (";", ["1.234", "12.5"], [1.234, 12.5]),
        (";", ["1.234", "0.125"], [0.125, 1.234]),
        (";", ["1.234", "12.5", "12,50"], [12.5]),
        (",", ["1.234", '"12,50"'], []),
        (",", ["1.234", '"1.234,50"', "7"], [7.0]),
        (",", ["1.234"], [1.234]),
        (",", ["1.234", '"1,234"'], [1.234]),
        ("\t", ["1.234", "12,5"], []),
    ],
)
def test_a_point_that_may_part_thousands(
    workspace: Workspace, tmp_path: Path, delimiter: str, spends: list[str], kept: list[float]
) -> None:
    rows = [[f"2024-03-{day:02}", "a", "email", f"{day}", spend] for day, spend in enumerate(spends, 1)]
    lines = [HEADER.strip().split(","), *rows]
    load(workspace, tmp_path, "".join(delimiter.join(line) + "\n" for line in lines))
    assert [spend for (spend,) in stored(workspace, "spend")] == kept


def test_a_count_with_a_point_tells_of_the_amounts(workspace: Workspace, tmp_path: Path) -> None:
    content = HEADER + "2024-03-01,a,email,1.234,5\n2024-03-02,a,email,10,5.678\n2024-03-03,a,email,10,5\n"
    assert load(workspace, tmp_path, content).accepted == 1
    assert reasons(workspace)[1] == (
        "column spend: '5.678' is ambiguous in this file: its sign may part thousands or decimals;"
        " state `decimal` in the mapping"
    )


@pytest.mark.parametrize(
    ("stated", "value"), [('decimal: "."', 1.234), ('{decimal: ",", thousands: "."}', 1234.0)]
)
def test_a_mapping_that_states_the_point(
    workspace: Workspace, tmp_path: Path, stated: str, value: float
) -> None:
    file = tmp_path / "mine.yaml"
    said = stated.strip("{}").replace(", thousands", "\nthousands")
    file.write_text(
        f"name: mine\ntitle: Mine\ntable: orders\n{said}\ncolumns:\n  order_id: id\n  line: {{constant: 1}}\n"
        "  ordered_at: at\n  order_value: {product: [n, price], default: 0}\n  is_return: {constant: false}\n"
    )
    load(workspace, tmp_path, "id;at;n;price\na;2024-03-01;1;1.234\n", mapping=file)
    assert stored(workspace, "order_value", "orders") == [(value,)]


META = "Campaign name,Reporting starts,Reporting ends,Impressions,Amount spent ({})\n"
GOOGLE = "Campaign,Day,Currency code,Impr.,Cost\n"


@pytest.mark.parametrize("code", ["SEK", "CHF", "EUR"])
def test_a_currency_in_the_name_of_a_column(workspace: Workspace, tmp_path: Path, code: str) -> None:
    content = META.format(code) + f"Brand,2024-10-01,2024-10-01,10,{code} 12.50\n"
    done = load(workspace, tmp_path, content)
    assert done.files[0].notes == ()
    assert (workspace.currency, stored(workspace, "spend")) == (code, [(12.5,)])
    with pytest.raises(BadInput, match="differ in their currency only"):
        load(
            workspace, tmp_path, META.format("SEK),Amount spent (CHF") + "Brand,2024-10-02,2024-10-02,1,2,3\n"
        )
    other = META.format("NOK") + "Brand,2024-10-03,2024-10-03,10,12.50\nBrand,2024-10-04,2024-10-04,10,ten\n"
    assert load(workspace, tmp_path, other).accepted == 0
    first, second = reasons(workspace)
    assert first == f"another currency: NOK; the workspace is in {code}"
    assert second.startswith("column 'Amount spent (NOK)': 'ten' is not a number")


def test_the_workspaces_own_sign_beside_amounts(workspace: Workspace, tmp_path: Path) -> None:
    rows = 'a,2024-10-01,EUR,"1,234","€1,234.50"\nb,2024-10-01,EUR,1,"EUR 2.50"\nc,2024-10-01,EUR,1,$3\n'
    assert load(workspace, tmp_path, GOOGLE + rows).accepted == 0
    workspace.set_currency("EUR")
    assert load(workspace, tmp_path, GOOGLE + rows + "d,2024-10-01,USD,1,€4\n").accepted == 2
    assert stored(workspace, "campaign_id, impressions, spend") == [("a", 1234, 1234.5), ("b", 1, 2.5)]
    assert {
        "column 'Cost': '$3' carries a currency, and EUR is read;"
        " expected digits with '.' decimals and ',' between thousands",
        "another currency: USD; the workspace is in EUR",
    } <= set(reasons(workspace))


@pytest.mark.parametrize(
    ("content", "table", "columns", "value"),
    [
        (
            'Campaign ID,Time period,Spend,Impressions,Clicks\n1,10/1/2024,"1,234.50","1,234",12\n',
            "daily_performance",
            "spend, impressions",
            (1234.5, 1234),
        ),
        (
            "Start Date (in UTC)\tCampaign Name\tImpressions\tClicks\tTotal Spent\n"
            "10/01/2024\tBrand\t1,234\t12\t1,234.50\n",
            "daily_performance",
            "spend, impressions",
            (1234.5, 1234),
        ),
        (
            "Name,Email,Financial Status,Total,Refunded Amount,Created at,Lineitem quantity\n"
            '#1,a@example.com,paid,"1,234.50",0.00,2024-01-03 12:33:01 -0500,"1,234"\n',
            "orders",
            "order_value, quantity",
            (1234.5, 1234),
        ),
        (
            "Record ID,Deal Name,Deal Stage,Create Date,Close Date,Amount,Original Source Type\n"
            '1,x,Closed won,2024-01-03 12:33,2024-02-01 08:00,"1,200",Paid Search\n',
            "leads",
            "deal_value",
            (1200.0,),
        ),
        (
            'Record ID,First Name,Last Name,Email,Marketing emails delivered\n1,A,B,a@example.com,"1,234"\n',
            "contacts",
            "sent",
            (1234,),
        ),
    ],
)
def test_exports_that_write_commas_between_thousands(
    workspace: Workspace, tmp_path: Path, content: str, table: str, columns: str, value: tuple[Any, ...]
) -> None:
    assert load(workspace, tmp_path, content).accepted == 1
    assert stored(workspace, columns, table) == [value]


def test_signs_that_cannot_be_seen_are_no_part_of_names_and_values(
    workspace: Workspace, tmp_path: Path
) -> None:
    content = (
        "\u200bdate,campaign_id\u200b,\u2060channel,spend\u00a0\n\u200e2024-03-01,a\u200b,email,\u200e1.5\n"
    )
    assert load(workspace, tmp_path, content).accepted == 1
    assert stored(workspace, "campaign_id, spend") == [("a", 1.5)]


def test_a_first_line_that_is_very_long(workspace: Workspace, tmp_path: Path) -> None:
    row = '{{"date":"2024-03-0{}","campaign_id":"a","channel":"email","spend":1,"note":"{}"}}\n'
    content = row.format(1, "x" * 3_000_000) + row.format(2, "")
    assert load(workspace, tmp_path, content, "a.jsonl").accepted == 2


def test_a_point_of_events_that_may_part_thousands(workspace: Workspace, tmp_path: Path) -> None:
    first = "event_id;event_type;timestamp;user_id;source;from_campaign_id;to_campaign_id;amount"
    first += ";reallocation_reason\n"
    row = f"{uuid.UUID(int=1)};budget_reallocated;2026-01-01T00:00:00Z;u;backend;{uuid.UUID(int=2)}"
    row += f";{uuid.UUID(int=3)};{{}};more\n"
    with pytest.raises(BadInput, match=r"column 'amount', value '1\.234': its point may part thousands"):
        load(workspace, tmp_path, first + row.format("1.234"), backfill=True)
    assert load(workspace, tmp_path, first + row.format("1.23"), backfill=True).accepted == 1


def test_a_point_of_mapped_events_that_may_part_thousands(workspace: Workspace, tmp_path: Path) -> None:
    first = "event_name;event_timestamp;user_pseudo_id;transaction_id;value\n"
    row = "purchase;1709287200000000;u;{0};{1}\n"
    for more in ("", row.format(2, "12,50")):
        with pytest.raises(BadInput, match=r"row 2, value '1\.234': its point may part thousands"):
            load(workspace, tmp_path, first + row.format(1, "1.234") + more, backfill=True)
    both = row.format(1, "1.234") + row.format(2, "12.5")
    assert load(workspace, tmp_path, first + both, backfill=True).accepted == 2


MICROSOFT = "Campaign ID,Time period,Spend,Impressions,Clicks\n"


@pytest.mark.parametrize(
    ("days", "kept"),
    [
        (["10/03/2024", "10/13/2024"], ["2024-10-03", "2024-10-13"]),
        (["03/10/2024", "13/10/2024", "10/10/2024"], ["2024-10-10"]),
        (["03/10/2024", "2024-10-13"], ["2024-03-10", "2024-10-13"]),
        (["03/10/2024", "31/31/2024"], ["2024-03-10"]),
    ],
)
def test_days_that_may_be_months(
    workspace: Workspace, tmp_path: Path, days: list[str], kept: list[str]
) -> None:
    loaded = load(workspace, tmp_path, MICROSOFT + "".join(f"1,{day},5,10,1\n" for day in days))
    untold = [note for note in loaded.files[0].notes if "no row of the file shows" in note]
    assert bool(untold) == (len(days) == 2 and days[1] != "10/13/2024")
    assert all("days such as 03/10/2024 were read as 10 March 2024" in note for note in untold)
    assert [str(day) for (day,) in stored(workspace, "date")] == kept
    if len(days) == 3:
        assert reasons(workspace) == [
            "column date: '03/10/2024' is ambiguous: other rows of the file have days where this reads the"
            " month; state the date format in a mapping of your own",
            "column 'Time period': '13/10/2024' is not a date; expected %m/%d/%Y or %Y-%m-%d",
        ]


def test_days_that_a_mapping_of_ones_own_states(workspace: Workspace, tmp_path: Path) -> None:
    own = tmp_path / "own.yaml"
    own.write_text(
        'name: own\ntitle: Own\ntable: daily_performance\ncolumns:\n  date: {from: d, formats: "%m/%d/%Y"}\n'
        "  campaign_id: c\n  channel: {constant: email}\n  spend: s\n"
    )
    content = "d,c,s\n03/10/2024,a,1\n13/10/2024,a,1\n"
    assert load(workspace, tmp_path, content, mapping=own).accepted == 1
    assert [str(day) for (day,) in stored(workspace, "date")] == ["2024-03-10"]


def test_users_whose_ids_a_spreadsheet_has_shortened(workspace: Workspace, tmp_path: Path) -> None:
    first = "event_id,event_type,timestamp,user_id,source,engagement_type\n"
    users = ("1.20212E+17", "#N/A", "1.20212e+17x", "a+b", "#1")
    rows = [
        f"{uuid.UUID(int=n)},user_engaged,2026-01-01T00:00:00Z,{user},mobile,search\n"
        for n, user in enumerate(users)
    ]
    assert load(workspace, tmp_path, first + "".join(rows), backfill=True).accepted == 3
    assert reasons(workspace) == [
        "malformed id: user_id is a number that was shortened",
        "an error of a spreadsheet: user_id",
    ]


@pytest.mark.parametrize(
    ("impressions", "costs", "kept"),
    [
        (["12.345", "10"], ["5.678", "1.234"], []),  # whole amounts, with points between thousands
        (["10", "10", "10"], ["1.234", "12,50", "7"], [7.0]),
        (["10", "10"], ["1,234", "12,50"], []),
        (["1,234", "10"], ["1,234", "12.50"], [12.5, 1234.0]),
        (["10", "10"], ["1.234", "1,234,567"], [1.234, 1234567.0]),
        (["1,234", "10", "10"], ["1", "2", "1.234,50"], [1.0, 2.0]),
    ],
)
def test_a_platforms_numbers_that_are_written_otherwise(
    workspace: Workspace, tmp_path: Path, impressions: list[str], costs: list[str], kept: list[float]
) -> None:
    rows = [
        f'{day},2024-10-{day:02},HUF,"{count}","{cost}"\n'
        for day, (count, cost) in enumerate(zip(impressions, costs, strict=True), 1)
    ]
    load(workspace, tmp_path, GOOGLE + "".join(rows))
    assert [spend for (spend,) in stored(workspace, "spend")] == kept
