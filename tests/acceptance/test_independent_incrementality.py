"""What campaigns and geo tests caused, once more from the raw files with pandas, numpy and scipy alone."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy import optimize, stats
from statsmodels.stats.multitest import multipletests

from workbench.experiments import GeoTest, analyze_geo, creative_shares, geo_panel, holdouts, lift_by
from workbench.store import Workspace

from .independent import Market, read_lines

FIRST, LAST = "2024-06-01", "2024-09-15"  # cuts campaigns and their 30 days
DAY = pd.Timedelta(days=1)


@pytest.fixture(scope="module")
def tables(workspace: Path) -> Any:
    return Workspace.open(workspace).tables()


@pytest.fixture(scope="module")
def pairs(market: Market) -> pd.DataFrame:
    """Return a row per user and campaign: which side, and what was bought in 30 days."""
    a, b = pd.Timestamp(FIRST, tz="UTC"), pd.Timestamp(LAST, tz="UTC")
    return _pairs(market, market.events[market.events["day"].between(a, b)], ["user", "campaign"])


def _pairs(market: Market, events: pd.DataFrame, keys: list[str]) -> pd.DataFrame:
    sent = events[events["type"] == "campaign_delivered"]
    sent = sent[sent["campaign"].isin(sent[sent["held"]]["campaign"])]
    found = sent.groupby(keys, as_index=False).agg(since=("at", "min"), held=("held", "max"))
    sold = events[events["type"] == "user_purchased"][["user", "at", "worth"]]
    both = found.merge(sold, on="user")
    both = both[(both["at"] >= both["since"]) & (both["at"] < both["since"] + 30 * DAY)]
    found = found.join(both.groupby(keys)["worth"].sum(), on=keys)
    found["bought"] = found["worth"].notna().astype(float)
    return found.fillna({"worth": 0.0})


def _sides(pairs: pd.DataFrame) -> dict[str, float]:
    held, sent = pairs[pairs["held"]], pairs[~pairs["held"]]
    n, m = len(sent), len(held)
    return {
        "treated": n, "held": m, "treated_buyers": sent["bought"].sum(), "held_buyers": held["bought"].sum(),
        "expected_buyers": held["bought"].mean() * n, "treated_revenue": sent["worth"].sum(),
        "expected_revenue": held["worth"].mean() * n,
    }  # fmt: skip


def test_campaigns_against_their_holdouts(tables: Any, pairs: pd.DataFrame, market: Market) -> None:
    said = holdouts(tables, window=f"{FIRST}:{LAST}")
    spend = market.spend[market.spend["day"].between(FIRST, LAST)].groupby("campaign")["spend"].sum()
    names = market.campaigns.set_index("campaign")["name"]
    held = pairs.groupby("campaign")["held"].sum()
    enough = held[held >= 10].index
    assert len(enough) >= 5
    total: dict[str, float] = {}
    found = {one.name: one for one in said.campaigns}
    assert set(found) == set(names[pairs["campaign"].unique()])
    for campaign in enough:
        mine = pairs[pairs["campaign"] == campaign]
        sides, one, cost = _sides(mine), found[names[campaign]], float(spend.get(campaign, 0.0))
        for name, value in sides.items():
            assert getattr(one, name) == pytest.approx(value, rel=1e-9, abs=1e-9), (campaign, name)
            total[name] = total.get(name, 0.0) + value
        total["cost"] = total.get("cost", 0.0) + cost
        assert one.lift.value == pytest.approx(_lift(sides), rel=1e-9)
        caused = sides["treated_revenue"] - sides["expected_revenue"]
        assert one.revenue.value == pytest.approx(caused, rel=1e-9)
        assert one.net.value == pytest.approx(caused - cost, rel=1e-9)
        if cost:
            assert one.iroas.value == pytest.approx(caused / cost, rel=1e-9)
        table = pd.crosstab(mine["held"], mine["bought"]).to_numpy()
        if table.shape == (2, 2) and stats.contingency.expected_freq(table).min() >= 5:
            assert one.lift.p == pytest.approx(
                stats.chi2_contingency(table, correction=False).pvalue, rel=1e-8
            )
    _holds(said.overall, total)
    known = [one for one in said.campaigns if np.isfinite(one.lift.p)]
    holm = multipletests([one.lift.p for one in known], method="holm")[1]
    assert [one.p_adjusted for one in known] == pytest.approx(holm.tolist(), rel=1e-9)


def _lift(sides: dict[str, float]) -> float:
    return (sides["treated_buyers"] - sides["expected_buyers"]) / sides["treated"]


def _holds(one: Any, total: dict[str, float]) -> None:
    for name, value in total.items():
        assert getattr(one, name) == pytest.approx(value, rel=1e-9), name
    caused = total["treated_revenue"] - total["expected_revenue"]
    assert one.lift.value == pytest.approx(_lift(total), rel=1e-9)
    more = total["treated_buyers"] - total["expected_buyers"]
    assert one.relative.value == pytest.approx(more / total["expected_buyers"], rel=1e-9)
    assert one.incrementality.value == pytest.approx(more / total["treated_buyers"], rel=1e-9)
    assert one.revenue.value == pytest.approx(caused, rel=1e-9)
    assert one.net.value == pytest.approx(caused - total["cost"], rel=1e-9)
    assert one.iroas.value == pytest.approx(caused / total["cost"], rel=1e-9)
    for figure in (one.lift, one.relative, one.revenue):
        assert (figure.p < 0.05) == figure.significant
        assert figure.low <= figure.value <= figure.high


def test_with_and_without(tables: Any, pairs: pd.DataFrame, market: Market) -> None:
    said = holdouts(tables, window=f"{FIRST}:{LAST}")
    held = pairs.groupby("campaign")["held"].transform("sum")
    fair = pairs[held >= 10]
    inside = market.events[market.events["day"].between(FIRST, LAST)]
    keys = pd.MultiIndex.from_frame(fair[["user", "campaign"]])
    for side, mine in zip(said.sides[:2], (fair[~fair["held"]], fair[fair["held"]]), strict=True):
        keys = pd.MultiIndex.from_frame(mine[["user", "campaign"]])
        got = inside[pd.MultiIndex.from_frame(inside[["user", "campaign"]]).isin(keys)]
        shown = got[(got["type"] == "campaign_delivered") & ~got["held"]]
        assert side.users == len(mine)
        assert side.impressions == len(shown)
        assert side.clicks == (got["type"] == "campaign_clicked").sum()
        assert side.conversions == mine["bought"].sum()
        assert side.revenue == pytest.approx(mine["worth"].sum(), rel=1e-9)
    assert said.sides[2].users == pytest.approx(said.sides[0].users)
    assert said.sides[2].revenue == pytest.approx(said.overall.expected_revenue, rel=1e-9)


def test_what_creatives_earned(tables: Any, market: Market, files: Path) -> None:
    creative = {row["event_id"]: _properties(row).get("creative_id") for row in read_lines(files)}
    spoken = market.events.assign(creative=market.events["id"].map(creative))
    spoken = spoken[spoken["day"].between(FIRST, LAST)]
    shown = spoken[(spoken["type"] == "campaign_delivered") & ~spoken["held"]]
    campaign = shown["campaign"].value_counts().idxmax()
    mine = spoken[spoken["campaign"] == campaign]
    for reward, kind in (("clicks", "campaign_clicked"), ("conversions", "campaign_converted")):
        said = creative_shares(tables, campaign, reward=reward, window=f"{FIRST}:{LAST}", lag_days=0)
        trials = shown[shown["id"].isin(mine["id"])].groupby("creative").size()
        earned = mine[mine["type"] == kind].groupby("creative").size().reindex(trials.index).fillna(0)
        assert {row.name: row.trials for row in said.rows} == trials.to_dict()
        assert {row.name: row.successes for row in said.rows} == earned.to_dict()
        assert sum(row.share for row in said.rows) == pytest.approx(1.0)
        assert sum(row.chance for row in said.rows) == pytest.approx(1.0)


def _properties(row: dict[str, Any]) -> dict[str, Any]:
    known = row["properties"]
    return json.loads(known) if isinstance(known, str) else known


def _segment(row: dict[str, Any]) -> str | None:
    context = row.get("context")
    known = json.loads(context) if isinstance(context, str) else context if isinstance(context, dict) else {}
    return known.get("user_segment")


def test_segments(tables: Any, market: Market, files: Path) -> None:
    said = lift_by(tables, by="segment")
    segment = {row["event_id"]: _segment(row) for row in read_lines(files)}
    events = market.events.assign(segment=market.events["id"].map(segment))
    pairs = _pairs(market, events, ["segment", "user", "campaign"])
    assert len(said.rows) >= 2
    for one in said.rows:
        mine = pairs[pairs["segment"] == one.name]
        held = mine.groupby("campaign")["held"].transform("sum")
        alone = mine[mine["held"]]["campaign"].nunique() == 1
        fair = [part for _, part in mine[held >= (1 if alone else 10)].groupby("campaign")]
        total = pd.DataFrame([_sides(part) for part in fair]).sum()
        assert one.treated == total["treated"], one.name
        assert one.held == total["held"], one.name
        assert one.lift.value == pytest.approx(_lift(dict(total)), rel=1e-9), one.name


@pytest.mark.parametrize("metric", ["revenue", "orders"])
def test_geo_test(tables: Any, files: Path, metric: str) -> None:
    truth = json.loads((files / "truth.json").read_text("utf-8"))["geo_tests"]
    treated = sorted(row["geo"] for row in truth)
    start, end = (pd.Timestamp(truth[0][name]) for name in ("start", "end"))
    plan = GeoTest(
        name="posters", treated=tuple(treated), metric=metric, start=start.date(), end=end.date(), cooldown=5
    )
    panel = geo_panel(tables, metric)
    said = analyze_geo(plan, panel, currency="EUR" if metric == "revenue" else None, runs=50)
    rows = pd.read_csv(files / "geo_performance.csv", parse_dates=["date"])
    wide, spend = (rows.pivot_table(index="date", columns="geo", values=of) for of in (metric, "spend"))
    assert panel.values.sum() == pytest.approx(rows[metric].sum(), rel=1e-12)
    before, after = wide.index < start, (wide.index >= start) & (wide.index <= end + 5 * DAY)
    controls = [geo for geo in wide.columns if geo not in treated]
    away = wide - wide[before].mean()
    target = away[treated].mean(axis=1)
    weights = said.weights().set_index("geo")["weight"].reindex(controls).fillna(0.0)
    assert weights.sum() == pytest.approx(1.0, abs=1e-5)
    missed = float(np.square(target[before] - away.loc[before, controls] @ weights).sum())
    assert missed <= _least(away.loc[before, controls], target[before]) * (1 + 1e-4)
    gap = (target - away[controls] @ weights)[after]
    caused = gap.sum() * len(treated)
    expected = wide.loc[after, treated].sum().sum() - caused
    assert said.incremental.value == pytest.approx(caused, rel=1e-4)
    assert said.lift.value == pytest.approx(caused / expected, rel=1e-4)
    assert said.placebo.effect.att.value == pytest.approx(gap.mean(), rel=1e-4)
    moved = spend - spend[before].mean()
    cost = (moved[treated].mean(axis=1) - moved[controls] @ weights)[after].sum() * len(treated)
    assert said.returns is not None
    assert said.returns.cost == pytest.approx(cost, rel=1e-4)
    assert said.returns.iroas.value == pytest.approx(caused / cost, rel=1e-4)
    plain = wide.loc[after, treated].mean().mean() - wide.loc[before, treated].mean().mean()
    others = wide.loc[after, controls].mean().mean() - wide.loc[before, controls].mean().mean()
    assert said.differences.effect.att.value == pytest.approx(plain - others, rel=1e-9)
    assert (said.lift.p < 0.05) == said.lift.significant


def _least(columns: pd.DataFrame, target: pd.Series) -> float:
    """Return the least squares that weights of at least 0 with sum 1 leave, by another solver."""
    heavy = 1e4 * float(np.abs(columns.to_numpy()).max())
    rows = np.vstack([columns.to_numpy(), np.full(columns.shape[1], heavy)])
    return float(optimize.nnls(rows, np.append(target.to_numpy(), heavy))[1] ** 2)
