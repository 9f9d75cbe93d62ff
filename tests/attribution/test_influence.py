"""How Markov credit moves with the weight of a bucket: against differences, and against the bootstrap."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from workbench.attribution.bootstrap import bucket_weights, by_influence, markov_replicates
from workbench.attribution.influence import by_derivative, derivatives
from workbench.attribution.journeys import Journeys
from workbench.attribution.markov import markov_credit


@pytest.fixture(scope="module")
def journeys(journeys_of, simulate) -> Journeys:
    return journeys_of(*simulate(2000, 4), order=3)


def _returned(journeys: Journeys) -> Journeys:
    """Return journeys of which more is returned than bought."""
    return replace(
        journeys,
        ends=replace(journeys.ends, sums=journeys.ends.sums * [1, -1, 1]),
        totals=journeys.totals * [1, -1],
    )


@pytest.mark.parametrize("order", [1, 2, 3])
@pytest.mark.parametrize("turned", [False, True])
def test_it_is_the_derivative_of_the_credit(journeys, order: int, turned: bool) -> None:
    some = _returned(journeys) if turned else journeys
    point = markov_credit(some.chain(order))
    found = derivatives(some, some.chain(order), point)
    assert found is not None
    for bucket in (0, 17, 63):
        step = np.zeros(64)
        step[bucket] = 1e-4
        more, less = (markov_credit(some.chain(order, 1 + sign * step)) for sign in (1, -1))
        assert found[bucket] == pytest.approx((more - less) / 2e-4, rel=1e-4, abs=1e-4)


@pytest.mark.parametrize("order", [1, 2, 3])
def test_effects_of_all_buckets_add_up_to_the_credit(journeys, order: int) -> None:
    point = markov_credit(journeys.chain(order))
    found = derivatives(journeys, journeys.chain(order), point)
    assert found is not None
    assert found.sum(axis=0) == pytest.approx(point, rel=1e-6)


def test_it_spreads_as_the_bootstrap_does(journeys) -> None:
    weights, point = bucket_weights(64, 1000, seed=1), markov_credit(journeys.chain(1))
    exact, near = markov_replicates(journeys), by_derivative(journeys, journeys.chain(1), point)
    assert exact is not None
    assert near is not None
    assert near(weights).std(axis=0) == pytest.approx(exact(weights).std(axis=0), rel=0.06)


def test_it_is_near_leaving_out_each_bucket(journeys) -> None:
    weights, point = bucket_weights(64, 500, seed=1), markov_credit(journeys.chain(3))
    near = by_derivative(journeys, journeys.chain(3), point)
    left_out = by_influence(lambda some: markov_credit(journeys.chain(3, some)), point, 64)
    assert near is not None
    assert near(weights).std(axis=0) == pytest.approx(left_out(weights).std(axis=0), rel=0.08)


def test_shorter_chains_are_those_of_the_journeys(journeys) -> None:
    short = journeys.lower(1)
    weights = np.arange(64.0)
    assert markov_credit(short.chain(1, weights)) == pytest.approx(markov_credit(journeys.chain(1, weights)))
    assert short.settings.order == 1
