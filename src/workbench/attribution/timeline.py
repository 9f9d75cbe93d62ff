"""What single buyers met on their way: every touch with its time, the gap to the next, and its credit."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from html import escape
from typing import TYPE_CHECKING, Literal

import numpy as np

from workbench.attribution.raking import Raking
from workbench.attribution.rules import Rule, weights
from workbench.attribution.sequences import Integers, Sequences
from workbench.attribution.windows import LookBack, lookback, within
from workbench.errors import NotEnoughData, UsageError
from workbench.result import format_value, html_table, told

if TYPE_CHECKING:
    import pandas as pd

Buyers = Literal["all", "new", "returning"]
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_DAY = 86_400.0


@dataclass(frozen=True, slots=True, kw_only=True)
class TimelineTouch:
    """One touch on the way to an order.

    Parameters
    ----------
    at : datetime
        When, UTC.
    touch : str
        The channel, or whatever tells touches apart.
    details : mapping of str to str
        What else is known of it: campaign, platform ...
    age : timedelta
        The time to the conversion.
    gap : timedelta
        The time to the next touch, or to the conversion.
    credit : mapping of str to float
        Its share of the conversion by model; all touches together have 1.
    """

    at: datetime
    touch: str
    details: Mapping[str, str]
    age: timedelta
    gap: timedelta
    credit: Mapping[str, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Timeline:
    """One conversion and the touches in the window before it; `returning` buyers converted before."""

    conversion_id: str
    user: str
    at: datetime
    value: float
    returning: bool
    touches: tuple[TimelineTouch, ...]

    @property
    def duration(self) -> timedelta | None:
        """Return the time from the first touch to the conversion."""
        return self.touches[0].age if self.touches else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Timelines:
    """Conversions, the newest first.

    Parameters
    ----------
    rows : tuple of Timeline
        One per conversion.
    attribute, window : str
        What tells touches apart, and how far back they were looked for.
    found : int
        How many conversions fit the search; `rows` holds the newest of them.
    currency : str, optional
        Of all values.
    """

    rows: tuple[Timeline, ...]
    attribute: str
    window: str
    found: int
    currency: str | None = None

    @property
    def sentence(self) -> str:
        """Return how many conversions are shown, and what lay before them."""
        if not self.rows:
            return "No conversion fits the search."
        touched = [row for row in self.rows if row.touches]
        shown = f"{len(self.rows):,} of {self.found:,} conversions" if len(self.rows) < self.found else "All"
        head = shown if shown != "All" else f"{self.found:,} conversion{'s' if self.found != 1 else ''}"
        if not touched:
            return f"{head}, none with a touch {within(self.window)} it."
        touches = float(np.mean([len(row.touches) for row in touched]))
        days = float(np.median([row.touches[0].age.total_seconds() / _DAY for row in touched]))
        without = len(self.rows) - len(touched)
        return (
            f"{head}: {touches:.1f} touches on average {within(self.window)}, half of the ways took "
            f"{format_value(days, 'days')} or less{f'; {without:,} had no touch' if without else ''}."
        )

    __repr__ = told

    def to_frame(self) -> pd.DataFrame:
        """Return one row per touch, and one per conversion without a touch."""
        import pandas as pd

        return pd.DataFrame([line for row in self.rows for line in _lines(row, self.attribute)])

    def _repr_html_(self) -> str:
        return f"<p>{escape(self.sentence)}</p>{html_table(self.to_frame())}"


def _lines(row: Timeline, attribute: str) -> list[dict[str, object]]:
    own = {
        "conversion_id": row.conversion_id,
        "user": row.user,
        "converted_at": row.at,
        "value": row.value,
        "buyer": "returning" if row.returning else "new",
    }
    if not row.touches:
        return [{**own, "place": 0, attribute: "(unattributed)"}]
    return [
        {
            **own,
            "place": place,
            attribute: touch.touch,
            **touch.details,
            "touched_at": touch.at,
            "days_before": touch.age.total_seconds() / _DAY,
            "days_to_next": touch.gap.total_seconds() / _DAY,
            **touch.credit,
        }
        for place, touch in enumerate(row.touches, start=1)
    ]


def timelines(
    found: Sequences,
    *,
    conversion_id: str | None = None,
    user: object = None,
    buyers: Buyers = "all",
    window: str | timedelta | LookBack | None = "30d",
    newest: int = 50,
    models: Mapping[str, Raking] | None = None,
) -> Timelines:
    """Return the timelines of single conversions, the newest first.

    Parameters
    ----------
    found : Sequences
        The journeys.
    conversion_id, user : optional
        Only this order, or only those of this user.
    buyers : {"all", "new", "returning"}
        Only first orders in the data, or only later ones.
    window : str, timedelta, LookBack or None
        How far back touches are looked for.
    newest : int
        How many conversions to return.
    models : mapping of str to Raking, optional
        Models that say totals only, with the multipliers that share them out.

    Raises
    ------
    NotEnoughData
        If there is no such order or user.
    UsageError
        If `buyers` is not one of the three, or `newest` is below 1.
    """
    if buyers not in ("all", "new", "returning") or newest < 1:
        raise UsageError("Buyers are all, new or returning, and at least one conversion is shown.")
    journeys = np.flatnonzero(found.converted & found.counted)
    if buyers != "all":
        journeys = journeys[found.returning[journeys] == (buyers == "returning")]
    if user is not None:
        journeys = journeys[found.user[found.starts[journeys]] == found.touchpoints.user_code(user)]
    if conversion_id is not None:
        journeys = journeys[np.isin(found.ends[journeys] - 1, _places_of(found, conversion_id))]
    latest = np.lexsort((journeys, found.instant[found.ends[journeys] - 1]))[::-1][:newest]
    back = lookback(window)
    return Timelines(
        rows=tuple(_timeline(found, int(some), back, models or {}) for some in journeys[latest]),
        attribute=found.touchpoints.attribute,
        window=str(back),
        found=len(journeys),
        currency=found.touchpoints.currency,
    )


def _places_of(found: Sequences, conversion_id: str) -> Integers:
    """Return the places of the conversions with this id."""
    import pyarrow as pa
    import pyarrow.compute as pc

    ids = found.touchpoints.conversion_ids
    same = np.zeros(0, np.int64)
    if ids is not None:
        same = np.flatnonzero(pc.equal(ids, pa.scalar(conversion_id)).to_numpy(zero_copy_only=False) == 1)
    if not len(same):
        raise NotEnoughData(f"There is no order {conversion_id[:80]!r} among the conversions.")
    rows = np.flatnonzero(found.touchpoints.touch < 0)[same]
    return np.flatnonzero(np.isin(found.rows, rows))


def _timeline(found: Sequences, journey: int, window: LookBack, models: Mapping[str, Raking]) -> Timeline:
    place, points = int(found.ends[journey]) - 1, found.touchpoints
    at = int(found.instant[place])
    places = np.arange(found.begins[journey], place)
    kept = ~found.converts[places] & (at - found.instant[places] <= window.micros)
    number = int((points.touch[: found.rows[place]] < 0).sum())
    id_ = points.conversion_ids[number].as_py() if points.conversion_ids is not None else None
    return Timeline(
        conversion_id=str(id_ or ""),
        user=points.user_id(int(found.user[place])),
        at=_EPOCH + timedelta(microseconds=at),
        value=float(found.value[place]),
        returning=bool(found.returning[journey]),
        touches=_touches(found, places[kept], at, models),
    )


def _touches(
    found: Sequences, places: Integers, at: int, models: Mapping[str, Raking]
) -> tuple[TimelineTouch, ...]:
    points, settings = found.touchpoints, found.settings
    ages = at - found.instant[places]
    names = [points.names[code] for code in found.touch[places]]
    direct = [name == settings.direct for name in names]

    def shares(rule: Rule) -> list[float]:
        made = weights(rule, ages, half_life=settings.half_life_micros, direct=direct)
        return [float(some) for some in made]

    credit = {rule.name: shares(rule) for rule in settings.rules}
    credit |= {name: [float(some) for some in model.shares(names)] for name, model in models.items()}
    details = {
        name: [column.names[code] for code in column.codes[found.rows[places]]]
        for name, column in points.attributes.items()
        if name != points.attribute
    }
    return tuple(
        TimelineTouch(
            at=_EPOCH + timedelta(microseconds=at - int(age)),
            touch=name,
            details={key: some[place] for key, some in details.items()},
            age=timedelta(microseconds=int(age)),
            gap=timedelta(microseconds=int(age - (ages[place + 1] if place + 1 < len(ages) else 0))),
            credit={model: some[place] for model, some in credit.items()},
        )
        for place, (name, age) in enumerate(zip(names, ages, strict=True))
    )
