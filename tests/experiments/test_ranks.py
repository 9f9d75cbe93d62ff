"""Ranks: the tests of scipy on raw data, a real game, promises under simulation."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from workbench.errors import UsageError
from workbench.experiments.inference.ranks import compare_ranks

from .cells import band
from .value_tables import value_table


@pytest.mark.parametrize("kind", ["continuous", "ties", "zeros"])
def test_as_scipy_on_raw_data(kind: str) -> None:
    rng = np.random.default_rng(61)
    control, treated = rng.lognormal(0, 1, 300), rng.lognormal(0.2, 1.4, 120)
    if kind == "ties":
        control, treated = np.floor(control), np.floor(treated)
    if kind == "zeros":
        control[rng.random(300) < 0.8] = 0
        treated[rng.random(120) < 0.7] = 0
    found = compare_ranks(*value_table(control, treated))
    brunner = stats.brunnermunzel(control, treated)
    whitney = stats.mannwhitneyu(treated, control, method="asymptotic")
    assert found.more.p == pytest.approx(brunner.pvalue, rel=1e-9)
    assert found.mann_whitney == pytest.approx(whitney.pvalue, rel=1e-9)
    assert found.superiority.chance == pytest.approx(whitney.statistic / 300 / 120, rel=1e-12)
    assert found.more.significant == (found.more.p < 0.05)


@pytest.mark.data
def test_cookie_cats_without_its_outlier_deciding(public_data: Path) -> None:
    table = pd.read_csv(public_data / "ab_tests/cookie_cats/cookie_cats.csv")
    rounds = [
        table.loc[table["version"] == gate, "sum_gamerounds"].to_numpy(float)
        for gate in ("gate_30", "gate_40")
    ]
    found = compare_ranks(*value_table(*rounds))
    assert found.mann_whitney == pytest.approx(0.0502088, abs=5e-8)
    assert found.more.p == pytest.approx(0.0502, abs=3e-4)
    rounds[0][rounds[0].argmax()] = 3_000.0  # no longer 49,854
    assert compare_ranks(*value_table(*rounds)).mann_whitney == pytest.approx(0.0502088, abs=1e-6)


def test_interval_holds_the_truth_where_spreads_differ() -> None:
    rng, repetitions = np.random.default_rng(62), 1_500
    truth = 2 * stats.norm.cdf(0.4 / np.hypot(1, 2)) - 1
    missed = []
    for _ in range(repetitions):
        found = compare_ranks(*value_table(rng.normal(0, 1, 60), rng.normal(0.4, 2, 40)))
        missed.append((found.more.low > truth, found.more.high < truth))
    for share in np.mean(missed, axis=0):
        assert abs(share - 0.025) <= band(0.025, repetitions) + 0.003


def test_the_order_of_rows_and_units_do_not_matter() -> None:
    rng = np.random.default_rng(63)
    values, counts = value_table(rng.poisson(2, 200).astype(float), rng.poisson(3, 90).astype(float))
    shuffle = rng.permutation(len(values))
    one, other = compare_ranks(values, counts), compare_ranks(np.exp(values[shuffle]), counts[shuffle])
    assert one == other
    split = compare_ranks(np.tile(values, 2), np.vstack([counts * 0, counts]))
    assert split == one
    turned = compare_ranks(values, counts[:, ::-1])
    assert turned.more.value == pytest.approx(-one.more.value)
    assert turned.more.p == pytest.approx(one.more.p)


def test_groups_that_ranks_cannot_compare() -> None:
    few = compare_ranks([0, 1], [[5, 2], [3, 1]])
    assert few.sentence == "Ranks cannot be compared: a group has 3 users; 10 are needed."
    same = compare_ranks([4.0], [[50, 70]])
    assert same.sentence == "Ranks cannot be compared: all users have one value."
    apart = compare_ranks([1.0, 2.0], [[50, 0], [0, 70]])
    assert "do not overlap" in apart.sentence
    assert apart.mann_whitney < 1e-20
    assert same.mann_whitney == 1.0


@pytest.mark.parametrize(
    ("values", "counts"), [([1, 2], [[1, 2]]), ([1, np.nan], [[1, 2], [1, 2]]), ([1, 2], [[1, 2], [1, -2]])]
)
def test_tables_that_cannot_be(values: list[float], counts: list[list[float]]) -> None:
    with pytest.raises(UsageError):
        compare_ranks(values, counts)
