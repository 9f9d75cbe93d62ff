"""The heatmap: local clocks, exact counts, planted peaks, and the gate."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from workbench.errors import UsageError
from workbench.explore.heatmaps import heatmap
from workbench.explore.week_hours import surely

MONDAY = datetime(2024, 3, 18, tzinfo=UTC)


def _moments(count: int, seed: int = 1, days: int = 28) -> list[datetime]:
    rng = np.random.default_rng(seed)
    return [MONDAY + timedelta(seconds=int(second)) for second in rng.integers(0, days * 86_400, count)]


@pytest.mark.parametrize("zone", ["UTC", "Europe/Berlin", "Asia/Kolkata", "America/New_York"])
def test_counts_equal_a_plain_loop(base, fact, zone: str) -> None:
    """Over a change of the clock (31 March), and with half-hour offsets."""
    moments = _moments(3000)
    rows = [fact("campaign_clicked", n, at, segment="VIP" if n % 3 else None) for n, at in enumerate(moments)]
    view = heatmap(base(facts=rows), time_zone=zone, by_segment=True)
    local = [at.astimezone(ZoneInfo(zone)) for at in moments]
    expected = Counter((at.weekday(), at.hour) for at in local)
    assert {
        (c.weekday, c.hour): c.engagements for c in view.cells if c.segment == "" and c.engagements
    } == expected
    vip = Counter((at.weekday(), at.hour) for n, at in enumerate(local) if n % 3)
    assert {
        (c.weekday, c.hour): c.engagements for c in view.cells if c.segment == "VIP" and c.engagements
    } == vip
    assert view.engagements == 3000


def test_planted_peak_is_named(base, fact) -> None:
    rng = np.random.default_rng(2)
    rows = [fact("user_engaged", n, at) for n, at in enumerate(_moments(2000, seed=3))]
    for week in range(4):
        for n in range(150):
            at = MONDAY + timedelta(days=7 * week + 3, hours=17, seconds=int(rng.integers(0, 3 * 3600)))
            rows.append(fact("campaign_viewed", n, at, kind="opened"))
    view = heatmap(base(facts=rows), time_zone="Europe/Berlin")
    # 17-20 UTC is 18-21 in Berlin before the clock changes on 31 March, and 19-22 after it.
    assert view.windows[0].weekday == "Thursday"
    assert 18 <= view.windows[0].first_hour < view.windows[0].last_hour <= 22
    assert "Thursday" in view.sentence


@pytest.mark.parametrize("at_once", [1, 6])
def test_chance_has_no_best_time(base, fact, at_once: int) -> None:
    """Of 168 hours a few are high by chance, and more where whoever comes does several things at once."""
    for seed in range(4):
        came = _moments(2400 // at_once, seed=seed, days=56)
        moments = [(n, at + timedelta(seconds=more)) for n, at in enumerate(came) for more in range(at_once)]
        view = heatmap(base(facts=[fact("user_engaged", n, at) for n, at in moments]))
        assert (view.enough, view.windows) == (True, ())
        assert view.sentence.startswith("No hour stands out")


def test_one_message_is_no_weekly_pattern(base, fact) -> None:
    """What a thousand did within an hour of a single week says nothing of that hour in the others."""
    moments = [
        *_moments(3000, seed=5),
        *(MONDAY + timedelta(days=10, hours=9, seconds=n) for n in range(999)),
    ]
    view = heatmap(base(facts=[fact("campaign_clicked", n, at) for n, at in enumerate(moments)]))
    strongest = next(cell for cell in view.cells if cell.share_of_peak == 1)
    assert (strongest.weekday, strongest.hour, view.windows) == (3, 9, ())
    assert strongest.low < strongest.level / 2


def test_one_person_is_no_habit_of_an_audience(base, fact) -> None:
    """One who does sixty things each Monday at nine, or thirty who do two."""
    rest = [fact("user_engaged", n, at) for n, at in enumerate(_moments(1500, seed=5, days=35))]
    nine = [MONDAY + timedelta(days=7 * week, hours=9, seconds=n) for week in range(5) for n in range(60)]
    alone = heatmap(base(facts=[*rest, *(fact("user_engaged", 9999, at) for at in nine)]))
    assert max(cell.engagements for cell in alone.cells) > 300
    assert alone.sentence.startswith("No hour stands out")
    many = heatmap(base(facts=[*rest, *(fact("user_engaged", n // 2 % 30, at) for n, at in enumerate(nine))]))
    assert [window.name for window in many.windows] == ["Monday 09:00-10:00"]


def test_one_busy_monday_of_two_is_no_best_time() -> None:
    """All hours alike, days not: within two weeks the best of seven weekdays is high by chance."""
    rng, named = np.random.default_rng(3), 0
    for _ in range(40):
        hours = np.ones((2, 7, 24))
        counts = rng.poisson(20 * np.repeat(rng.gamma(3, 1 / 3, (2, 7)), 24).reshape(2, 7, 24)).astype(float)
        mean = counts.sum() / hours.sum()
        named += bool((surely(counts, counts, hours) > mean).any())
    assert named <= 2
    evening = rng.poisson(20, (2, 7, 24)).astype(float)
    evening[:, :, 18:21] = rng.poisson(60, (2, 7, 3))
    assert (surely(evening, evening, hours)[:, 18:21] > evening.mean()).mean() > 0.5


def test_received_is_not_engagement(base, fact) -> None:
    rows = [fact("campaign_viewed", n, at, kind="received") for n, at in enumerate(_moments(50))]
    assert "nobody" in heatmap(base(facts=rows)).sentence


def test_little_data_names_nothing(base, fact) -> None:
    rows = [fact("user_engaged", n, at) for n, at in enumerate(_moments(200))]
    view = heatmap(base(facts=rows))
    assert (view.enough, view.windows) == (False, ())
    assert "1,000 engagements" in view.sentence
    short = heatmap(base(facts=rows), window="7d")
    assert "14 days" in short.sentence


def test_bands_and_levels(base, fact) -> None:
    rows = [fact("user_engaged", n, at) for n, at in enumerate(_moments(5000))]
    view = heatmap(base(facts=rows), window="28d")
    shares = [cell.share_of_peak for cell in view.cells]
    assert max(shares) == 1
    assert len(view.cells) == 168
    assert all(cell.low <= cell.level <= cell.high for cell in view.cells)
    for cell in view.cells:
        low, high = {"0-20%": (0, 0.2), "20-40%": (0.2, 0.4), "40-60%": (0.4, 0.6), "60%+": (0.6, 1)}[
            cell.band
        ]
        assert low - 1e-6 <= cell.share_of_peak <= high + 1e-6


def test_unknown_zone_and_no_data(base) -> None:
    for name in ("Mars/Base", "../../etc/passwd", "", None, 2):
        with pytest.raises(UsageError, match="time zone"):
            heatmap(base(), time_zone=name)
    assert heatmap(base()).missing
    assert heatmap(base()).to_frame().empty


def test_days_before_the_records_begin_are_not_days_without_engagement(base, fact) -> None:
    """Three weeks of records in a window of 90 days: levels are of the three weeks."""
    hours = [(hour, 10 if hour in (9, 10) else 3) for hour in range(24)]
    rows = [
        fact("user_engaged", n, MONDAY + timedelta(days=day, hours=hour))
        for day in range(21)
        for hour, count in hours
        for n in range(count)
    ]
    view = heatmap(base(facts=rows), window="90d")
    assert {cell.level for cell in view.cells} == {3.0, 10.0}
    assert {cell.hours for cell in view.cells} == {3}
    assert view.days == 21
    assert view.sentence.endswith("hold 9.97% of all engagement; 4 more windows are strong, too.")


def test_one_busy_day_names_no_best_time(base, fact) -> None:
    rows = [fact("user_engaged", n, MONDAY + timedelta(hours=n % 3)) for n in range(3000)]
    view = heatmap(base(facts=rows), window="90d")
    assert (view.enough, view.windows) == (False, ())
    assert "1 is there" in view.sentence
