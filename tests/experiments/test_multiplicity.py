"""Many questions: adjustments of statsmodels, Dunnett's integral, and error rates under simulation."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import integrate, stats
from scipy.special import ndtr

from workbench.errors import UsageError
from workbench.experiments.inference.multiplicity import adjusted, against_control, dunnett, family
from workbench.experiments.inference.sums import sums_of

from .cells import band

HERMITE = np.polynomial.hermite_e.hermegauss(180)
THEIRS = {"holm": "holm", "benjamini_hochberg": "fdr_bh", "benjamini_yekutieli": "fdr_by"}


@pytest.mark.parametrize("adjustment", THEIRS)
@settings(max_examples=8, deadline=None)  # of Holm's method statsmodels collects all garbage each time
@given(p=st.lists(st.floats(0, 1), min_size=1, max_size=30))
def test_as_statsmodels_adjusts(adjustment: str, p: list[float]) -> None:
    from statsmodels.stats.multitest import multipletests

    assert adjusted(p, adjustment=adjustment) == pytest.approx(
        multipletests(p, method=THEIRS[adjustment])[1], abs=1e-12
    )


def test_what_was_not_tested_does_not_count() -> None:
    found = adjusted([[0.01, np.nan], [0.04, 0.03]])
    assert found[0, 0] == pytest.approx(0.03)
    assert np.isnan(found[0, 1])
    assert adjusted([]).shape == (0,)
    assert np.isnan(adjusted([np.nan])).all()


def test_a_family_says_what_remains() -> None:
    p = {("ctr", "b"): 0.001, ("roas", "b"): 0.04, ("ctr", "c"): 0.03, ("roas", "c"): float("nan")}
    found = family(p, adjustment="benjamini_hochberg")
    assert found.tested == 3
    assert found.findings == (("ctr", "b"), ("roas", "b"), ("ctr", "c"))
    assert found.sentence.startswith("3 of 3 comparisons hold after Benjamini-Hochberg's adjustment")
    assert "share of false alarms at 5%" in found.sentence
    assert found.to_frame()["p_adjusted"].round(4).tolist()[:3] == [0.003, 0.04, 0.04]
    assert "Benjamini-Hochberg" in found._repr_html_()
    strict = family(p)
    assert strict.findings == (("ctr", "b"),)
    assert strict.sentence.endswith("at 5% (3 before it): ctr of b.")


def test_words_and_figures_that_cannot_be() -> None:
    with pytest.raises(UsageError, match="No adjustment named 'bonferroni'"):
        adjusted([0.1], adjustment="bonferroni")
    with pytest.raises(UsageError, match="between 0 and 1"):
        adjusted([1.2])
    with pytest.raises(UsageError, match="less certain than the control"):
        against_control([0.1], [0.1], control_error=0.2)


def largest_of(t: float, *, variants: int, df: int, share: float) -> float:
    """Return the chance that the largest |t| of variants that share a control exceeds t (Hermite, Simpson).

    Given the control's deviation the variants are independent; their common spread is chi over root df.
    """
    nodes, weights = HERMITE
    own, s = np.sqrt(1 - share**2), np.linspace(0, 8, 1201)
    across, along = (s * t)[:, None], share * nodes
    held = (ndtr((across - along) / own) - ndtr((-across - along) / own)) ** variants @ weights
    density = stats.chi(df).pdf(s * np.sqrt(df)) * np.sqrt(df)
    return float(integrate.simpson((1 - held / weights.sum()) * density, x=s))


@pytest.mark.parametrize("df", [5, 10, 20, 120])
@pytest.mark.parametrize("variants", [1, 2, 4, 9])
@pytest.mark.parametrize("share", [np.sqrt(0.5), 0.3])
def test_critical_values_against_an_integral(df: int, variants: int, share: float) -> None:
    """Dunnett's equal groups have a share of root 1/2; a large control has less."""
    found = against_control(np.ones(variants), np.ones(variants), control_error=share, df=df)
    critical = (found.high[0] - found.low[0]) / 2
    assert largest_of(critical, variants=variants, df=df, share=share) == pytest.approx(0.05, abs=1e-7)
    for t in (0.8, 2.0, 4.0):
        again = against_control(np.full(variants, t), np.ones(variants), control_error=share, df=df)
        expected = largest_of(t, variants=variants, df=df, share=share)
        assert again.p == pytest.approx(expected, abs=1e-7)


def test_as_scipy_has_dunnett() -> None:
    rng = np.random.default_rng(31)
    groups = [rng.normal(mean, 2.0, size) for mean, size in ((5, 30), (5.9, 20), (6.6, 50), (4.9, 25))]
    theirs = stats.dunnett(*groups[1:], control=groups[0], rng=np.random.default_rng(1))
    interval = theirs.confidence_interval(0.95)
    names = ("c", "x", "y", "z")
    sums = sums_of(np.repeat(names, [30, 20, 50, 25]), {"v": np.concatenate(groups)}, variants=names)
    found = dunnett(sums, "v")
    assert found.p == pytest.approx(theirs.pvalue, abs=2e-4)
    assert found.low == pytest.approx(interval.low, abs=0.02)
    assert found.high == pytest.approx(interval.high, abs=0.02)


@pytest.mark.parametrize("df", [2, 5, 30, 1000, np.inf])
def test_one_variant_is_students_t(df: float) -> None:
    for t in (0.3, 2.0, 6.0):
        found = against_control([t], [1.0], control_error=0.6, df=df)
        assert found.p[0] == pytest.approx(2 * stats.t.sf(t, df), abs=1e-8)
        half = (found.high[0] - found.low[0]) / 2
        assert half == pytest.approx(stats.t.ppf(0.975, df), abs=1e-6)


@settings(max_examples=15, deadline=None)
@given(
    t=st.lists(st.floats(-6, 6), min_size=1, max_size=5),
    share=st.floats(0.05, 0.95),
    df=st.sampled_from([4.0, 40.0, np.inf]),
    level=st.sampled_from([0.9, 0.95, 0.99]),
)
def test_p_and_interval_are_one_procedure(t: list[float], share: float, df: float, level: float) -> None:
    found = against_control(t, np.ones(len(t)), control_error=share, df=df, level=level)
    near = np.abs(found.p - (1 - level)) < 1e-9
    assert (((found.p < 1 - level) == ((found.low > 0) | (found.high < 0))) | near).all()


def test_a_group_without_users() -> None:
    sums = sums_of(["c", "c", "x"], {"v": [1.0, 1.0, 1.0]}, variants=("c", "x", "y"))
    assert np.isnan(dunnett(sums, "v").p).all()


def correlated(repetitions: int, metrics: int, shift: np.ndarray, seed: int) -> np.ndarray:
    """Return p-values of metrics whose statistics share half of their variance."""
    rng = np.random.default_rng(seed)
    z = np.sqrt(0.5) * rng.normal(size=(repetitions, 1)) + np.sqrt(0.5) * rng.normal(
        size=(repetitions, metrics)
    )
    return 2 * stats.norm.sf(np.abs(z + shift))


@pytest.mark.parametrize("repetitions", [2_000, pytest.param(20_000, marks=pytest.mark.slow)])
def test_error_rates_with_metrics_that_move_together(repetitions: int) -> None:
    nothing = correlated(repetitions, 10, np.zeros(10), 32)
    any_false = [float((adjusted(row) < 0.05).any()) for row in nothing]
    assert np.mean(any_false) <= 0.05 + band(0.05, repetitions)
    assert float((nothing < 0.05).any(axis=1).mean()) > 0.2  # what it protects from
    some = correlated(repetitions, 10, np.r_[np.full(5, 3.0), np.zeros(5)], 33)
    for adjustment in ("benjamini_hochberg", "benjamini_yekutieli"):
        shares = []
        for row in some:
            found = adjusted(row, adjustment=adjustment) < 0.05
            shares.append(found[5:].sum() / max(found.sum(), 1))
        assert np.mean(shares) <= 0.05 + 3 * np.std(shares) / np.sqrt(repetitions)


def test_family_of_variants_under_no_effect() -> None:
    """Four variants share a control with fewer users than any of them."""
    rng, repetitions = np.random.default_rng(34), 20_000
    control = rng.normal(0, 0.2, (repetitions, 1))
    apart = rng.normal(0, 0.1, (repetitions, 4)) - control
    errors = np.full(4, np.sqrt(0.05))
    critical = against_control(np.zeros(4), errors, control_error=0.2).high[0]
    false = float((np.abs(apart) > critical).any(axis=1).mean())
    assert abs(false - 0.05) <= band(0.05, repetitions)
