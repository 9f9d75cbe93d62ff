"""Comparisons from sums: they agree with the parts they are made of, and say what is missing and why."""

from __future__ import annotations

import math
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from workbench.errors import BadInput, UsageError
from workbench.experiments.inference.comparing import (
    SAME,
    compare_means,
    compare_proportions,
    compare_ratios,
    compare_stratified,
)
from workbench.experiments.inference.comparison import Comparison, Label, frame_of, shown_p
from workbench.experiments.inference.proportions import scores
from workbench.experiments.inference.relative import NO_CONTROL, UNBOUNDED
from workbench.experiments.inference.sums import Sums, sums_of

from .cells import hillstrom, shares, shop, sparse

LABEL = Label(metric="revenue", title="Revenue per user", unit="money", currency="EUR")


def one(*parts: list[float], variants: tuple[str, ...] = ("old", "new")) -> Sums:
    where = [name for name, part in zip(variants, parts, strict=True) for _ in part]
    return sums_of(where, {"y": [value for part in parts for value in part]}, variants=variants)


def test_three_comparisons_of_the_documented_shop() -> None:
    sums, _ = shop()
    [mean] = compare_means(sums, "revenue", label=LABEL, covariates=["revenue_covariate"])
    assert mean.p == pytest.approx(0.0067439, abs=5e-8)
    assert mean.method == "CUPED (1 covariate), Welch's t"
    assert mean.reduction == pytest.approx(0.2767, abs=1e-4)
    assert (mean.n, mean.n_control) == (1977, 2023)
    assert mean.effect_size.value == pytest.approx(0.0730, abs=1e-4)
    [ratio] = compare_ratios(sums, ("orders", "sessions"), label=LABEL)
    assert ratio.value.value - ratio.value_control.value == pytest.approx(ratio.difference.value)
    [share] = compare_proportions(sums, "converted", label=Label(metric="cvr", unit="%"))
    assert share.value_control.value == pytest.approx(0.345032, abs=5e-7)
    assert share.value.value == pytest.approx(0.383915, abs=5e-7)
    assert share.effect_size.method == "Cohen's h"


@pytest.mark.data
def test_every_variant_is_compared_with_the_control(public_data: Path) -> None:
    found = compare_means(hillstrom(public_data), "spend", label=LABEL, covariates=["history"])
    assert [(c.variant, c.control) for c in found] == [
        ("Mens E-Mail", "No E-Mail"),
        ("Womens E-Mail", "No E-Mail"),
    ]
    # What customers spent in a year says next to nothing about two weeks.
    assert 0 <= found[0].reduction < 0.01
    assert found[0].difference.value == pytest.approx(0.77, abs=0.01)
    assert found[0].relative.low > 0.6


@pytest.mark.data
def test_published_effect_of_any_e_mail(public_data: Path) -> None:
    table = pd.read_csv(public_data / "ab_tests/hillstrom_email/hillstrom.csv")
    where = np.where(table["segment"] == "No E-Mail", "none", "any").astype(object)
    columns = {name: table[name].to_numpy(float) for name in ("visit", "conversion", "spend")}
    sums = sums_of(where, columns, variants=("none", "any"))
    [spend] = compare_means(sums, "spend", label=LABEL)
    ends = (spend.difference.value, spend.difference.low, spend.difference.high)
    assert ends == pytest.approx((0.5967961, 0.3761853, 0.8174069), abs=5e-8)
    incremental = spend.difference.scaled(spend.n)
    assert incremental.value == pytest.approx(25_479.61, abs=0.005)
    assert (incremental.low, incremental.high) == pytest.approx((16_060.85, 34_898.37), abs=0.005)
    assert spend.difference.value / spend.value.value == pytest.approx(0.47760, abs=5e-6)
    for name, value, z in (("visit", 0.0608820, 20.510088), ("conversion", 0.0049546, 6.243765)):
        [share] = compare_proportions(sums, name, label=LABEL)
        assert share.difference.value == pytest.approx(value, abs=5e-8)
        assert scores(sums, name)[0] == pytest.approx(z, abs=5e-7)


def test_cells_are_compared_each() -> None:
    sums = shares(np.random.default_rng(1), (400, 500), (0.1, 0.12), 7)
    found = compare_proportions(sums, "y", label=Label(metric="cvr"))
    assert len(found) == 7
    for place, comparison in enumerate(found):
        alone = Sums(
            variants=sums.variants, columns=sums.columns, n=sums.n[place], means=sums.means[place],
            products=sums.products[place],
        )  # fmt: skip
        [other] = compare_proportions(alone, "y", label=Label(metric="cvr"))
        assert (comparison.p, comparison.relative.low) == pytest.approx(
            (other.p, other.relative.low), rel=1e-9
        )


def said(comparison: Comparison, words: str) -> bool:
    return any(words in note for note in comparison.notes) and isinstance(comparison.sentence, str)


def test_a_group_without_users() -> None:
    for found in (
        *compare_means(one([], [1.0, 2.0]), "y", label=LABEL),
        *compare_proportions(one([], [1.0, 0.0]), "y", label=LABEL),
    ):
        assert said(found, "there are no users in old")
        assert not found.difference.known
        assert "no comparison of new with old, because there are no users in old" in found.sentence
        assert math.isnan(found.p)
        assert not found.significant


def test_one_user_is_too_few_for_a_mean() -> None:
    [found] = compare_means(one([4.0], [1.0, 2.0]), "y", label=LABEL)
    assert said(found, "there is only one user in old")
    assert found.difference.value == -2.5
    assert "how sure that is cannot be said" in found.sentence


def test_what_does_not_vary() -> None:
    [found] = compare_means(one([2.0] * 9, [3.0] * 9), "y", label=LABEL)
    assert said(found, SAME)
    assert found.relative.value == 0.5
    assert math.isnan(found.relative.low)


def test_all_and_none_converted() -> None:
    [everybody] = compare_proportions(one([1.0] * 300, [1.0] * 200), "y", label=LABEL)
    assert said(everybody, "everybody converted")
    assert everybody.p == 1.0
    [nobody] = compare_proportions(one([0.0] * 300, [0.0] * 200), "y", label=LABEL)
    assert said(nobody, "nobody converted")
    assert said(nobody, NO_CONTROL)
    assert not nobody.significant
    [some] = compare_proportions(one([0.0] * 300, [0.0] * 200 + [1.0] * 20), "y", label=LABEL)
    assert some.significant
    assert math.isnan(some.relative.value)
    assert said(some, "the control's figure is zero")


def test_few_conversions_say_that_fisher_decides() -> None:
    [found] = compare_proportions(one([0.0] * 40 + [1.0], [0.0] * 33 + [1.0] * 7), "y", label=LABEL)
    assert said(found, "Fisher's exact test")
    assert "Fisher" in found.method


def test_a_control_near_zero_is_said_in_words() -> None:
    rng = np.random.default_rng(2)
    [found] = compare_means(
        one(rng.normal(0.1, 1, 50).tolist(), rng.normal(2, 1, 50).tolist()), "y", label=LABEL
    )
    assert found.significant
    assert said(found, UNBOUNDED)
    assert math.isinf(found.relative.high)
    assert "no upper bound" in found.sentence


def test_infinite_and_missing_values_are_refused() -> None:
    for value in (math.inf, math.nan):
        with pytest.raises(BadInput, match="infinite or missing"), np.errstate(invalid="ignore"):
            compare_means(one([1.0, value], [1.0, 2.0]), "y", label=LABEL)
    with pytest.raises(UsageError, match="no share"):
        compare_proportions(one([1.0, 2.0], [1.0, 2.0]), "y", label=LABEL)
    with pytest.raises(UsageError, match="No column"):
        compare_means(one([1.0, 2.0], [1.0, 2.0]), "z", label=LABEL)


def test_a_ratio_over_nothing() -> None:
    sums = sums_of(["a", "a", "b", "b"], {"y": [1, 2, 3, 5], "z": [0, 0, 1, 2]}, variants=("a", "b"))
    [found] = compare_ratios(sums, ("y", "z"), label=LABEL)
    assert said(found, "its denominator is zero")


def test_a_past_that_differs_is_said() -> None:
    rng = np.random.default_rng(3)
    treated = np.repeat([0, 1], 1000)
    before = rng.normal(10, 2, 2000) + 0.6 * treated
    columns = {"y": before + rng.normal(0, 1, 2000) - 0.3 * treated, "before": before}
    sums = sums_of(np.where(treated, "b", "a").astype(object), columns, variants=("a", "b"))
    [found] = compare_means(sums, "y", label=LABEL, covariates=["before"])
    assert said(found, "before differed before the experiment already")
    assert said(found, "the plain figures point the other way")
    few = compare_means(sums_of(["a", "b"] * 10, {"y": range(20), "x": range(20)}, variants=("a", "b")), "y",
                        label=LABEL, covariates=["x"])[0]  # fmt: skip
    assert said(few, "not adjusted")
    assert few.method == "Welch's t"


def test_strata_are_weighed_and_thin_ones_counted() -> None:
    rng = np.random.default_rng(4)
    parts = []
    for n, mean in (((500, 200), 1.0), ((100, 400), 9.0), ((1, 3), 5.0), ((4, 1), 5.0)):
        parts.append(one(rng.normal(mean, 1, n[0]).tolist(), rng.normal(mean + 0.5, 1, n[1]).tolist()))
    sums = Sums(
        variants=("old", "new"), columns=("y",), n=np.stack([part.n for part in parts]),
        means=np.stack([part.means for part in parts]), products=np.stack([part.products for part in parts]),
    )  # fmt: skip
    [found] = compare_stratified(sums, "y", label=LABEL)
    assert found.difference.low < 0.5 < found.difference.high
    assert found.difference.high < 1
    assert found.reduction > 0.5
    assert said(found, "2 strata")
    assert found.method == "post-stratified Welch's t"
    assert found.n == 604


def test_sentences_and_tables() -> None:
    sums = shares(np.random.default_rng(5), (2000, 2000), (0.05, 0.1), 1)
    [found] = compare_proportions(sums, "y", label=Label(metric="cvr", title="Conversion", unit="%"))
    assert "a clear difference" in found.sentence
    assert " pp" in found.sentence
    frame = found.to_frame()
    assert frame.loc[0, "p"] == found.p
    assert len(frame_of([found, found])) == 2
    html = found._repr_html_()
    assert "<table>" in html
    hostile = Label(metric="<script>", title="<b>x</b>")
    [other] = compare_means(one([1.0, 2.0], [2.0, 4.0], variants=("<i>a", "b")), "y", label=hostile)
    assert "<script>" not in other._repr_html_()
    assert "<i>" not in other._repr_html_()
    assert "<b>" not in other._repr_html_()


def test_p_is_never_shown_as_zero() -> None:
    big = Sums(
        variants=("a", "b"), columns=("y",), n=np.array([1e7, 1e7]), means=np.array([[0.1], [0.5]]),
        products=np.array([[[0.09e7]], [[0.25e7]]]),
    )  # fmt: skip
    [found] = compare_proportions(big, "y", label=LABEL)
    assert found.p > 0
    assert shown_p(found.p) not in {"0", "0.0", "0.0e+00"}
    [mean] = compare_means(big, "y", label=LABEL)
    assert mean.p > 0


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.integers(0, 1), min_size=2, max_size=60), st.lists(st.integers(0, 1), min_size=2, max_size=60)
)
def test_p_and_every_interval_agree(control: list[int], variant: list[int]) -> None:
    sums = one([float(value) for value in control], [float(value) for value in variant])
    for [found] in (compare_means(sums, "y", label=LABEL), compare_proportions(sums, "y", label=LABEL)):
        if not math.isfinite(found.p) or abs(found.p - 0.05) < 1e-9:
            continue
        for estimate in (found.difference, found.relative, found.effect_size):
            if math.isfinite(estimate.value) and not math.isnan(estimate.low):
                assert estimate.significant == (found.p < 0.05) or math.isnan(found.relative.p)
        assert found.significant == (found.p < 0.05)


def test_a_thousand_cells_take_little_time() -> None:
    sums = sparse(np.random.default_rng(6), (1000, 1000), 0.05, 1.1, 1000)
    from workbench.experiments.inference.means import differences, mean_arms
    from workbench.experiments.inference.relative import relative

    start = time.process_time()
    arms = mean_arms(sums, "y")
    differences(arms)
    relative(arms)
    assert time.process_time() - start < 2  # on a machine that may be slow and busy
