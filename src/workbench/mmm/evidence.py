"""A market as checks look at it: channels and controls on one scale, and what the season explains."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from workbench.mmm.market import Market
from workbench.mmm.scaling import scaling_of
from workbench.mmm.spec import MixSpec

Array = npt.NDArray[np.float64]
_PAIRS = 2  # of yearly waves at least, even where the model has none


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Evidence:
    """What the checks are made on; N is regions times periods, regions one after the other.

    Parameters
    ----------
    spec, market : MixSpec, Market
        What they are made of.
    media : array, shape (N, C)
        Exposure per unit of a region's outcome, less the region's mean.
    controls : array, shape (N, K)
        Less each region's mean.
    calm : array, shape (T, S + 2)
        A one, a line, and the waves of the season.
    outcome : array, shape (T,)
        Of all regions.
    known : array, shape (T, J)
        Season, trend, controls, and media with half of each period's exposure carried on.
    left : array, shape (T,)
        What season, trend, controls and media do not explain of it by least squares.
    """

    spec: MixSpec
    market: Market
    media: Array
    controls: Array
    calm: Array
    outcome: Array
    known: Array
    left: Array

    @property
    def periods(self) -> int:
        """Return how many periods there are."""
        return len(self.market.dates)

    @property
    def year(self) -> int:
        """Return how many periods a year has."""
        return 52 if self.market.period == "week" else 364

    @property
    def spend(self) -> Array:
        """Return the money of all periods by channel, shape (C,)."""
        return np.asarray(self.market.spend.sum((0, 1)))

    def day(self, place: int) -> str:
        """Return the day on which a period begins."""
        return str(self.market.dates[place])


def evidence_of(spec: MixSpec, market: Market) -> Evidence:
    """Return a market made ready for its checks."""
    waves = scaling_of(replace(spec, seasonality=max(spec.seasonality, _PAIRS)), market).seasons
    periods = len(market.dates)
    calm = np.column_stack([np.ones(periods), np.linspace(-1, 1, periods), waves])
    size = market.outcome.mean(1)[:, None, None]
    outcome = market.outcome.sum(0)
    known = np.column_stack([calm, market.control.mean(0), _carried(market.exposure.sum(0))])
    return Evidence(
        spec=spec,
        market=market,
        media=_within(market.exposure / np.where(size > 0, size, 1.0)),
        controls=_within(market.control),
        calm=calm,
        outcome=outcome,
        known=known,
        left=without(outcome, known),
    )


def without(values: Array, known: Array) -> Array:
    """Return what columns do not explain of values, by least squares; shapes (T,) or (T, C), and (T, J)."""
    size = np.abs(known).max(0)
    scaled = known / np.where(size > 0, size, 1.0)
    fitted = scaled @ np.linalg.lstsq(scaled, values, rcond=1e-10)[0]
    return np.asarray(values - fitted)


def explained(values: Array, known: Array) -> float:
    """Return the share of the variance of values that columns explain, adjusted for their number."""
    spread = float(((values - values.mean()) ** 2).sum())
    rank = int(np.linalg.matrix_rank(known))
    if spread <= 0 or len(values) <= rank:
        return 0.0
    left = float((without(values, known) ** 2).sum())
    return 1 - (left / (len(values) - rank)) / (spread / (len(values) - 1))


def correlations(columns: Array) -> Array:
    """Return the correlations of columns, 0 where one does not vary, shape (J, J)."""
    centred = columns - columns.mean(0)
    length = np.sqrt((centred**2).sum(0))
    unit = centred / np.where(length > 1e-12 * np.maximum(np.abs(columns).max(0), 1e-300), length, np.inf)
    return np.asarray(np.clip(unit.T @ unit, -1, 1))


def _within(values: Array) -> Array:
    centred = values - values.mean(1, keepdims=True)
    return np.asarray(centred.reshape(values.shape[0] * values.shape[1], values.shape[2]))


def _carried(exposure: Array) -> Array:
    """Return exposure with half of it carried on from period to period."""
    works = exposure.copy()
    for place in range(1, len(works)):
        works[place] += 0.5 * works[place - 1]
    return works
