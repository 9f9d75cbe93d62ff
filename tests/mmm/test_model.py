"""The model and the numpy that stands for it after the fit say the same, for every family."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from importlib.util import find_spec
from typing import Any

import numpy as np
import pytest
from scipy import stats

from workbench.errors import BadInput
from workbench.mmm.curves import contributions
from workbench.mmm.draws import Draws
from workbench.mmm.flighting import MarketSetting
from workbench.mmm.forecast import expected_outcome
from workbench.mmm.market import Market
from workbench.mmm.posterior import draws_of
from workbench.mmm.sampling import wanted
from workbench.mmm.scaling import scaling_of
from workbench.mmm.simulation import SimulatedMarket, simulate_market
from workbench.mmm.spec import LiftTest, MixSpec, ReturnPrior

pytestmark = pytest.mark.skipif(find_spec("pymc_marketing") is None, reason="pymc-marketing is not installed")
FAMILIES = [
    {},
    {"adstock": "delayed", "saturation": "hill", "trend": "varying"},
    {"saturation": "logistic", "trend": "none", "seasonality": 0},
]
NATIONAL = {"periods": 60}
REGIONAL = {"periods": 60, "regions": 3}
DAILY = {"periods": 370, "setting": MarketSetting(period="day")}  # beyond a New Year
CASES = [
    (FAMILIES[0], REGIONAL),
    (FAMILIES[2], DAILY),
    pytest.param(FAMILIES[1], NATIONAL, marks=pytest.mark.slow),
    *(
        pytest.param(families, kind, marks=pytest.mark.slow)
        for families, kind in ((FAMILIES[0], DAILY), (FAMILIES[1], REGIONAL), (FAMILIES[2], REGIONAL))
    ),
]


def believed(model: Any, names: list[str], count: int = 3) -> Any:
    """Return draws from the prior in the shape of a sampler's tree, evaluated by PyMC without compiling."""
    import pymc as pm
    import xarray as xr

    variables = [model[name] for name in names]
    found = pm.draw(variables, draws=count, random_seed=7, mode="FAST_COMPILE")
    data = {
        name: (("chain", "draw", *(variable.dims or ())), np.asarray(values)[None])
        for name, variable, values in zip(names, variables, found, strict=True)
    }
    return xr.DataTree.from_dict({"posterior": xr.Dataset(data)})


def build(spec: MixSpec, market: Market) -> Any:
    """Return a model; what makes it takes seconds to import, which no collection of tests needs."""
    from workbench.mmm import model

    return model.build(spec, market)


def drawn(spec: MixSpec, simulated: SimulatedMarket, *more: str) -> tuple[Draws, Any]:
    """Return draws from the prior of a model, and what the model itself says of them."""
    market = simulated.market
    model = build(spec, market).model
    tree = believed(model, [*wanted(model), *more])
    return draws_of(tree, spec, market, scaling_of(spec, market)), tree["posterior"]


@pytest.mark.parametrize(("families", "kind"), CASES, ids=str)
def test_draws_expect_what_the_model_expects(families: dict[str, Any], kind: dict[str, Any]) -> None:
    simulated = simulate_market(seed=5, channels=2, **kind)
    spec = replace(simulated.spec, **families)
    found, model = drawn(spec, simulated, "mu", "channel_contribution")
    scale = simulated.market.outcome.mean(axis=1)
    mu = model["mu"].transpose("chain", "draw", "region", "date").values[0] * scale[:, None]
    media = model["channel_contribution"].transpose("chain", "draw", "region", "date", "channel").values[0]
    assert expected_outcome(found, simulated.market) == pytest.approx(mu, rel=1e-8)
    assert found.level.shape[2] == {"none": 1, "linear": 2, "varying": mu.shape[2]}[spec.trend]
    assert contributions(found, simulated.market) == pytest.approx(
        media * scale[:, None, None], rel=1e-8, abs=1e-8 * float(scale.max())
    )


@pytest.mark.parametrize("regions", [1, 3])
def test_returns_are_what_contributions_give(regions: int) -> None:
    simulated = simulate_market(seed=6, periods=60, channels=2, regions=regions)
    found, model = drawn(simulated.spec, simulated)
    caused = contributions(found, simulated.market).sum(axis=(1, 2))
    returns = caused / simulated.market.spend.sum(axis=(0, 1))
    assert returns == pytest.approx(model["roi"].values[0], rel=1e-8)


def test_priors_of_returns_come_from_the_share_of_media_or_by_channel(simulated: SimulatedMarket) -> None:
    from workbench.mmm.priors import return_priors

    first, *others = simulated.spec.channels
    own = replace(first, prior=ReturnPrior(median=3.0, spread=0.2))
    spec = replace(simulated.spec, channels=(own, *others), media_share=0.25)
    median, spread = return_priors(spec, simulated.market)
    money, earned = simulated.market.spend.sum(), simulated.market.outcome.sum()
    assert (median[0], spread[0]) == (3.0, 0.2)
    assert median[1:] * money / earned == pytest.approx(0.25)


def test_a_lift_test_is_foretold_through_carry_over_and_saturation() -> None:
    simulated = simulate_market(seed=8, periods=60, channels=2)
    truth = simulated.truth
    lift = truth.lift_test("tv", seed=1, change=0.5, periods=4)
    spec = simulated.spec.with_lift_tests((lift.test,))
    found, model = drawn(spec, simulated, "lift")
    market = simulated.market
    first = int(np.flatnonzero(market.dates == np.datetime64(lift.test.start))[0])
    exposure = market.exposure.copy()
    exposure[:, first : first + 4, 0] *= 0.5
    without = contributions(found, replace(market, exposure=exposure))
    seen = (contributions(found, market) - without)[:, 0, first : first + 4, 0].sum(axis=1)
    assert model["lift"].values[0, :, 0] == pytest.approx(seen, rel=1e-8)


def test_a_holdout_of_few_people_sees_the_whole_effect_on_them_and_not_the_last_unit() -> None:
    simulated = simulate_market(seed=8, periods=60, channels=2)
    market = simulated.market
    spent = float(market.spend[0, 40:48, 0].sum())
    days = market.dates[[40, 47]].astype(object)
    tenth = 0.1
    # The table has what was spent although a tenth saw nothing.
    test = LiftTest(
        channel="tv",
        start=days[0],
        end=date.fromordinal(days[1].toordinal() + 6),
        spend_change=-tenth * spent / (1 - tenth),
        outcome_change=-1.0,
        error=1.0,
        share=tenth,
    )
    spec = simulated.spec.with_lift_tests((test,))
    found, model = drawn(spec, simulated, "lift")
    usual, nothing = market.exposure.copy(), market.exposure.copy()
    usual[0, 40:48, 0] /= 1 - tenth
    nothing[0, 40:48, 0] = 0
    lost = contributions(found, replace(market, exposure=usual)) - contributions(
        found, replace(market, exposure=nothing)
    )
    foretold = -tenth * lost[:, 0, 40:48, 0].sum(axis=1)
    assert model["lift"].values[0, :, 0] == pytest.approx(foretold, rel=1e-6)


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"start": date(2010, 1, 4), "end": date(2010, 2, 1)}, "the data go from"),
        ({"spend_change": 1e12}, "more than the table says"),
        ({"regions": ("north",)}, "which share of the market"),
    ],
)
def test_a_lift_test_that_does_not_fit_the_data_is_refused(change: dict[str, Any], told: str) -> None:
    simulated = simulate_market(seed=8, periods=60, channels=2)
    test = replace(simulated.truth.lift_test("tv", seed=1).test, **change)
    with pytest.raises(BadInput, match=told):
        build(simulated.spec.with_lift_tests((test,)), simulated.market)


def test_a_channel_that_spends_nothing_gives_no_missing_numbers() -> None:
    simulated = simulate_market(seed=9, periods=60, channels=2)
    market = simulated.market
    silent = replace(market, spend=market.spend * [1, 0], exposure=market.exposure * [1, 0])
    model = build(simulated.spec, silent).model
    tree = believed(model, [*wanted(model), "mu"])
    assert all(np.isfinite(one.values).all() for one in tree["posterior"].data_vars.values())


def test_other_periods_are_refused_in_words() -> None:
    from workbench.errors import UsageError
    from workbench.mmm.baseline import Baseline

    baseline = Baseline(trend="none", figures={}, regions=1, periods=60, per_year=52, centring=np.zeros(()))
    with pytest.raises(UsageError, match="periods it was built for"):
        baseline.set_data(None, None, None)


@pytest.mark.parametrize("weight", [0.0, 0.4, 1.0])
def test_the_belief_is_the_same_however_it_is_sampled(weight: float) -> None:
    import pymc as pm
    import pymc.dims as pmd

    from workbench.mmm.priors import Varied

    with pm.Model(coords={"region": ["a", "b"], "control": ["x"]}):
        pmd.Data("variation", np.array(0.5))
        own = Varied(regions=2, feature="control", centring=np.array([weight])).create_variable("gamma")
        drawn = pm.draw(own, draws=4000, random_seed=3, mode="FAST_COMPILE")[:, :, 0]
    rng = np.random.default_rng(4)
    wanted = rng.normal(0, 0.5, 40_000) + np.abs(rng.normal(0, 0.25, 40_000)) * rng.normal(size=40_000)
    assert stats.ks_2samp(drawn[:, 0], wanted).pvalue > 0.001
    apart = stats.ks_2samp(
        drawn[:, 0] - drawn[:, 1], np.abs(rng.normal(0, 0.25, 40_000)) * rng.normal(0, 2**0.5, 40_000)
    )
    assert apart.pvalue > 0.001
