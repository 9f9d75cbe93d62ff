"""Media mix figures derived a second time, by loops from the definitions, against what the room says.

Nothing of the room's own computing is used on this side: adstock and saturation as Jin et al. (2017) and Hill
(1910) define them, regions twenty times as large as others, a channel driven by impressions of a changing
price, and a region in which a channel spent nothing lately.
"""

from __future__ import annotations

from dataclasses import replace
from itertools import product

import numpy as np
import pytest
from tests.mmm import handmade

from workbench.mmm.budget import BudgetQuestion, optimise, profitable_budget
from workbench.mmm.budget.tabulation import response_table
from workbench.mmm.decomposition import decompose
from workbench.mmm.fit_figures import fit_figures
from workbench.mmm.fitted import MixFit
from workbench.mmm.response import response_curves
from workbench.mmm.results import results

FAMILIES = list(product(("michaelis-menten", "hill", "logistic"), ("geometric", "delayed")))
LAST = 18  # 70 weeks: the last 52 begin here


def _fit(saturation: str, adstock: str) -> MixFit:
    market = handmade.market(regions=3, periods=70, channels=2)
    spend = market.spend * np.array([20.0, 1.0, 0.05])[:, None, None]
    spend[1, LAST:, 0] = 0.0
    exposure = spend.copy()
    exposure[:, :, 1] *= 100 * np.exp(np.random.default_rng(0).normal(0, 0.3, (3, 70)))
    market = replace(market, spend=spend, exposure=exposure)
    draws = handmade.draws(market, count=12, saturation=saturation, adstock=adstock)  # type: ignore[arg-type]
    size = spend.mean(axis=1)[None] / 300 * np.array([4.0, 12.0])
    return handmade.fitted(market, draws=replace(draws, effect=draws.effect * size))


def _caused(fit: MixFit, times: float = 1.0) -> np.ndarray:
    """Return outcome by draw, region, week and channel, every week by itself."""
    draws, market = fit.draws, fit.market
    regions, weeks, channels = market.spend.shape
    found = np.zeros((len(draws), regions, weeks, channels))
    for draw, channel, region in product(range(len(draws)), range(channels), range(regions)):
        retention, delay = draws.retention[draw, channel], draws.delay[draw, channel]
        geometric = draws.adstock == "geometric"
        power = [lag if geometric else (lag - delay) ** 2 for lag in range(draws.carry_over)]
        weights = [retention**one / sum(retention**other for other in power) for one in power]
        seen = times * market.exposure[region, :, channel] / draws.exposure_scale[region, channel]
        x = np.convolve(seen, weights)[:weeks]
        half, slope = draws.half[draw, channel], draws.slope[draw, channel]
        if draws.saturation == "logistic":
            level = (1 - np.exp(-half * x)) / (1 + np.exp(-half * x))
        else:
            level = x**slope / (half**slope + x**slope)
        found[draw, region, :, channel] = draws.effect[draw, region, channel] * level
    return found


@pytest.mark.parametrize(("saturation", "adstock"), FAMILIES)
def test_returns_shares_and_decomposition_are_sums_over_weeks(saturation: str, adstock: str) -> None:
    fit = _fit(saturation, adstock)
    market, draws = fit.market, fit.draws
    caused = _caused(fit)
    found, curves = results(fit), {one.channel: one for one in response_curves(fit).curves}
    more, less = _caused(fit, 1.0001), _caused(fit, 0.9999)
    assert sum(one.media_share.value for one in found.channels) == pytest.approx(1)
    for place, one in enumerate(found.channels):
        money, lately = (market.spend[:, since:, place].sum() for since in (0, LAST))
        total = caused[..., place].sum(axis=(1, 2))
        assert one.roi.value == pytest.approx((total / money).mean())
        assert one.outcome_share.value == pytest.approx(total.mean() / market.outcome.sum())
        assert one.chance_paid == pytest.approx((total > money).mean())
        rise = (more - less)[:, :, LAST:, place].sum(axis=(1, 2)) / (0.0002 * lately)
        assert one.marginal_roi.value == pytest.approx(rise.mean(), rel=1e-4)
        assert one.chance_next_pays == pytest.approx((rise > 1).mean())
        today = caused[:, :, LAST:, place].sum(axis=(1, 2)).mean() / 52
        assert curves[one.channel].current.value == pytest.approx(today)
        assert curves[one.channel].saturation.current == pytest.approx(lately / 52)
    for one in found.regions:
        row, place = market.regions.index(one.region or ""), market.channels.index(one.channel)
        money = market.spend[row, :, place].sum()
        assert one.roi.value == pytest.approx((caused[:, row, :, place].sum(axis=1) / money).mean())
        assert one.marginal_roi.known == bool(market.spend[row, LAST:, place].any())
    scaled = (market.control[:, :, 0] - draws.control_mean) / draws.control_scale
    rest = draws.level + draws.season @ draws.seasons.T + draws.control_effect * scaled
    whole = rest.sum(axis=1) + caused.sum(axis=(1, 3))
    parts = decompose(fit)
    np.testing.assert_allclose(parts.fitted, whole.mean(axis=0))
    assert sum(one.share.value for one in parts.parts) == pytest.approx(1)
    assert parts.without_media.total.value == pytest.approx(rest.sum(axis=(1, 2)).mean())


@pytest.mark.parametrize(("saturation", "adstock"), [("michaelis-menten", "geometric"), ("hill", "delayed")])
def test_the_saturation_point_is_the_last_spend_whose_next_unit_returns_its_cost(
    saturation: str, adstock: str
) -> None:
    fit = _fit(saturation, adstock)
    times = np.geomspace(0.02, 50, 80)
    brought = np.stack([_caused(fit, one)[:, :, LAST:].sum(axis=(1, 2)) for one in times])
    for place, one in enumerate(results(fit).channels):
        money = fit.market.spend[:, LAST:, place].sum()
        rise = np.gradient(brought[..., place], times * money, axis=0)
        last = [np.flatnonzero(rise[:, draw] > 1) for draw in range(len(fit.draws))]
        points = np.sort([times[own[-1]] if len(own) else 0.0 for own in last]) * money / 52
        assert one.saturation is not None
        middle = points[(len(points) - 1) // 2]
        assert one.saturation.break_even.value == pytest.approx(middle, rel=0.12)


def test_figures_of_fit_by_their_definitions() -> None:
    """Zeros in the outcome leave MAPE and nothing else; Bayesian R2 is Gelman et al. (2019), eq. (3)."""
    fit = _fit("michaelis-menten", "geometric")
    outcome = fit.market.outcome.copy()
    outcome[:, 5] = 0.0
    fit = replace(fit, market=replace(fit.market, outcome=outcome))
    draws, market = fit.draws, fit.market
    scaled = (market.control[:, :, 0] - draws.control_mean) / draws.control_scale
    rest = draws.level + draws.season @ draws.seasons.T + draws.control_effect * scaled
    mean = (rest + _caused(fit).sum(axis=3)).sum(axis=1)
    actual = outcome.sum(axis=0)
    found = fit_figures(fit)
    left = actual - mean.mean(axis=0)
    assert found.r2 == pytest.approx(1 - (left**2).sum() / ((actual - actual.mean()) ** 2).sum())
    some = actual > 0
    assert found.zeros == 1
    assert "In periods that it has seen (1 without any outcome left out) it errs by" in found.sentence
    assert found.mape == pytest.approx(np.abs(left[some] / actual[some]).mean())
    spread = mean.var(axis=1, ddof=1)
    assert found.bayes_r2.value == pytest.approx((spread / (spread + (draws.noise**2).sum(axis=1))).mean())


@pytest.mark.parametrize("saturation", ["michaelis-menten", "hill"])
def test_the_best_split_beats_every_other_one_by_the_model_itself(saturation: str) -> None:
    """Two channels: all splits between the bounds are tried, with weeks computed one by one."""
    fit = _fit(saturation, "geometric")
    table = response_table(fit)
    plan = optimise(table, BudgetQuestion(within=(0.25, 2.5)))
    spend = fit.market.spend[:, LAST:].sum(axis=(0, 1))
    assert plan.total == pytest.approx(spend.sum())
    first = np.linspace(0.25, 2.5, 31)
    second = (spend.sum() - first * spend[0]) / spend[1]
    fits = (second >= 0.25) & (second <= 2.5)
    grid = np.linspace(0.25, 2.5, 28)
    by_grid = np.stack([_caused(fit, one)[:, :, LAST:].sum(axis=(1, 2)).mean(axis=0) for one in grid])
    brought = [
        np.interp(a, grid, by_grid[:, 0]) + np.interp(b, grid, by_grid[:, 1])
        for a, b in zip(first[fits], second[fits], strict=True)
    ]
    own = [np.interp(row.proposed / row.current, grid, by_grid[:, i]) for i, row in enumerate(plan.rows)]
    assert sum(own) >= max(brought) * 0.999
    assert plan.projection.outcome_now.value == pytest.approx(
        _caused(fit)[:, :, LAST:].sum(axis=(1, 2, 3)).mean(), rel=1e-4
    )
    pays = profitable_budget(table, BudgetQuestion(within=(0.25, 2.5)), worth=0.8)
    profit = 0.8 * by_grid - grid[:, None] * spend
    best = grid[profit.argmax(axis=0)]
    assert pays.plan.total == pytest.approx((best * spend).sum(), rel=0.1)
