"""Looks at a running test keep what the method of a single look does about few and uneven users."""

from __future__ import annotations

import math
from dataclasses import replace
from datetime import date, timedelta

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from workbench.experiments.analysis.monitoring import Monitoring, monitoring_of
from workbench.experiments.definition import Experiment
from workbench.experiments.inference import proportions
from workbench.experiments.inference.estimate import Estimate
from workbench.experiments.inference.noninferiority import guard_by, margin_test, widened
from workbench.experiments.users.users import Seen
from workbench.metrics.window import Window

from .cells import band, shares

LOOKS = tuple(place / 5 for place in range(1, 6))
KINDS = (
    Monitoring(kind="planned", fractions=LOOKS[:3], final=False),
    Monitoring(kind="planned", fractions=LOOKS, final=True),
    Monitoring(kind="any time", planned_users=5000),
)


@pytest.mark.parametrize("kind", KINDS)
@given(
    value=st.floats(-5, 5),
    below=st.floats(0.01, 3) | st.just(math.inf),
    above=st.floats(0.01, 3) | st.just(math.inf),
    users=st.integers(50, 100_000),
)
def test_p_and_interval_are_one_procedure(
    kind: Monitoring, value: float, below: float, above: float, users: int
) -> None:
    found = Estimate(value=value, low=value - below, high=value + above, p=0.5, error=0.3)
    looked = kind.at_this_look(found, users, alpha=0.05)
    assert looked is not None
    assert (looked.p < 0.05) == looked.significant
    assert looked.low <= min(value, found.low + 1e-9)
    assert looked.high >= max(value, found.high - 1e-9)


def test_a_single_last_look_is_the_method_itself() -> None:
    found = Estimate(value=1.0, low=0.2, high=2.5, p=0.02, error=0.5)
    looked = Monitoring(kind="planned", fractions=(1.0,), final=True).at_this_look(found, 1000, alpha=0.05)
    assert looked is not None
    assert (looked.low, looked.high) == pytest.approx((0.2, 2.5), abs=1e-6)


def test_a_tenth_held_out_of_rare_shares_is_no_more_often_wrong() -> None:
    runs = 1500
    sums = shares(np.random.default_rng(31), (1000, 9000), (0.005, 0.005), runs)
    found, kind = proportions.differences(sums, "y"), Monitoring(kind="planned", fractions=(0.5, 1.0))
    wrong = [kind.at_this_look(found.at(run, 0), 10_000, alpha=0.05).significant for run in range(runs)]  # type: ignore[union-attr]
    assert np.mean(wrong) <= 0.05 + band(0.05, runs)
    plain = np.abs(found.value[:, 0]) > 1.97 * found.error[:, 0]
    assert np.mean(plain) > 0.05 + band(0.05, runs)


FIRST, DAYS, RUNS = date(2024, 3, 4), 28, 20_000
PLAN = Experiment(
    name="x", primary="orders", status="running", looks=7, start=FIRST, end=FIRST + timedelta(days=DAYS - 1)
)
RAMPS = {
    "all at once": [10_000] + [0] * (DAYS - 1),
    "evenly": [500] * DAYS,
    "ever more": [20 * day**2 for day in range(1, DAYS + 1)],
    "ever fewer": [20 * day**2 for day in range(DAYS, 0, -1)],
}


def looked_at(day: int, joined: list[int]) -> Monitoring:
    by_day = {FIRST + timedelta(days=place): users for place, users in enumerate(joined) if users}
    seen = Seen(window=Window(FIRST, FIRST + timedelta(days=day - 1)), ended=day == DAYS)
    return monitoring_of(PLAN, seen, joined=lambda: by_day)


@pytest.mark.parametrize("ramp", RAMPS)
@pytest.mark.parametrize("brings", ["each day", "on joining"])
def test_looks_hold_however_users_come(ramp: str, brings: str) -> None:
    joined = np.array(RAMPS[ramp], float)
    news = np.cumsum(joined) if brings == "each day" else joined  # variance that each day adds
    days = np.arange(4, DAYS + 1, 4)
    added = np.sqrt(np.add.reduceat(news, days - 4))
    steps = np.random.default_rng(9).standard_normal((RUNS, len(days))) * added
    z = np.cumsum(steps, axis=1) / np.sqrt(np.cumsum(news)[days - 1])
    wrong = np.zeros(RUNS, bool)
    for place, day in enumerate(days):
        tail = looked_at(int(day), RAMPS[ramp]).tail_at_this_look(1000, alpha=0.05)
        wrong |= 2 * stats.norm.sf(np.abs(z[:, place])) < 2 * tail
    assert wrong.mean() <= 0.05 + band(0.05, RUNS)
    if brings == "each day":
        assert wrong.mean() >= 0.05 - band(0.05, RUNS)  # and no less, where what is known is known exactly


def test_shares_of_the_time_alone_are_wrong_where_users_come_ever_faster() -> None:
    known = np.cumsum(np.cumsum(RAMPS["ever more"]))[np.arange(4, DAYS + 1, 4) - 1]
    z = np.random.default_rng(9).standard_normal((RUNS, 7)) * np.sqrt(np.diff(known, prepend=0))
    z = np.cumsum(z, axis=1) / np.sqrt(known)
    whole = Monitoring(kind="planned", fractions=tuple(place / 7 for place in range(1, 8)))
    for information, inflated in (((), True), (tuple(map(float, known)), False)):
        limits = [
            stats.norm.isf(
                replace(
                    whole,
                    fractions=whole.fractions[:look],
                    information=information[:look],
                    final=look == 7,
                ).tail_at_this_look(1000, alpha=0.05)
            )
            for look in range(1, 8)
        ]
        wrong = (np.abs(z) > limits).any(axis=1).mean()
        assert (wrong > 0.05 + band(0.05, RUNS)) == inflated


def test_a_look_without_new_users_is_none() -> None:
    late = looked_at(DAYS, [0] * 20 + [100] * 8)
    assert late.fractions == pytest.approx((6 / 7, 1.0))
    assert "Look 7 of 7" in late.note
    assert looked_at(8, []).information == ()


@pytest.mark.parametrize("kind", ["planned", "any time"])
def test_a_guardrail_is_no_more_often_wrong_at_several_looks(kind: str) -> None:
    looks, users, margin = 7, 2000, 0.02
    generator = np.random.default_rng(12)
    # The variant is worse by exactly the margin: it may be called neither safe nor harmful.
    sides = [
        generator.normal(mean, 3.0 / np.sqrt(users), (RUNS, looks)).cumsum(axis=1) / np.arange(1, looks + 1)
        for mean in (10.0, 10.0 * (1 - margin))
    ]
    wrong = {name: np.zeros(RUNS, bool) for name in ("safe", "harmful", "fixed")}
    for look in range(1, looks + 1):
        size = users * look
        monitoring = (
            Monitoring(
                kind="planned",
                fractions=tuple(place / looks for place in range(1, look + 1)),
                final=look == looks,
            )
            if kind == "planned"
            else Monitoring(kind="any time", planned_users=2.0 * users * looks)
        )
        tail = monitoring.tail_at_this_look(2 * size, alpha=0.05)
        error = np.full(RUNS, 3.0 / np.sqrt(size))
        found = margin_test(
            *(side[:, look - 1] for side in sides),
            errors=(error, error),
            units=(size, size),
            margin=margin,
            level=1 - 2 * tail,
        )
        wrong["safe"] |= found.p < tail
        wrong["harmful"] |= found.p_worse < tail
        wrong["fixed"] |= found.p < 0.025
        inside = (found.change.low > -margin) == (found.p < tail)
        assert inside[np.isfinite(found.p)].all()
    for name in ("safe", "harmful"):
        assert wrong[name].mean() <= 0.025 + band(0.025, RUNS)
    assert wrong["fixed"].mean() > 0.05  # what a level of one look would have made of it


@given(
    value=st.floats(-0.5, 0.5),
    below=st.floats(0.01, 0.4),
    above=st.floats(0.01, 0.4),
    tail=st.floats(1e-9, 0.025),
)
def test_a_wider_interval_and_p_are_one_procedure(
    value: float, below: float, above: float, tail: float
) -> None:
    change = Estimate(value=value, low=value - below, high=value + above, p=0.5)
    found = guard_by(change, variant="b", margin=0.02)
    wide = widened(change, level=0.95, tail=tail)
    for p, outside in ((found.p, wide.low > -0.02), (found.p_worse, wide.high < -0.02)):
        if abs(p - tail) > 1e-9:
            assert (p < tail) == outside
