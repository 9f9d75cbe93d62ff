"""`workbench experiment uplift`: whether a model tells who is moved by campaigns, kept for `model_auuc`."""

from __future__ import annotations

import json
import math
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

from workbench.cli.data import printable
from workbench.cli.experiment import Folder, Json, experiment
from workbench.cli.measure import printed_table

if TYPE_CHECKING:
    from workbench.experiments.inference.estimate import Estimate
    from workbench.experiments.uplift.report import Uplift


@experiment.command()
def uplift(
    *,
    workspace: Folder,
    campaign: Annotated[str | None, typer.Option(help="A campaign's id; all without it.")] = None,
    window: Annotated[
        str | None, typer.Option(help="Days of deliveries: 180d, or FROM:TO; all without it.")
    ] = None,
    learner: Annotated[str, typer.Option(help="The model: t_logistic, x_logistic ...")] = "t_logistic",
    keep: Annotated[
        bool, typer.Option("--keep", help="Store its quality: the metric model_auuc reads it.")
    ] = False,
    seed: Annotated[int, typer.Option(help="Of everything that is sampled.", min=0)] = 0,
    as_json: Json = False,
) -> None:
    """Say whether a model of users before a campaign tells whom it moves to buy: AUUC and Qini."""
    from workbench.errors import NotEnoughData, UsageError, unknown_name
    from workbench.experiments.uplift.report import uplift_model, uplift_results
    from workbench.experiments.uplift.uplift import LEARNERS
    from workbench.store import Workspace
    from workbench.store.model_results import keep_results

    if learner not in LEARNERS:
        raise unknown_name("learner", learner, LEARNERS)
    if keep and campaign is not None:
        raise UsageError("model_auuc is of all campaigns: leave out --campaign, or --keep.")
    opened = Workspace.open(workspace)
    tables = opened.tables()
    found = uplift_model(tables, campaign=campaign, window=window, learner=learner, seed=seed)
    if found.missing:
        raise NotEnoughData(found.missing)
    if keep:
        stored = keep_results(opened, uplift_results(found, computed_at=datetime.now(UTC)))
        said = "Stored for the metric model_auuc." if stored else "The same figures were stored already."
        typer.echo(said, err=True)
    if as_json:
        typer.echo(json.dumps({"data_version": tables.version, **as_document(found)}, indent=1))
    else:
        typer.echo(as_text(found))


def as_document(found: Uplift) -> dict[str, Any]:
    """Return the quality of a model as JSON takes it; what is unknown is null."""
    names = ("learner", "people", "treated", "responded", "overall", "level", "tells", "sentence")
    said = {name: getattr(found, name) for name in names}
    areas = {name: _estimate(getattr(found, name)) for name in ("auuc", "qini", "top")}
    rows = found.to_frame().to_dict("records")
    deciles = [{str(name): _plain(value) for name, value in row.items()} for row in rows]
    return said | areas | {"chance": [_plain(end) for end in found.chance], "deciles": deciles}


def as_text(found: Uplift) -> str:
    """Return the quality of a model as plain text."""
    names = {"auuc": "AUUC", "qini": "Qini", "top": "uplift of the top scores"}
    lines = []
    for name, title in names.items():
        one: Estimate = getattr(found, name)
        lines.append([title, *(f"{value:.4f}" for value in (one.value, one.low, one.high))])
    table = printed_table(["figure", "value", f"{found.level:.0%} from", "to"], lines)
    who = f"{found.learner}: {found.people:,} pairs of user and campaign, {found.responded:,} bought."
    return "\n\n".join([printable(found.sentence), printable(who), table])


def _estimate(one: Estimate) -> dict[str, Any]:
    return {name: _plain(getattr(one, name)) for name in ("value", "low", "high")}


def _plain(value: Any) -> Any:
    return None if isinstance(value, float) and not math.isfinite(value) else value
