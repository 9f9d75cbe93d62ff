"""What the engine sums over users is what users did, and what `measure` says of them together."""

from __future__ import annotations

import runpy
from dataclasses import replace
from datetime import date, datetime, timedelta
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from workbench.attribution.browsing import user_key as key
from workbench.errors import NotEnoughData, UsageError
from workbench.experiments.users.outcomes import outcome
from workbench.experiments.users.question import Question
from workbench.experiments.users.reading import (
    assigned_users,
    pairs_of_values,
    read,
    until,
    users_of,
    values_of,
)
from workbench.experiments.users.variant_sums import sums_apart
from workbench.metrics.definitions import METRICS
from workbench.metrics.measures import leaves
from workbench.metrics.measuring import measure
from workbench.metrics.presence import loaded
from workbench.metrics.window import Window

_TABLES = runpy.run_path(str(Path(__file__).parents[1] / "explore" / "conftest.py"))
Base, event = _TABLES["Base"], _TABLES["event"]
NOON = datetime(2024, 3, 4, 12)
DAY = timedelta(days=1)
VARIANTS = ("control", "b")


def placed(user: str, variant: str, at: datetime = NOON, experiment: str = "x") -> dict[str, Any]:
    return {"experiment": experiment, "user_id": user, "variant": variant, "assigned_at": at}


def ordered(
    user: str, at: datetime, value: float, order: str, *, line: int = 1, returned: bool = False
) -> dict[str, Any]:
    return {
        "order_id": order,
        "line": line,
        "user_id": user,
        "ordered_at": at,
        "order_value": value,
        "is_return": returned,
    }


def question(tables: Any, *metrics: str, **changes: Any) -> Question:
    wanted = [METRICS[name] for name in metrics]
    there = loaded(tables, [leaf for one in wanted for leaf in leaves(one.is_)])
    asked = Question(
        experiment="x",
        outcomes=tuple(outcome(one, there) for one in wanted),
        window=Window(date(2024, 3, 4), date(2024, 3, 20)),
        loaded=there,
    )
    return replace(asked, **changes)


@pytest.fixture
def tables() -> Any:
    return Base(
        experiments=[
            placed("ann", "control"),
            placed("bob", "control"),
            placed("cid", "b", NOON + DAY),
            placed("dee", "b"),
            placed("eve", "b", experiment="'; DROP"),
        ],
        orders=[
            ordered("ann", NOON + DAY, 10.0, "o1"),
            ordered("ann", NOON + DAY, 5.0, "o1", line=2),
            ordered("ann", NOON + 2 * DAY, -5.0, "o2", returned=True),
            ordered("ann", NOON - 3 * DAY, 7.0, "o3"),
            ordered("cid", NOON, 99.0, "o4"),  # on the first day, but before cid was assigned
            ordered("cid", NOON + 3 * DAY, 20.0, "o5"),
            ordered("cid", NOON + 40 * DAY, 50.0, "o6"),
            ordered("dee", NOON - 40 * DAY, 50.0, "o7"),
            ordered("eve", NOON + DAY, 1000.0, "o8"),
        ],
        users=[
            {"user_id": "ann", "signup_at": NOON - 90 * DAY, "region": "north"},
            {"user_id": "bob", "signup_at": NOON - 2 * DAY, "region": "south"},
            {"user_id": "cid", "signup_at": NOON - 90 * DAY, "region": "north"},
        ],
        facts=[
            event("campaign_delivered", key("ann"), NOON + DAY, campaign_id="c"),
            event("campaign_clicked", key("ann"), NOON + DAY, campaign_id="c"),
            event("campaign_delivered", key("cid"), NOON + 2 * DAY, campaign_id="c"),
            event("user_engaged", key("dee"), NOON - DAY, segment="GENERAL", platform="iOS"),
        ],
    )


def test_who_did_nothing_stays_in_and_what_came_before_stays_out(tables: Any) -> None:
    found = read(tables, question(tables, "revenue", "orders"), variants=VARIANTS)
    assert found.sums.n.tolist() == [2, 2]
    assert found.sums.mean("revenue").tolist() == [5.0, 10.0]
    assert found.sums.mean("orders").tolist() == [0.5, 0.5]
    assert found.early == 1
    assert found.others == {}


def test_days_before_are_counted_from_each_users_assignment(tables: Any) -> None:
    found = read(tables, question(tables, "revenue", before_days=28), variants=VARIANTS)
    assert found.sums.mean("revenue before").tolist() == [3.5, 49.5]
    assert found.sums.mean("new").tolist() == [0.5, 0.5], "dee is in no list of users"


def test_an_order_with_lines_on_both_sides_counts_on_both() -> None:
    lines = [
        ordered("ann", NOON - DAY, 4.0, "o1"),
        ordered("ann", NOON + DAY, 6.0, "o1", line=2),
        ordered("ann", NOON + DAY, 1.0, "o1", line=3),
        ordered("ann", NOON + DAY, 2.0, "o2"),
        ordered("ann", NOON + DAY, -2.0, "o3", returned=True),
    ]
    tables = Base(experiments=[placed("ann", "control"), placed("bob", "b")], orders=lines)
    found = read(tables, question(tables, "revenue", "orders", before_days=28), variants=VARIANTS).sums
    sides = [found.mean(name)[0] for name in ("orders", "orders before", "revenue", "revenue before")]
    assert sides == [2.0, 1.0, 7.0, 4.0]


def test_facts_and_assignments_name_the_same_users(tables: Any) -> None:
    found = read(tables, question(tables, "ctr"), variants=VARIANTS)
    assert found.sums.mean("ctr").tolist() == [0.5, 0.0]
    assert found.sums.mean("ctr of").tolist() == [0.5, 0.5]


def test_users_of_several_variants_are_left_out_or_counted_where_they_were_first(tables: Any) -> None:
    tables.connection.execute(
        "INSERT INTO experiments (experiment, user_id, variant, assigned_at) "
        "SELECT experiment, user_id, 'b', assigned_at + INTERVAL 1 DAY FROM experiments WHERE user_id = 'ann'"
    )
    asked = question(tables, "revenue")
    assert assigned_users(tables, asked)["several"] == 1
    assert read(tables, asked, variants=VARIANTS).sums.n.tolist() == [1, 2]
    first = read(tables, replace(asked, several="first"), variants=VARIANTS)
    assert first.sums.n.tolist() == [2, 2]
    assert first.sums.mean("revenue").tolist() == [5.0, 10.0]


def test_other_variants_are_counted_apart(tables: Any) -> None:
    found = read(tables, question(tables, "revenue"), variants=("control", "c"))
    assert found.others == {"b": 2}
    assert found.sums.n.tolist() == [2, 0]
    assert np.isnan(found.sums.mean("revenue")[1])


def test_nobody_assigned_is_said(tables: Any) -> None:
    with pytest.raises(NotEnoughData, match="Nobody was assigned to y"):
        read(tables, question(tables, "revenue", experiment="y"), variants=VARIANTS)
    hostile = read(tables, question(tables, "revenue", experiment="'; DROP"), variants=VARIANTS)
    assert hostile.sums.mean("revenue")[1] == 1000.0


@pytest.mark.parametrize(
    ("by", "strata"),
    [
        ("region", ("(not set)", "north", "south")),
        ("tenure", ("(not set)", "new", "returning")),
        ("segment", ("(not set)", "GENERAL")),
        ("platform", ("(not set)", "iOS")),
        ("acquisition_channel", ("(not set)",)),
        ("assigned_day", ("2024-03-04", "2024-03-05")),
    ],
)
def test_strata_are_parts_of_the_whole(tables: Any, by: str, strata: tuple[str, ...]) -> None:
    asked = question(tables, "revenue", "orders", before_days=28)
    parts = read(tables, replace(asked, by=by), variants=VARIANTS)
    whole = read(tables, asked, variants=VARIANTS).sums
    assert parts.strata == strata
    merged = parts.sums.merged()
    assert merged.n.tolist() == whole.n.tolist()
    assert merged.means == pytest.approx(whole.means)
    assert merged.variance("revenue") == pytest.approx(whole.variance("revenue"))


def test_an_unknown_stratum_is_refused(tables: Any) -> None:
    with pytest.raises(UsageError, match="Did you mean 'region'"):
        read(tables, question(tables, "revenue", by="regions"), variants=VARIANTS)


def test_looks_on_the_way_see_what_was_known_then(tables: Any) -> None:
    asked = question(tables, "revenue")
    days = [read(tables, until(asked, day), variants=VARIANTS).sums for day in (1, 2, 4)]
    assert [sums.n.tolist() for sums in days] == [[2, 1], [2, 2], [2, 2]]
    assert [sums.mean("revenue").tolist() for sums in days] == [[0.0, 0.0], [7.5, 0.0], [5.0, 10.0]]


def test_values_and_their_counts_are_the_users(tables: Any) -> None:
    found = values_of(tables, question(tables, "revenue"), "revenue")
    assert {name: (v.tolist(), n.tolist()) for name, (v, n) in found.items()} == {
        "control": ([0.0, 10.0], [1, 1]),
        "b": ([0.0, 20.0], [1, 1]),
    }


def test_pairs_and_their_counts_are_the_users(tables: Any) -> None:
    found = pairs_of_values(tables, question(tables, "aov"), "aov", "aov of")
    assert {name: (v.tolist(), n.tolist()) for name, (v, n) in found.items()} == {
        "control": ([[0.0, 0.0], [10.0, 1.0]], [1, 1]),
        "b": ([[0.0, 0.0], [20.0, 1.0]], [1, 1]),
    }


def test_an_offset_of_a_hundred_million_loses_nothing() -> None:
    rng = np.random.default_rng(3)
    value = rng.normal(0, 1, 400)
    users = [placed(f"u{place}", VARIANTS[place % 2]) for place in range(400)]
    rows = [ordered(f"u{place}", NOON + DAY, 1e8 + value[place], f"o{place}") for place in range(400)]
    tables = Base(experiments=users, orders=rows)
    found = read(tables, question(tables, "revenue"), variants=VARIANTS).sums
    exact = [np.var(1e8 + value[side::2] - 1e8, ddof=1) for side in (0, 1)]
    assert found.variance("revenue") == pytest.approx(exact, rel=1e-12)


@pytest.mark.parametrize("offset", [0.0, 3.0, 9.0, 11.0, 1e3, 1e6])
def test_products_are_exact_however_they_are_asked_for(offset: float) -> None:
    """Near 0 the engine is asked once, far from it twice; exact arithmetic says the same of both."""
    rng = np.random.default_rng(5)
    value = offset + rng.normal(0, 1, (400, 2))
    users = [placed(f"u{place}", VARIANTS[place % 2]) for place in range(400)]
    rows = [
        ordered(f"u{place}", NOON + day * DAY, value[place, side], f"o{place} {side}")
        for place in range(400)
        for side, day in enumerate((1, -1))
    ]
    tables = Base(experiments=users, orders=rows)
    found = read(tables, question(tables, "revenue", "aov", before_days=28), variants=VARIANTS).sums
    for side in (0, 1):
        exact = [[Fraction(number) for number in column] for column in value[side::2].T]
        apart = [[number - sum(column) / len(column) for number in column] for column in exact]
        for a, one in enumerate(("revenue", "revenue before")):
            for b, other in enumerate(("revenue", "revenue before")):
                known = float(sum(x * y for x, y in zip(apart[a], apart[b], strict=True)))
                assert found.product(one, other)[side] == pytest.approx(known, rel=1e-11, abs=1e-9)


def test_metrics_with_a_sum_in_common_say_the_same_of_it(tables: Any) -> None:
    asked = question(tables, "revenue", "aov", "orders", before_days=28)
    found = read(tables, asked, variants=VARIANTS).sums
    assert found.columns == asked.names
    for one, other in (("aov", "revenue"), ("aov of", "orders"), ("aov before", "revenue before")):
        assert found.mean(one).tolist() == found.mean(other).tolist()
        assert found.variance(one).tolist() == found.variance(other).tolist()
    assert found.covariance("aov", "aov of").tolist() == [5.0, 10.0]


def test_a_column_that_is_1_for_everybody_goes_together_with_nothing(tables: Any) -> None:
    tables.connection.execute("DELETE FROM users")
    tables.connection.execute("INSERT INTO users (user_id, signup_at) VALUES ('zoe', '2024-01-01')")
    found = read(tables, question(tables, "revenue", before_days=28), variants=VARIANTS).sums
    assert found.mean("new").tolist() == [1.0, 1.0]
    assert found.variance("new").tolist() == [0.0, 0.0]
    assert found.product("new", "revenue").tolist() == [0.0, 0.0]


def test_a_variant_far_from_the_others_keeps_its_own_digits() -> None:
    rng = np.random.default_rng(4)
    value = rng.normal(0, 1, 400)
    value[1::2] += 1e9
    users = [placed(f"u{place}", VARIANTS[place % 2]) for place in range(400)]
    rows = [ordered(f"u{place}", NOON + DAY, value[place], f"o{place}") for place in range(400)]
    tables = Base(experiments=users, orders=rows)
    found = read(tables, question(tables, "revenue"), variants=VARIANTS).sums
    assert found.variance("revenue")[0] == pytest.approx(np.var(value[::2], ddof=1), rel=1e-12)
    assert found.variance("revenue")[1] == pytest.approx(np.var(value[1::2] - 1e9, ddof=1), rel=1e-12)


@pytest.mark.parametrize(("several", "before"), [("exclude", 28), ("first", 0)])
def test_sums_of_each_table_are_those_of_one_row_per_user(several: Any, before: int) -> None:
    """Users without events, of several variants, of a variant that nobody asked for: all count alike."""
    rng = np.random.default_rng(6)
    people = [f"u{place}" for place in range(90)]
    names = rng.choice(["control", "b", "zed's"], 90)
    assigned = [NOON + timedelta(hours=int(hours)) for hours in rng.integers(-30, 200, 90)]
    placed_ = [placed(*one) for one in zip(people, names.tolist(), assigned, strict=True)]
    placed_ += [placed(user, "b", NOON + 9 * DAY) for user in people[:9]]
    orders, facts = [], []
    for at in range(240):
        user, when = f"u{rng.integers(120)}", NOON + timedelta(hours=int(rng.integers(-900, 500)))
        line = ordered(user, when, float(rng.integers(90)), f"o{at // 3}", line=at, returned=at % 7 == 0)
        orders.append(line)
        name = ("campaign_clicked", "campaign_delivered")[at % 2]
        facts.append(event(name, key(user), when, campaign_id="c", is_holdout=at % 5 == 0))
    known = [{"user_id": user, "signup_at": NOON - 60 * DAY} for user in people[::2]]
    tables = Base(experiments=placed_, orders=orders, facts=facts, users=known)
    asked = question(tables, "revenue", "orders", "clicks", "ctr", several=several, before_days=before)
    assert sums_apart(asked)
    found = read(tables, asked, variants=VARIANTS)
    rows = users_of(tables, asked).to_pandas()
    assert found.early == rows.early_.sum() > 20
    assert found.others == {"zed's": (rows.variant_ == "zed's").sum()}
    for side, name in enumerate(VARIANTS):
        own = rows[rows.variant_ == name]
        values = own[[f"c{asked.places[column]}" for column in found.sums.columns]].to_numpy(float)
        assert found.sums.n[side] == len(own)
        assert found.sums.means[side] == pytest.approx(values.mean(0))
        apart = values - values.mean(0)
        products = np.where(np.isnan(found.sums.products[side]), np.nan, apart.T @ apart)
        assert found.sums.products[side] == pytest.approx(products, abs=1e-9, nan_ok=True)
    assert np.isfinite(found.sums.products).sum() > 20


@settings(max_examples=15, deadline=None)
@given(
    st.lists(
        st.tuples(st.integers(0, 5), st.integers(0, 12), st.integers(-20, 200), st.integers(0, 9)),
        max_size=30,
    )
)
def test_users_together_are_what_the_dashboard_shows(rows: list[tuple[int, int, int, int]]) -> None:
    """Of assigned users and days after the assignment, the sums are the figures of `measure`."""
    people = [placed(f"u{place}", VARIANTS[place % 2], datetime(2024, 3, 4)) for place in range(6)]
    orders = [
        ordered(
            f"u{who}",
            datetime(2024, 3, 4) + day * DAY,
            value / 4,
            f"o{who}-{order}",
            line=place,
            returned=value < 0,
        )
        for place, (who, day, value, order) in enumerate(rows)
    ]
    sent = [
        event(name, key(f"u{who}"), datetime(2024, 3, 4) + day * DAY, campaign_id="c", is_holdout=order == 0)
        for who, day, _, order in rows
        for name in ("campaign_delivered", *(["campaign_clicked"] if order > 4 else []))
    ]
    tables = Base(experiments=people, orders=orders, facts=sent, last_day=date(2024, 3, 20))
    names = [
        *(["revenue", "orders", "aov"] if orders else []),
        *(["ctr", "clicks", "impressions", "users_reached"] if any(row[3] > 4 for row in rows) else []),
    ]
    if not names:
        return
    asked = question(tables, *names)
    sums = read(tables, asked, variants=VARIANTS).sums
    shown = {row.metric: row.value for row in measure(tables, names, window=asked.window).rows}
    for name in names:
        total = (sums.n * sums.mean(name)).sum()
        if f"{name} of" in sums.columns:
            below = (sums.n * sums.mean(f"{name} of")).sum()
            total = total / below if below else np.nan
        assert total == pytest.approx(shown[name], nan_ok=True), name


@pytest.mark.parametrize("dialect", ["duckdb", "postgres", "databricks"])
@pytest.mark.parametrize("by", ["", "segment", "region", "assigned_day"])
def test_every_dialect_can_ask(tables: Any, dialect: str, by: str) -> None:
    class Elsewhere:
        names, currency, last_day = tables.names, "EUR", date(2024, 3, 20)
        asked: str = ""

        def __init__(self) -> None:
            self.dialect = dialect

        def query(self, text: str) -> Any:
            Elsewhere.asked = text
            if text.startswith("SELECT DISTINCT"):
                return tables.query("SELECT 'b' AS variant_")
            return tables.query("SELECT * FROM (SELECT 0 AS variant_) WHERE false")

    with pytest.raises(NotEnoughData):
        read(
            Elsewhere(),
            question(tables, "ctr", "aov", by=by, before_days=28, several="first"),
            variants=VARIANTS,
        )
    assert "experiments" in Elsewhere.asked
    assert "workbench_user_key" not in Elsewhere.asked.lower()
    assert "of the window>" not in Elsewhere.asked
