"""The figures of a holdout are the same, however the campaigns are looked at."""

from __future__ import annotations

import random
from datetime import datetime, timedelta

import pytest
from metric_tables import Memory, event

from workbench.metrics.conditions import conditions
from workbench.metrics.derived import HOLDOUT, derived
from workbench.metrics.plan import plan
from workbench.metrics.values import fetch
from workbench.metrics.window import Window, parse_window

LEAVES = [derived("holdout", figure) for figure in HOLDOUT.figures]


def campaigns(seed: int = 4) -> Memory:
    """Return users in several campaigns with a holdout, some moved from one side to the other."""
    draw = random.Random(seed)  # noqa: S311 - data, no secrets
    start = datetime(2024, 3, 1)

    def at() -> datetime:
        return start + timedelta(minutes=draw.randrange(60 * 24 * 60))

    rows = []
    for _ in range(400):
        user, campaign = draw.randrange(40), draw.choice(["a", "b", "c", "none held"])
        held = campaign != "none held" and (user + ord(campaign)) % 3 == 0
        rows.append(
            event(
                "campaign_delivered",
                user,
                at(),
                campaign_id=campaign,
                segment=draw.choice(["A", "B", None]),
                is_holdout=(held if draw.random() < 0.95 else not held) if campaign != "none held" else None,
            )
        )
    rows += [
        event("user_purchased", draw.randrange(40), at(), value=draw.choice([10.0, 20.5, None]))
        for _ in range(120)
    ]
    return Memory(facts=rows)


def figures(
    tables: Memory, by: tuple[str, ...], window: Window, **where: str
) -> dict[tuple[str, ...], list[float]]:
    needed = plan(LEAVES, by=by, where=conditions(where), loaded=["facts", "campaign_delivered"])
    values = fetch(tables, needed, by, window)
    return {key: [values.totals[leaf][row] for leaf in LEAVES] for row, key in enumerate(values.slices)}


@pytest.mark.parametrize("window", ["2024-03-01:2024-04-29", "2024-03-20:2024-04-05"])
def test_a_campaign_by_itself_is_its_slice(window: str) -> None:
    tables, span = campaigns(), parse_window(window, None)
    sliced = figures(tables, ("campaign",), span)
    assert set(sliced) == {("a",), ("b",), ("c",)}
    for (campaign,), found in sliced.items():
        (alone,) = figures(tables, (), span, campaign=campaign).values()
        assert found == pytest.approx(alone, rel=1e-12)
        assert min(found[: len(HOLDOUT.figures) // 2]) >= 0
    assert sliced["a",][HOLDOUT.figures.index("treated_buyers")] > 3


def test_so_is_a_segment_of_a_campaign() -> None:
    tables, span = campaigns(), parse_window("2024-03-01:2024-04-29", None)
    sliced = figures(tables, ("segment", "campaign"), span)
    assert len(sliced) == 9
    for (segment, campaign), found in sliced.items():
        where = {"campaign": campaign, "segment": segment}
        (alone,) = figures(tables, (), span, **where).values()
        assert found == pytest.approx(alone, rel=1e-12)
