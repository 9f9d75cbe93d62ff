"""Every figure has an interval or says why not; the intervals cover what they promise."""

from __future__ import annotations

import math
from datetime import datetime, timedelta

import numpy as np
import pytest
from metric_tables import Memory, event, order
from scipy.special import stdtrit
from scipy.stats import binom
from test_derived import spend, user
from test_measuring import market

from workbench.metrics import METRICS, measure
from workbench.metrics.intervals import linearised, nothing, quotients, ratios
from workbench.metrics.measures import total
from workbench.metrics.values import Values
from workbench.stats import ratio_interval, skewed_widths

SPEND, CONVERSIONS, REVENUE = (
    total(name, of="daily_performance") for name in ("spend", "conversions", "revenue")
)


@pytest.mark.parametrize("by", ["", "channel", "campaign", "day"])
def test_a_figure_without_an_interval_says_why(by: str) -> None:
    found = measure(market(seed=5), list(METRICS), by=by)
    silent = {row.metric for row in found.rows if not math.isfinite(row.low) and not row.note}
    assert not silent
    odd = {row.metric: row.note for row in found.rows if math.isfinite(row.low) and "no interval" in row.note}
    assert not odd


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("spend", "a sum of what was recorded"),
        ("new_customers", "a sum of what was recorded"),
        ("data_freshness_p95", "arrive together"),
    ],
)
def test_the_reason_is_the_right_one(name: str, reason: str) -> None:
    row = measure(market(seed=5), name).rows[0]
    assert math.isfinite(row.value)
    assert reason in row.note


def test_a_plan_has_no_interval_and_a_ratio_over_one_has_that_of_the_ratio() -> None:
    aims = {"budget": 1000.0, "target_roas": 2.0, "target_conversions": 50.0, "status": "active"}
    rng = np.random.default_rng(4)
    costs = [
        spend(f"2024-03-{day:02}", 40.0) | {"revenue": float(rng.gamma(20, 5)), "conversions": 2.0}
        for day in range(1, 21)
    ]
    tables = Memory(
        campaigns=[{"campaign_id": "c", "name": "c", "campaign_type": "OTHER", "channel": "social"} | aims],
        daily_performance=costs,
    )
    names = ["budget", "budget_utilization", "target_conversions", "target_roas", "roas"]
    found = measure(tables, names, window="2024-03-01:2024-03-20")
    assert found.row("budget").note == "no interval: a plan, nothing is sampled"
    for name in names[1:3]:
        assert found.row(name).note.startswith("no interval: what was recorded over what was planned")
    aimed, plain = found.row("target_roas"), found.row("roas")
    assert (2 * aimed.low, 2 * aimed.high) == pytest.approx((plain.low, plain.high), rel=1e-12)


def waits(hours: list[float]) -> Memory:
    start = datetime(2024, 3, 1)
    shown = [
        event("campaign_delivered", i, start, campaign_id="c", is_holdout=False) for i in range(len(hours))
    ]
    bought = [
        event("campaign_converted", i, start + timedelta(hours=wait), campaign_id="c")
        for i, wait in enumerate(hours)
    ]
    return Memory(facts=[*shown, *bought])


@pytest.mark.parametrize("n", [6, 7, 8, 25, 100, 333, 500])
def test_the_median_lies_between_the_order_statistics_of_the_binomial(n: int) -> None:
    hours = np.random.default_rng(n).permutation(np.arange(1.0, n + 1))
    row = measure(waits(list(hours)), "hours_to_conversion", window="2024-03-01:2024-03-31").rows[0]
    low, high = int(row.low), int(row.high)  # the value of a rank is the rank
    assert low + high == n + 1
    assert 1 - 2 * binom.cdf(low - 1, n, 0.5) >= 0.95
    assert 1 - 2 * binom.cdf(low, n, 0.5) < 0.95
    assert row.n == n


def test_five_values_carry_no_interval_of_a_median() -> None:
    row = measure(waits([1.0, 2.0, 3.0, 4.0, 5.0]), "hours_to_conversion").rows[0]
    assert row.value == 3
    assert math.isnan(row.low)
    assert math.isnan(row.high)
    assert row.note == "no interval: fewer than six values"


def test_medians_by_slice_have_ranks_of_their_own() -> None:
    tables = waits([float(i) for i in range(1, 41)])
    tables.connection.execute("UPDATE facts SET campaign_id = 'd' WHERE user_key % 4 = 0")
    found = measure(tables, "hours_to_conversion", by="campaign")
    assert [row.n for row in found.rows] == [30, 10]
    for row in found.rows:
        assert row.low < row.value < row.high


def samples(rng: np.random.Generator, runs: int, users: int) -> tuple[tuple[np.ndarray, ...], float]:
    """Return sums over users of many samples of a ratio of two dependent amounts, and the true ratio."""
    months = rng.uniform(1, 12, (runs, users))
    margin = 3.0 * months * rng.gamma(2.0, 0.5, (runs, users)) + rng.normal(0, 5, (runs, users))
    sums = (margin, months, margin * margin, margin * months, months * months)
    return tuple(array.sum(axis=1) for array in sums), 3.0


def test_a_ratio_over_users_covers_its_truth() -> None:
    (y, x, yy, yx, xx), truth = samples(np.random.default_rng(1), 4000, 120)
    found = ratios((y, x), (yy, yx, xx), np.full(4000, 120.0))
    assert np.mean((found.low < truth) & (truth < found.high)) == pytest.approx(0.95, abs=0.015)


def test_a_quotient_of_two_estimates_covers_its_truth() -> None:
    rng = np.random.default_rng(2)
    (y, x, yy, yx, xx), below = samples(rng, 4000, 200)
    margin = ratios((y, x), (yy, yx, xx), np.full(4000, 200.0))
    paid, won = rng.gamma(4.0, 10.0, (4000, 60)), rng.poisson(5.0, (4000, 60)).astype(float)
    products = ((paid * paid).sum(axis=1), (paid * won).sum(axis=1), (won * won).sum(axis=1))
    cost = ratios((paid.sum(axis=1), won.sum(axis=1)), products, np.full(4000, 60.0))
    found = quotients((paid.sum(axis=1) / won.sum(axis=1), cost), (y / x, margin), "zero")
    truth = 40.0 / 5.0 / below
    assert np.mean((found.low < truth) & (truth < found.high)) == pytest.approx(0.95, abs=0.02)


def test_a_quotient_over_what_may_be_zero_has_no_interval() -> None:
    one, sure = np.ones(1), nothing(1)
    wide = ratios((one, np.full(1, 10.0)), (np.full(1, 50.0), one, np.full(1, 11.0)), np.full(1, 10.0))
    found = quotients((one, sure), (np.full(1, 0.1), wide), "it may be zero")
    assert np.isnan(found.low[0])
    assert found.notes == ["no interval: it may be zero"]


def test_payback_has_an_interval_where_its_parts_do() -> None:
    rng = np.random.default_rng(3)
    days = [f"2024-03-{day:02}" for day in range(1, 29)]
    users, orders, facts, cost = (
        [],
        [order("z", "2023-01-01", 5.0)],
        [event("user_purchased", 99, "2023-01-01")],
        [],
    )
    for day in days:
        cost.append(spend(day, float(rng.gamma(20, 5))))
        for _ in range(rng.poisson(4) + 1):
            name = len(users)
            users.append(user(str(name), day, acquisition_campaign_id="c"))
            orders.append(order(str(name), day, float(rng.gamma(4, 10)), cogs=5.0))
            facts.append(event("campaign_converted", name, day, order_id=f"o{name}", campaign_id="c"))
    tables = Memory(users=users, orders=orders, facts=facts, daily_performance=cost)
    row = measure(tables, "cac_payback_months", window="2024-03-01:2024-03-28").rows[0]
    assert 0 < row.low < row.value < row.high
    assert row.note == ""


def first_purchases(day: str) -> Memory:
    bought = [
        event("user_purchased", 7, "2024-01-01", order_id="first"),
        event("campaign_converted", 1, day, order_id="o", campaign_id="c"),
    ]
    return Memory(facts=bought, daily_performance=[spend(day, 30.0)])


def test_cost_per_new_customer_near_the_beginning_says_that_it_is_too_low() -> None:
    early = measure(first_purchases("2024-03-20"), "cac", window="2024-03-20:2024-03-30")
    row = early.rows[0]
    assert row.caution == (
        "before 2024-03-31, old customers look new, and the cost of a new one too low: "
        "purchases are on record since 2024-01-01 only"
    )
    assert row.caution in row.note
    assert row.caution in early.sentence
    late = measure(first_purchases("2024-04-02"), "cac", window="2024-04-01:2024-04-10")
    assert late.value("cac") == 30.0
    assert late.rows[0].caution == ""


def test_a_figure_that_does_not_look_back_needs_no_caution() -> None:
    assert measure(first_purchases("2024-03-20"), "spend").rows[0].caution == ""


def test_repeat_purchases_near_the_beginning_say_so() -> None:
    tables = Memory(orders=[order("a", "2024-01-01", 5.0), order("a", "2024-05-01", 5.0)])
    early = measure(tables, "repeat_purchase_rate", window="2024-01-01:2024-01-31").rows[0]
    late = measure(tables, "repeat_purchase_rate", window="2024-05-01:2024-05-31").rows[0]
    assert "fewer customers seem to come back" in early.caution
    assert late.caution == ""
    tables = Memory(orders=[order("a", f"2024-{month:02}-01", 5.0) for month in range(1, 8)])
    after = measure(tables, "repeat_purchase_rate", window="2024-04-15:2024-05-14", compare=True).rows[0]
    assert (after.caution, math.isnan(after.previous), math.isnan(after.change_p)) == ("", True, True)
    assert "no comparison: before 2024-03-31, earlier orders are unknown, and fewer" in after.note
    sound = measure(tables, "repeat_purchase_rate", window="2024-06-01:2024-07-01", compare=True).rows[0]
    assert (sound.previous, sound.change, sound.note.count("no comparison")) == (1.0, 0.0, 0)


def _few_days() -> Memory:
    """Eight days, most of them without a sale, and leads that were nearly all engaged."""
    days = [f"2024-03-{day:02}" for day in range(1, 11)]
    costs = [spend(day, 10.0) | {"revenue": 90.0 if place == 3 else 0.0} for place, day in enumerate(days)]
    leads = [
        {"lead_id": f"{day}-{n}", "campaign_id": "c", "channel": "social", "stage": stage}
        | {"created_at": datetime.fromisoformat(f"{day}T10:00:00+00:00")}
        for day in days
        for n, stage in enumerate(["engaged"] * 3 + ["new" if day == days[0] else "won"] * 2)
    ]
    return Memory(daily_performance=costs, leads=leads)


def test_an_interval_ends_where_its_figure_must() -> None:
    """Nothing returns less than nothing, costs more than all of it, or is engaged more than wholly."""
    found = measure(_few_days(), ["roas", "roi", "profit_margin", "engagement_rate"], window="10d")
    roas, roi, margin, engaged = (found.row(metric.name) for metric in found.metrics)
    assert (roas.low, roi.low, engaged.high) == (0.0, -1.0, 1.0)
    assert roas.high == pytest.approx(roi.high + 1)
    assert margin.low < -1.0
    assert engaged.value == pytest.approx(48 / 50)
    assert 0.5 < engaged.low < engaged.value  # all who were not engaged came on one day


def test_days_that_are_all_alike_carry_no_interval() -> None:
    even = [spend(f"2024-03-{day:02}", 10.0) | {"revenue": 3.3, "clicks": 0} for day in range(1, 31)]
    found = measure(Memory(daily_performance=even), ["roas"], window="30d").row("roas")
    assert (found.value, found.note) == (pytest.approx(0.33), "no interval: all days are alike")
    assert math.isnan(found.low)
    assert math.isnan(found.high)


@pytest.mark.parametrize(
    ("orders", "spread", "most"), [(0.1, 1.0, 0.06), (0.3, 1.0, 0.02), (1.0, 1.0, 0.03), (1.0, 1.5, 0.045)]
)
def test_a_few_large_sales_do_not_make_a_break_even_campaign_a_loss(
    orders: float, spread: float, most: float
) -> None:
    """Thirty days, few orders, unequal values: Student's ends lie below the truth in 10 to 23 % of cases."""
    rng = np.random.default_rng(4)
    counts = rng.poisson(orders, (4000, 30))
    large = rng.lognormal(-(spread**2) / 2, spread, (4000, 30, counts.max()))
    sold = np.where(np.arange(counts.max()) < counts[..., None], large, 0.0).sum(axis=2) / orders
    sold = sold[sold.sum(axis=1) > 0]
    ends = np.array([ratio_interval(days, np.ones(30)) for days in sold])
    assert (ends[:, 1] < 1).mean() < most
    assert (ends[:, 0] > 1).mean() < 0.025


@pytest.mark.parametrize(("days", "daily"), [(8, 0.3), (14, 1.0), (30, 0.3), (30, 5.0)])
@pytest.mark.parametrize("value", [0.0, 1.0])
def test_what_is_paid_for_few_may_be_much_more(days: int, daily: float, value: float) -> None:
    """Spend per conversion and per revenue: Student's upper end lies below the truth in 4 to 9 % of cases."""
    rng = np.random.default_rng(5)
    bought = rng.poisson(daily, (3000, days)).astype(float)
    sums = {CONVERSIONS: bought, REVENUE: bought * rng.lognormal(-value / 2, value, bought.shape)}
    found, truth = (CONVERSIONS, 1 / daily) if value == 0 else (REVENUE, 1 / daily)
    daily_sums = {SPEND: np.ones(bought.shape), found: sums[found]}
    values = Values(
        by=("campaign",),
        slices=[(place,) for place in range(len(bought))],
        days=days,
        spans=np.tile([0, days], (len(bought), 1)),
        totals={leaf: table.sum(axis=1) for leaf, table in daily_sums.items()},
        daily=daily_sums,
    )
    cost, margin = linearised(SPEND / found, values), linearised((found - SPEND) / found, values)
    known = np.isfinite(cost.low)
    assert known.mean() > 0.85
    assert (cost.high[known] < truth).mean() < 0.028
    assert (cost.low[known] > truth).mean() < 0.028
    if found is REVENUE:
        assert (margin.low[known] > 1 - truth).mean() < 0.028
    else:  # no end without bound: one conversion may cost 39 times as much, four 3.7 times
        assert np.isfinite(cost.high[known]).all()


def test_days_that_vary_evenly_keep_students_ends() -> None:
    days = np.array([1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0])
    low, high = ratio_interval(days, np.ones(9))
    half = stdtrit(8, 0.975) * days.std(ddof=1) / 3
    assert (low, high) == (pytest.approx(5 - half), pytest.approx(5 + half))
    tailed = ratio_interval([*days[:-1], 90.0], np.ones(9))
    assert tailed.high - 14 > 1.2 * (14 - tailed.low)
    longer = skewed_widths(1.0, np.linspace(0, 3, 200), 30).high  # cubes of deviations: of a longer tail
    assert (np.diff(longer) > -0.01 * longer[1:]).all(), "more skewness never draws an end in"


def test_an_interval_from_days_is_of_the_people_who_were_there() -> None:
    """Users get a message a day and differ: their rate is held as promised, that of people like them less."""
    rng, held = np.random.default_rng(1), np.zeros(2)
    for _ in range(300):
        answers = rng.beta(0.5, 9.5, 200)
        daily = rng.binomial(1, answers, (30, 200)).sum(axis=1).astype(float)
        low, high = ratio_interval(daily, np.full(30, 200.0))
        held += (low <= answers.mean() <= high, low <= 0.05 <= high)
    assert 0.92 <= held[0] / 300 <= 0.98
    assert 0.6 <= held[1] / 300 <= 0.8, "what the page on measures says of its limits"
