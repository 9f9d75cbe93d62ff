"""Where journeys go next: moves as bands between two columns, as wide as they are frequent."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from workbench.attribution.buying import Ways
from workbench.attribution.transitions import CONVERSION, NONE, OTHER, START, TransitionRow
from workbench.charts.drawing import Drawing, Nothing, coded, opened, shown
from workbench.charts.shapes import labels, spec_of, tooltip, values
from workbench.charts.tables import figure, tabulate, text
from workbench.charts.theme import colour
from workbench.result import format_value

_HEIGHT = 400.0  # of all bands together, in pixels
_SLOT = 17.0  # the least a node takes: its name has to be read
_GAP = 5.0
_NODE = 0.014  # of the width
_BENDS = (0.0, 0.15, 0.3, 0.42, 0.5, 0.58, 0.7, 0.85, 1.0)
_SMALLEST = 0.008  # of all moves; rarer ones would only hide the others
_SAID = {START: "Start", CONVERSION: "Order", NONE: "No order", OTHER: "Other"}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Node:
    """One end of bands: its name, and where it stands, in pixels from the top."""

    name: str
    count: int
    top: float
    size: float


def moves(result: Ways) -> Drawing | Nothing:
    """Return how often each touch follows each other one: bands from what was touched to what came next."""
    found = result.moves
    if result.missing or found is None or not found.rows:
        return Nothing(title="From touch to touch", reason=result.missing or "There is no journey.")
    everything = sum(row.count for row in found.rows)
    rows = [row for row in found.rows if row.count >= _SMALLEST * everything or row.target == CONVERSION]
    entered = {name: sum(row.count for row in found.rows if row.target == name) for name in found.names}
    names = sorted(found.names, key=lambda name: (name == OTHER, -entered[name], name))
    scale = _HEIGHT / (everything or 1)
    left = _column(found.rows, [START, *names], scale, of="source")
    right = _column(found.rows, [CONVERSION, *names, NONE], scale, of="target")
    height = max(node.top + max(node.size, _SLOT) for node in (*left.values(), *right.values()))
    bought = sum(row.count for row in found.rows if row.target == CONVERSION)
    ended = sum(row.count for row in found.rows if row.target in {CONVERSION, NONE})
    listed = "; ".join(f"{_said(row.source)} to {_said(row.target)} {row.count:,}" for row in rows[:12])
    return Drawing(
        finding=opened(found.sentence),
        subtitle="What was touched (left), and what came next (right); strong bands end in an order",
        description=f"Bands between two columns. The most frequent: {listed}.",
        spec=_bands(_ribbons(rows, left, right, scale), _marks(left, right), height=height),
        table=tabulate(
            [
                _Move(source=_said(r.source), target=_said(r.target), count=r.count, share=r.share)
                for r in found.rows
            ],
            [
                text("source", "From"),
                text("target", "To"),
                figure("count", "Moves", "count", bars=True, adds=True),
                figure("share", "Of all from there", "%"),
            ],
            caption="Moves from one touch to the next",
        ),
        note=f"{format_value(bought / ended, '%')} of {ended:,} journeys ended in an order. "
        + (
            f"{len(found.rows) - len(rows)} rarer moves are not drawn, but in the figures."
            if len(rows) < len(found.rows)
            else ""
        ),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Move:
    source: str
    target: str
    count: int
    share: float


def _said(name: str) -> str:
    return _SAID.get(name) or shown(coded(name), 60)


def _column(
    rows: Sequence[TransitionRow], names: Sequence[str], scale: float, *, of: str
) -> dict[str, _Node]:
    """Return the nodes of one column by name, from the top; names without a move are left out."""
    counts = {name: sum(row.count for row in rows if getattr(row, of) == name) for name in names}
    found: dict[str, _Node] = {}
    top = 0.0
    for name, count in counts.items():
        if count:
            found[name] = _Node(name=name, count=count, top=top, size=scale * count)
            top += max(scale * count, _SLOT) + _GAP
    return found


def _ribbons(
    rows: Sequence[TransitionRow], left: Mapping[str, _Node], right: Mapping[str, _Node], scale: float
) -> list[dict[str, Any]]:
    """Return the outline of each band: it leaves and arrives beside those above it."""
    places = {name: place for place, name in enumerate(right)}
    sources = {name: place for place, name in enumerate(left)}
    ends = {name: _inset(node) for name, node in right.items()}
    starts = {name: _inset(node) for name, node in left.items()}
    found = []
    for row in sorted(rows, key=lambda row: (sources[row.source], places[row.target])):
        size, begin, end = scale * row.count, starts[row.source], ends[row.target]
        starts[row.source] += size
        ends[row.target] += size
        for at in _BENDS:
            middle = begin + (end - begin) * at * at * (3 - 2 * at)
            found.append(
                {
                    "band": f"{sources[row.source]}-{places[row.target]}",
                    "x": round(_NODE + (1 - 2 * _NODE) * at, 4),
                    "top": round(middle, 1),
                    "bottom": round(middle + max(size, 0.8), 1),
                    "from": f"{_said(row.source)} → {_said(row.target)}",
                    "said": f"{row.count:,}",
                    "share": f"{format_value(row.share, '%')} of all from there",
                    "tone": "s1" if row.target == CONVERSION else "quiet",
                }
            )
    return found


def _inset(node: _Node) -> float:
    return node.top + max(0.0, (_SLOT - node.size) / 2)


def _marks(left: Mapping[str, _Node], right: Mapping[str, _Node]) -> list[dict[str, Any]]:
    found = []
    for side, nodes in (("left", left), ("right", right)):
        names = labels([_said(name) for name in nodes], 18)
        for label, node in zip(names, nodes.values(), strict=True):
            found.append(
                {
                    "side": side,
                    "label": f"{label} {node.count:,}",
                    "x": 0.0 if side == "left" else 1 - _NODE,
                    "x2": _NODE if side == "left" else 1.0,
                    "top": round(_inset(node), 1),
                    "bottom": round(_inset(node) + max(node.size, 1.0), 1),
                    "middle": round(node.top + max(node.size, _SLOT) / 2, 1),
                    "tone": {CONVERSION: "s1"}.get(node.name, "s6"),
                }
            )
    return found


def _bands(ribbons: list[dict[str, Any]], marks: list[dict[str, Any]], *, height: float) -> dict[str, Any]:
    import altair as alt

    y_scale = alt.Scale(domain=[0, round(height, 1)], range=[0, round(height, 1)], nice=False, zero=False)
    x_scale = alt.Scale(domain=[0, 1], nice=False)
    tones = ["s1", "s6", "quiet"]
    tone = alt.Color(
        "tone:N", legend=None, scale=alt.Scale(domain=tones, range=[colour(name) for name in tones])
    )

    def x(field: str) -> Any:
        return alt.X(f"{field}:Q", axis=None, scale=x_scale)

    def y(field: str) -> Any:
        return alt.Y(f"{field}:Q", axis=None, scale=y_scale)

    base = alt.Chart(values(ribbons)).encode(
        x=x("x"),
        y=y("top"),
        y2="bottom:Q",
        detail="band:N",
        color=tone,
        tooltip=tooltip(("from", "title"), ("said", "Moves"), ("share", "Share")),
    )
    drawn: dict[str, Any] = {"interpolate": "monotone", "stroke": colour("surface"), "strokeWidth": 0.6}
    quiet = base.transform_filter("datum.tone == 'quiet'").mark_area(**drawn, opacity=0.42)
    strong = base.transform_filter("datum.tone == 's1'").mark_area(**drawn, opacity=0.62)
    nodes = alt.Chart(values(marks))
    boxes = nodes.mark_rect(opacity=1).encode(x=x("x"), x2="x2:Q", y=y("top"), y2="bottom:Q", color=tone)
    words: dict[str, Any] = {
        "baseline": "middle",
        "fontSize": 12.5,
        "fontWeight": 600,
        "color": colour("ink"),
    }
    named = nodes.encode(y=y("middle"), text="label:N")
    left = named.transform_filter("datum.side == 'left'").mark_text(align="left", dx=7, **words)
    right = named.transform_filter("datum.side == 'right'").mark_text(align="right", dx=-7, **words)
    layers = (quiet, strong, boxes, left.encode(x=x("x2")), right.encode(x=x("x")))
    return spec_of(alt.layer(*layers).properties(width=640, height=round(height)))
