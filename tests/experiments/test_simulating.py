"""Simulated tests on users whose truth is known: false alarms as promised, power as calculated."""

from __future__ import annotations

import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from workbench.errors import BadInput, NotEnoughData, UsageError
from workbench.experiments.power.procedure import Procedure
from workbench.experiments.power.resampling import assigned, drawn
from workbench.experiments.power.sample_size import power_of, sample_size
from workbench.experiments.power.simulating import simulate_aa, simulate_power
from workbench.experiments.power.user_values import UserValues, user_values

GENERATOR = np.random.default_rng(11)
USERS = 10_000
SMOOTH = GENERATOR.gamma(4.0, 5.0, USERS)
PLAIN = SMOOTH.round()
SESSIONS = 1.0 + GENERATOR.poisson(3.0, USERS)
KINDS: dict[str, UserValues] = {
    "share": user_values(GENERATOR.random(USERS) < 0.08),
    "mean": user_values(PLAIN),
    "adjusted mean": user_values(PLAIN, before=(PLAIN + GENERATOR.normal(0, 8, USERS)).round(-1)),
    "ratio": user_values(GENERATOR.binomial(SESSIONS.astype(int), 0.2), SESSIONS),
}


@pytest.mark.parametrize("kind", KINDS)
def test_nothing_is_found_as_often_as_promised(kind: str) -> None:
    found = simulate_aa(KINDS[kind], runs=6000, seed=3)
    band = 3 * np.sqrt(0.05 * 0.95 / 6000)
    assert found.rate == pytest.approx(0.05, abs=band)
    assert found.above / 6000 == pytest.approx(0.025, abs=band)
    assert found.above + found.below == found.found
    if kind != "share":  # whose p-values come in steps
        assert found.uniform > 0.001
    assert sum(found.bins) == 6000


def test_twenty_thousand_tests_of_ten_thousand_users_take_seconds() -> None:
    began = time.process_time()
    found = simulate_aa(user_values(SMOOTH), runs=20_000)
    assert time.process_time() - began < 15
    assert found.kept
    assert "as promised (0.05)" in found.sentence


def test_a_test_that_breaks_its_promise_is_named() -> None:
    generator = np.random.default_rng(2)
    revenue = np.where(generator.random(5000) < 0.01, generator.lognormal(3, 1.5, 5000), 0.0)
    found = simulate_aa(user_values(revenue), Procedure(split=(0.9, 0.1)), runs=4000)
    assert not found.kept
    assert found.below > 4 * found.above  # a small group without its rare large buyers looks worse
    assert "do not trust this test on these users" in found.sentence


def test_several_variants_share_alpha_by_dunnett() -> None:
    split = (0.25,) * 4
    each = simulate_aa(KINDS["mean"], Procedure(split=split), runs=4000)
    together = simulate_aa(KINDS["mean"], Procedure(split=split, correction="dunnett"), runs=4000)
    assert each.rate > 0.10
    assert together.rate == pytest.approx(0.05, abs=3 * np.sqrt(0.05 * 0.95 / 4000))


@pytest.mark.parametrize("split", [(0.5, 0.5), (0.2, 0.8)])
@pytest.mark.parametrize("kind", KINDS)
def test_power_is_what_is_calculated(kind: str, split: tuple[float, float]) -> None:
    values, procedure = KINDS[kind], Procedure(split=split)
    baseline = values.baseline
    lift = 0.04 if kind != "share" else 0.15
    users = int(sample_size(baseline, lift * baseline.value, procedure))
    (row,) = simulate_power(values, [lift], procedure, users=users, added=True, runs=20_000).rows
    assert row.calculated == pytest.approx(0.8, abs=1e-3)
    assert row.power == pytest.approx(row.calculated, abs=0.015)
    assert row.low <= row.power <= row.high


def test_a_change_in_parts_is_harder_to_find_than_the_formula_says() -> None:
    values = KINDS["mean"]
    options = {"users": 400, "runs": 20_000}
    (parts,) = simulate_power(values, [0.15], **options).rows
    (added,) = simulate_power(values, [0.15], added=True, **options).rows
    assert added.power == pytest.approx(added.calculated, abs=0.015)
    assert parts.power < added.power - 0.02


def test_power_grows_with_the_change_either_way() -> None:
    found = simulate_power(KINDS["share"], [-0.3, -0.1, 0.0, 0.1, 0.3], runs=1000, users=8000)
    power = [row.power for row in found.rows]
    assert power[0] > power[1] > power[2] < power[3] < power[4]
    assert found.sentence.startswith("8,000 users find a change of -30.0% in 9")
    frame = found.to_frame()
    assert list(frame.columns) == ["lift", "power", "low", "high", "calculated"]


def test_the_same_seed_gives_the_same_tests() -> None:
    assert simulate_aa(KINDS["ratio"], runs=300, seed=5) == simulate_aa(KINDS["ratio"], runs=300, seed=5)
    assert simulate_aa(KINDS["ratio"], runs=300, seed=6) != simulate_aa(KINDS["ratio"], runs=300, seed=5)


def test_groups_together_are_all_users() -> None:
    values = user_values([0, 0, 0, 0, 0, 0, 0, 0, 0, 5, 7, 9.5], before=[1] * 9 + [2, 3, 4])
    (sums,) = assigned(values, (0.3, 0.3, 0.4), 50, np.random.default_rng(1))
    assert (sums.n.sum(axis=1) == 12).all()
    for run in range(50):
        n, mean = sums.n[run], sums.mean("value")[run]
        assert np.nansum(n * mean) == pytest.approx(21.5)
        within = np.nansum(sums.product("value", "before")[run])
        between = np.nansum(n * (mean - 21.5 / 12) * (sums.mean("before")[run] - 1.5))
        raw = np.cov(np.r_[np.zeros(9), 5, 7, 9.5], np.r_[np.ones(9), 2, 3, 4])[0, 1] * 11
        assert within + between == pytest.approx(raw)


def test_drawn_groups_have_the_moments_of_their_population() -> None:
    values = KINDS["mean"]
    means = np.concatenate(
        [s.mean("value")[:, 1] for s in drawn((values, values), (100, 400), 3000, np.random.default_rng(2))]
    )
    assert means.mean() == pytest.approx(PLAIN.mean(), abs=4 * PLAIN.std() / np.sqrt(400 * 3000))
    assert means.std() == pytest.approx(PLAIN.std() / 20, rel=0.06)


def test_the_baseline_is_that_of_the_users() -> None:
    adjusted = KINDS["adjusted mean"].baseline
    assert adjusted.value == pytest.approx(PLAIN.mean())
    assert adjusted.sd == pytest.approx(PLAIN.std(ddof=1))
    before = np.repeat(KINDS["adjusted mean"].column("before"), KINDS["adjusted mean"].users.astype(int))
    after = np.repeat(KINDS["adjusted mean"].column("value"), KINDS["adjusted mean"].users.astype(int))
    assert adjusted.reduction == pytest.approx(stats.pearsonr(before, after).statistic ** 2)
    assert KINDS["mean"].skewness == pytest.approx(stats.skew(PLAIN))


@settings(max_examples=40, deadline=None)
@given(st.floats(-0.9, 3.0), st.floats(0.05, 0.2))
def test_a_lift_is_a_lift(lift: float, rate: float) -> None:
    size = 1000
    share = user_values(np.arange(size) < rate * size)
    mean = user_values(np.arange(1.0, 50.0))
    for values in (share, mean, KINDS["ratio"]):
        changed = values.lifted(lift)
        expected = values.baseline.value * (1 + lift)
        assert float(changed.linear @ changed.users / changed.users.sum()) == pytest.approx(expected)
        assert changed.users.sum() == pytest.approx(values.users.sum())


def test_calculated_power_is_of_the_same_baseline() -> None:
    values = KINDS["ratio"]
    (row,) = simulate_power(values, [0.05], users=5000, runs=10).rows
    effect = 0.05 * values.baseline.value
    assert row.calculated == float(power_of(values.baseline, effect, 5000.0, Procedure()))


@pytest.mark.parametrize(
    ("wrong", "error"),
    [
        (lambda: user_values([1.0, np.nan]), BadInput),
        (lambda: user_values([1.0, np.inf]), BadInput),
        (lambda: user_values([1.0, 2.0], [1.0]), BadInput),
        (lambda: user_values([1.0]), NotEnoughData),
        (lambda: user_values([1.0, 2.0], kind="proportion"), UsageError),
        (lambda: user_values([1.0, 2.0], kind="ratio"), UsageError),
        (lambda: user_values([3.0, 3.0]).baseline, NotEnoughData),
        (lambda: user_values([3.0, 2.0], [0.0, 0.0]).baseline, NotEnoughData),
        (lambda: KINDS["share"].lifted(50.0), UsageError),
        (lambda: simulate_aa(KINDS["share"], runs=0), UsageError),
        (lambda: simulate_aa(KINDS["share"], Procedure(looks=3)), UsageError),
    ],
)
def test_what_makes_no_sense_is_refused(wrong: object, error: type[Exception]) -> None:
    with pytest.raises(error):
        wrong()  # type: ignore[operator]


def test_a_sample_of_users_is_like_all() -> None:
    values = KINDS["adjusted mean"]
    part = values.sampled(4000, np.random.default_rng(1))
    assert part.total == 4000
    assert part.baseline.value == pytest.approx(values.baseline.value, rel=0.03)
    assert part.baseline.reduction == pytest.approx(values.baseline.reduction, abs=0.05)
    assert values.sampled(USERS, np.random.default_rng(1)) is values
