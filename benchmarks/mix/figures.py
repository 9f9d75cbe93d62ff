"""What is measured of a fit whose truth is known."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from workbench.mmm.budget.planning import optimise
from workbench.mmm.budget.question import BudgetQuestion
from workbench.mmm.budget.tabulation import response_table
from workbench.mmm.curves import contribution_totals, marginal_return_at
from workbench.mmm.draws import Draws
from workbench.mmm.fitted import MixFit, SamplingHealth
from workbench.mmm.simulation import SimulatedMarket
from workbench.mmm.window import window_of
from workbench.stats import hdi

BOUNDS = (0.5, 2.0)


def figures_of(simulated: SimulatedMarket, draws: Draws, health: SamplingHealth) -> list[dict[str, Any]]:
    """Return one row per channel: truth, interval and error of return, marginal return and share."""
    market, truth = simulated.market, simulated.truth
    money = market.spend.sum(axis=(0, 1))
    caused = contribution_totals(draws, market).sum(axis=1)
    returns = caused / money
    marginal = marginal_return_at(draws, market, [1.0], window=window_of(market))[:, 0]
    shares = np.median(caused / market.outcome.sum(), axis=0)
    gain = best_gain(simulated, draws, health)
    rows = []
    for place, name in enumerate(market.channels):
        row: dict[str, Any] = {"channel": name, "share_error": shares[place] - truth.share[place]}
        for label, found, actual in (
            ("roi", returns[:, place], truth.roi[place]),
            ("marginal", marginal[:, place], truth.marginal_roi[place]),
        ):
            low, high = hdi(found)
            row |= {
                f"{label}_true": actual,
                f"{label}_held": bool(low <= actual <= high),
                f"{label}_error": float(np.median(found) / actual - 1),
                f"{label}_width": float((high - low) / actual),
            }
        rows.append(
            row | gain | {"divergences": health.divergences, "r_hat": max(p.r_hat for p in health.parameters)}
        )
    return rows


def best_gain(simulated: SimulatedMarket, draws: Draws, health: SamplingHealth) -> dict[str, float]:
    """Return the gain of the proposed split over the current one, and that of the truly best."""
    truth = simulated.truth
    market = simulated.market
    spec = replace(simulated.spec, saturation=draws.saturation, adstock=draws.adstock)
    fit = MixFit(spec=spec, market=market, draws=draws, health=health, forecast=None, versions=())
    plan = optimise(response_table(fit), BudgetQuestion(within=BOUNDS, despite_gates=True))
    now = truth.outcome()
    best = truth.best_outcome(float(truth.current.sum()), lowest=BOUNDS[0], highest=BOUNDS[1])
    proposed = np.array([plan.split[name] for name in market.channels])
    earned = truth.outcome(proposed / truth.current)
    return {"gain": earned - now, "best_gain": best - now, "earned": earned, "best": best}
