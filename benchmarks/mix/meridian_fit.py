"""Meridian's fit of a market: `python meridian_fit.py TABLE.csv DRAWS CHANNEL ...`, with Meridian installed.

The table has date, region, spend by channel, price, promo and revenue. The last line printed is JSON: CPU and
wall seconds of sampling, and the draws of every channel's return.
"""

from __future__ import annotations

import json
import sys
import time

import numpy as np
import pandas as pd
from meridian.analysis import analyzer
from meridian.data import data_frame_input_data_builder
from meridian.model import model, spec

CHAINS, ADAPT, BURN_IN = 4, 500, 200


def read(path: str, channels: list[str]) -> object:
    """Return the market as Meridian takes it; for want of a population, a region has its mean revenue."""
    table = pd.read_csv(path, dtype={"region": str})
    table["population"] = table.groupby("region")["revenue"].transform("mean")
    builder = data_frame_input_data_builder.DataFrameInputDataBuilder(
        kpi_type="revenue",
        default_geo_column="region",
        default_time_column="date",
        default_kpi_column="revenue",
    )
    builder = builder.with_kpi(table).with_population(table)
    builder = builder.with_controls(table, control_cols=["price", "promo"])
    return builder.with_media(
        table, media_cols=channels, media_spend_cols=channels, media_channels=channels
    ).build()


def main() -> None:
    """Fit, and print what it took."""
    path, keep, *channels = sys.argv[1:]
    fitted = model.Meridian(input_data=read(path, channels), model_spec=spec.ModelSpec(knots=6))
    cpu, wall = time.process_time(), time.perf_counter()
    fitted.sample_posterior(CHAINS, ADAPT, BURN_IN, int(keep), seed=1)
    spent = {"sampling": time.process_time() - cpu, "wall": time.perf_counter() - wall}
    returns = analyzer.Analyzer(fitted).roi(use_kpi=False)
    diverging = int(fitted.inference_data.sample_stats["diverging"].sum())
    print(json.dumps(spent | {"divergences": diverging, "returns": np.asarray(returns).tolist()}))


if __name__ == "__main__":
    main()
