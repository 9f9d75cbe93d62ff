"""Funnels: the published figures, laws, statsmodels, and users counted by hand."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from statsmodels.stats.multitest import multipletests
from statsmodels.stats.proportion import proportion_confint, proportions_ztest

from workbench import charts
from workbench.errors import NotEnoughData, UsageError
from workbench.explore.funnels import FUNNELS, compare_funnels, funnel_of
from workbench.explore.kpis import kpi_cards
from workbench.explore.paths import funnel, known_funnel

NOON = datetime(2024, 5, 6, 12, tzinfo=UTC)


def test_published_funnel() -> None:
    result = funnel_of([384_230, 14_562, 12_435, 9_711, 1_284])
    rates = [100 * stage.rate for stage in result.stages[1:]]
    assert rates == pytest.approx([3.790, 85.394, 78.094, 13.222], abs=6e-4)
    assert result.bottleneck is not None
    assert result.bottleneck.stage == "purchase"
    assert "cart to purchase" in result.sentence
    assert result.conversion == pytest.approx(1_284 / 384_230)
    for before, after in zip(result.stages, result.stages[1:], strict=False):
        low, high = proportion_confint(after.count, before.count, method="wilson")
        assert (after.low, after.high) == pytest.approx((low, high))
        assert after.dropped == before.count - after.count


@given(st.lists(st.integers(0, 10**7), min_size=5, max_size=5))
def test_laws_of_funnels(counts: list[int]) -> None:
    counts = sorted(counts, reverse=True)
    if counts[0] == 0:
        with pytest.raises(NotEnoughData):
            funnel_of(counts)
        return
    result = funnel_of(counts)
    rates = [stage.rate for stage in result.stages[1:]]
    assert sum(stage.is_bottleneck for stage in result.stages) == 1
    if None not in rates:
        assert np.prod(rates) == pytest.approx(result.conversion)
    for stage in result.stages[1:]:
        if stage.rate is not None:
            assert 0 <= stage.low <= stage.rate + 1e-12
            assert stage.rate - 1e-12 <= stage.high <= 1
    assert sum(stage.dropped for stage in result.stages[1:]) == counts[0] - counts[-1]


def test_more_out_than_in_has_no_interval() -> None:
    stage = funnel_of([10, 20, 5, 5, 5]).stages[1]
    assert (stage.rate, stage.low, stage.high) == (2.0, None, None)


def test_wrong_counts_are_refused() -> None:
    with pytest.raises(UsageError, match="5 counts"):
        funnel_of([10, 5])
    with pytest.raises(UsageError, match="negative"):
        funnel_of([10, 5, float("nan"), 1, 1])


def test_two_funnels_against_statsmodels() -> None:
    a = funnel_of([10_000, 800, 600, 300, 90], label="a")
    b = funnel_of([9_000, 600, 470, 240, 95], label="b")
    result = compare_funnels(a, b)
    expected = []
    for place in range(1, 5):
        count = [f.stages[place].count for f in (a, b)]
        trials = [f.stages[place - 1].count for f in (a, b)]
        expected.append(proportions_ztest(count, trials)[1])
    assert [step.p_value for step in result.steps] == pytest.approx(expected)
    holm = multipletests(expected, method="holm")[1]
    assert [step.p_corrected for step in result.steps] == pytest.approx(list(holm))
    assert "impression to click" in result.sentence


def test_equal_funnels_do_not_differ() -> None:
    a = funnel_of([10_000, 800, 600, 300, 90])
    result = compare_funnels(a, a)
    assert all(step.p_corrected == 1 and step.difference == 0 for step in result.steps)
    assert "no step" in result.sentence


def test_false_differences_are_rare() -> None:
    rng = np.random.default_rng(11)
    rates = (0.05, 0.6, 0.4, 0.2)

    def draw() -> list[int]:
        counts = [20_000]
        for rate in rates:
            counts.append(int(rng.binomial(counts[-1], rate)))
        return counts

    wrong = sum(
        any(
            (step.p_corrected or 1) < 0.05
            for step in compare_funnels(funnel_of(draw()), funnel_of(draw())).steps
        )
        for _ in range(80)
    )
    assert wrong / 80 <= 0.05 + 2.75 * np.sqrt(0.05 * 0.95 / 80)


def _steps(fact, user: int, *steps: tuple[str, int], campaign: str = "c") -> list[dict]:
    more = {
        "campaign_delivered": {
            "campaign_id": campaign,
            "is_holdout": False,
            "channel": "email",
            "segment": "VIP",
        },
        "campaign_clicked": {"campaign_id": campaign},
        "visit": {"kind": "app_open"},
        "cart": {"kind": "add_to_cart"},
    }
    kind = {"visit": "user_engaged", "cart": "user_engaged"}
    return [
        fact(kind.get(name, name), user, NOON + timedelta(minutes=at), **more.get(name, {}))
        for name, at in steps
    ]


def test_users_count_in_order(base, fact) -> None:
    whole = [
        ("campaign_delivered", 0),
        ("campaign_clicked", 1),
        ("visit", 2),
        ("cart", 3),
        ("user_purchased", 4),
    ]
    backwards = [(name, -at) for name, at in whole]
    cart_first = [
        ("campaign_delivered", 0),
        ("cart", 1),
        ("campaign_clicked", 2),
        ("visit", 3),
        ("user_purchased", 9),
    ]
    twice = [*cart_first, ("cart", 5)]
    held = _steps(fact, 5, *whole)
    held[0]["is_holdout"] = True
    rows = [
        *_steps(fact, 1, *whole),
        *_steps(fact, 2, *backwards),
        *_steps(fact, 3, *cart_first),
        *_steps(fact, 4, *twice),
        *held,
        *_steps(fact, 6, ("user_purchased", 1)),
        # a click on another campaign than the one shown
        *_steps(fact, 7, ("campaign_delivered", 0)),
        *_steps(fact, 7, ("campaign_clicked", 1), ("visit", 2), campaign="other"),
    ]
    result = funnel(base(facts=rows))
    assert [stage.count for stage in result.stages] == [5, 3, 3, 2, 2]
    assert result.counted == "users in order"
    assert [s.count for s in funnel(base(facts=rows), where={"segment": "VIP"}).stages] == [5, 3, 3, 2, 2]
    assert known_funnel(base(facts=rows)) == result
    assert "no message to a user" in funnel(base(facts=rows), where={"channel": "push"}).sentence
    assert "no message to a user" in known_funnel(base(facts=rows), where={"channel": "push"}).sentence
    none_click = _steps(fact, 8, ("campaign_delivered", 0), ("visit", 1), ("cart", 2), ("user_purchased", 3))
    elsewhere = _steps(fact, 9, ("campaign_clicked", 1))
    assert [s.count for s in funnel(base(facts=none_click + elsewhere)).stages] == [1, 0, 0, 0, 0]


@pytest.mark.parametrize(
    ("kept", "said", "stages"),
    [
        (("campaign_delivered",), "no click on a message is recorded", 0),
        (("campaign_delivered", "campaign_clicked"), "no visits are recorded", 2),
        (("campaign_delivered", "campaign_clicked", "visit"), "no carts are recorded", 3),
        (("campaign_delivered", "campaign_clicked", "visit", "cart"), "no purchases are recorded", 4),
    ],
)
def test_what_is_never_recorded_is_no_stage_that_nobody_reaches(base, fact, kept, said, stages) -> None:
    """Somebody bought all the same: 0 % from impression to purchase would be wrong."""
    steps = [(name, place) for place, name in enumerate(kept)]
    bought = _steps(fact, 2, ("user_purchased", 30)) if stages < 4 else []
    view = funnel(base(facts=_steps(fact, 1, *steps) + bought))
    assert len(view.stages) == stages
    assert said in (view.note or view.sentence)
    assert "look first" not in view.sentence


def test_ordered_funnel_equals_a_plain_loop(base, fact) -> None:
    rng = np.random.default_rng(5)
    names = ["campaign_delivered", "campaign_clicked", "visit", "cart", "user_purchased"]
    rows, expected = [], np.zeros(5, int)
    for user in range(300):
        steps = [
            (str(name), int(at)) for name, at in zip(rng.choice(names, 9), rng.permutation(9), strict=True)
        ]
        rows += _steps(fact, user, *steps)
        stage = 0
        for name, _ in sorted(steps, key=lambda step: step[1]):
            # a cart is a visit too
            while stage < 5 and (names[stage] == name or (names[stage] == "visit" and name == "cart")):
                stage += 1
                if name != "cart":
                    break
        expected[:stage] += 1
    result = funnel(base(facts=rows))
    assert [stage.count for stage in result.stages] == list(expected)


def test_injection_is_a_value(base, fact) -> None:
    rows = _steps(fact, 1, ("campaign_delivered", 0), ("campaign_clicked", 1), campaign="x' OR 1=1 --")
    assert funnel(base(facts=rows), where={"campaign": "x' OR 1=1 --"}).stages[0].count == 1
    assert funnel(base(facts=rows), where={"campaign": "y' OR '1'='1"}).missing


def test_nothing_loaded_is_said(base) -> None:
    for name in ("purchase", "awareness"):
        result = funnel(base(), name)
        assert "Not enough data" in result.sentence
        assert result.to_frame().empty
    with pytest.raises(UsageError, match="awareness"):
        funnel(base(), "awarness")
    for usual in ((0.1,), (0.1, 0.2, 0.3, 2.0), (0.1, 0.2, 0.3, 0.0)):
        with pytest.raises(UsageError, match="needs 4 benchmarks up to 1"):
            funnel_of([5, 4, 3, 2, 1], replace(FUNNELS["purchase"], benchmarks=usual))


def test_leads_that_platforms_only_count_make_no_bottleneck(base) -> None:
    """Of 20 leads known by name half are qualified; a platform counted 180 more, of no stage."""
    at = datetime(2024, 2, 5, 9, tzinfo=UTC)
    plain = {"channel": "linkedin", "created_at": at}
    named = [{"lead_id": str(n), **plain, "stage": "qualified" if n % 2 else "new"} for n in range(20)]
    told = {
        "date": at.date(),
        "campaign_id": "c",
        "channel": "linkedin",
        "impressions": 10_000,
        "clicks": 300,
    }
    known = funnel(base(leads=named, daily_performance=[told]), "awareness", window="7d")
    assert next(stage for stage in known.stages if stage.stage == "intent").benchmark == 0.25
    view = funnel(base(leads=named, daily_performance=[told | {"leads": 180.0}]), "awareness", window="7d")
    intent = next(stage for stage in view.stages if stage.stage == "intent")
    assert (intent.rate, intent.benchmark, intent.is_bottleneck) == (0.05, None, False)
    assert "180 of the leads have no stage" in view.note
    form = [{**row, "lead_id": f"f{n}", "channel": "contact_form"} for n, row in enumerate(named[:5])]
    mixed = funnel(base(leads=[*named, *form], daily_performance=[told]), "awareness", window="7d")
    assert next(stage for stage in mixed.stages if stage.stage == "consideration").benchmark is None
    said = "5 of the leads came where no click is on record"
    assert (said in mixed.note, said in known.note) == (True, False)


def test_what_sells_without_leads_loses_nobody_on_the_way_to_them(base) -> None:
    """A campaign of a shop that also gathers leads elsewhere: its clicks lead to sales, not to leads."""
    day = datetime(2024, 2, 5, 9, tzinfo=UTC)
    lead = {"lead_id": "1", "campaign_id": "b", "channel": "linkedin", "created_at": day, "stage": "new"}
    told = {
        "date": day.date(),
        "campaign_id": "c",
        "channel": "paid_search",
        "impressions": 10_000,
        "clicks": 300,
        "conversions": 30.0,
    }
    tables = base(leads=[lead], daily_performance=[told])
    view = funnel(tables, "awareness", window="7d", where={"campaign": "c"})
    assert [stage.word for stage in view.stages] == ["impressions", "clicks", "conversions"]
    assert view.note.startswith("none recorded: leads, qualified leads")
    assert "look first" not in view.sentence
    account = funnel(tables, "awareness", window="7d")  # 30 conversions come of no single lead
    assert [stage.word for stage in account.stages] == ["impressions", "clicks", "conversions"]
    assert account.note.startswith("leads are no step on this way: conversions are more than 1")
    few = base(leads=[lead], daily_performance=[told | {"conversions": 1.0}])
    assert "leads" in [stage.word for stage in funnel(few, "awareness", window="7d").stages]


def test_impressions_alone_are_no_funnel(base, fact) -> None:
    sent = base(facts=_steps(fact, 1, ("campaign_delivered", 0)))
    assert "nothing that follows them" in funnel(sent, "awareness").sentence
    assert "no click on a message is recorded" in known_funnel(sent).sentence


@pytest.mark.parametrize(
    ("counts", "chance"), [((10, 0, 0, 0, 0), True), ((100_000, 900, 700, 500, 300), False)]
)
def test_a_weak_step_of_a_few_users_may_be_chance(counts: tuple[int, ...], chance: bool) -> None:
    said = funnel_of(counts).sentence
    assert ("the weakest step stands out" in charts.funnel(funnel_of(counts)).subtitle) != chance
    assert "look first at impression to click" in said
    assert said.endswith("would be usual; of so few it may be chance.") == chance


@pytest.mark.parametrize(
    ("clicks", "times", "said"),
    [
        (120, 1.0, "with 2%."),
        (92, 1.0, "with 1.53%; of so few it may be chance."),
        (120, None, "with 2%; of so few days it may be chance."),
        (60, None, "1.5% would be usual; of so few days it may be chance."),
    ],
)
def test_no_step_is_as_good_as_usual_by_chance(clicks: int, times: float | None, said: str) -> None:
    found = funnel_of((6000, clicks, clicks, clicks, clicks), times=[times] * 5)
    assert found.sentence.endswith(said)
    assert charts.funnel(found).subtitle == "Funnel by totals"


def test_days_that_differ_do_not_make_campaigns_differ(base) -> None:
    """Both are clicked alike, and days differ by a quarter: so many clicks alone would make a difference."""
    rng, said = np.random.default_rng(5), []
    for ratio, days in ((1.0, 30), (1.0, 30), (2.0, 30), (2.0, 5)):
        rows = [
            {
                "date": (datetime(2024, 3, 1, tzinfo=UTC) + timedelta(day)).date(),
                "campaign_id": name,
                "channel": "paid_social",
                "impressions": 40_000,
                "clicks": int(800 * rate * rng.lognormal(0, 0.25)),
            }
            for name, rate in (("a", 1.0), ("b", ratio))
            for day in range(days)
        ]
        tables = base(daily_performance=rows)
        parts = [funnel(tables, "awareness", window=None, where={"campaign": name}) for name in "ab"]
        said.append(compare_funnels(*parts).sentence)
    assert said[0] == said[1] == "a and b differ in no step beyond chance."
    assert said[2].startswith("a and b differ in awareness to interest")
    assert said[3] == "Whether a and b differ cannot be told: too few days to see how much days differ."


@pytest.mark.parametrize(
    ("where", "said"),
    [
        ({"platform": "web"}, "cut by one of campaign, segment, channel, region, not platform"),
        ({"campaign": 916}, "compared with text, as '916'"),
        ({"channel": ["email", None]}, "asked for by themselves"),
        ({"channel": None}, "of what has a channel"),
        ("channel=email", "a mapping such as"),
    ],
)
def test_a_funnel_of_nothing_that_is_there_is_refused(base, where, said) -> None:
    with pytest.raises(UsageError, match=said):
        known_funnel(base(), where=where)
    if said != "of what has a channel" and "cut by" not in said:
        with pytest.raises(UsageError, match=said):
            kpi_cards(base(), where=where)


def test_a_target_of_no_metric_is_refused(base) -> None:
    with pytest.raises(UsageError, match="Did you mean 'roas'"):
        kpi_cards(base(), targets={"roaz": 3.0})


def test_a_step_that_takes_days_is_not_low_in_a_week(base, fact) -> None:
    """Six in ten buy six days after they fill a cart, as ever: a week's page said to look first at carts."""
    rows = []
    for user in range(600):
        at = datetime(2024, 3, 1, 9, tzinfo=UTC) + timedelta(days=user % 40)
        rows.append(fact("campaign_delivered", user, at, campaign_id="c", is_holdout=False))
        for hours, kind in ((1, None), (2, "add_to_cart")):
            rows.append(fact("user_engaged", user, at + timedelta(hours=hours), kind=kind))
        rows.append(fact("campaign_clicked", user, at + timedelta(minutes=30), campaign_id="c"))
        if user % 10 < 6 and user % 40 < 34:
            rows.append(fact("user_purchased", user, at + timedelta(days=6)))
    tables = base(facts=rows)
    week, month = (funnel(tables, window=window) for window in ("7d", "30d"))
    assert week.stages[-1].rate < 0.3 < month.stages[-1].rate
    assert "look first" not in week.sentence
    assert week.note.startswith("not judged: cart to purchase (")
    assert week.note.endswith("; in 7 days many may not have had the time")
    late = [row for row in rows if row["event_type"] != "user_purchased" or row["user_key"] % 10 == 0]
    assert "look first at cart to purchase" in funnel(base(facts=late), window="7d").sentence
