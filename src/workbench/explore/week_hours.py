"""Which hours of the week stand out among all 168, by how much weeks differ. Arrays in, arrays out."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.special import gammaincinv

Floats = NDArray[np.float64]
ENOUGH_ENGAGEMENTS = 1000
_SURE_DAYS = 28  # from here on weeks tell how much they differ


def dispersion(counts: Floats, hours: Floats) -> Floats:
    """Return how many times as much as single events each hour varies from week to week, at least 1.

    Whoever comes does several things at once, and a message sent once moves one hour of one week. What all
    hours tell together is the least for each, since its own few weeks tell little.
    """
    total, weeks = counts.sum(axis=0), (hours > 0).sum(axis=0)
    with np.errstate(divide="ignore", invalid="ignore"):
        even = np.nan_to_num(hours * total / hours.sum(axis=0))
        pace = counts.sum(axis=(1, 2)) / even.sum(axis=(1, 2))  # some weeks are busier in all hours
        weights = hours * np.nan_to_num(pace)[:, None, None]
        expected = np.nan_to_num(total * weights / weights.sum(axis=0))
        off = np.nan_to_num((counts - expected) ** 2 / expected).sum(axis=0)
        own = off / np.maximum(weeks - 1, 1)
    free = np.maximum(weeks - 1, 0).sum() - (hours.sum(axis=(1, 2)) > 0).sum() + 1
    return np.asarray(np.maximum(own, max(1.0, float(off.sum() / max(free, 1)))))


def surely(counts: Floats, people: Floats, hours: Floats) -> Floats:
    """Return the level that each hour of the week surely has; 0 where no more people than usual come.

    One person who comes every Monday at nine is no habit of an audience.

    Parameters
    ----------
    counts, people, hours : array, shape (weeks, 7, 24)
        Engagements, the people in them, and how many hours of each week, weekday and hour there are.
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        usual = np.nanmean(people.sum(axis=0) / hours.sum(axis=0))
    return np.where(_least(people, hours) > usual, _least(counts, hours), 0.0)


def _least(counts: Floats, hours: Floats) -> Floats:
    """Return the level that each hour of the week surely has, all hours judged at once (Bonferroni)."""
    times, total = dispersion(counts, hours), counts.sum(axis=0)
    if total.sum() / times.min() < ENOUGH_ENGAGEMENTS:  # so few that acted for themselves tell no hour
        return np.zeros_like(total)

    def low(count: Floats, present: Floats) -> Floats:
        end = times * gammaincinv(np.maximum(count, 1) / times, 0.05 / total.size)
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.asarray(np.nan_to_num(np.where(count > 0, end, 0.0) / present))

    if hours.sum() >= 24 * _SURE_DAYS:
        return low(total, hours.sum(axis=0))
    # Two or three weeks hardly tell how much weeks differ: an hour must stand out without its best one, too.
    with np.errstate(divide="ignore", invalid="ignore"):
        best = np.nan_to_num(counts / hours, nan=-1.0).argmax(axis=0)[None]
    count, present = (np.take_along_axis(table, best, axis=0)[0] for table in (counts, hours))
    return low(total - count, hours.sum(axis=0) - present)
