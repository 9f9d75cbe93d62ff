"""How far each attribution model is from what channels truly caused, on five simulated markets.

    python benchmarks/attribution_truth.py

Prints the two tables of docs/explanation/attribution.md. Touches are clicks, conversions all orders; a year,
about a million events each. *Misplaced* is the part of the credit that a model gives to the wrong channel:
half the sum of |share of credit - share of caused orders|. *Credited to caused* is how many orders all
channels together are credited with, for each that one of them caused.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import polars as pl

from workbench.attribution.attributing import journeys_from
from workbench.attribution.credit import UNATTRIBUTED
from workbench.attribution.crediting import credit_of
from workbench.attribution.models import MODELS
from workbench.attribution.reading import touchpoints_of
from workbench.events.simulation import Market, MarketSpec, simulate

SEEDS = (0, 1, 2, 3, 4)
SHOWN = ("last_touch", "first_touch", "linear", "markov", "shapley_markov", "regression")


def credited(market: Market) -> pd.DataFrame:
    """Return credited orders by channel and model, and those caused, as column `caused`."""
    channel = dict(market.tables["campaigns"].select("campaign_id", "channel").iter_rows())
    said = pl.col("properties").str
    clicks = market.events.filter(pl.col("event_type") == "campaign_clicked").select(
        "user_id",
        "timestamp",
        channel=said.json_path_match("$.campaign_id").replace_strict(channel, default=None),
    )
    orders = market.events.filter(pl.col("event_type") == "user_purchased").select(
        "user_id",
        "timestamp",
        conversion_id=said.json_path_match("$.order_id"),
        value=said.json_path_match("$.order_value").cast(pl.Float64),
    )
    journeys = journeys_from(touchpoints_of(clicks, orders), window="30d")
    credit = credit_of(journeys, window="30d", replicates=0).to_frame()
    table = credit[credit.channel != UNATTRIBUTED].pivot(
        index="channel", columns="model", values="conversions"
    )
    caused = dict(market.truth.attribution.select("channel", "incremental_conversions").iter_rows())
    return table.assign(caused=pd.Series(caused)).dropna()


def misplaced(table: pd.DataFrame) -> pd.Series:
    """Return the part of each model's credit that lies on the wrong channel."""
    shares = table / table.sum()
    return shares.sub(shares.caused, axis=0).abs().sum() / 2


def by_model(tables: list[pd.DataFrame]) -> str:
    """Return how far each model is from the truth, over several markets, as Markdown."""
    wrong = pd.DataFrame([misplaced(table) for table in tables])
    claimed = pd.DataFrame([table.sum() / table.caused.sum() for table in tables])
    lines = ["| model | misplaced, mean | lowest to highest | credited to caused |", "|---|---|---|---|"]
    for name in sorted(MODELS, key=lambda model: float(wrong[model].mean())):
        some = wrong[name]
        lines.append(
            f"| {MODELS[name].title} | {some.mean():.0%} | {some.min():.0%} to {some.max():.0%} "
            f"| {claimed[name].mean():.1f} |"
        )
    return "\n".join(lines)


def by_channel(table: pd.DataFrame) -> str:
    """Return the orders of one market by channel, as Markdown."""
    head = ["channel", "caused", *(MODELS[name].title for name in SHOWN)]
    lines = [f"| {' | '.join(head)} |", "|" + "---|" * len(head)]
    for channel, row in table.sort_values("caused", ascending=False).iterrows():
        figures = [f"{row[name]:,.0f}" for name in ("caused", *SHOWN)]
        lines.append(f"| {channel} | {' | '.join(figures)} |")
    return "\n".join(lines)


def page_tables() -> tuple[str, str]:
    """Return both tables of the page."""
    tables = [credited(simulate(replace(MarketSpec(), seed=seed))) for seed in SEEDS]
    return by_model(tables), by_channel(tables[0])


if __name__ == "__main__":
    np.seterr(all="raise", under="ignore")
    print("\n\n".join(page_tables()))
