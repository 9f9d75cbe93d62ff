"""Every check finds what was planted, says it in words, and stays silent on a market that is fine."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from statsmodels.stats.outliers_influence import variance_inflation_factor

from workbench.mmm.checks import CHECKS, check_market
from workbench.mmm.evidence import evidence_of, explained
from workbench.mmm.findings import Finding, MarketCheck, joined
from workbench.mmm.market import market_of
from workbench.mmm.simulation import MarketSetting, SimulatedMarket, simulate_market
from workbench.mmm.spec import Channel, MixSpec
from workbench.store.reading_table import read_table

Plant = Callable[[pd.DataFrame], pd.DataFrame]


@cache
def simulated(regions: int = 1) -> SimulatedMarket:
    return simulate_market(seed=6, channels=4, regions=regions)


def found(plant: Plant, spec: MixSpec | None = None, regions: int = 1) -> list[Finding]:
    base = simulated(regions)
    asked = spec or base.spec
    return list(check_market(asked, market_of(asked, plant(base.table.copy()))).findings)


def _set(column: str, values: object) -> Plant:
    return lambda table: table.assign(**{column: values})


def _at(column: str, row: int, value: float) -> Plant:
    def plant(table: pd.DataFrame) -> pd.DataFrame:
        table.loc[table.index[row], column] = value
        return table

    return plant


NOISE = np.random.default_rng(1).normal(0, 1, 180)
SEASON = 2 + np.cos(2 * np.pi * np.arange(180) / 52.18)
SEEN = replace(
    simulated().spec,
    channels=(Channel(name="tv"), Channel(name="search", exposure="views"), Channel(name="social")),
)
BENDING = replace(simulated().spec, trend="varying", saturation="hill", adstock="delayed")
PLANTED: list[tuple[str, str, str, Plant, str, MixSpec | None]] = [
    ("constant", "refuse", "search", _set("search", 500.0), "cannot be told from the baseline", None),
    ("constant", "warn", "search", _set("search", 500 + 10 * NOISE), "the prior will decide", None),
    ("constant", "refuse", "promo", _set("promo", 1.0), "promo is the same", None),
    (
        "identical",
        "refuse",
        "search, social",
        lambda table: table.assign(social=2 * table.search),
        "no data can share",
        None,
    ),
    (
        "alike",
        "warn",
        "search, social",
        lambda table: table.assign(social=table.search * np.exp(0.1 * NOISE)),
        "go up and down together",
        None,
    ),
    (
        "control",
        "warn",
        "search, price",
        lambda table: table.assign(price=-table.search * np.exp(0.1 * NOISE)),
        "may take its credit",
        None,
    ),
    (
        "inflated",
        "warn",
        "social",
        lambda table: table.assign(
            social=1e5 * sum(table[one] / table[one].std() for one in ("tv", "search", "display"))
            + 4e4 * (3 + NOISE)
        ),
        "interval will be about",
        None,
    ),
    ("small", "warn", "display", lambda table: table.assign(display=table.display / 100), "drowns", None),
    ("spike", "warn", "search", _at("search", 90, 9e6), "rests on one week", None),
    ("silent", "warn", "tv", _set("tv", 5000.0 * (np.arange(180) < 120)), "has been off since", None),
    ("silent", "warn", "tv", _set("tv", 1e5 * (np.arange(180) % 20 == 3)), "is on in only 9 of 180", None),
    ("seasonal", "warn", "social", _set("social", 9000 * SEASON), "follow season and trend", None),
    (
        "reacts",
        "warn",
        "social",
        lambda table: table.assign(social=np.maximum(table.revenue.shift(1).bfill() / 100 - 5000, 0)),
        "spends more after a good week",
        None,
    ),
    (
        "unseen",
        "warn",
        "search",
        lambda table: table.assign(views=np.where(np.arange(180) % 20, 10 * table.search, 0)),
        "where there is no exposure",
        SEEN,
    ),
    ("outlier", "warn", "revenue", _at("revenue", 100, 9e5 * 4), "from 2023-12-04, by up to", None),
    (
        "jump",
        "warn",
        "revenue",
        lambda table: table.assign(revenue=table.revenue * (1 + 0.3 * (np.arange(180) >= 110))),
        "higher from 2024-0",
        None,
    ),
    (
        "zeros",
        "warn",
        "revenue",
        lambda table: table.assign(revenue=table.revenue * ((np.arange(180) < 40) | (np.arange(180) > 46))),
        "is 0 for 7 weeks from 2022-10-10",
        None,
    ),
    ("unfinished", "warn", "revenue", _at("revenue", -1, 3e5), "looks incomplete", None),
    (
        "unit",
        "warn",
        "",
        lambda table: table.assign(revenue=table.revenue / 40),
        "same currency and unit",
        None,
    ),
    ("short", "warn", "revenue", lambda table: table[:60], "the season was not seen twice", None),
    ("few_periods", "warn", "revenue", lambda table: table[:52], "52 weeks for 21 parameters", None),
    ("flexible", "warn", "revenue", lambda table: table, "saturation: michaelis-menten", BENDING),
]


@pytest.mark.parametrize(
    ("check", "status", "about", "plant", "words", "spec"),
    PLANTED,
    ids=[f"{one[0]}-{one[2]}" for one in PLANTED],
)
def test_what_is_planted_is_found(
    check: str, status: str, about: str, plant: Plant, words: str, spec: MixSpec | None
) -> None:
    hits = [one for one in found(plant, spec) if one.check == check and about in one.about]
    assert hits, f"nothing of {check}"
    assert hits[0].status == status
    assert words in f"{hits[0].says} {hits[0].fix}"


def test_national_spend_divided_to_regions_is_told() -> None:
    def plant(table: pd.DataFrame) -> pd.DataFrame:
        size = table.region.str[-1].astype(int)
        course = table.date.map(dict(zip(table.date.unique(), 500 + 100 * NOISE, strict=True)))
        sold = np.where(table.region == "region_03", table.revenue / 2000, table.revenue)
        return table.assign(social=size * course, revenue=sold)

    hits = {(one.check, one.about): one for one in found(plant, regions=4)}
    assert "bought nationally" in hits["divided", "social"].says
    assert ("divided", "search") not in hits
    assert "region_03" in hits["tiny", "region_03"].says


def test_markets_that_are_fine_are_rarely_warned_of() -> None:
    checks = []
    for seed in range(20):
        one = simulate_market(seed=seed)
        checks.append(check_market(one.spec, one.market))
    assert not any(check.refused for check in checks)
    assert sum(len(check.warned) for check in checks) <= 2


def test_days_and_regions_are_looked_at_too() -> None:
    daily = simulate_market(
        seed=1, periods=760, channels=3, setting=MarketSetting(period="day", carry_over=14)
    )
    regional = simulate_market(seed=1, regions=12, channels=3)
    for one, scope in (
        (daily, "760 days and 3 channels"),
        (regional, "180 weeks and 3 channels in 12 regions"),
    ):
        check = check_market(one.spec, one.market)
        assert check.scope == scope
        assert not check.refused


def test_share_explained_is_that_of_another_library() -> None:
    seen = evidence_of(simulated().spec, simulated().market)
    columns = np.column_stack([np.ones(180), seen.media])
    for place in range(4):
        others = np.delete(columns, place + 1, axis=1)
        known = explained(columns[:, place + 1], others)
        plain = 1 - (1 - known) * (180 - others.shape[1]) / 179
        assert 1 / (1 - plain) == pytest.approx(variance_inflation_factor(columns, place + 1), rel=1e-6)


def test_sentence_and_table_of_what_was_found() -> None:
    def one(status: str, name: str) -> Finding:
        return Finding(check="x", status=status, about=name, figure="1", says=f"{name} is odd.", fix="Look.")  # type: ignore[arg-type]

    clean = MarketCheck(findings=(), scope="60 weeks")
    assert clean.sentence == "Nothing in these 60 weeks speaks against a model."
    warned = MarketCheck(
        findings=(one("warn", "<b>tv</b>"), one("warn", "b"), one("note", "c")), scope="60 weeks"
    )
    assert warned.sentence == "A model of these 60 weeks needs care: <b>tv</b> is odd. Look. 1 more warning."
    assert "<b>" not in warned._repr_html_()
    assert "&lt;b&gt;tv" in warned._repr_html_()
    refused = MarketCheck(findings=(one("refuse", "a"), one("refuse", "b")), scope="60 weeks")
    assert (
        refused.sentence == "No model can be fitted to these 60 weeks: a is odd. Look. 1 more forbids a fit."
    )
    assert list(warned.to_frame().columns) == ["check", "status", "about", "figure", "says", "fix"]
    assert len(warned.to_frame()) == 3
    assert clean.to_frame().empty
    assert "<table" not in clean._repr_html_()
    assert joined(["a", "b", "c"]) == "a, b and c"


PATTERNS = ["flat", "noise", "zeros", "once", "line", "season", "huge", "tiny"]


def _pattern(name: str, rng: np.random.Generator, count: int) -> np.ndarray:
    line = np.arange(count, dtype=float)
    return {
        "flat": np.full(count, 3.0),
        "noise": rng.uniform(0, 9, count),
        "zeros": rng.uniform(0, 9, count) * (rng.random(count) < 0.1) + (line == 5),
        "once": (line == 7) * 5.0,
        "line": line,
        "season": 1 + np.sin(2 * np.pi * line / 52),
        "huge": 1e18 * rng.random(count),
        "tiny": 1e-9 * rng.random(count),
    }[name]


@settings(max_examples=60, deadline=None)
@given(
    media=st.lists(st.sampled_from(PATTERNS), min_size=1, max_size=3),
    sold=st.sampled_from(PATTERNS),
    control=st.sampled_from(PATTERNS),
    regions=st.integers(1, 2),
    weeks=st.integers(52, 120),
)
@pytest.mark.filterwarnings("error::RuntimeWarning")
def test_whatever_can_be_read_can_be_checked(
    media: list[str], sold: str, control: str, regions: int, weeks: int
) -> None:
    rng = np.random.default_rng(weeks)
    columns = {"date": np.tile(np.datetime64("2022-01-03") + 7 * np.arange(weeks), regions)}
    columns |= {"region": np.repeat(["a", "b"][:regions], weeks)}
    series = {"sold": sold, "price": control} | {f"m{place}": one for place, one in enumerate(media)}
    for name, pattern in series.items():
        columns[name] = np.concatenate([_pattern(pattern, rng, weeks) for _ in range(regions)])
    channels = tuple(Channel(name=f"m{place}") for place in range(len(media)))
    spec = MixSpec(name="x", outcome="sold", channels=channels, controls=("price",), region="region")
    check = check_market(spec, market_of(spec, pd.DataFrame(columns)))
    told = check.sentence + "".join(f"{one.figure} {one.says}" for one in check.findings)
    assert not {"nan", "inf", "-inf"} & set(told.replace("%", " ").replace(",", " ").split())
    assert ("constant" in {one.check for one in check.refused}) >= ("flat" in media)


def test_the_gravest_comes_first() -> None:
    status = [
        one.status for one in found(lambda table: table.assign(search=500.0, display=table.display / 99))
    ]
    assert status == sorted(status, key=["refuse", "warn", "note"].index)
    assert status[0] == "refuse"


def test_every_check_says_what_it_asks() -> None:
    assert len(CHECKS) == 17
    assert all(check.says.endswith(".") for check in CHECKS.values())
    planted = {one[0] for one in PLANTED} | {"divided", "tiny"}
    assert planted == {word for check in CHECKS.values() for word in check.finds}


RETAIL = ["dm", "inst", "nsp", "auddig", "audtr", "vidtr", "viddig", "so", "on", "sem"]


@pytest.mark.data
def test_a_real_retailer(public_data: Path) -> None:
    spec = MixSpec(
        name="retailer",
        outcome="sales",
        date="wk_strt_dt",
        channels=tuple(Channel(name=one, spend=f"mdsp_{one}", exposure=f"mdip_{one}") for one in RETAIL),
        controls=("st_ct", "mrkdn_pdm"),
    )
    market = market_of(spec, read_table(public_data / "mmm" / "sibylhe_retailer" / "data.csv"))
    assert market.outcome.sum() == pytest.approx(22_583_339_975.1, abs=0.1)
    assert dict(zip(RETAIL, market.spend.sum((0, 1)).round().astype(int).tolist(), strict=True)) == {
        "dm": 158_373_363,
        "inst": 16_610_246,
        "nsp": 53_203_627,
        "auddig": 803_465,
        "audtr": 25_624_716,
        "vidtr": 35_145_152,
        "viddig": 3_865_648,
        "so": 21_320_204,
        "on": 45_115_576,
        "sem": 130_861_972,
    }
    check = check_market(spec, market)
    assert not check.refused
    assert {(one.check, one.about) for one in check.warned} >= {("small", "auddig"), ("unseen", "so")}


@pytest.mark.data
def test_scaled_spend_of_an_example_is_noticed(public_data: Path) -> None:
    table = read_table(public_data / "mmm" / "pymc_mmm_example" / "mmm_example.csv")
    channels = (Channel(name="x1"), Channel(name="x2"))
    spec = MixSpec(
        name="e", outcome="y", date="date_week", channels=channels, controls=("event_1", "event_2")
    )
    market = market_of(spec, table)
    assert market.outcome.sum() == pytest.approx(946_005.616, abs=5e-4)
    assert market.spend.sum((0, 1)) == pytest.approx([55.32560, 28.97115], abs=5e-6)
    assert [one.check for one in check_market(spec, market).warned] == ["unit"]
