"""`workbench experiment allocate`: how to share out a campaign's next impressions between its creatives."""

from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING, Annotated, Any, cast

import typer

from workbench.cli.data import printable
from workbench.cli.experiment import Folder, Json, experiment
from workbench.cli.measure import printed_table

if TYPE_CHECKING:
    from workbench.experiments.bandit.allocation import Allocation, Reward


@experiment.command()
def allocate(
    campaign: Annotated[str, typer.Argument(help="The campaign's id.")],
    *,
    workspace: Folder,
    reward: Annotated[str, typer.Option(help="clicks, conversions or revenue.")] = "conversions",
    window: Annotated[str, typer.Option(help="The days that count: 30d, or FROM:TO.")] = "30d",
    lag_days: Annotated[
        int, typer.Option(help="Days at the end to leave out: their conversions are to come.")
    ] = 0,
    floor: Annotated[float, typer.Option(help="The least share of a creative.")] = 0.02,
    as_json: Json = False,
) -> None:
    """Share out the next impressions by each creative's chance to be best (Thompson sampling)."""
    from workbench.errors import NotEnoughData
    from workbench.experiments.bandit.reading import creative_shares
    from workbench.store import Workspace

    tables = Workspace.open(workspace).tables()
    found = creative_shares(
        tables, campaign, reward=cast("Reward", reward), window=window, lag_days=lag_days, floor=floor
    )
    if found.missing:
        raise NotEnoughData(found.missing)
    if as_json:
        document = {"campaign": campaign, "data_version": tables.version, **as_document(found)}
        typer.echo(json.dumps(document, indent=1))
    else:
        typer.echo(as_text(found))


def as_document(found: Allocation) -> dict[str, Any]:
    """Return an allocation as JSON takes it; what is unknown is null."""
    rows = [{name: _plain(getattr(row, name)) for name in row.__dataclass_fields__} for row in found.rows]
    names = ("reward", "floor", "loss", "error", "currency", "sentence")
    said = {name: _plain(getattr(found, name)) for name in names}
    return {**said, "caveats": list(found.caveats), "creatives": rows}


def as_text(found: Allocation) -> str:
    """Return an allocation as plain text: what to do, every creative, what to bear in mind."""
    from workbench.result import format_value

    def earned(value: float) -> str:
        return format_value(value, found.unit, currency=found.currency)

    lines = [
        [
            row.name,
            f"{row.share:.1%}",
            f"{row.chance:.1%}",
            f"{row.shown:.1%}",
            f"{row.trials:,.0f}",
            earned(row.mean),
            f"{earned(row.low)} to {earned(row.high)}",
        ]
        for row in found.rows
    ]
    head = ["creative", "next share", "chance to be best", "share so far", "impressions"]
    table = printed_table([*head, f"{found.reward} per impression", "95% credible"], lines)
    notes = [f"- {caveat}" for caveat in found.caveats]
    said = [[found.sentence], table.split("\n"), notes]
    return "\n\n".join("\n".join(printable(line) for line in part) for part in said if part)


def _plain(value: Any) -> Any:
    return None if isinstance(value, float) and not math.isfinite(value) else value
