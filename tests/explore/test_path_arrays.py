"""The stages of the funnel from arrays are those of its SQL."""

from __future__ import annotations

import random
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from workbench.explore.paths import funnel
from workbench.metrics import large, user_rows

KINDS = ["campaign_delivered", "campaign_clicked", "user_engaged", "user_engaged", "user_purchased"]


@pytest.mark.parametrize(
    ("seed", "users"),
    [(1, [None, 0, 1, 2, 2**62, 2**62 + 1]), (2, range(60)), (3, [None, *range(40)]), (4, range(0))],
)
def test_arrays_count_what_the_query_counts(
    base: Callable[..., Any], fact: Callable[..., Any], seed: int, users: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    draw = random.Random(seed)  # noqa: S311 - data, no secrets
    rows = [
        fact(
            kind,
            draw.choice(users),
            datetime(2024, 5, 1, tzinfo=UTC) + timedelta(hours=6 * draw.randrange(200)),
        )
        | {"kind": draw.choice(["add_to_cart", "app_open", None]) if kind == "user_engaged" else None}
        | {"campaign_id": draw.choice(["a", "b", "b", None]) if kind.startswith("campaign") else None}
        | {"is_holdout": draw.choice([True, False, None]), "segment": draw.choice(["A", "B", None])}
        for kind in random.Random(seed).choices(KINDS, k=700 if users else 0)  # noqa: S311
    ]
    rows.append(fact("user_purchased", 1, datetime(2024, 5, 1, tzinfo=UTC)))
    tables = base(facts=rows)
    asked = [{"where": where} for where in (None, {"segment": ["A"]}, {"campaign": ["a", "none"]})]
    asked.append({"window": "2024-05-03:2024-05-20"})
    expected = [funnel(tables, **one) for one in asked]
    monkeypatch.setattr(user_rows, "SMALLEST", 0)
    queries, ask = [], tables.query
    monkeypatch.setattr(tables, "query", lambda sql: queries.append(sql) or ask(sql))
    tables.rows = {"facts": large.LEAST}
    assert [funnel(tables, **one) for one in asked] == expected
    assert queries
    assert not any("LEFT" in sql for sql in queries)
    if users:
        assert [stage.count for stage in expected[0].stages][3] > 0
