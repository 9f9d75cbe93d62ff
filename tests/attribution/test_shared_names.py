"""Campaigns that share a name are credited, compared and named one by one."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID

import pytest

import workbench as wb
from workbench.attribution import campaign_credit, credit_returns, model_credit
from workbench.explore import compare_campaigns
from workbench.source import Tables
from workbench.store import Workspace
from workbench.store.ingest import ingest

NOW = datetime(2026, 5, 20, 12, tzinfo=UTC)
FIRST, SECOND, OTHER, UNTRACKED = (str(UUID(int=number)) for number in (1, 2, 3, 4))


def events() -> list[dict[str, object]]:
    """Return three clicks of each of three campaigns, and the orders that follow: 10, 20 and 30."""
    found: list[dict[str, object]] = []
    for place, campaign in enumerate((FIRST, SECOND, OTHER), 1):
        for user in range(3):
            click = {
                "campaign_id": campaign,
                "creative_id": FIRST,
                "click_type": "cta",
                "time_to_click_seconds": 1,
            }
            order = {
                "order_id": str(UUID(int=100 * place + user)),
                "order_value": 10.0 * place,
                "order_category": "a",
                "payment_method": "card",
                "promo_code_used": False,
                "is_repeat_purchase": False,
            }
            for hours, kind, properties in ((2, "campaign_clicked", click), (1, "user_purchased", order)):
                found.append(
                    {
                        "event_id": str(UUID(int=10_000 * hours + 100 * place + user)),
                        "event_type": kind,
                        "timestamp": (NOW - timedelta(hours=hours)).isoformat(),
                        "user_id": f"u{place}-{user}",
                        "source": "mobile",
                        "properties": properties,
                    }
                )
    return found


@pytest.fixture
def tables(tmp_path: Path) -> Tables:
    names = {FIRST: "Brand", SECOND: "Brand", OTHER: "Summer", UNTRACKED: "Leaflets"}
    (tmp_path / "c.csv").write_text(
        "campaign_id,name,campaign_type,channel,status\n"
        + "".join(f"{own},{name},OTHER,email,active\n" for own, name in names.items())
    )
    (tmp_path / "d.csv").write_text(
        "date,campaign_id,channel,impressions,clicks,spend\n"
        + "".join(f"2026-05-20,{own},email,100,0,{place}\n" for place, own in enumerate(names, 1))
    )
    (tmp_path / "e.jsonl").write_text("".join(json.dumps(event) + "\n" for event in events()))
    paths = [tmp_path / name for name in ("c.csv", "d.csv", "e.jsonl")]
    ingest(Workspace.create(tmp_path / "w", name="w"), paths, now=NOW)
    return wb.open(str(tmp_path / "w"), None)


def test_each_is_credited_by_itself(tables: Tables) -> None:
    whole = model_credit(tables, models="last_touch", by="campaign")
    assert {row.channel: row.value for row in whole.rows if row.value} == {
        f"Brand ({FIRST})": 30.0,
        f"Brand ({SECOND})": 60.0,
        "Summer": 90.0,
    }
    for campaign, value in ((FIRST, 30.0), (SECOND, 60.0), (OTHER, 90.0)):
        (row,) = campaign_credit(tables, campaign, models="last_touch").rows
        assert row.value == value
    costs = {row.channel: (row.spend, row.roas) for row in credit_returns(tables, whole).rows}
    assert costs == {
        f"Brand ({FIRST})": (1.0, 30.0),
        f"Brand ({SECOND})": (2.0, 30.0),
        "Summer": (3.0, 30.0),
        "Leaflets": (4.0, None),  # of which nothing is known but the spend
    }


def test_each_is_named_by_itself(tables: Tables) -> None:
    found = compare_campaigns(tables)
    assert {row.campaign_id: row.name for row in found.rows} == {
        FIRST: f"Brand ({FIRST})",
        SECOND: f"Brand ({SECOND})",
        OTHER: "Summer",
        UNTRACKED: "Leaflets",
    }
