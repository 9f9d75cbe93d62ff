"""Intervals of credit: against a full bootstrap, few conversions, and coverage where the truth is known."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import poisson

from workbench.attribution.bootstrap import (
    bounds,
    bucket_weights,
    by_influence,
    first_order_counts,
    markov_replicates,
)
from workbench.attribution.crediting import credit_of
from workbench.attribution.markov import markov_credit
from workbench.attribution.models import MODELS, Question
from workbench.attribution.shapley import markov_shapley, markov_shapleys
from workbench.attribution.windows import lookback
from workbench.errors import UsageError

ASKED = Question(window=lookback("30d"), order=1)


@pytest.fixture(scope="module")
def journeys(journeys_of, simulate):
    return journeys_of(*simulate(4000, 4))


def test_replicates_are_what_solving_each_gives(journeys) -> None:
    weights = bucket_weights(64, 20, seed=4)
    batched = markov_replicates(journeys)
    assert batched is not None
    for found, some in zip(batched(weights), weights, strict=True):
        assert found == pytest.approx(markov_credit(journeys.chain(1, some)), rel=1e-9, abs=1e-9)


def test_a_batch_of_markov_games_is_what_solving_each_gives(journeys) -> None:
    weights = bucket_weights(64, 70, seed=4)
    weights[1] = 0
    moves, ends = (np.tensordot(weights, some, axes=1) for some in first_order_counts(journeys))
    moves[2], ends[2] = moves[0] / 2, ends[0] / 2 * [0, 0, 1]
    batched = markov_shapleys(moves, ends)
    assert not batched[1:3].any()
    for place in (0, *range(3, 70)):
        found = markov_shapley(journeys.chain(1, weights[place]))
        assert batched[place, :, 0] == pytest.approx(found.conversions, rel=1e-9, abs=1e-9)
        assert batched[place, :, 1] == pytest.approx(found.value, rel=1e-9, abs=1e-9)


@pytest.mark.parametrize("name", MODELS)
def test_weights_of_one_give_the_credit_itself(journeys, name: str) -> None:
    solution = MODELS[name].solve(journeys, ASKED)
    assert solution.again(np.ones((2, 64)))[1] == pytest.approx(solution.credit, rel=1e-6, abs=1e-6)


def test_the_delta_method_is_near_the_bootstrap(journeys) -> None:
    weights = bucket_weights(64, 1000, seed=1)
    exact = markov_replicates(journeys)
    assert exact is not None
    near = by_influence(
        lambda some: markov_credit(journeys.chain(1, some)), markov_credit(journeys.chain(1)), 64
    )
    assert near(weights).std(axis=0) == pytest.approx(exact(weights).std(axis=0), rel=0.06)


def test_the_same_seed_gives_the_same_interval(journeys) -> None:
    first, again, other = (
        credit_of(journeys, "markov", order=1, replicates=200, seed=seed) for seed in (1, 1, 2)
    )
    assert first == again
    assert first != other
    with pytest.raises(UsageError, match="0 or more"):
        credit_of(journeys, "markov", seed=-1)


def test_every_credit_lies_in_its_interval(journeys) -> None:
    for row in credit_of(journeys, replicates=200).rows:
        assert row.conversions_low is not None
        assert row.conversions_low <= row.conversions <= row.conversions_high
        assert row.value_low <= row.value <= row.value_high
        assert 0 <= row.conversions_low < row.conversions_high


def test_few_conversions_have_a_wide_interval() -> None:
    """One conversion in every replicate looks certain; Poisson says 0.03 to 5.6, and up to 3.7 for none."""
    point = np.array([[1.0, 40.0], [0.0, 0.0], [200.0, 9000.0]])
    found = bounds(np.repeat(point[None], 500, axis=0), point, buckets=64)
    assert found.low[0, 0] == pytest.approx(0.0253, abs=1e-3)
    assert found.high[:2, 0] == pytest.approx([5.5716, 3.6889], abs=1e-3)
    assert poisson.sf(0, found.low[0, 0]) == pytest.approx(0.025)
    assert poisson.cdf(1, found.high[0, 0]) == pytest.approx(0.025)
    assert found.high[0, 1] == pytest.approx(40 * 5.5716, rel=1e-3)
    assert found.high[1, 1] > 100
    assert found.low[2].tolist() == found.high[2].tolist() == [200, 9000]


def test_fewer_buckets_are_wider() -> None:
    samples = np.random.default_rng(0).normal(100, 10, (20_000, 1, 2))
    widths = [
        np.diff([ends.low[0, 0], ends.high[0, 0]])[0]
        for ends in (bounds(samples, np.array([[100.0, 100.0]]), buckets=size) for size in (8, 64, 4096))
    ]
    assert widths[0] > widths[1] > widths[2] > 38.5


def test_groups_of_buckets_are_near(journeys) -> None:
    """The error itself is uncertain: from 16 groups by about 18 %."""
    weights, point = bucket_weights(64, 1000, seed=1), markov_credit(journeys.chain(1))
    whole, grouped = (
        by_influence(lambda some: markov_credit(journeys.chain(1, some)), point, 64, groups=groups)
        for groups in (None, 16)
    )
    ratio = grouped(weights).std(axis=0) / whole(weights).std(axis=0)
    assert 0.8 < np.sqrt(np.mean(ratio**2)) < 1.2
    assert grouped(weights).mean(axis=0) == pytest.approx(point, rel=0.02)


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_intervals_cover_the_truth(journeys_of, simulate) -> None:
    """Of 150 samples of 1,200 users, about 95 % of the intervals hold the mean over samples."""
    names = ("last_touch", "linear", "markov", "shapley", "shapley_markov", "regression")
    samples = []
    for seed in range(150):
        credit = credit_of(
            journeys_of(*simulate(1200, 4, seed=1000 + seed), order=1),
            names,
            order=1,
            replicates=400,
            seed=seed,
        )
        samples.append(credit)
    keys = [(row.model, row.channel) for row in samples[0].rows]
    for model in names:
        hits = []
        for key in (key for key in keys if key[0] == model):
            rows = [credit.row(*key) for credit in samples]
            for figure in ("conversions", "value"):
                truth = np.mean([getattr(row, figure) for row in rows])
                hits.append(
                    np.mean(
                        [
                            getattr(row, f"{figure}_low") <= truth <= getattr(row, f"{figure}_high")
                            for row in rows
                        ]
                    )
                )
        assert 0.91 < np.mean(hits) < 0.985, (model, hits)
        assert min(hits) > 0.88, (model, hits)
