"""What a mapping may say, what it refuses, and that hostile names and values stay harmless."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import workbench.events
from workbench.errors import BadInput, UsageError
from workbench.events.documents import read_document
from workbench.events.mapping import MAPPINGS, Mapping, detect, load_mapping, names, parse_mapping

Load = Callable[..., Any]
few = settings(
    max_examples=100,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
    database=None,
)

SPEND: dict[str, Any] = {
    "name": "mine",
    "title": "My export",
    "table": "daily_performance",
    "columns": {
        "date": "Day",
        "campaign_id": "Campaign",
        "channel": {
            "from": "Medium",
            "values": {"cpc": "paid_search", "E-Mail": "email"},
            "otherwise": "other",
        },
        "original_channel": "Medium",
        "spend": {"from": ["Spend", "Cost"], "optional": True},
        "clicks": {"from": "Clicks", "optional": True},
    },
}


def mapping(**changes: Any) -> Mapping:
    columns = {**SPEND["columns"], **changes.pop("columns", {})}
    return parse_mapping(
        yaml.safe_dump({**SPEND, **changes, "columns": columns}, sort_keys=False), "mine.yaml"
    )


def refusal(text: str) -> str:
    with pytest.raises(BadInput) as caught:
        parse_mapping(text, "mine.yaml")
    assert str(caught.value).startswith("mine.yaml")
    return str(caught.value)


def refused(**changes: Any) -> str:
    with pytest.raises(BadInput) as caught:
        mapping(**changes)
    return str(caught.value)


# What is read


def test_labels_are_mapped_and_kept(load_rows: Load) -> None:
    rows = [["2024-01-01", "a", label, "1"] for label in ("CPC", "e-mail", "Carrier pigeon", None)]
    made = load_rows(mapping(), ["Day", "Campaign", "Medium", "Spend"], rows).rows
    assert [row["channel"] for row in made] == ["paid_search", "email", "other", None]
    assert [row["original_channel"] for row in made] == ["CPC", "e-mail", "Carrier pigeon", None]


def test_an_unknown_label_is_a_failure_where_nothing_else_is_said(load_rows: Load) -> None:
    strict = mapping(columns={"channel": {"from": "Medium", "values": {"cpc": "paid_search"}}})
    loaded = load_rows(strict, ["Day", "Campaign", "Medium"], [["2024-01-01", "a", "fax"]])
    assert loaded.failures == [
        "channel: column 'Medium': 'fax' is not a label that the mapping knows; expected cpc"
    ]


def test_the_reason_names_column_value_and_expectation(load_rows: Load) -> None:
    rows = [
        ["2024-01-01", "a", "cpc", "12,3x"],
        ["2024-13-01", "a", "cpc", "7"],
        ["2024-01-01", "a", "cpc", ""],
    ]
    loaded = load_rows(mapping(), ["Day", "Campaign", "Medium", "Spend"], rows)
    assert loaded.failures == [
        "spend: column 'Spend': '12,3x' is not a number; expected digits with '.' decimals",
        "date: column 'Day': '2024-13-01' is not a date; expected YYYY-MM-DD",
    ]
    assert [row["spend"] for row in loaded.rows] == [None, 7.0, None]


def test_every_reason_of_a_row_is_given(load_rows: Load) -> None:
    columns = ["Day", "Campaign", "Medium", "Spend", "Clicks"]
    loaded = load_rows(mapping(), columns, [["?", "a", "cpc", "nan", "1.5"]])
    assert len(loaded.failures[0].split("; ")) >= 3
    assert "'1.5' is not a whole number" in loaded.failures[0]


def test_the_first_of_several_columns_that_is_there_counts(load_rows: Load) -> None:
    day = ["2024-01-01", "a", "cpc"]
    cost = load_rows(mapping(), ["Day", "Campaign", "Medium", "Cost"], [[*day, "5"]])
    assert cost.one("spend") == 5.0
    both = load_rows(mapping(), ["Day", "Campaign", "Medium", "Cost", "Spend"], [[*day, "5", "6"]])
    assert both.one("spend") == 6.0
    assert both.unmapped == ()


def test_first_of_looks_into_each_row(load_rows: Load) -> None:
    either = mapping(columns={"campaign_id": {"first_of": ["Campaign", "Code"]}})
    rows = [["2024-01-01", "a", "x", "cpc"], ["2024-01-01", " ", "x", "cpc"]]
    assert [
        r["campaign_id"] for r in load_rows(either, ["Day", "Campaign", "Code", "Medium"], rows).rows
    ] == ["a", "x"]


def test_names_of_columns_are_found_without_case_spaces_and_byte_order_mark(load_rows: Load) -> None:
    loaded = load_rows(mapping(), ["\ufeffDAY", " campaign ", "medium"], [["2024-01-01", "a", "cpc"]])
    assert loaded.one("campaign_id") == "a"
    with pytest.raises(BadInput, match="differ in case only"):
        mapping().columns(["Day", "Campaign", "medium", "MEDIUM"])
    with pytest.raises(BadInput, match="stands twice"):
        mapping().columns(["Day", "Campaign", "Medium", "Medium"])


def test_missing_columns_are_all_named() -> None:
    with pytest.raises(BadInput) as caught:
        mapping().columns(["Medium"])
    assert "date (from 'Day'); campaign_id (from 'Campaign')" in str(caught.value)
    assert "My export" in str(caught.value)


def test_absent_default_and_optional(load_rows: Load) -> None:
    gaps = mapping(
        columns={
            "date": {"from": "Day", "absent": "2024-02-29"},
            "clicks": {"from": "Clicks", "default": 0},
            "segment": {"from": "Segment", "optional": True},
        }
    )
    loaded = load_rows(gaps, ["Campaign", "Medium", "Clicks"], [["a", "cpc", "3"], ["a", "cpc", None]])
    assert loaded.one("CAST(min(date) AS VARCHAR)") == "2024-02-29"
    assert [row["clicks"] for row in loaded.rows] == [3, 0]
    assert loaded.types["segment"] == "VARCHAR"
    broken = load_rows(gaps, ["Campaign", "Medium", "Clicks"], [["a", "cpc", "x"]])
    assert [row["clicks"] for row in broken.rows] == [None]
    assert len(broken.failures) == 1


def test_percent_cents_and_decimal_commas(load_rows: Load) -> None:
    german = mapping(
        decimal=",",
        thousands=".",
        currency="EUR",
        columns={
            "spend": "Kosten",
            "conversions": {"from": "Quote", "unit": "percent"},
            "revenue": {"from": "C", "unit": "cents"},
        },
    )
    columns = ["Day", "Campaign", "Medium", "Kosten", "Quote", "C"]
    loaded = load_rows(german, columns, [["2024-01-01", "a", "cpc", "1.234,50 €", "12,5 %", "1999"]])
    assert loaded.failures == []
    assert (loaded.one("spend"), loaded.one("conversions"), loaded.one("revenue")) == (1234.5, 0.125, 19.99)
    assert loaded.one("_currency") == "EUR"


def test_the_currency_may_stand_in_a_column_or_in_a_heading(load_rows: Load) -> None:
    of_column = mapping(currency=[{"column": "Code"}, {"column": "Currency"}])
    rows = [["2024-01-01", "a", "cpc", "eur"], ["2024-01-01", "a", "cpc", "USD"]]
    assert [
        r["_currency"] for r in load_rows(of_column, ["Day", "Campaign", "Medium", "Currency"], rows).rows
    ] == [
        "EUR",
        "USD",
    ]
    meta = load_mapping("meta_ads")
    columns = ["Reporting starts", "Campaign name", "Impressions", "Amount spent (EUR)"]
    loaded = load_rows(meta, columns, [["2024-01-01", "a", "10", "€1.50"]])
    assert (loaded.one("_currency"), loaded.one("spend")) == ("EUR", 1.5)


def test_sums_products_and_what_is_taken_off(load_rows: Load) -> None:
    sums = mapping(
        columns={"spend": {"total": ["A", "B"], "minus": ["C"]}, "revenue": {"product": ["A", "B"]}}
    )
    columns = ["Day", "Campaign", "Medium", "A", "B", "C"]
    rows = [
        ["2024-01-01", "a", "cpc", *rest] for rest in (("2", "3", "1"), ("2", None, None), (None, None, None))
    ]
    loaded = load_rows(sums, columns, rows)
    assert [(r["spend"], r["revenue"]) for r in loaded.rows] == [(4.0, 6.0), (2.0, None), (None, None)]
    large = load_rows(sums, columns, [["2024-01-01", "a", "cpc", "1e308", "1e308", "0"]])
    assert "the result is not finite" in large.failures[0]
    wrong = load_rows(sums, columns, [["2024-01-01", "a", "cpc", "1", "zwei", "0"]])
    assert "column 'B': 'zwei' is not a number" in wrong.failures[0]


def test_lines_are_numbered_in_the_order_of_the_file(load_rows: Load) -> None:
    orders = load_mapping("generic_orders")
    rows = [[o, "2024-01-01T00:00:00Z", v] for o, v in (("b", "1"), ("a", "2"), ("b", "3"), ("b", "-1"))]
    loaded = load_rows(orders, ["order_id", "ordered_at", "order_value"], rows)
    made = sorted((r["order_id"], r["line"], r["order_value"], r["is_return"]) for r in loaded.rows)
    assert made == [("a", 1, 2.0, False), ("b", 1, 1.0, False), ("b", 2, 3.0, False), ("b", 3, -1.0, True)]


def test_returns_can_be_refused(load_rows: Load) -> None:
    text = yaml.safe_dump(
        {
            "name": "shop",
            "title": "Shop",
            "table": "orders",
            "refunds": "refused",
            "columns": {
                "order_id": "id",
                "line": {"constant": 1},
                "ordered_at": "at",
                "order_value": "value",
                "is_return": {"constant": False},
            },
        }
    )
    loaded = load_rows(parse_mapping(text), ["id", "at", "value"], [["1", "2024-01-01T00:00:00Z", "-5"]])
    assert loaded.failures == ["order_value: a negative amount, and the mapping refuses returns"]


# What a mapping may not say


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a: &x 1\nb: *x", "row 1: anchors and aliases are not allowed"),
        ("a: &a [x]\nb: &b [*a, *a]", "anchors"),
        ("a: !!python/object/apply:os.system [id]", "row 1: the tag"),
        ("a: 1\nb:\n  c: 1\n  c: 2", "row 4: the key 'c' stands twice"),
        ("? [a, b]\n: 1", "a key must be plain text"),
        ("- a", "not a mapping"),
        ("", "the file is empty"),
        ("a: [1", "row"),
        ("a: \x07", "not YAML"),
        ("[" * 60, "nested more than 20 deep"),
        ("{a: " * 30, "nested more than 20 deep"),
        ('a: "\\ud800"', "mine.yaml"),
        ("<<: {a: 1}", "key '<<'"),
        ("null: 1", "mine.yaml"),
        ("a: " + "x" * 70_000, "the file is too large"),
    ],
)
def test_hostile_documents_are_refused(text: str, said: str) -> None:
    assert said in refusal(text)


def test_no_is_a_country_and_days_stay_text() -> None:
    labels = parse_mapping(yaml.safe_dump(SPEND).replace("cpc:", "no:")).targets["channel"].values
    assert "no" in labels
    text = yaml.safe_dump(SPEND).replace("date: Day", "date: {from: Day, absent: 2017-08-01}")
    assert parse_mapping(text).targets["date"].absent == "2017-08-01"
    text = yaml.safe_dump(SPEND).replace("campaign_id: Campaign", "campaign_id: {constant: 007}")
    assert parse_mapping(text).targets["campaign_id"].constant == "007"


def test_numbers_are_plain_decimals_where_they_are_asked_for() -> None:
    text = (
        "a: 7\nb: -1.5\nc: 1e3\nd: 007\ne: 12:30\nf: 1_000\n"
        "g: 0x10\nh: .inf\ni: yes\nj: true\nk: ~\nl: 2024-01-01"
    )
    read = read_document(text)
    assert list(read.values()) == [
        7,
        -1.5,
        1000.0,
        "007",
        "12:30",
        "1_000",
        "0x10",
        ".inf",
        "yes",
        True,
        None,
        "2024-01-01",
    ]
    kept = read_document(text, numbers=False)
    assert list(kept.values())[:3] == ["7", "-1.5", "1e3"]


READY = [
    (Path(workbench.events.__path__[0]) / "mappings" / f"{name}.yaml").read_text(encoding="utf-8")
    for name in names()
]


@few
@given(st.one_of(st.text(), st.text("ab:-[]{}&*!?|>%@`'\"#,\n \t~")))
def test_any_text_is_a_mapping_or_bad_input(text: str) -> None:
    with pytest.raises(BadInput):
        parse_mapping(text, "mine.yaml")


@few
@given(st.sampled_from(READY), st.data())
def test_a_damaged_mapping_is_still_one_or_bad_input(text: str, data: st.DataObject) -> None:
    start = data.draw(st.integers(0, len(text) - 1))
    length = data.draw(st.integers(0, 40))
    put = data.draw(
        st.sampled_from(["", "a", ":", "[", "}", "&x ", "*x", "\n", "  ", "'", '"', "null", "\x00", "1e999"])
    )
    try:
        made = parse_mapping(text[:start] + put + text[start + length :], "mine.yaml")
    except BadInput as error:
        message = str(error)
    else:
        message = f"mine.yaml fills {made.table}"
    assert message.startswith("mine.yaml")


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"colour": "red"}, "key 'colour': no such key"),
        ({"colums": {}}, "key 'colums': no such key; did you mean 'columns'?"),
        ({"ignore": "Notes"}, "key 'ignore': expected a list"),
        ({"name": "My Shop"}, "key 'name': expected small letters, digits and underscores"),
        ({"currency": {"colum": "Code"}}, "key 'currency.0.colum': no such key; did you mean 'column'?"),
        (
            {"columns": {"spend": None}},
            "key 'columns.spend': expected the name of a column, or keys and values",
        ),
        ({"columns": {"spend": {"from": "a", "until": "b"}}}, "columns.spend: `until` belongs to a date"),
        (
            {"columns": {"spend": {"from": "a", "unless": []}}},
            "'columns.spend.unless': expected at least 1 entry",
        ),
        (
            {"columns": {"spend": {"from": "a", "unless": [{"from": "b", "equal": "c"}]}}},
            "key 'columns.spend.unless.0.equal': no such key; did you mean 'equals'?",
        ),
        (
            {"columns": {"spend": {"either": [{"from": "a"}, {"constant": "much"}]}}},
            "columns.spend: 'much' is not a number",
        ),
        ({"columns": {"spend": {"from": "a", "unti": "micros"}}}, "key 'columns.spend.unti': no such key"),
        (
            {"columns": {"spendd": "a"}},
            "columns.spendd: the table daily_performance has no such column; did you mean 'spend'?",
        ),
        ({"table": "loads"}, "no table 'loads' to load into"),
        ({"table": "orders", "columns": {}}, "columns."),
        ({"name": "../x"}, "key 'name'"),
        ({"time_zone": "Mars/Olympus"}, "no time zone is named 'Mars/Olympus'"),
        ({"time_zone": "../../etc/passwd"}, "no time zone is named"),
        ({"decimal": ";"}, "key 'decimal'"),
        ({"decimal": ",", "thousands": ","}, "the same sign"),
        ({"columns": {"spend": {"from": "a", "decimal": ",", "thousands": ","}}}, "columns.spend: `decimal`"),
        ({"thousands": ",", "columns": {"spend": {"from": "a", "decimal": ","}}}, "columns.spend: `decimal`"),
        ({"currency": "Euro"}, "key 'currency"),
        ({"columns": {"spend": {"from": "a", "constant": "1"}}}, "exactly one of"),
        ({"columns": {"spend": {}}}, "exactly one of"),
        ({"columns": {"spend": {"from": []}}}, "key 'columns.spend.from"),
        ({"columns": {"channel": {"constant": "tv"}}}, "columns.channel: 'tv' is not one of"),
        (
            {"columns": {"channel": {"from": "a", "values": {"x": "tv"}}}},
            "columns.channel: 'tv' is not one of",
        ),
        (
            {"columns": {"date": {"from": "a", "absent": "2024-02-30"}}},
            "columns.date: '2024-02-30' is not a date",
        ),
        ({"columns": {"clicks": {"constant": "1.5"}}}, "columns.clicks: '1.5' is not a whole number"),
        ({"columns": {"date": {"from": "a", "formats": ["%d/%m/%Y", "%m/%d/%Y"]}}}, "as different days"),
        ({"columns": {"spend": {"from": "a", "otherwise": "1"}}}, "`otherwise` needs values"),
        ({"columns": {"spend": {"from": "a", "minus": ["b"]}}}, "`minus` needs product or total"),
        ({"columns": {"region": {"from": {"column": "a", "path": "a'); --"}}}}, "is not of the form"),
        (
            {"columns": {"channel": {"from": "a", "values": {"X": "email", "x": "sms"}}}},
            "differ in case only",
        ),
        ({"columns": {"sends": {"all_of": [{"from": "a"}]}}}, "one of starts, starts_none, equals"),
        ({"combine": "average"}, "key 'combine'"),
        ({"events": {"from": "a", "types": {}}}, "key 'events"),
    ],
)
def test_mistakes_are_named_by_file_and_key(changes: dict[str, Any], said: str) -> None:
    message = refused(**changes)
    assert message.startswith("mine.yaml: ")
    assert said in message


def test_required_columns_of_the_table_must_be_mapped() -> None:
    columns = {name: made for name, made in SPEND["columns"].items() if name != "channel"}
    assert "the table daily_performance also needs channel" in refusal(
        yaml.safe_dump({**SPEND, "columns": columns})
    )


def test_a_mapping_is_found_by_name_or_file(tmp_path: Path) -> None:
    assert load_mapping("facebook_kag") is load_mapping("facebook_kag")
    file = tmp_path / "mine.yaml"
    file.write_text("\ufeff" + yaml.safe_dump(SPEND), encoding="utf-8")
    assert load_mapping(file).name == "mine"
    with pytest.raises(UsageError, match="Did you mean 'facebook_kag'"):
        load_mapping("facebok_kag")
    with pytest.raises(UsageError, match="no mapping file"):
        load_mapping(tmp_path / "none.yaml")
    file.write_bytes(b"name: \xff\xfe")
    with pytest.raises(BadInput, match="not UTF-8"):
        load_mapping(file)
    file.write_bytes(b"a: " + b"x" * 200_000)
    with pytest.raises(BadInput, match="too large"):
        load_mapping(file)
    with pytest.raises(BadInput, match="File name too long"):
        load_mapping("x" * 300 + ".yaml")


# Which file is which


def test_every_ready_mapping_is_detected_by_each_of_its_marks() -> None:
    for mapping_ in MAPPINGS.values():
        for columns in mapping_.matches:
            found = detect([column.upper() for column in columns])
            assert found is not None, columns
            assert found.name == mapping_.name


def test_nothing_is_detected_without_a_mark() -> None:
    assert detect([]) is None
    assert detect(["a", "b", "date"]) is None


def test_ready_mappings_are_complete() -> None:
    asked = {"facebook_kag", "online_retail", "cdnow", "google_ads", "meta_ads", "tiktok_ads", "linkedin_ads"}
    asked |= {"microsoft_ads", "hubspot_contacts", "hubspot_deals", "hubspot_email_events", "ga4_events"}
    asked |= {
        "shopify_orders",
        "mailchimp_campaigns",
        "generic_daily_performance",
        "generic_orders",
        "generic_leads",
    }
    assert asked <= set(names())
    assert list(MAPPINGS) == list(names())


# Hostile names and values


HOSTILE = (
    "<script>alert(1)</script>",
    '=HYPERLINK("http://x")',
    "../../x",
    "{{7*7}}",
    "$(id)",
    "'; DROP TABLE mapped; --",
    '"; DROP TABLE mapped; --',
    "\u202egnp.exe",
    "x" * 10_000,
    "\\'",
    "?$1:a%s",
    "'||(SELECT 1)||'",
)


@pytest.mark.parametrize("text", HOSTILE, ids=[text[:12] for text in HOSTILE])
def test_hostile_names_and_values_are_kept_as_they_are(text: str, load_rows: Load) -> None:
    hostile = mapping(
        columns={
            "campaign_id": {"from": [text]},
            "segment": {"join": [text, "Medium"], "separator": "'"},
            "region": {"from": {"column": "J", "parameter": text}, "optional": True},
            "platform": {"constant": text},
        }
    )
    columns = ["Day", text, "Medium", "Spend", "J", "_l", "_n", "_t", "_o", "p"]
    made = load_rows(hostile, columns, [["2024-01-01", text, "cpc", "1", "[]", *"12345"]])
    assert made.failures == []
    row = made.rows[0]
    assert (row["campaign_id"], row["segment"], row["platform"]) == (text, f"{text}'cpc", text)
    assert row["spend"] == 1.0
    broken = load_rows(hostile, columns, [["2024-01-01", text, "cpc", text, "[]", *"12345"]])
    assert text[:80] in broken.failures[0]


@settings(few, max_examples=20)
@given(
    name=st.text(st.characters(exclude_characters="\x00", codec="utf-8"), min_size=1, max_size=30).filter(
        lambda t: (
            t.strip("\ufeff \t\r\n\u00a0").casefold()
            not in {"", "day", "medium", "spend", "cost", "clicks", "_row"}
        )
    ),
    values=st.lists(
        st.text(st.characters(exclude_characters="\x00", codec="utf-8"), max_size=30), min_size=5, max_size=15
    ),
)
def test_any_name_and_value_pass_through(name: str, values: list[str], load_rows: Load) -> None:
    open_ = mapping(columns={"campaign_id": name})
    given_rows = [[f"2024-01-{day + 1:02}", value, "cpc"] for day, value in enumerate(values)]
    loaded = load_rows(open_, ["Day", name, "Medium"], given_rows)
    kept = [row["campaign_id"] for row in sorted(loaded.rows, key=lambda row: str(row["date"]))]
    assert kept == [value.strip(" \t\n\r\u00a0\u202f\ufeff") or None for value in values]
