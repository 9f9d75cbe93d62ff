"""Whether a holdout can be trusted: its checks, who was in it, and how often its method is wrong."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from workbench.charts.drawing import DataTable, Drawing, Nothing, coded, figures_of
from workbench.charts.shapes import MOST_BARS, dots, labels
from workbench.charts.tables import figure, tabulate, text
from workbench.experiments.holdout.balance import Trait
from workbench.experiments.holdout.errors import FalsePositives
from workbench.experiments.holdout.health import HoldoutHealth
from workbench.experiments.inference.comparison import shown_p
from workbench.explore.segments import named
from workbench.result import MISSING, format_value, signed

_VERDICTS = {"good": "good", "warning": "look", "bad": "bad", "unknown": "not known"}
_ALIKE = 0.1


def holdout_checks(result: HoldoutHealth) -> DataTable | Nothing:
    """Return the checks of a holdout, with what to do."""
    if result.missing or not result.checks:
        return Nothing(title="Can the holdout be trusted?", reason=result.missing or "Nothing was checked.")
    rows = [{"verdict": _VERDICTS[check.verdict]} for check in result.checks]
    made = tabulate(
        result.checks,
        [text("name", "Check"), text("found", "Found"), text("verdict", "Verdict"), text("says", "Meaning")],
        caption="Checks of the holdout",
    )
    place = [column.label for column in made.columns].index("Verdict")
    cells = tuple(
        tuple(_spoken(cell, result) for cell in (*cells[:place], row["verdict"], *cells[place + 1 :]))
        for cells, row in zip(made.rows, rows, strict=True)
    )
    return DataTable(
        caption=made.caption, columns=made.columns, rows=cells, figures=figures_of(result.checks)
    )


def holdout_balance(result: HoldoutHealth) -> Drawing | Nothing:
    """Return how far treated and held out users lay apart before, trait by trait."""
    title = "Were the sides alike?"
    if result.missing or result.balance is None or not result.balance.traits:
        return Nothing(
            title=title, reason=result.missing or "Not enough data: nothing is known of users before."
        )
    found = result.balance
    rows = [
        {
            "label": label,
            "value": trait.difference,
            "low": None,
            "high": None,
            "said": signed(trait.difference, ".3f"),
            "interval": MISSING,
            "tone": "bad" if abs(trait.difference) > _ALIKE and not found.balanced else "s1",
        }
        for label, trait in zip(
            labels([_begun(_trait(trait.name)) for trait in found.traits[:MOST_BARS]], 40),
            found.traits[:MOST_BARS],
            strict=True,
        )
    ]
    verdict = "were alike before" if found.balanced else "differed before the campaign"
    return Drawing(
        finding=f"Treated and held out users {verdict} (p {shown_p(found.p)}, {found.df} traits)",
        subtitle="Mean of the treated less that of the holdout, in standard deviations; the largest first",
        description="One dot per trait: " + "; ".join(f"{row['label']} {row['said']}" for row in rows) + ".",
        spec=dots(rows, unit="", mark_at=0.0, height=22, tooltips=("Difference", "Interval")),
        table=_with_names(found.traits),
        note="One test of all traits decides; single dots stray by chance, the more so in a small holdout.",
    )


def _with_names(traits: Sequence[Trait]) -> DataTable:
    made = tabulate(
        [replace(trait, name=_trait(trait.name)) for trait in traits],
        [
            text("name", "Trait"),
            figure("treated", "Treated", ""),
            figure("held", "Held out", ""),
            figure("difference", "Difference in standard deviations", ""),
        ],
        caption="Users before the campaign",
    )
    return replace(made, figures=figures_of(traits))


def holdout_errors(result: HoldoutHealth) -> Drawing | Nothing:
    """Return how often each method is wrong on these users before the campaign."""
    title = "How often the method is wrong"
    known = [error for error in result.errors if not error.missing]
    if result.missing or not known:
        why = "; ".join(error.missing for error in result.errors) or "nothing was measured"
        return Nothing(title=title, reason=result.missing or f"Not enough data: {why}.")
    rows = [_rate(error) for error in known]
    used = [error for error in known if error.used]
    kept = all(error.kept for error in used)
    promised = format_value(known[0].promised, "%")
    rates = " and ".join(f"{format_value(error.rate, '%')} of {error.outcome}" for error in used)
    return Drawing(
        finding=f"False alarms on these users before the campaign: {rates}, where {promised} is promised"
        + ("" if kept else ": more than it may be"),
        subtitle=f"Share of {known[0].times:,} random holdouts in which an effect was found where none can be"
        "; grey: a method that the report does not use here",
        description="One dot with interval per method: "
        + "; ".join(f"{row['label']} {row['said']} ({row['interval']})" for row in rows)
        + ".",
        spec=dots(rows, unit="%", mark_at=known[0].promised),
        table=tabulate(
            known,
            [
                text("outcome", "Outcome"),
                text("method", "Method"),
                figure("rate", "False alarms", "%"),
                figure("low", "from", "%"),
                figure("high", "to", "%"),
                figure("gains", "False gains", "%"),
                figure("losses", "False losses", "%"),
            ],
            caption="False alarms on what users bought before their first delivery",
        ),
        note="Half of the false alarms should be gains, half losses: "
        + "; ".join(
            f"{e.outcome} {format_value(e.gains, '%')} and {format_value(e.losses, '%')}" for e in used
        )
        + ".",
    )


def _trait(name: str) -> str:
    kind, _, value = name.partition(" ")
    return f"{kind} {named(value)}" if kind == "segment" else coded(name)


def _begun(text: str) -> str:
    return text[:1].upper() + text[1:]


def _spoken(text: str, result: HoldoutHealth) -> str:
    """Return a text with the traits in it named as people name them."""
    for trait in result.balance.traits if result.balance is not None else ():
        text = text.replace(trait.name, _trait(trait.name))
    return text


def _rate(error: FalsePositives) -> dict[str, Any]:
    return {
        "label": f"{error.outcome.capitalize()}, {error.method.removeprefix('the ')}",
        "value": error.rate,
        "low": error.low,
        "high": error.high,
        "said": format_value(error.rate, "%"),
        "interval": f"{format_value(error.low, '%')} to {format_value(error.high, '%')}",
        "tone": "s1" if error.used else "quiet",
    }
