"""The command that writes the reference pages from the definitions."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import typer

from workbench.cli.app import app


@app.command(hidden=True)
def reference(folder: Annotated[Path, typer.Argument(help="Where the pages go.")]) -> None:
    """Write the reference pages of events, tables, mappings, metrics, media mix models and commands."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, page in pages().items():
        (folder / name).write_text(page, encoding="utf-8")
        typer.echo(f"{folder / name}")


def pages() -> dict[str, str]:
    """Return the reference pages by file name."""
    from workbench.events.mapping_page import mappings_page
    from workbench.events.reference import events_page, tables_page
    from workbench.metrics.reference import metrics_page
    from workbench.mmm.reference import mix_page

    return {
        "commands.md": commands_page(),
        "events.md": events_page(),
        "mappings.md": mappings_page(),
        "media-mix.md": mix_page(),
        "metrics.md": metrics_page(),
        "tables.md": tables_page(),
    }


def commands_page() -> str:
    """Return the page of all commands that `cli.commands` has gathered, as Markdown."""
    group = typer.main.get_command(app)
    parts = [
        "# Commands\n\nExit codes: 0 well, 1 the work failed, 2 wrong usage, 3 bad input; 130 after Ctrl-C,"
        " 141 where whoever read the output wants no more of it. Data goes to stdout, messages to stderr.\n"
    ]
    for name, command in _leaves(group, ""):
        context = typer.Context(
            command, info_name=f"workbench {name}", max_content_width=100, terminal_width=100
        )
        parts.append(f"## {name}\n\n```\n{command.get_help(context)}\n```\n")
    return "\n".join(parts)


def _leaves(group: Any, above: str) -> Iterator[tuple[str, typer.core.TyperCommand]]:
    """Return the commands of a group and of the groups in it, by the words that call them."""
    for name, command in sorted(group.commands.items()):
        if hasattr(command, "commands"):
            yield from _leaves(command, f"{above}{name} ")
        elif not command.hidden:
            yield f"{above}{name}", command
