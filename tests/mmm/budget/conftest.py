"""Response tables with known curves."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date

import numpy as np
import pytest

from workbench.mmm.budget.interpolation import knots_up_to
from workbench.mmm.budget.table import ResponseTable, rounded

Make = Callable[..., ResponseTable]


def table_of(
    *,
    draws: int = 200,
    channels: int = 4,
    seed: int = 0,
    slope: float = 1.0,
    most: float = 3.0,
    spread: float = 0.3,
    **facts: object,
) -> ResponseTable:
    """Return a table of Hill curves; each draw has its own."""
    generator = np.random.default_rng(seed)
    knots = knots_up_to(most)
    half = np.exp(generator.normal(0, 0.5, channels) + spread * generator.normal(size=(draws, channels)))
    effect = np.exp(generator.normal(12, 0.6, channels) + spread * generator.normal(size=(draws, channels)))
    outcome = effect[..., None] * knots**slope / (half[..., None] ** slope + knots**slope)
    given: dict[str, object] = {
        "model": "weekly",
        "channels": tuple(f"channel {place}" for place in range(channels)),
        "spend": np.exp(generator.normal(11, 0.8, channels)),
        "knots": knots,
        "outcome": rounded(outcome),
        "sustained": np.full(channels, 1.2),
        "peak": np.full(channels, 1.8),
        "first": date(2024, 1, 1),
        "last": date(2024, 12, 29),
        "periods": 52,
        "period": "week",
        "kind": "revenue",
        "currency": "EUR",
    }
    return ResponseTable(**{**given, **facts})  # type: ignore[arg-type]


@pytest.fixture(scope="session")
def make() -> Make:
    """Return a function that makes a table with known curves."""
    return table_of
