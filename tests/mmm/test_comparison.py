"""Two runs side by side: what moved, and every kind of reason found."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import numpy as np
import pytest
from tests.mmm import handmade

from workbench.errors import UsageError
from workbench.mmm.comparison import compare_runs
from workbench.mmm.fitted import MixFit
from workbench.mmm.spec import LiftTest, ReturnPrior, Sampling


def _with_prior(fit: MixFit, prior: ReturnPrior) -> MixFit:
    first = replace(fit.spec.channels[0], prior=prior)
    return replace(fit, spec=replace(fit.spec, channels=(first, *fit.spec.channels[1:])))


def _longer(fit: MixFit, periods: int) -> MixFit:
    market = handmade.market(periods=60 + periods)
    old = fit.market
    arrays = {}
    for name in ("outcome", "spend", "exposure", "control"):
        values = getattr(market, name).copy()
        values[:, :60] = getattr(old, name)
        arrays[name] = values
    return replace(fit, market=replace(market, **arrays, fingerprint="longer"))


def test_a_run_beside_itself_differs_in_nothing() -> None:
    fit = handmade.fitted()
    found = compare_runs(fit, fit)
    assert found.reasons == ()
    assert {one.verdict for one in found.channels} == {"same"}
    assert [one.chance_higher for one in found.channels] == pytest.approx([0.5, 0.5], abs=0.01)
    assert found.sentence == (
        "No return moved by more than the sampler's noise. "
        "Nothing was changed: question, data, seed and libraries are the same."
    )


def test_another_seed_is_noise_and_is_named() -> None:
    before = handmade.fitted()
    draws = handmade.draws(before.market, count=200, seed=9)
    health = replace(
        before.health, parameters=tuple(replace(one, bulk=200.0) for one in before.health.parameters)
    )
    after = replace(before, draws=draws, spec=replace(before.spec, sampling=Sampling(seed=2)), health=health)
    found = compare_runs(replace(before, health=health), after)
    assert {one.verdict for one in found.channels} == {"same"}
    assert found.sentence.endswith(
        "Question and data are the same; changed: sampling.seed is 2 instead of 1."
    )


def test_a_return_that_moved_is_said_with_its_probability_and_the_changed_prior() -> None:
    before = handmade.fitted()
    doubled = replace(before.draws, effect=before.draws.effect * [2.0, 1.0])
    after = _with_prior(replace(before, draws=doubled), ReturnPrior(median=3.0))
    found = compare_runs(before, after)
    assert [one.channel for one in found.moved] == ["tv"]
    move = found.moved[0]
    assert move.after.value == pytest.approx(2 * move.before.value)
    assert move.difference.value == pytest.approx(move.before.value)
    assert move.chance_higher > 0.95
    assert replace(move, chance_higher=199 / 200).sentence.endswith("with a probability of over 99%.")
    assert found.sentence.startswith("tv went up from ")
    assert "channels[tv].prior.median is 3.0 instead of none" in found.sentence
    down = compare_runs(after, before)
    assert down.moved[0].chance_higher == pytest.approx(1 - move.chance_higher)
    assert "tv went down from" in down.sentence


def test_a_small_move_is_within_what_both_allow_for() -> None:
    before = handmade.fitted()
    health = replace(
        before.health, parameters=tuple(replace(one, bulk=20_000.0) for one in before.health.parameters)
    )
    before = replace(before, health=health)
    bit = replace(before.draws, effect=before.draws.effect * [1.05, 1.0])
    found = compare_runs(before, replace(before, draws=bit))
    assert [one.verdict for one in found.channels] == ["within", "same"]
    assert found.sentence.startswith("No return moved by more than its interval allows for.")


def test_added_periods_and_revised_figures_are_counted_by_column() -> None:
    before = handmade.fitted()
    after = _longer(before, 4)
    outcome = after.market.outcome.copy()
    outcome[0, :3] *= 1.1
    spend = after.market.spend.copy()
    spend[0, 7, 1] += 1
    after = replace(after, market=replace(after.market, outcome=outcome, spend=spend, exposure=spend))
    found = compare_runs(before, after).data
    assert (found.added, found.removed) == (4, 0)
    assert [(one.column, one.cells, one.of) for one in found.revisions] == [
        ("the outcome", 3, 60),
        ("spend of search", 1, 60),
    ]
    assert found.revisions[0].total == pytest.approx(0.1 * 3 / 60, rel=0.2)
    assert "4 weeks were added" in compare_runs(before, after).sentence


def test_channels_of_one_run_only_are_named() -> None:
    before = handmade.fitted()
    after = handmade.fitted(handmade.market(periods=60, channels=3))
    found = compare_runs(before, after)
    assert found.only_after == ("social",)
    assert found.data.columns_added == ("social",)
    assert "channels[social] is new" in found.reasons
    assert "channels[social] is gone" in compare_runs(after, before).reasons
    assert [one.channel for one in found.channels] == ["tv", "search"]


def test_lift_tests_libraries_and_families_are_reasons() -> None:
    before = handmade.fitted()
    test = LiftTest(
        channel="tv",
        start=date(2023, 3, 6),
        end=date(2023, 4, 2),
        spend_change=100,
        outcome_change=150,
        error=40,
        source="spring",
    )
    spec = replace(before.spec.with_lift_tests((test,)), carry_over=6)
    after = replace(before, spec=spec, versions=(("pymc", "7"),))
    reasons = " | ".join(compare_runs(before, after).reasons)
    assert "lift_tests[tv 2023-03-06 spring] is new" in reasons
    assert "carry_over is 6 instead of 8" in reasons
    assert "pymc is 7 instead of 6" in reasons


def test_money_and_counts_are_not_compared() -> None:
    with pytest.raises(UsageError, match="kind is revenue in the first"):
        compare_runs(handmade.fitted(), handmade.fitted(kind="conversions"))


def test_regions_that_come_in_another_order_are_no_revision() -> None:
    fit = handmade.fitted(handmade.market(regions=3, periods=60))
    turned = replace(
        fit.market,
        regions=fit.market.regions[::-1],
        **{name: getattr(fit.market, name)[::-1] for name in ("outcome", "spend", "exposure", "control")},
    )
    draws = replace(
        fit.draws,
        exposure_scale=fit.draws.exposure_scale[::-1],
        **{
            name: getattr(fit.draws, name)[:, ::-1]
            for name in ("effect", "level", "season", "control_effect", "noise")
        },
    )
    found = compare_runs(fit, replace(fit, market=turned, draws=draws))
    assert not found.data.any
    np.testing.assert_allclose([one.difference.value for one in found.channels], 0, atol=1e-9)


def test_a_run_that_missed_a_gate_is_named_first() -> None:
    good, bad = handmade.fitted(), handmade.fitted(bad=True)
    found = compare_runs(good, bad).sentence
    assert found.startswith(
        "The later run missed a gate: The chains do not agree on the return of tv (roi[tv])"
    )
    assert compare_runs(bad, good).sentence.startswith("The earlier run missed a gate: ")


def test_conversions_per_unit_of_money_are_no_multiple_of_it() -> None:
    """A return of 0.0012 conversions would be read as "0.00x", and a probability of all draws as certain."""
    market = handmade.market(periods=60)
    few = handmade.draws(market, count=200)
    fits = [
        handmade.fitted(market, kind="conversions", draws=replace(few, effect=few.effect * times))
        for times in (0.001, 0.004)
    ]
    (first, *_) = compare_runs(*fits).channels
    assert first.verdict == "moved"
    assert "x" not in first.sentence
    assert "0.00 " not in first.sentence
    assert "over 99%" in first.sentence
