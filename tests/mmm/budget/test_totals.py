"""Sweeps and goals: they meet what they promise, and say so where bounds forbid it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from workbench.errors import NotEnoughData, UsageError
from workbench.mmm.budget import (
    BudgetQuestion,
    least_budget,
    next_money,
    optimise,
    profitable_budget,
    sweep,
)


def test_more_money_brings_more_and_each_time_less(make) -> None:
    table = make(channels=5)
    found = sweep(table, totals=12)
    frame = found.to_frame()
    assert found.rows[0].total == pytest.approx(0.5 * table.total)
    assert found.rows[-1].total == pytest.approx(2 * table.total)
    assert table.total in frame["total"].to_numpy()
    assert (np.diff(frame["outcome"]) > 0).all()
    assert (np.diff(frame["marginal"]) < 1e-3 * frame["marginal"].max()).all()
    assert (frame["outcome_low"] < frame["outcome"]).all()
    assert frame.filter(like="spend_").sum(axis=1).to_numpy() == pytest.approx(frame["total"].to_numpy())
    here = next(row for row in found.rows if row.total == table.total)
    assert here.outcome.value == pytest.approx(optimise(table).projection.outcome_then.value, rel=1e-6)
    assert "the next unit of money brings" in found.sentence
    assert "<table" in found._repr_html_()
    assert replace(found, rows=found.rows[-2:], current=found.rows[-2].total).sentence.count(" at ") == 2


def test_bounds_that_leave_one_total_give_one_row(make) -> None:
    assert "one total only" in sweep(make(), BudgetQuestion(within=(1.0, 1.0)), totals=2).sentence


def test_the_next_money_takes_none_from_anybody(make) -> None:
    table = make(channels=5, seed=2)
    found = next_money(table, 50_000)
    assert sum(row.amount for row in found.rows) == pytest.approx(50_000, rel=0.01)
    assert all(row.amount > 0 for row in found.rows)
    assert found.gain.low > 0
    marginal = table.expected.slope_at(np.ones(5)) / table.spend
    assert found.rows[0].channel in {table.channels[place] for place in np.argsort(-marginal)[:3]}
    assert found.gain.value <= 50_000 * marginal.max() * 1.1
    assert "The next €50,000 go to" in found.sentence
    assert "<table" in found._repr_html_()
    with pytest.raises(UsageError, match="do not allow a total"):
        next_money(table, 1e12)
    with pytest.raises(UsageError, match="above 0"):
        next_money(table, 0)


@settings(max_examples=6, deadline=None)
@given(seed=st.integers(0, 1000), share=st.floats(0.7, 1.3))
def test_the_least_budget_reaches_its_target_and_no_smaller_one_does(make, seed, share) -> None:
    table = make(seed=seed, draws=60)
    best = sweep(table, totals=2).rows
    target = float(np.clip(share * best[1].outcome.value, best[0].outcome.value, best[-1].outcome.value))
    goal = least_budget(table, target)
    if not goal.reached:
        assert goal.plan.total == pytest.approx(2 * table.total)
        return
    expected = table.expected.at(table.multipliers(list(goal.plan.split.values()))).sum()
    assert expected >= target * (1 - 1e-6)
    if goal.plan.total > 0.51 * table.total:
        less = optimise(table, BudgetQuestion(total=0.995 * goal.plan.total))
        assert table.expected.at(table.multipliers(list(less.split.values()))).sum() < target
    assert goal.chance is not None


def test_a_target_out_of_reach_is_said(make) -> None:
    goal = least_budget(make(), 1e12)
    assert not goal.reached
    assert "out of reach within these bounds" in goal.sentence
    with pytest.raises(UsageError, match="above 0"):
        least_budget(make(), -1)


@pytest.mark.parametrize("slope", [1.0, 2.0])
def test_beyond_the_profitable_budget_money_brings_less_than_it_costs(make, slope: float) -> None:
    table = make(channels=4, slope=slope, spread=0.1)
    goal = profitable_budget(table, BudgetQuestion(within=(0.0, 3.0)), least_return=2.0)
    steps = np.linspace(0, 3, 601)
    profit = table.expected.at(np.tile(steps, (4, 1))) - 2.0 * steps * table.spend[:, None]
    assert goal.plan.total == pytest.approx(float(steps[profit.argmax(axis=1)] @ table.spend), rel=0.02)
    assert "2.00x" in goal.sentence
    assert goal.to_frame()["proposed"].sum() == pytest.approx(goal.plan.total)
    more = profitable_budget(table, BudgetQuestion(within=(0.0, 3.0)), least_return=1.0)
    assert more.plan.total > goal.plan.total


def test_where_everything_pays_the_bounds_end_it(make) -> None:
    goal = profitable_budget(make(), least_return=1e-6)
    assert not goal.reached
    assert len(goal.held) == 4
    assert goal.plan.total == pytest.approx(2 * goal.plan.projection.current)


def test_conversions_need_a_worth(make) -> None:
    table = replace(make(), kind="conversions")
    with pytest.raises(UsageError, match="money per conversion"):
        profitable_budget(table)
    worth = profitable_budget(table, BudgetQuestion(within=(0.0, 3.0)), worth=2.0, least_return=2.0)
    same = profitable_budget(make(), BudgetQuestion(within=(0.0, 3.0)), least_return=1.0)
    assert worth.plan.total == pytest.approx(same.plan.total)
    assert "next unit of money brings 1 conversions, which is worth 2.00x" in worth.sentence
    margin = profitable_budget(make(), BudgetQuestion(within=(0.0, 3.0)), worth=0.4)
    again = profitable_budget(make(), BudgetQuestion(within=(0.0, 3.0)), least_return=2.5)
    assert margin.plan.total == pytest.approx(again.plan.total)
    assert "next unit of money brings 2.50x, which is worth 1.00x" in margin.sentence  # 2.5 of revenue, not 1
    assert "conversions" in optimise(table).sentence
    with pytest.raises(UsageError, match="numbers above 0"):
        profitable_budget(table, worth=-1.0)


def test_all_refuse_a_model_that_missed_a_gate(make) -> None:
    table = make(missed=("It foretells nothing.",))
    for asked in (sweep, next_money, profitable_budget):
        with pytest.raises(NotEnoughData, match="foretells nothing"):
            asked(table)
    with pytest.raises(NotEnoughData, match="foretells nothing"):
        least_budget(table, 1.0)


def test_the_next_unit_at_todays_total_is_like_that_of_its_neighbours(make) -> None:
    """Today's total often is one of the even steps but for a rounding: no slope is taken over that."""
    for seed, within in enumerate([(0.5, 1.5), (0.7, 1.3), (0.0, 2.0), (0.7, 1.3), (0.5, 1.5)]):
        found = sweep(make(seed=seed, draws=40), BudgetQuestion(within=within), totals=13)
        totals = np.array([row.total for row in found.rows])
        here = int(np.flatnonzero(totals == found.current)[0])
        before, now, after = (found.rows[place].marginal.value for place in (here - 1, here, here + 1))
        assert 0.9 * after < now < 1.1 * before
        assert np.diff(totals).min() > 0.001 * found.current
