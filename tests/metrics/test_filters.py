"""Rows that meet a condition are a slice: of them is known what is known by slices, and nothing more."""

from __future__ import annotations

from datetime import UTC, date, datetime

import numpy as np
import pytest
from metric_tables import Memory, days, event, order

from workbench.errors import UsageError
from workbench.explore import kpi_cards
from workbench.metrics import Condition, measure

NAMES = ("roas", "ctr", "repeat_purchase_rate")


@pytest.fixture(scope="module")
def tables() -> Memory:
    """Events name segments and no ads, a platform's report ads and no segments."""
    facts = [
        event(kind, user, f"2024-03-{day:02d}T10:00:00", segment="AB"[user % 2], source="mobile", **told)
        | {"campaign_id": f"mail {user % 3}", "channel": "email"}
        for day in range(1, 21)
        for user in range(day, day + 9)
        for kind, told in (
            ("campaign_delivered", {}),
            ("campaign_clicked", {}),
            ("campaign_converted", {"value": 7.0 + user, "order_id": f"{day}-{user}"}),
        )
    ]
    facts += [event("user_unsubscribed", 3, "2024-03-05T10:00:00") | {"kind": "all_campaigns"}]
    orders = [
        order(f"user {user}", f"2024-03-{day:02d}T10:00:00", 7.0 + user, order_id=f"{day}-{user}")
        for day in range(1, 21)
        for user in range(day, day + 9)
    ]
    spend = [
        {"date": day, "campaign_id": name, "channel": channel, "spend": 9.0, "impressions": 90, "clicks": 3}
        for day in days("2024-03-01", 20)
        for name, channel in (("mail 0", "email"), ("ads", "paid_social"))
    ]
    campaigns = [
        {"campaign_id": name, "name": name, "campaign_type": "OTHER", "channel": channel, "status": "active"}
        for name, channel in (("mail 0", "email"), ("mail 1", "email"), ("ads", "paid_social"))
    ]
    users = [{"user_id": "user 9", "signup_at": datetime(2024, 3, 2, tzinfo=UTC)}]
    return Memory(facts=facts, daily_performance=spend, campaigns=campaigns, orders=orders, users=users)


@pytest.mark.parametrize("name", ["campaign", "segment", "kind"])
def test_a_slice_asked_for_alone_is_the_slice_among_others(tables: Memory, name: str) -> None:
    among = measure(tables, NAMES, by=name)
    told = {(row.slice[0], row.metric): row.value for row in among.rows}
    for key in list({row.slice[0]: None for row in among.rows})[:2]:
        alone = {row.metric: row.value for row in measure(tables, NAMES, where={name: key}).rows}
        expected = {metric: value for (other, metric), value in told.items() if other == key}
        assert alone.keys() == expected.keys()
        np.testing.assert_allclose(
            list(alone.values()), [expected[metric] for metric in alone], rtol=1e-12, err_msg=f"{name} {key}"
        )


def test_what_no_event_names_has_no_return_and_misses_no_target(tables: Memory) -> None:
    page = kpi_cards(tables, ["spend", "roas", "revenue"], window=None, where={"campaign": "ads"})
    spend, roas, revenue = page.cards
    assert spend.value == 180
    assert (roas.value, revenue.value, roas.target_met, roas.streak) == (None, None, None, None)
    assert "no events recorded there" in roas.note


def test_clicks_of_a_segment_are_not_held_against_views_without_one(tables: Memory) -> None:
    row = measure(tables, "ctr", where={"segment": "A"}).rows[0]
    assert np.isnan(row.value)
    assert "has no segment" in row.note


def test_a_difference_is_unknown_where_its_parts_are_known_for_other_slices(tables: Memory) -> None:
    gains = measure(tables, "net_gain", by="segment").rows
    assert {row.slice[0] for row in gains} == {"A", "B", None}
    assert all(np.isnan(row.value) and "has no segment" in row.note for row in gains)
    assert measure(tables, "net_gain", by="channel").value("net_gain", channel="paid_social") != 0


def test_a_sum_says_what_it_is_without(tables: Memory) -> None:
    for found in (
        measure(tables, "clicks", by="source"),
        measure(tables, "clicks", where={"source": "mobile"}),
    ):
        assert [row.value for row in found.rows] == [180]
        assert "daily_performance cannot be sliced by source, so it is left out" in found.rows[0].note


def test_several_values_are_one_slice(tables: Memory) -> None:
    found = measure(tables, "spend", where={"campaign": ["mail 0", "ads"], "channel": "email"})
    assert found.value("spend") == 180
    cohorts = ({"cohort": date(2024, 3, 1)}, {"cohort": [datetime(2024, 3, 1, 12)]})
    assert {measure(tables, "revenue", where=cohort).value("revenue") for cohort in cohorts} == {9 * 16.0}


@pytest.mark.parametrize(
    ("where", "said"),
    [
        ({"chanel": "email"}, "Did you mean 'channel'?"),
        ({"campaign": 916}, "compared with text, as '916'"),
        ({"month": "2024-03-01"}, "A month is chosen by the window"),
        ([Condition("day", ">=", "2024-03-20")], "A day is chosen by the window"),
        ({"cohort": "2024-03"}, "'2024-03' is no day"),
        ({"cohort": date(2024, 3, 2)}, "Name it by its first day, 2024-03-01"),
        ({"channel": ["email", None]}, "asked for by themselves, as {'channel': None}"),
        ({"channel": object()}, "cannot compare with"),
        ("channel=email", "a mapping such as"),
        ([("channel", "email")], "a mapping such as"),
        (7, "a mapping such as"),
    ],
)
def test_a_condition_that_no_row_can_meet_is_refused(tables: Memory, where: object, said: str) -> None:
    with pytest.raises(UsageError, match="(?s)" + said.replace("?", r"\?").replace("{", r"\{")):
        measure(tables, "spend", where=where)  # type: ignore[arg-type]
