"""A bandit: how the next impressions are shared out, and what that saves over an equal split."""

from __future__ import annotations

from typing import Any

from workbench.charts.drawing import Column, DataTable, Drawing, Nothing, coded, more, shown
from workbench.charts.shapes import MOST_BARS, ROW_HEIGHT, labels, spec_of, tooltip, unit_axis, values
from workbench.charts.tables import figure, tabulate, text
from workbench.charts.theme import colour
from workbench.experiments.bandit.allocation import Allocation
from workbench.experiments.bandit.simulation import Regret
from workbench.result import format_value

_MOST_POINTS = 120
_REWARDS = {
    "clicks": "Clicks per impression",
    "conversions": "Conversions per impression",
    "revenue": "Revenue per impression",
}


def bandit_shares(result: Allocation) -> Drawing | Nothing:
    """Return each creative's share of the next impressions as a bar, and its chance to be best as a point."""
    if result.missing or not result.rows:
        return Nothing(
            title="Shares of the next impressions", reason=result.missing or "There are no creatives."
        )
    drawn = result.rows[:MOST_BARS]
    names = labels([coded(row.name) for row in drawn])
    points = [
        {
            "label": label,
            "share": row.share,
            "chance": row.chance,
            "said": format_value(row.share, "%"),
            "likely": format_value(row.chance, "%"),
        }
        for label, row in zip(names, drawn, strict=True)
    ]
    listed = "; ".join(f"{p['label']} {p['said']}, best with a chance of {p['likely']}" for p in points)
    left_out = len(result.rows) - len(drawn)
    rest = f"{more(left_out, 'in the figures')}. " if left_out else ""
    return Drawing(
        finding=_finding(result),
        subtitle="Share of the next impressions, %; points are chances to be best",
        description=f"One bar and one point per creative: {listed}.",
        spec=_bars(points),
        table=_share_table(result),
        note=shown(f"{coded(result.sentence)} {rest}{' '.join(result.caveats)}", 1000),
    )


def _finding(result: Allocation) -> str:
    top = result.rows[0]
    return f"{coded(shown(top.name, 40))} is best with a chance of {top.chance:.0%} and gets {top.share:.0%}"


def _bars(points: list[dict[str, Any]]) -> dict[str, Any]:
    import altair as alt

    base = alt.Chart(values(points)).encode(
        y=alt.Y(
            "label:N",
            sort=[point["label"] for point in points],
            title=None,
            axis=alt.Axis(grid=False, labelLimit=170),
        ),
        tooltip=tooltip(("label", "title"), ("said", "Share"), ("likely", "Chance to be best")),
    )
    scale = alt.Scale(domain=[0, 1])
    x = alt.X("share:Q", axis=unit_axis("%", grid=True), scale=scale)
    point = alt.X("chance:Q", axis=unit_axis("%", grid=True), scale=scale)
    layers = [
        base.mark_bar(size=14, color=colour("s1"), cornerRadiusEnd=3).encode(x=x),
        base.mark_point(filled=True, size=80, color=colour("s2"), opacity=1).encode(x=point),
    ]
    return spec_of(alt.layer(*layers).properties(width=640, height=max(2, len(points)) * ROW_HEIGHT))


def _share_table(result: Allocation) -> DataTable:
    title = _REWARDS[result.reward]
    success = "clicks" if result.reward == "clicks" else "conversions"
    return tabulate(
        result.rows,
        [
            text("name", "Creative"),
            figure("trials", "Impressions", "count"),
            figure("successes", success.capitalize(), "count"),
            figure("mean", title, result.unit),
            figure("low", "95% credible from", result.unit),
            figure("high", "to", result.unit),
            figure("chance", "Chance to be best", "%"),
            figure("share", "Share of the next", "%", bars=True),
        ],
        caption="Shares of the next impressions",
        currency=result.currency,
    )


def bandit_regret(result: Regret) -> Drawing | Nothing:
    """Return what the bandit and an equal split give up to the best creative, by impressions."""
    if result.missing:
        return Nothing(title="What is given up to the best creative", reason=result.missing)
    every = max(1, len(result.trials) // _MOST_POINTS)
    places = sorted({*range(0, len(result.trials), every), len(result.trials) - 1})
    series = {"Equal split": result.equal, "Bandit": result.bandit, "The floor alone": result.of_floor}
    rows = [
        {
            "trials": float(result.trials[place]),
            "value": float(lost[place]),
            "series": name,
            "said": format_value(float(lost[place]), "count"),
            "at": format_value(float(result.trials[place]), "count"),
        }
        for name, lost in series.items()
        for place in places
    ]
    ends = "; ".join(f"{name} {format_value(float(lost[-1]), 'count')}" for name, lost in series.items())
    return Drawing(
        finding=f"The bandit saves {result.saved:.0%} of what an equal split gives up",
        subtitle="Successes given up to the best creative, number, by impressions",
        description=f"Three lines over the impressions shown; at their end: {ends}.",
        spec=_curves(rows, list(series)),
        table=_regret_table(result, places),
        note=(
            f"{result.sentence} Mean of {result.runs} simulated games of seed {result.seed}: batches of "
            f"{format_value(result.batch, 'count')}, successes known {result.delay} batches late, a floor of "
            f"{format_value(result.floor, '%')}."
        ),
    )


def _curves(rows: list[dict[str, Any]], names: list[str]) -> dict[str, Any]:
    import altair as alt

    scale = alt.Scale(domain=names, range=[colour(tone) for tone in ("s2", "s1", "s6")])
    base = alt.Chart(values(rows)).encode(
        x=alt.X("trials:Q", axis=unit_axis("count")),
        y=alt.Y("value:Q", axis=unit_axis("count")),
        color=alt.Color("series:N", scale=scale, legend=alt.Legend(title=None, orient="top")),
        tooltip=tooltip(("series", "title"), ("at", "Impressions"), ("said", "Given up")),
    )
    layers = [base.mark_line(strokeWidth=2.4), base.mark_point(size=60, opacity=0)]
    return spec_of(alt.layer(*layers).properties(width=640, height=230))


def _regret_table(result: Regret, places: list[int]) -> DataTable:
    heads = ("Impressions", "Bandit", "Equal split", "The floor alone")
    columns = (result.trials, result.bandit, result.equal, result.of_floor)
    lines = [[float(column[place]) for column in columns] for place in places]
    return DataTable(
        caption="Successes given up to the best creative",
        columns=tuple(Column(label=head, number=True) for head in heads),
        rows=tuple(tuple(format_value(value, "count") for value in line) for line in lines),
        figures=tuple(
            dict(zip(("trials", "bandit", "equal", "of_floor"), line, strict=True)) for line in lines
        ),
    )
