"""The command line as a person or a scheduler calls it."""

from __future__ import annotations

import contextlib
import io
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from workbench.cli import main
from workbench.events.simulation import Dirt, MarketSpec, simulate

from .independent import Market

PROJECT = Path(__file__).resolve().parents[2]
QUESTIONS = {"measure", "experiment", "runs"}
Command = Callable[..., subprocess.CompletedProcess[str]]
Write = Callable[..., list[Path]]


@pytest.fixture(scope="session")
def workbench() -> Command:
    """Return a function that runs one command and returns how it ended and what it printed.

    What changes a workspace or runs a notebook is a process of its own. Questions are asked in this process,
    which spares them the start: most of their time.
    """

    def call(*arguments: object, code: int = 0) -> subprocess.CompletedProcess[str]:
        words = [*map(str, arguments)]
        done = _asked(words) if words[0] in QUESTIONS else _started(words)
        assert done.returncode == code, f"exit {done.returncode}\n{done.stdout}\n{done.stderr}"
        return done

    return call


def _started(words: list[str]) -> subprocess.CompletedProcess[str]:
    program = Path(sys.executable).with_name("workbench")
    return subprocess.run(
        [program, *words], cwd=PROJECT, capture_output=True, text=True, check=False, timeout=600
    )


def _asked(words: list[str]) -> subprocess.CompletedProcess[str]:
    out, told = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(told), pytest.raises(SystemExit) as left:
        main(words)
    return subprocess.CompletedProcess(words, int(left.value.code or 0), out.getvalue(), told.getvalue())


@pytest.fixture(scope="session")
def figures(workbench: Command) -> Callable[..., dict[str, Any]]:
    """Return a function that measures and gives back the unsliced values by metric."""

    def measured(folder: Path, *metrics: str) -> dict[str, Any]:
        done = workbench("measure", *metrics, "--workspace", folder, "--json")
        return {row["metric"]: row["value"] for row in json.loads(done.stdout)["rows"]}

    return measured


@pytest.fixture(scope="session")
def files(write_few: Write, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the raw files of a market, soiled a little."""
    folder = tmp_path_factory.mktemp("raw")
    market = simulate(MarketSpec.sized(40_000, seed=11))
    write_few(market, folder, dirt=Dirt(invalid=0.02, duplicates=0.02))
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
