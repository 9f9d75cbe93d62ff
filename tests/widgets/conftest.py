"""Buyers and their touches, with names as attackers write them."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

HOSTILE = (
    "<script>window.attacked = 1</script>",
    "'\"><img src=x onerror=window.attacked=2>",
    "\u202egnp.exe\u202c",
    "x" * 10_000,
    "</table></div><svg onload=window.attacked=3>",
    "spring_sale",
)


@pytest.fixture(scope="session")
def frame() -> pd.DataFrame:
    """Return touches and orders of forty users in one frame."""
    generator = np.random.default_rng(5)
    day = pd.Timestamp("2024-03-01", tz="UTC")
    users = [f"ann-{number}" for number in generator.integers(0, 40, 500)]
    touches = pd.DataFrame(
        {
            "user_id": users,
            "timestamp": day + pd.to_timedelta(generator.integers(0, 60 * 86_400, 500), unit="s"),
            "channel": generator.choice(["direct", "email", "search", "<b>social</b>"], 500),
            "campaign": generator.choice(HOSTILE, 500),
            "device": generator.choice(["phone", "desk"], 500),
            "is_conversion": False,
        }
    )
    orders = pd.DataFrame(
        {
            "user_id": [f"ann-{number}" for number in generator.integers(0, 42, 120)],
            "timestamp": day + pd.to_timedelta(generator.integers(0, 60 * 86_400, 120), unit="s"),
            "value": generator.integers(1, 9_999, 120) / 100,
            "conversion_id": [f"order-{number}" for number in range(119)] + [HOSTILE[0]],
            "is_conversion": True,
        }
    )
    return pd.concat([touches, orders], ignore_index=True)
