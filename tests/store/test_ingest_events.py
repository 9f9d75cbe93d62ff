"""Events into a workspace: sums, copies, late ones, orders, what is stored and what is said."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from workbench.errors import BadInput
from workbench.store import Workspace
from workbench.store.ingest import ingest
from workbench.store.reading_bytes import blocks
from workbench.store.review import review

NOW = datetime(2026, 5, 1, 12, tzinfo=UTC)


def event(number: int, event_type: str = "user_engaged", **changes: Any) -> dict[str, Any]:
    properties = {
        "user_engaged": {"engagement_type": "search", "search_query": "shoes"},
        "campaign_clicked": {
            "campaign_id": str(UUID(int=number % 3)),
            "creative_id": str(UUID(int=9)),
            "click_type": "cta",
            "time_to_click_seconds": 3,
        },
        "user_purchased": {
            "order_id": str(UUID(int=number)),
            "order_value": 19.5,
            "order_category": "sh\"o\\e's",
            "payment_method": "card",
            "promo_code_used": False,
            "is_repeat_purchase": True,
        },
    }[event_type]
    return {
        "event_id": str(UUID(int=number)),
        "event_type": event_type,
        "timestamp": (NOW - timedelta(minutes=number % 600)).isoformat(),
        "user_id": f"u{number % 7}",
        "source": "mobile",
        "properties": properties,
        "context": {"region": "EU", "platform": "Web", "user_segment": "VIP"},
        **changes,
    }


def write(path: Path, events: list[Any]) -> Path:
    path.write_text("".join((e if isinstance(e, str) else json.dumps(e)) + "\n" for e in events))
    return path


def rows(workspace: Workspace, sql: str) -> list[dict[str, Any]]:
    return workspace.tables().query(sql).to_pylist()


def counts(result: Any) -> tuple[int, int, int, int]:
    assert result.accepted + result.duplicates + result.quarantined == result.read
    return result.read, result.accepted, result.duplicates, result.quarantined


def stored(workspace: Workspace) -> dict[str, str]:
    found = rows(workspace, "SELECT event_id, properties FROM events WHERE user_id <> 'workbench'")
    return {row["event_id"]: row["properties"] for row in found}


def test_events_facts_orders_and_the_load_itself(workspace: Workspace, tmp_path: Path) -> None:
    types = ["user_engaged", "campaign_clicked", "user_purchased"]
    events = [event(n, types[n % 3]) for n in range(1, 31)]
    result = ingest(workspace, [write(tmp_path / "e.jsonl", events)], now=NOW)
    assert counts(result) == (30, 30, 0, 0)
    tables = workspace.tables()
    facts = tables.query("SELECT * FROM facts WHERE event_type = 'campaign_clicked'").to_pylist()
    assert {f["campaign_id"] for f in facts} == {str(UUID(int=n % 3)) for n in range(1, 31) if n % 3 == 1}
    assert {(f["kind"], f["seconds"], f["region"], f["platform"]) for f in facts} == {
        ("cta", 3.0, "EU", "Web")
    }
    orders = tables.query("SELECT * FROM orders").to_pylist()
    assert len(orders) == 10
    assert {(o["order_value"], o["category"], o["line"]) for o in orders} == {(19.5, "sh\"o\\e's", 1)}
    (system,) = tables.query("SELECT * FROM events WHERE event_type = 'data_refresh_completed'").to_pylist()
    assert json.loads(system["properties"])["rows_accepted"] == 30
    assert len(tables.query("SELECT * FROM facts").to_pylist()) == 31
    (load,) = tables.query("SELECT * FROM loads WHERE operation = 'ingest'").to_pylist()
    assert (load["rows_read"], load["accepted"]) == (30, 30)


def test_the_same_file_again_changes_nothing(workspace: Workspace, tmp_path: Path) -> None:
    file = write(tmp_path / "e.jsonl", [event(n) for n in range(5)] + ["garbage"])
    assert counts(ingest(workspace, [file], now=NOW)) == (6, 5, 0, 1)
    before = workspace.tables().version
    again = ingest(workspace, [file], now=NOW + timedelta(days=1))
    assert counts(again) == (6, 0, 5, 1)
    assert again.files[0].again
    assert workspace.tables().version == before


def test_an_object_in_which_a_member_stands_twice_is_refused(workspace: Workspace, tmp_path: Path) -> None:
    """PostgreSQL takes the last of two, the checks the first: figures would differ by the reader."""
    properties = [
        '{"engagement_type": "search", "engagement_type": "nonsense"}',
        '{"engagement_type":"search","engagement_type":"search"}',
        '{"engagement_type": "search", "own": 1, "own": 2}',
        '{"engagement_type": "search", "screen_name": null, "screen_name": "x"}',
        '{"engagement_type": "search", "engagement_typ\\u0065": "app_open"}',
    ]
    sound = ['{"engagement_type": "search", "own": 1}', '{"engagement_type":"search","screen_name":"own"}']
    lines = []
    for number, text in enumerate([*properties, *sound]):
        line = json.dumps(event(number, properties={"here": 1}))
        lines.append(line.replace('{"here": 1}', text))
    twice = '{"region": "EU", "region": "US"}'
    lines.append(json.dumps(event(90, context={"here": 1})).replace('{"here": 1}', twice))
    result = ingest(workspace, [write(tmp_path / "e.jsonl", lines)], now=NOW)
    assert counts(result) == (8, 2, 0, 6)
    found = rows(workspace, "SELECT line, reasons FROM quarantine ORDER BY line")
    assert [row["reasons"] for row in found] == [
        *["a member stands twice: properties"] * len(properties),
        "a member stands twice: context",
    ]


def test_of_copies_in_one_file_the_last_wins(workspace: Workspace, tmp_path: Path) -> None:
    first, last = event(1), event(1)
    last["properties"] = {"engagement_type": "app_open"}
    result = ingest(workspace, [write(tmp_path / "e.jsonl", [first, event(2), last])], now=NOW)
    assert counts(result) == (3, 2, 1, 0)
    assert json.loads(stored(workspace)[str(UUID(int=1))]) == {"engagement_type": "app_open"}


@pytest.mark.parametrize(("minutes", "wins"), [(4, "second"), (6, "first")])
def test_a_copy_within_five_minutes_replaces(
    workspace: Workspace, tmp_path: Path, minutes: int, wins: str
) -> None:
    moment = NOW - timedelta(hours=1)
    first = [event(n, timestamp=moment.isoformat(), user_id="u") for n in (1, 2)]
    second = event(1, timestamp=moment.isoformat(), user_id="u")
    second["properties"] = {"engagement_type": "app_open", "screen_name": "second"}
    ingest(workspace, [write(tmp_path / "a.jsonl", first)], now=NOW)
    result = ingest(workspace, [write(tmp_path / "b.jsonl", [second])], now=NOW + timedelta(minutes=minutes))
    assert counts(result) == (1, 0, 1, 0)
    assert result.replaced == (wins == "second")
    kept = stored(workspace)
    assert len(kept) == 2
    assert ("second" in kept[str(UUID(int=1))]) == (wins == "second")
    kinds = rows(workspace, "SELECT kind, count(*) AS n FROM facts WHERE source = 'mobile' GROUP BY ALL")
    expected = {"app_open": 1, "search": 1} if wins == "second" else {"search": 2}
    assert {row["kind"]: row["n"] for row in kinds} == expected


def test_a_replaced_purchase_takes_its_order_with_it(workspace: Workspace, tmp_path: Path) -> None:
    shop = tmp_path / "shop.csv"
    shop.write_text(
        "order_id,user_id,ordered_at,order_value,cogs\n"
        f"{UUID(int=2)},u2,2026-04-30T10:00:00Z,19.5,8\nguest,,2026-04-30T11:00:00Z,7,3\n"
    )
    ingest(workspace, [shop], now=NOW)
    purchases = [event(number, "user_purchased") for number in (1, 2, 3, 4, 0)]
    purchases[4]["properties"] |= {
        "order_id": str(UUID(int=3)),
        "order_value": 20.0,
    }  # another tells it later
    ingest(workspace, [write(tmp_path / "a.jsonl", purchases)], now=NOW)
    corrected = [event(number, "user_purchased") for number in (1, 2)]
    for purchase in corrected:
        purchase["properties"] |= {"order_value": 25.0, "order_category": "hats"}
    withdrawn = event(3, "user_engaged", timestamp=purchases[2]["timestamp"])
    copies = write(tmp_path / "b.jsonl", [*corrected, withdrawn, event(5, "user_purchased")])
    assert ingest(workspace, [copies], now=NOW + timedelta(minutes=4)).replaced == 3
    found = rows(workspace, "SELECT order_id, order_value, category FROM orders ORDER BY ALL")
    told = "sh\"o\\e's"
    expected = [(1, 25.0, "hats"), (2, 19.5, None), (3, 20.0, told), (4, 19.5, told), (5, 19.5, told)]
    assert [tuple(row.values()) for row in found] == [
        *((str(UUID(int=number)), value, category) for number, value, category in expected),
        ("guest", 7.0, None),
    ]


def test_an_equal_copy_within_five_minutes_changes_nothing(workspace: Workspace, tmp_path: Path) -> None:
    ingest(workspace, [write(tmp_path / "a.jsonl", [event(1)])], now=NOW)
    result = ingest(workspace, [write(tmp_path / "b.jsonl", [event(1), event(2)])], now=NOW)
    assert counts(result) == (2, 1, 1, 0)
    assert result.replaced == 0


def test_a_copy_in_another_month_is_found(workspace: Workspace, tmp_path: Path) -> None:
    ingest(workspace, [write(tmp_path / "a.jsonl", [event(1)])], now=NOW)
    moved = event(1, timestamp=(NOW - timedelta(days=20)).isoformat(), event_id=str(UUID(int=1)).upper())
    result = ingest(workspace, [write(tmp_path / "b.jsonl", [moved])], now=NOW + timedelta(hours=1))
    assert counts(result) == (1, 0, 1, 0)


def test_late_events_say_so(workspace: Workspace, tmp_path: Path) -> None:
    late = event(1, timestamp=(NOW - timedelta(hours=25)).isoformat())
    soon = event(2, timestamp=(NOW - timedelta(hours=23)).isoformat())
    old = event(3, timestamp="2020-01-01T00:00:00Z")
    result = ingest(workspace, [write(tmp_path / "e.jsonl", [late, soon, old])], backfill=True, now=NOW)
    assert result.late == 2
    found = rows(workspace, "SELECT event_id FROM events WHERE late_arrival")
    assert {row["event_id"] for row in found} == {late["event_id"], old["event_id"]}
    assert rows(workspace, "SELECT count(*) AS n FROM facts WHERE late_arrival")[0]["n"] == 2


def test_a_backfill_of_a_refused_file_is_another_load(workspace: Workspace, tmp_path: Path) -> None:
    file = write(tmp_path / "e.jsonl", [event(1, timestamp="2020-01-01T00:00:00Z"), event(2)])
    assert counts(ingest(workspace, [file], now=NOW)) == (2, 1, 0, 1)
    assert counts(ingest(workspace, [file], backfill=True, now=NOW)) == (2, 1, 1, 0)


def test_unknown_campaigns_only_where_campaigns_are_loaded(workspace: Workspace, tmp_path: Path) -> None:
    clicks = [event(n, "campaign_clicked") for n in (3, 4)]
    file = write(tmp_path / "a.jsonl", clicks)
    assert counts(ingest(workspace, [file], now=NOW)) == (2, 2, 0, 0)
    table = tmp_path / "campaigns.csv"
    table.write_text(
        f"campaign_id,name,campaign_type,channel,status\n{UUID(int=0)},Spring,DISCOUNT,email,active\n"
    )
    assert counts(ingest(workspace, [table], now=NOW)) == (1, 1, 0, 0)
    clicks = [event(n, "campaign_clicked") for n in (6, 7)]
    assert counts(ingest(workspace, [write(tmp_path / "b.jsonl", clicks)], now=NOW)) == (2, 1, 0, 1)
    assert [r["reasons"] for r in rows(workspace, "SELECT reasons FROM quarantine")] == ["unknown campaign"]


def test_orders_of_a_table_are_not_overwritten(workspace: Workspace, tmp_path: Path) -> None:
    table = tmp_path / "orders.csv"
    table.write_text(
        f"order_id,user_id,ordered_at,order_value,cogs\n{UUID(int=5)},u5,2026-05-01T10:00:00Z,19.5,7.25\n"
        f"{UUID(int=6)},u6,2026-05-01T10:00:00Z,-9.5,\n"  # a return, of an order that is not known yet
    )
    ingest(workspace, [table], now=NOW)
    bought = [event(5, "user_purchased"), event(6, "user_purchased")]
    ingest(workspace, [write(tmp_path / "e.jsonl", bought)], now=NOW)
    found = rows(workspace, "SELECT line, order_value, cogs FROM orders ORDER BY order_value, line")
    assert [(row["line"], row["order_value"], row["cogs"]) for row in found] == [
        (1, -9.5, None),
        (0, 19.5, None),
        (1, 19.5, 7.25),
    ]


def test_parquet_with_json_structs_and_flat_columns(workspace: Workspace, tmp_path: Path) -> None:
    workspace.set_currency("EUR")
    dollars = event(4, "user_purchased")
    dollars["properties"]["currency"] = "usd"  # in every form
    events = [*(event(n, "campaign_clicked") for n in range(1, 4)), dollars]
    for e in events:
        e["timestamp"] = datetime.fromisoformat(e["timestamp"])
    (tmp_path / "files").mkdir()
    as_text = [{**e, "properties": json.dumps(e["properties"]), "context": None} for e in events]
    names = dict.fromkeys(name for e in events for name in e["properties"])
    flat = [
        {**{k: v for k, v in e.items() if k not in {"properties", "context"}}, **names, **e["properties"]}
        for e in events
    ]
    for n, table in enumerate((as_text, events, flat)):
        for row in table:
            row["event_id"] = str(UUID(int=int(UUID(row["event_id"])) + 100 * (n + 1)))
        pq.write_table(pa.Table.from_pylist(table), tmp_path / "files" / f"{n}.parquet")
    cells = [{**row, "event_id": str(UUID(int=800 + n))} for n, row in enumerate(flat)]
    pl.DataFrame(cells).write_csv(tmp_path / "files" / "5.csv")
    broken = [{**as_text[0], "properties": "{broken", "event_id": str(UUID(int=900))}]
    pq.write_table(pa.Table.from_pylist(broken), tmp_path / "files" / "9.parquet")
    result = ingest(workspace, [tmp_path / "files"], now=NOW)
    assert counts(result) == (17, 12, 0, 5)
    assert not [note for file in result.files for note in file.notes]
    refused = "another currency: USD; the workspace is in EUR"
    assert rows(workspace, "SELECT reasons FROM quarantine WHERE line > 1") == [{"reasons": refused}] * 4
    found = rows(
        workspace, "SELECT kind, seconds, count(*) AS n FROM facts WHERE source = 'mobile' GROUP BY ALL"
    )
    assert found == [{"kind": "cta", "seconds": 3.0, "n": 12}]
    (bad,) = rows(workspace, "SELECT raw, reasons FROM quarantine WHERE line = 1")
    assert "properties is not JSON" in bad["reasons"]
    assert json.loads(bad["raw"])["event_id"] == str(UUID(int=900))


def test_money_in_the_currency_that_events_state(workspace: Workspace, tmp_path: Path) -> None:
    bought = [event(n, "user_purchased") for n in (1, 2)]
    viewed = event(3, properties={"engagement_type": "search", "currency": "JPY"})  # no money is kept of it
    for one, code in zip(bought, ("EUR", "USD"), strict=True):
        one["properties"]["currency_code"] = code
    for events, said in ((bought, "several currencies: EUR, USD"), (bought[1:], "'EURO': the file states")):
        with pytest.raises(BadInput, match=said):
            ingest(workspace, [write(tmp_path / "e.jsonl", events)], now=NOW)
        bought[1]["properties"]["currency_code"] = "euro"
    assert workspace.currency is None
    result = ingest(workspace, [write(tmp_path / "e.jsonl", [bought[0], viewed])], now=NOW)
    assert (workspace.currency, counts(result)) == ("EUR", (2, 2, 0, 0))


def test_quarantine_keeps_the_line_exactly(workspace: Workspace, tmp_path: Path) -> None:
    lines = ['{"a": "1",  ', "\x00\x01 nul", "[1, 2]", '"text"', "  {} ", "nope \u202e =HYPERLINK(1)"]
    file = tmp_path / "e.jsonl"
    text = "\r\n".join([lines[0], "", *lines[1:], json.dumps(event(1))])
    file.write_bytes(text.encode() + b"\n" + b'{"caf\xe9": 1}\n')
    result = ingest(workspace, [file], now=NOW)
    assert counts(result) == (8, 1, 0, 7)
    found = rows(workspace, "SELECT line, raw, reasons FROM quarantine ORDER BY line")
    assert [row["line"] for row in found] == [1, 3, 4, 5, 6, 7, 9]
    assert [row["raw"] for row in found[:6]] == lines
    assert found[-1]["raw"] == '{"caf\\xe9": 1}'
    assert [row["reasons"] for row in found] == [
        "not JSON",
        "not JSON",
        "not an event",
        "not an event",
        "not an event",
        "not JSON",
        "not UTF-8 text",
    ]


@pytest.mark.parametrize("form", ["lines", "text", "struct"])
def test_a_text_that_holds_nul(workspace: Workspace, tmp_path: Path, form: str) -> None:
    texts = ["shoes\x00", "shoes\\u0000", "\\\x00", "\\\\u0000"]
    searches = [{"engagement_type": "search", "search_query": text} for text in texts]
    found = [event(n, properties=search, session_id="s") for n, search in enumerate(searches)]
    found += [
        event(10, user_id="u\x00v"),
        event(11, session_id="\x00"),
        event(12, context={"utm_id": "\x00"}),
    ]
    found += [event(13)]
    if form == "lines":
        file = write(tmp_path / "e.jsonl", found)
    else:
        objects = ("properties", "context") if form == "text" else ()
        cells = [{k: json.dumps(v) if k in objects else v for k, v in row.items()} for row in found]
        file = tmp_path / "e.parquet"
        pq.write_table(pa.Table.from_pylist(cells), file)
    assert counts(ingest(workspace, [file], now=NOW)) == (8, 3, 0, 5)
    said = [row["reasons"] for row in rows(workspace, "SELECT reasons FROM quarantine ORDER BY line")]
    named = ("properties", "properties", "user_id", "session_id", "context")
    assert said == [f"NUL character: {name}" for name in named]


def test_quality_of_a_load(workspace: Workspace, tmp_path: Path) -> None:
    events = [event(n) for n in range(18)] + [event(3), event(20, source="backend", user_id=None)]
    result = ingest(workspace, [write(tmp_path / "e.jsonl", events)], now=NOW, expected=25)
    figures = {q.source: q for q in result.files[0].quality}
    assert figures["all"].pass_rate == 0.95
    assert figures["all"].duplicate_rate == 0.05
    assert figures["all"].ingestion_rate == 0.8
    assert figures["all"].freshness_minutes == 0
    assert figures["mobile"].pass_rate == 1
    assert figures["backend"].quarantined == 1
    assert figures["backend"].completeness == pytest.approx(1 - 1 / 7)
    levels = {(alert.source, alert.figure): alert.level for alert in result.alerts}
    assert levels["backend", "pass_rate"] == "critical"
    assert levels["all", "ingestion_rate"] == "critical"
    assert levels["all", "duplicate_rate"] == "info"


def test_copies_are_not_among_the_late_ones(workspace: Workspace, tmp_path: Path) -> None:
    old = [event(n, timestamp=(NOW - timedelta(days=3)).isoformat()) for n in range(5)]
    ingest(workspace, [write(tmp_path / "a.jsonl", old)], now=NOW - timedelta(hours=1))
    files = [write(tmp_path / "b.jsonl", [*old, *(event(n) for n in range(10, 15))])]
    (load,) = ingest(workspace, files, now=NOW).files
    assert [(q.source, q.accepted, q.duplicates, q.late) for q in load.quality] == [
        ("all", 5, 5, 0),
        ("mobile", 5, 5, 0),
    ]
    assert load.late == 0
    assert not any("late" in sentence for sentence in review(workspace.tables()).alerts)


def test_a_backfill_is_not_called_old_later_either(workspace: Workspace, tmp_path: Path) -> None:
    events = [event(n, timestamp=(NOW - timedelta(days=300)).isoformat()) for n in range(5)]
    ingest(workspace, [write(tmp_path / "a.jsonl", events)], now=NOW, backfill=True)
    assert review(workspace.tables()).alerts == ()
    ingest(workspace, [write(tmp_path / "b.jsonl", [event(20 + 600 * 9)])], now=NOW + timedelta(hours=1))
    assert "the newest row is old" in review(workspace.tables()).alerts[0]


HOSTILE = [
    "<script>alert(1)</script>",
    '=HYPERLINK("http://x","y")',
    "../../x",
    "{{7*7}}",
    "$(id)",
    "\u202eabc\u200f",
    "'; DROP TABLE events; --",
    'a"b\\c',
    "x" * 10_000,
    "\ud83d\ude00".encode("utf-16", "surrogatepass").decode("utf-16"),
]


def test_hostile_texts_pass_unharmed(workspace: Workspace, tmp_path: Path) -> None:
    events = [
        event(
            n,
            user_id=text,
            context={"region": text},
            properties={"engagement_type": "search", "search_query": text},
        )
        for n, text in enumerate(HOSTILE, 1)
    ]
    folder = tmp_path / "it's [1] $(id) {{x}}"
    folder.mkdir()
    result = ingest(workspace, [write(folder / "a'b*.jsonl", events)], now=NOW)
    assert counts(result) == (len(HOSTILE), len(HOSTILE), 0, 0)
    found = rows(
        workspace, "SELECT user_id, json_extract_string(properties, '$.search_query') AS q FROM events"
    )
    assert {(row["user_id"], row["q"]) for row in found if row["q"]} == {(text, text) for text in HOSTILE}
    regions = rows(workspace, "SELECT region FROM facts WHERE region IS NOT NULL")
    assert {row["region"] for row in regions} == set(HOSTILE)


PIECES = st.one_of(
    st.text(max_size=30),
    st.binary(max_size=20).map(lambda b: b.decode("latin-1")),
    st.sampled_from(
        ["{", "}", '{"event_id":', "null", "[]", "1e999", "NaN", '{"a":1}{"b":2}', "\x00", "\ufeff"]
    ),
    st.integers(0, 40).map(lambda n: json.dumps(event(n))),
    st.tuples(st.integers(0, 40), st.integers(1, 250)).map(lambda t: json.dumps(event(t[0]))[: t[1]]),
    st.dictionaries(
        st.sampled_from(
            ["event_id", "event_type", "timestamp", "user_id", "source", "properties", "context"]
        ),
        st.one_of(st.none(), st.booleans(), st.floats(), st.text(max_size=5), st.just({"a": [1]})),
    ).map(json.dumps),
)


@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(PIECES, min_size=1, max_size=60))
def test_any_lines_add_up(workspace: Workspace, tmp_path: Path, pieces: list[str]) -> None:
    file = tmp_path / "any.jsonl"
    file.write_bytes("\n".join(pieces).encode("utf-8", "surrogatepass"))
    before = len(stored(workspace))
    try:
        result = ingest(workspace, [file], now=NOW)
    except BadInput:
        return
    read, accepted, _, _ = counts(result)
    # What is half NUL is UTF-16 to its reader.
    lines = b"".join(blocks(file)).replace(b"\r\n", b"\n").replace(b"\r", b"\n")
    assert read == sum(bool(line.strip()) for line in lines.split(b"\n"))
    assert len(stored(workspace)) == before + accepted


@pytest.mark.data
def test_a_web_log_is_garbage_kept_in_full(workspace: Workspace, tmp_path: Path, public_data: Path) -> None:
    log = (public_data / "events" / "apache_access_log" / "apache_logs.log").read_bytes()
    file = tmp_path / "log.jsonl"
    file.write_bytes(log)
    result = ingest(workspace, [file], now=NOW)
    assert counts(result) == (10_000, 0, 0, 10_000)
    raws = [row["raw"] for row in rows(workspace, "SELECT raw FROM quarantine ORDER BY line")]
    assert raws == log.decode().splitlines()
