"""Personal data is found by signs first: never less, never more than by the whole pattern."""

from __future__ import annotations

import re
from typing import Any

import duckdb
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from workbench.events.definitions import CONTEXT, EVENT_TYPES
from workbench.events.personal import personal_sql

WHOLE = re.compile(
    r"(?u:[\w.%+-]+(?:@|%40)(?:[^\W_]|-)+(?:\.(?:[^\W_]|-)+)*\.[^\W\d_]{2,})"
    r"|(?:^|[^0-9A-Za-z.+-])\+[1-9][0-9]{0,2}[ ()./-]{0,2}[0-9](?:[ ()./-]{0,2}[0-9]){6,12}(?:[^0-9A-Za-z]|$)"
    r"|(?:^|[^0-9A-Za-z.-])\(?[0-9]{3}\)?[-. ][0-9]{3}[-. ][0-9]{4}(?:[^0-9A-Za-z-]|$)"
    r'|"(?i:[a-z_]*(?:phone|mobile|telephone|msisdn)[a-z_]*)": ?"?[+(]?[0-9]',
    re.ASCII,
)
PARTS = st.sampled_from(
    [
        *(
            "@",
            "%40",
            "+",
            "-",
            ".",
            " ",
            "(",
            ")",
            '"',
            ":",
            ": ",
            ",",
            "{",
            "}",
            "a",
            "b.co",
            "x@y.de",
            "é",
        ),
        *("1", "49", "170", "555", "867", "5309", "1234567", "phone", "Mobile", "msisdn", "MSISDN_2", "_"),
        *("+49 170 1234567", "555-867-5309", '"phone":', '"a":"', "00000000-0000-4000-8000-000000000000"),
    ]
)
TEXTS = st.lists(PARTS, max_size=8).map("".join)


@pytest.fixture(scope="module")
def found() -> Any:
    connection = duckdb.connect()

    def ask(texts: list[str | None]) -> list[bool]:
        connection.register(
            "given", pa.table({"place": range(len(texts)), "text": pa.array(texts, pa.string())})
        )
        answer = connection.execute(f"SELECT {personal_sql('text')} FROM given ORDER BY place").fetchall()
        return [row[0] for row in answer]

    return ask


@settings(max_examples=40, deadline=None)
@given(st.lists(TEXTS, min_size=20, max_size=60))
def test_signs_leave_nothing_out(found: Any, texts: list[str]) -> None:
    assert found(texts) == [WHOLE.search(text) is not None for text in texts]


def test_the_shortest_of_each_kind(found: Any) -> None:
    shortest = ["a@b.co", "+12345678", "555-867-5309", '"phone":1']
    assert found(shortest) == [True] * 4
    assert found([text[:-1] for text in shortest]) == [False] * 4


def test_addresses_of_any_script(found: Any) -> None:
    assert (
        found(["bob@exämple.de", "用户@例子.公司", "josé@example.com", "a@b", "é@", "@é.de"])
        == [True] * 3 + [False] * 3
    )


def test_what_the_definitions_name_is_no_personal_data() -> None:
    # Values of these kinds are not searched, and neither are the names of fields.
    fields = [*CONTEXT, *(field for event_type in EVENT_TYPES.values() for field in event_type.fields)]
    for field in fields:
        assert not WHOLE.search(f'{{"{field.name}":1,"{field.name}": "1"}}')
        assert not any(WHOLE.search(f'"{choice}"') for choice in field.choices)
