"""Response curves: the same numbers as the results, and the marks on them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from tests.mmm import handmade

from workbench.mmm.curves import contribution_totals, contributions
from workbench.mmm.response import response_curves
from workbench.mmm.results import results
from workbench.mmm.spec import Channel, ReturnPrior
from workbench.mmm.window import window_of


@pytest.mark.parametrize("regions", [1, 3])
def test_today_is_the_contribution_of_the_window_and_marks_are_those_of_the_results(regions: int) -> None:
    fit = handmade.fitted(handmade.market(regions=regions, periods=60))
    found, window = response_curves(fit), window_of(fit.market)
    totals = contribution_totals(fit.draws, fit.market, window=window).sum(axis=1).mean(axis=0)
    told = results(fit)
    for place, curve in enumerate(found.curves):
        assert curve.current.value * window.periods == pytest.approx(totals[place])
        assert curve.saturation == told[curve.channel].saturation
        at = np.interp(curve.saturation.current, curve.spend, curve.outcome)
        assert at == pytest.approx(curve.current.value, rel=1e-3)
        assert curve.outcome[0] == 0
        assert (np.diff(curve.outcome) > 0).all()
        assert (curve.low <= curve.outcome).all()
        assert (curve.outcome <= curve.high).all()


def test_the_range_ever_seen_is_that_of_stretches_as_long_as_the_window() -> None:
    fit = handmade.fitted(handmade.market(periods=60))
    curve = response_curves(fit).curves[1]
    spend = fit.market.spend[0, :, 1]
    means = [spend[start : start + 52].mean() for start in range(9)]
    assert curve.seen_low == pytest.approx(min(means))
    assert curve.seen_high == pytest.approx(max(means))
    assert curve.peak == spend.max()


def test_channels_without_spend_are_named_and_not_drawn() -> None:
    market = handmade.market(periods=60)
    spend = market.spend * [0.0, 1.0]
    fit = handmade.fitted(replace(market, spend=spend, exposure=spend), draws=handmade.draws(market))
    found = response_curves(fit)
    assert found.left_out == ("tv",)
    assert [curve.channel for curve in found.curves] == ["search"]
    assert len(found.to_frame()) == 26
    assert len(found.marks()) == 1


def test_the_sentence_says_who_is_beyond_and_a_missed_gate_comes_first() -> None:
    assert response_curves(handmade.fitted()).sentence.startswith("tv and search are beyond")
    assert response_curves(handmade.fitted(bad=True)).sentence.startswith("Do not decide")


def test_a_curve_that_is_a_belief_is_not_said_to_be_above_or_below_its_mark() -> None:
    fit = handmade.fitted()
    strong = replace(fit, draws=replace(fit.draws, effect=fit.draws.effect * 30))
    assert "tv and search are below" in response_curves(strong).sentence
    caused = contributions(strong.draws, strong.market)[:, 0, :, 0].sum(axis=1)
    logs = np.log(caused / strong.market.spend[..., 0].sum())
    prior = ReturnPrior(median=float(np.exp(logs.mean())), spread=float(logs.std()))
    media = (Channel(name="tv", prior=prior), strong.spec.channels[1])
    found = response_curves(replace(strong, spec=replace(strong.spec, channels=media)))
    assert [one.believed for one in found.curves] == [True, False]
    assert found.sentence.endswith(" search is below the spend at which more stops to pay.")
