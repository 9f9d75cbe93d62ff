"""A fitted model as arrays and texts that can be kept, and back: the same to the last bit, and no pickle."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any

import numpy as np

from workbench.errors import BadInput
from workbench.mmm.draws import Draws
from workbench.mmm.fitted import Forecast, MixFit, ParameterHealth, SamplingHealth
from workbench.mmm.market import Market
from workbench.mmm.spec import MixSpec

Arrays = Mapping[str, np.ndarray[Any, Any]]
FORMAT = 1


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Archive:
    """What was learnt of a market, taken apart.

    Parameters
    ----------
    arrays : mapping of str to array
        The draws.
    texts : mapping
        All else, as JSON takes it.
    """

    arrays: Arrays
    texts: Mapping[str, Any]


def archive_of(fit: MixFit) -> Archive:
    """Return a fit taken apart; its spec and its market are kept on their own."""
    arrays, said = parts_of(fit.draws)
    health = {"divergences": fit.health.divergences, "draws": fit.health.draws}
    texts = {
        "format": FORMAT,
        "draws": said,
        "health": health | {"parameters": [_plain(asdict(one)) for one in fit.health.parameters]},
        "forecast": None if fit.forecast is None else _plain(asdict(fit.forecast)),
        "versions": [list(one) for one in fit.versions],
    }
    return Archive(arrays=arrays, texts=texts)


def fit_from(archive: Archive, spec: MixSpec, market: Market) -> MixFit:
    """Return the fit that was taken apart.

    Raises
    ------
    BadInput
        If a part is missing, or it is of another format.
    """
    texts = archive.texts
    try:
        if texts["format"] != FORMAT:
            raise BadInput("a fit of another format", value=texts["format"], expected=f"format {FORMAT}")
        health, forecast = texts["health"], texts["forecast"]
        return MixFit(
            spec=spec,
            market=market,
            draws=Draws(**_contiguous(archive.arrays), **texts["draws"]),
            health=SamplingHealth(
                parameters=tuple(ParameterHealth(**_numbers(one)) for one in health["parameters"]),
                divergences=health["divergences"],
                draws=health["draws"],
            ),
            forecast=None if forecast is None else Forecast(**_numbers(forecast)),
            versions=tuple((name, version) for name, version in texts["versions"]),
        )
    except (KeyError, TypeError) as error:
        raise BadInput(f"a part of the fit is missing ({error})", fix="Fit the run again.") from error


def market_parts(market: Market) -> tuple[Arrays, Mapping[str, Any]]:
    """Return the arrays of a market, and its labels as JSON takes them.

    Examples
    --------
    >>> one = np.ones((1, 1, 1))
    >>> market = Market(dates=np.array(["2024-01-01"], "M8[D]"), period="week", regions=("all",),
    ...     channels=("tv",), controls=(), outcome=one[0], spend=one, exposure=one, control=one[:, :, :0],
    ...     fingerprint="ab")
    >>> arrays, labels = market_parts(market)
    >>> labels["channels"], market_from(arrays, labels).dates
    (['tv'], array(['2024-01-01'], dtype='datetime64[D]'))
    """
    return parts_of(market)


def market_from(arrays: Arrays, labels: Mapping[str, Any]) -> Market:
    """Return the market of its arrays and labels."""
    told: dict[str, Any] = {
        name: tuple(one) if isinstance(one, list) else one for name, one in labels.items()
    }
    return Market(**_contiguous(arrays), **told)


def parts_of(value: Draws | Market) -> tuple[Arrays, dict[str, Any]]:
    """Return the arrays of a value by their fields, and its other fields as JSON takes them."""
    every = {one.name: getattr(value, one.name) for one in fields(value)}
    arrays = {name: one for name, one in every.items() if isinstance(one, np.ndarray)}
    rest = {name: list(one) if isinstance(one, tuple) else one for name, one in every.items()}
    return _contiguous(arrays), {name: one for name, one in rest.items() if name not in arrays}


def _contiguous(arrays: Arrays) -> dict[str, Any]:
    # Sums depend, in their last bit, on how an array lies in memory: one way for all.
    return {name: np.ascontiguousarray(one) for name, one in arrays.items()}


def _plain(values: dict[str, Any]) -> dict[str, Any]:
    unknown = [name for name, one in values.items() if isinstance(one, float) and not math.isfinite(one)]
    return {name: None if name in unknown else one for name, one in values.items()}


def _numbers(values: Mapping[str, Any]) -> dict[str, Any]:
    return {name: math.nan if one is None else one for name, one in values.items()}
