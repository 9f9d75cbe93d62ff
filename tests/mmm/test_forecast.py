"""What a forecast is compared with: the same week a year ago, or the last week where there is no year."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from tests.mmm import handmade

from workbench.mmm.forecast import expected_outcome, forecast_of, kept_away
from workbench.mmm.gates import gates
from workbench.mmm.market import Market
from workbench.mmm.window import latest


def _error(market: Market) -> tuple[float, int]:
    held = kept_away(market)
    return forecast_of(handmade.draws(market), market, held=held, seed=1).naive_error, held


def test_days_without_a_season_are_compared_with_the_same_weekday() -> None:
    """An outcome that repeats every week: the naive forecast of it is right."""
    market = handmade.market(periods=400, period="day")
    weekly = np.tile([1.0, 2.0, 3.0, 4.0, 5.0, 9.0, 8.0], 58)[None, :400] * 100
    assert _error(replace(market, outcome=weekly))[0] == 0


def test_days_with_a_season_are_compared_with_the_same_weekday_of_last_year() -> None:
    market = handmade.market(periods=700, period="day")
    yearly = np.random.default_rng(0).normal(1000, 100, 364)
    assert _error(replace(market, outcome=np.resize(yearly, 700)[None]))[0] == 0


@pytest.mark.parametrize(("weeks", "lag"), [(150, 52), (60, None)])
def test_weeks_are_compared_with_last_years_or_the_last_one(weeks: int, lag: int | None) -> None:
    market = handmade.market(periods=weeks)
    found, held = _error(market)
    total = market.outcome[0]
    naive = total[weeks - held - 1] if lag is None else total[weeks - held - lag : weeks - lag]
    assert found == pytest.approx(np.abs(total[weeks - held :] - naive).mean())


def test_the_gate_says_what_it_compared_with() -> None:
    short, long = (gates(handmade.fitted(handmade.market(periods=weeks))) for weeks in (60, 150))
    said = [found.verdicts[-1].message for found in (short, long)]
    assert "the last week's figure" in said[0]
    assert "last season's figure" in said[1]


@pytest.mark.parametrize("figures", [1, 2, 60])
def test_the_last_periods_are_those_of_all(figures: int) -> None:
    """Whatever the level is kept as; a line of a level is that line written out."""
    fit = handmade.fitted(handmade.market(periods=60, regions=3))
    level = 800 + np.random.default_rng(2).normal(0, 30, (len(fit.draws), 3, figures))
    draws = replace(fit.draws, level=level)
    every = expected_outcome(draws, fit.market)
    assert expected_outcome(draws, fit.market, window=latest(fit.market, 9)) == pytest.approx(
        every[:, :, -9:]
    )
    if figures == 2:
        written = np.stack([level[:, :, 0] + level[:, :, 1] * way for way in np.linspace(-1, 1, 60)], axis=2)
        assert expected_outcome(replace(draws, level=written), fit.market) == pytest.approx(every)
