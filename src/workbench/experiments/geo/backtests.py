"""Rehearsals: the same test on windows in which nothing happened, for any groups of geos at once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from workbench.errors import NotEnoughData, UsageError
from workbench.experiments.geo.panel import Floats, Panel, Rows
from workbench.experiments.geo.placebo import placebo_sets, ranked
from workbench.experiments.geo.split import MIN_CONTROLS, MIN_PRE
from workbench.experiments.geo.synthetic_control import gaps_of

PLACEBOS = 100
_ENOUGH = 60  # placebo groups without a geo of the group that is judged

Bools = NDArray[np.bool_]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Backtests:
    """What placebo in space says of groups of geos on windows without a treatment.

    Parameters
    ----------
    groups : tuple of ndarray of int
        Rows of the panel.
    starts : tuple of int
        The first column of each window.
    periods : tuple of int
        Lengths of the test that were tried.
    att, critical, baseline : ndarray, shape (groups, starts, periods)
        The effect that was found though there was none, the size from which one is significant, and the mean
        of the group in the window, all per geo and period.
    """

    groups: tuple[Rows, ...]
    starts: tuple[int, ...]
    periods: tuple[int, ...]
    att: Floats
    critical: Floats
    baseline: Floats

    @property
    def false_positives(self) -> Bools:
        """Return where an effect was found though there was none."""
        return np.abs(self.att) > self.critical

    @property
    def needed(self) -> Floats:
        """Return the smallest lift that would have been found; infinite where none would.

        Each window counts twice, as it went and with its effect turned round, as chance might have it too:
        otherwise a group looks good that happened to go up.

        Returns
        -------
        ndarray, shape (groups, 2 * starts, periods)
        """
        base = np.where(self.baseline > 0, self.baseline, np.nan)
        both = np.concatenate([self.critical - self.att, self.critical + self.att], axis=1)
        lifts = np.maximum(both / np.concatenate([base, base], axis=1), 0.0)
        return np.where(np.isnan(lifts), np.inf, lifts)

    def power(self, lift: float | Floats) -> Floats:
        """Return the share of windows in which a lift would have been found, with its sign.

        Parameters
        ----------
        lift : float or ndarray, shape (lifts,)
            As a share.

        Returns
        -------
        ndarray, shape (groups, periods) or (lifts, groups, periods)
        """
        lifts = np.asarray(lift, float)
        shares: Floats = (self.needed <= lifts[..., None, None, None]).mean(axis=-2)
        return shares

    def at(self, places: Sequence[int]) -> Backtests:
        """Return some of the windows, by their places."""
        chosen = list(places)
        return replace(
            self,
            starts=tuple(self.starts[place] for place in chosen),
            att=self.att[:, chosen],
            critical=self.critical[:, chosen],
            baseline=self.baseline[:, chosen],
        )


def backtests(
    panel: Panel,
    groups: Sequence[Rows],
    *,
    starts: Sequence[int],
    periods: Sequence[int],
    donors: Rows | None = None,
    level: float = 0.95,
    seed: int = 0,
) -> Backtests:
    """Return what the test of placebo in space says of groups of geos in windows without a treatment.

    Parameters
    ----------
    panel : Panel
        Days on which none of the geos was treated.
    groups : sequence of ndarray of int
        Rows of each group that is taken as if it had been treated.
    starts, periods : sequence of int
        The first column of each window, and the lengths that are tried from there. All before is pre-period.
    donors : ndarray of int, optional
        Rows that may stand for a group; all if not given.
    level : float
        Of the test.
    seed : int
        Which placebo groups are drawn: `PLACEBOS` of each size, shared by all groups of that size, less those
        that hold one of its geos where enough are left.

    Raises
    ------
    UsageError
        If a window leaves the panel.
    NotEnoughData
        If so few donors are left that no test can be made.
    """
    longest = max(periods)
    if min(starts) < MIN_PRE or max(starts) + longest > len(panel.days):
        raise UsageError(f"A window from {min(starts)} to {max(starts) + longest} leaves the panel.")
    free = np.arange(len(panel.geos)) if donors is None else donors
    sizes = {len(rows) for rows in groups}
    if len(free) - max(sizes) < MIN_CONTROLS:
        raise NotEnoughData(
            f"{len(free)} geos may be controls, and {max(sizes)} would be treated: at least {MIN_CONTROLS} "
            "must be left."
        )
    banks = {
        size: placebo_sets(free, min(size, len(free) // 2), count=PLACEBOS, seed=seed + size)
        for size in sizes
    }
    apart = [_apart(rows, banks[len(rows)]) for rows in groups]
    shape = (len(groups), len(starts), len(periods))
    att, critical, baseline = np.empty(shape), np.empty(shape), np.empty(shape)
    for place, start in enumerate(starts):
        values = panel.values[:, : start + longest]
        scores = {
            size: _scored(gaps_of(values, pre=start, sets=bank, donors=free), start, periods)
            for size, bank in banks.items()
        }
        gaps = gaps_of(values, pre=start, sets=groups, donors=free)
        att[:, place], miss = _effects(gaps, start, periods)
        for row, rows in enumerate(groups):
            kept = scores[len(rows)][apart[row]]
            window = values[rows, start:].mean(0)
            for column, length in enumerate(periods):
                half = ranked(0.0, 1.0, kept[:, column], level=level)[1]
                critical[row, place, column] = half * miss[row]
                baseline[row, place, column] = window[:length].mean()
    return Backtests(
        groups=tuple(groups),
        starts=tuple(starts),
        periods=tuple(periods),
        att=att,
        critical=critical,
        baseline=baseline,
    )


def window_starts(periods: int, longest: int, *, most: int = 8) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Return where windows begin to choose by, and later ones that share no day with those, to check on.

    Parameters
    ----------
    periods : int
        How many there are before the test.
    longest : int
        The longest test.
    most : int
        So many windows of each kind at most.

    Raises
    ------
    NotEnoughData
        If there is no room for both.

    Examples
    --------
    >>> window_starts(90, 15, most=3)
    ((30, 37, 45), (60, 67, 75))
    """
    first, last = max(MIN_PRE, longest, periods // 3), periods - longest
    middle = (first + last - longest) // 2
    if middle <= first:
        need = 3 * longest + 2 * max(MIN_PRE, longest)
        raise NotEnoughData(
            f"{periods} period{'s are' if periods != 1 else ' is'} too few to rehearse a test of {longest} "
            f"on windows of their own: about {need} are needed. Plan a shorter test, or bring "
            "a longer history."
        )
    chosen, later = np.linspace((first, middle + longest), (middle, last), most).astype(int).T
    return tuple(np.unique(chosen).tolist()), tuple(np.unique(later).tolist())


def promised(needed: Floats, power: float, *, windows: int | None = None) -> Floats:
    """Return the lift that is found in the next window of the same kind with the given power.

    Of n windows the k-th smallest need is met by the next one with the chance k / (n + 1); infinite where n
    is too small to promise so much.

    Parameters
    ----------
    needed : ndarray, shape (..., needs)
        The lift that each window needed.
    power : float
        Between 0 and 1.
    windows : int, optional
        How many windows the needs come from, where each has several; as many as there are needs by default.

    References
    ----------
    David and Nagaraja (2003), Order Statistics, section 2.1.

    Examples
    --------
    >>> promised(np.array([0.04, 0.02, 0.05, 0.03]), 0.8).item(), promised(np.array([0.1, 0.2]), 0.8).item()
    (0.05, inf)
    """
    count = needed.shape[-1]
    share = power * (1 + 1 / (windows or count))
    if share > 1 + 1e-9:
        return np.full(needed.shape[:-1], np.inf)
    found: Floats = np.sort(needed, axis=-1)[..., max(int(np.ceil(share * count - 1e-9)) - 1, 0)]
    return found


def _apart(rows: Rows, bank: Sequence[Rows]) -> Bools:
    """Return which placebo groups hold none of the geos, or all where these are too few."""
    free = np.array([not np.isin(rows, own).any() for own in bank])
    return free if free.sum() >= min(_ENOUGH, len(bank) // 2) else np.ones(len(bank), bool)


def _effects(gaps: Floats, start: int, periods: Sequence[int]) -> tuple[Floats, Floats]:
    """Return the effects (groups, periods), and the typical miss before."""
    att = np.stack([gaps[:, start : start + length].mean(1) for length in periods], axis=1)
    return att, np.sqrt(np.square(gaps[:, :start]).mean(1))


def _scored(gaps: Floats, start: int, periods: Sequence[int]) -> Floats:
    att, miss = _effects(gaps, start, periods)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.abs(np.where(miss[:, None] > 0, att / miss[:, None], np.inf))
