"""Frequency counted by hand."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from workbench import charts
from workbench.explore.frequency import Followed, frequency, frequency_of

DAY = datetime(2024, 2, 1, 10, tzinfo=UTC)


def test_counts_equal_a_plain_loop(base, fact) -> None:
    rng = np.random.default_rng(12)
    rows, expected = [], {}
    for user in range(500):
        sent = int(rng.poisson(2))
        for n in range(sent):
            at = DAY + timedelta(hours=n)
            rows.append(fact("campaign_delivered", user, at, campaign_id="c", is_holdout=False))
        held = bool(rng.random() < 0.2)
        if held:
            rows.append(fact("campaign_delivered", user, DAY, campaign_id="c", is_holdout=True))
        clicks = int(rng.poisson(0.5))
        rows += [fact("campaign_clicked", user, DAY, campaign_id="c")] * clicks
        left = bool(rng.random() < 0.05 * sent)
        if left:
            rows.append(fact("user_unsubscribed", user, DAY))
        if sent:
            some = expected.setdefault(min(sent, 4), [0, 0, 0])
            some[0] += 1
            some[1] += clicks > 0
            some[2] += left
    for campaign in (None, "c"):
        view = frequency(base(facts=rows), campaign_id=campaign)
        for place, row in enumerate(view.rows, start=1):
            users, clicked, left = expected[place]
            assert row.users == users
            assert row.clicked == pytest.approx(clicked / users)
            assert row.unsubscribed == pytest.approx(left / users)
            assert row.clicked_low <= row.clicked <= row.clicked_high
        assert sum(row.share for row in view.rows) == pytest.approx(1)
        assert view.users == sum(some[0] for some in expected.values())


def test_nothing_delivered_is_said(base, fact) -> None:
    assert frequency(base()).missing
    view = frequency(base(facts=[fact("user_engaged", 1, DAY)]))
    assert "no message" in view.sentence
    assert view.to_frame().empty


def test_an_answer_that_is_never_recorded_is_not_zero(base, fact) -> None:
    sent = [fact("campaign_delivered", user, DAY, campaign_id="c", is_holdout=False) for user in range(5)]
    view = frequency(base(facts=sent))
    assert {(row.clicked, row.converted, row.unsubscribed) for row in view.rows} == {(None, None, None)}
    assert charts.frequency(view).reason.endswith("No click is recorded.")
    known = frequency(base(facts=[*sent, fact("campaign_clicked", 9, DAY, campaign_id="other")]))
    assert (known.rows[0].clicked, known.rows[0].converted) == (0.0, None)


@pytest.mark.parametrize(
    ("left", "often", "told"), [(1, 5, False), (1, 8, False), (3, 8, True), (20, 100, True)]
)
def test_one_who_left_of_a_few_is_no_reason_for_a_cap(left: int, often: int, told: bool) -> None:
    counts = [
        {"messages": 1, "users": 180, "unsubscribed": 1},
        {"messages": 5, "users": often, "unsubscribed": left},
    ]
    gone = [{"messages": row["messages"], "users": row["unsubscribed"]} for row in counts]
    view = frequency_of([{**row, "clicked": 0, "converted": 0} for row in counts], gone)
    assert ("think about a cap" in view.sentence) == told


def _sent(rng: np.random.Generator, *, stop: bool, tired: float) -> tuple[list[dict], list[dict]]:
    """Return counts of 4,000 users who leave after one message in 200, and after each further one more often.

    Who has left is sent no more, or all that was planned.
    """
    planned, place = rng.geometric(0.3, 4000), np.arange(60)
    leaves = (rng.random((4000, 60)) < 0.005 * (1 + tired * place)) & (place < planned[:, None])
    left, until = leaves.any(axis=1), leaves.argmax(axis=1) + 1
    sent = np.where(left & stop, until, planned)
    counts = np.array([np.bincount(sent, minlength=99), np.bincount(sent, left, minlength=99)], int).T
    gone = np.bincount(until[left], minlength=99)
    there = np.flatnonzero(counts[:, 0])
    rows = [
        {"messages": n, "users": counts[n, 0], "unsubscribed": counts[n, 1], "clicked": 0, "converted": 0}
        for n in there
    ]
    return rows, [{"messages": n, "users": gone[n]} for n in np.flatnonzero(gone)]


@pytest.mark.parametrize("stop", [True, False])
def test_who_is_sent_more_has_more_occasions_to_leave_and_that_is_no_reason_for_a_cap(stop: bool) -> None:
    """Where all messages are alike, a cap was advised on every page if who left is sent the rest as well."""
    rng = np.random.default_rng(8)
    alike = ["cap" in frequency_of(*_sent(rng, stop=stop, tired=0.0)).sentence for _ in range(40)]
    assert sum(alike) <= 4
    tiring = ["cap" in frequency_of(*_sent(rng, stop=stop, tired=0.5)).sentence for _ in range(10)]
    assert sum(tiring) >= 9


def test_messages_count_until_one_leaves(base, fact) -> None:
    """One leaves after the first message of two, one after the fourth, one before any."""
    rows = []
    for user, (sent, left) in enumerate([(2, 1), (4, 4), (5, 0), (4, None)]):
        at = [DAY + timedelta(hours=n) for n in range(1, sent + 1)]
        rows += [fact("campaign_delivered", user, when, campaign_id="c", is_holdout=False) for when in at]
        if left is not None:
            rows.append(fact("user_unsubscribed", user, DAY + timedelta(hours=left, minutes=30)))
    view = frequency(base(facts=rows))
    assert (view.first, view.later) == (Followed(messages=3, left=1), Followed(messages=2, left=1))
