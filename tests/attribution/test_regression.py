"""The regression against another library, and what it must do with credit."""

from __future__ import annotations

import numpy as np
import pytest
import statsmodels.api as sm
from scipy.optimize import nnls

from workbench.attribution.coalitions import Coalitions, coalitions_of_paths
from workbench.attribution.regression import (
    fit_regression,
    nonnegative,
    predicted,
    presence,
    regression_credit,
    regression_of,
)
from workbench.errors import NotEnoughData

NAMES = ("a", "b", "c", "d")


def journeys_with_effects(effects, count: int = 4000, seed: int = 0) -> Coalitions:
    rng = np.random.default_rng(seed)
    sets = [[NAMES[c] for c in np.flatnonzero(rng.random(4) < 0.5)] or ["a"] for _ in range(count)]
    odds = -2.0 + np.array([sum(effects[NAMES.index(name)] for name in some) for some in sets])
    bought = rng.random(count) < 1 / (1 + np.exp(-odds))
    return coalitions_of_paths(sets, bought, bought * rng.lognormal(3, 0.5, count), ~bought, names=NAMES)


def test_without_penalty_it_is_the_regression_of_another_library() -> None:
    some = journeys_with_effects([0.8, 0.3, 1.5, 0.6])
    fitted = fit_regression(some, penalty=0.0)
    table = sm.add_constant(presence(some).toarray())
    both = np.column_stack([some.conversions, some.journeys - some.conversions])
    other = sm.GLM(both, table, family=sm.families.Binomial()).fit()
    assert [fitted.intercept, *fitted.coefficients] == pytest.approx(other.params, abs=2e-3)
    assert predicted(fitted, some) == pytest.approx(other.predict(table), abs=5e-4)


@pytest.mark.parametrize("seed", range(8))
def test_least_squares_without_a_negative_are_those_of_another_library(seed: int) -> None:
    """Whatever is guessed to be zero; an aim behind all columns leaves nothing but zeros."""
    rng = np.random.default_rng(seed)
    table = np.triu(rng.normal(size=(60, 60))) + 8 * np.eye(60)
    for aim in (rng.normal(size=60), -table @ rng.random(60), table @ rng.random(60)):
        found = nonnegative(table, aim, rng.random(60) < 0.5)
        assert found == pytest.approx(nnls(table, aim)[0], rel=1e-9, abs=1e-12)


def test_known_effects_are_found() -> None:
    fitted = fit_regression(journeys_with_effects([0.0, 0.5, 1.0, 2.0], count=40_000), penalty=1.0)
    assert fitted.coefficients == pytest.approx([0.0, 0.5, 1.0, 2.0], abs=0.1)


def test_a_strong_penalty_gives_equal_shares() -> None:
    some = journeys_with_effects([0.2, 0.5, 1.0, 2.0])
    credit = regression_credit(fit_regression(some, penalty=1e9), some)
    even = [some.over((amount / some.sizes)[some.rows]) for amount in (some.conversions, some.value)]
    assert credit == pytest.approx(np.column_stack(even), rel=1e-3)


def test_credit_adds_up_and_is_never_negative() -> None:
    some = journeys_with_effects([-1.0, 0.5, 1.0, -0.2])
    credit = regression_credit(fit_regression(some), some)
    assert credit.min() >= 0
    assert credit.sum(axis=0) == pytest.approx([some.conversions.sum(), some.value.sum()], rel=1e-12)


def test_one_channel_has_everything() -> None:
    some = coalitions_of_paths([["a"]], [5], [50.5], [20])
    assert regression_credit(fit_regression(some), some).tolist() == [[5, 50.5]]


def test_the_penalty_is_chosen_on_unseen_users(journeys_of) -> None:
    rng = np.random.default_rng(3)
    paths = [[NAMES[c] for c in np.flatnonzero(rng.random(4) < 0.5)] or ["a"] for _ in range(3000)]
    odds = -2.0 + np.array([2.0 * ("c" in path) for path in paths])
    bought = rng.random(3000) < 1 / (1 + np.exp(-odds))
    journeys = journeys_of(paths, [10.0 if some else None for some in bought], order=1)
    fitted = regression_of(journeys)
    assert fitted.hold_out is not None
    assert fitted.hold_out.log_loss < fitted.hold_out.plain_log_loss - 0.02
    assert 0.6 < (fitted.hold_out.auc or 0) < 0.85
    assert int(np.argmax(fitted.coefficients)) == NAMES.index("c")
    assert regression_of(journeys).coefficients.tolist() == fitted.coefficients.tolist()


def test_what_cannot_be_told_apart_is_said() -> None:
    with pytest.raises(NotEnoughData, match="no journey with a touch converted"):
        fit_regression(coalitions_of_paths([["a"]], [0], nulls=[3]))
    with pytest.raises(NotEnoughData, match="every journey converted"):
        fit_regression(coalitions_of_paths([["a"], ["b"]], [3, 4]))
