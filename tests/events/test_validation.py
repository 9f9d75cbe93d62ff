"""Every rule of an event, over plain DuckDB: the quick answer and the list of reasons agree."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import duckdb
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from workbench.events.definitions import EVENT_TYPES, Field, Kind
from workbench.events.reasons import reasons_sql
from workbench.events.validation import (
    UUID_SHAPE,
    cast_instant,
    context_sql,
    envelope_checks,
    judged_sql,
    properties_sql,
)

OBJECTS = ("properties", "context")
NOW = datetime(2026, 5, 1, 12, tzinfo=UTC)
ID = "6f9619ff-8b86-4d01-b42d-00c04fc964ff"


def good(field: Field) -> Any:
    match field.kind:
        case Kind.UUID:
            return ID
        case Kind.CHOICE:
            return field.choices[0]
        case Kind.BOOLEAN:
            return True
        case Kind.SCORE:
            return 0.5
        case Kind.COUNT:
            return 3
        case Kind.MONEY | Kind.NUMBER:
            return 12.5
        case Kind.INSTANT:
            return "2026-04-30T10:00:00Z"
        case Kind.OBJECT:
            return {"a": 1}
    return "text"


def event(event_type: str = "user_engaged", **changes: Any) -> dict[str, Any]:
    properties = {field.name: good(field) for field in EVENT_TYPES[event_type].fields}
    return {
        "event_id": ID,
        "event_type": event_type,
        "timestamp": (NOW - timedelta(hours=1)).isoformat(),
        "user_id": "u1",
        "session_id": None,
        "source": "mobile",
        "properties": properties,
        "context": {"platform": "iOS", "region": "EU"},
        **changes,
    }


@pytest.fixture(scope="module")
def judge() -> Any:
    connection = duckdb.connect()
    connection.execute("SET TimeZone = 'UTC'")

    def judged(events: list[dict[str, Any]], *, backfill: bool = False) -> list[tuple[bool, list[str]]]:
        names = ("event_id", "event_type", "timestamp", "user_id", "session_id", "source")
        rows = [
            [e.get(name) for name in names]
            + [
                v if isinstance(v := e.get(n), str | None) else json.dumps(v)
                for n in ("properties", "context")
            ]
            for e in events
        ]
        columns = (
            "event_id",
            "event_type",
            "time_text",
            "user_id",
            "session_id",
            "source",
            "properties",
            "context",
        )
        arrays = {
            name: pa.array(values, pa.string())
            for name, values in zip(columns, zip(*rows, strict=True), strict=True)
        }
        connection.register("given", pa.table({"place": range(len(rows)), **arrays}))
        types = {name for e in events if (name := e["event_type"]) in EVENT_TYPES}
        checks = envelope_checks(NOW, backfill=backfill)
        staged = (
            f"SELECT *, CASE WHEN event_id LIKE '{UUID_SHAPE}' THEN TRY_CAST(event_id AS UUID) END AS uuid,"
            f" {cast_instant('time_text')} AS instant, {properties_sql()} AS p,"
            f" {context_sql()} AS c FROM given"
        )
        answer = connection.execute(
            f"SELECT sound, {reasons_sql(checks, sorted(types))}"
            f" FROM ({judged_sql(staged, NOW, backfill=backfill)}) ORDER BY place"
        ).fetchall()
        return [(sound, reasons.split("; ") if reasons else []) for sound, reasons in answer]

    return judged


def test_a_complete_event_is_sound(judge: Any) -> None:
    complete = []
    for event_type, definition in EVENT_TYPES.items():
        least = event(event_type)
        least["properties"] = {f.name: good(f) for f in definition.fields if f.required}
        least["context"] = None
        nulls = event(event_type)
        nulls["properties"] |= {f.name: None for f in definition.fields if not f.required}
        complete += [event(event_type), least, nulls]
    verdicts = judge(complete)
    refused = [pair for pair in zip(complete, verdicts, strict=True) if pair[1] != (True, [])]
    assert not refused


ENVELOPE_CASES = [
    ({"event_id": None}, "null id: event_id"),
    ({"event_id": ""}, "null id: event_id"),
    ({"event_id": "not-a-uuid"}, "malformed UUID: event_id"),
    ({"event_id": ID.replace("-", "")}, "malformed UUID: event_id"),
    ({"event_id": "{" + ID + "}"}, "malformed UUID: event_id"),
    ({"event_type": "page_view"}, "unknown type"),
    ({"event_type": None}, "missing property: event_type"),
    ({"source": "web"}, "unknown source"),
    ({"source": None}, "missing property: source"),
    ({"user_id": None}, "null id: user_id"),
    ({"user_id": ""}, "null id: user_id"),
    ({"user_id": "  "}, "null id: user_id"),
    ({"timestamp": None}, "missing property: timestamp"),
    ({"timestamp": "yesterday"}, "wrongly typed property: timestamp is no instant"),
    ({"timestamp": "2026-02-30T00:00:00Z"}, "wrongly typed property: timestamp is no instant"),
    ({"timestamp": "infinity"}, "wrongly typed property: timestamp is no instant"),
    ({"timestamp": "1777636800"}, "wrongly typed property: timestamp is no instant"),
    ({"timestamp": "1969-12-31T23:59:59Z"}, "wrongly typed property: timestamp is no instant"),
    ({"timestamp": "2100-01-01T00:00:00Z"}, "future: the timestamp lies more than 5 minutes ahead"),
    ({"timestamp": "2026-05-01T12:05:01Z"}, "future: the timestamp lies more than 5 minutes ahead"),
    (
        {"timestamp": "2026-04-01T11:59:59Z"},
        "too old: the timestamp lies more than 30 days back, and this is no backfill",
    ),
    (
        {"timestamp": "1970-01-01T00:00:00Z"},
        "too old: the timestamp lies more than 30 days back, and this is no backfill",
    ),
    ({"context": "text"}, "wrongly typed property: context is no object"),
    ({"context": ["a"]}, "wrongly typed property: context is no object"),
    ({"context": {"platform": "Windows"}}, "value not allowed: platform"),
    ({"context": {"region": 7}}, "wrongly typed property: region"),
]


def test_rules_of_the_envelope(judge: Any) -> None:
    events = [event() | change for change, _ in ENVELOPE_CASES]
    assert judge(events) == [(False, [reason]) for _, reason in ENVELOPE_CASES]


def test_properties_that_are_no_object(judge: Any) -> None:
    answers = judge([event(properties=properties) for properties in (None, "text", [1], 5)])
    assert not any(sound for sound, _ in answers)
    assert [reasons[0] for _, reasons in answers] == [
        "missing property: properties",
        *["wrongly typed property: properties is no object"] * 3,
    ]


def test_instants_that_are_accepted(judge: Any) -> None:
    texts = [
        "2026-05-01T12:05:00Z",
        "2026-05-01 11:00:00",
        "2026-05-01T13:30:00+02:00",
        "2026-05-01T01:30:00.123456-0800",
        "2026-04-01T12:00:00Z",
    ]
    assert judge([event(timestamp=text) for text in texts]) == [(True, [])] * len(texts)


def test_an_offset_is_taken_into_account(judge: Any) -> None:
    late, early = event(timestamp="2026-05-01T14:10:00+02:00"), event(timestamp="2026-05-01T12:10:00+02:00")
    assert [sound for sound, _ in judge([late, early])] == [False, True]


def test_a_backfill_lifts_age_and_nothing_else(judge: Any) -> None:
    old = event(timestamp="2020-01-01T00:00:00Z")
    wrong = event(timestamp="2020-01-01T00:00:00Z", source="web")
    ahead = event(timestamp="2026-06-01T00:00:00Z")
    answer = judge([old, wrong, ahead], backfill=True)
    assert answer[0] == (True, [])
    assert answer[1] == (False, ["unknown source"])
    assert answer[2][1] == ["future: the timestamp lies more than 5 minutes ahead"]


def test_every_reason_is_given(judge: Any) -> None:
    broken = event(
        "user_purchased",
        event_id="x",
        source="web",
        user_id=None,
        timestamp="2030-01-01T00:00:00Z",
    )
    broken["properties"] |= {"order_value": -5, "order_id": 7, "payment_method": "coins"}
    del broken["properties"]["order_category"]
    ((sound, reasons),) = judge([broken])
    assert not sound
    assert set(reasons) == {
        "malformed UUID: event_id",
        "unknown source",
        "null id: user_id",
        "future: the timestamp lies more than 5 minutes ahead",
        "negative money: order_value",
        "malformed UUID: order_id",
        "value not allowed: payment_method",
        "missing property: order_category",
    }


WRONG_TYPE = "wrongly typed property"
WRONG = {
    Kind.UUID: [(7, "malformed UUID"), ("abc", "malformed UUID")],
    Kind.STRING: [(7, WRONG_TYPE), ({"a": 1}, WRONG_TYPE)],
    Kind.NUMBER: [
        ("7", WRONG_TYPE),
        (-1, "below the minimum"),
        (1e16, "too large"),
        (True, WRONG_TYPE),
    ],
    Kind.COUNT: [(1.5, WRONG_TYPE), (-1, "negative count"), (10**16, "too large"), ("3", WRONG_TYPE)],
    Kind.MONEY: [
        ("9.90", WRONG_TYPE),
        (-0.01, "negative money"),
        (1e308, "too large"),
        ([1], WRONG_TYPE),
    ],
    Kind.SCORE: [(1.01, "score out of range"), (-0.1, "score out of range"), ("x", WRONG_TYPE)],
    Kind.BOOLEAN: [("true", WRONG_TYPE), (1, WRONG_TYPE)],
    Kind.INSTANT: [("soon", WRONG_TYPE), (5, WRONG_TYPE)],
    Kind.CHOICE: [("nothing", "value not allowed"), (5, WRONG_TYPE)],
    Kind.OBJECT: [("text", WRONG_TYPE), (5, WRONG_TYPE)],
}


def test_rules_of_every_property(judge: Any) -> None:
    given_events, expected = [], []
    for event_type, field in ((name, field) for name in EVENT_TYPES for field in EVENT_TYPES[name].fields):
        if field.required:
            missing = event(event_type)
            del missing["properties"][field.name]
            given_events.append(missing)
            expected.append((False, [f"missing property: {field.name}"]))
        for value, reason in WRONG[field.kind]:
            if reason == "below the minimum" and field.minimum is None:
                continue
            wrong = event(event_type)
            wrong["properties"][field.name] = value
            given_events.append(wrong)
            expected.append((False, [f"{reason}: {field.name}"]))
    judged = zip(given_events, judge(given_events), expected, strict=True)
    assert not [one for one in judged if one[1] != one[2]]


TEXTS = [
    ("mail me at jane.doe@example.com", True),
    ("jane%40example.com", True),
    ("call +49 170 1234567 now", True),
    ("+1 (555) 867-5309", True),
    ("555-867-5309", True),
    ("(555) 867-5309", True),
    ("half price @ noon", False),
    ("2026-04-30 10:00:00", False),
    ("version 10.15.7", False),
    ("https://shop.example/offers/123456789", False),
    ("C++ 17 and C# 12", False),
    ("a+b 12", False),
    ("offer 4711", False),
    (ID, False),
    ("1714.50", False),
]


def test_personal_data(judge: Any) -> None:
    events, expected = [], []
    for text, personal in TEXTS:
        within, extra = event(), event()
        within["properties"]["search_query"] = text
        extra["context"]["note"] = text
        events += [within, extra]
        expected += [(False, ["pii in properties"]) if personal else (True, [])] * 2
    assert judge(events) == expected


def test_a_telephone_under_its_own_key(judge: Any) -> None:
    extra = event()
    extra["properties"]["phone_number"] = "01701234567"
    assert judge([extra]) == [(False, ["pii in properties"])]


VALUES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-5, 5),
    st.floats(allow_nan=False, allow_infinity=False),
    st.sampled_from(
        [ID, "", "card", "opened", "true", "1e400", "null", "2026-01-01", "\\", '"', "𝕏\u202e", "'"]
    ),
    st.text(max_size=12),
    st.lists(st.integers(), max_size=2),
    st.dictionaries(st.text(max_size=3), st.integers(), max_size=2),
)


@settings(max_examples=6, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.sampled_from(list(EVENT_TYPES)), st.dictionaries(st.integers(0, 7), VALUES, max_size=3), VALUES
        ),
        min_size=10,
        max_size=30,
    )
)
def test_sound_means_no_reason(judge: Any, drawn: list[tuple[str, dict[int, Any], Any]]) -> None:
    events = []
    for event_type, changes, other in drawn:
        made = event(event_type)
        names = list(made["properties"])
        made["properties"] |= {names[place % len(names)]: value for place, value in changes.items()}
        made["context"] = {"region": other}
        made["extra"] = other
        events.append(made)
    for sound, reasons in judge(events):
        assert sound == (not reasons)
