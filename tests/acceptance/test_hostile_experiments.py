"""Regions, tests and variants whose names attack: from the files of a shop to what is published of it."""

from __future__ import annotations

import csv
import io
import json
import re
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from bs4 import BeautifulSoup

from workbench.cli import main
from workbench.reports.publication import publish
from workbench.reports.runs import run
from workbench.store import Workspace

HOSTILE = (
    "<script>window.hit=1</script>",
    "'\"><img src=x onerror=window.hit=1>",
    "x'; DROP TABLE geo_performance; --",
    '=HYPERLINK("http://evil.example","open")',
    "@SUM(1+1)",
    "+1-2",
    "-2+3",
    "../../etc/passwd",
    "C:\\Windows\\system.ini",
    "{{7*7}} ${7*7}",
    "Köln · 北京 \U0001f3d9",
    "a, b; c\tå",
)
TEST = "'; DROP TABLE experiments; --<img src=x onerror=window.hit=1>"
START = date(2024, 3, 4)
NUMBERS = {
    "value", "low", "high", "p", "p_adjusted", "lift", "weight", "observed", "expected", "users",
    "difference", "difference_low", "difference_high", "relative", "control", "chance",
    "worth", "worth_low", "incremental",
}  # fmt: skip


def _csv(path: Path, rows: list[list[Any]]) -> Path:
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows(rows)
    return path


def _regions(home: Path) -> Path:
    rng = np.random.default_rng(4)
    level = rng.uniform(500, 3000, len(HOSTILE))
    rows: list[list[Any]] = [["date", "geo", "orders", "revenue", "spend"]]
    for day in range(90):
        common = (1 + 0.2 * np.sin(day / 7 * 2 * np.pi)) * (1 + 0.02 * rng.normal())
        for place, geo in enumerate(HOSTILE):
            lift = 1.15 if place < 2 and day >= 70 else 1.0
            revenue = level[place] * common * lift * (1 + 0.02 * rng.normal())
            spend = 50 if place < 2 and day >= 70 else 0
            rows.append([START + timedelta(days=day), geo, round(revenue / 20), f"{revenue:.2f}", spend])
    return _csv(home / "geo_performance.csv", rows)


def _shoppers(home: Path) -> list[Path]:
    rng = np.random.default_rng(5)
    variants = ("control", HOSTILE[1], HOSTILE[3])
    placed: list[list[Any]] = [["experiment", "user_id", "variant", "assigned_at"]]
    orders: list[list[Any]] = [["order_id", "line", "user_id", "ordered_at", "order_value", "is_return"]]
    for user in range(600):
        placed.append([TEST, f"u{user}", variants[user % 3], f"{START}T00:00:00Z"])
        for order in range(rng.poisson(1.0)):
            at = START + timedelta(days=int(rng.integers(80)))
            orders.append(
                [f"{user}-{order}", 1, f"u{user}", f"{at}T12:00:00Z", f"{rng.gamma(2, 10):.2f}", "false"]
            )
    return [_csv(home / "experiments.csv", placed), _csv(home / "orders.csv", orders)]


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with a workspace `shop`, and what was published of it in `out`."""
    home = tmp_path_factory.mktemp("hostile")
    folder = str(home / "shop")
    plan = {"kind": "geo", "name": "posters", "treated": HOSTILE[:2], "budget": 2000, "minimum_effect": 0.05}
    days = {"start": str(START + timedelta(days=70)), "end": str(START + timedelta(days=89))}
    (home / "posters.json").write_text(json.dumps(plan | days))
    main_of = (
        ("init", folder, "--currency", "EUR"),
        ("ingest", *map(str, [_regions(home), *_shoppers(home)]), "--backfill", "--workspace", folder),
        ("experiment", "create", str(home / "posters.json"), "--workspace", folder),
        ("experiment", "start", "posters", "--workspace", folder),
    )
    for words in main_of:
        with pytest.raises(SystemExit) as left:
            main(list(words))
        assert left.value.code == 0, words
    opened = Workspace.open(home / "shop")
    for name, parameters in (("geo_experiment", {}), ("ab_test", {"experiment": TEST})):
        assert run(opened, name, parameters).completed
    publish(opened, home / "out")
    return home


def pages(home: Path, ending: str) -> dict[str, str]:
    """Return what was published, by notebook; its files have plain names, whatever they tell of."""
    found = {path.name: path for path in (home / "out").glob(f"*.{ending}") if path.stem != "index"}
    assert all(re.fullmatch(r"[a-z0-9_-]{1,80}\.\w+", name) for name in found)
    return {name.split("-")[0].split(".")[0]: path.read_text("utf-8-sig") for name, path in found.items()}


def test_nothing_of_a_name_comes_to_life_on_a_page(home: Path) -> None:
    found = pages(home, "html")
    assert set(found) == {"geo_experiment", "ab_test"}
    for html in found.values():
        page = BeautifulSoup(html, "html.parser")
        assert not page.select("main script, main style, main iframe, main [onerror], main img")
        assert not [a for a in page.select("a[href]") if not str(a["href"]).startswith("#")]
        assert "evil.example" not in "".join(str(a) for a in page.select("[href], [src]"))
        assert "49 $" not in page.get_text()


def test_names_are_shown_as_they_are(home: Path) -> None:
    found = pages(home, "html")
    geo = BeautifulSoup(found["geo_experiment"], "html.parser").get_text(" ")
    for name in HOSTILE[:2]:
        assert name in geo
    shown = [name for name in HOSTILE[2:] if name.replace("\t", " ") in " ".join(geo.split())]
    assert len(shown) >= 4, "controls with a weight are listed by name"
    test = BeautifulSoup(found["ab_test"], "html.parser").get_text(" ")
    for name in (HOSTILE[1], HOSTILE[3]):
        assert name in test


def test_tables_for_a_spreadsheet_hold_no_formula_and_typed_figures(home: Path) -> None:
    for name, text in pages(home, "csv").items():
        head, *rows = list(csv.reader(io.StringIO(text)))
        assert len(rows) > 3, name
        assert all(len(row) == len(head) for row in rows)
        numbers = 0
        for row in rows:
            for column, cell in zip(head, row, strict=True):
                if column in NUMBERS and cell:
                    float(cell)
                    numbers += 1
                elif cell[:1] in {"=", "+", "-", "@", "\t"}:
                    float(cell)  # else it would be computed
        assert numbers > 10, name
    text = pages(home, "csv")
    assert "'=HYPERLINK" in text["ab_test"]
    assert HOSTILE[2] in text["geo_experiment"], "names are those of the data, not as they are read"


def test_figures_for_machines_keep_every_name_whole(home: Path) -> None:
    found = {name: json.loads(text, parse_constant=pytest.fail) for name, text in pages(home, "json").items()}
    told = json.dumps(found["ab_test"], ensure_ascii=False)
    for name in (HOSTILE[1], HOSTILE[3]):
        assert json.dumps(name, ensure_ascii=False)[1:-1] in told
    assert found["ab_test"]["parameters"]["experiment"] == TEST


def test_tables_are_whole_after_all(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    tables = Workspace.open(home / "shop").tables()
    counted = tables.query(
        "SELECT (SELECT count(*) FROM geo_performance) AS geos, (SELECT count(*) FROM experiments) AS placed"
    ).to_pylist()
    assert counted == [{"geos": 90 * len(HOSTILE), "placed": 600}]
    with pytest.raises(SystemExit) as left:
        main(["experiment", "analyze", "posters", "--workspace", str(home / "shop"), "--json"])
    assert left.value.code == 0
    assert json.loads(capsys.readouterr().out)["figures"]["lift"]["value"] == pytest.approx(0.15, abs=0.04)
