"""Curves against pymc-marketing's own transformations: the one module here that imports it (slow)."""

from __future__ import annotations

from functools import cache
from importlib import import_module
from importlib.util import find_spec
from typing import Any, get_args

import numpy as np
import pytest
from tests.mmm import handmade

from workbench.mmm.curves import carried, shape
from workbench.mmm.spec import Saturation

pytestmark = pytest.mark.skipif(find_spec("pymc_marketing") is None, reason="pymc-marketing is not installed")
ROUNDS = range(5)


@cache
def _transformers() -> Any:
    return import_module("pymc_marketing.mmm.transformers")


def _named(values: np.ndarray, *dims: str) -> Any:
    from pytensor.xtensor import as_xtensor

    return as_xtensor(values, dims=dims)


@pytest.mark.parametrize("seed", ROUNDS)
def test_geometric_carry_over_is_theirs(seed: int) -> None:
    market = handmade.market(periods=20, seed=seed)
    draws = handmade.draws(market, count=4, seed=seed)
    for channel in range(2):
        scaled = market.exposure[0, :, channel] / draws.exposure_scale[0, channel]
        theirs = _transformers().geometric_adstock(
            _named(scaled, "date"),
            _named(draws.retention[:, channel], "draw"),
            l_max=draws.carry_over,
            dim="date",
            normalize=True,
        )
        expected = theirs.transpose("draw", "date").eval(mode="FAST_COMPILE")
        np.testing.assert_allclose(carried(draws, market, channel)[:, 0], expected, rtol=1e-10)


@pytest.mark.parametrize("seed", ROUNDS)
def test_delayed_carry_over_is_theirs(seed: int) -> None:
    market = handmade.market(periods=20, seed=seed)
    draws = handmade.draws(market, count=4, seed=seed, adstock="delayed")
    scaled = market.exposure[0, :, 1] / draws.exposure_scale[0, 1]
    theirs = _transformers().delayed_adstock(
        _named(scaled, "date"),
        _named(draws.retention[:, 1], "draw"),
        _named(draws.delay[:, 1], "draw"),
        l_max=draws.carry_over,
        dim="date",
        normalize=True,
    )
    expected = theirs.transpose("draw", "date").eval(mode="FAST_COMPILE")
    np.testing.assert_allclose(carried(draws, market, 1)[:, 0], expected, rtol=1e-9)


@pytest.mark.parametrize("kind", get_args(Saturation))
def test_saturation_is_theirs(kind: Saturation) -> None:
    rng = np.random.default_rng(3)
    x, half, slope = rng.uniform(0, 5, 200), rng.uniform(0.1, 4, 200), rng.uniform(0.4, 3, 200)
    x[:5] = 0
    theirs = {
        "michaelis-menten": lambda: _transformers().michaelis_menten(
            _named(x, "x"), alpha=_named(np.ones(200), "x"), lam=_named(half, "x")
        ),
        "logistic": lambda: _transformers().logistic_saturation(_named(x, "x"), _named(half, "x")),
        "hill": lambda: _transformers().hill_function(_named(x, "x"), _named(slope, "x"), _named(half, "x")),
    }[kind]()
    found = shape(kind, x, half, slope if kind == "hill" else 1.0)
    np.testing.assert_allclose(found, theirs.eval(mode="FAST_COMPILE"), rtol=1e-10, atol=1e-15)
