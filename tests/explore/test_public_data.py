"""Views on public data: figures that others have published or that pandas gives."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from workbench.explore import (
    cohorts,
    compare_campaigns,
    compare_funnels,
    funnel,
    funnel_of,
    known_funnel,
    trends,
)

pytestmark = pytest.mark.data


@pytest.fixture(scope="module")
def cdnow(public_data: Path) -> pd.DataFrame:
    frame = pd.read_csv(
        public_data / "transactions" / "cdnow" / "CDNOW_master.txt",
        sep=r"\s+",
        skiprows=1,
        names=["user_id", "day", "cds", "value"],
        dtype={"user_id": str, "day": str},
    )
    frame["at"] = pd.to_datetime(frame.day, format="%Y%m%d", utc=True)
    return frame


def test_cohorts_of_cdnow(base, cdnow: pd.DataFrame) -> None:
    orders = [
        {
            "order_id": str(n),
            "line": 1,
            "user_id": user,
            "ordered_at": at,
            "order_value": value,
            "is_return": False,
        }
        for n, (user, at, value) in enumerate(zip(cdnow.user_id, cdnow["at"], cdnow.value, strict=True))
    ]
    view = cohorts(base(orders=orders))
    bought = cdnow[cdnow.value > 0]
    born = bought.groupby("user_id")["at"].min()
    age = np.ceil((cdnow["at"] - cdnow.user_id.map(born)).dt.days / 30)
    month = cdnow.user_id.map(born.dt.strftime("%Y-%m"))
    sizes = born.dt.strftime("%Y-%m").value_counts()
    assert {f"{cell.cohort:%Y-%m}": cell.users for cell in view.cells} == sizes.to_dict()
    # All came in the first quarter; two had paid nothing before November.
    assert sizes["1997-11"] == 2
    assert sorted(sizes.drop("1997-11").index) == ["1997-01", "1997-02", "1997-03"]
    for cell in view.cells:
        mine = (month == f"{cell.cohort:%Y-%m}") & (age == cell.age)
        assert cell.active == cdnow[mine & (cdnow.value > 0)].user_id.nunique()
        assert cell.revenue_per_user == pytest.approx(cdnow[mine].value.sum() / cell.users)
    assert max(cell.age for cell in view.cells if cell.cohort == date(1997, 3, 1)) == 15


def test_totals_of_the_facebook_export(base, public_data: Path) -> None:
    frame = pd.read_csv(public_data / "ads" / "facebook_kag" / "KAG_conversion_data.csv")
    rows = [
        {
            "date": date(2017, 8, 1 + n % 28),
            "campaign_id": str(row.xyz_campaign_id),
            "creative_id": str(row.ad_id),
            "channel": "social",
            "impressions": int(row.Impressions),
            "clicks": int(row.Clicks),
            "spend": float(row.Spent),
            "leads": float(row.Total_Conversion),
            "conversions": float(row.Approved_Conversion),
        }
        for n, row in enumerate(frame.itertuples())
    ]
    tables = base(daily_performance=rows)
    view = compare_campaigns(tables, window=None)
    found = {
        row.campaign_id: (row.impressions, row.clicks, round(row.spend, 2), row.conversions)
        for row in view.rows
    }
    assert found == {
        "916": (482_925, 113, 149.71, 24),
        "936": (8_128_187, 1_984, 2_893.37, 183),
        "1178": (204_823_716, 36_068, 55_662.15, 872),
    }
    assert all(row.revenue is None and row.roas is None for row in view.rows)
    whole = funnel(tables, "awareness", window=None)
    assert [stage.count for stage in whole.stages[:3]] == [213_434_828, 38_165, 3_264]
    shown = known_funnel(tables, window=None, where={"campaign": "1178"})
    assert [(s.label, s.count) for s in shown.stages] == [
        ("awareness: impressions", 204_823_716),
        ("interest: clicks", 36_068),
        ("consideration: leads", 2_669),
        ("conversion: conversions", 872),
    ]
    assert shown.note == "not reported: qualified leads; no lead was won, so conversions are counted"
    assert "0.00043% of 204,823,716 come from impressions to conversions" in shown.sentence
    parts = [funnel(tables, "awareness", window=None, where={"campaign": name}) for name in ("936", "1178")]
    assert compare_funnels(*parts).steps[0].p_corrected < 1e-6


def test_weeks_of_a_shop(base, public_data: Path, cdnow: pd.DataFrame) -> None:
    """Daily revenue of CDNOW: the changes told are those of sums by pandas, each with a p-value."""
    orders = [
        {
            "order_id": str(n),
            "line": 1,
            "user_id": user,
            "ordered_at": at,
            "order_value": value,
            "is_return": False,
        }
        for n, (user, at, value) in enumerate(zip(cdnow.user_id, cdnow["at"], cdnow.value, strict=True))
    ]
    view = trends(base(orders=orders), "revenue")
    daily = cdnow.set_index("at").value.resample("D").sum()
    changes = {change.kind: change for change in view.changes}
    assert changes["WoW"].change == pytest.approx(daily[-7:].sum() / daily[-14:-7].sum() - 1)
    assert changes["MoM"].change == pytest.approx(daily[-28:].sum() / daily[-56:-28].sum() - 1)
    assert changes["YoY"].change == pytest.approx(daily[-28:].sum() / daily[-392:-364].sum() - 1)
    assert all(change.p_value is not None for change in changes.values())


def test_a_published_test_of_two_pages() -> None:
    """Cookie Cats, day-7 retention: 8,502 of 44,700 against 8,279 of 45,489, p 0.0016."""
    stages = funnel_of([1, 1, 1, 1, 1])
    assert stages.conversion == 1
    first = funnel_of([44_700, 8_502, 0, 0, 0], label="gate 30")
    second = funnel_of([45_489, 8_279, 0, 0, 0], label="gate 40")
    step = compare_funnels(first, second).steps[0]
    assert step.p_value == pytest.approx(0.0016, abs=5e-5)
