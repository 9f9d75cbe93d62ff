"""What the systems around the shop say of themselves: loads, metrics, alarms, models, advice."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from workbench.events.simulation.campaigns import Plan
from workbench.events.simulation.envelope import draft
from workbench.events.simulation.seasons import DAY, HOUR, MINUTE, first_instant, stream
from workbench.events.simulation.spec import MarketSpec

if TYPE_CHECKING:
    import polars as pl

_METRICS = ("roas", "ctr", "open_rate", "conversion_rate")
_ACTIONS = ("increase_budget", "decrease_budget", "pause_campaign", "refresh_creative")
_ALWAYS = "duration_seconds"  # never null: the last property of each


def _nights(spec: MarketSpec, plan: Plan) -> pl.DataFrame:
    import polars as pl

    rng = stream(spec, "systems")
    day = np.arange(spec.days)
    owned = pl.Series([campaign.campaign_id for campaign in plan.of("owned")])
    return pl.DataFrame(
        {
            "at": first_instant(spec) + day * DAY + 3 * HOUR + rng.integers(0, 30 * MINUTE, spec.days),
            "status": np.where(rng.random(spec.days) < 0.995, "success", "failure"),
            "duration_seconds": np.round(rng.lognormal(3.4, 0.4, spec.days), 2),
            "rows_read": rng.poisson(3000 * spec.scale + 1, spec.days),
            "confidence": np.round(rng.beta(4, 3, spec.days), 3),
            "observed": np.round(rng.lognormal(0.8, 0.3, spec.days), 3),
            "campaign_id": owned.gather(day % len(owned)),
            "metric": pl.Series(_METRICS).gather(day % len(_METRICS)),
            "action": pl.Series(_ACTIONS).gather(day % len(_ACTIONS)),
            "day": day,
        }
    ).with_columns(person=pl.lit("system"))


def systems(spec: MarketSpec, plan: Plan) -> list[pl.DataFrame]:
    """Return a load and an evaluation of metrics every night, a model run and an advice every week."""
    import polars as pl

    number = pl.col("day").cast(pl.String)
    nights = _nights(spec, plan).with_columns(
        load_id=pl.concat_str(pl.lit("nightly-"), number),
        recommendation_id=pl.concat_str(pl.lit("advice-"), number),
        rows_accepted="rows_read",
        rows_duplicate=pl.lit(0),
        rows_quarantined=pl.lit(0),
        metrics=pl.lit(", ".join(_METRICS)),
        compute_seconds=(pl.col("duration_seconds") * 0.7).round(3),
        rows_returned=pl.lit(len(_METRICS)),
        expected=(pl.col("observed") * 1.3).round(3),
        severity="confidence",
        model=pl.lit("churn"),
        rows_scored="rows_read",
    )
    weekly, often = nights.filter(pl.col("day") % 7 == 6), nights.filter(pl.col("day") % 9 == 4)
    rows = ("rows_read", "rows_accepted", "rows_duplicate", "rows_quarantined")
    advice = ("recommendation_id", "action", "campaign_id", "confidence")
    said = (
        ("data_refresh_completed", nights, ("load_id", "status", *rows)),
        ("metric_calculation_completed", nights, ("metrics", "status", "compute_seconds", "rows_returned")),
        ("anomaly_detected", often, ("metric", "observed", "expected", "severity")),
        ("model_inference_completed", weekly, ("model", "status", "rows_scored")),
        ("user_action_recommended", weekly, advice),
    )
    return [
        draft(event_type, frame, *names, _ALWAYS, source="backend", person="person")
        for event_type, frame, names in said
    ]
