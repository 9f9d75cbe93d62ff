"""The few shapes that charts are made of: data as rows, axes in their unit, dots with intervals.

A figure in a tooltip is a text formatted like the one in the table: a chart never says it in two ways.
"""

from __future__ import annotations

from calendar import timegm
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import date
from itertools import takewhile
from typing import TYPE_CHECKING, Any

from workbench.charts.drawing import shown
from workbench.charts.theme import HEAT, colour

if TYPE_CHECKING:
    import altair as alt

ROW_HEIGHT = 30
MOST_BARS = 15
_ROOM = 20  # letters that stand on an axis before it cuts a name
_TICKS = 6  # about so many on an axis of days
_FORMATS = {"%": "~%", "pp": "~%", "count": "~s", "money": "~s"}
_SHORT = "replace(format(datum.value, '~s'), 'G', 'B')"  # a billion is not a giga-euro


def values(rows: Iterable[Mapping[str, Any]]) -> alt.Data:
    """Return rows as the data of a chart."""
    import altair as alt

    return alt.Data(values=[dict(row) for row in rows])  # type: ignore[no-untyped-call]


def labels(names: Sequence[str], limit: int = 30, *, room: int = _ROOM) -> list[str]:
    """Return names short enough for an axis and told apart: those that begin alike, by where they differ.

    An axis has room for so many letters, a tooltip for up to the limit.

    Examples
    --------
    >>> labels(["Summer sale north", "Summer sale south", "b"], 12)
    ['Summer…north', 'Summer…south', 'b']
    >>> labels(["Autumn reach programme 36", "Autumn reach programme 37"])
    ['Autumn reach prog…36', 'Autumn reach prog…37']
    """
    begin = min(limit, room)
    alike: dict[str, set[str]] = {}
    for name in names:
        alike.setdefault(name[: begin - 2], set()).add(name)
    seen: dict[str, int] = {}
    found = []
    for name in names:
        others = alike[name[: begin - 2]]
        cut = _cut(name, others, begin) if len(name) > begin and len(others) > 1 else name
        text = shown(cut, limit) or "(no name)"
        seen[text] = seen.get(text, 0) + 1
        found.append(text if seen[text] == 1 else f"{text} ({seen[text]})")
    return found


def _cut(name: str, others: Collection[str], room: int) -> str:
    """Return the begin of a name and the words from which on it differs from others."""
    first, last = min(others), max(others)  # what these two begin with, all do
    same = sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(first, last, strict=False)))
    if any(other[same : same + 1].strip() for other in others):
        same = first.rfind(" ", 0, same) + 1  # words stay whole
    tail = name[same:].strip()[: room // 2]
    return f"{name[: room - 1 - len(tail)].rstrip()}…{tail.rstrip()}" if tail else name


def unit_axis(unit: str, **options: Any) -> alt.Axis:
    """Return an axis in a unit, without a title: the subtitle of the chart names the unit."""
    import altair as alt

    if unit in {"count", "money"}:
        return alt.Axis(title=None, labelExpr=_SHORT, tickCount=4, **options)
    return alt.Axis(title=None, format=_FORMATS.get(unit, ",.2~f"), tickCount=4, **options)


def day_axis(field: str = "day", **options: Any) -> alt.X:
    """Return a time axis of days that stay the same days in every time zone."""
    import altair as alt

    usual = {"format": "%-d %b", "labelSeparation": 10}
    axis = alt.Axis(title=None, labelOverlap="greedy", tickCount=_TICKS, **{**usual, **options})
    return alt.X(f"{field}:T", scale=alt.Scale(type="utc"), axis=axis)


def weeks_axis(days: Iterable[str], field: str = "day") -> alt.X:
    """Return a time axis whose ticks are Mondays, as weeks begin; left to itself it takes Sundays."""
    known = [date.fromisoformat(day) for day in sorted(set(days))]
    ticks = [day for day in known if day.weekday() == 0] or known
    kept = ticks[:: -(-len(ticks) // _TICKS) or 1]
    return day_axis(field, values=[1000 * timegm(day.timetuple()) for day in kept])


def tooltip(*pairs: tuple[str, str]) -> list[alt.Tooltip]:
    """Return a tooltip from (field, label) pairs; the label ``title`` stands above the others."""
    import altair as alt

    return [alt.Tooltip(f"{field}:N", title=label) for field, label in pairs]


def unit_in_words(unit: str, currency: str | None) -> str:
    """Return a unit as a subtitle names it; empty for money of an unknown currency.

    Examples
    --------
    >>> unit_in_words("money", "EUR"), unit_in_words("x", None), unit_in_words("h", None)
    ('EUR', 'times', 'h')
    """
    return {
        "money": currency or "",
        "%": "%",
        "pp": "percentage points",
        "x": "times",
        "count": "number",
    }.get(unit, unit)


def in_one_line(*parts: str) -> str:
    """Return the parts that say something, with commas between.

    Examples
    --------
    >>> in_one_line("Spend by day", "", "1–31 March 2025")
    'Spend by day, 1–31 March 2025'
    """
    return ", ".join(part for part in parts if part)


def dots(
    rows: Sequence[Mapping[str, Any]],
    *,
    unit: str,
    mark_at: float | None = None,
    height: int = ROW_HEIGHT,
    tooltips: tuple[str, str] = ("Value", "95% interval"),
    ends: tuple[float, float] | None = None,
) -> dict[str, Any]:
    """Return one dot per row with its interval, in the order given.

    Parameters
    ----------
    rows : sequence of mapping
        `label`, `value`, `low`, `high` (None where unknown), `tone` (a token of the theme), `said` and
        `interval` for the tooltip.
    unit : str
        Of the axis.
    mark_at : float, optional
        Where a hairline stands: a target, or the point of no gain.
    height : int
        Of a row, in pixels.
    tooltips : tuple of str
        What the dot and its bar are called.
    ends : tuple of (float, float), optional
        The first and last place of the axis, where intervals are cut by `reach.within_reach`.
    """
    import altair as alt

    order = [row["label"] for row in rows]
    tones = sorted({row["tone"] for row in rows})
    scale = alt.Scale(domain=tones, range=[colour(tone) for tone in tones])
    base = alt.Chart(values(rows)).encode(
        y=alt.Y("label:N", sort=order, title=None, axis=alt.Axis(grid=False, labelLimit=170)),
        color=alt.Color("tone:N", scale=scale, legend=None),
        tooltip=tooltip(("label", "title"), ("said", tooltips[0]), ("interval", tooltips[1])),
    )
    axis, reach = unit_axis(unit, grid=True), linear(ends)
    x = alt.X("value:Q", axis=axis, scale=reach)
    layers = [base.mark_point(filled=True, size=90, opacity=1).encode(x=x)]
    layers += arrows(base, axis=axis, scale=reach) if ends else []
    # An empty layer is a picture without a name to a screen reader.
    if any(row["low"] is not None and row["high"] is not None for row in rows):
        layers.insert(
            0,
            base.mark_rule(strokeWidth=5, opacity=0.32, strokeCap="round")
            .transform_filter("isValid(datum.low) && isValid(datum.high)")
            .encode(x=alt.X("low:Q", axis=axis, scale=reach), x2="high:Q"),
        )
    if mark_at is not None:
        layers.insert(0, _hairline(mark_at))
    return spec_of(alt.layer(*layers).properties(width=640, height=max(2, len(rows)) * height))


def linear(ends: tuple[float, float] | None) -> Any:
    """Return an axis from 0, or between given ends."""
    import altair as alt

    return alt.Scale(domain=list(ends), nice=True) if ends else alt.Scale(zero=True, nice=True)


def arrows(base: Any, *, axis: Any, scale: Any) -> list[Any]:
    """Return arrow heads at the ends that `reach.within_reach` has cut."""
    import altair as alt

    heads = [("before", "left", "low"), ("beyond", "right", "high")]
    return [
        base.mark_point(shape=f"triangle-{side}", filled=True, size=44, opacity=1)
        .transform_filter(f"datum.{told}")
        .encode(x=alt.X(f"{end}:Q", axis=axis, scale=scale))
        for told, side, end in heads
    ]


def _hairline(place: float) -> Any:
    import altair as alt

    line = alt.Chart(values([{"at": place}])).mark_rule(color=colour("muted"), strokeDash=[3, 3])
    return line.encode(x=alt.X("at:Q"))


def spec_of(chart: alt.TopLevelMixin) -> dict[str, Any]:
    """Return a chart as a specification without the configuration it would bring along."""
    # To validate each against the whole schema would take half the time of a page. Tests do it for all.
    found: dict[str, Any] = chart.to_dict(validate=False)
    found.pop("config", None)
    return found


def side_by_side(pictures: Sequence[alt.TopLevelMixin], columns: int) -> dict[str, Any]:
    """Return pictures as one specification; much quicker than a concatenation that copies all data."""
    parts = [spec_of(picture) for picture in pictures]
    datasets = {name: rows for part in parts for name, rows in part.pop("datasets", {}).items()}
    return {
        "$schema": parts[0]["$schema"],
        "columns": columns,
        "concat": [{key: value for key, value in part.items() if key != "$schema"} for part in parts],
        "datasets": datasets,
    }


def heat() -> alt.Scale:
    """Return the scale of four shades, light to strong."""
    import altair as alt

    return alt.Scale(domain=list(range(len(HEAT))), range=[colour(name) for name in HEAT])
