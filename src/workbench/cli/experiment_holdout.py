"""Holdouts on the command line: whom a campaign keeps out, and what campaigns caused."""

from __future__ import annotations

import csv
import json
import math
import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from workbench.cli.data import printable
from workbench.cli.experiment import Folder, Json, experiment
from workbench.cli.measure import printed_table

if TYPE_CHECKING:
    from collections.abc import Sequence

    from workbench.experiments.holdout.errors import FalsePositives
    from workbench.experiments.holdout.figures import Effect
    from workbench.experiments.holdout.health import HoldoutHealth
    from workbench.experiments.holdout.holdout import Holdout
    from workbench.experiments.inference.estimate import Estimate

_FIGURES = {
    "incrementality": "incrementality",
    "lift": "lift, share of users",
    "relative": "lift, of buyers expected",
    "revenue": "revenue caused",
    "relative_revenue": "revenue caused, of that expected",
    "net": "net incremental revenue",
    "iroas": "iROAS",
}
_UNITS = {"incrementality": "%", "lift": "pp", "relative": "%", "relative_revenue": "%", "iroas": "x"}


@experiment.command()
def holdout(
    *,
    workspace: Folder,
    campaign: Annotated[str | None, typer.Option(help="A campaign's id; all without it.")] = None,
    window: Annotated[
        str | None, typer.Option(help="Days of deliveries and sales: 180d, or FROM:TO; all without it.")
    ] = None,
    planned: Annotated[float, typer.Option(help="The share that was to be held out.")] = 0.1,
    seed: Annotated[int, typer.Option(help="Of everything that is sampled.", min=0)] = 0,
    as_json: Json = False,
) -> None:
    """Say what campaigns caused against the users they held out, and how often the method is wrong."""
    from workbench.errors import NotEnoughData
    from workbench.experiments.holdout.health import check_holdout
    from workbench.experiments.holdout.holdout import holdouts
    from workbench.store import Workspace

    tables = Workspace.open(workspace).tables()
    found = holdouts(tables, campaign=campaign, window=window, seed=seed)
    if found.missing:
        raise NotEnoughData(f"{found.missing} {found.coverage.sentence}")
    health = check_holdout(tables, campaign=campaign, window=window, planned=planned, seed=seed)
    if as_json:
        typer.echo(json.dumps(as_document(found, health, tables.version), indent=1))
    else:
        typer.echo(as_text(found, health))


@experiment.command("holdout-users")
def holdout_users(
    campaign: Annotated[str, typer.Argument(help="The campaign's id.")],
    *,
    users: Annotated[
        str, typer.Option(help="A file: one id a line, or a CSV file with the column user_id; or all.")
    ],
    output: Annotated[Path, typer.Option(help="The CSV file to write; it must not exist yet.")],
    workspace: Annotated[
        Path | None, typer.Option("--workspace", "-w", help="For --users all: whose users.")
    ] = None,
    share: Annotated[float, typer.Option(help="The share to hold out.")] = 0.1,
    as_json: Json = False,
) -> None:
    """Write whom a campaign is to keep out: the columns user_id and held_out, true or false.

    It is a hash of campaign and user: the same users every time and everywhere.
    """
    from workbench.cli.experiment_files import read_users
    from workbench.errors import BadInput, UsageError
    from workbench.experiments.holdout.holdout import held_out
    from workbench.governance.masking import neutral

    if not campaign.strip():
        raise UsageError("Name the campaign by its id.")
    if users == "all":
        ids: Sequence[str] = _everybody(workspace)
    else:
        listed = read_users(Path(users))
        ids = listed.ids
        if listed.repeated or listed.empty:
            typer.echo(f"Lines that repeated an id: {listed.repeated}; empty: {listed.empty}.", err=True)
    if not ids:
        raise BadInput("no user is listed", file=users)
    out = held_out(campaign, ids, share=share)
    shown = [neutral(user) for user in ids]
    _write(output, [[user, "true" if own else "false"] for user, own in zip(shown, out, strict=True)])
    document = {
        "campaign": campaign,
        "users": len(ids),
        "held_out": int(out.sum()),
        "share": share,
        "changed_ids": sum(before != after for before, after in zip(ids, shown, strict=True)),
        "file": str(output),
    }
    if document["changed_ids"]:
        typer.echo(
            f"{document['changed_ids']:,} ids begin like a formula and were written with an apostrophe.",
            err=True,
        )
    said = (
        f"{document['held_out']:,} of {len(ids):,} users are held out of {campaign}: send nothing to those "
        f"with held_out true in {output}, and record campaign_delivered for them with is_holdout true."
    )
    typer.echo(json.dumps(document | {"sentence": said}, indent=1) if as_json else printable(said))


def _everybody(workspace: Path | None) -> list[str]:
    from workbench.errors import UsageError
    from workbench.experiments.records.assigning import everybody
    from workbench.store import Workspace

    if workspace is None:
        raise UsageError("--users all are those of a workspace: give --workspace.")
    return everybody(Workspace.open(workspace).tables())


def _write(output: Path, rows: list[list[str]]) -> None:
    from workbench.errors import BadInput

    try:
        # Ids of users are personal: nobody else on the machine reads them.
        handle = os.open(output, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except OSError as error:
        raise BadInput(error.strerror or "cannot be written", file=output) from None
    with os.fdopen(handle, "w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["user_id", "held_out"])
        writer.writerows(rows)


def as_document(found: Holdout, health: HoldoutHealth, version: int) -> dict[str, Any]:
    """Return a holdout with its health, as JSON takes it; what is unknown or without an end is null."""
    overall = found.overall
    coverage = found.coverage
    return {
        "data_version": version,
        "window": None if found.window is None else str(found.window),
        "level": found.level,
        "currency": found.currency,
        "sentence": health.verdict_on(found),
        "overall": None if overall is None else _effect(overall),
        "campaigns": [_effect(one) for one in found.campaigns],
        "coverage": {
            "campaigns": coverage.campaigns,
            "with_holdout": coverage.with_holdout,
            "share": _plain(coverage.share),
        },
        "false_alarms": [_alarm(one) for one in health.errors],
        "health": {
            "sentence": health.sentence,
            "checks": [
                {name: getattr(one, name) for name in ("name", "found", "verdict", "says")}
                for one in health.checks
            ],
        },
    }


def as_text(found: Holdout, health: HoldoutHealth) -> str:
    """Return a holdout as plain text: what follows, the figures, the campaigns, whether to trust it."""
    parts = [[health.verdict_on(found)]]
    if found.overall is not None:
        lines = [_line(found, found.overall, name) for name in _FIGURES]
        head = ["figure", "value", f"{found.level:.0%} from", "to", "p"]
        parts.append(printed_table(head, lines).split("\n"))
    if found.campaigns:
        lines = [[one.name, *_line(found, one, "net")[1:], _p(one.net_p_adjusted)] for one in found.campaigns]
        head = ["campaign", "net incremental revenue", "from", "to", "p", "p of so many"]
        parts.append(printed_table(head, lines).split("\n"))
    parts.append([found.coverage.sentence])
    parts.append([health.sentence])
    parts.append([f"{one.verdict}: {one.name}. {one.found}. {one.says}" for one in health.checks])
    return "\n\n".join("\n".join(printable(line) for line in part) for part in parts)


def _line(found: Holdout, effect: Effect, name: str) -> list[str]:
    from workbench.result import format_value

    one: Estimate = getattr(effect, name)
    unit = _UNITS.get(name, "money")
    ends = [
        "without end" if math.isinf(end) else format_value(end, unit, currency=found.currency)
        for end in (one.low, one.high)
    ]
    value = format_value(one.value, unit, currency=found.currency)
    return [_FIGURES[name], value, *ends, _p(one.p)]


def _p(value: float) -> str:
    from workbench.experiments.inference.comparison import shown_p

    return shown_p(value) if math.isfinite(value) else ""


def _effect(effect: Effect) -> dict[str, Any]:
    sizes = (
        "name",
        "treated",
        "held",
        "treated_buyers",
        "held_buyers",
        "cost",
        "p_adjusted",
        "net_p_adjusted",
        "note",
    )
    said: dict[str, Any] = {name: _plain(getattr(effect, name)) for name in sizes}
    for name in _FIGURES:
        one: Estimate = getattr(effect, name)
        said[name] = {end: _plain(getattr(one, end)) for end in ("value", "low", "high", "p")}
        said[name] |= {"note": one.note}
    return said


def _alarm(one: FalsePositives) -> dict[str, Any]:
    names = ("outcome", "method", "used", "rate", "low", "high", "promised", "missing")
    return {name: _plain(getattr(one, name)) for name in names}


def _plain(value: Any) -> Any:
    if isinstance(value, (float, int)) and not isinstance(value, bool):
        return value if math.isfinite(value) else None
    return value
