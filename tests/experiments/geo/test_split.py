from __future__ import annotations

from collections.abc import Callable
from datetime import date
from typing import Any

import numpy as np
import pytest

from workbench.errors import NotEnoughData, UsageError
from workbench.experiments.geo.panel import Panel
from workbench.experiments.geo.split import split

START = date(2026, 3, 1)  # the 60th day of the simulated panel


@pytest.fixture
def panel(simulate: Callable[..., Panel]) -> Panel:
    return simulate(1)


def test_parts_and_groups(panel: Panel) -> None:
    made = split(panel, treated=["geo 005", "geo 002"], start=START, end=date(2026, 3, 14), cooldown=7)
    assert (made.pre, made.test, made.cooldown, made.post) == (59, 14, 7, 21)
    assert made.panel.days[-1] == date(2026, 3, 21)
    assert made.treated_names == ("geo 002", "geo 005")
    assert len(made.control_names) == 22
    assert made.start == START


def test_uses_the_controls_that_are_named(panel: Panel) -> None:
    named = ["geo 010", "geo 003", "geo 007", "geo 001"]
    made = split(panel, treated=["geo 000"], start=START, controls=named)
    assert made.control_names == tuple(sorted(named))
    assert len(made.panel.geos) == 5


def test_does_not_depend_on_the_order_of_the_panel(panel: Panel) -> None:
    turned = panel.only(reversed(panel.geos))
    first, second = (split(each, treated=["geo 004"], start=START) for each in (panel, turned))
    np.testing.assert_array_equal(first.panel.values, second.panel.values)


@pytest.mark.parametrize(
    ("asked", "error", "says"),
    [
        ({"treated": ["geo 0005"]}, UsageError, "Did you mean 'geo 005'"),
        ({"treated": []}, UsageError, "at least one"),
        ({"treated": ["geo 001", "geo 001"]}, UsageError, "once"),
        (
            {"controls": ["geo 001", "geo 002", "geo 003", "geo 004"]},
            UsageError,
            "geo 001 cannot be treated and",
        ),
        ({"controls": ["geo 002", "geo 003", "geo 004"]}, NotEnoughData, "3 control geos; at least 4"),
        ({"controls": ["geo 002", "geo 003", "geo 004"] * 2}, NotEnoughData, "3 control geos"),
        ({"controls": ["geo 002", "geo 003", "geo 004", "nowhere"]}, UsageError, "No geo named 'nowhere'"),
        ({"start": date(2026, 1, 6)}, NotEnoughData, "pre-period has 5 periods; 85 are to be predicted"),
        ({"start": date(2026, 1, 6), "end": date(2026, 1, 8)}, NotEnoughData, "At least 10 are needed"),
        ({"start": date(2025, 1, 6)}, UsageError, "does not lie within the data"),
        ({"start": date(2027, 1, 6)}, UsageError, "does not lie within the data"),
        ({"end": date(2026, 2, 1)}, UsageError, "does not lie within the data"),
        ({"end": date(2026, 3, 31), "cooldown": 3}, UsageError, "does not lie within the data"),
        ({"cooldown": -1}, UsageError, "does not lie within the data"),
    ],
)
def test_refuses(panel: Panel, asked: dict[str, Any], error: type[Exception], says: str) -> None:
    with pytest.raises(error, match=says):
        split(panel, **{"treated": ["geo 001"], "start": START, **asked})
