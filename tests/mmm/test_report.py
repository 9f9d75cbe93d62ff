"""A fit read as a whole: its parts agree with each other."""

from __future__ import annotations

import numpy as np
import pytest
from tests.mmm import handmade

from workbench.mmm.report import mix_report


def test_all_parts_tell_one_story() -> None:
    report = mix_report(handmade.fitted(handmade.market(periods=60, channels=3)))
    assert report.results is not None
    assert report.decomposition is not None
    assert report.curves is not None
    assert report.figures is not None
    caused = {part.name: part.total.value for part in report.decomposition.of("channel")}
    for one in report.results.channels:
        assert caused[one.channel] == pytest.approx(one.contribution.value)
    np.testing.assert_allclose(report.figures.course.fitted, report.decomposition.fitted)
    for curve in report.curves.curves:
        assert curve.saturation == report.results[curve.channel].saturation
    assert report.sentence == report.results.sentence
    assert len(report.to_frame()) == 3
