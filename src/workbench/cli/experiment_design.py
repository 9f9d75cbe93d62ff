"""`workbench experiment design`: how many users and days a test needs, and what it will find."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, cast

import typer

from workbench.cli.experiment import experiment
from workbench.cli.taking import taking

if TYPE_CHECKING:
    from workbench.experiments.power.planned import Design
    from workbench.experiments.power.planning import Choices
    from workbench.source import Tables


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """The options of the command: its fields are what can be asked."""

    kind: Annotated[str, typer.Option(help="proportion, mean or ratio.")] = "proportion"
    baseline: Annotated[float | None, typer.Option(help="The metric without the change: 0.05 for 5 %.")] = (
        None
    )
    mde: Annotated[
        float | None, typer.Option(help="The smallest change worth finding; or --users instead.")
    ] = None
    relative: Annotated[
        bool, typer.Option("--relative/--absolute", help="Whether the change is a part of the baseline.")
    ] = True
    alpha: Annotated[float, typer.Option(help="Probability of a false alarm.")] = 0.05
    power: Annotated[float, typer.Option(help="Probability of finding the change.")] = 0.8
    sd: Annotated[float | None, typer.Option(help="Standard deviation per user, of a mean or ratio.")] = None
    variants: Annotated[int | None, typer.Option(help="Groups, the control included; 2.")] = None
    split: Annotated[str, typer.Option(help="Shares, control first: 0.9,0.1. Equal without it.")] = ""
    sides: Annotated[int | None, typer.Option(help="2 finds changes either way, 1 only the one meant.")] = (
        None
    )
    correction: Annotated[
        str, typer.Option(help="none, bonferroni or dunnett: whether several variants share alpha.")
    ] = "none"
    looks: Annotated[int, typer.Option(help="Planned looks, the end included.")] = 1
    margin: Annotated[float, typer.Option(help="For non-inferiority: how much worse is accepted.")] = 0.0
    correlation: Annotated[
        float | None, typer.Option(help="Of the metric with its value before the test (CUPED).")
    ] = None
    users: Annotated[
        int | None, typer.Option(help="Users there are; then power, or the change, is found out.")
    ] = None
    daily_users: Annotated[float | None, typer.Option(help="New users a day.")] = None
    workspace: Annotated[
        Path | None, typer.Option("--workspace", "-w", help="How users came lately is read from it.")
    ] = None
    metric: Annotated[
        str | None, typer.Option(help="With a workspace: its level and spread are read instead of given.")
    ] = None
    days: Annotated[int, typer.Option(help="Of how many last days they are read.")] = 28
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False


@experiment.command("design")
@taking(Asked)
def design(asked: Asked) -> None:
    """Say how many users and days a test needs, and what it will find."""
    found = planned(asked)
    if asked.as_json:
        typer.echo(json.dumps(found.to_document(), indent=1))
    else:
        typer.echo(as_text(found))


def planned(asked: Asked) -> Design:
    """Return the plan that was asked for."""
    from workbench.errors import UsageError, unknown_name
    from workbench.experiments.power.baseline import KINDS
    from workbench.experiments.power.duration import arrivals
    from workbench.experiments.power.planning import design as plan

    if asked.kind not in KINDS:
        raise unknown_name("kind of metric", asked.kind, KINDS)
    choices = _choices(asked)
    if asked.metric is not None:
        return _from_workspace(asked, choices)
    if asked.baseline is None:
        raise UsageError("Give the metric without the change, --baseline 0.05; or --metric and --workspace.")
    tables = _tables(asked)
    if tables is not None:
        choices["arrivals"] = arrivals(tables)
    return plan(
        asked.kind,
        baseline=asked.baseline,
        mde=asked.mde,
        relative=asked.relative,
        sd=float("nan") if asked.sd is None else asked.sd,
        daily_users=asked.daily_users,
        **choices,
    )


def _choices(asked: Asked) -> Choices:
    names = ("alpha", "power", "variants", "correction", "looks", "margin", "users")
    found: dict[str, Any] = {name: getattr(asked, name) for name in names}
    found["split"] = _shares(asked.split)
    found |= {name: value for name in ("sides", "correlation") if (value := getattr(asked, name)) is not None}
    return cast("Choices", found)


def _from_workspace(asked: Asked, choices: Choices) -> Design:
    from workbench.errors import UsageError
    from workbench.experiments.power.duration import steady
    from workbench.experiments.power.planning import design_from_tables

    if asked.baseline is not None or asked.sd is not None:
        raise UsageError("--metric reads level and spread: leave out --baseline and --sd.")
    tables = _tables(asked)
    if tables is None or asked.metric is None:
        raise UsageError("--metric is read from a workspace: give --workspace.")
    if asked.daily_users is not None:
        choices["arrivals"] = steady(asked.daily_users)
    return design_from_tables(
        tables, metric=asked.metric, mde=asked.mde, relative=asked.relative, days=asked.days, **choices
    )


def _tables(asked: Asked) -> Tables | None:
    if asked.workspace is None:
        return None
    from workbench.store import Workspace

    return Workspace.open(asked.workspace).tables()


def _shares(text: str) -> tuple[float, ...] | None:
    from workbench.errors import UsageError

    try:
        return tuple(float(part) for part in text.split(",")) if text.strip() else None
    except ValueError:
        raise UsageError(f"{text!r} is no split. Write shares with commas: 0.5,0.25,0.25.") from None


def as_text(found: Design) -> str:
    """Return the plan as plain text: the sentence, the groups, what each week finds, what to know."""
    from workbench.cli.measure import printed_table

    shares = zip(found.procedure.split, found.sizes, strict=True)
    groups = [
        [f"variant {place}" if place else "control", f"{share:.3g}", f"{size:,}"]
        for place, (share, size) in enumerate(shares)
    ]
    parts = [found.sentence, printed_table(["group", "share", "users"], groups)]
    if found.durations:
        lines = [
            [f"{point.days}", f"{point.users:,}", found.shown_change(point.effect), f"{point.relative:.1%}"]
            for point in found.durations
        ]
        parts.append(printed_table(["days", "users", "smallest change found", "relative"], lines))
    if found.warnings:
        parts.append("\n".join(f"- {text}" for text in found.warnings))
    return "\n\n".join(parts)
