"""Every core metric, and the figures of published pages, against another derivation from the raw files.

Nothing is said to be right here because the package says it twice: `independent` reads the files a market
was written to, and knows the definitions only.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from bs4 import BeautifulSoup, Tag

from .independent import Market

Command = Callable[..., Any]

MONTH = ("2024-12-02", "2024-12-31")  # what "30d" means in this market
CUT = ("2024-03-10", "2024-04-05")  # begins and ends within campaigns
UNSLICED = (
    "roas", "ctr", "conversion_rate", "cac", "cpc", "impressions", "budget_utilization", "aov", "ltv_12m",
    "cac_payback_months", "repeat_purchase_rate", "gross_margin", "cohort_retention", "open_rate",
    "click_to_open_rate", "frequency", "hours_to_conversion", "incrementality", "holdout_lift",
    "net_incremental_revenue", "cost_per_query",
)  # fmt: skip
BY_CAMPAIGN = tuple(
    name
    for name in UNSLICED
    if name not in {"ltv_12m", "cac_payback_months", "gross_margin", "cohort_retention"}
)
BY_WEEK = tuple(
    name
    for name in BY_CAMPAIGN
    if name not in {"budget_utilization", "repeat_purchase_rate"}
    and "incremental" not in name
    and name != "holdout_lift"
)
NAMES = {"": UNSLICED, "campaign": BY_CAMPAIGN, "channel": BY_CAMPAIGN, "week": (*BY_WEEK, "gross_margin")}


@pytest.mark.parametrize(
    ("by", "window"),
    [
        ("", "30d"),
        ("", ":".join(CUT)),
        ("campaign", ":".join(CUT)),
        ("channel", "30d"),
        ("week", ":".join(CUT)),
    ],
)
def test_core_metrics(market: Market, workspace: Path, workbench: Command, by: str, window: str) -> None:
    first, last = MONTH if window == "30d" else CUT
    sliced = ("--by", by) if by else ()
    done = workbench("measure", *NAMES[by], "--window", window, *sliced, "--workspace", workspace, "--json")
    said = json.loads(done.stdout)
    assert (said["window"]["first"], said["window"]["last"]) == (first, last)
    expected = market.figures(first, last, by)
    rows = {(row[by] if by else None, row["metric"]): row["value"] for row in said["rows"]}
    wrong = [
        f"{key} {name}: {rows.get((key, name))}, should be {value}"
        for key, figures in expected.items()
        for name, value in figures.items()
        if name in NAMES[by] and not _same(name, rows.get((key, name)), value)
    ]
    assert not wrong, "\n".join(wrong)
    known = sum(math.isfinite(figures[name]) for figures in expected.values() for name in NAMES[by])
    assert known >= len(NAMES[by]) * 0.7, "hardly anything was compared"


def _same(name: str, found: float | None, expected: float) -> bool:
    if found is None or math.isnan(expected):
        return (found is None) == math.isnan(expected)
    # spans of time are measured in whole seconds
    absolute = 1 / 3600 if name == "hours_to_conversion" else 1e-9
    relative = 1e-6 if name == "cac_payback_months" else 1e-9
    return math.isclose(found, expected, rel_tol=relative, abs_tol=absolute)


@pytest.fixture(scope="module")
def pages(
    workspace: Path, market: Market, workbench: Command, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    home = tmp_path_factory.mktemp("pages")
    plan = home / "plan.yaml"
    campaign = f"{{window: '{':'.join(CUT)}', campaign: {costliest(market)}}}"
    plan.write_text(
        "name: Checked\nruns:\n"
        "  - {notebook: executive, parameters: {window: 30d}}\n"
        "  - {notebook: channels, parameters: {window: 30d}}\n"
        f"  - {{notebook: campaign, parameters: {campaign}}}\n"
    )
    workbench("batch", plan, "--workspace", workspace, "--jobs", "2")
    workbench("publish", "--workspace", workspace, "--to", home / "out")
    return home / "out"


def costliest(market: Market) -> str:
    spend = market.spend[market.spend["day"].between(*CUT)]
    return str(spend.groupby("campaign")["spend"].sum().idxmax())


def test_executive_page(pages: Path, market: Market) -> None:
    page = BeautifulSoup((pages / "executive.html").read_text("utf-8"), "html.parser")
    figures = market.figures(*MONTH)[None]
    cards = shown_cards(page)
    assert shows(cards["Return on ad spend"], figures["roas"])
    assert shows(cards["Cost per new customer"], figures["cac"])
    assert shows(cards["Conversion rate"], 100 * figures["conversion_rate"])
    assert shows(cards["Incrementality"], 100 * figures["incrementality"])
    assert shows(cards["Lifetime value, 12 months"], figures["ltv_12m"])
    assert shows(cards["Spend"], money(market, *MONTH))
    by_name = market.campaigns.set_index("campaign")["name"]
    roas = {by_name[key]: of["roas"] for key, of in market.figures(*MONTH, "campaign").items()}
    leaders = shown_table(page, "Return on ad spend")
    assert len(leaders) >= 3
    assert all(shows(row["Return on ad spend"], roas[row["Campaign"]]) for row in leaders)
    known = sorted((value for value in roas.values() if math.isfinite(value)), reverse=True)
    assert [roas[row["Campaign"]] for row in leaders] == pytest.approx(known[: len(leaders)])


def test_channels_page(pages: Path, market: Market) -> None:
    page = BeautifulSoup((pages / "channels.html").read_text("utf-8"), "html.parser")
    cards, figures = shown_cards(page), market.figures(*MONTH)[None]
    assert shows(cards["Impressions"], figures["impressions"])
    assert shows(cards["Click-through rate"], 100 * figures["ctr"])
    rows = {row["Channel"].replace(" ", "_"): row for row in shown_table(page, "Return on investment")}
    expected = market.figures(*MONTH, "channel")
    spent = market.spend[market.spend["day"].between(*MONTH)].groupby("channel")["spend"].sum()
    assert set(spent[spent > 0].index) <= set(rows)
    for channel, row in rows.items():
        assert shows(row["Spend"], spent.get(channel, 0.0)), channel
        assert shows(row["Return on investment"], expected[channel]["roas"] - 1), channel
        assert shows(row["CTR"], 100 * expected[channel]["ctr"]), channel


def test_campaign_page(pages: Path, market: Market) -> None:
    (path,) = pages.glob("campaign-*.html")
    page = BeautifulSoup(path.read_text("utf-8"), "html.parser")
    cards, campaign = shown_cards(page), costliest(market)
    figures = market.figures(*CUT, "campaign")[campaign]
    for title, value in {
        "Return on ad spend": figures["roas"],
        "Impressions": figures["impressions"],
        "Click-through rate": 100 * figures["ctr"],
        "Cost per click": figures["cpc"],
        "Conversion rate": 100 * figures["conversion_rate"],
        "Spend": money(market, *CUT, campaign),
        "Revenue": figures["roas"] * money(market, *CUT, campaign),
    }.items():
        assert shows(cards[title], value), (title, cards[title], value)


def money(market: Market, first: str, last: str, campaign: str | None = None) -> float:
    rows = market.spend[market.spend["day"].between(first, last)]
    return float((rows if campaign is None else rows[rows["campaign"] == campaign])["spend"].sum())


def shown_cards(page: BeautifulSoup) -> dict[str, str]:
    return {_text(card.h3): _text(card.select_one("p.value")) for card in page.select("li.card")}


def shown_table(page: BeautifulSoup, column: str) -> list[dict[str, str]]:
    """Return the first table of the page, but for those behind charts, that has a column."""
    for table in page.select("table"):
        heads = [_text(cell) for cell in table.select("thead th")]
        if column in heads and not table.find_parent("details"):
            rows = [row.find_all(["th", "td"]) for row in table.select("tbody tr")]
            return [dict(zip(heads, map(_text, cells), strict=True)) for cells in rows]
    raise AssertionError(f"no table has the column {column}")


def _text(tag: Tag | None) -> str:
    assert tag is not None
    return " ".join(tag.get_text().split())


def shows(text: str, value: float) -> bool:
    """Return whether a figure on a page is a value, rounded to the digits shown."""
    if not math.isfinite(value):
        return text == "–"
    found = re.fullmatch(r"([-−]?)€?(\d[\d,]*(?:\.\d+)?)([MB]?)(?:x|%| pp)?", text)
    assert found, text
    sign, digits, scale = found.groups()
    size = {"": 1.0, "M": 1e6, "B": 1e9}[scale]
    number = float(digits.replace(",", "")) * (-1 if sign else 1)
    # 1.40 may be written 1.4: a written figure is exact to the third significant digit at least
    step = max(10.0 ** -len(digits.partition(".")[2]), 0.01 if abs(number) < 1000 and "." in digits else 0)
    return abs(number - value / size) <= step * 0.51
