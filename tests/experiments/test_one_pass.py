"""One pass over a table of users finds what exact arithmetic finds, or leaves the work to two passes."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from workbench.experiments.users.metric import own_metric
from workbench.experiments.users.one_pass import OnePass, one_pass
from workbench.experiments.users.table import UserTable, user_table

VARIANTS = ("a", "b")
PAIRS = [("y", "y"), ("y", "x"), ("x", "x")]


def passed(frame: pl.DataFrame) -> OnePass | None:
    return one_pass(frame.lazy(), ["y", "x"], PAIRS, outcomes=["y"], variants=VARIANTS)


def drawn(size: int, offset: float) -> pl.DataFrame:
    rng = np.random.default_rng(11)
    x = rng.normal(0, 1, size)
    return pl.DataFrame(
        {
            "variant_": np.where(rng.random(size) < 0.3, "b", "a"),
            "y": offset + 0.7 * x + rng.normal(0, 1, size),
            "x": offset + x,
        }
    )


def exact(values: Any, others: Any) -> float:
    one, other = ([Fraction(value) for value in some] for some in (values, others))
    middle, center = sum(one) / len(one), sum(other) / len(other)
    return float(sum((a - middle) * (b - center) for a, b in zip(one, other, strict=True)))


@pytest.mark.parametrize("offset", [0.0, 1e8, -3e8])
def test_products_are_exact_at_any_offset(offset: float) -> None:
    frame = drawn(6000, offset)
    found = passed(frame)
    assert found is not None
    for place, name in enumerate(VARIANTS):
        part = frame.filter(pl.col("variant_") == name)
        assert found.reading.sums.n[place] == len(part)
        for a, b in PAIRS:
            scale = np.sqrt(exact(part[a], part[a]) * exact(part[b], part[b]))
            known = found.reading.sums.product(a, b)[place]
            assert known == pytest.approx(exact(part[a], part[b]), rel=1e-12, abs=1e-12 * scale)


def both_ways(frame: pl.DataFrame) -> tuple[UserTable, UserTable]:
    metrics = [own_metric("y", before="x")]
    quick = user_table(frame, metrics, variants=VARIANTS, variant="variant_")
    return quick, UserTable(rows=quick.rows, metrics=quick.metrics, variants=VARIANTS, middle=quick.middle)


def test_one_pass_and_two_agree() -> None:
    quick, slow = both_ways(drawn(200_000, 1e8))
    assert quick.whole is not None
    one, two = quick.read().sums, slow.read().sums
    assert one.n.tolist() == two.n.tolist()
    np.testing.assert_allclose(one.means, two.means, rtol=1e-15)
    np.testing.assert_allclose(one.products, two.products, rtol=1e-12)


def test_first_rows_that_mislead_cost_a_pass_but_no_digit() -> None:
    frame = drawn(20_000, 0.0)
    ahead = (
        frame.head(5000).with_columns(y=pl.lit(30.0), x=pl.lit(-30.0)).with_columns(variant_=pl.lit("else"))
    )
    assert passed(pl.concat([ahead, frame])) is None
    metrics = [own_metric("y", before="x")]
    found = user_table(pl.concat([ahead, frame]), metrics, variants=VARIANTS, variant="variant_")
    assert found.whole is None
    part = frame.filter(pl.col("variant_") == "a")["y"]
    assert found.read().sums.product("y", "y")[0] == pytest.approx(exact(part, part), rel=1e-12)


@pytest.mark.parametrize("odd", [None, float("nan"), float("inf")])
@pytest.mark.parametrize("place", [0, 5999])
def test_odd_figures_need_two_passes(odd: float | None, place: int) -> None:
    frame = drawn(6000, 0.0)
    for name in ("y", "x"):
        values = frame[name].to_list()
        values[place] = odd
        assert passed(frame.with_columns(pl.Series(name, values))) is None


def test_no_rows_need_two_passes() -> None:
    assert passed(drawn(10, 0.0).head(0)) is None


def test_a_column_of_one_value_has_no_variance() -> None:
    found = passed(drawn(9000, 0.0).with_columns(y=pl.lit(0.1)))
    assert found is not None
    assert found.reading.sums.variance("y").tolist() == [0.0, 0.0]
    assert found.reading.sums.mean("y").tolist() == [0.1, 0.1]


def test_shares_are_seen_to_the_last_row(tmp_path: Path) -> None:
    frame = drawn(9000, 0.0).with_columns(y=(pl.col("y") > 0).cast(pl.Float64))
    frame.write_parquet(tmp_path / "users.parquet")
    late = pl.concat([frame, pl.DataFrame({"variant_": ["b"], "y": [0.5], "x": [0.0]})])
    kinds = [
        user_table(some, [own_metric("y")], variants=VARIANTS, variant="variant_").metrics[0].kind
        for some in (pl.scan_parquet(tmp_path / "users.parquet"), frame, late)
    ]
    assert kinds == ["share", "share", "mean"]


@settings(max_examples=40, deadline=None)
@given(
    st.lists(
        st.tuples(st.sampled_from("abc"), st.integers(-50, 50), st.integers(-50, 50)), min_size=1, max_size=40
    )
)
def test_the_sums_are_those_of_the_rows(rows: list[tuple[str, int, int]]) -> None:
    frame = pl.DataFrame(rows, schema=["variant", "y", "x"], orient="row")
    reading = user_table(frame, [own_metric("y", before="x")], variants=VARIANTS).read()
    for place, name in enumerate(VARIANTS):
        part = frame.filter(pl.col("variant") == name)
        assert reading.sums.n[place] == len(part)
        if len(part):
            assert reading.sums.mean("y")[place] == pytest.approx(sum(part["y"]) / len(part), abs=1e-12)
            known = reading.sums.product("y", "x")[place]
            assert known == pytest.approx(exact(part["y"], part["x"]), rel=1e-12, abs=1e-9)
    assert sum(reading.others.values()) == sum(who == "c" for who, *_ in rows)
