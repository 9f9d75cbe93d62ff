"""What the treated would have done: known here, and nowhere else."""

from __future__ import annotations

from typing import TYPE_CHECKING

from workbench.events.simulation.messages import Messages
from workbench.events.simulation.seasons import DAY

if TYPE_CHECKING:
    import polars as pl

OUTCOME_DAYS = 30


def buyers(messages: Messages, orders: pl.DataFrame) -> pl.DataFrame:
    """Return, per campaign, who ordered anything within 30 days of the first message or of being held out.

    Columns: campaign, treated_buyers, held_out_buyers, and buyers_lift: the share of the treated who ordered
    and would not have without the campaign, less those it kept from ordering. All other orders are the same
    in both worlds.
    """
    import polars as pl

    rows = messages.rows
    added_at = rows.filter("incremental").select("user", "campaign", added_at="bought_at")
    pairs = rows.filter(pl.col("wave") == 0).select("user", "campaign", "held_out", "prevented", since="at")
    pairs = pairs.join(added_at, on=["user", "campaign"], how="left", maintain_order="left")
    window = (pl.col("at") >= pl.col("since")) & (pl.col("at") < pl.col("since") + OUTCOME_DAYS * DAY)
    own = (pl.col("at") == pl.col("added_at")).fill_null(value=False)
    ordered = (
        pairs.select("user", "campaign", "since", "added_at")
        .join(orders.select("user", "at"), on="user")
        .filter(window)
        .group_by("user", "campaign")
        .agg(ordered=pl.lit(value=True), otherwise=(~own).any())
    )
    pairs = pairs.join(ordered, on=["user", "campaign"], how="left", maintain_order="left").with_columns(
        pl.col("ordered", "otherwise").fill_null(value=False)
    )
    added = pl.col("ordered") & ~pl.col("otherwise")
    kept = pl.col("prevented") & ~pl.col("ordered")
    treated = ~pl.col("held_out")
    return (
        pairs.group_by("campaign")
        .agg(
            treated_buyers=(treated & pl.col("ordered")).sum().cast(pl.Int64),
            held_out_buyers=(~treated & pl.col("ordered")).sum().cast(pl.Int64),
            buyers_lift=((treated & added).sum().cast(pl.Int64) - (treated & kept).sum().cast(pl.Int64))
            / treated.sum(),
        )
        .sort("campaign")
    )
