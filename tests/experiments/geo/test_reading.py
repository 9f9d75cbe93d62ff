"""Panels from tables: what was loaded comes back, summed by another library, and gaps are said."""

from __future__ import annotations

import polars as pl
import pytest

from workbench.errors import BadInput, NotEnoughData, UsageError
from workbench.events.simulation import MarketSpec
from workbench.events.simulation.markets import CITIES, open_stores
from workbench.experiments.geo.reading import geo_panel, weekly
from workbench.store import Workspace
from workbench.store.ingest import ingest

SPEC = MarketSpec(days=90)


@pytest.fixture(scope="module")
def sold() -> pl.DataFrame:
    return open_stores(SPEC).performance


def loaded(folder, frame: pl.DataFrame):
    workspace = Workspace.create(folder / "acme")
    workspace.set_currency("EUR")
    frame.write_csv(folder / "stores.csv")
    ingest(workspace, [folder / "stores.csv"], backfill=True)
    return workspace.tables()


@pytest.fixture(scope="module")
def tables(sold, tmp_path_factory):
    return loaded(tmp_path_factory.mktemp("geo"), sold)


def test_a_file_in_our_columns_becomes_a_panel(sold, tables):
    panel = geo_panel(tables)
    assert panel.geos == tuple(sorted(CITIES))
    assert (len(panel.days), panel.days[0], panel.metric, panel.notes) == (90, SPEC.start, "revenue", ())
    city = panel.values[panel.geos.index("Kiel")]
    assert city.tolist() == sold.filter(pl.col("geo") == "Kiel").sort("date")["revenue"].to_list()
    assert panel.spend is not None
    assert panel.spend.sum() == pytest.approx(sold["spend"].sum())


def test_a_window_cuts_it(tables):
    panel = geo_panel(tables, "orders", window="2024-02-01:2024-02-10")
    assert len(panel.days) == 10
    assert str(panel.days[0]) == "2024-02-01"


def test_weeks_are_whole_and_hold_what_their_days_hold(sold, tables):
    panel = geo_panel(tables, grain="week", window="2024-01-03:2024-03-20")
    assert str(panel.days[0]) == "2024-01-08"
    assert len(panel.days) == 10
    assert panel.notes == ("8 days outside of whole weeks are left out.",)
    week = sold.filter(pl.col("date").is_between(panel.days[3], panel.days[4], closed="left"))
    assert panel.values[:, 3].sum() == pytest.approx(week["revenue"].sum())
    with pytest.raises(UsageError, match="Only days"):
        weekly(panel)
    with pytest.raises(NotEnoughData, match="no whole week"):
        geo_panel(tables, grain="week", window="2024-01-02:2024-01-10")


def test_a_missing_day_of_a_market_is_refused_unless_it_counts_as_zero(sold, tables, tmp_path):
    some = sold.filter((pl.col("geo") != "Kiel") | (pl.col("date") != pl.date(2024, 2, 2)))
    torn = loaded(tmp_path, some)
    with pytest.raises(BadInput, match="1 of 3,600 geo-days have no row: Kiel on 2024-02-02"):
        geo_panel(torn)
    assert "they count as 0" in geo_panel(torn, gaps="zero").notes[0]
    elsewhere = geo_panel(torn, needed=lambda geo: geo != "Kiel")
    assert elsewhere.notes == ()
    whole = geo_panel(tables).without(["Kiel"])
    assert elsewhere.without(["Kiel"]).values.tolist() == whole.values.tolist()


def test_a_market_without_a_figure_is_refused(sold, tmp_path):
    some = sold.with_columns(revenue=pl.when(pl.col("geo") != "Kiel").then("revenue"))
    with pytest.raises(BadInput, match="Kiel on 2024-01-01 is nan"):
        geo_panel(loaded(tmp_path, some))


def test_rows_without_spend_are_counted(sold, tmp_path):
    some = sold.with_columns(spend=pl.when(pl.col("geo") != "Kiel").then("spend"))
    assert geo_panel(loaded(tmp_path, some)).notes == ("90 of 3,600 rows tell no spend; it counts as 0.",)


def test_what_is_not_there_is_said(tables, tmp_path):
    empty = Workspace.create(tmp_path / "empty").tables()
    with pytest.raises(NotEnoughData, match="no table geo_performance is loaded"):
        geo_panel(empty, source="markets")
    with pytest.raises(NotEnoughData, match="conversions of markets is not known"):
        geo_panel(tables, "conversions", source="markets")
    with pytest.raises(UsageError, match="ctr is a ratio"):
        geo_panel(tables, "ctr")
    with pytest.raises(UsageError, match="No metric named"):
        geo_panel(tables, "sales")
    with pytest.raises(NotEnoughData, match="No market has a row"):
        geo_panel(tables, window="2031-01-01:2031-02-01")


def test_regions_of_users_are_geos_too(tmp_path):
    rows = pl.DataFrame(
        {
            "order_id": [f"o{place}" for place in range(60)],
            "user_id": [f"u{place % 6}" for place in range(60)],
            "ordered_at": [f"2024-03-{1 + place % 20:02d}T10:00:00Z" for place in range(60)],
            "order_value": [10.0 + place for place in range(60)],
        }
    )
    users = pl.DataFrame(
        {
            "user_id": [f"u{place}" for place in range(5)],
            "signup_at": ["2024-01-01T00:00:00Z"] * 5,
            "region": ["north", "south", "north", "east", "south"],
        }
    )
    workspace = Workspace.create(tmp_path / "acme")
    with workspace.writer() as writer, writer.transaction("a") as load:
        writer.connection.register("order_rows", rows.to_arrow())
        load.append(
            "orders",
            "SELECT order_id, 1 AS line, user_id, ordered_at::TIMESTAMPTZ AS ordered_at, order_value,"
            " false AS is_return FROM order_rows",
        )
        load.commit()
    with pytest.raises(NotEnoughData, match=r"^Revenue is not known by market or region: orders cannot"):
        geo_panel(workspace.tables())
    with workspace.writer() as writer, writer.transaction("b") as load:
        writer.connection.register("user_rows", users.to_arrow())
        load.append("users", "SELECT user_id, signup_at::TIMESTAMPTZ AS signup_at, region FROM user_rows")
        load.commit()
    panel = geo_panel(workspace.tables())
    assert panel.geos == ("east", "north", "south")
    assert len(panel.days) == 20
    known = rows.join(users, on="user_id")
    assert panel.values.sum() == pytest.approx(known["order_value"].sum())
    lost = rows.join(users, on="user_id", how="anti")["order_value"].sum()
    assert f"revenue of {lost:,.0f} without a region is left out." in panel.notes
