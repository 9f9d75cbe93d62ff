"""Paid media: what is spent each day, what is left of it the day after, and what it truly adds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from workbench.events.simulation.seasons import stream, weekday_of, yearly
from workbench.events.simulation.spec import ChannelTruth, MarketSpec

if TYPE_CHECKING:
    from numpy.typing import NDArray

_FLIGHT_DAYS = 14


@dataclass(frozen=True, slots=True, kw_only=True)
class Media:
    """Spend and effect, one row per channel and one column per day.

    Parameters
    ----------
    spend : array
        Money of the day.
    carried : array
        Spend with carry-over, its total kept.
    expected : array
        Expected incremental conversions of the day.
    """

    spend: NDArray[np.float64]
    carried: NDArray[np.float64]
    expected: NDArray[np.float64]


def carry(spend: NDArray[np.float64], carry_over: float) -> NDArray[np.float64]:
    """Return spend spread over the following days: (1 - c) * sum over k of c^k * spend of k days ago.

    Examples
    --------
    >>> carry(np.array([100.0, 0.0, 0.0]), 0.5)
    array([50. , 25. , 12.5])
    """
    carried = np.empty_like(spend)
    left = 0.0
    for day, amount in enumerate(spend):
        left = carry_over * left + (1 - carry_over) * amount
        carried[day] = left
    return carried


def response(channel: ChannelTruth, carried: NDArray[np.float64], scale: float = 1.0) -> NDArray[np.float64]:
    """Return the expected incremental conversions of days with such carried-over spend.

    Examples
    --------
    >>> from workbench.events.simulation.spec import PAID
    >>> search = PAID[0]
    >>> response(search, np.array([0.0, search.half_saturation])) / search.maximum
    array([0. , 0.5])
    """
    pressure = (carried / (scale * channel.half_saturation)) ** channel.shape
    return np.asarray(scale * channel.maximum * pressure / (1 + pressure))


def marginal(channel: ChannelTruth, carried: NDArray[np.float64], scale: float = 1.0) -> NDArray[np.float64]:
    """Return the further conversions of a further unit of steady spend, at such carried-over spend."""
    relative = carried / (scale * channel.half_saturation)
    slope = channel.shape * relative ** (channel.shape - 1) / (1 + relative**channel.shape) ** 2
    return np.asarray(channel.maximum / channel.half_saturation * slope)


def plan_media(spec: MarketSpec) -> Media:
    """Return the media plan of the market: flights of two weeks, some off, louder before Christmas."""
    rng = stream(spec, "media")
    flights = -(-spec.days // _FLIGHT_DAYS)
    spends = []
    for channel in spec.channels:
        level = rng.uniform(0.45, 1.55, flights)
        level[rng.random(flights) < 0.12] = 0.08  # nearly dark: without contrast no model can learn an effect
        level[-3:] = np.maximum(level[-3:], 0.7)  # every channel runs at the end, so that a report has a say
        flight = np.repeat(level, _FLIGHT_DAYS)[: spec.days]
        week = 1 + 0.12 * np.cos(2 * np.pi * (weekday_of(spec) - rng.integers(7)) / 7)
        day = flight * week * yearly(spec, 0.5) * rng.lognormal(-0.02, 0.2, spec.days)
        spends.append(np.round(channel.daily_spend * spec.scale * day / day.mean(), 2))
    spend = np.array(spends)
    carried = np.array([carry(row, c.carry_over) for row, c in zip(spend, spec.channels, strict=True)])
    expected = np.array([response(c, row, spec.scale) for row, c in zip(carried, spec.channels, strict=True)])
    return Media(spend=spend, carried=carried, expected=expected)
