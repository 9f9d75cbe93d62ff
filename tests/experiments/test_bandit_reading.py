"""A campaign's creatives as arms, from real tables and their metrics."""

from __future__ import annotations

import shutil
from datetime import date, timedelta
from pathlib import Path

import pytest

from workbench.errors import UsageError
from workbench.experiments.bandit.reading import creative_arms, creative_shares
from workbench.store import Workspace

HOSTILE = "c'); DROP TABLE facts; --"
_DAYS = """
    SELECT DATE '2024-05-01' + CAST(i AS INTEGER) AS date, '{campaign}' AS campaign_id, 'email' AS channel,
        '{creative}' AS creative_id, {impressions} AS impressions, {clicks} AS clicks,
        {conversions} AS conversions, {revenue} AS revenue, 1.0 AS spend
    FROM range(20) t(i)
"""


def days(creative: str, *figures: float, campaign: str = "camp") -> str:
    impressions, clicks, conversions, revenue = figures
    return _DAYS.format(
        campaign=campaign,
        creative=creative.replace("'", "''"),
        impressions=impressions,
        clicks=clicks,
        conversions=conversions,
        revenue=revenue,
    )


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = Workspace.create(tmp_path_factory.mktemp("shop") / "acme")
    made.set_currency("EUR")
    rows = [
        days("a", 1000, 30, 5, 100.0),
        days(HOSTILE, 1000, 40, 4, 200.0),
        days("strange", 10, 0, 50, 10.0),
        days("other", 5000, 4000, 40, 9000.0, campaign="another"),
    ]
    with made.writer() as writer, writer.transaction("a") as load:
        load.append("daily_performance", " UNION ALL ".join(rows))
        load.commit()
    return Path(made.path)


@pytest.fixture
def workspace(shop: Path, tmp_path: Path) -> Workspace:
    return Workspace.open(shutil.copytree(shop, tmp_path / "acme"))


def test_arms_are_what_the_metrics_say(workspace: Workspace) -> None:
    arms, said = creative_arms(workspace.tables(), "camp", reward="revenue", window=None)
    assert [(arm.name, arm.trials, arm.successes, arm.value) for arm in arms] == [
        ("a", 20_000, 100, 2000),
        (HOSTILE, 20_000, 80, 4000),
    ]
    assert said == "Creatives left out, with more conversions than impressions: 1."


def test_the_reward_decides(workspace: Workspace) -> None:
    tables = workspace.tables()
    best = {
        reward: creative_shares(tables, "camp", reward=reward, window=None).rows[0].name
        for reward in ("clicks", "conversions", "revenue")
    }
    assert best == {"clicks": HOSTILE, "conversions": "a", "revenue": HOSTILE}
    found = creative_shares(tables, "camp", reward="revenue", window=None)
    assert found.currency == "EUR"
    assert found.caveats[0].startswith("Creatives left out")


def test_the_last_days_can_be_left_out(workspace: Workspace) -> None:
    tables = workspace.tables()
    whole = creative_shares(tables, "camp", window=None)
    ripe = creative_shares(tables, "camp", window=None, lag_days=5)
    assert sum(row.trials for row in ripe.rows) == pytest.approx(0.75 * sum(row.trials for row in whole.rows))
    with pytest.raises(UsageError, match="cannot be left out"):
        creative_shares(tables, "camp", window="5d", lag_days=5)
    with pytest.raises(UsageError, match="cannot be left out"):
        creative_shares(tables, "camp", lag_days=-1)


def test_a_change_within_the_days_is_said(workspace: Workspace) -> None:
    later = days("a", 1000, 5, 20, 100.0).replace("2024-05-01", str(date(2024, 5, 1) + timedelta(days=20)))
    other = days("b", 1000, 40, 5, 100.0)
    again = days("b", 1000, 40, 5, 100.0).replace("2024-05-01", "2024-05-21")
    with workspace.writer() as writer, writer.transaction("b") as load:
        load.append("daily_performance", " UNION ALL ".join([later, other, again]))
        load.commit()
    found = creative_shares(workspace.tables(), "camp", reward="clicks", window=None)
    assert any("order is not stable" in caveat for caveat in found.caveats)


def test_what_is_missing_is_said(workspace: Workspace, tmp_path: Path) -> None:
    assert "has 0 creatives" in creative_shares(workspace.tables(), "nobody's", window=None).sentence
    assert "has 1 creatives" in creative_shares(workspace.tables(), "another", window=None).sentence
    empty = Workspace.create(tmp_path / "empty").tables()
    assert creative_shares(empty, "camp").missing
    with pytest.raises(UsageError, match="not 'likes'"):
        creative_shares(workspace.tables(), "camp", reward="likes")  # type: ignore[arg-type]


_EVENTS = """
    SELECT kind AS event_type, DATE '2024-05-10' AS day, 1.0 AS lag_minutes,
        TIMESTAMPTZ '2024-05-10 10:00:00+00' AS timestamp, i AS user_key, 'mobile' AS source,
        'c' AS campaign_id,
        'x' || (i % 2) AS creative_id, 'email' AS channel, FALSE AS is_holdout, FALSE AS late_arrival,
        CASE WHEN kind = 'campaign_converted' THEN 'o' || i END AS order_id,
        CASE WHEN kind = 'campaign_converted' THEN 10.0 + i END AS value, 'a' AS load_id, '2024-05' AS month
    FROM range(400) t(i), (SELECT unnest(['campaign_delivered', 'campaign_converted']) AS kind)
    WHERE kind = 'campaign_delivered' OR i < 60
"""


def test_orders_known_one_by_one_tell_how_much_they_vary(tmp_path: Path) -> None:
    made = Workspace.create(tmp_path / "events")
    with made.writer() as writer, writer.transaction("a") as load:
        load.append("facts", _EVENTS)
        load.commit()
    arms, _ = creative_arms(made.tables(), "c", reward="revenue", window=None)
    worth = [[10.0 + i for i in range(60) if i % 2 == part] for part in (0, 1)]
    assert [(arm.trials, arm.successes, arm.value) for arm in arms] == [(200, 30, sum(w)) for w in worth]
    assert [arm.squares for arm in arms] == [sum(value**2 for value in w) for w in worth]
    reported = days("x0", 100, 3, 1, 50.0, campaign="c")
    with made.writer() as writer, writer.transaction("b") as load:
        load.append("daily_performance", reported)
        load.commit()
    arms, _ = creative_arms(made.tables(), "c", reward="revenue", window=None)
    assert [arm.squares is None for arm in arms] == [True, False]  # sums of a platform came on top
