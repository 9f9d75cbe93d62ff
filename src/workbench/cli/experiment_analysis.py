"""`workbench experiment analyze` and `decide`: what a test found, and what was made of it."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any, cast

import typer

from workbench.cli.data import printable
from workbench.cli.experiment import Folder, Json, Name, decided_document, experiment
from workbench.cli.experiment_geo import analyze_geo_test, geo_figures
from workbench.cli.taking import taking

if TYPE_CHECKING:
    from workbench.experiments.analysis.analysis import Analysis
    from workbench.experiments.analysis.finding import Finding
    from workbench.experiments.records.keeping import Decision, Kept
    from workbench.experiments.users.question import Several
    from workbench.source import Tables

_LONGEST = 40  # letters of a name in a table


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """The options of the command: its fields are what can be asked."""

    name: Name
    workspace: Folder
    metric: Annotated[
        list[str] | None,
        typer.Option(help="A further metric; the first one decides where the test was not defined here."),
    ] = None
    window: Annotated[str | None, typer.Option(help="30d, or FROM:TO, instead of the planned days.")] = None
    variants: Annotated[
        str, typer.Option(help="Of a test not defined here, the control first: old:0.9,new:0.1.")
    ] = ""
    several: Annotated[
        str,
        typer.Option(help="Users who saw several variants: exclude, first (count there), or refuse."),
    ] = "exclude"
    seed: Annotated[int, typer.Option(help="Of everything that is sampled.", min=0)] = 0
    as_json: Json = False


@experiment.command("analyze")
@taking(Asked)
def analyze(asked: Asked) -> None:
    """Say what a test found: effects, intervals, whether the split is sound, and what to do.

    A geo test is analysed once, after its end. Tests of which only the assignments were loaded are read,
    too, and what is taken for granted is said.
    """
    from workbench.cli.experiment_files import variants_of_option
    from workbench.errors import UsageError
    from workbench.experiments.analysis.analyzing import analyze as analyzed
    from workbench.experiments.analysis.asked import asked as planned
    from workbench.experiments.records.kept import kept_experiment
    from workbench.metrics.measuring import chosen
    from workbench.store import Workspace

    names, shares = variants_of_option(asked.variants) if asked.variants else ((), ())
    if asked.metric:
        chosen(asked.metric)  # a wrong name is said before anything is opened
    tables = Workspace.open(asked.workspace).tables()
    kept = kept_experiment(tables, asked.name)
    if kept.geo_test is not None:
        if asked.metric or asked.window or asked.variants or asked.several != "exclude":
            raise UsageError(f"{asked.name} is a geo test: its metric, days and regions are those planned.")
        analyze_geo_test(
            kept.geo_test, tables, seed=asked.seed, version=tables.version, as_json=asked.as_json
        )
        return
    plan = planned(
        kept, tables, metrics=asked.metric or (), window=asked.window, variants=names, split=shares
    )
    several = cast("Several", asked.several)
    found = analyzed(plan.experiment, plan.tables, several=several, monitor=plan.monitor, seed=asked.seed)
    if asked.as_json:
        document = {"name": asked.name, "data_version": tables.version, "assumed": list(plan.notes)}
        typer.echo(json.dumps(document | found.to_document(), indent=1))
    else:
        typer.echo(as_text(found, plan.notes))


@experiment.command()
def decide(
    name: Name,
    *,
    workspace: Folder,
    variant: Annotated[str, typer.Option(help="The variant it is about; of a geo test treated or control.")],
    why: Annotated[str, typer.Option(help="The reason; it is kept.")],
    decision: Annotated[
        str | None,
        typer.Option(help="rollout, stop or continue; by default rollout, or stop for the control."),
    ] = None,
    as_json: Json = False,
) -> None:
    """Note a decision about a test, with the figures and the data version it rests on."""
    from workbench.errors import UsageError
    from workbench.events.tables import EXPERIMENT_DECISIONS
    from workbench.experiments.analysis.asked import control_of
    from workbench.experiments.records.keeping import Decision, next_decision
    from workbench.experiments.records.kept import kept_experiment
    from workbench.governance.roles import identity
    from workbench.store import Workspace
    from workbench.store.experiments import keep_decision

    allowed = EXPERIMENT_DECISIONS.field("decision").choices
    if decision is not None and decision not in allowed:
        raise UsageError(f"A decision is one of {', '.join(allowed)}, not {decision!r:.80}.")
    opened = Workspace.open(workspace)
    tables = opened.tables()
    kept = kept_experiment(tables, name)
    given = Decision(
        name=name,
        number=0,
        decision=decision or ("stop" if variant == control_of(kept) else "rollout"),
        variant=variant,
        why=why,
        figures={},
        data_version=tables.version,
        decided_at=datetime.now(UTC),
        decided_by=identity(),
    )
    made = next_decision(kept, given)
    if made is None:
        typer.echo("Nothing changed: this is the last decision already.", err=True)
        made = kept.decisions[-1]
    else:
        made = replace(made, figures=_figures(kept, tables))
        keep_decision(opened, made.to_row())
        for warning in _warnings(made, kept):
            typer.echo(printable(warning), err=True)
    typer.echo(json.dumps(decided_document(made), indent=1) if as_json else printable(made.sentence))


def as_text(found: Analysis, assumed: Sequence[str] = ()) -> str:
    """Return an analysis as plain text: what to do, every comparison, and what a reader must know."""
    from workbench.governance.masking import shown_name

    def short(name: str) -> str:
        return shown_name(name, _LONGEST)

    lines = [
        [
            one.role,
            short(one.metric),
            short(one.variant),
            one.comparison.label.shown(one.comparison.value.value),
            one.comparison.label.shown(one.comparison.value_control.value),
            one.effect,
            f"guardrail {one.guarded.verdict}" if one.guarded else one.course,
        ]
        for one in found.findings
    ]
    head = [
        "role",
        "metric",
        "variant",
        "value",
        f"of {short(found.experiment.control)}",
        "change, 95% interval, p",
    ]
    head[-1] = head[-1].replace("95%", f"{found.experiment.level:.0%}")
    users = ", ".join(
        f"{short(variant)} {count:,}"
        for variant, count in zip(found.experiment.variants, found.ratio.seen, strict=True)
    )
    notes = "\n".join(f"- {printable(note)}" for note in (*assumed, *found.notes))
    table = _table([*head, "course"], lines)
    days = f"Days: {found.seen.window}. " if found.seen.window else ""
    return "\n\n".join(
        [printable(found.sentence), f"{days}Users: {printable(users)}.", table, notes]
    ).rstrip()


def _table(head: list[str], lines: list[list[str]]) -> str:
    # Signs of control are shown, but a figure such as +0.5 % is no formula here: nothing is a spreadsheet.
    rows = [[printable(f"|{cell}").removeprefix("|") for cell in line] for line in (head, *lines)]
    widths = [max(len(row[place]) for row in rows) for place in range(len(head))]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows
    )


def _figures(kept: Kept, tables: Tables) -> dict[str, Any]:
    """Return what a decision rests on in short, or why there are no figures."""
    from workbench.errors import NotEnoughData, UsageError
    from workbench.experiments.analysis.analyzing import analyze as analyzed
    from workbench.experiments.analysis.asked import asked

    try:
        if kept.geo_test is not None:
            return geo_figures(kept.geo_test, tables)
        plan = asked(kept, tables)
        found = analyzed(plan.experiment, plan.tables, monitor=plan.monitor)
    except (NotEnoughData, UsageError) as error:
        return {"none": str(error)}
    return {
        "sentence": found.sentence,
        "winner": found.verdict.winner,
        "blocked": found.verdict.blocked,
        "users": dict(zip(found.experiment.variants, found.ratio.seen, strict=True)),
        "assumed": list(plan.notes),
        "primary": [_short(one) for one in found.primary],
    }


def _short(one: Finding) -> dict[str, Any]:
    difference, figures = one.difference, one.comparison
    known = {
        "value": figures.value.value,
        "value_control": figures.value_control.value,
        "difference": difference.value,
        "low": difference.low,
        "high": difference.high,
        "p": difference.p,
        "p_adjusted": one.p_adjusted,
        "relative": figures.relative.value,
    }
    plain = {name: float(value) if math.isfinite(value) else None for name, value in known.items()}
    return {"metric": one.metric, "variant": one.variant, "method": figures.method, **plain}


def _warnings(made: Decision, kept: Kept) -> list[str]:
    """Return what speaks against a decision that was noted all the same."""
    said = []
    if "none" in made.figures:
        said.append(f"No figures stand behind it: {made.figures['none']}")
    elif made.figures["blocked"] or (made.decision == "rollout" and made.figures["winner"] != made.variant):
        said.append(f"The figures say otherwise. {made.figures['sentence']}")
    if kept.status in ("running", "paused") and made.decision != "continue":
        said.append(f"{kept.name} is still {kept.status}: workbench experiment complete {kept.name}")
    return said
