"""Credit beside experiments."""

from __future__ import annotations

import math

import pytest

from workbench.attribution.credit import UNATTRIBUTED, Credit, CreditRow
from workbench.attribution.incrementality import Caused, against_experiments
from workbench.errors import BadInput


def row(model: str, channel: str, conversions: float, low: float, high: float) -> CreditRow:
    return CreditRow(
        model=model,
        channel=channel,
        conversions=conversions,
        conversions_low=low,
        conversions_high=high,
        value=conversions,
        share=conversions / 100,
    )


CREDIT = Credit(
    by="channel",
    window="30d",
    conversions=100,
    value=100,
    rows=(
        row("linear", "email", 40, 30, 50),
        row("linear", "<b>video", 0, 0, 3.7),
        row("linear", UNATTRIBUTED, 60, 50, 70),
        row("last_touch", "email", 20, 12, 30),
        row("last_touch", "<b>video", 20, 10, 30),
        row("last_touch", UNATTRIBUTED, 60, 50, 70),
    ),
)


def test_factors_and_agreement() -> None:
    found = against_experiments(CREDIT, {"email": Caused(conversions=10, low=5, high=15)})
    linear, last = found.rows
    assert (linear.factor, linear.factor_low, linear.factor_high, linear.agrees) == (
        0.25,
        0.125,
        0.375,
        False,
    )
    assert (last.factor, last.agrees) == (0.5, True)
    assert found.untested == ("<b>video",)
    assert found.sentence == (
        "last_touch is nearest to the experiments: it credits 20 conversions where 10 were caused, "
        "and agrees on 1 of 1 tested channels."
    )


def test_a_channel_that_does_harm_and_one_without_credit() -> None:
    found = against_experiments(CREDIT, {"<b>video": Caused(conversions=-4, low=-9, high=1)})
    without, some = found.rows
    assert (without.factor, without.agrees) == (None, True)
    assert some.factor == -0.2
    assert "&lt;b&gt;video" in found._repr_html_()


def test_no_experiment_is_said() -> None:
    assert against_experiments(CREDIT, {}).sentence == "No channel with credit had an experiment."
    with pytest.raises(BadInput, match="outside its own interval"):
        Caused(conversions=5, low=6, high=7)
    with pytest.raises(BadInput, match="not a number"):
        Caused(conversions=math.nan, low=0, high=1)
