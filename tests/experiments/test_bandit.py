"""Sharing out by chance: against other libraries' integrals, published formulas and games of known truth."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from scipy import stats

from workbench.errors import UsageError
from workbench.experiments.bandit.allocation import Allocation, Arm
from workbench.experiments.bandit.bandit import allocate, rate_prior, value_posterior
from workbench.experiments.bandit.rate_intervals import rate_intervals
from workbench.experiments.bandit.reading import drift
from workbench.experiments.bandit.simulation import simulate_regret, slowest_growth


def arms(*counts: tuple[float, float]) -> list[Arm]:
    return [Arm(name=f"c{place}", trials=n, successes=x) for place, (x, n) in enumerate(counts)]


def chances(found: Allocation) -> dict[str, float]:
    return {row.name: row.chance for row in found.rows}


def posteriors(given: Sequence[Arm]) -> list[tuple[float, float]]:
    x, n = (np.array([getattr(arm, name) for arm in given], float) for name in ("successes", "trials"))
    a, b = rate_prior(x, n)
    return [(float(a + s), float(b + t - s)) for s, t in zip(x, n, strict=True)]


@pytest.mark.parametrize(
    "counts",
    [
        [(30, 1000), (45, 1000), (40, 900)],
        [(0, 50), (3, 40), (1, 10), (0, 0)],
        [(1850, 100_000), (1900, 100_000), (1700, 20_000)],
        [(0, 452), (5, 5), (283, 400)],
    ],
)
def test_the_chance_is_that_of_a_brute_integral(counts: list[tuple[float, float]]) -> None:
    given_arms = arms(*counts)
    parameters = posteriors(given_arms)
    grid = np.linspace(0, 1, 1_000_001)[1:-1]
    grid = grid[grid < max(stats.beta(a, b).ppf(1 - 1e-12) for a, b in parameters)]
    densities = [stats.beta(a, b).pdf(grid) for a, b in parameters]
    below = [stats.beta(a, b).cdf(grid) for a, b in parameters]
    found = chances(allocate(given_arms))
    for place, arm in enumerate(given_arms):
        others = np.prod([cdf for at, cdf in enumerate(below) if at != place], axis=0)
        expected = np.trapezoid(densities[place] * others, grid)
        assert found[arm.name] == pytest.approx(expected, abs=2e-5)


@settings(max_examples=40, deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 500), st.integers(0, 5000)), min_size=2, max_size=8),
    st.floats(0, 0.125),
)
@example(counts=[(0, 452), (5, 0), (283, 117)], floor=0.0)  # a share of 1 is within reach
def test_every_arm_keeps_the_floor(counts: list[tuple[int, int]], floor: float) -> None:
    found = allocate(arms(*[(x, x + more) for x, more in counts]), floor=floor)
    shares = [row.share for row in found.rows]
    assert sum(shares) == pytest.approx(1)
    assert min(shares) >= floor - 1e-12
    assert shares == sorted(shares, reverse=True)
    assert sum(row.chance for row in found.rows) == pytest.approx(1)
    assert all(row.low <= row.mean <= row.high for row in found.rows)
    free = 1 - floor * len(counts)
    for row in found.rows:
        assert row.share == pytest.approx(floor + free * row.chance)


def test_without_data_all_get_the_same() -> None:
    found = allocate(arms((0, 0), (0, 0), (0, 0), (0, 0)), floor=0.1)
    assert [row.share for row in found.rows] == pytest.approx([0.25] * 4)
    assert found.sentence.startswith("No creative leads clearly")


@pytest.mark.parametrize(
    ("law", "trials"),
    [
        ((1, 49), 400),
        pytest.param((20, 980), 10_000, marks=pytest.mark.slow),
        pytest.param((200, 9800), 10_000, marks=pytest.mark.slow),
    ],
)
def test_chances_are_frequencies(law: tuple[int, int], trials: int) -> None:
    rng, said, right, games = np.random.default_rng(21), 0.0, 0, 150
    for _ in range(games):
        truth = rng.beta(*law, size=4)
        best = allocate(arms(*[(rng.binomial(trials, rate), trials) for rate in truth])).rows[0]
        said += best.chance
        right += best.name == f"c{truth.argmax()}"
    share = said / games
    assert right / games == pytest.approx(share, abs=3 * np.sqrt(share * (1 - share) / games))


def test_intervals_of_rates_hold_the_truth() -> None:
    rng, inside, games, size = np.random.default_rng(43), 0, 60, 4
    for _ in range(games):
        truth, trials = rng.beta(20, 980, size=size), rng.integers(200, 20_000, size).astype(float)
        low, high = rate_intervals(rng.binomial(trials.astype(int), truth).astype(float), trials)
        inside += int(((low <= truth) & (truth <= high)).sum())
    assert inside / (games * size) >= 0.95 - 3 * np.sqrt(0.95 * 0.05 / (games * size))


def test_with_many_arms_the_interval_is_that_of_their_common_law() -> None:
    rng = np.random.default_rng(5)
    truth, trials = rng.beta(20, 980, 400), np.full(400, 2000.0)
    came = rng.binomial(2000, truth).astype(float)
    low, high = rate_intervals(came, trials)
    expected = stats.beta(20 + came, 980 + 2000 - came).interval(0.95)
    assert low == pytest.approx(expected[0], rel=0.06)
    assert high == pytest.approx(expected[1], rel=0.06)


def sold(rng: np.random.Generator, name: str, trials: int, rate: float, level: float) -> Arm:
    values = np.exp(level + rng.standard_normal(rng.binomial(trials, rate)))
    return Arm(
        name=name,
        trials=trials,
        successes=len(values),
        value=float(values.sum()),
        squares=float((values**2).sum()),
    )


def test_revenue_of_many_orders_is_about_normal() -> None:
    rng = np.random.default_rng(3)
    pair = [sold(rng, "a", 400_000, 0.02, 3.0), sold(rng, "b", 400_000, 0.0205, 3.0)]
    # Two that earn next to nothing, of very different rates: what all have in common says little then.
    others = [sold(rng, "c", 400_000, 0.002, -4.0), sold(rng, "d", 400_000, 0.1, -4.0)]
    centre, error = [], []
    for arm in pair:
        assert arm.value is not None
        assert arm.squares is not None
        centre.append(arm.value / arm.trials)
        error.append((arm.squares / arm.trials - centre[-1] ** 2) / arm.trials)  # of the zeros too
    expected = stats.norm.cdf((centre[1] - centre[0]) / np.sqrt(sum(error)))
    found = allocate([*pair, *others], reward="revenue")
    assert chances(found)["b"] == pytest.approx(expected, abs=0.01)
    assert found.error < 0.002
    for row, mean, variance in zip(sorted(found.rows, key=lambda r: r.name), centre, error, strict=False):
        assert row.mean == pytest.approx(mean, rel=0.002)
        assert row.high - row.low == pytest.approx(2 * 1.96 * np.sqrt(variance), rel=0.03)
    assert found == allocate([*pair, *others], reward="revenue")  # seeded


def said_and_right(seed: int, *, sigma: float, orders: int, apart: float, games: int) -> tuple[float, float]:
    """Return how sure the best of four was said to be, by revenue, and how often it was the best."""
    rng, said, right = np.random.default_rng(seed), 0.0, 0
    trials = orders * 50
    for _ in range(games):
        rates, levels = rng.beta(20, 980, 4), rng.normal(3, apart, 4)
        given_arms = []
        for place, (rate, level) in enumerate(zip(rates, levels, strict=True)):
            values = rng.lognormal(level, sigma, rng.binomial(trials, rate))
            sums = {"value": float(values.sum()), "squares": float((values**2).sum())}
            given_arms.append(Arm(name=f"c{place}", trials=trials, successes=len(values), **sums))
        best = allocate(given_arms, reward="revenue").rows[0]
        said += best.chance
        right += best.name == f"c{(rates * np.exp(levels)).argmax()}"
    return said / games, right / games


@pytest.mark.parametrize(
    ("sigma", "orders", "apart"),
    [
        (1.6, 100, 0.0),
        (1.2, 20, 0.2),
        *(
            pytest.param(*law, marks=pytest.mark.slow)
            for law in ((0.8, 100, 0.2), (1.6, 100, 0.2), (1.2, 1000, 0.5))
        ),
    ],
)
def test_chances_by_revenue_are_frequencies(
    sigma: float, orders: int, apart: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("workbench.experiments.bandit.bandit.DRAWS", 5_000)
    games = 200
    said, right = said_and_right(4711, sigma=sigma, orders=orders, apart=apart, games=games)
    # Nobody is misled: what is said may be too little, but not too much.
    assert right >= said - 3 * np.sqrt(said * (1 - said) / games)


def test_the_value_of_an_order_is_covered() -> None:
    rng, inside, games = np.random.default_rng(7), 0, 300
    truth = float(np.exp(3 + 0.5))
    for _ in range(games):
        given_arms = [sold(rng, "a", 20_000, 0.01, 3.0), sold(rng, "b", 20_000, 0.01, 3.0)]
        centre, scale, freedom = value_posterior(given_arms)
        low, high = stats.t(freedom, centre, scale).interval(0.95)
        inside += int(((low <= truth) & (truth <= high)).sum())
    share = inside / (2 * games)
    assert 0.91 <= share <= 0.98  # 0.95, less a little for the skew of 200 orders


def test_sums_alone_are_trusted_less() -> None:
    rng = np.random.default_rng(1)
    full = [sold(rng, name, 50_000, rate, 3.0) for name, rate in (("a", 0.01), ("b", 0.012), ("c", 0.03))]
    plain = [replace(arm, squares=None) for arm in full]
    known, assumed = allocate(full, reward="revenue"), allocate(plain, reward="revenue")
    centre, scale, freedom = value_posterior(plain)
    # Of many orders the standard error of the mean is the standard deviation over the root of their number.
    orders = np.array([arm.successes for arm in plain])
    assert scale == pytest.approx(2 * centre / np.sqrt(orders), rel=0.05)
    assert (freedom > orders).all()
    narrow, wide = (sum(row.high - row.low for row in found.rows) for found in (known, assumed))
    assert wide > narrow
    assert any("twice their mean" in caveat for caveat in assumed.caveats)
    assert not any("twice their mean" in caveat for caveat in known.caveats)


@pytest.mark.parametrize(
    ("given_arms", "how", "told"),
    [
        (arms((1, 10)), {}, "two or more"),
        (arms((1, 10), (1, 10)), {"floor": 0.6}, "at most 0.5"),
        (arms((1, 10), (1, 10)), {"floor": -0.1}, "cannot keep"),
        (arms((1, 10), (11, 10)), {}, "11 successes of 10 trials"),
        (arms((1, 10), (float("nan"), 10)), {}, "successes of"),
        (arms((1, 10), (1, float("inf"))), {}, "trials"),
        ([*arms((1, 10)), *arms((1, 10))], {}, "same name"),
        (arms((1, 10), (1, 10)), {"reward": "revenue"}, "has no value"),
        (arms((1, 10), (1, 10)), {"reward": "likes"}, "not 'likes'"),
        (
            [Arm(name=n, trials=9, successes=0, value=0.0) for n in "ab"],
            {"reward": "revenue"},
            "has earned anything yet",
        ),
    ],
)
def test_what_does_not_fit_is_refused(given_arms: list[Arm], how: dict[str, object], told: str) -> None:
    with pytest.raises(UsageError, match=told):
        allocate(given_arms, **how)  # type: ignore[arg-type]


def test_few_successes_and_adaptive_data_are_said() -> None:
    found = allocate(arms((3, 100), (40, 900), (50, 900)))
    assert found.caveats[0].startswith("1 of 3 creatives have fewer than 10 conversions")
    assert "no p-value" in found.caveats[-1]


def test_names_stay_text() -> None:
    found = allocate([Arm(name="<script>x", trials=100, successes=5), Arm(name="b", trials=100, successes=2)])
    assert "<script>" not in found._repr_html_()


def test_a_changing_order_is_noticed_and_chance_is_not() -> None:
    rng, alarms = np.random.default_rng(11), 0
    for _ in range(400):
        halves = [arms(*[(rng.binomial(4000, 0.03), 4000) for _ in range(4)]) for _ in range(2)]
        alarms += bool(drift(*halves))
    assert alarms / 400 <= 0.01 + 3 * np.sqrt(0.01 * 0.99 / 400)
    turned = drift(arms((90, 9000), (180, 9000)), arms((180, 9000), (90, 9000)))
    assert "order is not stable" in turned[0]
    moved = drift(arms((100, 10_000), (100, 10_000)), arms((400, 20_000), (40, 2000)))
    assert "All rates went up between the halves while shares changed" in moved[0]
    assert drift(arms((100, 10_000), (100, 10_000)), arms((200, 10_000), (200, 10_000))) == ()


def test_regret_grows_like_the_logarithm_and_far_slower_than_an_equal_split() -> None:
    rates = [0.03, 0.05, 0.08]
    found = simulate_regret(rates, trials=100_000, batch=500, floor=0.0, runs=150, seed=2)
    assert found.saved > 0.95
    at = {int(trials): place for place, trials in enumerate(found.trials)}
    early = found.bandit[at[25_000]] - found.bandit[at[12_500]]
    late = found.bandit[at[100_000]] - found.bandit[at[50_000]]
    # Each doubling adds about as much; linear regret would add four times as much in the later one.
    assert late < 1.6 * early
    # No rule beats Lai and Robbins for long; batches and the start come on top.
    assert found.bandit[-1] > 0.5 * slowest_growth(rates) * np.log(100_000 * 0.05)
    assert (np.diff(found.bandit) >= 0).all()


def test_floor_and_delay_cost_what_they_must() -> None:
    rates = [0.03, 0.05, 0.08]
    how = {"trials": 50_000, "batch": 500, "runs": 60, "seed": 4}
    free = simulate_regret(rates, floor=0.0, **how)
    kept = simulate_regret(rates, floor=0.05, **how)
    slow = simulate_regret(rates, floor=0.0, delay=10, **how)
    assert kept.bandit[-1] == pytest.approx(kept.of_floor[-1] + free.bandit[-1] * 0.85, rel=0.15)
    assert free.bandit[-1] < slow.bandit[-1] < 0.35 * slow.equal[-1]
    # Ten batches are played blind, as an equal split would.
    assert slow.bandit[-1] - free.bandit[-1] == pytest.approx(slow.equal[9], rel=0.35)
    assert "saves" in kept.sentence


def test_equal_arms_lose_nothing() -> None:
    found = simulate_regret([0.05, 0.05], trials=2000, batch=100, runs=5)
    assert found.bandit[-1] == 0
    assert found.sentence.startswith("All arms are equally good")
    with pytest.raises(UsageError, match="between 0 and 1"):
        simulate_regret([0.0, 0.5])
    with pytest.raises(UsageError, match="too few"):
        simulate_regret([0.1, 0.5], trials=10, batch=100)
