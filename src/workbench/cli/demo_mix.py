"""The media mix model of the demonstration: three years of weekly sales, held to the shop's own experiments.

The year that the workspace records is too short for a model: it would have seen one season, and call growth
what was Christmas. So the shop's books have two years more, week by week.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from workbench.events.simulation import Market
    from workbench.store.workspace import Workspace

SPEC, PLAN = "mmm_demo.yaml", "demo_mix.yaml"
BOOKS, TRUTH = "weekly_sales.csv", "weekly_truth.csv"
_BEFORE = "weekly_before.csv"


def write_history(market: Market, source: Path) -> None:
    """Write the weeks before a market's records, and what each channel truly brought in all of the weeks."""
    from workbench.events.simulation.history import history, true_returns

    before = history(market)
    before.weeks.write_csv(source / _BEFORE)
    true_returns(market, before).write_csv(source / TRUTH, float_precision=4)


def write_books(workspace: Workspace, source: Path) -> Path:
    """Return the file of weekly sales: the weeks before the records, and what the workspace recorded."""
    import polars as pl

    from workbench.events.simulation.history import causes
    from workbench.mmm.recorded import market_table, proposed_spec

    tables, before = workspace.tables(), pl.read_csv(source / _BEFORE, try_parse_dates=True)
    recorded = pl.DataFrame(market_table(tables, proposed_spec(tables)))
    recorded = recorded.with_columns(pl.col("date").cast(pl.Date))
    year = causes(recorded, recorded["date"][0]).select(before.columns)
    books = pl.concat([before, year], how="vertical_relaxed")
    books.write_csv(source / BOOKS)
    return source / BOOKS


def modelling(workspace: Workspace, source: Path, say: Callable[[str], None]) -> Future[bool]:
    """Return what will say whether there is a media mix run to report on; it is fitted meanwhile.

    Compiling keeps one core busy, and so does many a notebook: side by side they take half as long. Where
    this process ends before the fit does, nobody waits for it.
    """
    fitted: Future[bool] = Future()

    def fit() -> None:
        try:
            fitted.set_result(_model(workspace, source, say))
        except BaseException as error:  # noqa: BLE001 - raised where the result is asked for
            fitted.set_exception(error)

    threading.Thread(target=fit, daemon=True, name="media-mix-fit").start()
    return fitted


def _model(workspace: Workspace, source: Path, say: Callable[[str], None]) -> bool:
    from workbench.mmm.extra import missing_extra
    from workbench.reports.mix_fitting import fit_mix
    from workbench.reports.notebook import notebooks_folder

    if missing := missing_extra():
        say(f"No media mix model, and no reports on it. {missing}.")
        return False
    say("Fitting a media mix model to three years of weekly sales ...")
    model = notebooks_folder().parent / "params" / SPEC
    done = fit_mix(workspace, model, write_books(workspace, source), tests={})
    say(f"Media mix: {done.sentence}")
    return True
