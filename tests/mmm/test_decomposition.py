"""The parts of the outcome: they sum to what the model expects, and nothing is counted twice."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from tests.mmm import handmade

from workbench.errors import UsageError
from workbench.mmm.curves import contribution_totals
from workbench.mmm.decomposition import decompose
from workbench.mmm.forecast import expected_outcome


@pytest.mark.parametrize("regions", [1, 3])
def test_parts_sum_to_the_fitted_mean(regions: int) -> None:
    fit = handmade.fitted(handmade.market(regions=regions, periods=60))
    found = decompose(fit)
    fitted = expected_outcome(fit.draws, fit.market).sum(axis=1).mean(axis=0)
    np.testing.assert_allclose(found.fitted, fitted, rtol=1e-10)
    np.testing.assert_allclose(sum(part.mean for part in found.parts), fitted, rtol=1e-10)
    assert sum(part.share.value for part in found.parts) == pytest.approx(1)
    np.testing.assert_allclose(found.actual, fit.market.outcome.sum(axis=0))
    for part in found.parts:
        assert (part.low <= part.mean).all()
        assert (part.mean <= part.high).all()


def test_channels_have_their_contributions_and_controls_their_names() -> None:
    fit = handmade.fitted()
    found = decompose(fit)
    totals = contribution_totals(fit.draws, fit.market).sum(axis=1).mean(axis=0)
    assert [part.total.value for part in found.of("channel")] == pytest.approx(totals)
    assert [part.name for part in found.parts] == ["baseline", "season", "price", "tv", "search"]
    assert len(found.to_frame()) == 5 * 60
    assert found.without_media.total.value == pytest.approx(found.fitted.sum() - totals.sum())
    assert found.without_media.total.low < found.without_media.total.value < found.without_media.total.high
    assert "would have come without media" in found.sentence
    assert decompose(handmade.fitted(bad=True)).sentence.startswith("Do not decide on this model yet.")


def test_a_moving_level_is_a_baseline_and_a_trend_around_it() -> None:
    fit = handmade.fitted()
    path = np.linspace(-100, 100, 60)
    moving = replace(fit.draws, level=fit.draws.level + path)
    found = decompose(replace(fit, draws=moving))
    trend = found.of("trend")[0]
    assert (trend.total.value, trend.total.low, trend.share.value) == (0.0, 0.0, 0.0)  # no rest of rounding
    np.testing.assert_allclose(trend.mean, path, atol=1e-9)
    assert found.of("baseline")[0].mean == pytest.approx(np.full(60, fit.draws.level.mean()))


def test_one_region_is_a_part_of_all() -> None:
    fit = handmade.fitted(handmade.market(regions=2, periods=60))
    first, second = (decompose(fit, region=name) for name in fit.market.regions)
    np.testing.assert_allclose(first.fitted + second.fitted, decompose(fit).fitted)
    with pytest.raises(UsageError, match="region 0"):
        decompose(fit, region="region")
