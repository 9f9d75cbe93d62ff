"""The test of a change: how often it is wrong, how often it sees, and when it is silent."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from workbench.explore.change import Step, step_between

WEEK = np.array([1, 1.1, 1.05, 1, 0.95, 0.6, 0.5])


def _autoregression(rng: np.random.Generator, days: int, rho: float) -> np.ndarray:
    noise = rng.normal(0, 10 * np.sqrt(1 - rho**2), days + 50)
    series = np.zeros(days + 50)
    for place in range(1, days + 50):
        series[place] = rho * series[place - 1] + noise[place]
    return 100 + series[50:]


CLEAN = {
    "independent": lambda rng, n: _autoregression(rng, n, 0.0),
    "rho 0.3": lambda rng, n: _autoregression(rng, n, 0.3),
    "rho 0.6": lambda rng, n: _autoregression(rng, n, 0.6),
    "rho 0.8": lambda rng, n: _autoregression(rng, n, 0.8),
    "weekly and rho 0.4": lambda rng, n: _autoregression(rng, n, 0.4) * np.resize(WEEK, n),
    "small counts": lambda rng, n: rng.poisson(3, n).astype(float),
    "overdispersed counts": lambda rng, n: rng.negative_binomial(2, 2 / 32, n).astype(float),
    "heavy tails": lambda rng, n: np.exp(rng.normal(3, 0.8, n)),
    "random walk": lambda rng, n: 500 + np.cumsum(rng.normal(0, 5, n)),
}


def _wrong(kind: str, days: int, block: int, lag: int, runs: int) -> float:
    rng = np.random.default_rng(20240501)
    found = [
        step_between(CLEAN[kind](rng, days), np.ones(days), days=block, lag=lag).p_value for _ in range(runs)
    ]
    return float(np.mean([p is not None and p < 0.05 for p in found]))


@pytest.mark.slow
@pytest.mark.parametrize("kind", CLEAN)
@pytest.mark.parametrize(
    ("days", "block", "lag"),
    [(60, 7, 7), (120, 7, 7), (365, 7, 7), (100, 28, 28), (180, 28, 28), (420, 28, 364)],
)
def test_false_alarms_stay_rare(kind: str, days: int, block: int, lag: int) -> None:
    """At a nominal 5 %, at most 9 % of clean series are called a change, whatever hangs together in them."""
    assert _wrong(kind, days, block, lag, 500) <= 0.09


def test_false_alarms_quick() -> None:
    wrong = [_wrong(kind, 120, 7, 7, 60) for kind in CLEAN]
    assert np.mean(wrong) <= 0.06


def test_a_plain_t_test_would_be_wrong() -> None:
    """Why the method is needed: Welch's test on the same autocorrelated weeks."""
    from scipy.stats import ttest_ind

    rng = np.random.default_rng(2)
    series = [_autoregression(rng, 120, 0.6) for _ in range(300)]
    plain = np.mean([ttest_ind(y[-7:], y[-14:-7], equal_var=False)[1] < 0.05 for y in series])
    ours = np.mean([(step_between(y, np.ones(120), days=7, lag=7).p_value or 1) < 0.05 for y in series])
    assert plain > 0.15
    assert ours < 0.10


def test_a_real_change_is_seen() -> None:
    rng = np.random.default_rng(4)
    seen, covered = 0, 0
    for _ in range(100):
        series = _autoregression(rng, 120, 0.3) * np.resize(WEEK, 120)
        series[-7:] *= 1.4
        step = step_between(series, np.ones(120), days=7, lag=7)
        seen += step.p_value < 0.05
        covered += step.low <= 0.4 <= step.high
    assert seen >= 95
    assert covered >= 88


def _holidays(runs: int, days: list[int], *, week: float = 1.0) -> list[Step]:
    """Return the steps of weeks of which some days, counted back from the last, have next to nothing."""
    rng, found = np.random.default_rng(7), []
    for _ in range(runs):
        series = _autoregression(rng, 120, 0.3) * np.resize(WEEK, 120)
        series[-7:] *= week
        series[[119 - ago for ago in days]] *= 0.1
        found.append(step_between(series, np.ones(120), days=7, lag=7))
    return found


@pytest.mark.parametrize("runs", [12, pytest.param(1000, marks=pytest.mark.slow)])
def test_a_holiday_is_a_day_and_no_change_of_its_week(runs: int) -> None:
    """By itself it would be one in three of ten weeks; two days in a row are so in six or seven."""
    for days, most in (([3], 0.06), ([10], 0.06), ([3, 4], 0.1)):
        steps = _holidays(runs, days)
        assert sum(step.p_value is not None and step.p_value < 0.05 for step in steps) <= max(2, most * runs)
        assert set(days) & {ago for step in steps for ago in step.alone}
    assert np.mean([step.p_value < 0.05 for step in _holidays(runs, [60], week=1.5)]) >= 0.7


def test_a_ratio_is_a_ratio_of_sums() -> None:
    rng = np.random.default_rng(5)
    shown = rng.integers(500, 5000, 110).astype(float)
    clicks = rng.binomial(shown.astype(int), 0.03).astype(float)
    step = step_between(clicks, shown, days=28, lag=28)
    assert step.current == pytest.approx(clicks[-28:].sum() / shown[-28:].sum())
    assert step.previous == pytest.approx(clicks[-56:-28].sum() / shown[-56:-28].sum())
    assert step.p_value > 0.001


@settings(max_examples=40, deadline=None)
@given(st.floats(0.01, 1e6), st.integers(0, 2**31))
def test_the_unit_does_not_matter(scale: float, seed: int) -> None:
    series = np.random.default_rng(seed).gamma(5, 20, 70)
    plain, scaled = (step_between(y, np.ones(70), days=7, lag=7) for y in (series, scale * series))
    assert plain.change == pytest.approx(scaled.change)
    assert (plain.p_value is None) == (scaled.p_value is None)
    if plain.p_value is not None:
        assert plain.p_value == pytest.approx(scaled.p_value, rel=1e-6)
        assert plain.low <= plain.change <= plain.high


def test_negative_figures_have_a_difference() -> None:
    rng = np.random.default_rng(6)
    gain = rng.normal(0, 50, 90)
    gain[-7:] += 400
    step = step_between(gain, np.ones(90), days=7, lag=7)
    assert step.p_value < 0.01


@pytest.mark.parametrize(
    ("series", "reason"),
    [
        (np.arange(10.0), "14 days are needed"),
        (np.r_[np.full(40, np.nan), np.ones(10)], "missing"),
        (np.ones(20), "56 days of history"),
        (np.zeros(60), "fewer than five days"),
        (np.r_[np.full(53, 5.0), 1000.0, np.full(6, 1.0)], "one day holds"),
        (np.full(60, 5.0), "does not vary"),
        (np.array([]), "14 days are needed"),
    ],
)
def test_silence_has_a_reason(series: np.ndarray, reason: str) -> None:
    step = step_between(series, np.ones(len(series)), days=7, lag=7)
    assert step.p_value is None
    assert reason in step.reason


def test_a_zero_denominator_is_no_zero() -> None:
    step = step_between(np.zeros(60), np.zeros(60), days=7, lag=7)
    assert (step.current, step.change) == (None, None)


def test_a_shop_that_is_closed_on_sundays_lacks_no_day() -> None:
    rng = np.random.default_rng(11)
    series = rng.normal(100, 5, 91)
    series[-7:] += 40
    series[6::7] = np.nan
    step = step_between(series, np.ones(91), days=7, lag=7)
    assert step.change == pytest.approx(np.nansum(series[-7:]) / np.nansum(series[-14:-7]) - 1)
    assert step.p_value is not None
    assert step.p_value < 0.001
    once_open = series.copy()
    once_open[6] = 100.0
    for lacking in (once_open, np.r_[series[:-3], np.nan, series[-2:]]):
        assert step_between(lacking, np.ones(91), days=7, lag=7).p_value is None
    assert step_between(series[-21:], np.ones(21), days=7, lag=7).reason.startswith("days are missing")
