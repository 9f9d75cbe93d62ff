"""Experiments on the command line where the data or the plan are bad: one clear word, the right exit code."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from workbench.cli import main
from workbench.store import Workspace

START = date(2024, 3, 4)
USERS = 400
GEOS = tuple(f"city {place}" for place in range(10))
FAILED, USAGE, INPUT = 1, 2, 3


@dataclass(frozen=True)
class Called:
    """What one command left behind."""

    code: int
    out: str
    err: str

    @property
    def said(self) -> dict[str, Any]:
        """Return its document; there is none without success."""
        assert self.code == 0, self.err
        document: dict[str, Any] = json.loads(self.out, parse_constant=pytest.fail)
        return document


Call = Callable[..., Called]


def _csv(path: Path, head: str, rows: Iterable[tuple[Any, ...]]) -> Path:
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([head.split(","), *rows])
    return path


def _placed() -> Iterable[tuple[Any, ...]]:
    at = f"{START}T00:00:00Z"
    for user in range(USERS):
        half = ("control", "b")[user % 2]
        for name in ("clean", "flat"):
            yield name, f"u{user}", half, at
        yield "contaminated", f"u{user}", half, at
        if user < 40:
            yield "contaminated", f"u{user}", ("control", "b")[(user + 1) % 2], at
        yield "late", f"u{user}", half, f"{START + timedelta(days=10)}T00:00:00Z"
        yield "lonely", f"u{user}", "control", at
        yield "uneven", f"u{user}", ("control", "b")[user % 4 == 0], at


def _sold() -> Iterable[tuple[Any, ...]]:
    for user in range(USERS):
        yield f"o{user}", 1, f"u{user}", f"{START + timedelta(days=user % 20)}T12:00:00Z", "20.00", "false"


def _regions() -> Iterable[tuple[Any, ...]]:
    rng = np.random.default_rng(1)
    for place, geo in enumerate(GEOS):
        for day in range(60):
            if geo == GEOS[9] and day in (5, 6, 30):
                continue
            revenue = (100 + 10 * place) * (1 + 0.1 * np.sin(day)) * (1 + 0.02 * rng.normal())
            yield START + timedelta(days=day), geo, 5, f"{revenue:.2f}", 0


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a workspace of users, orders and regions; tests read it, and define under names of their own."""
    home = tmp_path_factory.mktemp("bad")
    files = (
        _csv(home / "experiments.csv", "experiment,user_id,variant,assigned_at", _placed()),
        _csv(home / "orders.csv", "order_id,line,user_id,ordered_at,order_value,is_return", _sold()),
        _csv(home / "geo_performance.csv", "date,geo,orders,revenue,spend", _regions()),
    )
    for words in (
        ("init", home / "shop", "--currency", "EUR"),
        ("ingest", *files, "--backfill", "-w", home / "shop"),
    ):
        with pytest.raises(SystemExit) as left:
            main([str(word) for word in words])
        assert left.value.code == 0
    return home / "shop"


@pytest.fixture
def call(shop: Path, capsys: pytest.CaptureFixture[str]) -> Call:
    def called(*words: object, folder: Path = shop) -> Called:
        with pytest.raises(SystemExit) as left:
            main(["experiment", *map(str, words), "--workspace", str(folder)])
        told = capsys.readouterr()
        assert "Traceback" not in told.err
        return Called(int(left.value.code or 0), told.out, " ".join(told.err.split()))

    return called


def planned(folder: Path, **plan: Any) -> Path:
    path = folder / f"{plan['name']}.json"
    path.write_text(json.dumps(plan, default=str))
    return path


def begun(call: Call, folder: Path, **plan: Any) -> None:
    assert call("create", planned(folder, **plan)).code == 0
    assert call("start", plan["name"]).code == 0


# Tests on users


def test_users_in_two_groups_block_the_verdict(call: Call) -> None:
    found = call("analyze", "contaminated", "--variants", "control:0.5,b:0.5", "--json").said
    assert found["users"] == USERS - 40
    assert found["verdict"]["blocked"]
    assert "10% of the users saw several variants" in found["sentence"]


def test_what_came_before_the_assignment_is_counted(call: Call) -> None:
    days = f"{START}:{START + timedelta(days=19)}"
    found = call("analyze", "late", "--window", days, "--json").said
    assert any(f"{USERS // 2} events came before" in note for note in found["notes"])
    orders = next(one for one in found["findings"] if one["role"] == "primary")["comparison"]
    counted = sum(
        orders[side]["value"] * orders[n] for side, n in (("value", "n"), ("value_control", "n_control"))
    )
    assert counted == pytest.approx(USERS / 2)  # the other half bought in the ten days before


def test_a_group_without_users_is_said(call: Call) -> None:
    found = call("analyze", "lonely", "--variants", "control:0.5,b:0.5")
    assert found.code == FAILED or "no users in b" in found.out
    assert "b" in found.err + found.out
    alone = call("analyze", "lonely")
    assert alone.code != 0
    assert alone.out == ""
    assert alone.err.count("workbench:") == 1


def test_figures_that_do_not_vary_give_no_p_of_nothing(call: Call) -> None:
    found = call("analyze", "flat", "--metric", "orders", "--metric", "revenue", "--json").said
    assert found["verdict"]["decision"] != "variant"
    for one in found["findings"]:
        difference = one["comparison"]["difference"]
        assert difference["value"] in (0, None)
        assert difference["p"] in (None, 1) or difference["p"] > 0.05
    text = call("analyze", "flat", "--metric", "orders")
    assert text.code == 0
    assert "nan" not in text.out.lower().replace("finance", "")


def test_a_split_that_is_not_the_planned_one_blocks(call: Call) -> None:
    found = call("analyze", "uneven", "--variants", "control:0.5,b:0.5", "--json").said
    assert found["verdict"]["blocked"]
    decided = call("decide", "uneven", "--variant", "nobody", "--why", "x")
    assert (decided.code, decided.out) == (USAGE, "")


def test_tests_that_overlap_unevenly_are_named(call: Call) -> None:
    notes = " ".join(call("analyze", "clean", "--json").said["notes"])
    assert "uneven" in notes
    assert "not evenly" in notes


def test_a_metric_without_its_table_is_named(call: Call) -> None:
    found = call("analyze", "clean", "--metric", "ctr")
    assert (found.code, found.out) == (FAILED, "")
    assert "campaign_" in found.err


def test_a_past_that_is_not_there_is_said(call: Call, tmp_path: Path) -> None:
    begun(call, tmp_path, name="clean", primary="revenue", variants=["control", "b"], start=START,
          end=START + timedelta(days=19), before_days=28)  # fmt: skip
    found = call("analyze", "clean", "--json").said
    assert any("not adjusted" in note or "before" in note for note in [*found["notes"], *_notes(found)])
    assert all(
        "CUPED" not in one["comparison"]["method"]
        for one in found["findings"]
        if "method" in one["comparison"]
    )


def _notes(found: dict[str, Any]) -> list[str]:
    return [note for one in found["findings"] for note in one["comparison"].get("notes", [])]


def test_an_experiment_that_nobody_knows(call: Call) -> None:
    for words in (
        ("analyze", "nobody"),
        ("start", "nobody"),
        ("decide", "nobody", "--variant", "b", "--why", "x"),
    ):
        found = call(*words)
        assert found.code != 0
        assert found.out == ""
        assert "nobody" in found.err


@pytest.mark.parametrize("value", ["inf", "-Infinity", "1e999", "NaN"])
def test_values_without_end_are_put_aside_with_their_reason(tmp_path: Path, value: str, capsys: Any) -> None:
    main_of = (
        ["init", str(tmp_path / "w")],
        ["ingest", str(tmp_path / "orders.csv"), "-w", str(tmp_path / "w")],
    )
    rows = [
        ("a", 1, "u1", "2024-03-05T00:00:00Z", value, "false"),
        ("b", 1, "u2", "2024-03-05T00:00:00Z", 5, "false"),
    ]
    _csv(tmp_path / "orders.csv", "order_id,line,user_id,ordered_at,order_value,is_return", rows)
    for words in main_of:
        with pytest.raises(SystemExit) as left:
            main(words)
    assert left.value.code == 0  # what is sound of a file is loaded, what is not is told
    assert "1 quarantined" in capsys.readouterr().err
    tables = Workspace.open(tmp_path / "w").tables()
    kept = tables.query("SELECT (SELECT count(*) FROM orders) AS n, (SELECT reasons FROM quarantine) AS why")
    assert kept["n"].to_pylist() == [1]
    assert "order_value" in kept["why"][0].as_py()


# Geo tests


def geo_plan(name: str, **changes: Any) -> dict[str, Any]:
    days = {"start": START + timedelta(days=46), "end": START + timedelta(days=59)}
    return {
        "kind": "geo",
        "name": name,
        "treated": [GEOS[0], GEOS[1]],
        "controls": list(GEOS[2:9]),
        **days,
    } | changes


def test_a_treated_geo_among_the_controls_is_refused(call: Call, shop: Path, tmp_path: Path) -> None:
    before = Workspace.open(shop).tables().version
    found = call("create", planned(tmp_path, **geo_plan("both", controls=[GEOS[1], GEOS[4]])))
    assert (found.code, found.out) == (INPUT, "")
    assert GEOS[1] in found.err
    assert Workspace.open(shop).tables().version == before, "nothing is half written"
    assert "both" not in call("list").out


@pytest.mark.parametrize(
    ("name", "changes", "told"),
    [
        ("gaps", {"controls": list(GEOS[2:])}, GEOS[9]),
        ("stranger", {"treated": ["Atlantis"]}, "Atlantis"),
        ("hasty", {"start": START + timedelta(days=4), "end": START + timedelta(days=12)}, "pre-period"),
        ("future", {"start": START + timedelta(days=90), "end": START + timedelta(days=99)}, "2024"),
    ],
)
def test_a_geo_test_that_the_data_cannot_carry_is_refused(
    call: Call, shop: Path, tmp_path: Path, name: str, changes: dict[str, Any], told: str
) -> None:
    begun(call, tmp_path, **geo_plan(name, **changes))
    before = Workspace.open(shop).tables().version
    found = call("analyze", name)
    assert found.code in (FAILED, USAGE, INPUT)
    assert found.out == ""
    assert told in found.err
    assert found.err.count("workbench:") == 1
    assert Workspace.open(shop).tables().version == before
    call("cancel", name)


def test_regions_without_an_effect_are_no_reason_to_roll_out(call: Call, tmp_path: Path) -> None:
    begun(call, tmp_path, **geo_plan("quiet"))
    found = call("analyze", "quiet", "--json").said
    assert found["figures"]["lift"]["low"] < 0 < found["figures"]["lift"]["high"]
    assert found["figures"]["lift"]["p"] > 0.05
    decided = call("decide", "quiet", "--variant", "treated", "--why", "We want to.", "--decision", "rollout")
    assert decided.code == 0
    assert "say otherwise" in decided.err
    call("cancel", "quiet")
