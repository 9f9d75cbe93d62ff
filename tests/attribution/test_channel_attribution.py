"""Rules and chains beside the package ChannelAttribution, and where they differ from it on purpose.

The package exists as source only and compiles for a minute, so it is in the group `reference`, not in `dev`:
`uv sync --inexact --group reference` installs it. Its figures of its own data are tested without it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from workbench.attribution.chain import chain_of_paths
from workbench.attribution.journeys import Journeys
from workbench.attribution.markov import markov_credit

package: Any = pytest.importorskip(
    "ChannelAttribution",
    reason="ChannelAttribution has to be compiled: uv sync --inexact --group reference",
    exc_type=ImportError,
)
RULES = {"first_touch": "first_touch", "last_touch": "last_touch", "linear": "linear_touch"}
Paths = Sequence[Sequence[str]]
Values = Sequence[float | None]


def heuristics(paths: Paths, value: Values) -> pd.DataFrame:
    """Return what the package credits by its rules, one row per channel."""
    rows = {
        "path": [">".join(path) for path in paths],
        "sold": [int(some is not None) for some in value],
        "value": [some or 0.0 for some in value],
    }
    return package.heuristic_models(pd.DataFrame(rows), "path", "sold", "value", flg_pro=False).set_index(
        "channel_name"
    )


def same_rules(found: Journeys, wanted: pd.DataFrame) -> None:
    """Check conversions and value of every channel by every rule that both have."""
    for rule, theirs in RULES.items():
        for place, figure in enumerate(("conversions", "value")):
            told = wanted[f"{theirs}_{figure}"].reindex(list(found.names), fill_value=0.0)
            assert found.credited(rule, "any")[:, place] == pytest.approx(told.to_numpy(), rel=1e-10), rule


@pytest.mark.parametrize(("channels", "memory", "seed"), [(3, 1, 0), (7, 2, 1), (12, 1, 2)])
def test_rules_on_simulated_journeys(
    simulate: Callable[..., tuple[Paths, Values]],
    journeys_of: Callable[..., Journeys],
    channels: int,
    memory: int,
    seed: int,
) -> None:
    paths, value = simulate(600, channels, memory=memory, seed=seed)
    found = journeys_of(paths, value)
    assert found.conversions > 50
    same_rules(found, heuristics(paths, value))


@pytest.mark.data
def test_rules_on_its_own_data(public_data: Path, journeys_of: Callable[..., Journeys]) -> None:
    frame = pd.read_csv(public_data / "journeys" / "channelattribution_paths" / "Data.csv")
    frame = frame[frame.total_conversions > 0]
    each = frame.total_conversions.to_numpy().astype(int)
    paths = frame.path.str.split(" > ").repeat(each).tolist()
    value = (frame.total_conversion_value / each).repeat(each).tolist()
    columns = ("path", "total_conversions", "total_conversion_value")
    wanted = package.heuristic_models(frame, *columns, flg_pro=False).set_index("channel_name")
    found = journeys_of(paths, value, order=1, buckets=1)
    assert found.conversions == 19_785
    same_rules(found, wanted)


def test_the_exact_chain_is_where_its_simulation_goes(
    simulate: Callable[..., tuple[Paths, Values]], journeys_of: Callable[..., Journeys]
) -> None:
    paths, value = simulate(600, 5, seed=3)
    frame = pd.DataFrame({"path": [">".join(path) for path in paths]}).assign(
        sold=[int(some is not None) for some in value],
        value=[some or 0.0 for some in value],
        none=[int(some is None) for some in value],
    )
    found = journeys_of(paths, value)
    for order in (1, 2):
        told = package.markov_model(
            frame, "path", "sold", "value", "none", order=order, seed=1, verbose=False, flg_pro=False
        ).set_index("channel_name")
        exact = pd.DataFrame(markov_credit(found.chain(order)), index=list(found.names)).loc[told.index]
        for place, column in enumerate(("total_conversions", "total_conversion_value")):
            assert (exact[place] - told[column]).abs().sum() < 0.05 * exact[place].sum()


def test_a_conversion_without_a_touch_is_not_credited_to_its_neighbour(
    journeys_of: Callable[..., Journeys],
) -> None:
    """The package credits an empty path to the channels of the row before it, and linear loses it."""
    paths, value = [["email", "search"], [], ["search"]], [10.0, 20.0, 30.0]
    theirs = heuristics(paths, value)
    assert theirs.first_touch_conversions.sum() == 3
    assert theirs.linear_touch_conversions.sum() == 2
    found = journeys_of(paths, value)
    for rule in RULES:
        assert found.credited(rule, "any").sum(axis=0).tolist() == [2.0, 40.0]
    assert found.untouched.tolist() == [1.0, 20.0]


def test_weighted_conversions_are_not_cut_off() -> None:
    """The package takes the whole part of conversions: half a conversion is none, 1.7 are one."""
    paths, sold = ["a", "b"], [0.5, 1.7]
    frame = pd.DataFrame({"path": paths, "sold": sold, "value": [0.0, 0.0]})
    theirs = package.heuristic_models(frame, "path", "sold", "value", flg_pro=False)
    assert theirs.last_touch_conversions.tolist() == [0.0, 1.0]
    credit = markov_credit(chain_of_paths([[path] for path in paths], sold, [0.0, 0.0]))
    assert credit[:, 0] == pytest.approx(np.array(sold))
