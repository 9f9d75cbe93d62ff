"""The command line as a person or a scheduler calls it: as its own process."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

PROJECT = Path(__file__).resolve().parents[2]
Command = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(scope="session")
def workbench() -> Command:
    """Return a function that runs one command and returns the finished process."""
    program = Path(sys.executable).with_name("workbench")

    def call(*arguments: object, code: int = 0) -> subprocess.CompletedProcess[str]:
        done = subprocess.run(
            [program, *map(str, arguments)],
            cwd=PROJECT,
            capture_output=True,
            text=True,
            check=False,
            timeout=600,
        )
        assert done.returncode == code, f"exit {done.returncode}\n{done.stdout}\n{done.stderr}"
        return done

    return call


@pytest.fixture(scope="session")
def figures(workbench: Command) -> Callable[..., dict[str, Any]]:
    """Return a function that measures and gives back the unsliced values by metric."""

    def measured(folder: Path, *metrics: str) -> dict[str, Any]:
        done = workbench("measure", *metrics, "--workspace", folder, "--json")
        return {row["metric"]: row["value"] for row in json.loads(done.stdout)["rows"]}

    return measured
