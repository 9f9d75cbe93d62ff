"""`workbench experiment`: define tests, move them through their life, assign users, read them, decide."""

from __future__ import annotations

import typer

from workbench.cli.app import app

experiment = typer.Typer(
    name="experiment",
    help="Experiments: design, define, assign, analyze, decide.",
    no_args_is_help=True,
    rich_markup_mode=None,
)
app.add_typer(experiment)


@experiment.callback()
def _root() -> None:
    """Experiments: design, define, assign, analyze, decide."""
