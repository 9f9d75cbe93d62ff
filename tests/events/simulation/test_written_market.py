"""A market as files: the same seed gives the same bytes, and dirt loses nothing."""

import csv
import hashlib
import json
from collections import Counter
from pathlib import Path

import polars as pl
import pytest

from workbench.events.definitions import EVENT_TYPES, SOURCES
from workbench.events.simulation import Dirt, MarketSpec, simulate, write_market
from workbench.events.tables import TABLES


def hashes(folder: Path) -> dict[str, str]:
    files = (path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


@pytest.fixture(scope="module")
def small():
    return simulate(MarketSpec.small())


def test_the_same_seed_gives_the_same_bytes(small, tmp_path):
    write_market(small, tmp_path / "one", dirt=Dirt())
    write_market(simulate(MarketSpec.small()), tmp_path / "two", dirt=Dirt())
    assert hashes(tmp_path / "one") == hashes(tmp_path / "two")


def test_another_seed_gives_another_market(small, tmp_path):
    write_market(small, tmp_path / "one")
    write_market(simulate(MarketSpec.small(seed=8)), tmp_path / "two")
    one, two = hashes(tmp_path / "one"), hashes(tmp_path / "two")
    assert set(one) == set(two)
    assert not [name for name in one if one[name] == two[name]]


def test_files_hold_the_market(small, tmp_path):
    files = write_market(small, tmp_path, json_months=3)
    assert all(path.is_file() for path in files)
    assert "truth.json" not in {path.name for path in files}
    lines = [path for path in files if path.suffix == ".jsonl"]
    columnar = [path for path in files if path.suffix == ".parquet"]
    assert (len(lines), len(columnar)) == (3, 3)
    ids = set(pl.concat([pl.read_parquet(path) for path in columnar])["event_id"])
    for path in lines:
        for line in path.read_text().splitlines():
            event = json.loads(line)
            ids.add(event["event_id"])
            assert isinstance(event["properties"], dict)
            assert event["timestamp"].startswith(path.stem.removeprefix("events-"))
    assert ids == set(small.events["event_id"])


def test_tables_are_written_with_their_columns(small, tmp_path):
    for path in write_market(small, tmp_path):
        if path.suffix == ".csv":
            with path.open(newline="") as file:
                rows = list(csv.DictReader(file))
            assert tuple(rows[0]) == TABLES[path.stem].columns
            assert len(rows) == small.tables[path.stem].height
    truth = json.loads((tmp_path / "truth.json").read_text())
    assert {row["channel"] for row in truth["channels"]} == {c.name for c in small.spec.channels}


def test_dirt_is_added_and_nothing_is_lost(small, tmp_path):
    dirt = Dirt(invalid=0.02, duplicates=0.03)
    write_market(small, tmp_path, dirt=dirt, json_months=12)
    lines = [
        line for path in sorted(tmp_path.glob("events/*.jsonl")) for line in path.read_text().splitlines()
    ]
    count = small.events.height
    assert len(lines) == count + round(0.02 * count) + round(0.03 * count)
    events = [json.loads(line) for line in lines]
    known = set(small.events["event_id"])
    times = Counter(event["event_id"] for event in events)
    assert set(times) >= known
    assert sum(n - 1 for key, n in times.items() if key in known) == round(0.03 * count)
    bad = [event for event in events if event["event_id"] not in known]
    assert len(bad) == round(0.02 * count)
    for event in bad:
        assert (
            "-" not in event["event_id"][6:]
            or event["event_type"] not in EVENT_TYPES
            or event["source"] not in SOURCES
            or event["timestamp"] > "2060"
            or not set(EVENT_TYPES[event["event_type"]].required) <= set(event["properties"])
        )
