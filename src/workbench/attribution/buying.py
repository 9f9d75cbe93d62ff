"""How people come to buy: frequent ways, how long they are, where they go next, and one touch by touch.

Words: a *way* is what a buyer met before an order; a *move* goes from one touch to the next.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from workbench.attribution.attributing import journeys_from
from workbench.attribution.crediting import credit_of, rakings
from workbench.attribution.lengths import Lengths, lengths
from workbench.attribution.paths import TopPaths, top_paths
from workbench.attribution.recorded import touchpoints
from workbench.attribution.sequences import Sequences, sequences
from workbench.attribution.timeline import Timelines, timelines
from workbench.attribution.transitions import Transitions, transitions
from workbench.attribution.views import UNTOUCHED
from workbench.attribution.windows import lookback, within
from workbench.errors import NotEnoughData
from workbench.result import shown, told

if TYPE_CHECKING:
    import pandas as pd

    from workbench.attribution.journeys import Journeys
    from workbench.attribution.raking import Raking
    from workbench.attribution.touchpoints import Touchpoints
    from workbench.source import Tables

MODELS_OF_TOTALS = ("markov", "shapley", "regression")  # beside the rules, on the timeline of one order
_LATEST, _SEVERAL = 50, 4


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Ways:
    """How people come to buy.

    Parameters
    ----------
    by, look_back : str
        What tells touches apart, and how far back they count.
    paths : TopPaths or None
        The most frequent ways.
    lengths : Lengths or None
        How long ways are, for all buyers, new and returning ones.
    moves : Transitions or None
        Where journeys go next.
    order : Timelines or None
        The one order shown touch by touch.
    currency : str or None
        Of all values.
    order_missing, missing : str
        Why there is no such order, and why there are no ways; empty where there are.
    """

    by: str
    look_back: str
    paths: TopPaths | None = None
    lengths: Lengths | None = None
    moves: Transitions | None = None
    order: Timelines | None = None
    currency: str | None = None
    order_missing: str = ""
    missing: str = ""

    @property
    def sentence(self) -> str:
        """Return how long ways are, or why that is not known."""
        return self.missing or (self.lengths.sentence if self.lengths else "")

    __repr__ = told
    _repr_html_ = shown

    def to_frame(self) -> pd.DataFrame:
        """Return the most frequent ways, one per row."""
        import pandas as pd

        return self.paths.to_frame() if self.paths else pd.DataFrame()


def ways(
    tables: Tables,
    *,
    by: str = "channel",
    window: str | None = None,
    look_back: str = "30d",
    top: int = 10,
    order: str | None = None,
) -> Ways:
    """Return how people come to buy; its `missing` says why that is not known.

    Parameters
    ----------
    tables : Tables
        The workspace.
    by : str
        What tells touches apart: ``"channel"``, ``"campaign"`` ...
    window : str, optional
        The days whose journeys count; all by default.
    look_back : str
        How far back touches count.
    top : int
        How many ways are listed.
    order : str, optional
        The id of the order to show touch by touch; by default one of the newest with several touches.

    Raises
    ------
    UsageError
        If an attribute or a window is unknown.
    """
    try:
        points = touchpoints(tables, by=by, window=window)
    except NotEnoughData as reason:
        return Ways(by=by, look_back=look_back, currency=tables.currency, missing=str(reason))
    return ways_of(points, look_back=look_back, top=top, order=order, currency=tables.currency)


def ways_of(
    points: Touchpoints,
    *,
    look_back: str = "30d",
    top: int = 10,
    order: str | None = None,
    currency: str | None = None,
) -> Ways:
    """Return the ways that touchpoints hold; as `ways`, which reads them from tables."""
    by = points.attribute
    nothing = Ways(by=by, look_back=look_back, currency=currency)
    if not points.provenance.touches:
        return replace(nothing, missing=UNTOUCHED)
    journeys = journeys_from(points, by=by, window=look_back)
    if not journeys.conversions > 0:
        return replace(nothing, missing="Not enough data: nobody bought, so no way leads to an order.")
    found = sequences(points, journeys.settings)
    shown, reason_not = _one_order(found, journeys, look_back, order)
    return Ways(
        by=by,
        look_back=str(lookback(look_back)),
        paths=top_paths(found, window=look_back, limit=top),
        lengths=lengths(journeys, window=look_back),
        moves=transitions(journeys),
        order=shown,
        currency=currency,
        order_missing=reason_not,
    )


def _one_order(
    found: Sequences, journeys: Journeys, look_back: str, order: str | None
) -> tuple[Timelines | None, str]:
    """Return the timeline of the order asked for, or the newest worth a look; else why there is none."""
    models = _sharers(journeys, look_back)
    try:
        latest = timelines(found, conversion_id=order, window=look_back, newest=_LATEST, models=models)
    except NotEnoughData as reason:
        return None, str(reason)
    if order is None:
        rows = sorted(latest.rows, key=lambda row: -min(len(row.touches), _SEVERAL))
        latest = replace(latest, rows=tuple(rows[:1]))
    if not latest.rows:
        return None, "There is no such order in the window."
    if not latest.rows[0].touches:
        name, before = latest.rows[0].conversion_id[:80], within(str(lookback(look_back)))
        return None, f"The order {name!r} has no touch {before} it."
    return latest, ""


def _sharers(journeys: Journeys, look_back: str) -> Mapping[str, Raking]:
    credit = credit_of(journeys, MODELS_OF_TOTALS, window=look_back, replicates=0)
    return {} if credit.missing else rakings(journeys, credit)
