"""A holdout that went wrong is noticed, a sound one is not, and the method's errors are measured."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import numpy as np
import pytest
from scipy.stats import kstest

from workbench.experiments.holdout.balance import balance
from workbench.experiments.holdout.contrast import by_normal
from workbench.experiments.holdout.effects import effect_of
from workbench.experiments.holdout.errors import false_positives
from workbench.experiments.holdout.health import HoldoutHealth, detectable, health_of
from workbench.experiments.holdout.holdout import Coverage, Holdout
from workbench.experiments.holdout.pairs import Coded, Pairs, joined, pairs_of
from workbench.experiments.holdout.weeks import weeks_of
from workbench.metrics.window import Window

DAYS = Window(date(2024, 1, 1), date(2024, 3, 31))


def people(
    seed: int = 1, *, users: int = 6000, share: float = 0.1, rate: float = 0.3, apart: float = 0.0
) -> Pairs:
    """Return users who were alike before, but for `apart`."""
    rng = np.random.default_rng(seed)
    held = rng.random(users) < share
    before = rng.random(users) < rate + apart * held
    worth = np.where(before, rng.lognormal(3, 1.2, users), 0.0)
    made = pairs_of(held=held, revenue=np.where(rng.random(users) < rate, 20.0, 0.0), window=DAYS)
    return replace(
        made,
        before_orders=before.astype(float),
        before_revenue=worth,
        known=rng.exponential(200, users),
        traits={"region": Coded(names=("east", "west"), codes=rng.integers(0, 2, users))},
    )


def verdicts(health: HoldoutHealth) -> dict[str, str]:
    return {check.name: check.verdict for check in health.checks}


def test_a_sound_holdout() -> None:
    found = health_of(people(users=20_000))
    assert set(verdicts(found).values()) == {"good"}
    assert found.sentence.startswith("The holdout can be trusted. On what these users bought before, ")
    assert len(found.to_frame()) == len(found.checks) == 7


def test_another_share_than_planned() -> None:
    found = health_of(people(), planned=0.12)
    assert verdicts(found)["Split"] == "bad"
    assert "cannot be trusted: look at split" in found.sentence


def test_held_out_users_who_got_the_message() -> None:
    pairs = people()
    reached = pairs.held & (np.cumsum(pairs.held) <= 30)
    found = health_of(replace(pairs, deliveries=np.where(reached, 1.0, pairs.deliveries)))
    (check,) = (check for check in found.checks if check.name == "Contamination")
    assert check.verdict == "bad"
    assert check.says.startswith("30 held out users got or clicked")


def test_users_who_differed_before() -> None:
    found = balance(people(apart=0.1))
    assert not found.balanced
    assert found.traits[0].name.endswith("in the 30 days before")
    assert found.traits[0].difference < -0.1


def test_nothing_follows_where_users_differed_before() -> None:
    pairs, covered = people(users=800, apart=0.4), Coverage(campaigns=1, with_holdout=1, users=9, covered=9)
    plain = {"campaigns": (), "sides": (), "rates": (), "coverage": covered, "window": DAYS, "level": 0.95}
    found = Holdout(overall=effect_of(pairs, name="spring"), **plain)
    uneven, alike = health_of(pairs), health_of(people(users=800), planned=0.2)
    assert uneven.verdict_on(found).startswith("No verdict on what spring brought: ")
    assert "look at split" in alike.verdict
    assert alike.verdict_on(found) == found.sentence
    assert uneven.verdict_on(replace(found, overall=None, missing="No data.")) == "No data."


def test_the_balance_test_promises_what_it_keeps() -> None:
    found = [balance(people(seed, users=800)).p for seed in range(300)]
    assert kstest(found, "uniform").pvalue > 0.01


def test_other_shares_of_other_people_are_no_imbalance() -> None:
    one, other = people(1, share=0.05, rate=0.1), people(2, share=0.5, rate=0.6)
    both = joined([one, replace(other, user=other.user + 6000)], "ab")
    together = both.before_orders
    assert together[both.held].mean() - together[~both.held].mean() > 0.1
    assert balance(both).balanced


def test_a_lift_of_the_size_that_is_called_detectable_is_found_as_often_as_said() -> None:
    least, share = detectable(people(users=6000, rate=0.2))
    assert share == pytest.approx(least / 0.2, rel=0.15)
    rng, found = np.random.default_rng(8), []
    for _ in range(500):
        held = np.arange(6000) < 600
        buys = rng.random(6000) < np.where(held, 0.2, 0.2 + least)
        pairs = pairs_of(held=held, revenue=20.0 * buys, window=DAYS)
        result = by_normal(pairs, pairs.buys)
        found.append(result.p_of() < 0.05)
    assert np.mean(found) == pytest.approx(0.8, abs=0.06)


def test_errors_of_the_method_are_measured_on_the_users_themselves() -> None:
    rng = np.random.default_rng(4)
    pairs = people(users=5000, rate=0.02)
    skewed = replace(
        pairs, before_revenue=np.where(pairs.before_orders > 0, rng.lognormal(3, 1.6, 5000), 0.0)
    )
    found = {(error.outcome, error.method): error for error in false_positives(skewed)}
    permuted, student = (
        found["revenue", name] for name in ("the studentised permutation test", "the normal test")
    )
    assert permuted.used
    assert permuted.kept
    assert permuted.low < 0.05 < permuted.high
    assert max(permuted.gains, permuted.losses) <= 0.035
    assert not student.used
    assert student.gains > 0.05 > student.losses
    assert not student.kept
    assert "random holdouts" in permuted.sentence
    assert found["buyers", "the score test"].kept


def test_errors_are_not_measured_where_nobody_bought_before() -> None:
    pairs = people()
    blank = replace(pairs, before_orders=pairs.before_orders * 0, before_revenue=pairs.before_revenue * 0)
    assert {error.missing for error in false_positives(blank)} == {
        "only 0 bought before their first delivery"
    }
    assert verdicts(health_of(blank))["False alarms on revenue"] == "unknown"


def weekly(lift: tuple[float, ...], seed: int = 3, users: int = 20_000) -> Pairs:
    pairs = people(seed, users=users)
    rng = np.random.default_rng(seed)
    chance = np.where(pairs.held[:, None], 0.1, 0.1 + np.array(lift))
    return replace(pairs, weekly=(rng.random((users, 4)) < chance).astype(float))


def test_a_lift_that_fades_is_found() -> None:
    found = weeks_of(weekly((0.04, 0.02, 0.01, 0.0)))
    assert found.sentence.startswith("The lift fades: ")
    assert found.trend.value == pytest.approx(-0.013, abs=0.006)
    assert [row.lift.value for row in found.rows] == pytest.approx([0.04, 0.02, 0.01, 0.0], abs=0.02)


def test_a_steady_lift_is_not_said_to_fade() -> None:
    found = weeks_of(weekly((0.03, 0.03, 0.03, 0.03)))
    assert "does not clearly change" in found.sentence
    wrong = [weeks_of(weekly((0.02,) * 4, seed, 2000)).trend.significant for seed in range(150)]
    assert np.mean(wrong) <= 0.05 + 3 * (0.05 * 0.95 / 150) ** 0.5


def test_users_who_were_not_followed_for_four_weeks_are_left_out() -> None:
    pairs = weekly((0.03,) * 4)
    some = replace(pairs, followed=np.where(np.arange(20_000) < 5000, 10.0, 40.0))
    found = weeks_of(some)
    assert (found.pairs, found.left_out) == (15_000, 5000)
    nobody = weeks_of(replace(pairs, followed=np.full(20_000, 27.0)))
    assert "28 days" in nobody.missing


def test_a_holdout_too_small_to_compare_is_said_to_be_so() -> None:
    pairs = people(users=60)
    two = replace(
        pairs,
        held=np.arange(60) % 10 == 0,
        campaigns=("a", "b"),
        campaign=np.arange(60) // 30,
        cost=np.repeat(pairs.cost, 2),
    )
    found = health_of(two)
    assert not np.isfinite(found.detectable)
    assert "Nothing is known of users before." in set(found.to_frame()["says"])
    assert "could not be measured" in found.sentence
