"""Users counted from lists are those that the query in two steps counts, to the last one."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from metric_tables import Memory, event
from test_measuring import market

from workbench.events.definitions import EVENT_TYPES
from workbench.metrics import distinct, measure, user_lists
from workbench.metrics.conditions import Condition, conditions
from workbench.metrics.derived import derived
from workbench.metrics.large import LEAST, MOST, parts
from workbench.metrics.measures import Leaf
from workbench.metrics.plan import plan
from workbench.metrics.terms import clickers, converters, mail_clickers, mailed, openers, reached
from workbench.metrics.user_lists import PART
from workbench.metrics.values import Values, fetch
from workbench.metrics.window import Window
from workbench.store import Workspace

CHANNELS = {"a": "email", "b": "push", "c": "sms"}
WINDOW = Window(date(2024, 1, 10), date(2024, 4, 5))
SEVERAL = distinct(("campaign_clicked", "campaign_viewed"), where=(Condition("region", "is not", "R1"),))
USERS = [reached, mailed, openers, clickers, mail_clickers, converters, SEVERAL]
EXPOSED = [derived("exposure", figure) for figure in ("users", "messages", "squares")]
# Two of them are equal as floats.
KEYS = [None, 0, 1, 2, 2**62, 2**62 + 1]


@pytest.fixture(autouse=True, scope="module")
def _short_lists_too() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(user_lists, "SHORTEST", 0)
        yield


def many(tables: Memory) -> Memory:
    """Return the tables as if they held so many events that lists are worth it."""
    tables.rows = {"facts": 4 * PART}  # type: ignore[attr-defined]
    return tables


def listed(tables: Memory) -> bool:
    return any("ARRAY_AGG" in sql for sql in tables.queries)


ROWS = st.lists(
    st.tuples(
        st.sampled_from(["campaign_delivered", "campaign_viewed", "campaign_clicked", "campaign_converted"]),
        st.sampled_from(KEYS),
        st.sampled_from([None, "a", "b", "c", "unplanned"]),
        st.sampled_from(["opened", "received", None]),
        st.sampled_from([None, True, False]),
        st.integers(0, 110),
        st.sampled_from(["R1", "R2", None]),
    ),
    max_size=60,
)


def tables_of(rows: list[tuple[Any, ...]], *, planned: bool) -> Memory:
    facts = [
        event(kind, user, f"{date(2024, 1, 1) + timedelta(days=day)}", campaign_id=campaign, region=region)
        | {"kind": view if kind == "campaign_viewed" else None}
        | {"channel": CHANNELS.get(campaign or "") if kind == "campaign_delivered" else None}
        | {"is_holdout": held if kind == "campaign_delivered" else None}
        for kind, user, campaign, view, held, day, region in rows
    ]
    known = [{"campaign_id": name, "channel": channel} for name, channel in CHANNELS.items()]
    return Memory(facts=facts, campaigns=known if planned else [])


def fetched(tables: Memory, wanted: list[Leaf], by: tuple[str, ...], where: dict[str, Any]) -> Values:
    loaded = {"facts", *EVENT_TYPES} | ({"campaigns"} & tables.names)
    return fetch(tables, plan(wanted, by=by, where=conditions(where), loaded=loaded), by, WINDOW)


def same(one: Values, other: Values) -> bool:
    return one.slices == other.slices and all(
        np.array_equal(one.totals[leaf], other.totals[leaf], equal_nan=True) for leaf in one.totals
    )


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    rows=ROWS,
    asked=st.sampled_from(
        [
            ((), {}, False),
            (("channel", "month"), {}, True),
            (("campaign", "kind"), {"channel": ["email", "sms"], "region": "R1"}, True),
        ]
    ),
)
def test_lists_count_what_the_query_counts(rows: list[tuple[Any, ...]], asked: Any) -> None:
    by, where, planned = asked
    few, listing = tables_of(rows, planned=planned), many(tables_of(rows, planned=planned))
    for wanted in (USERS, EXPOSED):
        assert same(fetched(few, wanted, by, where), fetched(listing, wanted, by, where))
    assert (listed(few), listed(listing)) == (False, True)


def test_events_without_a_user_are_told_from_large_keys() -> None:
    rows = [("campaign_delivered", user, "a", None, None, 30, None) for user in (*KEYS, *KEYS, None)]
    found = fetched(many(tables_of(rows, planned=False)), [reached, *EXPOSED], ("campaign",), {})
    assert [found.totals[leaf].tolist() for leaf in (reached, *EXPOSED)] == [[5], [6], [13], [29]]


def test_metrics_are_the_same_with_their_intervals() -> None:
    names = ("conversion_rate", "open_rate", "click_to_open_rate", "users_reached", "frequency", "ctr")
    few, listing = market(seed=3), many(market(seed=3))
    one, other = (measure(tables, names, by="channel,week").rows for tables in (few, listing))
    assert list(map(repr, one)) == list(map(repr, other))
    assert listed(listing)


def test_each_kind_of_event_is_read_once() -> None:
    tables = many(market(seed=3))
    measure(tables, ["conversion_rate", "open_rate", "click_to_open_rate", "users_reached"], by="campaign")
    (text,) = {sql for sql in tables.queries if "ARRAY_AGG" in sql}
    assert text.count('FROM "facts"') == 4


@pytest.mark.parametrize("rows", [0, LEAST - 1, MOST + 1])
def test_few_events_and_far_too_many_are_left_to_the_query(rows: int) -> None:
    tables = market(seed=3, n=300)
    tables.rows = {"facts": rows}  # type: ignore[attr-defined]
    measure(tables, "conversion_rate", by="campaign")
    assert not listed(tables)


@pytest.mark.parametrize(("by", "left"), [("", False), ("campaign,day", True)])
def test_many_slices_are_left_to_the_query(by: str, left: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(user_lists, "SHORTEST", 20)
    few, listing = market(seed=3), many(market(seed=3))
    one, other = (measure(tables, "conversion_rate", by=by).rows for tables in (few, listing))
    assert list(map(repr, one)) == list(map(repr, other))
    assert listed(listing)
    assert any('AS "key_"' in sql for sql in listing.queries) == left


def test_a_workspace_is_asked_for_lists(acme: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    tables = acme.tables()
    monkeypatch.setitem(tables.rows, "facts", LEAST)
    asked = plan([reached], by=("campaign",), loaded={"facts", "campaign_delivered"})
    assert user_lists.answers(asked.queries[0], tables)
    assert fetch(tables, asked, ("campaign",), WINDOW).slices == []


@given(
    first=st.dates(date(1999, 1, 1), date(2030, 1, 1)), days=st.integers(0, 900), number=st.integers(1, 40)
)
def test_parts_are_the_window(first: date, days: int, number: int) -> None:
    window = Window(first, first + timedelta(days=days))
    found = parts(window, number)
    assert (found[0].first, found[-1].last) == (window.first, window.last)
    assert [part.after for part in found[:-1]] == [part.first for part in found[1:]]
    assert len(found) <= number
