"""Results of a fit against sums by hand, and the words for them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from tests.mmm import handmade

from workbench.errors import UsageError
from workbench.mmm.curves import contributions, outcome_at
from workbench.mmm.results import results
from workbench.mmm.spec import Channel, ReturnPrior
from workbench.mmm.window import window_of


def test_figures_are_sums_of_the_draws() -> None:
    fit = handmade.fitted()
    found = results(fit)
    parts = contributions(fit.draws, fit.market)[:, 0].sum(axis=1)
    spend = fit.market.spend.sum(axis=(0, 1))
    for place, one in enumerate(found.channels):
        assert one.contribution.value == pytest.approx(parts[:, place].mean())
        assert one.roi.value == pytest.approx(parts[:, place].mean() / spend[place])
        assert one.roi.low < one.roi.value < one.roi.high
        assert one.spend == pytest.approx(spend[place])
        assert one.chance_paid == pytest.approx((parts[:, place] > spend[place]).mean())
    assert found.media.value == pytest.approx(parts.sum(axis=1).mean() / fit.market.outcome.sum())
    assert sum(one.media_share.value for one in found.channels) == pytest.approx(1)
    assert sum(one.spend_share for one in found.channels) == pytest.approx(1)


def test_the_marginal_return_is_that_of_one_more_percent_of_the_window() -> None:
    fit = handmade.fitted()
    window = window_of(fit.market)
    now, more = outcome_at(fit.draws, fit.market, [1.0, 1.0001], window=window).transpose(1, 0, 2)
    spend = fit.market.spend[:, window.positions].sum(axis=(0, 1))
    for place, one in enumerate(results(fit).channels):
        expected = (more - now)[:, place].mean() / (0.0001 * spend[place])
        assert one.marginal_roi.value == pytest.approx(expected, rel=1e-3)


def test_another_window_moves_the_next_unit_and_not_the_return() -> None:
    fit = handmade.fitted()
    window = window_of(fit.market, first=fit.market.dates[40].item())
    early, usual = results(fit, window=window), results(fit)
    assert early.window == window
    for one, other in zip(early.channels, usual.channels, strict=True):
        assert one.roi == other.roi
        assert one.marginal_roi != other.marginal_roi
        assert one.saturation is not None
        lately = fit.market.spend[0, 40:, fit.market.channels.index(one.channel)]
        assert one.saturation.current == pytest.approx(lately.mean())


def test_regions_add_up_to_the_whole() -> None:
    fit = handmade.fitted(handmade.market(regions=3, periods=60))
    found = results(fit)
    for one in found.channels:
        parts = [row for row in found.regions if row.channel == one.channel]
        assert len(parts) == 3
        assert sum(row.contribution.value for row in parts) == pytest.approx(one.contribution.value)
        assert sum(row.spend for row in parts) == pytest.approx(one.spend)
        lately = fit.market.spend[:, window_of(fit.market).positions].sum(axis=1)
        weights = lately[:, fit.market.channels.index(one.channel)]
        mean = np.average([row.marginal_roi.value for row in parts], weights=weights)
        assert mean == pytest.approx(one.marginal_roi.value)
    assert found.to_frame()["region"].notna().sum() == 6


def test_sentences_say_what_to_do_and_a_missed_gate_comes_first() -> None:
    good, bad = results(handmade.fitted()), results(handmade.fitted(bad=True))
    assert good.sentence.startswith("Media caused ")
    assert "the next €1 returns" in good.sentence
    assert bad.sentence.startswith("Do not decide on this model yet.")
    assert "roi[tv]" in bad.sentence
    assert len(good.sentences) == 2
    assert good.sentences[0].startswith("search")  # spends most


def test_a_channel_that_pays_is_told_to_grow_and_one_that_does_not_to_shrink() -> None:
    fit = handmade.fitted()
    strong = replace(fit.draws, effect=fit.draws.effect * [20.0, 1.0])
    found = results(replace(fit, draws=strong))
    said = found["tv"].in_words(kind="revenue", currency="EUR")
    assert "More spend brings more revenue than it costs (probability over 99%)" in said
    assert found["tv"].chance_next_pays == 1
    nearly = replace(found["tv"], chance_next_pays=199 / 200).in_words(kind="revenue", currency="EUR")
    assert "(probability over 99%)" in nearly, "99.5% is not rounded to 100%"
    assert "costs more than it brings" in found["search"].in_words(kind="revenue", currency="EUR")
    with pytest.raises(UsageError, match="search"):
        found["serch"]


def test_a_saturation_point_beyond_all_that_was_spent_says_so() -> None:
    fit = handmade.fitted()
    for strength, beyond in ((20.0, True), (2.2, False)):
        draws = replace(fit.draws, effect=fit.draws.effect * [strength, strength])
        found = results(replace(fit, draws=draws))["tv"]
        said, point = found.in_words(kind="revenue", currency="EUR"), found.saturation
        assert point is not None
        assert point.most_seen >= point.current
        assert (point.break_even.value > point.most_seen) is beyond
        assert ("it never had more than €" in said) is beyond


def test_a_return_that_is_what_was_believed_gives_no_advice() -> None:
    fit = handmade.fitted()
    returns = contributions(fit.draws, fit.market)[:, 0, :, 0].sum(axis=1) / fit.market.spend[..., 0].sum()
    logs = np.log(returns)
    believed = ReturnPrior(median=float(np.exp(logs.mean())), spread=float(logs.std()))
    media = (Channel(name="tv", prior=believed), fit.spec.channels[1])
    found = results(replace(fit, spec=replace(fit.spec, channels=media)))
    said = found["tv"].in_words(kind="revenue", currency="EUR")
    assert "what was believed beforehand. A test would tell" in said
    assert "probability" not in said
    assert " tv " not in found.sentence.split("Media caused")[1]


def test_without_spend_there_is_no_probability() -> None:
    market = handmade.market(regions=2, periods=60)
    spend = market.spend.copy()
    spend[0, :, 0] = 0.0
    found = results(handmade.fitted(replace(market, spend=spend, exposure=spend)))
    empty = next(one for one in found.regions if one.channel == "tv" and one.region == "region 0")
    assert np.isnan(empty.chance_next_pays)
    assert empty.chance_paid is not None
    assert np.isnan(empty.chance_paid)


def test_a_curve_that_rises_late_is_not_told_to_shrink_for_its_first_part() -> None:
    market = handmade.market(periods=60)
    steep = replace(
        handmade.draws(market, count=200, saturation="hill"),
        slope=np.full((200, 2), 4.0),
        half=np.full((200, 2), 4.0),
        effect=np.full((200, 1, 2), 20_000.0),
    )
    found = results(handmade.fitted(market, draws=steep))["search"]
    assert found.chance_next_pays < 0.1
    assert "its curve rises late" in found.in_words(kind="revenue", currency="EUR")


def test_conversions_have_a_cost_and_compare_with_the_average_of_media() -> None:
    found = results(handmade.fitted(kind="conversions"))
    average = found.roi.value
    for one in found.channels:
        assert one.cost is not None
        assert one.cost.low <= 1 / one.roi.value <= one.cost.high
        assert one.chance_paid is None
        assert one.threshold == pytest.approx(average)
    assert "per conversion" in found.sentence


def test_a_channel_without_spend_is_said_to_have_none() -> None:
    market = handmade.market(periods=60)
    spend = market.spend * [0.0, 1.0]
    silent = replace(market, spend=spend, exposure=spend)
    draws = replace(handmade.draws(market, count=200), exposure_scale=np.array([[1.0, 100.0]]))
    found = results(handmade.fitted(silent, draws=draws))
    assert found["tv"].in_words(kind="revenue", currency="EUR") == "tv spent nothing."
    assert found["tv"].learning is None
    assert found["search"].contribution.value > 0
    assert not found.to_frame().empty


def test_what_the_data_added_is_measured_against_the_prior() -> None:
    fit = handmade.fitted()
    before = results(fit)["tv"].learning
    assert before is not None
    assert before.spread_left < 0.3
    same = ReturnPrior(median=results(fit)["tv"].roi.value, spread=0.11)
    own = replace(fit.spec, channels=(Channel(name="tv", prior=same), Channel(name="search")))
    silent = results(replace(fit, spec=own))
    assert silent["tv"].learning is not None
    assert silent["tv"].learning.from_prior
    assert not silent.gates.passed
    assert "The data said nothing about tv" in silent.sentence


def test_hostile_names_are_escaped() -> None:
    fit = handmade.fitted()
    name = "<script>"
    market = replace(fit.market, channels=(name, "search"))
    spec = replace(fit.spec, channels=(Channel(name=name), Channel(name="search")))
    assert "<script>" not in results(replace(fit, market=market, spec=spec))._repr_html_()
