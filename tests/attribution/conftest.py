"""Journeys for tests, counted from touches and conversions as users leave them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import timedelta

import numpy as np
import pandas as pd
import pytest

from workbench.attribution.counting import count_journeys
from workbench.attribution.journeys import Journeys
from workbench.attribution.reading import touchpoints_of
from workbench.attribution.windows import journey_settings

START = pd.Timestamp("2024-01-01", tz="UTC")


def frame_of_paths(paths: Sequence[Sequence[str]], value: Sequence[float | None]) -> pd.DataFrame:
    """Return one user per path, a touch each hour, and an order where there is a value."""
    lengths = np.array([len(path) for path in paths])
    user = np.repeat(np.arange(len(paths)), lengths)
    hour = np.arange(len(user)) - np.repeat(np.cumsum(lengths) - lengths, lengths)
    touches = pd.DataFrame(
        {
            "user_id": user,
            "timestamp": START + pd.to_timedelta(hour, unit="h"),
            "channel": [name for path in paths for name in path],
            "is_conversion": False,
            "value": np.nan,
        }
    )
    bought = np.array([some is not None for some in value])
    orders = pd.DataFrame(
        {
            "user_id": np.flatnonzero(bought),
            "timestamp": START + pd.to_timedelta(lengths[bought], unit="h"),
            "channel": None,
            "is_conversion": True,
            "value": [some for some in value if some is not None],
        }
    )
    return pd.concat([touches, orders]) if len(orders) else touches


def simulated_paths(
    users: int, channels: int, *, memory: int = 1, seed: int = 0
) -> tuple[list[list[str]], list[float | None]]:
    """Return paths of users whose next step depends on their last `memory` touches, and what they paid."""
    rng = np.random.default_rng(seed)
    names = [f"c{place}" for place in range(channels)]
    table = np.random.default_rng(99).dirichlet(np.ones(channels + 2) * 0.7, size=(channels + 1,) * memory)
    table[..., channels] = 0.3 * table[..., channels] + 0.02
    table[..., channels + 1] = 0.5 * table[..., channels + 1] + 0.15
    table[(0,) * memory][channels:] = 0.0
    chances = np.cumsum(table / table.sum(axis=-1, keepdims=True), axis=-1)
    paths: list[list[str]] = []
    value: list[float | None] = []
    for _ in range(users):
        state, path, step = (0,) * memory, [], 0
        while step < channels and len(path) < 60:
            step = int(np.searchsorted(chances[state], rng.random()))
            if step < channels:
                path.append(names[step])
                state = (*state[1:], step + 1)
        paths.append(path)
        value.append(float(rng.lognormal(3, 0.8)) if step == channels else None)
    return paths, value


@pytest.fixture(scope="session")
def journeys_of() -> Callable[..., Journeys]:
    """Return the way to count journeys from paths and values (None: no order)."""

    def count(
        paths: Sequence[Sequence[str]], value: Sequence[float | None], *, order: int = 3, buckets: int = 64
    ) -> Journeys:
        settings = journey_settings(["30d", "any"], order=order, buckets=buckets, half_life=timedelta(days=7))
        return count_journeys(touchpoints_of(frame_of_paths(paths, value)), settings)

    return count


@pytest.fixture(scope="session")
def simulate() -> Callable[..., tuple[list[list[str]], list[float | None]]]:
    """Return the way to simulate paths with a known memory."""
    return simulated_paths
