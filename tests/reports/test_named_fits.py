"""A run that reads a media mix run names it by its whole id, and is another run when that is another."""

from __future__ import annotations

import pytest

from workbench.errors import BadInput
from workbench.reports.mix_parameters import BudgetSimulatorParameters, MixParameters
from workbench.reports.parameters import name_fits

FITS = {"weekly-2": "bb", "weekly": "aa", "daily": "cc"}


def test_the_newest_fit_is_named_where_none_is() -> None:
    values, named = name_fits(MixParameters(), FITS)
    assert values["run"] == "weekly-2"
    assert values["before"] is None
    assert named == {"weekly-2": "bb"}


def test_both_fits_of_a_comparison_are_named() -> None:
    values, named = name_fits(MixParameters(run="dai", before="weekly"), FITS)
    assert (values["run"], values["before"]) == ("daily", "weekly")
    assert named == {"daily": "cc", "weekly": "aa"}


def test_without_any_fit_nothing_is_named() -> None:
    values, named = name_fits(BudgetSimulatorParameters(), {})
    assert values["run"] is None
    assert named == {}


@pytest.mark.parametrize(("asked", "says"), [("nothing", "no completed"), ("week", "several")])
def test_a_run_that_is_not_one_is_refused_before_it_starts(asked: str, says: str) -> None:
    with pytest.raises(BadInput, match=says) as refused:
        name_fits(MixParameters(run=asked), FITS, source="mix.yaml")
    assert "mix.yaml" in str(refused.value)
    assert "weekly" in str(refused.value)
