"""What an experiment found does not depend on names, order, units, or on what it has nothing to do with."""

from __future__ import annotations

import math
import runpy
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from workbench.experiments import Analysis, Experiment, Guardrail, analyze, analyze_users, own_metric

Base = runpy.run_path(str(Path(__file__).parents[1] / "explore" / "conftest.py"))["Base"]
NOON = datetime(2024, 3, 4, 12)
PLAN = Experiment(name="x", primary="revenue", secondary=("orders", "aov"), status="completed")
Rows = dict[str, list[dict[str, Any]]]


def world(users: int = 240, seed: int = 3) -> Rows:
    """Return a small shop: users, who is in which variant since when, and orders before and after."""
    rng = np.random.default_rng(seed)
    names = [f"user {place}" for place in range(users)]
    placed = [
        {
            "experiment": "x",
            "user_id": name,
            "variant": PLAN.variants[rng.integers(2)],
            "assigned_at": NOON + timedelta(hours=float(rng.integers(160))),
        }
        for name in names
    ]
    orders = [
        {
            "order_id": f"{name} {place}",
            "line": 1,
            "user_id": name,
            "ordered_at": NOON + timedelta(days=float(rng.uniform(-25, 25))),
            "order_value": float(rng.gamma(2, 10)) * (-1 if place == 4 else 1),
            "is_return": place == 4,
        }
        for name in names
        for place in range(rng.poisson(3))
    ]
    signed = [{"user_id": name, "signup_at": datetime(2023, 5, 1)} for name in names]
    return {"experiments": placed, "orders": orders, "users": signed}


def renamed(rows: Rows, rename: Any) -> Rows:
    return {
        table: [row | {"user_id": rename(row["user_id"])} for row in some] for table, some in rows.items()
    }


def figures(found: Analysis) -> list[tuple[Any, ...]]:
    rows = []
    for one in found.findings:
        of = one.comparison
        money = one.money.value if one.money else math.nan
        ends = (one.difference.low, one.difference.high, of.relative.low, of.relative.high)
        values = (of.value.value, of.value_control.value, one.difference.value)
        rows.append((of.n, of.n_control, *values, *ends, one.difference.p, one.p_adjusted, money))
    return rows


def same(one: Analysis, other: Analysis, rel: float = 1e-9) -> None:
    for mine, theirs in zip(figures(one), figures(other), strict=True):
        assert mine == pytest.approx(theirs, rel=rel, abs=1e-12, nan_ok=True)
    assert one.verdict.decision == other.verdict.decision


@pytest.fixture(scope="module")
def found() -> Analysis:
    return analyze(PLAN, Base(**world()))


def test_names_of_users_do_not_matter(found: Analysis) -> None:
    same(found, analyze(PLAN, Base(**renamed(world(), lambda name: f"'; DROP {name[::-1]}\u202e"))))


def test_order_of_rows_does_not_matter(found: Analysis) -> None:
    rng = np.random.default_rng(1)
    mixed = {table: [rows[at] for at in rng.permutation(len(rows))] for table, rows in world().items()}
    same(found, analyze(PLAN, Base(**mixed)))


def test_other_experiments_and_strangers_do_not_matter(found: Analysis) -> None:
    rows = world()
    first = rows["orders"][0]
    rows["experiments"] += [row | {"experiment": "y", "variant": "z"} for row in rows["experiments"][:90]]
    rows["orders"] += [
        first | {"order_id": "of nobody", "user_id": None, "order_value": 1e6},
        first | {"order_id": "of a stranger", "user_id": "stranger", "order_value": 1e6},
    ]
    same(found, analyze(PLAN, Base(**rows)))


def test_an_assignment_told_twice_counts_once_and_since_the_first(found: Analysis) -> None:
    rows = world()
    rows["experiments"] += [
        row | {"assigned_at": row["assigned_at"] + timedelta(days=3)} for row in rows["experiments"][:50]
    ]
    same(found, analyze(PLAN, Base(**rows)))


@pytest.mark.parametrize("factor", [100.0, 0.01])
def test_the_unit_of_money_does_not_matter(found: Analysis, factor: float) -> None:
    rows = world()
    rows["orders"] = [row | {"order_value": row["order_value"] * factor} for row in rows["orders"]]
    other = analyze(PLAN, Base(**rows))
    for one, scaled in zip(found.findings, other.findings, strict=True):
        by = 1.0 if one.metric == "orders" else factor
        assert scaled.difference.p == pytest.approx(one.difference.p, rel=1e-6)
        assert scaled.comparison.relative.value == pytest.approx(
            one.comparison.relative.value, rel=1e-9, nan_ok=True
        )
        for end in ("value", "low", "high"):
            expected = getattr(one.difference, end) * by
            assert getattr(scaled.difference, end) == pytest.approx(expected, rel=1e-6)
        if one.money is not None and scaled.money is not None:
            assert scaled.money.value == pytest.approx(one.money.value * by, rel=1e-9)


@settings(max_examples=25, deadline=None)
@given(
    seed=st.integers(0, 10_000),
    kind=st.sampled_from(["share", "mean", "ratio", "covariate"]),
    effect=st.floats(-0.4, 0.4),
)
def test_the_other_way_round_the_difference_turns(seed: int, kind: str, effect: float) -> None:
    rng = np.random.default_rng(seed)
    treated = np.repeat([0, 1], 600)
    past = rng.gamma(3, 4, 1200)
    y = past * (1 + effect * treated) + rng.normal(0, 2, 1200) + 5
    frame = pd.DataFrame(
        {"variant": np.where(treated, "b", "a"), "y": y, "past": past, "z": rng.poisson(3, 1200) + 1}
    )
    if kind == "share":
        frame["y"] = (frame["y"] > frame["y"].median()).astype(float)
    metric = {
        "ratio": own_metric("y", of="z"),
        "covariate": own_metric("y", before="past"),
    }.get(kind, own_metric("y"))
    plan = Experiment(name="x", primary="y", variants=("a", "b"), status="completed")
    one = analyze_users(plan, frame, [metric]).of("y").comparison
    other = analyze_users(replace(plan, variants=("b", "a")), frame, [metric]).of("y").comparison
    assert other.difference.value == pytest.approx(-one.difference.value, rel=1e-9, abs=1e-12)
    exact = 1e-9 if "permutation" not in one.difference.method else 0.1  # shuffles of its own
    span = one.difference.high - one.difference.low
    assert other.difference.low == pytest.approx(-one.difference.high, abs=exact * span)
    assert other.difference.p == pytest.approx(one.difference.p, rel=exact, abs=0.1 * exact)
    assert (1 + other.relative.value) * (1 + one.relative.value) == pytest.approx(1.0, rel=1e-9)


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 10_000), effect=st.floats(-0.5, 0.5))
def test_lower_is_better_is_the_mirror_of_higher(seed: int, effect: float) -> None:
    """Fewer complaints are as good as more sales: every judgement turns with the sign of a metric."""
    rng = np.random.default_rng(seed)
    treated = np.repeat([0, 1], 400)
    y = rng.normal(10, 3, 800) * (1 + effect * treated)
    frame = pd.DataFrame(
        {"variant": np.where(treated, "b", "a"), "y": y, "minus": -y, "ok": 1.0 + rng.random(800)}
    )
    plan = Experiment(
        name="x",
        primary="y",
        variants=("a", "b"),
        status="completed",
        minimum_effect=0.1,
        guardrails=(Guardrail(metric="ok"),),
    )
    rail = own_metric("ok")
    higher = analyze_users(plan, frame, [own_metric("y"), rail])
    lower = analyze_users(replace(plan, primary="minus"), frame, [own_metric("minus", better="lower"), rail])
    one, other = higher.of("y"), lower.of("minus")
    assert (one.course, higher.verdict.decision) == (other.course, lower.verdict.decision)
    assert other.chance == pytest.approx(one.chance, abs=1e-9)
    assert other.loss == pytest.approx(one.loss, abs=1e-9)
