"""Files as the pages of platforms export them: loaded exactly, or refused with what to do about it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from xlsxwriter import Workbook

from workbench.errors import BadInput
from workbench.store import Workspace
from workbench.store.ingest import ingest

GOOGLE = """Campaign,Campaign ID,Day,Currency code,Clicks,Impr.,Cost,Conversions
Brand,111,2024-10-01,EUR,"1,234","12,345","1,234.50",12.50
Brand,111,2024-10-02,EUR,10,100,10.00, --
"""
GOOGLE_TOTALS = """Total: Campaigns, --, --,EUR,"1,244","12,445","1,244.50",12.50
Total: Account, --, --,EUR,"1,244","12,445","1,244.50",12.50
"""
TITLES = 'Campaign report\n"October 1, 2024 - October 3, 2024"\n'
LINKEDIN = """Campaign Performance Report (in UTC)
Report Start: Oct 1, 2024, 12:00 AM
Report End: Oct 3, 2024, 11:59 PM
Date Generated: Oct 5, 2024, 9:00 AM

Start Date (in UTC)\tCampaign Name\tCampaign ID\tImpressions\tClicks\tTotal Spent
10/01/2024\tBrand\t333\t100\t12\t1.50
"""
META = (
    "Campaign name,Reporting starts,Reporting ends,Impressions,Amount spent (EUR),Results,Result indicator\n"
)
OWN = "date,campaign_id,channel,impressions,spend\n"


def load(workspace: Workspace, folder: Path, content: str, *, encoding: str = "utf-8", **how: Any) -> Any:
    file = folder / "export.csv"
    file.write_bytes(content.encode(encoding))
    return ingest(workspace, [file], **how)


def reasons(workspace: Workspace) -> list[str]:
    rows = workspace.tables().query("SELECT reasons FROM quarantine ORDER BY line").to_pylist()
    return [row["reasons"] for row in rows]


def stored(workspace: Workspace, columns: str, table: str = "daily_performance") -> list[tuple[Any, ...]]:
    rows = workspace.tables().query(f"SELECT {columns} FROM {table} ORDER BY ALL").to_pylist()
    return [tuple(row.values()) for row in rows]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_rows_of_totals_are_not_counted(workspace: Workspace, tmp_path: Path, encoding: str) -> None:
    done = load(workspace, tmp_path, GOOGLE + GOOGLE_TOTALS, encoding=encoding)
    assert (done.accepted, done.quarantined) == (2, 2)
    assert stored(workspace, "clicks, impressions, spend, conversions") == [
        (10, 100, 10.0, None),
        (1234, 12345, 1234.5, 12.5),
    ]


@pytest.mark.parametrize(
    ("content", "encoding", "row"),
    [
        (TITLES + GOOGLE, "utf-8-sig", 3),
        ((TITLES + GOOGLE.replace(",", "\t")), "utf-16", 3),
        (LINKEDIN, "utf-16", 6),
        ("sep=;\ndate;campaign_id;channel;spend\n2024-10-01;a;email;1\n", "utf-8", 2),
    ],
)
@pytest.mark.parametrize("mapping", [None, "google_ads"])
def test_titles_above_the_header_are_told(
    workspace: Workspace, tmp_path: Path, content: str, encoding: str, row: int, mapping: str | None
) -> None:
    said = rf"the names of the columns, which are in row {row}\. Remove the rows above"
    with pytest.raises(BadInput, match=said):
        load(workspace, tmp_path, content, encoding=encoding, mapping=mapping)


@pytest.mark.parametrize(
    "junk", [b"\x11\x02ab\n\x03,\x04,x\n\x05,\x06,y\n", b"PK\x03\x04\na,b,c\n1,2,3\n4,5,6\n"]
)
def test_bytes_that_are_no_text_have_no_titles(workspace: Workspace, tmp_path: Path, junk: bytes) -> None:
    path = tmp_path / "junk.csv"
    path.write_bytes(junk)
    for mapping in ("facebook_kag", None):
        with pytest.raises(BadInput) as refused:
            ingest(workspace, [path], mapping=mapping)
        assert "titles" not in str(refused.value)


def test_titles_of_a_sheet_are_told(workspace: Workspace, tmp_path: Path) -> None:
    with Workbook(tmp_path / "g.xlsx") as book:
        sheet = book.add_worksheet()
        rows = [["Campaign report"], ["Campaign", "Day", "Cost"], ["a", "2024-10-01", 1]]
        for place, row in enumerate(rows):
            sheet.write_row(place, 0, row)
    with pytest.raises(BadInput, match="Remove the rows above the names"):
        ingest(workspace, [tmp_path / "g.xlsx"])


@pytest.mark.parametrize(
    "name",
    ["Total", "total: account", "Grand Total", "Total of 3 results", "Results from 3 campaigns", "Insgesamt"],
)
def test_a_campaign_that_is_a_sum_is_refused(workspace: Workspace, tmp_path: Path, name: str) -> None:
    rows = f"2024-10-01,a,email,1,1\n2024-10-01,{name},email,1,1\n2024-10-01,Total Wireless,email,1,1\n"
    assert load(workspace, tmp_path, OWN + rows).accepted == 2
    said = "a row of totals: campaign_id; what is really named so needs an id, or another name"
    assert reasons(workspace) == [said]
    assert stored(workspace, "campaign_id") == [("Total Wireless",), ("a",)]


def test_channels_in_other_words_are_known_or_told(workspace: Workspace, tmp_path: Path) -> None:
    names = ["Paid Search", "E-Mail", "Organic Social", "Bing", "Other", "Radio"]
    rows = [f"2024-10-01,a,{name},1,1,2%\n" for name in names]
    done = load(workspace, tmp_path, OWN.replace("\n", ",ctr\n") + "".join(rows))
    assert done.accepted == 4  # what is other is the same key
    _, note = done.files[0].notes
    assert note.startswith("channels that are none of ours count as other: Bing; a mapping of your own")
    assert stored(workspace, "channel") == [("email",), ("other",), ("paid_search",), ("social",)]


def test_rows_that_two_exports_share_are_told(workspace: Workspace, tmp_path: Path) -> None:
    one, other = "2024-10-01,Brand,email,1,1\n", "2024-10-01,Brand,email,2,2\n2024-10-02,Brand,email,2,2\n"
    assert load(workspace, tmp_path, OWN + one).files[0].notes == ()
    (found,) = load(workspace, tmp_path, OWN + other).files[0].notes
    assert found.startswith("1 stored row was replaced by new values for the same date, campaign_id, channel")
    assert found.endswith(", platform (spend 1.00 before, 2.00 now)")


def test_what_may_count_twice_is_told(workspace: Workspace, tmp_path: Path) -> None:
    workspace.set_currency("EUR")
    line = "Brand,2026-11-01,EUR,30,3,3.00\n"
    named = "Campaign,Day,Currency code,Impr.,Clicks,Cost\n" + line + line
    (note,) = load(workspace, tmp_path, named).files[0].notes
    assert note.startswith("1 row with spend is in the file again, letter by letter, and added up")
    header = "Campaign,Campaign ID,{}Day,Currency code,Impr.,Clicks,Cost\n"
    (note,) = (
        load(workspace, tmp_path, header.format("") + "Brand,11,2026-11-01,EUR,60,6,6.00\n").files[0].notes
    )
    assert note.startswith("all spend and impressions of 1 day are those of stored rows of other campaigns")
    parts = "Brand,11,a,2026-11-01,EUR,20,2,2.00\nBrand,11,b,2026-11-01,EUR,9,1,1.00\n"
    (note,) = load(workspace, tmp_path, header.format("Ad ID,") + parts).files[0].notes
    assert note.startswith(
        "campaigns of 1 day are told by creative_id here, and as a whole in what was loaded before"
    )
    assert (
        not load(workspace, tmp_path, header.format("Ad ID,") + parts.replace("2026", "2025")).files[0].notes
    )


def test_a_report_without_channels_is_told_to_count_twice(workspace: Workspace, tmp_path: Path) -> None:
    header = "Campaign,Campaign ID,Day,{}Currency code,Impr.,Clicks,Cost\n"
    typed = header.format("Campaign type,")
    rows = [
        f"{name},{number},2026-11-0{day},{kind},EUR,{day}0,3,{day}.20\n"
        for day in (1, 2)
        for name, number, kind in (("Max", 12, "Performance Max"), ("Brand", 11, "Search"))
    ]
    assert load(workspace, tmp_path, typed + "".join(rows)).files[0].notes == ()
    again = "".join(rows).replace(",3,", ",4,")  # corrected, and told in the same way
    (note,) = load(workspace, tmp_path, typed + again).files[0].notes
    assert note.startswith("4 stored rows were replaced")
    untyped = again.replace("Performance Max,", "").replace("Search,", "")
    note, _ = load(workspace, tmp_path, header.format("") + untyped).files[0].notes
    assert note.startswith(
        "all spend and impressions of campaigns on 2 days are those of stored rows on other"
    )
    (note,) = load(workspace, tmp_path, header.format("") + untyped.replace(",4,", ",5,")).files[0].notes
    assert note.startswith("4 stored rows were replaced")


def test_sums_are_those_of_a_report_that_added_them_up(workspace: Workspace, tmp_path: Path) -> None:
    header = "Campaign,Day,Currency code,Impr.,Clicks,Cost\n"
    parts = header + "".join(f"Brand,2026-11-01,EUR,10,1,{cost}\n" for cost in (0.1, 0.2, 0.7))
    load(workspace, tmp_path, parts)
    again = load(workspace, tmp_path, header + "Brand,2026-11-01,EUR,30,3,1.00\n")
    assert (again.duplicates, again.files[0].notes) == (1, ())


def test_a_market_that_is_a_sum_is_refused(workspace: Workspace, tmp_path: Path) -> None:
    assert (
        load(workspace, tmp_path, "date,geo,revenue\n2024-10-01,Berlin,1\n2024-10-01,Total,1\n").accepted == 1
    )
    assert reasons(workspace)[0].startswith("a row of totals: geo; ")


def test_ids_that_a_spreadsheet_has_shortened_are_refused(workspace: Workspace, tmp_path: Path) -> None:
    """Two campaigns of 17 digits are one after a spreadsheet has saved them."""
    ids = ["1.202E+17", "1,20212E+17", "1E+17", "120212345678901234", "E+17", "1.2E+1"]
    rows = "".join(f'2024-10-01,"{own}",email,1,1\n' for own in ids)
    assert load(workspace, tmp_path, OWN + rows).accepted == 3
    assert reasons(workspace) == ["malformed id: campaign_id is a number that was shortened"] * 3


def test_a_month_is_not_put_on_its_first_day(workspace: Workspace, tmp_path: Path) -> None:
    rows = "Brand,2024-10-01,2024-10-31,1000,12.34,,\nBrand,2024-10-02,2024-10-02,10,1.00,,\n"
    assert load(workspace, tmp_path, META + rows).accepted == 1
    assert reasons(workspace) == [
        "column 'Reporting ends': '2024-10-31' is another day than the row begins on; "
        "expected a report with a row for each day"
    ]
    assert stored(workspace, "impressions") == [(10,)]


def test_results_that_are_no_conversions_count_as_nothing(workspace: Workspace, tmp_path: Path) -> None:
    day = "2024-10-01,2024-10-01,1000,1.00"
    kinds = {
        "a": "reach",
        "b": "actions:link_click",
        "c": "actions:offsite_conversion.fb_pixel_purchase",
        "d": "actions:onsite_conversion.lead_grouped",
        "e": "",
        "f": "actions:offsite_conversion.fb_pixel_lead",
        "g": "actions:offsite_conversion.fb_pixel_add_to_cart",
        "h": "actions:onsite_conversion.messaging_conversation_started_7d",
        "i": "actions:mobile_app_install",
        "j": "actions:leadgen.other",
        "k": "actions:omni_landing_page_view",
        "l": "conversions:offsite_conversion.fb_pixel_custom.Booked",
        "m": "actions:omni_purchase",
    }
    rows = "".join(f"{n},{day},9,{k}\n" for n, k in kinds.items())
    assert load(workspace, tmp_path, META + rows).accepted == 13
    assert stored(workspace, "campaign_id, conversions, leads") == [
        ("a", None, None),
        ("b", None, None),
        ("c", 9.0, None),
        ("d", None, 9.0),
        ("e", None, None),
        ("f", None, 9.0),
        ("g", None, None),
        ("h", None, None),
        ("i", None, None),
        ("j", None, 9.0),
        ("k", None, None),
        ("l", 9.0, None),
        ("m", 9.0, None),
    ]


def test_an_order_whose_payment_was_voided_is_worth_nothing(workspace: Workspace, tmp_path: Path) -> None:
    rows = [
        "Name,Email,Financial Status,Currency,Total,Refunded Amount,Created at,Lineitem quantity",
        "#1,a@example.com,paid,EUR,55.00,5.00,2024-10-01 10:00:00 +0200,2",
        "#1,a@example.com,,,,,2024-10-01 10:00:00 +0200,1",
        "#2,,voided,EUR,30.00,0.00,2024-10-01 10:00:00 +0200,1",
        "#3,,pending,EUR,7.00,0.00,2024-10-01 10:00:00 +0200,1",
    ]
    assert load(workspace, tmp_path, "\n".join(rows)).accepted == 4
    assert stored(workspace, "order_id, line, order_value", "orders") == [
        ("#1", 1, 50.0),
        ("#1", 2, 0.0),
        ("#2", 1, 0.0),
        ("#3", 1, 7.0),
    ]
    cut = [
        rows[0],
        rows[2],
        "#4,,paid,EUR,1.00,0.00,2024-10-02 10:00:00 +0200,1",
    ]  # the file begins within #1
    assert load(workspace, tmp_path, "\n".join(cut)).accepted == 1
    assert reasons(workspace)[0].startswith("the amount of this order stands in another file")
    assert ("#1", 1, 50.0) in stored(workspace, "order_id, line, order_value", "orders")


def test_an_order_whose_amount_is_refused_is_no_order_worth_nothing(
    workspace: Workspace, tmp_path: Path
) -> None:
    workspace.set_currency("EUR")
    rows = [
        "Name;Email;Financial Status;Currency;Total;Refunded Amount;Created at;Lineitem quantity",
        "#1;a@example.com;paid;EUR;55,00;0;2024-10-01 10:00:00 +0200;2",
        "#1;a@example.com;;;;;2024-10-01 10:00:00 +0200;1",
        "#2;;paid;USD;30.00;0;2024-10-01 10:00:00 +0200;1",
        "#2;;;;;;2024-10-01 10:00:00 +0200;3",
        "#3;;paid;EUR;7.00;0;2024-10-01 10:00:00 +0200;1",
        "#3;;;;;;2024-10-01 10:00:00 +0200;no number",
    ]
    assert load(workspace, tmp_path, "\n".join(rows)).accepted == 1
    assert stored(workspace, "order_id, line, order_value", "orders") == [("#3", 1, 7.0)]
    told = "the row with the amount of this order is rejected: this one alone would count as an order"
    assert [one.startswith(told) for one in reasons(workspace)] == [False, True, False, True, False]


def test_clicks_without_impressions_are_noted(workspace: Workspace, tmp_path: Path) -> None:
    rows = [
        "2024-10-01,a,paid_social,100,1,3",
        "2024-10-02,a,paid_social,,1,3",
        "2024-10-01,b,email,,0,9",  # mails have none
    ]
    done = load(workspace, tmp_path, "\n".join([f"{OWN.strip()},clicks", *rows]))
    assert done.files[0].notes == (
        "1 row tells clicks and no impressions, as others of the channel do:"
        " rates of clicks come out too high",
    )


def test_of_an_order_cut_in_two_no_line_takes_the_place_of_another(
    workspace: Workspace, tmp_path: Path
) -> None:
    def told(*rows: str, head: str = "") -> Any:
        named = f"order_id,ordered_at,order_value,category{head}"
        return load(workspace, tmp_path, "\n".join([named, *rows]), mapping="generic_orders")

    tea, jam, oil = (f"a,2024-10-01,{value},{item}" for value, item in ((9, "tea"), (8, "jam"), (7, "oil")))
    other = "b,2024-10-01,5,tea"
    assert told(tea).accepted == 1
    cut = told(jam, oil, other)
    assert (cut.accepted, cut.quarantined) == (1, 2)
    assert reasons(workspace)[0].startswith("other items of this order are stored from another file")
    assert told(tea, jam, oil, other).accepted == 2
    values = stored(workspace, "order_id, line, order_value", "orders")
    assert values == [("a", 1, 9.0), ("a", 2, 8.0), ("a", 3, 7.0), ("b", 1, 5.0)]
    # What corrects an order tells of the same items, or of the same amounts, or stands within a file.
    corrected = told(tea.replace("9", "99"), jam, oil)
    assert corrected.accepted == 1
    assert (
        corrected.files[0].notes[-1].endswith("told by the place in the file: load orders whole, in one file")
    )
    assert told(tea.replace("9", "99").replace("tea", "green tea"), jam, oil).accepted == 1
    assert told("c,2024-10-01,1,x", "b,2024-10-01,6,salt", "d,2024-10-01,1,y").accepted == 3
    assert told("a,2024-10-01,6,rice,3", head=",line").accepted == 1  # has a number of its own
    assert stored(workspace, "order_id, line, order_value", "orders")[:4] == [
        ("a", 1, 99.0),
        ("a", 2, 8.0),
        ("a", 3, 6.0),
        ("b", 1, 6.0),
    ]


def test_a_stage_is_known_with_the_pipeline_behind_it(workspace: Workspace, tmp_path: Path) -> None:
    stages = ("Closed Won", "Closed Won (Sales Pipeline)", "Closed Won (Renewals)")
    rows = [f"{place},Deal,{stage},2024-10-01 10:00" for place, stage in enumerate(stages)]
    load(workspace, tmp_path, "\n".join(["Record ID,Deal Name,Deal Stage,Create Date", *rows]))
    assert stored(workspace, "lead_id, stage", "leads") == [("0", "won"), ("1", "won"), ("2", "pipeline")]


def test_between_semicolons_a_comma_parts_no_thousands(workspace: Workspace, tmp_path: Path) -> None:
    header = "Campaign;Campaign ID;Day;Currency code;Clicks;Impr.;Cost\n"
    assert load(workspace, tmp_path, header + "Brand;1;2024-10-01;EUR;5;50;1,500\n").quarantined == 1
    assert "'1,500' is ambiguous" in reasons(workspace)[0]


def test_a_count_with_three_decimals_may_be_thousands(workspace: Workspace, tmp_path: Path) -> None:
    rows = "2024-10-01;a;email;1.000;150\n2024-10-02;a;email;12.000;150\n2024-10-03;a;email;3.0;150\n"
    assert load(workspace, tmp_path, (OWN.replace(",", ";") + rows)).accepted == 1
    assert all(
        "is ambiguous: the sign before the last three digits" in reason for reason in reasons(workspace)
    )
    assert stored(workspace, "impressions") == [(3,)]


def test_counts_of_a_decimal_type_are_whole(workspace: Workspace, tmp_path: Path) -> None:
    row = {"date": "2024-10-01", "campaign_id": "a", "channel": "email", "impressions": "12000"}
    frame = pl.DataFrame([row]).with_columns(pl.col("impressions").cast(pl.Decimal(18, 3)))
    frame.write_parquet(tmp_path / "d.parquet")
    assert ingest(workspace, [tmp_path / "d.parquet"]).accepted == 1
    assert stored(workspace, "impressions") == [(12000,)]


def test_texts_of_parquet_are_judged_together(workspace: Workspace, tmp_path: Path) -> None:
    day = {"date": ["2024-10-01", "2024-10-02"], "campaign_id": ["a", "a"], "channel": ["email", "email"]}
    frame = pl.DataFrame(day | {"spend": ["1.234", "12,50"], "revenue": [1.234, 2.5]})
    frame.write_parquet(tmp_path / "d.parquet")
    assert ingest(workspace, [tmp_path / "d.parquet"]).quarantined == 2
    reasons = workspace.tables().listed("SELECT reasons FROM quarantine ORDER BY line")
    assert "'1.234' is ambiguous in this file" in reasons[0][0]
    assert "revenue" not in reasons[0][0]


def test_what_is_to_be_left_out_must_be_told(workspace: Workspace, tmp_path: Path) -> None:
    rows = (
        "Name,Email,Currency,Total,Created at,Lineitem quantity\n#1,,EUR,5.00,2024-10-01 10:00:00 +0200,1\n"
    )
    with pytest.raises(BadInput, match=r"lacks columns that the mapping .* order_value .*'Financial Status'"):
        load(workspace, tmp_path, rows, mapping="shopify_orders")
    results = META.replace(",Result indicator", "") + "a,2024-10-01,2024-10-01,1000,1.00,9\n"
    loaded = load(workspace, tmp_path, results)
    assert loaded.files[0].notes == ("columns that the mapping meta_ads does not use: Results",)
    assert stored(workspace, "conversions") == [(None,)]


def test_a_name_that_is_too_long_is_bad_input(workspace: Workspace) -> None:
    with pytest.raises(BadInput, match="File name too long"):
        ingest(workspace, ["c" * 3000])


def test_ids_that_are_floats_are_refused_where_they_lose_digits(workspace: Workspace, tmp_path: Path) -> None:
    row = {"date": "2024-10-01", "channel": "email", "impressions": 1}
    ids = [120212345678901234.0, 4711.0]
    pl.DataFrame([{**row, "campaign_id": own} for own in ids]).write_parquet(tmp_path / "f.parquet")
    assert ingest(workspace, [tmp_path / "f.parquet"]).accepted == 1
    assert reasons(workspace) == ["malformed id: campaign_id is a number that was shortened"]
    assert stored(workspace, "campaign_id") == [("4711",)]


def test_the_amount_of_an_order_is_of_no_one_item(workspace: Workspace, tmp_path: Path) -> None:
    rows = (
        "Name,Email,Financial Status,Currency,Total,Created at,Lineitem quantity,Lineitem sku\n"
        "#1,,paid,EUR,50.00,2024-10-01 10:00:00 +0200,1,shirt\n#1,,,,,2024-10-01 10:00:00 +0200,2,sock\n"
    )
    assert load(workspace, tmp_path, rows).accepted == 2
    wanted = "SELECT order_value, quantity, category FROM orders ORDER BY line"
    assert workspace.tables().listed(wanted) == [(50, 1, None), (0, 2, None)]


def _purchase(name: str, order: str, value: float, code: str, day: int = 1) -> str:
    given = {"currency": {"string_value": code}, "value": {"double_value": value}}
    given["transaction_id"] = {"string_value": order}
    at = 1709287200000000 + (day - 1) * 86_400_000_000  # 10:00 UTC
    event = {"event_name": name, "event_timestamp": at, "user_pseudo_id": f"u-{order}"}
    return json.dumps(event | {"event_params": [{"key": key, "value": it} for key, it in given.items()]})


def test_sales_that_a_shop_and_its_site_both_tell_are_noted(workspace: Workspace, tmp_path: Path) -> None:
    def listed(name: str, clock: str, price: str = "", first: int = 1) -> Any:
        rows = [
            f"{name}{day},,paid,EUR,{price or f'{day}.50'},2024-03-{day:02} {clock}:00 +0100,1\n"
            for day in range(first, first + 9)
        ]
        header = "Name,Email,Financial Status,Currency,Total,Created at,Lineitem quantity\n"
        return load(workspace, tmp_path, header + "".join(rows)).files[0].notes

    site = tmp_path / "e.jsonl"  # on nine days at 10:00 UTC
    site.write_text("\n".join(_purchase("purchase", f"T{n}", n + 0.5, "EUR", day=n) for n in range(1, 10)))
    assert listed("A", "11:05") == ()
    (note,) = ingest(workspace, [site], backfill=True).files[0].notes
    assert note == (
        "9 orders have the value and the time of others that were loaded before under other ids:"
        " if they are the same sales, these count twice; load one of the two only"
    )
    assert listed("B", "11:02") == (note,)
    assert listed("C", "13:02") == (note,)  # the time of another zone
    assert listed("D", "23:48") == ()
    assert listed("E", "11:02", first=10) == ()
    assert listed("F", "07:15", price="9.90") == ()
    assert listed("G", "07:17", price="9.90") == ()  # of equal prices on all days, which is chance


def test_purchases_in_another_currency_are_not_added_up(workspace: Workspace, tmp_path: Path) -> None:
    one, other = _purchase("purchase", "A", 100, "EUR"), _purchase("purchase", "B", 5000, "JPY")
    seen = _purchase("add_to_cart", "C", 70, "JPY")  # which carries no money that is kept
    (tmp_path / "a.jsonl").write_text(other)
    assert ingest(workspace, [tmp_path / "a.jsonl"]).accepted == 0  # too old
    assert workspace.currency is None
    (tmp_path / "a.jsonl").write_text("\n".join((one, seen, other)))
    with pytest.raises(BadInput, match="money in several currencies: EUR, JPY"):
        ingest(workspace, [tmp_path / "a.jsonl"], backfill=True)
    (tmp_path / "b.jsonl").write_text("\n".join((one, seen)))
    assert ingest(workspace, [tmp_path / "b.jsonl"], backfill=True).accepted == 2
    assert workspace.currency == "EUR"
    loaded = ingest(workspace, [tmp_path / "a.jsonl"], backfill=True)
    assert (loaded.duplicates, loaded.quarantined) == (2, 1)
    tables = workspace.tables()
    assert tables.listed("SELECT sum(order_value) FROM orders") == [(100,)]
    assert tables.listed("SELECT reasons FROM quarantine ORDER BY quarantined_at DESC LIMIT 1") == [
        ("another currency: JPY; the workspace is in EUR",)
    ]


def test_rows_that_a_report_tells_no_more_are_named(workspace: Workspace, tmp_path: Path) -> None:
    def report(*campaigns: str, days: range, but: str = "", ad: str = "") -> tuple[str, ...]:
        rows = [
            f"2024-10-{day:02},{name},display,{100 + day},{day}.5{ad}\n"
            for day in days
            for name in campaigns
            if f"{name}{day}" != but
        ]
        header = OWN.replace("\n", ",creative_id\n") if ad else OWN
        return tuple(load(workspace, tmp_path, header + "".join(rows)).files[0].notes)

    first, again = range(1, 7), range(4, 9)
    assert report("a", "b", "c", days=first) == report("x", "y", days=first) == ()  # of two accounts
    assert report("a", "b", "c", days=again, but="c8") == ()  # c8 was not told before
    assert report("x", "y", days=range(5, 10)) == ()
    assert report("a", "b", days=range(7, 9), ad=",k1") != ()  # by ad, which is told as another double
    (note,) = report("a", "c", days=range(6, 10), but="a7")
    # b of the 6th to the 8th, and a of the 7th
    assert note == (
        "4 stored rows of days in this file are not in it and still count (spend 30.00): b, a,"
        " from 2024-10-06 to 2024-10-08; right where the file is a part of the report; if the platform"
        " reports them no more, take this load and the one that told them back with `workbench undo`,"
        " and load this file again"
    )
    spent = stored(workspace, "campaign_id, spend")
    assert ("b", 6.5) in spent
    assert ("a", 7.5) in spent
    assert report("x", days=range(12, 14)) == ()  # no day is told again
