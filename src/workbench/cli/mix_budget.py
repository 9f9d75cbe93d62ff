"""`workbench mmm optimise`: where a budget should go, by the curves of a run."""

from __future__ import annotations

import json
from typing import Annotated

import typer

from workbench.cli.data import printable
from workbench.cli.mix import Folder, Json, RunId, mmm


@mmm.command()
def optimise(
    run: RunId,
    *,
    workspace: Folder,
    total: Annotated[
        float | None, typer.Option(help="Money for the whole window; what was spent in it without it.")
    ] = None,
    bound: Annotated[
        list[str] | None,
        typer.Option(
            "--bound",
            metavar="CHANNEL=LEAST:MOST",
            help="Money for a channel, or CHANNEL=keep for what it has now; may be repeated.",
        ),
    ] = None,
    worst: Annotated[
        float, typer.Option(help="Plan for the worst share of the draws: 1 for the mean, 0.2 with care.")
    ] = 1.0,
    despite_gates: Annotated[
        bool, typer.Option("--despite-gates", help="Use a run that missed a gate; the plan says so.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Split a budget so that it is expected to bring most, with an interval for the gain.

    A run that missed a gate is refused. A channel of whose return nothing but the belief is known keeps its
    spend, unless --bound says otherwise.
    """
    from workbench.cli.mix_text import plan_document, plan_text
    from workbench.mmm.budget.planning import optimise as optimised
    from workbench.mmm.budget.question import BudgetQuestion
    from workbench.mmm.budget.tabulation import response_table
    from workbench.reports.mix_runs import mix_run
    from workbench.store import Workspace

    bounds = dict(map(_bound, bound or []))
    question = BudgetQuestion(
        total=total,
        bounds={name: ends for name, ends in bounds.items() if ends is not None},
        locked=tuple(name for name, ends in bounds.items() if ends is None),
        worst=worst,
        despite_gates=despite_gates,
    )
    found = mix_run(Workspace.open(workspace), run)
    if found.missed and not despite_gates:
        _refuse(found.id, found.missed)
    plan = optimised(response_table(found.fit), question)
    if as_json:
        document = {"run": found.id, "gates_missed": list(found.missed), **plan_document(plan)}
        typer.echo(json.dumps(document, indent=1))
        return
    caution = [f"Despite missed gates. {words}" for words in found.missed]
    for line in [*caution, *plan_text(plan).split("\n")]:
        typer.echo(printable(f"|{line}")[1:])


def _refuse(run: str, missed: tuple[str, ...]) -> None:
    from workbench.errors import NotEnoughData

    raise NotEnoughData(
        f"The run {run} cannot carry a budget: {' '.join(missed)} "
        "Mend it first, or ask with --despite-gates to plan all the same."
    )


def _bound(text: str) -> tuple[str, tuple[float, float] | None]:
    from workbench.errors import UsageError

    name, _, ends = text.rpartition("=")
    if name and ends == "keep":
        return name, None
    try:
        least, most = map(float, ends.split(":"))
        if name:
            return name, (least, most)
    except ValueError:
        pass
    raise UsageError(
        f"--bound gives a channel its money, CHANNEL=LEAST:MOST or CHANNEL=keep, not {text!r:.80}."
    )
