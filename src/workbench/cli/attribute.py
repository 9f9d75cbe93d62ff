"""`workbench attribute`: what each attribution model credits to each channel."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from workbench.cli.app import app
from workbench.cli.measure import printed_table

if TYPE_CHECKING:
    from workbench.attribution.credit import Credit


@app.command()
def attribute(
    workspace: Annotated[Path, typer.Option("--workspace", "-w", help="The workspace's folder.")],
    model: Annotated[str, typer.Option(help="Models, joined by commas; or all.")] = "all",
    by: Annotated[str, typer.Option(help="What is credited: channel, campaign, creative_id ...")] = "channel",
    window: Annotated[str, typer.Option(help="How far rules look back: 30d; or any.")] = "30d",
    period: Annotated[
        str | None, typer.Option(help="Whose conversions count: 30d, or FROM:TO; all without it.")
    ] = None,
    seed: Annotated[int, typer.Option(help="Of everything that is sampled.", min=0)] = 0,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Credit conversions and their value to channels, by any models, with 95 % intervals."""
    from workbench.attribution.attributing import attribute as attributed
    from workbench.attribution.crediting import chosen_models
    from workbench.attribution.recorded import touchpoints
    from workbench.attribution.windows import lookback
    from workbench.errors import NotEnoughData
    from workbench.store import Workspace

    names = [some.name for some in chosen_models(model)]  # a wrong name is said before anything is opened
    lookback(window)
    snapshot = Workspace.open(workspace).tables()
    found = attributed(
        touchpoints(snapshot, by=by, window=period), models=names, by=by, window=window, seed=seed
    )
    if found.missing:
        raise NotEnoughData(found.missing)
    if as_json:
        typer.echo(json.dumps(as_document(found, snapshot.version), indent=1))
    else:
        typer.echo(as_text(found))


def as_document(credit: Credit, version: int) -> dict[str, Any]:
    """Return credit as JSON takes it; `low` and `high` are the ends of the value's interval."""
    return {
        "conversions": credit.conversions,
        "value": credit.value,
        "currency": credit.currency,
        "by": credit.by,
        "window": credit.window,
        "level": credit.level,
        "data_version": version,
        "sentence": credit.sentence,
        "caveats": list(credit.caveats),
        "rows": [
            {
                "model": row.model,
                "channel": row.channel,
                "conversions": row.conversions,
                "value": row.value,
                "low": row.value_low,
                "high": row.value_high,
                "conversions_low": row.conversions_low,
                "conversions_high": row.conversions_high,
                "share": row.share,
            }
            for row in credit.rows
        ],
    }


def as_text(credit: Credit) -> str:
    """Return credit as a table of plain text, with what a reader must know."""
    from workbench.result import format_value

    def money(value: float | None) -> str:
        return format_value(value, "money", currency=credit.currency)

    lines = [
        [
            row.model,
            row.channel,
            f"{row.conversions:,.1f}",
            money(row.value),
            f"{money(row.value_low)} to {money(row.value_high)}" if row.value_low is not None else "",
            format_value(row.share, "%"),
        ]
        for row in credit.rows
    ]
    head = ["model", credit.by, "conversions", "value", "95% interval", "share"]
    notes = "\n".join(f"- {caveat}" for caveat in credit.caveats)
    return f"{credit.sentence}\n\n{printed_table(head, lines)}\n\n{notes}"
