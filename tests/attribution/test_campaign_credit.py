"""The credit of one campaign is its part of the credit of all."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

import workbench as wb
from workbench.attribution import campaign_credit, model_credit
from workbench.events.simulation import MarketSpec, simulate, write_market
from workbench.source import Tables
from workbench.store import Workspace
from workbench.store.ingest import ingest


@pytest.fixture(scope="module")
def tables(tmp_path_factory: pytest.TempPathFactory) -> Tables:
    home = tmp_path_factory.mktemp("credit")
    files = write_market(simulate(replace(MarketSpec.small(), days=60, users=200)), home / "files")
    ingest(Workspace.create(home / "w", name="w"), files, backfill=True)
    return wb.open(str(home / "w"), None)


def test_it_is_a_part_of_the_whole(tables: Tables) -> None:
    whole = model_credit(tables, models="last_touch,linear", by="campaign")
    ids = tables.query("SELECT campaign_id, name FROM campaigns").to_pylist()
    found = {
        row["name"]: campaign_credit(tables, row["campaign_id"], models="last_touch,linear") for row in ids
    }
    rows = {row for credit in found.values() for row in credit.rows}
    assert rows
    assert rows <= set(whole.rows)
    assert {row.channel for row in whole.rows} - {row.channel for row in rows} <= {"(unattributed)"}
    assert {credit.conversions for credit in found.values()} == {whole.conversions}


def test_a_campaign_that_nobody_met_says_so(tables: Tables, tmp_path: Path) -> None:
    assert "No touch of this campaign" in campaign_credit(tables, "nobody").missing
    Workspace.create(tmp_path / "w", name="w")
    assert "Not enough data" in campaign_credit(wb.open(str(tmp_path / "w"), None), "a").missing
