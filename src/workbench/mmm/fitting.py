"""Fit a media mix model: build, compile, sample, and try it on periods it has not seen."""

from __future__ import annotations

from dataclasses import replace
from importlib.metadata import version
from typing import Any

import numpy as np

from workbench.errors import UsageError
from workbench.mmm.extra import missing_extra
from workbench.mmm.fitted import Forecast, MixFit
from workbench.mmm.forecast import forecast_of, kept_away
from workbench.mmm.market import Market
from workbench.mmm.posterior import draws_of, health_of
from workbench.mmm.sampling import OnProgress, Progress, compiled, data_of, quiet, sample
from workbench.mmm.scaling import scaling_of
from workbench.mmm.spec import MixSpec

_LIBRARIES = ("pymc-marketing", "pymc", "pytensor", "nutpie", "numba", "numpy")


def fit(spec: MixSpec, market: Market, *, on_progress: OnProgress | None = None) -> MixFit:
    """Return the posterior of a media mix model, how well it was sampled, and how it foretells.

    Parameters
    ----------
    spec : MixSpec
        What is asked.
    market : Market
        Checked arrays (`market.market_of`, `checks.check_market`).
    on_progress : callable, optional
        Told the stage and how much of it is done, several times a second, from another thread.

    Returns
    -------
    MixFit
        Also where the chains have not met: `MixFit.health` says so and the gates show it.

    Raises
    ------
    BadInput
        If a lift test does not fit the data.
    KeyboardInterrupt
        When interrupted.
    UsageError
        If the libraries that sample are not installed.

    Notes
    -----
    The same specification, seed and market give the same draws, bit by bit, on the same machine with the
    same libraries. The forecast is fitted to all but the last quarter (at most a fifth of the periods);
    only what outcome and exposure are scaled by has seen the whole.
    """
    if missing := missing_extra():
        raise UsageError(missing)
    tell = on_progress or _silent
    tell(Progress(stage="building"))
    from workbench.mmm.model import build  # PyMC takes seconds to import

    with quiet():
        model = build(spec, market).model
    tell(Progress(stage="compiling"))
    return sampled(compiled(model), model, spec, market, on_progress=on_progress)


def sampled(
    machine: Any, model: Any, spec: MixSpec, market: Market, *, on_progress: OnProgress | None = None
) -> MixFit:
    """Return the fit of a built model by one that was compiled for a market of the same shape."""
    data = data_of(model, machine)
    tree = sample(machine, spec.sampling, data=data, on_progress=on_progress)
    return MixFit(
        spec=spec,
        market=market,
        draws=draws_of(tree, spec, market, scaling_of(spec, market)),
        health=health_of(tree),
        forecast=_forecast(machine, data, spec, market, on_progress),
        versions=tuple((name, version(name)) for name in _LIBRARIES),
    )


def _forecast(
    machine: Any, data: dict[str, Any], spec: MixSpec, market: Market, on_progress: OnProgress | None
) -> Forecast | None:
    held = kept_away(market)
    if not held:
        return None
    periods = len(market.dates)
    kept = (np.arange(periods) < periods - held).astype(float)
    shorter = replace(spec.sampling, draws=max(spec.sampling.draws // 2, 1))
    tree = sample(machine, shorter, data=data | {"kept": kept}, stage="forecasting", on_progress=on_progress)
    draws = draws_of(tree, spec, market, scaling_of(spec, market))
    return forecast_of(draws, market, held=held, seed=spec.sampling.seed)


def _silent(progress: Progress) -> None:
    """Tell nobody."""
