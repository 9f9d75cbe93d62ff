"""A fit that is taken apart and put together again is the same to the last bit."""

from __future__ import annotations

import io
import json
import math
from dataclasses import fields, replace
from typing import Any

import numpy as np
import pytest

from workbench.errors import BadInput
from workbench.mmm.archive import Archive, archive_of, fit_from, market_from, market_parts
from workbench.mmm.draws import Draws
from workbench.mmm.fitted import Forecast, MixFit, ParameterHealth, SamplingHealth
from workbench.mmm.market import Market
from workbench.mmm.spec import Channel, MixSpec

SPEC = MixSpec(
    name="weekly", outcome="revenue", channels=(Channel(name="tv"), Channel(name="<b>&'\u202e")), region="geo"
)


def hand_made(seed: int = 1, draws: int = 6, regions: int = 3, periods: int = 60) -> MixFit:
    """A fit that nobody sampled: every array has its shape and figures of its own."""
    rng = np.random.default_rng(seed)
    d, r, t, c, s, k = draws, regions, periods, 2, 4, 1
    market = Market(
        dates=np.datetime64("2023-01-02") + 7 * np.arange(t),
        period="week",
        regions=tuple(f"région {one}" for one in range(r)),
        channels=SPEC.channel_names,
        controls=("price",),
        outcome=rng.gamma(5, 100, (t, r)).T,  # as a transposed table lies in memory
        spend=rng.gamma(1, 50, (r, t, c)),
        exposure=rng.gamma(1, 50, (r, t, c)),
        control=rng.normal(size=(r, t, k)),
        fingerprint="ab" * 32,
    )
    posterior = Draws(
        adstock="delayed",
        saturation="hill",
        carry_over=8,
        retention=rng.uniform(size=(d, c)),
        delay=rng.uniform(size=(d, c)),
        half=rng.gamma(2, 1, (d, c)),
        slope=rng.gamma(2, 1, (d, c)),
        effect=rng.gamma(2, 9, (d, r, c)),
        exposure_scale=rng.gamma(2, 9, (r, c)),
        level=rng.normal(size=(d, r, t)),
        season=rng.normal(size=(d, r, s)),
        seasons=rng.normal(size=(t, s)),
        control_effect=rng.normal(size=(d, r, k)),
        control_mean=rng.normal(size=k),
        control_scale=rng.gamma(2, 1, k),
        noise=rng.gamma(2, 1, (d, r)),
        chain=np.repeat(np.arange(2), d // 2),
    )
    health = SamplingHealth(
        parameters=(
            ParameterHealth(name="roi[tv]", r_hat=1.001, bulk=812.3, tail=1e3 / 3),
            ParameterHealth(name="stuck", r_hat=math.nan, bulk=math.nan, tail=math.nan),
        ),
        divergences=2,
        draws=d,
    )
    forecast = Forecast(periods=13, model_error=1 / 3, naive_error=0.5, r2=-0.1, covered=0.9)
    return MixFit(
        spec=SPEC,
        market=market,
        draws=posterior,
        health=health,
        forecast=forecast,
        versions=(("pymc", "6.3.0"),),
    )


def back(arrays: Any) -> dict[str, Any]:
    """What a file gives back of arrays, without pickle."""
    file = io.BytesIO()
    np.savez(file, allow_pickle=False, **arrays)
    file.seek(0)
    with np.load(file, allow_pickle=False) as held:
        return {name: held[name] for name in held.files}


def through_files(fit: MixFit) -> MixFit:
    """What files give back of a fit: arrays without pickle, texts as JSON that every reader takes."""
    kept, (arrays, labels) = archive_of(fit), market_parts(fit.market)
    texts, told = (json.loads(json.dumps(one, allow_nan=False)) for one in (kept.texts, labels))
    market = market_from(back(arrays), told)
    return fit_from(Archive(arrays=back(kept.arrays), texts=texts), fit.spec, market)


def same(one: Any, two: Any) -> bool:
    """Return whether two values agree in every field, arrays to the last bit and NaN with NaN."""
    for own in fields(one):
        a, b = getattr(one, own.name), getattr(two, own.name)
        if isinstance(a, np.ndarray):
            if a.dtype != b.dtype or a.shape != b.shape or a.tobytes() != b.tobytes():
                return False
        elif repr(a) != repr(b):
            return False
    return True


@pytest.mark.parametrize("forecast", [True, False])
def test_a_fit_comes_back_to_the_last_bit(forecast: bool) -> None:
    fit = hand_made() if forecast else replace(hand_made(), forecast=None)
    found = through_files(fit)
    assert same(found.draws, fit.draws)
    assert same(found.market, fit.market)
    assert same(found.health, fit.health)
    assert repr(found.forecast) == repr(fit.forecast)
    assert found.versions == fit.versions
    assert len(found.draws) == 6
    # Sums depend in their last bit on how an array lies in memory: it lies the same way for every reader.
    again = through_files(found)
    assert again.market.outcome.strides == found.market.outcome.strides


def test_what_is_missing_or_of_another_format_is_named() -> None:
    fit = hand_made()
    whole = archive_of(fit)
    short = {name: one for name, one in whole.arrays.items() if name != "effect"}
    with pytest.raises(BadInput, match="effect"):
        fit_from(Archive(arrays=short, texts=whole.texts), SPEC, fit.market)
    with pytest.raises(BadInput, match="format"):
        fit_from(Archive(arrays=whole.arrays, texts={**whole.texts, "format": 9}), SPEC, fit.market)
