"""Which groups of geos are worth rehearsing as treated: alike ones, and ones that hold large and small."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from workbench.errors import UsageError
from workbench.experiments.geo.panel import Panel, Rows

CANDIDATES = 200


def candidate_groups(
    panel: Panel,
    sizes: Sequence[int],
    *,
    allowed: Rows,
    required: Rows,
    most: int = CANDIDATES,
    seed: int = 0,
) -> tuple[Rows, ...]:
    """Return different groups of geos, of each size about as many.

    Half of them are a geo and those that moved most like it, as GeoLift draws them; others hold one geo of
    each stratum of size, so that a group stands for the whole market.

    Parameters
    ----------
    panel : Panel
        Days on which none of the geos was treated.
    sizes : sequence of int
        How many geos a group has.
    allowed, required : ndarray of int
        Rows that may be treated, and those that are in every group.
    most : int
        Groups in all.
    seed : int
        Of the strata.

    Raises
    ------
    UsageError
        If a size has no room for the required geos, or there are not so many geos.
    """
    free = allowed[~np.isin(allowed, required)]
    for size in sizes:
        if not max(len(required), 1) <= size <= len(required) + len(free):
            raise UsageError(
                f"No group of {size}: {len(required)} geos are required and {len(free)} more may be treated."
            )
    alike = _alikeness(panel)
    rng = np.random.default_rng(seed)
    each = max(most // len(sizes), 1)
    found: dict[tuple[int, ...], None] = {}
    for size in sizes:
        own: dict[tuple[int, ...], None] = {}
        more = size - len(required)
        for seedling in _spread(free, each // 2) if more else [None]:
            own[_similar(alike, free, required, seedling, more)] = None
        for _ in range(4 * each):
            if len(own) >= each:
                break
            own[_stratified(panel, free, required, more, rng)] = None
        found |= own
    return tuple(np.array(rows, np.intp) for rows in found)


def _alikeness(panel: Panel) -> np.ndarray:
    """Return the correlations of all geos; a geo that never changes is like none."""
    apart = panel.values - panel.values.mean(1, keepdims=True)
    length = np.linalg.norm(apart, axis=1)
    scaled = apart / np.where(length > 0, length, 1.0)[:, None]
    found: np.ndarray = scaled @ scaled.T
    return found


def _spread(rows: Rows, count: int) -> list[int]:
    """Return so many of the rows, evenly drawn from all."""
    places = np.unique(np.linspace(0, len(rows) - 1, min(max(count, 1), len(rows))).astype(int))
    return [int(rows[place]) for place in places]


def _similar(
    alike: np.ndarray, free: Rows, required: Rows, seedling: int | None, more: int
) -> tuple[int, ...]:
    if seedling is None:
        return tuple(sorted(required.tolist()))
    by_likeness = free[np.argsort(-alike[seedling, free], kind="stable")]
    others = by_likeness[by_likeness != seedling][: more - 1]
    return tuple(sorted([*required.tolist(), seedling, *others.tolist()]))


def _stratified(
    panel: Panel, free: Rows, required: Rows, more: int, rng: np.random.Generator
) -> tuple[int, ...]:
    by_size = free[np.argsort(-panel.values[free].sum(1), kind="stable")]
    drawn = [int(rng.choice(stratum)) for stratum in np.array_split(by_size, more)] if more else []
    return tuple(sorted([*required.tolist(), *drawn]))
