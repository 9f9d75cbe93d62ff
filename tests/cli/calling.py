"""How the tests call `workbench experiment`, and what they expect of a refusal."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from typer.testing import CliRunner

import workbench.cli.experiment_analysis
from workbench.cli.app import app
from workbench.errors import WorkbenchError

assert workbench.cli.experiment_analysis  # its import adds the commands


def run(folder: Path, *arguments: object, fails: type[WorkbenchError] | None = None) -> Any:
    """Return what a command printed, as a document if it is JSON; of one that fails, what it said."""
    done = CliRunner().invoke(app, ["experiment", *map(str, arguments), "--workspace", str(folder)])
    if fails:
        assert isinstance(done.exception, fails), (done.output, done.exception)
        return str(done.exception)
    assert done.exit_code == 0, done.exception
    return json.loads(done.stdout) if "--json" in arguments else done.stdout
