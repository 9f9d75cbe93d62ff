"""The command that writes a run for other people: Excel, PDF, or everything as one ZIP file."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from workbench.cli.app import app


@app.command()
def export(
    run_id: Annotated[str, typer.Argument(metavar="RUN", help="A run's id, or the beginning of one.")],
    *,
    workspace: Annotated[Path, typer.Option("--workspace", "-w", help="The workspace's folder.")],
    to: Annotated[Path | None, typer.Option("--to", help="The folder; by default reports/NAME.")] = None,
    formats: Annotated[
        list[str] | None,
        typer.Option(
            "--format",
            metavar="FORMAT",
            help="csv, excel, html, json, pdf or zip (all others); may be repeated.  [default: zip]",
        ),
    ] = None,
    printer: Annotated[
        str, typer.Option(help="What makes the PDF: typst, or chromium for the exact look of the page.")
    ] = "typst",
    timeout: Annotated[float, typer.Option(help="Seconds after which Chromium is ended.", min=1)] = 60,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Write a completed run as Excel, PDF, page or figures, or as one ZIP file with its receipt."""
    from workbench.reports.exports import export as export_run
    from workbench.store.workspace import Workspace

    opened = Workspace.open(workspace)
    done = export_run(
        opened,
        run_id,
        to or Path("reports") / opened.name,
        formats=formats or ("zip",),
        printer=printer,
        seconds=timeout,
    )
    for note in done.notes:
        typer.echo(note, err=True)
    if as_json:
        typer.echo(json.dumps(done.to_json(), indent=1, ensure_ascii=True))
    else:
        for file in done.files:
            typer.echo(str(file.path))
