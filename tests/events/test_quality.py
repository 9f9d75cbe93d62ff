"""Quality figures and the alerts that follow from them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workbench.events.quality import RULES, Quality, alerts


@pytest.mark.parametrize(
    ("figures", "level", "figure"),
    [
        ({"read": 1000, "accepted": 949, "quarantined": 51}, "critical", "pass_rate"),
        ({"read": 949, "accepted": 949, "ingestion_rate": 0.949}, "critical", "ingestion_rate"),
        ({"read": 1, "accepted": 1, "freshness_minutes": 15.1}, "warning", "freshness_minutes"),
        ({"read": 1, "accepted": 1, "completeness": 0.899}, "warning", "completeness"),
        ({"read": 1000, "accepted": 1000, "late": 51}, "info", "late_rate"),
        ({"read": 1000, "accepted": 989, "duplicates": 11}, "info", "duplicate_rate"),
    ],
)
def test_a_figure_beyond_its_limit(figures: dict[str, float], level: str, figure: str) -> None:
    (alert,) = alerts([Quality(**figures)])  # type: ignore[arg-type]
    assert (alert.level, alert.figure) == (level, figure)
    assert alert.sentence.startswith(f"{level}: ")


def test_a_figure_at_its_limit_is_no_alert() -> None:
    at = Quality(
        read=10_000,
        accepted=9_400,
        duplicates=100,
        quarantined=500,
        late=470,
        ingestion_rate=0.95,
        completeness=0.90,
        freshness_minutes=15,
    )
    assert alerts([at]) == ()


def test_a_backfill_is_old_by_nature() -> None:
    old = Quality(read=10, accepted=10, late=10, freshness_minutes=1e6)
    assert {alert.figure for alert in alerts([old])} == {"freshness_minutes", "late_rate"}
    assert alerts([old], live=False) == ()


def test_rows_that_the_mapping_leaves_out_judge_nothing() -> None:
    figures = Quality(read=1000, accepted=97, quarantined=903, unmapped=900)
    assert figures.pass_rate == pytest.approx(0.97)
    assert alerts([figures]) == ()
    assert Quality(read=5, quarantined=5, unmapped=5).pass_rate is None


def test_nothing_read_gives_no_rates() -> None:
    assert Quality().pass_rate is None
    assert alerts([Quality()]) == ()


@given(st.lists(st.builds(Quality, read=st.just(100), quarantined=st.integers(0, 100)), max_size=4))
def test_the_most_severe_comes_first(figures: list[Quality]) -> None:
    levels = [rule.level for rule in RULES]
    found = [levels.index(alert.level) for alert in alerts(figures)]
    assert found == sorted(found)
