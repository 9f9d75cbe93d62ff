"""The page of validity is what its script writes, and its trials choose methods as the analysis does."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import numpy as np
import pandas as pd
import pytest

from workbench.experiments import Experiment, analyze_users, own_metric

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs/explanation/experiment-validity.md"


@pytest.fixture(scope="module")
def script() -> Iterator[ModuleType]:
    sys.path.insert(0, str(ROOT / "benchmarks"))
    import experiment_validity

    yield experiment_validity
    sys.path.remove(str(ROOT / "benchmarks"))


def test_cells_made_again_are_those_of_the_page(script: ModuleType) -> None:
    from validity.lifts import numbers
    from validity.shares import share

    text = PAGE.read_text(encoding="utf-8")
    assert script.line(share((500, 4_500), 0.02, 20_000)) in text
    assert numbers() in text
    assert str(script.SEED) in text


def test_every_part_is_on_the_page_and_what_is_broken_is_said_first(script: ModuleType) -> None:
    text = PAGE.read_text(encoding="utf-8")
    assert all(f"### {title}\n" in text for title, _ in script.PARTS.values())
    said = text.split("Not kept:")[1].split("\n\n")[1].count("\n- ") + 1 if "Not kept:" in text else 0
    assert text.count("BROKEN: ") == said
    assert text.count("| kept") >= 60


def test_a_broken_promise_is_seen(script: ModuleType) -> None:
    from validity.cells import Cell

    good = {"runs": 20_000, "below": 0.024, "above": 0.026, "cover_runs": 20_000, "covered": 0.949}
    assert Cell(case="", method="", **good).verdict == "kept"
    for bad, broken in (
        ({"above": 0.034}, ("false positives",)),
        ({"below": 0.010, "above": 0.038}, ("one tail",)),
        ({"covered": 0.93}, ("coverage",)),
        ({"power_runs": 20_000, "power": 0.77, "designed": 0.8}, ("power",)),
    ):
        assert Cell(case="", method="", **(good | bad)).broken == broken


def table(values: list[np.ndarray], n: tuple[int, int], columns: tuple[str, ...]) -> pd.DataFrame:
    rows = [np.zeros((size, len(columns))) for size in n]
    for side, found in zip(rows, values, strict=True):
        side[: len(found)] = found.reshape(len(found), -1)
    frame = pd.DataFrame(np.concatenate(rows), columns=list(columns))
    return frame.assign(variant=np.repeat(["old", "new"], n))


@pytest.mark.parametrize("n", [(500, 500), (500, 4_500), (8_000, 8_000)])
@pytest.mark.parametrize("kind", ["mean", "ratio"])
def test_trials_choose_as_the_analysis(script: ModuleType, n: tuple[int, int], kind: str) -> None:
    from validity.means import Spending
    from validity.means import offered as mean_offered
    from validity.ratios import offered as ratio_offered
    from validity.ratios import orders

    rng = np.random.default_rng(14)
    if kind == "mean":
        values = Spending(0.05, 1.5).drawn(rng, n)
        tried = mean_offered(values, n, seed=0, interval=True)
        found, metric = (tried.value, tried.p, tried.permuted), own_metric("spent")
    else:
        values = [orders(1.0)(rng, size, 1.0) for size in n]
        value, p, _, _, _, _, permuted = ratio_offered(values, n, 0)
        found, metric = (value, p, permuted), own_metric("spent", of="orders")
    split = (n[0] / sum(n), n[1] / sum(n))
    plan = Experiment(name="trial", primary="spent", variants=("old", "new"), status="completed", split=split)
    columns = ("spent",) if kind == "mean" else ("spent", "orders")
    said = analyze_users(plan, table(values, n, columns), [metric]).findings[0].comparison
    assert said.difference.value == pytest.approx(found[0])
    assert ("permutation" in said.method) == found[2]
    # Where p is far from what decides, a few hundred shuffles are made: it strays by 0.05 on either side.
    assert said.p == pytest.approx(found[1], abs=0.2 if found[2] else 1e-9)


def test_a_part_made_anew_leaves_all_others_as_they_are(script: ModuleType) -> None:
    from validity.cells import Cell

    text = PAGE.read_text(encoding="utf-8")
    broken = Cell(case="some geos", method="a guess", runs=2_000, below=0.2, above=0.2, note="never")
    found = {"geo": [broken]}
    changed = script.written(text, found, how="2030-01-01, here", seconds=120.0)
    assert script.tables_of(changed) == script.tables_of(text) | {"geo": script.table(found["geo"])}
    assert "Not kept:\n\n- some geos, a guess: false positives, one tail.\n" in changed
    assert "Geo tests anew 2030-01-01, here, 2 CPU minutes" in changed
    again = script.written(changed, found, how="2030-01-02, here", seconds=60.0)
    assert "2030-01-01" not in again
    assert script.page(script.tables_of(text), made="now").split("This page")[0] in text
