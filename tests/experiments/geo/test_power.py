"""Power is what the test itself finds when a lift is put into the past."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from workbench.errors import NotEnoughData, UsageError
from workbench.experiments.geo.backtests import backtests, promised, window_starts
from workbench.experiments.geo.placebo import placebo_test
from workbench.experiments.geo.power import power_curve
from workbench.experiments.geo.split import split
from workbench.experiments.geo.synthetic_control import synthetic_control

TREATED = ("geo 003", "geo 011")


@pytest.fixture(scope="module")
def past(simulate):
    return simulate(5, days=100)


def test_what_is_needed_is_what_the_test_finds(past):
    """A lift well above the need is significant by the analysis itself, one well below is not.

    Both draw placebo groups of their own, so they need not agree at the need itself.
    """
    rows, starts, length = np.sort(past.rows(TREATED)), (50, 58, 66, 74, 82), 14
    found = backtests(past, [rows], starts=starts, periods=[length])
    for place, start in enumerate(starts):
        said = []
        for lift in (0.0, found.needed[0, place, 0] * 1.6, found.needed[0, place, 0] * 0.5):
            lifted = past.values.copy()
            lifted[rows, start : start + length] *= 1 + lift
            tried = replace(past, values=lifted).cut(0, start + length)
            effect = placebo_test(
                synthetic_control(split(tried, treated=TREATED, start=past.days[start]))
            ).effect
            said.append((effect.att.value, effect.lift.significant))
        assert said[0] == (pytest.approx(found.att[0, place, 0]), False)
        assert [significant for _, significant in said[1:]] == [True, False]


def test_power_grows_with_the_lift(past):
    curve = power_curve(past, TREATED, periods=(7, 14, 21))
    assert (np.diff(curve.powers, axis=0) >= 0).all()
    assert curve.powers[0].max() <= 0.1
    assert curve.powers[-1].min() == 1
    for place, lift in enumerate(curve.effects):
        assert curve.power_at(lift + 0.01)[place] >= 0.75
    assert curve.to_frame().shape == (3 * 26, 3)
    assert "7 periods" in curve.sentence
    assert curve.to_document()["lengths"][0]["periods"] == 7
    assert "<table" in curve._repr_html_()


def test_units_do_not_matter_and_noise_does(past):
    one = power_curve(past, TREATED, periods=(14,))
    cents = power_curve(replace(past, values=past.values * 100), TREATED, periods=(14,))
    np.testing.assert_allclose(one.effects, cents.effects)
    noise = np.random.default_rng(1).normal(1, 0.15, past.values.shape)
    assert (
        power_curve(replace(past, values=past.values * noise), TREATED, periods=(14,)).effects > one.effects
    )


def test_the_test_finds_nothing_in_nothing_as_often_as_it_says(simulate):
    rates = []
    for seed in range(12):
        panel = simulate(100 + seed, days=75)
        rng = np.random.default_rng(seed)
        groups = [np.sort(rng.choice(24, 2, replace=False)) for _ in range(25)]
        rates.append(
            backtests(panel, groups, starts=[40, 60], periods=[14], seed=seed).false_positives.mean()
        )
    assert 0.02 < np.mean(rates) < 0.085


def test_geos_without_sales_are_never_found(past):
    empty = past.values.copy()
    empty[past.rows(TREATED)] = 0
    curve = power_curve(replace(past, values=empty), TREATED, periods=(14,))
    assert curve.effects == (np.inf,)
    assert "no lift is sure" in curve.sentence
    assert curve.to_document()["lengths"][0]["lift"] is None


def test_what_cannot_be_rehearsed_is_refused(past):
    with pytest.raises(NotEnoughData, match="100 periods are too few to rehearse a test of 40"):
        power_curve(past, TREATED, periods=(40,))
    with pytest.raises(NotEnoughData, match=r"^1 period is too few"):
        window_starts(1, 28)
    with pytest.raises(UsageError, match="geo 003, geo 011 cannot be treated and control"):
        power_curve(past, TREATED, periods=(14,), controls=past.geos)
    with pytest.raises(UsageError, match="No geo named"):
        power_curve(past, ("geo 999",), periods=(14,))
    with pytest.raises(UsageError, match="leaves the panel"):
        backtests(past, [np.array([1, 2])], starts=[95], periods=[14])
    with pytest.raises(NotEnoughData, match="at least 4 must be left"):
        power_curve(past, TREATED, periods=(14,), controls=("geo 001", "geo 002"))


@pytest.mark.parametrize("periods", [60, 90, 180, 365])
@pytest.mark.parametrize("longest", [7, 14])
def test_later_windows_share_no_day_with_those_to_choose_by(periods, longest):
    chosen, later = window_starts(periods, longest)
    assert max(chosen) + longest <= min(later)
    assert max(later) + longest <= periods
    assert min(chosen) >= 10


def test_a_promise_is_kept_by_the_next_of_the_same_kind():
    rng = np.random.default_rng(0)
    needs = rng.gamma(3, 1, (20_000, 15))
    assert (needs[:, -1] <= promised(needs[:, :14], 0.8)).mean() == pytest.approx(0.8, abs=0.01)


def test_needs_of_one_window_are_no_windows_of_their_own():
    rng = np.random.default_rng(0)
    twice = np.repeat(rng.gamma(3, 1, (50, 8)), 2, axis=1)
    np.testing.assert_allclose(promised(twice, 0.8, windows=8), promised(twice[:, ::2], 0.8))
    assert np.isinf(promised(twice[:, :6], 0.8, windows=3)).all()
