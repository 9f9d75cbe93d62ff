"""A load that was taken back never was: every table and sum is as before it, and it can come again."""

import json
import random
import shutil
import subprocess
import sys
import time
from collections import Counter
from datetime import UTC, datetime, timedelta
from math import isnan
from pathlib import Path
from subprocess import PIPE
from typing import Any

import pytest

from workbench.errors import BadInput
from workbench.events.rollups import ROLLUPS
from workbench.events.tables import TABLES
from workbench.metrics import METRICS, measure
from workbench.store import Snapshot, Workspace, recovery
from workbench.store.compaction import compact, vacuum
from workbench.store.erasure import erase
from workbench.store.ingest import ingest
from workbench.store.journal import tell
from workbench.store.review import review
from workbench.store.undo import Undone, planned, undo

NOW = datetime(2024, 3, 10, 12, tzinfo=UTC)
UNDOING = Path(__file__).with_name("undoing.py")
COSTS = {"cost_per_query", "run_success"}
OWN = ("events", "facts")
DAY = "date,campaign_id,channel,impressions,clicks,spend,currency\n"
CAMPAIGN = "6f1c2a34-0000-4000-8000-000000000001"


def event(number: int, kind: str, minutes: float, user: str = "u1", **properties: object) -> str:
    at = (NOW - timedelta(minutes=minutes)).isoformat()
    said = {"event_id": f"6f1c2a34-0000-4000-8000-{number:012}", "event_type": kind, "timestamp": at}
    return json.dumps({**said, "user_id": user, "source": "mobile", "properties": properties})


def click(number: int, minutes: float, user: str = "u1") -> str:
    own = {"campaign_id": CAMPAIGN, "creative_id": CAMPAIGN, "click_type": "cta", "time_to_click_seconds": 3}
    return event(number, "campaign_clicked", minutes, user, **own)


def bought(number: int, minutes: float, value: float) -> str:
    own = {"order_id": f"6f1c2a34-0000-4000-9000-{number:012}", "order_value": value, "order_category": "a"}
    more = {"payment_method": "card", "promo_code_used": False, "is_repeat_purchase": False}
    return event(number, "user_purchased", minutes, **own, **more)


# Figures; events with a purchase, a late and two rejected ones; corrected figures; copies of events that
# replace them within five minutes, and one of another month.
LOADS = {
    "a.csv": DAY + "2024-03-01,c,email,100,10,5,EUR\n2024-03-02,c,email,100,10,5,EUR\n",
    "b.jsonl": "\n".join([click(1, 2), bought(2, 3, 20), click(3, 60 * 24 * 2), click(4, 5, ""), "{"]),
    "c.csv": DAY + "2024-03-02,c,email,90,9,4,EUR\n2024-03-03,c,email,100,10,-5,EUR\n",
    "d.jsonl": "\n".join([click(1, 2, "u2"), bought(2, 3, 30), click(5, 60 * 24 * 20), click(3, 60 * 48)]),
}


def load(workspace: Workspace, home: Path, name: str) -> None:
    (home / name).write_text(LOADS[name])
    assert ingest(workspace, [home / name], now=NOW).accepted


def take_back(workspace: Workspace, load_id: str | None = None) -> Undone:
    with workspace.writer(threads=1) as writer:
        return undo(writer, load_id)


READ = {name: name for name in TABLES if name != "loads"}
READ |= {name: f"({rollup.merged_from(name)})" for name, rollup in ROLLUPS.items()}


def listed(tables: Snapshot, rows: str) -> list[tuple[Any, ...]]:
    return [tuple(row.values()) for row in tables.query(f"SELECT * FROM {rows} ORDER BY ALL").to_pylist()]


def rows(tables: Snapshot) -> dict[str, Any]:
    """Return the rows of every table, those of roll-ups summed up."""
    found = {name: listed(tables, sql) if tables.rows[name] else [] for name, sql in READ.items()}
    return {**found, "loads": listed(tables, "loads WHERE operation = 'ingest'")}


def state(workspace: Workspace) -> dict[str, Any]:
    tables = workspace.tables(threads=1)
    said = review(tables).to_dict(), workspace.currency, tables.currency
    return {**rows(tables), "said": said, "names": tables.names, "last day": tables.last_day}


def again(seen: dict[str, Any]) -> list[Any]:
    """Return what a load brings that is its own: the ids and times of loads differ."""
    events = [(row[0], row[2:10], row[11:]) for row in seen["events"] if row[1] != "data_refresh_completed"]
    facts = [row[:-2] for row in seen["facts"] if row[0] != "data_refresh_completed"]
    rejected = sorted((row[1], *row[3:]) for row in seen["quarantine"])
    counts = sorted(row[4:10] for row in seen["loads"])
    summed = [row for row in seen["rollup_segments"] if row[1] != "data_refresh_completed"]
    same = (seen[name] for name in ("daily_performance", "orders", "rollup_lags", "names", "last day"))
    return [events, sorted(facts, key=str), rejected, counts, summed, seen["said"][1:], *same]


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[dict[str, Any]]]:
    """Return a workspace of all loads, and its state before and after each of them."""
    home = tmp_path_factory.mktemp("undo")
    workspace = Workspace.create(home / "acme")
    seen = [state(workspace)]
    for name in LOADS:
        load(workspace, home, name)
        seen.append(state(workspace))
        if len(seen) == 2:  # beside the files that a workspace looks at
            shutil.copytree(workspace.path, home / "first")
    (home / "first").rename(workspace.cache_path / "first")
    return workspace.path, seen


@pytest.fixture
def acme(filled: tuple[Path, list[dict[str, Any]]], tmp_path: Path) -> Workspace:
    return Workspace.open(shutil.copytree(filled[0], tmp_path / "acme"))


@pytest.fixture
def seen(filled: tuple[Path, list[dict[str, Any]]]) -> list[dict[str, Any]]:
    return filled[1]


def test_what_is_taken_back_never_was(acme: Workspace, seen: list[dict[str, Any]], tmp_path: Path) -> None:
    for number, name in reversed([*enumerate(LOADS)]):
        undone = take_back(acme).load_id
        assert state(acme) == seen[number]
        if name == "d.jsonl":
            load(acme, tmp_path, name)
            assert again(state(acme)) == again(seen[number + 1])
            take_back(acme)
    assert (seen[4]["said"][1], acme.currency, acme.tables(5).currency) == ("EUR", None, "EUR")
    with pytest.raises(BadInput, match="no file is loaded that could be taken back"):
        take_back(acme)
    with pytest.raises(BadInput, match=f"the load {undone} was taken back already"):
        take_back(acme, undone)


def test_notes_stay_and_what_was_merged_is_parted(acme: Workspace, seen: list[dict[str, Any]]) -> None:
    measure(acme.tables(), "clicks")
    with acme.writer(threads=1) as writer:
        tell(acme.path, writer)
        compact(writer, fewest=2)
        tell(acme.path, writer)
        done = [undo(writer), undo(writer)]
    told = {"events": 3, "orders": 1}, {"daily_performance": 1, "quarantine": 1}
    assert tuple(one.leaving for one in done) == told
    assert [one.returning for one in done] == [{"events": 2, "orders": 1}, {"daily_performance": 1}]
    tables = acme.tables(threads=1)
    for name, rollup in ROLLUPS.items():
        counts = f"(SELECT {', '.join(rollup.keys)}, events FROM ({{}}))"
        made, kept = rollup.made_from("facts"), rollup.merged_from(name)
        assert listed(tables, counts.format(made)) == listed(tables, counts.format(kept))
    now = rows(tables)
    told = {table: [row for row in now[table] if "metric_calculation_completed" in row] for table in OWN}
    assert {table: len(notes) for table, notes in told.items()} == {"events": 1, "facts": 1}
    for table in TABLES:
        assert [row for row in now[table] if row not in told.get(table, [])] == seen[2][table]


def test_what_cannot_be_parted_is_refused(acme: Workspace) -> None:
    def refused(why: str) -> None:
        before = acme.tables().version
        with acme.writer(threads=1) as writer:
            with pytest.raises(BadInput, match=rf"d\.jsonl, cannot be taken back: {why}.*workbench init"):
                undo(writer)
            with pytest.raises(BadInput, match=why):
                planned(writer)
        assert acme.tables().version == before

    with pytest.raises(BadInput, match=r"is .*d\.jsonl, not earlier: only the newest can be taken back"):
        take_back(acme, "earlier")
    kept = shutil.copytree(acme.path, acme.path.with_name("kept"))
    row = "SELECT 'o9' AS order_id, 1 AS line, now() AS ordered_at, 1 AS order_value, false AS is_return"
    with acme.writer(threads=1) as writer, writer.transaction("x") as load:
        load.append("orders", row)
        load.commit()
    refused("rows of orders were written since")
    acme = Workspace.open(kept)
    with acme.writer(threads=1) as writer:
        compact(writer, fewest=2)
        vacuum(writer, grace=timedelta())
    refused("files of before it were vacuumed since")
    with acme.writer(threads=1) as writer:
        erase(writer, "u3")
    refused("users were erased since, who would come back")


class CrashError(Exception):
    pass


def crash(*_: object, **__: object) -> None:
    raise CrashError


def test_an_undo_that_is_not_decided_never_was(
    acme: Workspace, seen: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    before = sorted(acme.store_path.rglob("*"))
    monkeypatch.setattr(recovery, "decide", crash)
    with pytest.raises(CrashError):
        take_back(acme)
    assert sorted(acme.store_path.rglob("*")) == before
    assert not [*(acme.path / "pending").iterdir()]
    assert rows(acme.tables(threads=1)) == {table: seen[4][table] for table in (*READ, "loads")}


@pytest.mark.parametrize("commits", [4, *(pytest.param(n, marks=pytest.mark.slow) for n in (0, 1, 2, 3, 5))])
def test_an_undo_that_is_decided_is_ended_from_any_step(
    acme: Workspace, seen: list[dict[str, Any]], commits: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    left, real = [commits], recovery.delta.commit

    def dying(*arguments: Any, **named: Any) -> int:
        if not left[0]:
            raise CrashError
        left[0] -= 1
        return real(*arguments, **named)

    def now() -> dict[str, Any]:
        return rows(acme.tables(threads=1))

    acme = Workspace.open(acme.path / "cache" / "first")
    with monkeypatch.context() as patch:
        patch.setattr(recovery.delta, "commit", dying)
        with pytest.raises(CrashError):
            take_back(acme)
        assert now() == {table: seen[1][table] for table in (*READ, "loads")}
    with monkeypatch.context() as patch:
        patch.setattr(recovery, "withdraw_currency", crash)
        with pytest.raises(CrashError), acme.writer(threads=1):
            pass
        assert now() == {table: seen[0][table] for table in (*READ, "loads")}
    for _ in range(2):
        with acme.writer(threads=1):
            assert not [*(acme.path / "pending").iterdir()]
    assert state(acme) == seen[0]


@pytest.mark.slow
def test_a_killed_process_leaves_a_load_or_nothing_of_it(
    acme: Workspace, seen: list[dict[str, Any]], tmp_path: Path
) -> None:
    rng = random.Random(3)  # noqa: S311 - moments, not secrets
    acme = Workspace.open(acme.path / "cache" / "first")
    file = tmp_path / "b.jsonl"
    file.write_text("\n".join([LOADS["b.jsonl"], *(click(10 + n, 60 * 24 * n, f"u{n}") for n in range(40))]))
    found = Counter[bool]()
    for _ in range(40):
        process = subprocess.Popen([sys.executable, str(UNDOING), str(acme.path), str(file)], stdout=PIPE)
        assert process.stdout is not None
        process.stdout.readline()  # it is at work
        time.sleep(rng.uniform(0, 0.6))
        process.kill()
        process.wait()
        with acme.writer(threads=1):
            assert not [*(acme.path / "pending").iterdir()]
        now = rows(acme.tables(threads=1))
        loaded = len(now["loads"]) == 2
        found[loaded] += 1
        assert counted(now) == ({"events": 44, "facts": 44, "orders": 1, "quarantine": 2} if loaded else {})
        if not loaded:
            assert now == {name: seen[1][name] for name in now}
    assert set(found) == {True, False}


def counted(now: dict[str, Any]) -> dict[str, int]:
    """Return how many rows the second load gave each table; the roll-ups say the same as the facts."""
    first = {"events": 1, "facts": 1, "daily_performance": 2}
    more = {table: len(now[table]) - first.get(table, 0) for table in TABLES if table != "loads"}
    places = {name: [*ROLLUPS[name].keys, "events"].index("events") for name in ROLLUPS}
    sums = {name: sum(int(row[places[name]]) for row in now[name]) for name in ROLLUPS}
    own = sum(row[1] == "data_refresh_completed" for row in now["events"])
    assert sums == {name: len(now["facts"]) - own * bool(ROLLUPS[name].of) for name in ROLLUPS}
    return {table: count for table, count in more.items() if count}


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(3))
def test_any_sequence_of_loads_and_undos_tells_what_its_loads_tell(tmp_path: Path, seed: int) -> None:
    rng = random.Random(seed)  # noqa: S311 - a sequence, not a secret
    workspace = Workspace.create(tmp_path / "acme")
    stack = [figures(workspace)]
    for _ in range(30):
        step = rng.choice(["load"] * 5 + ["undo"] * 3 + ["compact", "note", "again"])
        if step == "load":
            kind = rng.choice(["a.csv", "b.jsonl"])
            file = tmp_path / f"{len(stack)}-{rng.randrange(10**6)}{kind[1:]}"
            file.write_text(_some(rng, kind))
            ingest(workspace, [file], now=NOW, backfill=True)
            stack.append(figures(workspace))
        elif step == "compact":
            with workspace.writer(threads=1) as writer:
                compact(writer, fewest=rng.choice([2, 4]))
        elif step == "note":
            figures(workspace)  # each leaves a note
        elif len(stack) > 1:
            again_from = stack.pop()
            file = Path(take_back(workspace).file)
            assert figures(workspace) == pytest.approx(stack[-1], rel=1e-9)
            if step == "again":
                ingest(workspace, [file], now=NOW, backfill=True)
                stack.append(again_from)
        assert figures(workspace) == pytest.approx(stack[-1], rel=1e-9)


def _some(rng: random.Random, kind: str) -> str:
    if kind == "a.csv":
        days = rng.sample(range(1, 10), 3)
        return DAY + "".join(f"2024-03-{day:02},c,email,100,10,{rng.randrange(-1, 9)},EUR\n" for day in days)
    made = (rng.choice([click, bought]) for _ in range(rng.randrange(1, 9)))
    minutes = lambda: rng.choice([1, 2, 3000, 60 * 24 * 30])  # noqa: E731
    lines = [
        one(rng.randrange(12), minutes(), *([rng.randrange(1, 99)] if one is bought else [])) for one in made
    ]
    return "\n".join(lines)


def figures(workspace: Workspace) -> dict[str, float]:
    """Return every metric with a value, and how many rows each table has, but for the workbench's notes."""
    tables = workspace.tables(threads=1)
    ours = "event_type <> 'metric_calculation_completed'"
    told = {f"rows of {name}": float(tables.rows[name]) for name in TABLES if name not in {"loads", *OWN}}
    counts = {"events": "count(*)", "facts": "count(*)", "rollup_campaigns": "coalesce(sum(events), 0)"}
    for name, sql in counts.items():
        told[f"rows of {name}"] = float(tables.listed(f"SELECT {sql} FROM {name} WHERE {ours}")[0][0])
    asked = [name for name in METRICS if name not in COSTS]
    if tables.last_day:
        values = measure(tables, asked)
        told |= {name: value for name in asked if not isnan(value := values.value(name))}
    return told
