"""Ready mappings on real exports: totals are computed a second time by pandas, by hand, from the raw file."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from workbench.events.definitions import CHANNELS
from workbench.events.mapping import MAPPINGS, detect, load_mapping

pytestmark = pytest.mark.data
Load = Callable[..., Any]
Raw = pd.DataFrame
ADS = "ads/fivetran_ad_schemas/seeds"


def raw(file: Path) -> Raw:
    frame = pd.read_csv(file, dtype=str, encoding="utf-8-sig", keep_default_na=False)
    return frame.rename(columns=str.lower)


def plus(frame: Raw, *columns: str, divisor: float = 1) -> float:
    return float(sum(pd.to_numeric(frame[column].replace("", "0")).sum() for column in columns) / divisor)


# file, mapping, target -> (columns that are added, divisor)
SEEDS: list[tuple[str, str, dict[str, tuple[tuple[str, ...], float]]]] = [
    (
        "google_ads_campaign_stats_data",
        "google_ads",
        {
            "spend": (("cost_micros",), 1e6),
            "clicks": (("clicks",), 1),
            "impressions": (("impressions",), 1),
            "conversions": (("conversions",), 1),
            "revenue": (("conversions_value",), 1),
        },
    ),
    (
        "google_ads_ad_stats_data",
        "google_ads",
        {"spend": (("cost_micros",), 1e6), "revenue": (("conversions_value",), 1)},
    ),
    (
        "google_ads_ad_group_stats_data",
        "google_ads",
        {"spend": (("cost_micros",), 1e6), "clicks": (("clicks",), 1)},
    ),
    ("google_ads_account_stats_data", "google_ads", {"spend": (("cost_micros",), 1e6)}),
    (
        "facebook_ads_basic_ad_data",
        "meta_ads",
        {
            "spend": (("spend",), 1),
            "clicks": (("inline_link_clicks",), 1),
            "impressions": (("impressions",), 1),
        },
    ),
    ("facebook_ads_demographics_country_data", "meta_ads", {"spend": (("spend",), 1)}),
    (
        "tiktok_campaign_report_hourly_data",
        "tiktok_ads",
        {
            "spend": (("spend",), 1),
            "clicks": (("clicks",), 1),
            "impressions": (("impressions",), 1),
            "conversions": (("conversion",), 1),
            "revenue": (("total_purchase_value",), 1),
            "shares": (("shares",), 1),
        },
    ),
    ("tiktok_ad_report_hourly_data", "tiktok_ads", {"spend": (("spend",), 1)}),
    (
        "tiktok_campaign_country_report_data",
        "tiktok_ads",
        {"spend": (("spend",), 1), "clicks": (("clicks",), 1)},
    ),
    (
        "linkedin_ad_analytics_by_campaign_data",
        "linkedin_ads",
        {
            "spend": (("cost_in_local_currency",), 1),
            "clicks": (("clicks",), 1),
            "impressions": (("impressions",), 1),
            "leads": (("one_click_leads",), 1),
            "engagements": (("total_engagements",), 1),
        },
    ),
    ("linkedin_ad_analytics_by_creative_data", "linkedin_ads", {"spend": (("cost_in_local_currency",), 1)}),
    (
        "microsoft_ads_campaign_performance_daily_report_data",
        "microsoft_ads",
        {
            "spend": (("spend",), 1),
            "clicks": (("clicks",), 1),
            "impressions": (("impressions",), 1),
            "conversions": (("conversions",), 1),
            "revenue": (("revenue",), 1),
        },
    ),
    ("microsoft_ads_ad_performance_daily_report_data", "microsoft_ads", {"spend": (("spend",), 1)}),
    ("microsoft_ads_geographic_performance_daily_report_data", "microsoft_ads", {"spend": (("spend",), 1)}),
    (
        "pinterest_campaign_report_data",
        "pinterest_ads",
        {
            "spend": (("spend_in_micro_dollar",), 1e6),
            "clicks": (("clickthrough_1", "clickthrough_2"), 1),
            "impressions": (("impression_1", "impression_2"), 1),
            "revenue": (("total_conversions_value_in_micro_dollar",), 1e6),
        },
    ),
    ("pinterest_pin_promotion_report_data", "pinterest_ads", {"spend": (("spend_in_micro_dollar",), 1e6)}),
    (
        "snapchat_campaign_hourly_report_data",
        "snapchat_ads",
        {
            "spend": (("spend",), 1e6),
            "clicks": (("swipes",), 1),
            "conversions": (("conversion_purchases",), 1),
        },
    ),
    (
        "snapchat_ad_hourly_report_data",
        "snapchat_ads",
        {"spend": (("spend",), 1e6), "clicks": (("swipes",), 1)},
    ),
    ("snapchat_ad_squad_hourly_report_data", "snapchat_ads", {"spend": (("spend",), 1e6)}),
    (
        "reddit_ads_campaign_report_data",
        "reddit_ads",
        {"spend": (("spend",), 1e6), "clicks": (("clicks",), 1), "impressions": (("impressions",), 1)},
    ),
    ("reddit_ads_ad_report_data", "reddit_ads", {"spend": (("spend",), 1e6)}),
    (
        "twitter_campaign_report_data",
        "twitter_ads",
        {
            "spend": (("billed_charge_local_micro",), 1e6),
            "impressions": (("impressions",), 1),
            "clicks": (("url_clicks",), 1),
        },
    ),
    (
        "twitter_campaign_locations_report_data",
        "twitter_ads",
        {"spend": (("billed_charge_local_micro",), 1e6)},
    ),
    (
        "amazon_ads_campaign_level_report_data",
        "amazon_ads",
        {"spend": (("cost",), 1), "revenue": (("sales_30_d",), 1), "conversions": (("purchases_30_d",), 1)},
    ),
]


@pytest.mark.parametrize(("file", "name", "totals"), SEEDS, ids=[seed[0] for seed in SEEDS])
def test_totals_of_raw_platform_schemas(
    file: str,
    name: str,
    totals: dict[str, tuple[tuple[str, ...], float]],
    public_data: Path,
    load_file: Load,
) -> None:
    path = public_data / ADS / f"{file}.csv"
    frame = raw(path)
    loaded = load_file(load_mapping(name), path)
    assert loaded.failures == []
    assert loaded.unmapped == ()
    assert loaded.one("count(*)") == len(frame)
    for target, (columns, divisor) in totals.items():
        assert loaded.one(f"coalesce(sum({target}), 0)") == pytest.approx(
            plus(frame, *columns, divisor=divisor)
        ), target
    day = next(column for column in ("date", "day", "stat_time_hour", "stat_time_day") if column in frame)
    assert loaded.one("list_sort(list(DISTINCT CAST(date AS VARCHAR)))") == sorted(set(frame[day].str[:10]))
    assert set(loaded.one("list(DISTINCT channel)")) <= set(CHANNELS)
    assert loaded.one("count(*) FILTER (campaign_id IS NULL OR original_channel IS NULL)") == 0
    found = detect(loaded.columns)
    assert found is not None
    assert found.name == name


@pytest.mark.parametrize(
    ("file", "day"),
    [("KAG_conversion_data.csv", "2017-08-01"), ("KAG_conversion_data_with_added_date.csv", None)],
)
def test_facebook_totals(file: str, day: str | None, public_data: Path, load_file: Load) -> None:
    loaded = load_file(load_mapping("facebook_kag"), public_data / "ads/facebook_kag" / file)
    assert loaded.failures == []
    assert loaded.unmapped == ()
    assert loaded.one("count(*)") == 1143
    assert loaded.one("sum(impressions)") == 213_434_828
    assert loaded.one("sum(clicks)") == 38_165
    assert round(loaded.one("sum(spend)"), 2) == 58_705.23
    assert loaded.one("sum(conversions)") == 1_079
    assert loaded.one("sum(leads)") == 3_264
    assert round(loaded.one("sum(spend)", "campaign_id = '1178'"), 2) == 55_662.15
    assert loaded.one("count(DISTINCT (date, campaign_id, creative_id, segment))") == 1143
    days = loaded.one("list_sort(list(DISTINCT CAST(date AS VARCHAR)))")
    assert days == ([day] if day else [f"2023-08-{d:02}" for d in range(1, 32)])
    found = detect(loaded.columns)
    assert found is not None
    assert found.name == "facebook_kag"


def test_online_retail_totals(public_data: Path, load_file: Load) -> None:
    path = public_data / "transactions/online_retail_uci/online_retail_raw_strings.parquet"
    loaded = load_file(load_mapping("online_retail"), path)
    assert loaded.failures == []
    assert loaded.unmapped == ()
    assert loaded.one("count(*)") == 541_909
    assert loaded.one("round(fsum(order_value), 3)") == 9_747_747.934
    assert loaded.one("count(DISTINCT order_id)") == 25_900
    assert loaded.one("count(DISTINCT user_id)") == 4_372
    assert loaded.one("count(*) FILTER (user_id IS NULL)") == 135_080
    assert loaded.one("count(DISTINCT (order_id, line))") == 541_909
    assert loaded.one("count(*) FILTER (user_id = '17850')") == 312
    # 9,288 cancelled lines, and two credits by a negative price.
    assert loaded.one("count(*) FILTER (is_return)") == 9_290
    assert loaded.one("min(strftime(ordered_at, '%Y-%m-%d %H:%M'))") == "2010-12-01 08:26"
    # British summer time: an order of 10:00 on 1 June stands at 09:00 UTC.
    frame = pd.read_parquet(path, columns=["InvoiceDate"])
    summer = pd.to_datetime(frame["InvoiceDate"]).dt.tz_localize("Europe/London").dt.tz_convert("UTC")
    seconds = int((summer.astype("datetime64[us, UTC]").astype("int64") // 1_000_000).sum())
    assert loaded.one("sum(epoch_us(ordered_at) // 1000000)") == seconds


def test_cdnow_totals(public_data: Path, load_rows: Load) -> None:
    lines = (public_data / "transactions/cdnow/CDNOW_master.txt").read_text().splitlines()
    header, rows = lines[0].split(), [line.split() for line in lines[1:] if line.strip()]
    mapping = load_mapping("cdnow")
    assert mapping.delimiter == "whitespace"
    loaded = load_rows(mapping, header, rows)
    assert loaded.failures == []
    assert loaded.unmapped == ()
    assert loaded.one("count(*)") == 69_659
    assert loaded.one("count(DISTINCT (order_id, line))") == 69_659
    assert loaded.one("count(DISTINCT user_id)") == 23_570
    assert loaded.one("sum(quantity)") == 167_881
    assert round(loaded.one("sum(order_value)"), 2) == 2_500_315.63
    assert loaded.one("min(strftime(ordered_at, '%Y-%m-%d'))") == "1997-01-01"
    assert loaded.one("max(strftime(ordered_at, '%Y-%m-%d'))") == "1998-06-30"
    found = detect(header)
    assert found is not None
    assert found.name == "cdnow"


def test_hubspot_email_events_are_counted_without_recipients(public_data: Path, load_file: Load) -> None:
    path = public_data / "crm_leads/hubspot_email_schema/seeds/email_event_data.csv"
    frame = raw(path)
    loaded = load_file(load_mapping("hubspot_email_events"), path)
    assert loaded.failures == []
    counts = frame["type"].value_counts()
    assert loaded.one("sum(sends)") == counts["SENT"] == 4
    assert loaded.one("sum(deliveries)") == counts["DELIVERED"] == 3
    genuine = frame[(frame["type"] == "OPEN") & (frame["filtered_event"] == "false")]
    assert loaded.one("sum(opens)") == len(genuine)
    assert loaded.types["opens"] == "BIGINT"
    assert not any(recipient in str(loaded.rows) for recipient in set(frame["recipient"]))


def test_hubspot_contacts_and_deals(public_data: Path, load_file: Load) -> None:
    seeds = public_data / "crm_leads/hubspot_email_schema/seeds"
    people = raw(seeds / "contact_data.csv")
    loaded = load_file(load_mapping("hubspot_contacts"), seeds / "contact_data.csv")
    assert loaded.failures == []
    assert sorted(row["email"] or "" for row in loaded.rows) == sorted(people["property_email"].str.lower())
    deals = raw(seeds / "deal_data.csv")
    loaded = load_file(load_mapping("hubspot_deals"), seeds / "deal_data.csv")
    assert loaded.failures == []
    assert loaded.unmapped == ()
    assert [row["lead_id"] for row in loaded.rows] == list(deals["deal_id"])
    assert {(row["channel"], row["stage"]) for row in loaded.rows} == {("other", "new")}
    assert loaded.one("min(strftime(created_at, '%Y-%m-%d %H:%M:%S'))") == deals["property_createdate"].min()


def test_every_mapping_has_a_title_and_says_what_it_reads() -> None:
    assert len(MAPPINGS) >= 20
    for mapping in MAPPINGS.values():
        assert mapping.title
        assert mapping.says.endswith(".")
        assert mapping.matches
