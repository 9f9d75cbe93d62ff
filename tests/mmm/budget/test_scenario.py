"""What a page carries: the same curves, small enough; and the moves a person can make."""

from __future__ import annotations

import gzip
import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from workbench.charts.simulator import figures
from workbench.errors import NotEnoughData
from workbench.mmm.budget import BudgetQuestion, optimise, project
from workbench.mmm.budget.scenario import (
    auto_split,
    from_page,
    rescaled,
    scenario,
    thinned_table,
    to_page,
)


def test_the_page_carries_the_very_curves(make) -> None:
    table = make(draws=90, channels=5)
    page = json.loads(json.dumps(to_page(scenario(table)), allow_nan=False))
    assert (from_page(page) == table.measuring.values).all()
    assert (np.array(page["expected"]) == table.expected.values).all()


def test_eight_channels_fit_into_their_part_of_a_page(make) -> None:
    page = json.dumps(to_page(scenario(make(draws=500, channels=8, spread=0.5))))
    assert len(gzip.compress(page.encode(), 9)) * 4 / 3 < 130_000


def test_a_plan_and_its_simulator_say_the_same(make) -> None:
    table = make(draws=400)
    plan = optimise(table, BudgetQuestion(locked=("channel 1",)))
    start = scenario(table, plan)
    assert start.projection.gain == plan.gain
    assert start.locked.tolist() == [False, True, False, False]
    assert start.limits.low[1] == pytest.approx(0.5 * table.spend[1])
    assert start.refused == ""


@pytest.mark.parametrize("channels", [20, 40])
def test_many_channels_share_the_same_room(make, channels: int) -> None:
    page = json.dumps(to_page(scenario(make(draws=500, channels=channels, spread=0.5))))
    assert len(gzip.compress(page.encode(), 9)) * 4 / 3 < 260_000


def test_thinning_keeps_pairs_of_draws(make) -> None:
    table = make(draws=500)
    small = thinned_table(table, 400)
    assert len(small) == 400
    known = {one.tobytes() for one in table.measuring.values}
    assert all(one.tobytes() in known for one in small.measuring.values)
    assert thinned_table(small, 400) is small


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 1000), share=st.floats(0.1, 3), locks=st.lists(st.booleans(), min_size=4, max_size=4)
)
def test_a_new_total_scales_what_is_free(make, seed: int, share: float, locks: list[bool]) -> None:
    table = make(seed=seed, draws=2)
    start, locked = scenario(table), np.array(locks)
    found = rescaled(table.spend, start.limits, locked, share * table.total)
    assert found[locked] == pytest.approx(table.spend[locked])
    assert (found >= start.limits.low - 1e-6).all()
    assert (found <= start.limits.high + 1e-6).all()
    least = np.where(locked, table.spend, start.limits.low).sum()
    most = np.where(locked, table.spend, start.limits.high).sum()
    assert found.sum() == pytest.approx(np.clip(share * table.total, least, most), rel=1e-6)
    if not locked.any() and 0.5 < share < 2:
        assert found / table.spend == pytest.approx(share)


def test_finding_the_best_split_keeps_money_and_locks(make) -> None:
    table = make(channels=5)
    start = scenario(table, BudgetQuestion(within=(0.0, 3.0)))
    locked = np.array([True, False, False, False, True])
    split = rescaled(table.spend, start.limits, locked, 1.2 * table.total)
    found = auto_split(start, split, locked)
    assert found.sum() == pytest.approx(1.2 * table.total)
    assert found[locked] == pytest.approx(split[locked])
    assert project(table, found).outcome_then.value > project(table, split).outcome_then.value
    assert auto_split(start, split, np.ones(5, bool)) is split


def test_a_missed_gate_is_carried_along(make) -> None:
    start = scenario(make(missed=("The chains disagree.",)))
    assert (start.refused, to_page(start)["refused"]) == ("The chains disagree.", True)
    with pytest.raises(NotEnoughData):
        auto_split(start, start.split, start.locked)
    allowed = scenario(make(missed=("The chains disagree.",)), BudgetQuestion(despite_gates=True))
    assert (allowed.refused, to_page(allowed)["refused"]) == ("", False)


def test_todays_split_is_no_change_and_not_an_improbable_gain(make) -> None:
    """In no draw does it bring more than itself: "under 1%" would be read as a warning."""
    table = make()
    same = project(table, table.spend)
    assert "nothing changes" in same.sentence
    assert "probability" not in same.sentence
    assert "probability" in project(table, 1.1 * table.spend).sentence
    shown = {one["name"]: one["said"] for one in figures(same)}
    assert (shown["better"], shown["gain"]) == ("no change", "€0.00")


def test_what_is_only_believed_is_locked_at_first_and_can_be_moved(make) -> None:
    table = make(channels=6, believed=("channel 2",))
    start = scenario(table)
    assert start.locked.tolist() == [False, False, True, False, False, False]
    assert start.limits.high[2] == pytest.approx(2 * table.spend[2])
    assert to_page(start)["believed"] == start.locked.tolist()
    free = auto_split(start, table.spend, np.zeros(6, bool))
    assert free[2] != pytest.approx(table.spend[2], rel=0.01)
    assert not scenario(table, BudgetQuestion(move_beliefs=True)).locked.any()
