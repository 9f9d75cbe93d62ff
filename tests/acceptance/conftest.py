"""The command line as a person or a scheduler calls it: as its own process."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from workbench.events.simulation import Dirt, MarketSpec, simulate, write_market

from .independent import Market

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


@pytest.fixture(scope="session")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the raw files of a market, soiled a little."""
    folder = tmp_path_factory.mktemp("raw")
    write_market(
        simulate(MarketSpec.sized(40_000, seed=11)), folder, dirt=Dirt(invalid=0.02, duplicates=0.02)
    )
    return folder


@pytest.fixture(scope="session")
def market(files: Path) -> Market:
    """Return the same files, read without the package."""
    return Market.read(files)


@pytest.fixture(scope="session")
def workspace(files: Path, workbench: Command, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a workspace with the same files."""
    folder = tmp_path_factory.mktemp("loaded") / "shop"
    workbench("init", folder, "--currency", "EUR")
    workbench("ingest", *sorted(files.glob("*.csv")), files / "events", "--backfill", "--workspace", folder)
    return folder
