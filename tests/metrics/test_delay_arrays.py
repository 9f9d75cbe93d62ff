"""The hours to conversion from arrays are those of their SQL."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from metric_tables import Memory, event, figures
from test_holdout_arrays import WINDOW
from test_user_lists import CHANNELS, KEYS, many

from workbench.metrics.derived import DELAY, delay_arrays, derived

LEAVES = [derived("delay", figure) for figure in DELAY.figures]
KINDS = ["campaign_converted", "campaign_converted", "campaign_delivered", "campaign_viewed"]


@pytest.fixture(autouse=True, scope="module")
def _small_groups_too() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(delay_arrays, "SMALLEST", 0)
        patch.setattr(delay_arrays, "MOST_BITS", 4)
        yield


ROWS = st.lists(
    st.tuples(
        st.sampled_from(KINDS),
        st.sampled_from([*KEYS, 3]),
        st.sampled_from([None, "a", "b", "unplanned"]),
        st.sampled_from([None, True, False]),
        st.integers(0, 15),
        st.sampled_from([0, 1, 999_999, 1_000_000, 5_400_000_000]),
        st.sampled_from(["R1", "R2", None]),
    ),
    max_size=80,
)


def tables_of(rows: list[tuple[Any, ...]]) -> Memory:
    facts = [
        event(
            kind,
            user,
            datetime(2024, 2, 20) + timedelta(days=9 * days, microseconds=micro),
            campaign_id=campaign,
            region=region,
        )
        | {"is_holdout": held if kind == "campaign_delivered" else None}
        for kind, user, campaign, held, days, micro, region in rows
    ]
    known = [{"campaign_id": name, "channel": channel} for name, channel in CHANNELS.items()]
    return Memory(facts=[*facts, event("campaign_converted", 3, "2024-03-06")], campaigns=known)


@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    rows=ROWS,
    asked=st.sampled_from(
        [((), {}), (("campaign",), {}), (("channel", "month"), {"region": "R1"}), ((), {"channel": "email"})]
    ),
)
def test_arrays_tell_what_the_query_tells(rows: list[tuple[Any, ...]], asked: Any) -> None:
    few, listing = tables_of(rows), many(tables_of(rows))
    expected, found = (figures(some, LEAVES, WINDOW, asked) for some in (few, listing))
    assert list(found) == list(expected)
    for key, values in expected.items():
        assert np.allclose(found[key], values, rtol=1e-12, equal_nan=True)
    assert asked[1] or not any("QUANTILE" in sql for sql in listing.queries)
