"""The main job on real exports, by the command line alone; totals are those published with the data."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import workbench as wb

Command = Callable[..., Any]

pytestmark = pytest.mark.data
Figures = Callable[..., dict[str, Any]]


@pytest.fixture(scope="module")
def facebook(workbench: Command, public_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("facebook") / "kag"
    workbench("init", folder, "--name", "kag")
    file = public_data / "ads" / "facebook_kag" / "KAG_conversion_data.csv"
    done = workbench("ingest", file, "--mapping", "facebook_kag", "--workspace", folder, "--json")
    counts = json.loads(done.stdout)
    assert {k: counts[k] for k in ("read", "accepted", "duplicates", "quarantined")} == {
        "read": 1143,
        "accepted": 1143,
        "duplicates": 0,
        "quarantined": 0,
    }
    return folder


@pytest.fixture(scope="module")
def retail(workbench: Command, public_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("retail") / "shop"
    workbench("init", folder)
    file = public_data / "transactions" / "online_retail_uci" / "online_retail_raw_strings.parquet"
    done = workbench("ingest", file, "--mapping", "online_retail", "--workspace", folder, "--json")
    counts = json.loads(done.stdout)
    assert counts["read"] == counts["accepted"] == 541_909
    return folder


def test_facebook_totals(facebook: Path, figures: Figures) -> None:
    values = figures(facebook, "impressions", "clicks", "spend", "conversions", "ctr", "cpc", "cpm", "leads")
    assert values["impressions"] == 213_434_828
    assert values["clicks"] == 38_165
    assert round(values["spend"], 2) == 58_705.23
    assert values["conversions"] == 1_079
    assert values["leads"] == 3_264
    assert values["ctr"] == pytest.approx(0.000178813, abs=5e-10)
    assert values["cpc"] == pytest.approx(1.538195, abs=5e-7)
    assert values["cpm"] == pytest.approx(0.275050, abs=5e-7)


def test_facebook_by_campaign(facebook: Path, workbench: Command) -> None:
    done = workbench(
        "measure",
        "impressions",
        "spend",
        "conversions",
        "--by",
        "campaign",
        "--workspace",
        facebook,
        "--json",
    )
    rows = json.loads(done.stdout)["rows"]
    found = {(row["campaign"], row["metric"]): row["value"] for row in rows}
    assert found["1178", "impressions"] == 204_823_716
    assert found["936", "conversions"] == 183
    assert round(found["916", "spend"], 2) == 149.71


def test_facebook_once_more_changes_nothing(
    facebook: Path, workbench: Command, public_data: Path, figures: Figures
) -> None:
    file = public_data / "ads" / "facebook_kag" / "KAG_conversion_data.csv"
    done = workbench("ingest", file, "--mapping", "facebook_kag", "--workspace", facebook, "--json", code=1)
    counts = json.loads(done.stdout)
    assert counts["accepted"] == 0
    assert counts["duplicates"] + counts["quarantined"] == counts["read"]
    assert figures(facebook, "clicks")["clicks"] == 38_165


def test_retail_totals(retail: Path, figures: Figures) -> None:
    values = figures(retail, "revenue", "orders", "aov")
    assert round(values["revenue"], 2) == 9_747_747.93
    # Of 25,900 invoices 3,836 are credit notes (C...) and 2 are adjustments (A...) of bad debt.
    assert values["orders"] == 25_900 - 3_836 - 2
    assert values["aov"] == pytest.approx(9_747_747.934 / 22_062, rel=1e-9)


def test_retail_invoices_and_customers(retail: Path) -> None:
    sql = (
        "SELECT count(*) AS rows, count(DISTINCT order_id) AS invoices, count(DISTINCT user_id) AS customers,"
        " count(DISTINCT location) AS countries FROM orders"
    )
    assert wb.open(retail).query(sql).to_pylist() == [
        {"rows": 541_909, "invoices": 25_900, "customers": 4_372, "countries": 38}
    ]


@pytest.mark.parametrize("source", ["facebook", pytest.param("retail", marks=pytest.mark.slow)])
def test_batch_and_published_reports(
    source: str, request: pytest.FixtureRequest, workbench: Command, tmp_path: Path
) -> None:
    folder: Path = request.getfixturevalue(source)
    workbench("batch", "params/campaigns.yaml", "--workspace", folder)
    runs = json.loads(workbench("runs", "--workspace", folder, "--json").stdout)
    assert runs
    assert {run["status"] for run in runs} == {"completed"}
    workbench("publish", "--workspace", folder, "--to", tmp_path)
    pages = sorted(tmp_path.rglob("*.html"))
    assert len(pages) >= 2
    for page in pages:
        assert page.stat().st_size <= 600_000
        assert not re.search(r"""(?:src|href)\s*=\s*["']?(?:https?:)?//""", page.read_text())
    shown = " ".join(page.read_text() for page in pages)
    assert (
        ("58,705" if source == "facebook" else "9,747,748") in shown or "$9.75M" in shown or "£9.75M" in shown
    )
