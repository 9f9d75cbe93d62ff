"""Level, spread and past of a metric per user, read from a workspace of which every row is known."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import sqlglot

from workbench.errors import NotEnoughData, UsageError
from workbench.experiments.power.duration import arrivals
from workbench.experiments.power.history import history
from workbench.experiments.power.plan_views import planned_test, rehearsed_nothing, rehearsed_power
from workbench.experiments.power.planning import design_from_tables
from workbench.experiments.power.simulating import simulate_aa
from workbench.store import Workspace

FIRST = date(2024, 1, 1)
LAST = FIRST + timedelta(days=69)
_KEY = "CAST(md5_number(who) >> 65 AS BIGINT)"


def _events() -> pd.DataFrame:
    generator = np.random.default_rng(8)
    rows = []
    for user in range(400):
        keen = generator.gamma(1.0, 1.0)
        for day in range(70):
            if generator.random() < min(0.5, 0.1 * keen):
                rows.append((f"u{user}", day, "campaign_viewed", None))
                if generator.random() < 0.4:
                    rows.append((f"u{user}", day, "campaign_clicked", None))
                if generator.random() < 0.2 * keen:
                    rows.append((f"u{user}", day, "user_purchased", round(20 + 30 * generator.random(), 2)))
    return pd.DataFrame(rows, columns=["who", "day", "event", "value"])


EVENTS = _events()


@pytest.fixture(scope="module")
def tables(tmp_path_factory: pytest.TempPathFactory):
    workspace = Workspace.create(tmp_path_factory.mktemp("history") / "acme")
    workspace.set_currency("EUR")
    made = EVENTS.assign(
        moment=[datetime(2024, 1, 1, 12, tzinfo=UTC) + timedelta(days=int(day)) for day in EVENTS.day],
        number=range(len(EVENTS)),
    )
    path = tmp_path_factory.mktemp("rows") / "rows.parquet"
    made.to_parquet(path)
    with workspace.writer() as writer, writer.transaction("a") as load:
        load.append(
            "facts",
            f"""
            SELECT event AS event_type, CAST(moment AS DATE) AS day, moment AS timestamp, {_KEY} AS user_key,
                'mobile' AS source, CASE WHEN event = 'user_purchased' THEN 'o' || number END AS order_id,
                value, 1.0 AS lag_minutes, FALSE AS late_arrival, 'a' AS load_id,
                strftime(moment, '%Y-%m') AS month
            FROM read_parquet('{path}')
            """,
        )
        load.append(
            "orders",
            f"""
            SELECT 'o' || number AS order_id, 1 AS line, who AS user_id, moment AS ordered_at,
                value AS order_value, FALSE AS is_return
            FROM read_parquet('{path}') WHERE event = 'user_purchased'
            """,
        )
        load.commit()
    return workspace.tables()


def _per_user(column: pd.Series, events: pd.DataFrame = EVENTS) -> tuple[pd.Series, pd.Series]:
    """Return the sums of who came in the last 28 days: in these, and in the 28 before."""
    came = EVENTS[EVENTS.day >= 42].who.unique()
    now, before = events.day >= 42, (events.day < 42) & (events.day >= 14)
    sums = [column[mask].groupby(events.who[mask]).sum().reindex(came).fillna(0.0) for mask in (now, before)]
    return sums[0], sums[1]


def test_revenue_is_that_of_all_who_came(tables) -> None:
    found = history(tables, "revenue")
    now, before = _per_user(EVENTS.value.fillna(0.0))
    assert (found.window.first, found.window.last) == (FIRST + timedelta(days=42), LAST)
    assert found.values.total == len(now) < 400
    baseline = found.values.baseline
    assert baseline.kind == "mean"
    assert baseline.value == pytest.approx(now.mean())
    assert baseline.sd == pytest.approx(now.std())
    assert baseline.reduction == pytest.approx(now.corr(before) ** 2)
    assert baseline.reduction > 0.1
    assert found.values.skewness == pytest.approx(now.skew(), rel=0.02)


def test_orders_are_counted_by_user(tables) -> None:
    now, _ = _per_user((EVENTS.event == "user_purchased").astype(float))
    assert history(tables, "orders").values.baseline.value == pytest.approx(now.mean())


def test_a_ratio_stays_a_ratio(tables) -> None:
    found = history(tables, "aov")
    orders, _ = _per_user((EVENTS.event == "user_purchased").astype(float))
    revenue, _ = _per_user(EVENTS.value.fillna(0.0))
    baseline = found.values.baseline
    ratio = revenue.sum() / orders.sum()
    assert (baseline.kind, baseline.value) == ("ratio", pytest.approx(ratio))
    assert baseline.sd == pytest.approx(((revenue - ratio * orders) / orders.mean()).std(), rel=1e-6)


def test_a_plan_from_a_workspace_needs_less_for_the_time_before(tables) -> None:
    plan = design_from_tables(tables, metric="revenue", mde=0.1)
    plain = design_from_tables(tables, metric="revenue", mde=0.1, correlation=0.0)
    assert plan.total == pytest.approx(plain.total * (1 - plan.baseline.reduction), rel=0.01)
    assert plan.currency == "EUR"
    assert "revenue per user from €" in plan.sentence
    assert plan.arrivals is not None
    assert plan.arrivals.days == 56
    assert plan.durations[0].users == EVENTS[(EVENTS.day >= 14) & (EVENTS.day < 21)].who.nunique()


def test_only_users_who_would_be_in_the_test_count(tables) -> None:
    clickers = EVENTS[(EVENTS.day >= 42) & (EVENTS.event == "campaign_clicked")].who.nunique()
    assert history(tables, "revenue", events=["campaign_clicked"]).values.total == clickers


def test_a_past_that_is_too_short_is_said(tables) -> None:
    plan = design_from_tables(tables, metric="revenue", mde=0.1, days=60)
    with pytest.raises(UsageError, match=r"cannot change by −.*: no user has less than 0"):
        design_from_tables(tables, metric="revenue", mde=-2, days=60)
    assert plan.baseline.reduction == 0
    assert any("do not reach back far enough" in text for text in plan.warnings)


def test_lopsided_users_in_unequal_groups_are_warned_of(tables) -> None:
    uneven = design_from_tables(tables, metric="revenue", mde=0.9, split=(0.95, 0.05))
    assert any("Users are lopsided" in text for text in uneven.warnings)
    equal = design_from_tables(tables, metric="revenue", mde=0.9)
    assert not any("lopsided" in text for text in equal.warnings)


@pytest.mark.parametrize(
    ("metric", "options", "error", "said"),
    [
        ("revenu", {}, UsageError, "Did you mean 'revenue'"),
        ("roas", {}, UsageError, "cannot be tested on users"),
        ("unsubscribe_rate", {}, NotEnoughData, "needs"),
        ("revenue", {"events": ["campaign_click"]}, UsageError, "Did you mean 'campaign_clicked'"),
        ("revenue", {"events": ["user_engaged"]}, NotEnoughData, "nobody came"),
    ],
)
def test_what_cannot_be_read_is_said(
    tables, metric: str, options: dict[str, object], error: type[Exception], said: str
) -> None:
    with pytest.raises(error, match=said):
        history(tables, metric, **options)  # type: ignore[arg-type]


def test_nothing_loaded_is_said(tmp_path: Path) -> None:
    with pytest.raises(NotEnoughData, match="no events loaded"):
        history(Workspace.create(tmp_path / "empty").tables(), "revenue")


class Compiling:
    """Tables of an engine that is not here: they keep what they are asked."""

    def __init__(self, tables, dialect: str) -> None:
        self.tables, self.dialect, self.asked = tables, dialect, []
        self.names, self.last_day, self.currency = tables.names, tables.last_day, tables.currency

    def query(self, sql: str):
        if "WITH" in sql or "user_key" in sql:
            self.asked.append(sql)
            raise NotEnoughData("not here")
        return self.tables.query(sql)


@pytest.mark.parametrize("dialect", ["postgres", "databricks"])
@pytest.mark.parametrize("metric", ["revenue", "aov"])
def test_other_engines_are_asked_in_their_words(tables, dialect: str, metric: str) -> None:
    there = Compiling(tables, dialect)
    with pytest.raises(NotEnoughData, match="not here"):
        history(there, metric)
    with pytest.raises(NotEnoughData, match="not here"):
        arrivals(there)
    for text in there.asked:
        assert "workbench_user_key" not in text
        assert sqlglot.parse_one(text, dialect=dialect)


def test_a_page_gets_the_plan_and_its_rehearsal(tables) -> None:
    plan = planned_test(tables, metric="revenue", mde=0.2)
    assert plan == design_from_tables(tables, metric="revenue", mde=0.2)
    nothing = rehearsed_nothing(tables, plan, metric="revenue", runs=2000)
    assert nothing.users == history(tables, "revenue").values.total
    assert nothing.rate == pytest.approx(0.05, abs=0.015)
    power = rehearsed_power(tables, plan, metric="revenue", runs=2000)
    assert [row.lift for row in power.rows] == pytest.approx([0.1, 0.15, 0.2, 0.25, 0.3])
    planned = power.rows[2]
    # Revenue that grows by a part differs more between users, so that a little less is found.
    assert planned.calculated - 0.08 < planned.power < planned.calculated + 0.02
    found = f"users find the planned change of +20.0% in {planned.power:.0%} of tests"
    assert found in power.sentence
    high, more = replace(planned, high=0.79), replace(power.rows[3], power=0.9)
    short = replace(power, rows=(*power.rows[:2], high, more)).sentence
    assert f"{found} only (" in short
    assert short.endswith("less often than the 80% of the plan; one of +25.0% in 90%.")
    guard = planned_test(tables, metric="revenue", mde=0.0, margin=0.3)
    assert "looks for no change" in rehearsed_power(tables, guard, metric="revenue").missing


def test_tests_of_nothing_count_several_variants_together_as_the_analysis_does(tables) -> None:
    plan = planned_test(tables, metric="revenue", mde=0.2, variants=5)
    assert plan.procedure.correction == "none"
    nothing = rehearsed_nothing(tables, plan, metric="revenue", runs=20)
    together = replace(plan.procedure, correction="bonferroni")
    assert nothing == simulate_aa(history(tables, "revenue").values, together, runs=20)
    assert nothing.alpha == 0.05


def test_a_page_without_data_says_why(tmp_path: Path) -> None:
    empty = Workspace.create(tmp_path / "empty").tables()
    plan = planned_test(empty, metric="revenue", mde=0.2)
    assert plan.missing == plan.sentence
    assert "no events loaded" in plan.missing
    assert rehearsed_nothing(empty, plan, metric="revenue").sentence == plan.missing
    assert rehearsed_power(empty, plan, metric="revenue").sentence == plan.missing
    assert plan.to_document()["n_per_group"] is None
    with pytest.raises(UsageError):
        planned_test(empty, metric="revenu", mde=0.2)
