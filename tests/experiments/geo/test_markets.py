"""Market selection keeps its rules and promises, and agrees with GeoLift where the method is the same."""

from __future__ import annotations

import time
from dataclasses import replace
from datetime import timedelta

import numpy as np
import pytest

from workbench.errors import NotEnoughData, UsageError
from workbench.experiments.geo.markets import MarketRules, budget_needed, select_markets
from workbench.experiments.geo.placebo import placebo_test
from workbench.experiments.geo.split import split
from workbench.experiments.geo.synthetic_control import synthetic_control


@pytest.fixture(scope="module")
def past(simulate):
    return simulate(3, days=90)


@pytest.fixture(scope="module")
def chosen(past):
    return select_markets(past, sizes=(2, 3), periods=(10, 14))


def test_the_best_comes_first_by_what_it_was_chosen_by(chosen):
    needs = [own.chosen_by for own in chosen.sets]
    assert needs == sorted(needs)
    assert [own.rank for own in chosen.sets] == list(range(1, len(needs) + 1))
    assert len({(own.treated, own.periods) for own in chosen.sets}) == len(needs)
    assert {len(own.treated) for own in chosen.sets} <= {2, 3}
    assert f"{chosen.power:.0%} of the time" in chosen.sentence
    assert chosen.to_frame().shape == (len(needs), 10)
    assert chosen.to_document()["sets"][0]["treated"] == list(chosen.best.treated)
    assert "<table" in chosen._repr_html_()


def test_the_same_seed_chooses_the_same(past, chosen):
    again = select_markets(past, sizes=(2, 3), periods=(10, 14))
    assert again.to_document() == chosen.to_document()


def test_rules_are_kept(past):
    rules = MarketRules(
        always_treated=("geo 004",), never_treated=("geo 001", "geo 002"), never_controls=("geo 003",)
    )
    found = select_markets(past, sizes=(3,), periods=(10,), rules=rules)
    for own in found.sets:
        assert "geo 004" in own.treated
        assert not {"geo 001", "geo 002"} & set(own.treated)
    loose = select_markets(past, sizes=(3,), periods=(10,), rules=replace(rules, never_controls=()))
    assert loose.best.scaled_l2 != found.best.scaled_l2 or loose.best.treated != found.best.treated


def test_a_budget_leaves_out_what_it_does_not_pay(past):
    free = select_markets(past, sizes=(2, 3), periods=(10,), rules=MarketRules(cost_per_increment=0.4))
    needs = sorted(own.chosen_by * own.volume * 0.4 for own in free.sets)
    rules = MarketRules(cost_per_increment=0.4, budget=needs[len(needs) // 2])
    paid = select_markets(past, sizes=(2, 3), periods=(10,), rules=rules)
    assert max(own.chosen_by * own.volume * 0.4 for own in paid.sets) <= needs[len(needs) // 2]
    small = select_markets(past, sizes=(2,), periods=(10,), rules=MarketRules(largest_share=0.05))
    assert max(own.share for own in small.sets) <= 0.05
    with pytest.raises(NotEnoughData, match="keeps to the budget"):
        select_markets(past, sizes=(2,), periods=(10,), rules=replace(rules, budget=1e-9))


@pytest.mark.parametrize(
    ("rules", "sizes", "named"),
    [
        ({"always_treated": ("nowhere",)}, (2,), "No geo named 'nowhere'"),
        ({"always_treated": ("geo 001", "geo 002")}, (1,), "No group of 1: 2 geos are required"),
        ({"always_treated": ("geo 001",), "never_treated": ("geo 001",)}, (2,), "always and never"),
        ({"budget": 100.0}, (2,), "give cost_per_increment"),
    ],
)
def test_rules_that_cannot_be_kept_are_refused(past, rules, sizes, named):
    with pytest.raises(UsageError, match=named):
        select_markets(past, sizes=sizes, periods=(10,), rules=MarketRules(**rules))


def test_a_past_that_is_too_short_or_geos_that_are_too_few_are_refused(past):
    with pytest.raises(NotEnoughData, match="90 periods are too few to rehearse a test of 35"):
        select_markets(past, periods=(35,))
    few = past.only(past.geos[:6])
    with pytest.raises(NotEnoughData, match="at least 4 must be left"):
        select_markets(few, sizes=(3,), periods=(10,))


def test_groups_that_move_by_themselves_are_not_chosen(past):
    wild = past.values.copy()
    rng = np.random.default_rng(0)
    wild[:8] *= 1 + 0.5 * rng.normal(size=(8, wild.shape[1]))
    found = select_markets(replace(past, values=wild), sizes=(2,), periods=(10,))
    spoilt = set(past.geos[:8])
    assert not [own for own in found.sets[:5] if spoilt & set(own.treated)]


@pytest.mark.data
def test_fit_and_budget_are_those_of_geolift(before_walkthrough):
    """GeoLift's walkthrough: Chicago and Portland, 15 days, 7.50 for one more, a lift of 10 % on its grid.

    Its lift on the grid and p come from one window and another test (its own last 15 days by conformal
    inference); ours is what the next test finds in 8 of 10 cases. Fit, volume and cost are the same.
    """
    panel, treated = before_walkthrough, ("chicago", "portland")
    rows = panel.rows(treated)
    volume = panel.values[rows, -15:].sum()
    assert budget_needed(0.10, volume, 7.5) == pytest.approx(64_563.75, abs=0.01)
    lifted = panel.values.copy()
    lifted[rows, -15:] *= 1.1
    found = synthetic_control(split(replace(panel, values=lifted), treated=treated, start=panel.days[-15]))
    assert found.lift == pytest.approx(0.10117316, abs=1e-5)
    assert found.scaled_imbalance == pytest.approx(0.1738778, abs=1e-5)
    rules = MarketRules(always_treated=treated, cost_per_increment=7.5)
    before = time.process_time()
    best = select_markets(panel, sizes=(2,), periods=(15,), rules=rules).best
    assert (best.treated, best.volume) == (treated, volume)
    assert best.scaled_l2 == pytest.approx(0.1738778, abs=1e-5)
    assert 0.03 < best.lift < 0.15
    assert time.process_time() - before < 60  # on a machine that may be slow and busy


@pytest.mark.data
@pytest.mark.slow
def test_forty_cities_are_searched_in_seconds(before_walkthrough):
    before = time.process_time()
    found = select_markets(before_walkthrough, sizes=(2, 3, 4, 5), periods=(10, 15))
    assert time.process_time() - before < 60  # on a machine that may be slow and busy
    assert found.considered >= 300
    assert 0.02 < found.false_positives < 0.1


@pytest.mark.slow
def test_the_promise_holds_on_windows_that_nobody_saw(simulate):
    """The best of 100 groups on 140 markets: the analysis finds the promised lift as often as promised.

    What the choice itself saw is found less often.
    """
    kept, claimed = [], []
    for seed in range(140):
        whole = simulate(seed, geos=30, days=105, carry=(0.3, 0.6, 0.8)[seed % 3])
        rules = MarketRules(most=100, largest_share=1.0)
        best = select_markets(whole.cut(0, 90), sizes=(2, 3, 4), periods=(15,), rules=rules, seed=seed).best
        for lift, found in ((best.lift, kept), (best.chosen_by, claimed)):
            values = whole.values.copy()
            values[whole.rows(best.treated), 90:] *= 1 + lift
            tried = split(replace(whole, values=values), treated=best.treated, start=whole.days[90])
            effect = placebo_test(synthetic_control(tried), seed=seed).effect.lift
            found.append(effect.significant and effect.value > 0)
    assert 0.74 <= np.mean(kept) <= 0.86
    assert np.mean(claimed) < np.mean(kept) - 0.03


def test_days_are_named_by_position_alone(past):
    later = replace(past, days=tuple(day + timedelta(days=400) for day in past.days))
    one = select_markets(past, sizes=(2,), periods=(10,))
    assert select_markets(later, sizes=(2,), periods=(10,)).to_document() == one.to_document()
