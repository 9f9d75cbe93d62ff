"""Uplift: whether a model tells who is moved, and what each tenth of the people did."""

from __future__ import annotations

from typing import Any

from workbench.charts.drawing import DataTable, Drawing, Nothing
from workbench.charts.shapes import dots, spec_of, tooltip, unit_axis, values
from workbench.charts.tables import figure, tabulate
from workbench.charts.theme import colour
from workbench.experiments.uplift.report import Uplift
from workbench.result import MISSING, format_value

_ENDS = {1: ", highest", 10: ", lowest"}


def qini(result: Uplift) -> Drawing | Nothing:
    """Return the Qini curve beside the line of random choice."""
    title = "Who is moved?"
    if result.missing or result.curve is None:
        return Nothing(title=title, reason=result.missing or "Not enough data: there is no curve.")
    found = f"Qini {result.qini.value:.3f} ({result.qini.low:.3f} to {result.qini.high:.3f})"
    return Drawing(
        finding=result.sentence
        if result.tells
        else "The model does not tell who is moved: do not choose by it whom to send to",
        subtitle="Additional buyers per user, when the users with the highest scores are treated first; "
        "grey: chosen at random",
        description=f"A curve over the share of users treated, beside a straight line. {result.sentence}",
        spec=_curve(result),
        table=uplift_deciles(result),  # type: ignore[arg-type]
        note=f"{found}, random scores {result.chance[0]:.3f} to {result.chance[1]:.3f}; AUUC "
        f"{result.auuc.value:.3f} ({result.auuc.low:.3f} to {result.auuc.high:.3f}). {result.learner}; each "
        "user is scored by a model that has not seen the user.",
    )


def uplift_deciles(result: Uplift) -> DataTable | Nothing:
    """Return what each tenth of the users did, by score."""
    if result.missing or not result.deciles:
        return Nothing(
            title="Tenths by score", reason=result.missing or "Not enough data: nobody was scored."
        )
    return tabulate(
        result.deciles,
        [
            figure("decile", "Tenth", "count"),
            figure("people", "Users", "count"),
            figure("held", "Held out", "count"),
            figure("predicted", "Predicted uplift", "pp"),
            figure("treated_rate", "Treated who bought", "%"),
            figure("held_rate", "Held out who bought", "%"),
            figure("uplift", "Uplift", "pp"),
            figure("low", "from", "pp"),
            figure("high", "to", "pp"),
        ],
        caption="Tenths of the users, the highest scores first",
    )


def uplift_by_decile(result: Uplift) -> Drawing | Nothing:
    """Return the uplift seen in each tenth of the users, with intervals."""
    table = uplift_deciles(result)
    if isinstance(table, Nothing):
        return table
    rows: list[dict[str, Any]] = [
        {
            "label": f"{row.decile}{_ENDS.get(row.decile, '')}",
            "value": row.uplift,
            "low": row.low,
            "high": row.high,
            "said": format_value(row.uplift, "pp"),
            "interval": f"{format_value(row.low, 'pp')} to {format_value(row.high, 'pp')}"
            if row.low is not None
            else MISSING,
            "tone": "s1",
        }
        for row in result.deciles
    ]
    first, last = (rows[place]["said"] for place in (0, -1))
    return Drawing(
        finding=f"The tenth with the highest scores gained {first}, the tenth with the lowest {last}"
        + ("" if result.tells else ": that may be chance"),
        subtitle=f"Uplift in the share of buyers by tenth of scores, percentage points, with "
        f"{result.level * 100:g}% intervals; the line is the uplift of everybody",
        description="; ".join(f"tenth {row['label']}: {row['said']} ({row['interval']})" for row in rows)
        + ".",
        spec=dots(
            rows,
            unit="pp",
            mark_at=result.overall,
            height=24,
            tooltips=("Uplift", f"{result.level * 100:g}% interval"),
        ),
        table=table,
    )


def _curve(result: Uplift) -> dict[str, Any]:
    import altair as alt

    assert result.curve is not None  # noqa: S101 - its caller has seen to it
    last = float(result.curve.gain[-1])
    rows = [
        {
            "share": float(share),
            "gain": float(gain),
            "line": float(share) * last,
            "treated": format_value(float(share), "%"),
            "said": format_value(float(gain), "pp"),
            "random": format_value(float(share) * last, "pp"),
        }
        for share, gain in zip(result.curve.share, result.curve.gain, strict=True)
    ]
    axis = alt.Axis(title=None, format="~%", tickCount=5)
    base = alt.Chart(values(rows)).encode(
        x=alt.X("share:Q", axis=axis),
        tooltip=tooltip(("treated", "title"), ("said", "By score"), ("random", "At random")),
    )
    layers = [
        base.mark_line(color=colour("s6"), strokeDash=[4, 3], strokeWidth=1.5).encode(
            y=alt.Y("line:Q", axis=unit_axis("pp", grid=True))
        ),
        base.mark_line(color=colour("s1"), strokeWidth=2.5).encode(
            y=alt.Y("gain:Q", axis=unit_axis("pp", grid=True))
        ),
    ]
    return spec_of(alt.layer(*layers).properties(width=640, height=260))
