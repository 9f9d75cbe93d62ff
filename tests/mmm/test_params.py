"""The models that come with the project, on the real files they are written for."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from workbench.mmm.checks import check_market
from workbench.mmm.deriving import with_derived
from workbench.mmm.findings import MarketCheck
from workbench.mmm.market import Market, market_of
from workbench.mmm.spec_file import MixFile, mix_file_of
from workbench.store.reading_table import read_table

PARAMS = Path(__file__).resolve().parents[2] / "params"


def said(name: str) -> MixFile:
    return mix_file_of((PARAMS / name).read_text(), file=name)


def market(name: str, folder: Path) -> Market:
    file = said(name)
    path = folder / str(file.source.data)
    return market_of(file.spec, with_derived(read_table(path), file.source.derive, file=path), file=path)


@pytest.mark.parametrize("name", ["mmm_national.yaml", "mmm_regional.yaml"])
def test_models_of_the_project_are_read(name: str) -> None:
    file = said(name)
    assert len(file.spec.channels) == 5
    assert file.source.data


@pytest.mark.data
def test_national_totals_are_those_of_the_publisher(public_data: Path) -> None:
    found = market("mmm_national.yaml", public_data / "mmm" / "robyn_weekly")
    assert (len(found.dates), str(found.dates[0]), str(found.dates[-1])) == (208, "2015-11-23", "2019-11-11")
    assert round(float(found.outcome.sum()), 2) == 379_005_696.67
    spend = dict(zip(found.channels, found.spend.sum((0, 1)).round(2).tolist(), strict=True))
    assert spend == {
        "tv": 3_087_487.77,
        "ooh": 8_989_331.73,
        "print": 775_555.51,
        "search": 1_230_426.67,
        "facebook": 446_296.83,
    }
    assert round(float(found.exposure[:, :, 4].sum()), 2) == 1_695_910_319.59
    assert found.control[0, :, 2:].sum(0).tolist() == [1.0, 1.0]


@pytest.mark.data
def test_regional_totals_are_those_of_the_publisher(public_data: Path) -> None:
    found = market("mmm_regional.yaml", public_data / "mmm" / "meridian_simulated")
    assert found.outcome.shape == (40, 156)
    assert (str(found.dates[0]), str(found.dates[-1])) == ("2021-01-25", "2024-01-15")
    assert round(float(found.outcome.sum()), 1) == 1_318_699_437.7
    assert found.spend.sum((0, 1)).round(1).tolist() == [
        40_501_713.1,
        31_320_298.2,
        12_079_349.3,
        87_860_358.2,
        47_730_683.5,
    ]


@pytest.mark.data
def test_what_the_checks_say_of_them(public_data: Path) -> None:
    def check(name: str, folder: str) -> MarketCheck:
        return check_market(said(name).spec, market(name, public_data / "mmm" / folder))

    national = check("mmm_national.yaml", "robyn_weekly")
    assert not national.refused
    assert {one.check for one in national.warned} == {"outlier"}
    assert [(one.check, one.about) for one in national.of("note")] == [("unseen", "facebook")]
    regional = check("mmm_regional.yaml", "meridian_simulated")
    assert regional.findings == ()
    assert "156 weeks and 5 channels in 40 regions" in regional.sentence


@pytest.mark.data
def test_regions_add_up_to_the_nation(public_data: Path) -> None:
    folder = public_data / "mmm" / "meridian_simulated"
    regional = market("mmm_regional.yaml", folder)
    national = read_table(folder / "national_all_channels.csv").to_pandas()
    for place in range(5):
        known = national[f"Channel{place}_spend"].astype(float).to_numpy()
        assert regional.spend[:, :, place].sum(0) == pytest.approx(known, rel=1e-6)
    assert np.unique(regional.dates).astype(str).tolist() == national["time"].tolist()
