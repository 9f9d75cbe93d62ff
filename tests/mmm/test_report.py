"""A fit of a simulated market, read as a whole: its parts agree with each other and with the truth."""

from __future__ import annotations

import numpy as np
import pytest

from workbench.mmm.fitted import MixFit
from workbench.mmm.report import MixReport, mix_report
from workbench.mmm.simulation import SimulatedMarket


@pytest.fixture(scope="module")
def report(fitted: MixFit) -> MixReport:
    """Return the report of the shared fit."""
    return mix_report(fitted)


def test_the_truth_is_where_the_report_looks_for_it(report: MixReport, simulated: SimulatedMarket) -> None:
    assert report.results is not None
    truth = simulated.truth
    for true, one in zip(truth.roi, report.results.channels, strict=True):
        assert one.roi.low <= true <= one.roi.high
        assert one.learning is not None
        assert one.learning.spread_left < 0.9
    for true, one in zip(truth.marginal_roi, report.results.channels, strict=True):
        assert one.marginal_roi.low <= true <= one.marginal_roi.high


def test_all_parts_tell_one_story(report: MixReport) -> None:
    assert report.results is not None
    assert report.decomposition is not None
    assert report.curves is not None
    assert report.figures is not None
    caused = {part.name: part.total.value for part in report.decomposition.of("channel")}
    for one in report.results.channels:
        assert caused[one.channel] == pytest.approx(one.contribution.value)
    np.testing.assert_allclose(report.figures.course.fitted, report.decomposition.fitted)
    assert report.figures.r2 > 0.8
    assert report.figures.coverage[2].seen > 0.85
    for curve in report.curves.curves:
        assert curve.saturation == report.results[curve.channel].saturation
    assert report.sentence == report.results.sentence
    assert len(report.to_frame()) == 3
