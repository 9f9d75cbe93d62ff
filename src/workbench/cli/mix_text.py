"""What media mix runs, results and plans look like as JSON and as plain text."""

from __future__ import annotations

import math
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from workbench.cli.measure import printed_table
from workbench.result import signed

if TYPE_CHECKING:
    import pandas as pd

    from workbench.mmm.budget.plan import Plan
    from workbench.mmm.calibration import Calibration
    from workbench.mmm.comparison import RunComparison
    from workbench.mmm.estimate import Estimate
    from workbench.mmm.results import MixResults
    from workbench.mmm.run import MixRun


def run_document(run: MixRun) -> dict[str, Any]:
    """Return a run as JSON takes it, its id and its gates first."""
    document = run.to_document()
    first = {"run": run.id, "status": run.status, "trusted": run.trusted, "gates": document["gates"]}
    left_out = {"format", "id", "files", "gates", "status"}
    rest = {name: value for name, value in document.items() if name not in left_out}
    return first | {"sentence": run.sentence, "duration": run.duration} | rest


def run_lines(run: MixRun) -> list[str]:
    """Return what a reader of a run must know: its gates, its experiments, and what its data were like."""
    gates = [f"- {gate.status}: {gate.gate}. {gate.words}" for gate in run.gates]
    return [*gates, *(f"- {told}" for told in (*run.tests, *run.notes))]


def results_document(found: MixResults) -> dict[str, Any]:
    """Return results as JSON takes them; what is unknown or without an end is null."""
    return {
        "sentence": found.sentence,
        "outcome": found.outcome,
        "kind": found.kind,
        "currency": found.currency,
        "first": str(found.first),
        "last": str(found.last),
        "window": {"first": str(found.window.first), "last": str(found.window.last)},
        "outcome_total": found.outcome_total,
        "level": 0.94,
        "media": estimate_document(found.media),
        "roi": estimate_document(found.roi),
        "channels": rows_of(found.to_frame()),
    }


def results_text(found: MixResults) -> str:
    """Return results as plain text: the sentence, a row for each channel, and what follows for each."""
    lines = [
        [
            one.channel,
            f"{one.spend:,.0f}",
            one.outcome_share.said("%"),
            one.roi.said(),
            one.marginal_roi.said(),
        ]
        for one in found.channels
    ]
    head = ["channel", "spend", "share of outcome, 94% interval", "return", "return of the next unit"]
    return "\n".join([found.sentence, "", printed_table(head, lines), "", *found.sentences])


def calibration_document(found: Calibration) -> dict[str, Any]:
    """Return which experiments are used as JSON takes it."""
    return {
        "sentence": found.sentence,
        "experiments": [
            {
                "name": one.finding.source,
                "kind": one.finding.kind,
                "channel": one.finding.channel or None,
                "used": one.test is not None,
                "start": str(one.finding.start),
                "end": str(one.finding.end),
                "spend": plain(one.finding.spend),
                "caused": plain(one.finding.caused),
                "error": None if one.test is None else one.test.error,
                "share": plain(one.finding.share),
                "regions": list(one.finding.regions),
                "sentence": one.sentence,
            }
            for one in found.judged
        ],
    }


def comparison_document(found: RunComparison) -> dict[str, Any]:
    """Return what moved between two runs, and why, as JSON takes it."""
    return {
        "sentence": found.sentence,
        "channels": rows_of(found.to_frame()),
        "only_before": list(found.only_before),
        "only_after": list(found.only_after),
        "reasons": list(found.reasons),
    }


def comparison_text(found: RunComparison) -> str:
    """Return what moved between two runs as plain text."""
    unit = "x" if found.kind == "revenue" else ""  # conversions per unit of money are no multiple of it
    lines = [
        [one.channel, one.before.said(unit), one.after.said(unit), one.verdict] for one in found.channels
    ]
    head = ["channel", "return before, 94% interval", "return after", "verdict"]
    reasons = [f"- {reason}" for reason in found.reasons]
    return "\n".join([found.sentence, "", printed_table(head, lines), "", *reasons]).rstrip()


def plan_document(plan: Plan) -> dict[str, Any]:
    """Return a plan as JSON takes it: per channel now and then, and the gain with its interval."""
    shown = plan.projection
    return {
        "sentence": plan.sentence,
        "span": shown.span,
        "currency": shown.currency,
        "unit": shown.unit,
        "total": plan.total,
        "current_total": shown.current,
        "gain": estimate_document(plan.gain) | {"level": 0.94},
        "better": plan.better,
        "outcome_now": estimate_document(shown.outcome_now),
        "outcome_then": estimate_document(shown.outcome_then),
        "channels": rows_of(plan.to_frame()),
        "warnings": list(plan.warnings),
    }


def plan_text(plan: Plan) -> str:
    """Return a plan as plain text."""
    lines = [
        [
            row.channel,
            f"{row.current:,.0f}",
            f"{row.proposed:,.0f}",
            signed(row.change, ".0%"),
            row.outcome_now.said(),
            row.outcome_then.said(),
        ]
        for row in plan.rows
    ]
    head = ["channel", "current", "proposed", "change", "brings now, 94% interval", "brings then"]
    notes = [f"- {note}" for note in plan.warnings]
    return "\n".join([plan.sentence, "", printed_table(head, lines), *([""] if notes else []), *notes])


def estimate_document(one: Estimate) -> dict[str, Any]:
    """Return a figure with its interval as JSON takes it."""
    return {name: plain(value) for name, value in asdict(one).items()}


def rows_of(frame: pd.DataFrame) -> list[dict[str, Any]]:
    """Return the rows of a frame as JSON takes them."""
    return [{str(name): plain(value) for name, value in row.items()} for row in frame.to_dict("records")]


def plain(value: Any) -> Any:
    """Return a value as JSON takes it: figures without an end, or unknown, are null.

    Examples
    --------
    >>> plain(float("inf")), plain(2.5), plain("tv")
    (None, 2.5, 'tv')
    """
    own = value.item() if hasattr(value, "item") else value
    if own is None or isinstance(own, (bool, int, str)):
        return own
    if isinstance(own, float):
        return own if math.isfinite(own) else None
    return str(own)
