"""The commands, gathered. Each module of this room adds its own; none imports a heavy library at start-up."""

from __future__ import annotations

from typing import Annotated

import typer

import workbench

app = typer.Typer(
    name="workbench",
    help="Marketing analytics workbench: load, measure, run, publish, verify.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)


def _version(asked: bool) -> None:
    if asked:
        typer.echo(f"workbench {workbench.__version__}")
        raise typer.Exit


@app.callback()
def _root(
    *,
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Say the version.")
    ] = False,
) -> None:
    """Marketing analytics workbench: load, measure, run, publish, verify."""


def say(text: str) -> None:
    """Write a message to stderr; work that is done, or goes on, does not fail because a log is full."""
    try:
        typer.echo(text, err=True)
    except BrokenPipeError:  # whoever read it wants no more
        raise
    except OSError:
        return
