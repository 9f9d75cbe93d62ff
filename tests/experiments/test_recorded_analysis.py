"""Analyses of a workspace's experiments: simulated effects are covered, looks on the way, contamination."""

from __future__ import annotations

import runpy
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from workbench.errors import NotEnoughData, UsageError
from workbench.events.simulation import MarketSpec, simulate
from workbench.experiments.analysis.analyzing import analyze
from workbench.experiments.analysis.asked import asked
from workbench.experiments.analysis.daily import daily_effects
from workbench.experiments.analysis.monitoring import monitoring_of
from workbench.experiments.analysis.verdict import verdict_of
from workbench.experiments.analysis.views import ab_test
from workbench.experiments.definition import Experiment, Guardrail
from workbench.experiments.records.keeping import Change, Kept
from workbench.experiments.users.contamination import Contamination, Overlap, overlaps
from workbench.experiments.users.users import Seen, recorded_users
from workbench.metrics.window import Window

_EXPLORE = runpy.run_path(str(Path(__file__).parents[1] / "explore" / "conftest.py"))
Base, tables_of = _EXPLORE["Base"], _EXPLORE["tables_of"]
NOON = datetime(2024, 3, 4, 12)
DAY = timedelta(days=1)


@pytest.fixture(scope="module")
def market() -> Any:
    return simulate(replace(MarketSpec.small(), users=4000))


@pytest.fixture(scope="module")
def tables(market: Any) -> Any:
    return tables_of(market)


def plans(market: Any, **changes: Any) -> dict[str, Experiment]:
    found = {}
    for truth in market.spec.experiments:
        start = market.spec.start + timedelta(days=int(truth.first_day * market.spec.days))
        days = max(14, int(truth.days * market.spec.days))
        given = {
            "name": truth.name,
            "primary": "orders",
            "secondary": ("revenue", "aov"),
            "variants": truth.variants,
            "split": truth.split,
            "start": start,
            "end": start + timedelta(days=days - 1),
            "status": "completed",
        }
        found[truth.name] = Experiment(**{**given, **changes})
    return found


def expected(market: Any) -> dict[tuple[str, str], float]:
    """Return for each variant how many orders more per user it makes than its control."""
    rows = market.truth.experiments.to_dicts()
    control = {row["experiment"]: row["expected_orders"] for row in rows if row["variant"] == "control"}
    return {
        (row["experiment"], row["variant"]): row["expected_orders"] - control[row["experiment"]]
        for row in rows
    }


def test_without_a_planned_start_the_days_begin_with_the_first_assignment(market: Any, tables: Any) -> None:
    for plan in plans(market).values():
        free = recorded_users(replace(plan, start=None), tables)
        first = free.assigned["first"].date()
        planned = recorded_users(replace(plan, start=first), tables)
        assert (free.seen, free.assigned, free.question) == (planned.seen, planned.assigned, planned.question)
        assert (free.seen.window.first, free.assigned["before"]) == (first, 0)
        assert 0 < free.seen.days_per_user <= free.seen.window.days


def test_known_effects_lie_in_their_intervals(market: Any, tables: Any) -> None:
    truth = expected(market)
    for name, plan in plans(market).items():
        for one in analyze(plan, tables).primary:
            found = one.comparison.difference
            assert found.low <= truth[name, one.variant] <= found.high, (name, one.variant)


def test_a_test_of_nothing_finds_nothing(market: Any, tables: Any) -> None:
    found = analyze(plans(market)["search_ranking"], tables)
    assert found.verdict.decision == "inconclusive"
    assert not [one for one in found.findings if one.clear]
    assert found.ratio.verdict == "ok"
    assert {one.experiment for one in found.contamination.overlaps} == {"checkout_layout", "delivery_promise"}
    assert not [one for one in found.contamination.overlaps if one.uneven]


@pytest.mark.slow
def test_intervals_cover_as_often_as_promised() -> None:
    inside, total = 0, 0
    for seed in range(20):
        made = simulate(replace(MarketSpec.small(), seed=seed, users=1500))
        tables, truth = tables_of(made), expected(made)
        for name, plan in plans(made, secondary=()).items():
            for one in analyze(plan, tables).primary:
                found = one.comparison.difference
                inside += found.low <= truth[name, one.variant] <= found.high
                total += 1
    assert abs(inside / total - 0.95) < 3 * np.sqrt(0.95 * 0.05 / total)


def test_money_is_of_a_month_and_of_all_users(market: Any, tables: Any) -> None:
    plan = plans(market, primary="revenue", secondary=())["checkout_layout"]
    one = analyze(plan, tables).primary[0]
    assert one.money is not None
    users, days = one.comparison.n + one.comparison.n_control, (plan.end - plan.start).days + 0.5
    assert one.money.value == pytest.approx(one.difference.value * users * 30.4375 / days, rel=0.02)
    assert f"a month for {users:,} users" in one.worth


def test_a_running_test_is_read_with_care(market: Any, tables: Any) -> None:
    plan = plans(market, status="running")["checkout_layout"]
    early = View(tables, plan.start + 6 * DAY)
    found = analyze(plan, early)
    assert found.monitoring.kind == "any time"
    assert "holds at any time" in found.notes[0]
    wide, plain = found.primary[0].difference, found.primary[0].comparison.difference
    assert wide.low < plain.low < plain.high < wide.high
    naive = analyze(plan, early, monitor="none")
    assert naive.monitoring.kind == "none"
    assert "finds too much" in naive.notes[0]


def test_planned_looks_follow_the_plan(market: Any, tables: Any) -> None:
    plan = plans(market, status="running", looks=3)["checkout_layout"]
    days = (plan.end - plan.start).days + 1
    middle = analyze(plan, View(tables, plan.start + (days * 2 // 3 - 1) * DAY))
    assert middle.monitoring.fractions == pytest.approx((1 / 3, 2 / 3), abs=0.02)
    assert middle.primary[0].monitored is not None
    assert "Lan-DeMets" in middle.notes[0]
    end = analyze(plan, tables)
    assert end.monitoring.final
    assert end.monitoring.fractions == pytest.approx((1 / 3, 2 / 3, 1.0))


def test_guardrails_share_the_error_of_the_looks(market: Any, tables: Any) -> None:
    rails = (Guardrail(metric="revenue", margin=0.1), Guardrail(metric="conversions", margin=0.1))
    plan = plans(market, status="running", looks=3, secondary=(), guardrails=rails)["checkout_layout"]
    middle = analyze(plan, View(tables, plan.start + 13 * DAY))
    once = analyze(replace(plan, looks=1), View(tables, plan.start + 13 * DAY), monitor="none")
    assert middle.monitoring.information[-1] > middle.monitoring.information[0] > 0
    guarded = [[one for one in found.findings if one.role == "guardrail"] for found in (middle, once)]
    assert guarded[0]
    for one, other in zip(*guarded, strict=True):
        assert one.guarded is not None
        assert other.guarded is not None
        assert one.guarded.tail < 0.025
        assert one.guarded.change.low < other.guarded.change.low
        assert one.guarded.change.high > other.guarded.change.high
        assert "95% interval for all looks" in one.guarded.sentence


def test_days_after_an_early_end_do_not_count(market: Any, tables: Any) -> None:
    for looks in (1, 3):
        plan = plans(market, looks=looks)["checkout_layout"]
        over = plan.start + 8 * DAY
        change = Change(
            version=1,
            experiment=plan,
            changed_at=datetime.combine(over, datetime.min.time(), UTC),
            changed_by="ann",
            reason="",
        )
        users = dict.fromkeys(plan.variants, 1)
        given = asked(Kept(name=plan.name, changes=(change,), users=users), tables)
        found = analyze(given.experiment, given.tables)
        assert found.seen.window == Window(plan.start, over)
        assert [f"It was ended on {over}" in note for note in given.notes] == [True]
        if looks > 1:
            assert found.monitoring.fractions[-1] == pytest.approx(9 / ((plan.end - plan.start).days + 1))
            assert not found.monitoring.final


class View:
    """Tables as they were on an earlier day."""

    def __init__(self, tables: Any, last_day: date) -> None:
        self.tables, self.last_day = tables, last_day
        self.dialect, self.names, self.currency = tables.dialect, tables.names, tables.currency

    def query(self, sql: str) -> Any:
        return self.tables.query(sql)


def test_days_settle_to_the_whole(market: Any, tables: Any) -> None:
    plan = plans(market)["checkout_layout"]
    users = recorded_users(plan, tables)
    found = daily_effects(users)
    assert found.points[-1].day == plan.end
    assert all(p.bound_low <= p.low <= p.value <= p.high <= p.bound_high for p in found.points)
    raw = analyze(plan, tables).primary[0].comparison
    assert found.points[-1].users == raw.n + raw.n_control
    assert found.sentence.startswith("Orders per user: one_page ")
    first, last = found.points[0], found.points[-1]
    up, down = replace(first, bound_low=1.0, bound_high=2.0), replace(last, bound_low=-1.0, bound_high=2.0)
    assert "but no more at the end" in replace(found, points=(up, down)).sentence
    late = replace(last, bound_low=1.0)
    assert f"clear since {late.day:%-d %b %Y}" in replace(found, points=(up, down, late)).sentence
    assert len(found.to_frame()) == len(found.points)


def test_days_of_a_user_do_not_hang_on_a_definition(market: Any, tables: Any) -> None:
    plan = plans(market)["checkout_layout"]
    defined = recorded_users(replace(plan, end=tables.last_day), tables)
    found = recorded_users(replace(plan, start=None, end=None), tables)
    assert found.seen.window == defined.seen.window
    assert found.seen.days_per_user == pytest.approx(defined.seen.days_per_user)
    assert found.assigned["before"] == 0


@pytest.mark.parametrize(("split", "shuffled"), [("as it was", False), ("a tenth", True)])
def test_the_last_day_is_the_verdict(market: Any, tables: Any, split: str, shuffled: bool) -> None:
    primary = "orders" if shuffled else "impressions"
    plan = plans(market, primary=primary, secondary=())["checkout_layout"]
    mine = with_a_tenth(tables, plan) if shuffled else tables
    verdict = analyze(plan, mine).primary[0].comparison
    assert verdict.method.startswith("studentised" if shuffled else "CUPED"), split
    days = daily_effects(recorded_users(plan, mine))
    last, found = days.points[-1], verdict.difference
    assert (last.value, last.low, last.high) == (found.value, found.low, found.high)
    assert days.label.difference(found.value) in days.sentence
    assert 5 <= len(days.points) <= (10 if shuffled else 30)


def with_a_tenth(tables: Any, plan: Experiment) -> Any:
    """Return tables in which nine of ten users of the control were never assigned."""
    thinned = Base(currency=tables.currency)
    for name in tables.names:
        rows = tables.query(f"SELECT * FROM {name}")
        if name == "experiments":
            kept = f"variant <> '{plan.control}' OR hash(user_id) % 10 = 0"
            rows = tables.query(f"SELECT * FROM experiments WHERE {kept}")
        thinned.connection.register("loading", rows)
        thinned.connection.execute(f"CREATE OR REPLACE TABLE {name} AS SELECT * FROM loading")
        thinned.connection.unregister("loading")
    thinned.names, thinned.last_day = tables.names, tables.last_day
    return thinned


def definition(experiment: Experiment) -> dict[str, Any]:
    return Change(version=1, experiment=experiment, changed_at=NOON, changed_by="me", reason="").to_row()


def test_the_report_takes_what_there_is(market: Any, tables: Any) -> None:
    found = ab_test(tables, "checkout_layout", days=21)
    assert found.analysis is not None
    assert found.analysis.experiment.variants == ("control", "one_page")
    assert found.analysis.seen.window is not None
    assert found.analysis.seen.window.days == 21
    assert "equal shares" in found.analysis.notes[0]
    assert ab_test(tables).name == "search_ranking", "the one that began last"
    with pytest.raises(UsageError, match="Did you mean 'checkout_layout'"):
        ab_test(tables, "checkout_layot")
    drafted = Base(
        experiments=[{"experiment": "d", "user_id": "u", "variant": "control", "assigned_at": NOON}],
        experiment_definitions=[definition(Experiment(name="d", primary="orders"))],
    )
    assert ab_test(drafted, "d").missing == "d is a draft: it has not been started."
    nothing = ab_test(Base())
    assert nothing.missing == nothing.sentence == "No assignments of experiments are loaded."


def test_what_cannot_be_analysed_is_said(market: Any, tables: Any) -> None:
    plan = plans(market)["checkout_layout"]
    with pytest.raises(NotEnoughData, match="Nobody was assigned"):
        analyze(replace(plan, name="unheard_of"), tables)
    with pytest.raises(UsageError, match="spend cannot be tested"):
        analyze(replace(plan, primary="spend"), tables)
    with pytest.raises(NotEnoughData, match="no assignments"):
        analyze(plan, Base())
    with pytest.raises(NotEnoughData, match="after the last day"):
        analyze(replace(plan, start=date(2030, 1, 1), end=None), tables)
    with pytest.raises(UsageError, match="exclude, first, refuse"):
        analyze(plan, tables, several="both")  # type: ignore[arg-type]


def assigned(name: str, pairs: list[tuple[str, str]]) -> list[dict[str, Any]]:
    return [{"experiment": name, "user_id": user, "variant": v, "assigned_at": NOON} for user, v in pairs]


def test_experiments_that_go_together_are_told() -> None:
    users = [f"u{place}" for place in range(400)]
    mine = assigned("mine", [(user, "ab"[place % 2]) for place, user in enumerate(users)])
    same = assigned("same", [(user, "xy"[place % 2]) for place, user in enumerate(users)])
    apart = assigned("apart", [(user, "xy"[place // 2 % 2]) for place, user in enumerate(users[:200])])
    few = assigned("few", [("u1", "x")])
    found = {one.experiment: one for one in overlaps(Base(experiments=[*mine, *same, *apart, *few]), "mine")}
    assert found["same"].uneven
    assert (found["apart"].users, found["apart"].p) == (200, 1.0)
    assert np.isnan(found["few"].p)


def test_contamination_speaks() -> None:
    clean = Contamination(users=10, others={})
    assert clean.sentence == "No contamination among 10 users."
    bad = Contamination(
        users=1000, several=30, early=2, others={"c": 4}, overlaps=(Overlap(experiment="e", users=9, p=1e-9),)
    )
    assert bad.too_many
    assert [word in bad.sentence for word in ("30 users (3%)", "variant c", "2 events", "in e too")] == [
        True
    ] * 4


def test_mixed_up_users_allow_no_verdict(market: Any, tables: Any) -> None:
    found = analyze(plans(market)["checkout_layout"], tables)
    mixed = Contamination(users=1000, several=30, others={})
    verdict = verdict_of(found.experiment, found.findings, ratio=found.ratio, contamination=mixed, ended=True)
    assert verdict.blocked
    assert "saw several variants" in verdict.sentence


def test_how_a_test_is_looked_at() -> None:
    plan = Experiment(name="x", primary="orders", status="running", looks=4, end=date(2024, 3, 31))
    half = Seen(window=Window(date(2024, 3, 4), date(2024, 3, 17)), ended=False)
    assert monitoring_of(plan, half).fractions == pytest.approx((0.25, 0.5))
    stopped = monitoring_of(plan, replace(half, ended=True))
    assert (stopped.fractions, stopped.final) == (pytest.approx((0.25, 0.5)), False), (
        "stopped early: what later looks would have spent stays unspent"
    )
    assert "before its planned end" in stopped.note
    whole = Seen(window=Window(date(2024, 3, 4), date(2024, 3, 31)))
    assert monitoring_of(plan, whole).fractions == pytest.approx((0.25, 0.5, 0.75, 1.0))
    assert monitoring_of(replace(plan, looks=1), half).kind == "any time"
    assert monitoring_of(replace(plan, looks=1), replace(half, ended=True)).kind == "none"
    assert monitoring_of(replace(plan, end=None), half).note.startswith("Looks were planned")
    with pytest.raises(UsageError, match="no planned end"):
        monitoring_of(replace(plan, end=None), half, monitor="planned")
    with pytest.raises(UsageError, match="not 'often'"):
        monitoring_of(plan, half, monitor="often")  # type: ignore[arg-type]


def test_a_guardrail_of_a_ratio_is_judged(market: Any, tables: Any) -> None:
    plan = plans(market, guardrails=(Guardrail(metric="aov", margin=0.5),), secondary=())["checkout_layout"]
    found = analyze(plan, tables)
    rail = found.of("aov")
    assert rail.guarded is not None
    assert rail.guarded.verdict == "ok"
    assert found.to_frame().guardrail.tolist() == ["", "ok"]
