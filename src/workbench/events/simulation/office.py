"""What marketers do."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from workbench.events.definitions import ROLES
from workbench.events.simulation.campaigns import Campaign, Plan
from workbench.events.simulation.envelope import draft
from workbench.events.simulation.names import uuids
from workbench.events.simulation.seasons import DAY, HOUR, first_instant, stream
from workbench.events.simulation.spec import MarketSpec

if TYPE_CHECKING:
    import polars as pl

_SECTIONS = ("executive", "campaign", "channels", "leads", "cohorts", "data_quality")
_MARKETERS = 6


def _campaign_rows(
    spec: MarketSpec, plan: Plan, campaigns: pl.DataFrame, audience: dict[int, int]
) -> pl.DataFrame:
    import polars as pl

    rng = stream(spec, "marketers")
    ids = uuids(_MARKETERS, rng).to_list()
    who = rng.integers(0, _MARKETERS, len(plan.campaigns))
    first = [min(c.first_day, spec.days - 1) for c in plan.campaigns]
    created = [max(day - int(rng.integers(3, 12)), 0) for day in first]
    return pl.DataFrame(
        {
            "campaign_id": [c.campaign_id for c in plan.campaigns],
            "campaign_type": [c.campaign_type for c in plan.campaigns],
            "budget": campaigns["budget"],
            "target_segment": [c.target or "all" for c in plan.campaigns],
            "marketer_id": [ids[i] for i in who],
            "person": [f"marketer-{i + 1}" for i in who],
            "audience": [audience.get(c.index, 0) for c in plan.campaigns],
            "advised": rng.random(len(plan.campaigns)) < 0.4,
            "created": [first_instant(spec) + day * DAY + (9 * HOUR if day else 0) for day in created],
            "launched": [first_instant(spec) + day * DAY for day in first],
            "paused": [
                first_instant(spec) + min(c.last_day, spec.days - 1) * DAY + 16 * HOUR for c in plan.campaigns
            ],
            "index": [c.index for c in plan.campaigns],
            "runs": [c.kind != "planned" for c in plan.campaigns],
        }
    )


def _paused(plan: Plan) -> list[tuple[Campaign, str]]:
    spent = [(c, "budget_exceeded") for c in plan.campaigns if c.use > 1.1]
    poor = [(c, "low_performance") for c in plan.of("owned") if c.lift < 0]
    return [*spent, *poor]


def marketers(
    spec: MarketSpec, plan: Plan, campaigns: pl.DataFrame, audience: dict[int, int]
) -> list[pl.DataFrame]:
    """Return campaigns drafted, launched and paused, creatives put to the test, and budget moved."""
    import polars as pl

    rows = _campaign_rows(spec, plan, campaigns, audience)
    live = rows.filter("runs")
    reasons = {campaign.index: reason for campaign, reason in _paused(plan)}
    stopped = rows.filter(pl.col("index").is_in(list(reasons)))
    stopped = stopped.with_columns(
        pause_reason=pl.Series([reasons[i] for i in stopped["index"]], dtype=pl.String)
    )
    created = rows.with_columns(at="created", initial_budget="budget")
    launched = live.with_columns(
        at="launched",
        actual_audience_size="audience",
        budget_approved="budget",
        ai_recommendation_applied="advised",
    )
    of = ("campaign_id", "marketer_id")
    drafted = (*of, "campaign_type", "target_segment", "initial_budget")
    started = (*of, "actual_audience_size", "budget_approved", "ai_recommendation_applied")
    stopped = stopped.with_columns(at="paused")
    return [
        draft("campaign_created", created, *drafted, source="admin_portal", person="person"),
        draft("campaign_launched", launched, *started, source="admin_portal", person="person"),
        draft("campaign_paused", stopped, *of, "pause_reason", source="admin_portal", person="person"),
        _tests(spec, plan, live),
        _moves(spec, plan, live),
    ]


def _tests(spec: MarketSpec, plan: Plan, live: pl.DataFrame) -> pl.DataFrame:
    import polars as pl

    rng = stream(spec, "creative tests")
    tested = [c for c in plan.campaigns if c.kind in {"owned", "paid"}]
    rows = live.filter(pl.col("index").is_in([c.index for c in tested])).with_columns(
        at="launched",
        test_id=uuids(len(tested), rng),
        a=pl.Series([plan.creative_ids[c.creatives[0]] for c in tested]),
        b=pl.Series([plan.creative_ids[c.creatives[1]] for c in tested]),
    )
    return draft(
        "creative_variant_tested",
        rows,
        pl.col("test_id"),
        pl.col("campaign_id"),
        pl.col("a").alias("variant_a_creative_id"),
        pl.col("b").alias("variant_b_creative_id"),
        pl.lit(50.0).alias("split_percentage"),
        pl.lit(14.0).alias("test_duration_days"),
        pl.lit("ctr").alias("primary_metric"),
        pl.lit(0.05).alias("significance_threshold"),
        source="admin_portal",
        person="person",
    )


def _moves(spec: MarketSpec, plan: Plan, live: pl.DataFrame) -> pl.DataFrame:
    import polars as pl

    rng = stream(spec, "budget moves")
    paid = [c.campaign_id for c in plan.of("paid") if c.first_day == 0]
    count = max(spec.days // 30, 2)
    source = rng.integers(0, len(paid), count)
    target = (source + 1) % len(paid)
    rows = pl.DataFrame(
        {
            "at": first_instant(spec) + (np.arange(count) * 30 + 14) % spec.days * DAY + 11 * HOUR,
            "source": [paid[i] for i in source],
            "target": [paid[i] for i in target],
            "amount": np.round(rng.uniform(80, 400, count) * spec.scale, 2),
            "person": live["person"].gather(rng.integers(0, len(live), count)),
        }
    )
    return draft(
        "budget_reallocated",
        rows,
        pl.col("source").alias("from_campaign_id"),
        pl.col("target").alias("to_campaign_id"),
        pl.col("amount"),
        pl.lit("higher marginal return").alias("reallocation_reason"),
        source="admin_portal",
        person="person",
    )


def dashboards(spec: MarketSpec) -> pl.DataFrame:
    """Return visits of marketers to their dashboards, on workdays."""
    import polars as pl

    rng = stream(spec, "dashboards")
    day = np.repeat(np.arange(spec.days), rng.poisson(9, spec.days))
    day = day[(day + spec.start.weekday()) % 7 < 5]
    role = rng.choice(len(ROLES), len(day), p=(0.15, 0.3, 0.2, 0.15, 0.15, 0.05))
    rows = pl.DataFrame(
        {
            "at": first_instant(spec) + day * DAY + rng.integers(7 * HOUR, 17 * HOUR, len(day)),
            "person": pl.Series([f"marketer-{i + 1}" for i in range(len(ROLES))]).gather(role),
            "role": pl.Series(ROLES).gather(role),
            "section": pl.Series(_SECTIONS).gather(rng.integers(0, len(_SECTIONS), len(day))),
            "seconds": np.round(rng.lognormal(4.5, 0.9, len(day)), 1),
            "exported": rng.random(len(day)) < 0.12,
        }
    )
    return draft(
        "dashboard_accessed",
        rows,
        pl.col("role").alias("user_role"),
        pl.col("section").alias("dashboard_section"),
        pl.col("seconds").alias("time_spent_seconds"),
        pl.col("exported").alias("export_requested"),
        source="admin_portal",
        person="person",
    )
