"""One result of every kind, and the chart functions one after the other."""

from __future__ import annotations

import runpy
from pathlib import Path
from types import SimpleNamespace

import pytest

SAMPLES = SimpleNamespace(**runpy.run_path(str(Path(__file__).with_name("samples.py"))))


@pytest.fixture(scope="session")
def samples() -> SimpleNamespace:
    """Return functions that make results, and names as attackers write them."""
    return SAMPLES


@pytest.fixture(params=sorted(SAMPLES.RESULTS))
def kind(request: pytest.FixtureRequest) -> str:
    """Return the name of one chart function after the other."""
    return str(request.param)
