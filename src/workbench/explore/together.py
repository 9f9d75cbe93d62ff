"""Views that stand on one page, judged together: with each look, chance has one more."""

from __future__ import annotations

from dataclasses import replace
from typing import cast

from workbench.explore.kpis import KpiCards
from workbench.explore.shares import holm
from workbench.explore.trends import Trends


def together[*Views](*views: *Views) -> tuple[*Views]:
    """Return the same cards and trends, whose changes are told from chance where all of them are counted.

    Parameters
    ----------
    views : KpiCards or Trends
        What stands on one page, as `kpi_cards` and `trends` return it; any other view is returned as it is.

    Notes
    -----
    Each view is told at 5 % by itself, so that of four pages without any change one in ten tells one. Here a
    view is as sure as its smallest p, corrected for the others by Holm's method; its other p are corrected by
    the same factor. On a page without any change, at most one in twenty then tells any.

    References
    ----------
    Holm (1979), Scandinavian Journal of Statistics 6, 65-70.

    Examples
    --------
    >>> together("alone")
    ('alone',)
    """
    smallest = [_smallest(view) for view in views]
    factors = [
        1.0 if p is None else after / p if p and after else len(views)
        for p, after in zip(smallest, holm(smallest), strict=True)
    ]
    return cast("tuple[*Views]", tuple(map(_corrected, views, factors)))


def _smallest(view: object) -> float | None:
    """Return the p of the surest change of a view, all that it looks at counted; None where it has none."""
    known: list[float] = []
    if isinstance(view, Trends):
        told = [one for one in view.changes if one.p_value is not None]
        kinds = len({one.kind for one in told})
        known = [min((one.p_value or 0.0) * kinds, 1.0) for one in told]
    if isinstance(view, KpiCards):
        known = [card.change_p for card in view.cards if card.change_p is not None]
    return min(known, default=None)


def _corrected(view: object, factor: float) -> object:
    def times(p: float | None) -> float | None:
        return None if p is None else min(p * factor, 1.0)

    if isinstance(view, Trends):
        changes = tuple(replace(one, p_value=times(one.p_value)) for one in view.changes)
        return replace(view, changes=changes)
    if isinstance(view, KpiCards):
        return replace(view, cards=tuple(replace(card, change_p=times(card.change_p)) for card in view.cards))
    return view
