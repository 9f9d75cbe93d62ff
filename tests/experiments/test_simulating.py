"""Simulated tests on users whose truth is known: false alarms as promised, power as calculated."""

from __future__ import annotations

import time
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from workbench.errors import BadInput, NotEnoughData, UsageError
from workbench.experiments.analysis.analyzing import analyze_users
from workbench.experiments.definition import Experiment
from workbench.experiments.inference.permutation import permutation_p, permutation_tails
from workbench.experiments.inference.shuffling import sided_p
from workbench.experiments.power.procedure import Procedure
from workbench.experiments.power.resampling import assigned, drawn
from workbench.experiments.power.sample_size import power_of, sample_size
from workbench.experiments.power.simulating import simulate_aa, simulate_power
from workbench.experiments.power.user_values import UserValues, user_values
from workbench.experiments.users.metric import own_metric

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


@pytest.mark.slow
def test_twenty_thousand_tests_of_ten_thousand_users_take_seconds() -> None:
    began = time.process_time()
    found = simulate_aa(user_values(SMOOTH), runs=20_000)
    assert time.process_time() - began < 90  # on a machine that may be slow and busy
    assert found.kept
    assert "as promised (0.05)" in found.sentence


def test_a_test_that_breaks_its_promise_is_named() -> None:
    found = simulate_aa(KINDS["mean"], runs=200)
    often = replace(found, runs=1000, found=100, low=0.08, high=0.12)
    assert not often.kept
    assert "do not trust this test on these users" in often.sentence
    assert "safe, but it finds less" in replace(often, found=10, low=0.005, high=0.02).sentence


SPARSE = np.where(GENERATOR.random(5000) < 0.04, GENERATOR.lognormal(3, 1.0, 5000), 0.0)
UNEVEN = Procedure(split=(0.1, 0.9))


def test_a_tenth_held_out_keeps_its_promise_as_the_analysis_does() -> None:
    found = simulate_aa(user_values(SPARSE), UNEVEN, runs=500)
    assert found.shuffled == 1.0
    for side in (found.above, found.below):
        assert side / found.runs == pytest.approx(0.025, abs=3 * np.sqrt(0.025 * 0.975 / 500))
    assert "In 100% of them users were shuffled, as the analysis does" in found.sentence


def analysed(kind: str, size: int, lift: float, tests: int) -> float:
    """Return how often the analysis itself finds a gain, on users drawn anew for each test."""
    generator, hits = np.random.default_rng(8), 0
    plan = Experiment(name="x", primary="y", variants=("a", "b"), split=UNEVEN.split, status="completed")
    columns = {"y": SPARSE, "z": (SPARSE > 0) + generator.poisson(0.2, len(SPARSE))}
    metric = own_metric("y", of="z") if kind == "ratio" else own_metric("y")
    for _ in range(tests):
        sizes = generator.poisson([size * share for share in UNEVEN.split])
        chosen = generator.integers(0, len(SPARSE), sizes.sum())
        drawn = {name: column[chosen].astype(float) for name, column in columns.items()}
        drawn["y"][sizes[0] :] *= 1 + lift
        frame = pd.DataFrame({"variant": np.repeat(["a", "b"], sizes), **drawn})
        found = analyze_users(plan, frame, [metric]).findings[0].comparison
        hits += bool(found.p < 0.05 and found.difference.value > 0)
    return hits / tests


@pytest.mark.parametrize(
    ("kind", "tests"),
    [
        ("mean", 40),
        pytest.param("mean", 500, marks=pytest.mark.slow),
        pytest.param("ratio", 300, marks=pytest.mark.slow),
    ],
)
def test_the_power_is_that_of_the_analysis(kind: str, tests: int) -> None:
    of = (SPARSE > 0) + np.random.default_rng(8).poisson(0.2, len(SPARSE))
    values = user_values(SPARSE, of if kind == "ratio" else None)
    (row,) = simulate_power(values, [1.5], UNEVEN, users=4000, runs=300).rows
    seen = analysed(kind, 4000, 1.5, tests)
    error = np.sqrt(seen * (1 - seen) / tests + row.power * (1 - row.power) / 300)
    assert abs(row.power - seen) < 3 * error
    assert row.power < row.calculated - 0.1  # the formula is of Welch's t, and of users alike


def test_where_shuffling_takes_too_long_that_is_said() -> None:
    many = np.random.default_rng(1).lognormal(3, 2.5, 40_000)
    found = simulate_power(user_values(many), [0.5], UNEVEN, runs=300)
    assert "Rehearsed was the plain test: the analysis shuffles the users in" in found.sentence
    assert found.runs == 300


@pytest.mark.slow
def test_fewer_tests_than_asked_for_are_said() -> None:
    found = simulate_aa(user_values(SPARSE[:2500]), UNEVEN, runs=40_000)
    assert 2_000 < found.runs < 20_000
    assert f"{found.runs:,} were made, not 40,000" in found.sentence


def test_p_by_as_few_shuffles_as_needed_is_on_the_same_side() -> None:
    generator, alike = np.random.default_rng(4), 0
    for run in range(60):
        counts = generator.poisson([[2, 18], [1, 9], [3, 27]]) + 1
        users = (400, 3600)
        whole = permutation_p([10.0, 300.0, 40.0], counts, users=users, seed=run)
        tails = permutation_tails([10.0, 300.0, 40.0], counts, users=users, rng=generator)
        assert tails is not None
        p, made = sided_p(tails, alpha=0.05, most=10_000)
        alike += (p < 0.05) == (whole < 0.05)
        assert 400 <= made <= 10_000
    assert alike >= 58


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
    options = {"users": 520, "runs": 20_000}  # with fewer than 200 in a group, they would be shuffled
    (parts,) = simulate_power(values, [0.12], **options).rows
    (added,) = simulate_power(values, [0.12], added=True, **options).rows
    assert added.power == pytest.approx(added.calculated, abs=0.015)
    assert parts.power < added.power - 0.02


def test_power_grows_with_the_change_either_way() -> None:
    found = simulate_power(KINDS["share"], [-0.3, -0.1, 0.0, 0.1, 0.3], runs=1000, users=8000)
    power = [row.power for row in found.rows]
    assert power[0] > power[1] > power[2] < power[3] < power[4]
    assert found.sentence.startswith("8,000 users find a change of −30.0% in 9")
    frame = found.to_frame()
    assert list(frame.columns) == ["lift", "power", "low", "high", "calculated"]


def test_the_same_seed_gives_the_same_tests() -> None:
    assert simulate_aa(KINDS["ratio"], runs=300, seed=5) == simulate_aa(KINDS["ratio"], runs=300, seed=5)
    assert simulate_aa(KINDS["ratio"], runs=300, seed=6) != simulate_aa(KINDS["ratio"], runs=300, seed=5)


def test_groups_together_are_all_users() -> None:
    values = user_values([0, 0, 0, 0, 0, 0, 0, 0, 0, 5, 7, 9.5], before=[1] * 9 + [2, 3, 4])
    (batch,) = assigned(values, (0.3, 0.3, 0.4), 50, np.random.default_rng(1))
    sums = batch.sums
    assert (np.stack([own.sum(axis=1) for own in batch.counts], axis=1) == sums.n).all()
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
        [
            batch.sums.mean("value")[:, 1]
            for batch in drawn((values, values), (100, 400), 3000, np.random.default_rng(2))
        ]
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


def test_few_users_whose_past_explains_much_are_rehearsed_with_it() -> None:
    generator = np.random.default_rng(6)
    kept = generator.normal(0, 0.8, 300)
    now, past = (np.exp(3 + kept + generator.normal(0, 0.4, 300)) for _ in range(2))
    with_past = simulate_aa(user_values(now, before=past), runs=400)
    assert with_past.shuffled < 0.1  # where chance makes the groups uneven
    without = simulate_aa(user_values(now), runs=40)
    assert without.shuffled > 0.98
    lifts = [0.3]
    one, other = (simulate_power(user_values(now, before=before), lifts, runs=100) for before in (past, None))
    assert one.rows[0].power > other.rows[0].power + 0.1
