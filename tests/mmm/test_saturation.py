"""Saturation points against closed forms and against the marginal return at the point that was found."""

from __future__ import annotations

from dataclasses import replace
from typing import get_args

import numpy as np
import pytest
from tests.mmm import handmade

from workbench.mmm.curves import marginal_return_at, outcome_at
from workbench.mmm.draws import Draws
from workbench.mmm.market import Market
from workbench.mmm.saturation import Saturation, last_crossing, saturation_points
from workbench.mmm.spec import Saturation as Family
from workbench.mmm.window import window_of


def _even() -> tuple[Market, Draws]:
    """Return a market that spends 100 a week, with curves of half 0.5 and effects around 400."""
    market = handmade.market(periods=60)
    flat = np.full_like(market.spend, 100.0)
    market = replace(market, spend=flat, exposure=flat)
    base = handmade.draws(market)
    half = np.full_like(base.half, 0.5)
    effect = np.linspace(350, 450, len(base))[:, None, None] * np.ones(2)
    return market, replace(base, half=half, effect=effect, exposure_scale=np.full((1, 2), 100.0))


def _points(market: Market, draws: Draws, threshold: float = 1.0) -> Saturation:
    found = saturation_points(
        draws, market, window=window_of(market), threshold=np.full(len(draws), threshold)
    )[1]
    assert found is not None
    return found


def test_even_spend_has_the_points_of_the_plain_curve() -> None:
    market, draws = _even()
    found = _points(market, draws)
    assert found.current == pytest.approx(100)
    assert found.full.value == pytest.approx(450, rel=1e-4)  # nine times the half
    middle = np.sort(draws.effect[:, 0, 1])[(len(draws) - 1) // 2]
    root = (np.sqrt(0.5 * middle / 100) - 0.5) * 100  # of effect * half / (half + x)^2 = 1 per unit of money
    assert found.break_even.value == pytest.approx(root, rel=1e-4)
    assert found.chance_beyond == pytest.approx((draws.effect[:, 0, 1] < 450).mean(), abs=0.03)


@pytest.mark.parametrize("family", get_args(Family))
def test_at_the_points_the_curve_is_where_it_should_be(family: Family) -> None:
    market = handmade.market(periods=60)
    draws = handmade.draws(market, saturation=family)
    one = replace(
        draws,
        **{
            name: getattr(draws, name)[:1]
            for name in ("retention", "delay", "half", "slope", "effect", "level", "noise", "chain")
        },
    )
    window = window_of(market)
    asked = marginal_return_at(one, market, [1.7], window=window)[0, 0, 1]
    found = _points(market, one, asked)
    times = found.break_even.value / found.current
    assert marginal_return_at(one, market, [times], window=window)[0, 0, 1] == pytest.approx(asked, rel=1e-4)
    assert times >= 1.699
    flat = np.full_like(market.exposure, market.exposure[:, window.positions].mean(axis=1)[:, None])
    even, late = replace(market, exposure=flat), window_of(market, first=market.dates[20].item())
    top = outcome_at(one, even, [1e12], window=late)[0, 0, 1]
    at = outcome_at(one, even, [found.full.value / found.current], window=late)[0, 0, 1]
    assert at == pytest.approx(0.9 * top, rel=1e-3)


def test_the_last_crossing_is_found_where_a_curve_rises_first() -> None:
    roots = np.array([0.02, 1.0, 37.0])

    def above(times: np.ndarray) -> np.ndarray:
        return (times - roots / 10) * (roots - times)

    np.testing.assert_allclose(last_crossing(above, 3), roots, rtol=1e-5)
    assert (last_crossing(lambda times: -times, 2) == 0).all()
    assert np.isposinf(last_crossing(lambda times: times, 2)).all()


def test_a_channel_that_never_pays_and_one_that_always_does() -> None:
    market, draws = _even()
    assert _points(market, draws, 1e6).break_even.value == 0
    assert _points(market, draws, 1e6).chance_beyond == 1
    assert _points(market, draws, 1e-12).break_even.value == np.inf


def test_a_channel_without_spend_in_the_window_has_no_points() -> None:
    market = handmade.market(periods=60)
    spend = market.spend * [1.0, 0.0]
    silent = replace(market, spend=spend, exposure=spend)
    draws = replace(handmade.draws(market), exposure_scale=np.array([[100.0, 0.0]]))
    found = saturation_points(draws, silent, window=window_of(silent), threshold=np.ones(len(draws)))
    assert found[0] is not None
    assert found[1] is None


@pytest.mark.parametrize("half", [0.7, 1.0, 2.0])
def test_a_curve_that_pays_in_a_narrow_stretch_only_is_not_missed(half: float) -> None:
    """A steep S returns more than it costs between two spends; the upper one is the point."""
    market, draws = _even()
    x = np.linspace(0.01, 5 * half, 20_000)
    rise = np.gradient(x**3 / (half**3 + x**3), x)
    steep = {"slope": np.full_like(draws.slope, 3.0), "half": np.full_like(draws.half, half)}
    effect = np.full_like(draws.effect, 1.3 * 100 / rise.max())  # at its best 1.3 for 1
    found = _points(market, replace(draws, saturation="hill", effect=effect, **steep))
    pays = x[effect[0, 0, 0] * rise / 100 > 1][-1]
    assert found.break_even.value == pytest.approx(100 * pays, rel=0.001)
    assert found.chance_beyond == float(pays < 1)
