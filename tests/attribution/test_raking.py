"""Credit of single conversions that adds up to a model's totals."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from workbench.attribution.chain import chain_of_paths
from workbench.attribution.coalitions import coalitions_of_paths
from workbench.attribution.markov import markov_credit
from workbench.attribution.raking import rake
from workbench.errors import BadInput

PATHS = [["a"], ["a", "b"], ["b", "a", "b"], ["c", "a"], ["a", "a", "c"], ["d", "b", "c", "a"], ["d", "d"]]
CONVERSIONS = [2, 1, 2, 1, 3, 1, 1]


@settings(max_examples=30, deadline=None)
@given(st.lists(st.floats(0.05, 5), min_size=4, max_size=4))
def test_totals_that_can_be_reached_are_reached(multipliers) -> None:
    """Totals made with known multipliers: the shares found are those they were made with."""
    some = coalitions_of_paths(PATHS, CONVERSIONS)
    weight = np.array(multipliers)[some.members]
    sums = np.bincount(some.rows, weight)
    shares = weight / sums[some.rows]
    found = rake(some, some.over(shares * some.conversions[some.rows]), steps=100_000)
    assert found.gap < 1e-9
    mine = found.multipliers[some.members]
    again = mine / np.bincount(some.rows, mine)[some.rows]
    assert again == pytest.approx(shares, abs=1e-5)


def test_markov_credit_of_single_conversions_adds_up() -> None:
    nulls = [3, 4, 1, 2, 0, 1, 0]
    some = coalitions_of_paths(PATHS, CONVERSIONS, nulls=nulls)
    totals = markov_credit(chain_of_paths(PATHS, CONVERSIONS, nulls=nulls))[:, 0]
    found = rake(some, totals)
    sums = dict.fromkeys(some.names, 0.0)
    for path, conversions in zip(PATHS, CONVERSIONS, strict=True):
        shares = found.shares(path)
        assert shares.sum() == 1
        for name, share in zip(path, shares, strict=True):
            sums[name] += conversions * share
    assert list(sums.values()) == pytest.approx(totals, abs=found.gap * sum(CONVERSIONS) + 1e-9)


def test_totals_that_cannot_be_reached_are_said() -> None:
    """b touched one conversion and is credited with two."""
    found = rake(coalitions_of_paths([["a", "b"], ["a"]], [1, 3]), [2, 2], steps=500)
    assert found.gap == pytest.approx(0.25, abs=0.01)
    assert found.shares(["a", "b"]) == pytest.approx([0, 1], abs=0.02)


def test_a_path_of_channels_without_credit_is_shared_evenly() -> None:
    found = rake(coalitions_of_paths([["a"], ["b", "c"]], [1, 1]), [2, 0, 0])
    assert found.shares(["b", "c", "c"]).tolist() == [0.5, 0.25, 0.25]
    assert found.shares([]).tolist() == []
    with pytest.raises(BadInput, match="has not seen"):
        found.shares(["z"])


def test_what_cannot_be_shared_out_is_refused() -> None:
    some = coalitions_of_paths([["a"], ["b"]], [1, 1], [5, -9])
    with pytest.raises(BadInput, match="one total"):
        rake(some, [1])
    with pytest.raises(BadInput, match="above zero"):
        rake(some, [1, 1], of="value")
    with pytest.raises(BadInput, match="above zero"):
        rake(some, [-1, 3])
