"""Geo tests on the command line: what one found, and where to run the next."""

from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING, Annotated, Any

import typer

from workbench.cli.data import printable
from workbench.cli.experiment import Folder, Json, experiment
from workbench.cli.measure import printed_table
from workbench.result import signed

if TYPE_CHECKING:
    from workbench.experiments.geo.analysis import GeoAnalysis
    from workbench.experiments.geo.markets import Markets
    from workbench.experiments.geo.plan import GeoTest
    from workbench.source import Tables


@experiment.command()
def markets(
    *,
    workspace: Folder,
    metric: Annotated[str, typer.Option(help="revenue, orders, or another sum of the dictionary.")] = (
        "revenue"
    ),
    sizes: Annotated[str, typer.Option(help="How many regions are treated, joined by commas.")] = "2,3,4",
    periods: Annotated[str, typer.Option(help="Days of the test, joined by commas.")] = "14,21,28",
    expected_return: Annotated[
        float | None, typer.Option(help="Of the metric for one unit of money: what the budget rests on.")
    ] = None,
    seed: Annotated[int, typer.Option(help="Of everything that is sampled.", min=0)] = 0,
    as_json: Json = False,
) -> None:
    """Say in which regions to run the next geo test, for how long, and what lift that finds."""
    from workbench.errors import NotEnoughData, UsageError
    from workbench.experiments.analysis.geo_views import next_geo_test
    from workbench.store import Workspace

    counts, lengths = _numbers(sizes, "--sizes"), _numbers(periods, "--periods")
    if expected_return is not None and not 0 < expected_return < float("inf"):
        raise UsageError(f"An expected return is a figure above 0, not {expected_return:g}.")
    tables = Workspace.open(workspace).tables()
    found = next_geo_test(
        tables, metric=metric, sizes=counts, periods=lengths, expected_return=expected_return, seed=seed
    )
    if found.markets is None:
        raise NotEnoughData(found.missing)
    if as_json:
        document = {"data_version": tables.version, **found.markets.to_document()}
        typer.echo(json.dumps(document, indent=1))
    else:
        typer.echo(_markets_text(found.markets))


def analyze_geo_test(test: GeoTest, tables: Tables, *, seed: int, version: int, as_json: bool) -> None:
    """Print what a geo test of the workspace found."""
    from workbench.experiments.analysis.geo_recorded import analyze_kept

    found = analyze_kept(test, tables, seed=seed)
    if as_json:
        document = {"name": test.name, "status": test.status, "data_version": version}
        typer.echo(json.dumps(document | found.to_document(), indent=1))
    else:
        typer.echo(_analysis_text(found))


def geo_figures(test: GeoTest, tables: Tables) -> dict[str, Any]:
    """Return what a decision on a geo test rests on in short."""
    from workbench.experiments.analysis.geo_recorded import analyze_kept

    found = analyze_kept(test, tables)
    document = found.to_document()
    winner = {"works": "treated", "harms": "control", "no effect": "control"}.get(found.verdict.finding, "")
    return {
        "sentence": found.sentence,
        "winner": winner or None,
        "blocked": not winner,
        **{name: document[name] for name in ("finding", "figures", "method", "level", "false_positive_rate")},
    }


def _analysis_text(found: GeoAnalysis) -> str:
    from workbench.experiments.inference.comparison import shown_p

    rows = found.to_frame().to_dict("records")
    lines = [
        [
            row["figure"],
            *(_shown(found, row["figure"], row[end]) for end in ("value", "low", "high")),
            "" if math.isnan(row["p"]) else shown_p(row["p"]),
        ]
        for row in rows
    ]
    table = printed_table(["figure", "value", f"{found.placebo.level:.0%} from", "to", "p"], lines)
    days = f"Days: {found.test.start} to {found.test.end}. Method: {found.found.method}, {found.lift.method}."
    checks = [f"{'holds' if check.passed else 'fails'}: {check.says}" for check in found.checks]
    notes = [f"- {note}" for note in found.notes]
    said = [[found.sentence], [days], table.split("\n"), checks, notes]
    return "\n\n".join("\n".join(printable(line) for line in part) for part in said if part)


def _shown(found: GeoAnalysis, figure: str, value: float) -> str:
    from workbench.result import format_value

    if math.isinf(value):
        return "without end"
    if figure == "lift":
        return signed(value, ".2%")
    if figure == "iROAS":
        return format_value(value, "x")
    return format_value(value, "money", currency=found.currency) if found.currency else f"{value:,.1f}"


def _markets_text(found: Markets) -> str:
    lines = [
        [
            ", ".join(own.treated),
            f"{own.periods}",
            f"{own.lift:.1%}",
            f"{own.share:.1%}",
            "" if math.isnan(own.budget) else f"{own.budget:,.0f}",
        ]
        for own in found.sets
    ]
    table = printed_table(["regions", "days", "lift found", "share of all", "budget"], lines)
    wrong = (
        f"False alarms on the {sum(found.windows)} rehearsed windows, in which nothing happened: "
        f"{found.false_positives:.1%} where {1 - found.level:.0%} are promised."
    )
    return "\n\n".join([printable(found.sentence), printable(wrong), table])


def _numbers(text: str, option: str) -> tuple[int, ...]:
    from workbench.errors import UsageError

    try:
        found = tuple(int(part) for part in text.split(","))
    except ValueError:
        found = ()
    if not found or min(found) < 1 or max(found) > 1000 or len(found) > 20:
        raise UsageError(f"{option}: whole numbers from 1, joined by commas, not {text!r:.80}.")
    return found
