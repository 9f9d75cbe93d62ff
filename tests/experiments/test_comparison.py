"""What a comparison says: in a sentence, in a table, in a page."""

from __future__ import annotations

import math

import numpy as np
import pytest

from workbench.experiments.inference.comparing import compare_means
from workbench.experiments.inference.comparison import Comparison, Label, frame_of, shown_p
from workbench.experiments.inference.estimate import Estimate, unknown

from .cells import cells


def comparison(difference: Estimate, relative: Estimate, **more: object) -> Comparison:
    figures: dict[str, object] = {
        "label": Label(metric="cvr", title="Conversion", unit="%"),
        "variant": "new",
        "control": "old",
        "n": 1000,
        "n_control": 900,
        "value": Estimate(value=0.06, low=0.05, high=0.08),
        "value_control": Estimate(value=0.05, low=0.04, high=0.07),
        "difference": difference,
        "relative": relative,
        "effect_size": Estimate(value=0.04, low=0.01, high=0.09),
    }
    return Comparison(**(figures | more))  # type: ignore[arg-type]


CLEAR = Estimate(value=0.01, low=0.002, high=0.018, p=0.012, method="score test")
LIFT = Estimate(value=0.2, low=0.03, high=0.4, p=0.012)


def test_a_clear_difference() -> None:
    found = comparison(CLEAR, LIFT)
    assert found.sentence == (
        "Conversion: new had 6% against 5% of old, a clear difference "
        "(+20.0% [+3.0% to +40.0%], +1 pp [+0.2 pp to +1.8 pp], p 0.012)."
    )
    assert (found.method, found.p, found.significant) == ("score test", 0.012, True)
    assert "Conversion in mobile: new" in comparison(CLEAR, LIFT, segment="mobile").sentence


def test_no_clear_difference() -> None:
    found = comparison(Estimate(value=-0.01, low=-0.02, high=0.001, p=0.08), LIFT)
    assert "no clear difference" in found.sentence
    assert "-1 pp" in found.sentence or "−1 pp" in found.sentence


@pytest.mark.parametrize(
    ("low", "high", "words"),
    [
        (-math.inf, math.inf, "+20.0% with no bounds"),
        (0.03, math.inf, "[+3.0% to no upper bound]"),
        (-math.inf, 0.4, "[no lower bound to +40.0%]"),
    ],
)
def test_missing_bounds_are_words(low: float, high: float, words: str) -> None:
    assert words in comparison(CLEAR, Estimate(value=0.2, low=low, high=high)).sentence


def test_without_a_lift_the_difference_stands_alone() -> None:
    assert "a clear difference (+1 pp [" in comparison(CLEAR, unknown("nobody converted")).sentence


def test_what_is_not_known_is_said() -> None:
    nothing = unknown("there are no users in old")
    assert comparison(nothing, nothing).sentence == (
        "Conversion: no comparison of new with old, because there are no users in old."
    )
    unsure = Estimate(value=0.01, low=math.nan, high=math.nan, note="nothing varies")
    assert comparison(unsure, nothing).sentence.endswith("how sure that is cannot be said: nothing varies.")


def test_a_table_has_a_row_for_each() -> None:
    frame = frame_of([comparison(CLEAR, LIFT, notes=("one", "two")), comparison(CLEAR, LIFT)])
    assert frame.loc[0, ["variant", "control", "n", "p", "notes"]].tolist() == [
        "new",
        "old",
        1000,
        0.012,
        "one; two",
    ]
    assert frame.loc[1, ["relative_low", "relative_high"]].tolist() == [0.03, 0.4]


def test_names_from_data_cannot_write_html() -> None:
    page = comparison(CLEAR, LIFT, variant="<script>alert(1)</script>")._repr_html_()
    assert "<script>" not in page


def test_p_is_never_zero() -> None:
    assert shown_p(2.2e-308) == "< 0.0001"
    assert shown_p(1e-4) == "0.0001"
    assert shown_p(0.05) == "0.05"


def test_a_tiny_p_is_a_bound_to_a_reader_and_a_number_in_the_frame() -> None:
    rng = np.random.default_rng(0)
    sums = cells({"y": rng.normal(0, 1, (1, 500))}, {"y": rng.normal(2, 1, (1, 500))})
    label = Label(metric="y", title="Y", unit="")
    (found,) = compare_means(sums, "y", label=label)
    assert "p < 0.0001)" in found.sentence
    assert found.p == found.to_frame().loc[0, "p"] < 1e-100
    assert "&lt; 0.0001" in found._repr_html_()
    assert f"{found.p:.3g}" not in found._repr_html_()
