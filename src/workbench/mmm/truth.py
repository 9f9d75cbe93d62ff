"""What is true of a simulated market: returns, contributions, the best budget, what an experiment would find.

Written apart from the model, so that a mistake in one is not a mistake in both.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import numpy as np
import numpy.typing as npt

from workbench.errors import UsageError, unknown_name
from workbench.mmm.calendar import LENGTH, Period
from workbench.mmm.spec import LiftTest, Saturation

Array = npt.NDArray[np.float64]
YEAR: dict[Period, int] = {"day": 364, "week": 52}
_STEPS = 400


@dataclass(frozen=True, slots=True, kw_only=True)
class SimulatedLift:
    """An experiment on a simulated market.

    Parameters
    ----------
    test : LiftTest
        What it found.
    outcome_change : float
        What it would have found without noise.
    """

    test: LiftTest
    outcome_change: float


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class MixTruth:
    """How a simulated market works: R regions, T periods, C channels, L lags.

    Parameters
    ----------
    channels, regions : tuple of str
        Their names.
    dates : array of datetime64[D], shape (T,)
        First day of every period.
    period : {'day', 'week'}
        How far two dates are apart.
    spend, exposure : array, shape (R, T, C)
        Money, and what drives the effect.
    weights : array, shape (C, L)
        Share of an exposure that works 0, 1, ... periods later; sums to one.
    saturation : str
        The family of the curve.
    half, slope : array, shape (R, C) and (C,)
        Carried exposure at half of the maximum (for the logistic curve: its rate), and Hill's exponent.
    effect : array, shape (R, C)
        The curve's maximum, outcome per period.
    baseline : array, shape (R, T)
        What would have come without any of the media, controls and season included.
    noise : array, shape (R,)
        Standard deviation of what is added to the expected outcome.
    """

    channels: tuple[str, ...]
    regions: tuple[str, ...]
    dates: npt.NDArray[np.datetime64]
    period: Period
    spend: Array
    exposure: Array
    weights: Array
    saturation: Saturation
    half: Array
    slope: Array
    effect: Array
    baseline: Array
    noise: Array

    @property
    def contribution(self) -> Array:
        """Return the outcome that each channel causes by region and period, shape (R, T, C)."""
        return self._response(carried(self.exposure, self.weights))

    @property
    def roi(self) -> Array:
        """Return the outcome per unit of spend over all periods and regions, shape (C,)."""
        return np.asarray(self.contribution.sum((0, 1)) / self.spend.sum((0, 1)))

    @property
    def regional_roi(self) -> Array:
        """Return the outcome per unit of spend over all periods, shape (R, C)."""
        return np.asarray(self.contribution.sum(1) / self.spend.sum(1))

    @property
    def share(self) -> Array:
        """Return each channel's part of the expected outcome over all periods and regions, shape (C,)."""
        caused = self.contribution.sum((0, 1))
        return np.asarray(caused / (caused.sum() + self.baseline.sum()))

    @property
    def window(self) -> slice:
        """Return the periods that budgets are compared on: the last year, or all where there are fewer."""
        return slice(max(0, len(self.dates) - YEAR[self.period]), len(self.dates))

    @property
    def current(self) -> Array:
        """Return the money spent in the window, shape (C,)."""
        return np.asarray(self.spend[:, self.window].sum((0, 1)))

    @property
    def marginal_roi(self) -> Array:
        """Return the outcome of the next unit of spend when the window's spend is scaled up, shape (C,)."""
        step = 1e-4
        more, less = self.by_channel(1 + step), self.by_channel(1 - step)
        return np.asarray((more - less) / (2 * step * self.current))

    def by_channel(self, multipliers: npt.ArrayLike) -> Array:
        """Return the outcome each channel causes in the window when its carried exposure is scaled.

        Parameters
        ----------
        multipliers : array_like, shape (C,)
            1 is what was spent.

        Returns
        -------
        array, shape (C,)
            Added up over the window and the regions.
        """
        scale = np.broadcast_to(np.asarray(multipliers, float), (len(self.channels),))
        inside = carried(self.exposure, self.weights)[:, self.window]
        return np.asarray(self._response(inside * scale).sum((0, 1)))

    def outcome(self, multipliers: npt.ArrayLike = 1.0) -> float:
        """Return the expected outcome of all media in the window when their spend is scaled."""
        return float(self.by_channel(multipliers).sum())

    def best_multipliers(self, total: float, *, lowest: float = 0.0, highest: float = np.inf) -> Array:
        """Return the multiples of the window's spend that earn most of all that cost `total`.

        The best division into 400 parts is found exactly, whatever the curves look like, and refined.

        Parameters
        ----------
        total : float
            Money for the window.
        lowest, highest : float
            Bounds of every multiple.

        Returns
        -------
        array, shape (C,)

        Raises
        ------
        UsageError
            If the total cannot be spent within the bounds.
        """
        from scipy.optimize import minimize

        current = self.current
        lower, upper = lowest * current, np.minimum(highest * current, total)
        if not lower.sum() <= total <= upper.sum() * (1 + 1e-9) or total <= 0:
            raise UsageError(f"A total of {total:,.0f} cannot be spent within these bounds.")
        start = self._divided(total, lower, upper)
        worth = self.outcome(start / current)
        found: Any = minimize(  # type: ignore[call-overload]
            lambda parts: -self.outcome(parts * total / current) / worth,
            start / total,
            method="SLSQP",
            bounds=list(zip(lower / total, upper / total, strict=True)),
            constraints={"type": "eq", "fun": lambda parts: parts.sum() - 1},
            options={"ftol": 1e-12, "maxiter": 200},
        )
        refined = np.clip(found.x, lower / total, upper / total)
        refined *= total / refined.sum()
        best = refined if self.outcome(refined / current) > worth else start
        return np.asarray(best / current)

    def best_outcome(self, total: float, *, lowest: float = 0.0, highest: float = np.inf) -> float:
        """Return the expected outcome of all media in the window under the best division of `total`."""
        return self.outcome(self.best_multipliers(total, lowest=lowest, highest=highest))

    def lift_test(
        self,
        channel: str,
        *,
        seed: int,
        change: float = 1.0,
        periods: int = 8,
        regions: tuple[str, ...] = (),
        error: float = 0.15,
    ) -> SimulatedLift:
        """Return what an experiment finds in the periods of the window in which the channel spends most.

        The data hold the market as it was with the test. Without it, `change` of the channel's spend in these
        regions and periods would not have been there: 1 is a test against nobody reached, 0.5 against half
        the spend, below zero against more. Only what was caused before its end counts.

        Parameters
        ----------
        channel : str
            The channel that is tested.
        seed : int
            Of the noise.
        change : float
            Part of the spend that was there because of the test.
        periods : int
            Its length.
        regions : tuple of str
            Where it runs; empty is everywhere.
        error : float
            Standard error, as a part of the true change.

        Raises
        ------
        UsageError
            If the channel or a region is not there, nothing is spent, or nothing is changed.
        """
        for kind, name, known in (
            ("channel", channel, self.channels),
            *(("region", one, self.regions) for one in regions),
        ):
            if name not in known:
                raise unknown_name(kind, name, known)
        column = self.channels.index(channel)
        rows = [self.regions.index(one) for one in regions] or list(range(len(self.regions)))
        money = self.spend[rows, :, column].sum(0)
        first = self._busiest(money, periods)
        spent = float(money[first : first + periods].sum())
        without = self.exposure.copy()
        without[rows, first : first + periods, column] *= 1 - change
        difference = self.contribution - self._response(carried(without, self.weights))
        caused = float(difference[rows, first : first + periods, column].sum())
        width = error * abs(caused)
        start: date = self.dates[first].astype(object)
        test = LiftTest(
            channel=channel,
            start=start,
            end=start + timedelta(days=periods * LENGTH[self.period] - 1),
            spend_change=change * spent,
            outcome_change=float(np.random.default_rng(seed).normal(caused, width)),
            error=width,
            regions=regions,
            source=f"simulated test of {channel}",
        )
        return SimulatedLift(test=test, outcome_change=caused)

    def _busiest(self, money: Array, periods: int) -> int:
        first = self.window.start
        sums = np.convolve(money[first:], np.ones(periods), "valid")
        if not len(sums):
            raise UsageError(f"A test of {periods} periods is longer than the last year of the data.")
        return int(first + sums.argmax())

    def _response(self, inside: Array) -> Array:
        return np.asarray(
            self.effect[:, None] * saturated(inside, self.half[:, None], self.slope, self.saturation)
        )

    def _divided(self, total: float, lower: Array, upper: Array) -> Array:
        """Return the best of all divisions of `total` into equal parts, by dynamic programming."""
        free = total - lower.sum()
        steps = np.arange(_STEPS + 1) * free / _STEPS
        ways = np.array([self.by_channel((lower + step) / self.current) for step in steps])
        ways[steps[:, None] > (upper - lower) * (1 + 1e-9) + 1e-9 * total] = -np.inf
        best, choices = ways[:, 0], []
        lag = np.arange(_STEPS + 1)[:, None] - np.arange(_STEPS + 1)
        for column in ways.T[1:]:
            sums = np.where(lag >= 0, best[np.maximum(lag, 0)] + column, -np.inf)
            choices.append(sums.argmax(1))
            best = sums.max(1)
        left, parts = _STEPS, []
        for chosen in reversed(choices):
            parts.append(int(chosen[left]))
            left -= parts[-1]
        return np.asarray(lower + np.array([left, *reversed(parts)]) * free / _STEPS)


def carried(exposure: Array, weights: Array) -> Array:
    """Return what works in each period of exposures now and before, shape (R, T, C).

    Parameters
    ----------
    exposure : array, shape (R, T, C)
        Nothing is taken to have been there before the first period.
    weights : array, shape (C, L)
        By lag.
    """
    works = np.zeros_like(exposure)
    for lag, weight in enumerate(weights.T[: exposure.shape[1]]):
        works[:, lag:] += weight * exposure[:, : exposure.shape[1] - lag]
    return works


def saturated(inside: Array, half: Any, slope: Any, family: Saturation) -> Array:
    """Return the height of the curve between 0 and 1.

    Michaelis-Menten ``x / (x + half)``; Hill ``x^slope / (x^slope + half^slope)``; logistic
    ``(1 - exp(-half x)) / (1 + exp(-half x))``.
    """
    if family == "logistic":
        return np.asarray(np.tanh(half * inside / 2))
    power = slope if family == "hill" else 1.0
    return np.asarray(inside**power / (inside**power + half**power))
