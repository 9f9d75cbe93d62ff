"""Ratios of few, uneven users are tested by shuffling users; of many even ones by the delta method."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from workbench.experiments import Experiment, analyze_users, own_metric
from workbench.experiments.inference.permutation_ratio import METHOD, permutation_ratio


def orders(
    rng: np.random.Generator, n: tuple[int, int], *, share: float = 0.05, factor: float = 1.0
) -> pd.DataFrame:
    """Return what users spent and how often they bought; most did not."""
    users = sum(n)
    bought = np.where(rng.random(users) < share, 1 + rng.poisson(0.3, users), 0)
    spent = bought * rng.lognormal(3, 1, users)
    variant = np.repeat(["old", "new"], n)
    return pd.DataFrame(
        {
            "variant": variant,
            "spent": np.where(variant == "new", factor, 1.0) * spent,
            "orders": bought,
            "visits": 1 + rng.poisson(3, users),
        }
    )


@pytest.mark.parametrize(
    ("n", "of", "permuted"),
    [
        ((500, 4_500), "orders", True),
        ((500, 500), "orders", True),
        ((8_000, 8_000), "orders", False),
        ((8_000, 8_000), "visits", False),
    ],
)
def test_the_analysis_chooses(n: tuple[int, int], of: str, permuted: bool) -> None:
    frame = orders(np.random.default_rng(8), n)
    plan = Experiment(
        name="form",
        primary="spent",
        variants=("old", "new"),
        status="completed",
        split=(n[0] / sum(n), n[1] / sum(n)),
    )
    [found] = analyze_users(plan, frame, [own_metric("spent", of=of)]).findings
    assert (found.comparison.method == METHOD) == permuted
    means = frame.groupby("variant")[["spent", of]].sum()
    ratio = means["spent"] / means[of]
    assert found.comparison.difference.value == pytest.approx(ratio["new"] - ratio["old"])
    assert found.comparison.significant == (found.comparison.p < 0.05)


@pytest.mark.parametrize("case", range(3))
def test_as_scipy_counts_every_arrangement(case: int) -> None:
    rng = np.random.default_rng(60 + case)
    z = rng.integers(1, 4, 14)
    pairs = np.column_stack([z * rng.lognormal(1, 1, 14), z])
    treated = np.arange(14) < 6

    def statistic(places: np.ndarray, others: np.ndarray, axis: int = -1) -> np.ndarray:
        figures = []
        for group in (places, others):
            y, z = pairs[group.astype(int), 0], pairs[group.astype(int), 1]
            ratio = y.sum(axis=axis, keepdims=True) / z.sum(axis=axis, keepdims=True)
            left = (y - ratio * z) / z.mean(axis=axis, keepdims=True)
            figures.append((ratio[..., 0], left.var(axis=axis, ddof=1) / group.shape[axis]))
        (one, own), (two, other) = figures
        return (one - two) / np.sqrt(own + other)

    places = np.arange(14.0)
    exact = stats.permutation_test(
        (places[treated], places[~treated]), statistic, vectorized=True, n_resamples=np.inf
    )
    counts = np.column_stack([~treated, treated]).astype(int)
    difference, relative = permutation_ratio(pairs, counts, users=(8, 6), permutations=20_000, seed=1)
    assert difference.p == pytest.approx(exact.pvalue, abs=4 * np.sqrt(2 / 20_000))
    assert difference.value / difference.error == pytest.approx(exact.statistic, rel=1e-6)
    assert (difference.p < 0.05) == difference.significant
    assert relative.known is False or relative.significant == difference.significant


def test_a_real_gain_is_found_and_sized() -> None:
    frame = orders(np.random.default_rng(9), (4_000, 12_000), factor=1.6)
    plan = Experiment(
        name="form", primary="spent", variants=("old", "new"), status="completed", split=(0.25, 0.75)
    )
    [found] = analyze_users(plan, frame, [own_metric("spent", of="orders")]).findings
    assert found.comparison.significant
    assert found.comparison.relative.low < 0.6 < found.comparison.relative.high


def test_units_do_not_matter_and_nothing_to_compare_is_said() -> None:
    pairs, counts = np.array([[3.0, 1.0], [10.0, 2.0], [40.0, 1.0]]), np.array([[20, 9], [12, 9], [3, 6]])
    one, _ = permutation_ratio(pairs, counts, users=(900, 400), permutations=2_000)
    cents, _ = permutation_ratio(pairs * [100, 1], counts, users=(900, 400), permutations=2_000)
    assert cents.p == one.p
    assert cents.low == pytest.approx(100 * one.low)
    for none in ([[0, 3], [0, 2], [0, 1]], [[0, 0], [0, 0], [0, 0]]):
        blank, _ = permutation_ratio(pairs, none, users=(900, 400))
        assert not blank.known
    same, _ = permutation_ratio(pairs * 0 + [4.0, 2.0], counts, users=(900, 400))
    assert not same.known
