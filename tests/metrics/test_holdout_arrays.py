"""The holdout's figures from arrays are those of its SQL."""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import date, datetime, timedelta
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from metric_tables import Memory, event, figures
from test_user_lists import KEYS, many

from workbench.metrics import user_rows
from workbench.metrics.derived import HOLDOUT, derived
from workbench.metrics.window import Window

WINDOW = Window(date(2024, 3, 5), date(2024, 6, 20))
LEAVES = [derived("holdout", figure) for figure in HOLDOUT.figures]
CHANNELS = {"a": "email", "b": "push", "few": "email"}
ASKED: list[tuple[tuple[str, ...], dict[str, Any]]] = [
    ((), {}),
    (("campaign",), {}),
    (("channel",), {"region": "R1"}),
    (("segment",), {"channel": ["email", "push"]}),
    (("segment", "campaign"), {}),
]


@pytest.fixture(autouse=True, scope="module")
def _small_groups_too() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(user_rows, "SMALLEST", 0)
        patch.setattr(user_rows, "PART", 100)
        yield


def rows_of(seed: int, users: list[Any], held: tuple[Any, ...]) -> Memory:
    """Return users in several campaigns, on both sides, with ties and instants at the ends of what counts."""
    draw = random.Random(seed)  # noqa: S311 - data, no secrets
    starts = [datetime(2024, 3, 1) + timedelta(hours=hours) for hours in (0, 1, 700, 900, 2000, 2600)]

    def moved() -> datetime:
        return draw.choice(starts) + draw.choice(
            [timedelta(), timedelta(days=30), timedelta(days=30, microseconds=-1), timedelta(days=3)]
        )

    def sent() -> dict[str, Any]:
        campaign = draw.choice(["a", "a", "b", "none", "few", None])
        out = draw.choice(held) if campaign != "none" else None
        return event(
            "campaign_delivered",
            draw.choice(users),
            moved(),
            campaign_id=campaign,
            channel=CHANNELS.get(campaign or "") if draw.random() < 0.5 else None,
            segment=draw.choice(["A", "B", None]),
            region=draw.choice(["R1", "R2"]),
            is_holdout=out if campaign != "few" or draw.random() < 0.2 else False,
        )

    bought = [
        event("user_purchased", draw.choice(users), moved(), value=draw.choice([10.0, 20.5, None]))
        for _ in range(60)
    ]
    known = [{"campaign_id": name, "channel": channel} for name, channel in CHANNELS.items()]
    return Memory(facts=[sent() for _ in range(250)] + bought, campaigns=known)


@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    seed=st.integers(0, 10**6),
    users=st.sampled_from([KEYS, [*range(60)], [*range(60), None]]),
    held=st.sampled_from([(True, False, False), (None,), (True, None, False, False, False)]),
    asked=st.sampled_from(ASKED),
)
def test_arrays_tell_what_the_query_tells(seed: int, users: Any, held: Any, asked: Any) -> None:
    few, listing = rows_of(seed, users, held), many(rows_of(seed, users, held))
    expected, found = (figures(some, LEAVES, WINDOW, asked) for some in (few, listing))
    assert list(found) == list(expected)
    for key, values in expected.items():
        assert np.allclose(found[key], values, rtol=1e-9, atol=1e-9, equal_nan=True)
    assert not any("WITH" in sql for sql in listing.queries)
