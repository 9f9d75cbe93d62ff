"""The geo tests and holdouts of a workspace as evidence for a model: their reports' figures, none chosen."""

from __future__ import annotations

import math
import shutil
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from workbench.errors import UsageError
from workbench.events.simulation import GEO_TESTS, MarketSpec
from workbench.events.simulation.markets import open_stores
from workbench.experiments import holdouts
from workbench.experiments.geo.plan import GeoTest
from workbench.experiments.records.keeping import Kept, next_status, next_version
from workbench.experiments.records.kept import kept_experiment
from workbench.mmm.calibration import calibration_of
from workbench.mmm.market import market_of
from workbench.mmm.spec import Channel, MixSpec
from workbench.reports.mix_data import Asked, asked_of
from workbench.reports.mix_experiments import findings
from workbench.store import Workspace
from workbench.store.experiments import keep_definition
from workbench.store.ingest import ingest

STORES = open_stores(MarketSpec(days=400))
TEST = GeoTest(
    name="posters",
    treated=tuple(GEO_TESTS[0].treated),
    start=STORES.truth["start"].min(),
    end=STORES.truth["end"].max(),
)
SPEC = MixSpec(
    name="stores",
    outcome="revenue",
    channels=(Channel(name="ooh", spend="spend"),),
    region="geo",
    currency="EUR",
)


@pytest.fixture(scope="module")
def stores(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """A workspace with stores in cities, one geo test that ran and one that is a draft."""
    folder = tmp_path_factory.mktemp("stores")
    workspace = Workspace.create(folder / "acme")
    workspace.set_currency("EUR")
    STORES.performance.write_csv(folder / "stores.csv")
    ingest(workspace, [folder / "stores.csv"], backfill=True)
    for test in (TEST, replace(TEST, name="planned")):
        now = datetime.now(UTC)
        change = next_version(Kept(name=test.name), test, at=now, by="ann", reason="")
        assert change is not None
        keep_definition(workspace, change.to_row())
    kept = kept_experiment(workspace.tables(), "posters")
    begun = next_status(kept, "running", at=datetime.now(UTC), by="ann", reason="")
    assert begun is not None
    keep_definition(workspace, begun.to_row())
    return workspace


@pytest.fixture(scope="module")
def asked(stores: Workspace) -> Asked:
    return asked_of(stores, SPEC, STORES.performance, tests={"posters": "ooh"})


def test_a_geo_test_is_evidence_for_the_channel_that_it_tested(asked: Asked) -> None:
    assert asked.calibration is not None
    (judged,) = asked.calibration.judged
    test = judged.test
    assert asked.spec.lift_tests == (test,)
    assert test is not None
    assert (test.channel, test.source, test.regions) == ("ooh", "posters", TEST.treated)
    assert (test.start, test.end, test.spent_until) == (TEST.start, TEST.last_effect, TEST.end)
    assert test.share == 1.0
    assert test.spend_change == pytest.approx(STORES.performance["spend"].sum())
    truth = float(STORES.truth["incremental_revenue"].sum())
    assert abs(test.outcome_change - truth) < 3 * test.error
    assert asked.told == (judged.sentence,)
    assert judged.sentence.startswith("The geo test posters is used for ooh")


def test_a_model_without_cities_hears_how_much_of_the_market_they_are(asked: Asked) -> None:
    assert asked.calibration is not None
    posters = asked.calibration.judged[0].finding
    before = STORES.performance.filter(STORES.performance["date"] < TEST.start)
    treated = before.filter(before["geo"].is_in(TEST.treated))["revenue"].sum()
    assert posters.share == pytest.approx(treated / before["revenue"].sum())
    spec = replace(SPEC, region=None)
    daily = STORES.performance.drop("geo").group_by("date").sum()
    (judged,) = calibration_of(spec, market_of(spec, daily), [posters]).judged
    assert judged.test is not None
    assert (judged.test.regions, judged.test.share) == ((), posters.share)


def test_a_geo_test_without_a_channel_is_listed_and_not_used(stores: Workspace) -> None:
    (found,) = findings(stores.tables(), "revenue")
    assert "--test posters=CHANNEL" in found.doubt
    with pytest.raises(UsageError, match="No geo test that ran named 'planned'"):
        findings(stores.tables(), "revenue", {"planned": "ooh"})


def test_an_empty_workspace_has_no_experiments(tmp_path: Any) -> None:
    assert findings(Workspace.create(tmp_path / "acme").tables(), "revenue") == ()


@pytest.fixture(scope="module")
def messages(held_out_market: Path, tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    folder = tmp_path_factory.mktemp("holdout") / "market"
    return Workspace.open(shutil.copytree(held_out_market, folder))


@pytest.mark.parametrize("outcome", ["revenue", "conversions"])
def test_holdouts_are_evidence_for_their_campaigns_channel(messages: Workspace, outcome: Any) -> None:
    tables = messages.tables()
    report = {effect.name: effect for effect in holdouts(tables).campaigns}
    spent = {
        (row["name"], row["channel"]): (row["first"], row["spend"])
        for row in tables.query(
            "SELECT c.name, d.channel, min(d.date) AS first, sum(d.spend) AS spend FROM daily_performance d "
            "JOIN campaigns c USING (campaign_id) WHERE d.spend > 0 GROUP BY 1, 2"
        ).to_pylist()
    }
    found = findings(tables, outcome)
    assert {one.source for one in found} == set(report)
    used = [one for one in found if not one.doubt]
    for one in used:
        effect = report[one.source]
        figure = effect.revenue if outcome == "revenue" else effect.lift.scaled(effect.treated)
        assert (one.caused, one.low, one.high) == (figure.value, figure.low, figure.high)
        first, cost = spent[one.source, one.channel]
        assert one.start == first
        assert one.spend == pytest.approx(float(cost))
        assert one.share == pytest.approx(effect.treated / (effect.treated + effect.held))
        assert 0.8 < one.share < 1
    assert all(math.isnan(one.low) or one.doubt for one in found if one not in used)
    # Nothing is chosen by what it found: those without an effect are there, too.
    assert outcome != "revenue" or any(one.low < 0 < one.high for one in used)
