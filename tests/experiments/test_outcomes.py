"""What a metric of the dictionary is per user, and which metrics users cannot answer for."""

from __future__ import annotations

import pytest

from workbench.errors import UsageError
from workbench.events.definitions import EVENT_TYPES
from workbench.experiments.users.outcomes import measurable, outcome
from workbench.metrics.definitions import METRICS
from workbench.metrics.measures import Measure, count, distinct, median, total
from workbench.metrics.metric import Metric

EVERYTHING = frozenset(
    {"facts", "orders", "users", "consents", "daily_performance", "campaigns", *EVENT_TYPES}
)
bought, clicked = count("user_purchased"), count("campaign_clicked")
worth, shown = total("value", of="user_purchased"), count("campaign_delivered")
spend = total("spend", of="daily_performance")


def metric(formula: Measure) -> Metric:
    return Metric(
        name="own", title="Own", unit="x", better="higher", owner="me", refresh="daily", is_=formula, says="."
    )


def sides(formula: Measure, loaded: frozenset[str] = EVERYTHING) -> tuple[dict[str, float], dict[str, float]]:
    found = outcome(metric(formula), loaded)
    return {str(leaf): w for leaf, w in found.numerator}, {str(leaf): w for leaf, w in found.denominator}


@pytest.mark.parametrize(
    ("formula", "top", "bottom"),
    [
        (bought, {bought: 1}, {}),
        (1000 * bought / 4, {bought: 250}, {}),
        (bought - clicked, {bought: 1, clicked: -1}, {}),
        (1000 * worth / shown, {worth: 1000}, {shown: 1}),
        ((worth - 2 * bought) / shown, {worth: 1, bought: -2}, {shown: 1}),
        (1 - clicked / shown, {clicked: -1, shown: 1}, {shown: 1}),
        (clicked / shown - 1, {clicked: 1, shown: -1}, {shown: 1}),
        (clicked / shown + bought / shown, {clicked: 1, bought: 1}, {shown: 1}),
        (clicked + spend, {clicked: 1}, {}),
    ],
)
def test_a_formula_becomes_weighted_sums(
    formula: Measure, top: dict[Measure, float], bottom: dict[Measure, float]
) -> None:
    assert sides(formula) == ({str(k): v for k, v in top.items()}, {str(k): v for k, v in bottom.items()})


@pytest.mark.parametrize(
    ("formula", "why"),
    [
        (spend, "daily_performance.spend. has no users"),
        (worth / spend, "has no users"),
        (worth - spend, "has no users"),
        (median("seconds", of="user_engaged"), "has no users"),
        (count("leads"), "has no users"),
        (distinct("user_engaged", "platform"), "has no users"),
        (clicked * shown, "no ratio of two sums"),
        (clicked / shown / bought, "no ratio of two sums"),
        (clicked / shown + bought / clicked, "different denominators"),
        (clicked + 1, "no sum over users"),
    ],
)
def test_what_has_no_users_is_refused_by_name(formula: Measure, why: str) -> None:
    with pytest.raises(UsageError, match=why) as caught:
        outcome(metric(formula), EVERYTHING)
    assert "own cannot be tested" in str(caught.value)
    assert "revenue" in str(caught.value), "what can be tested is named"


def test_a_part_without_users_is_left_out_only_where_the_rest_has_an_answer() -> None:
    kept = outcome(METRICS["clicks"], EVERYTHING)
    assert kept.notes == ("total(daily_performance.clicks) has no users and is left out",)
    assert "another figure than in other reports" in outcome(METRICS["ctr"], EVERYTHING).notes[-1]
    with pytest.raises(UsageError, match="daily_performance"):
        outcome(METRICS["clicks"], frozenset({"daily_performance", "orders"}))


def test_kinds_follow_the_formula() -> None:
    kinds = {
        name: outcome(METRICS[name], EVERYTHING).kind for name in ("revenue", "users_reached", "aov", "ctr")
    }
    assert kinds == {"revenue": "mean", "users_reached": "share", "aov": "ratio", "ctr": "ratio"}
    assert outcome(metric(2 * distinct("campaign_clicked")), EVERYTHING).kind == "mean"


def test_what_can_be_tested_depends_on_what_is_loaded() -> None:
    assert set(measurable(EVERYTHING)) >= {"revenue", "orders", "aov", "ctr", "conversion_rate", "open_rate"}
    assert not {"roas", "spend", "cost_per_query", "leads_total"} & set(measurable(EVERYTHING))
    assert set(measurable(frozenset({"orders"}))) == {"revenue", "orders", "aov"}
    assert measurable(frozenset({"daily_performance"})) == ()
