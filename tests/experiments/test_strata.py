"""Post-stratification: what it must equal, what it must gain, and simulated truth."""

from __future__ import annotations

import numpy as np
import pytest

from workbench.experiments.inference.means import differences, mean_arms, own
from workbench.experiments.inference.strata import stratified_arms, without_thin
from workbench.experiments.inference.sums import Sums, sums_of

from .cells import REPETITIONS, band, tails


def stacked(parts: list[Sums]) -> Sums:
    return Sums(
        variants=parts[0].variants,
        columns=parts[0].columns,
        n=np.stack([part.n for part in parts]),
        means=np.stack([part.means for part in parts]),
        products=np.stack([part.products for part in parts]),
    )


def stratum(rng: np.random.Generator, n: tuple[int, int], mean: float, effect: float = 0.0) -> Sums:
    variant = ["a"] * n[0] + ["b"] * n[1]
    y = rng.normal(mean, 1, sum(n)) + effect * (np.array(variant) == "b")
    return sums_of(variant, {"y": y}, variants=("a", "b"))


def drawn(rng: np.random.Generator, repetitions: int) -> Sums:
    """Return two strata far apart; chance decides how many of each a variant has."""
    n = np.empty((2, repetitions, 2))
    n[0] = rng.binomial(200, 0.3, (repetitions, 2))
    n[1] = 200 - n[0]
    means = np.array([10.0, 2.0])[:, None, None] + rng.normal(size=n.shape) / np.sqrt(n)
    products = rng.chisquare(n - 1)
    return Sums(
        variants=("a", "b"), columns=("y",), n=n, means=means[..., None], products=products[..., None, None]
    )


def test_one_stratum_is_no_stratum() -> None:
    part = stratum(np.random.default_rng(1), (40, 50), 3.0)
    stratified, plain = (
        differences(arms) for arms in (stratified_arms(stacked([part]), "y"), mean_arms(part, "y"))
    )
    assert stratified.p == pytest.approx(plain.p, rel=1e-12)
    assert stratified.df == pytest.approx(plain.df, rel=1e-12)
    assert own(stratified_arms(stacked([part]), "y")).low == pytest.approx(own(mean_arms(part, "y")).low)


def test_weights_are_everybodys() -> None:
    rng = np.random.default_rng(2)
    parts = [stratum(rng, (900, 300), 0.0, 0.5), stratum(rng, (100, 700), 10.0, 0.5)]
    found = differences(stratified_arms(stacked(parts), "y"))
    each = np.array([differences(mean_arms(part, "y")).value[0] for part in parts])
    assert found.value[0] == pytest.approx(each @ [0.6, 0.4], rel=1e-12)
    assert found.low[0] < 0.5 < found.high[0]
    assert differences(mean_arms(stacked(parts).merged(), "y")).value[0] > 5


def test_false_positives_and_what_is_gained() -> None:
    sums = drawn(np.random.default_rng(3), REPETITIONS)
    stratified, plain = (
        differences(arms) for arms in (stratified_arms(sums, "y"), mean_arms(sums.merged(), "y"))
    )
    below, above = tails(stratified.p[:, 0], stratified.value[:, 0])
    assert below == pytest.approx(0.025, abs=band(0.025, REPETITIONS))
    assert above == pytest.approx(0.025, abs=band(0.025, REPETITIONS))
    assert np.median(stratified.error / plain.error) < 0.3


def test_figures_cover_the_mean_of_the_population() -> None:
    found = own(stratified_arms(drawn(np.random.default_rng(4), REPETITIONS), "y"))
    truth = 0.3 * 10 + 0.7 * 2
    # That strata are a sample themselves is part of the interval of a figure.
    assert np.mean((found.low <= truth) & (found.high >= truth)) == pytest.approx(0.95, abs=0.01)


def test_thin_strata_are_put_together() -> None:
    rng = np.random.default_rng(5)
    parts = [stratum(rng, n, 1.0) for n in ((50, 60), (1, 9), (8, 0), (30, 40))]
    assert np.isnan(differences(stratified_arms(stacked(parts), "y")).p[0])
    kept, thin = without_thin(stacked(parts))
    assert (kept.n.tolist(), thin) == ([[50, 60], [30, 40], [9, 9]], 2)
    assert kept.merged().mean("y") == pytest.approx(stacked(parts).merged().mean("y"))
    assert np.isfinite(differences(stratified_arms(kept, "y")).p[0])
    alone, joined = without_thin(stacked([parts[0], parts[2], parts[3]]))
    assert joined == 2
    assert alone.n.tolist() == [[50, 60], [38, 40]]
    assert without_thin(stacked(parts[:1]))[1] == 0
