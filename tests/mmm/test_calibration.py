"""What experiments found, as lift tests: against simulated markets whose curve is known, and bad input."""

from __future__ import annotations

import math
from dataclasses import replace
from datetime import date

import numpy as np
import pytest
from scipy import stats

from workbench.errors import BadInput
from workbench.mmm.calibration import Finding, calibration_of, lift_test
from workbench.mmm.market import EVERYWHERE, Market
from workbench.mmm.spec import Channel, LiftTest, MixSpec

START, END = date(2024, 3, 4), date(2024, 3, 31)
FOUND = Finding(
    source="posters",
    kind="geo test",
    channel="ooh",
    outcome="revenue",
    start=START,
    end=END,
    caused=900.0,
    low=508.0,
    high=1292.0,
    level=0.95,
    spend=400.0,
    regions=("north",),
    share=0.25,
    currency="EUR",
)
SPEC = MixSpec(
    name="weekly", outcome="revenue", channels=(Channel(name="ooh"), Channel(name="tv")), currency="EUR"
)


def market(regions: tuple[str, ...] = ("north", "south"), spend: float = 200.0) -> Market:
    shape = (len(regions), 60)
    return Market(
        dates=np.datetime64("2024-01-01") + 7 * np.arange(60),
        period="week",
        regions=regions,
        channels=("ooh", "tv"),
        controls=(),
        outcome=np.full(shape, 10_000.0),
        spend=np.full((*shape, 2), spend),
        exposure=np.full((*shape, 2), spend),
        control=np.zeros((*shape, 0)),
        fingerprint="",
    )


def says(finding: Finding, spec: MixSpec = SPEC, of: Market | None = None) -> str:
    (judged,) = calibration_of(spec, of or market(), [finding]).judged
    return ("used; " if judged.test else "") + judged.says


def test_an_interval_gives_its_standard_error() -> None:
    for level in (0.8, 0.95, 0.99):
        low, high = stats.norm.interval(level, loc=900, scale=200)
        assert lift_test(replace(FOUND, low=low, high=high, level=level)).error == pytest.approx(200)


def test_the_farther_end_of_an_uneven_interval_counts() -> None:
    uneven = replace(FOUND, low=300.0, high=1292.0)
    assert lift_test(uneven).error == pytest.approx(600 / stats.norm.ppf(0.975))
    assert "uneven" in says(uneven)
    assert says(FOUND) == "used; "


@pytest.mark.parametrize("holds_back", [0.1, 0.5])
def test_a_holdout_says_what_the_curve_says(holds_back: float) -> None:
    # 20,000 people; what someone who sees x of money buys is known, and so is the curve of the whole market.
    rng = np.random.default_rng(5)
    people, cost, rounds = 20_000, 30_000.0, 400
    treated = round(people * (1 - holds_back))

    def one(money: float) -> float:
        return 4.0 * money / (money + 2.0)

    def whole(money: float) -> float:
        return people * one(money / people)

    inside = 0
    share = treated / people
    truth = share * (whole(cost / share) - whole(0.0))
    for _ in range(rounds):
        # The mean of many purchases is normal; its spread is that of the people.
        means = [
            rng.normal(base, 6 / math.sqrt(n))
            for base, n in ((5 + one(cost / treated), treated), (5.0, people - treated))
        ]
        error = treated * 6 * math.sqrt(1 / treated + 1 / (people - treated))
        caused = treated * (means[0] - means[1])
        low, high = stats.norm.interval(0.95, loc=caused, scale=error)
        found = replace(
            FOUND, kind="holdout", regions=(), share=share, spend=cost, caused=caused, low=low, high=high
        )
        test = lift_test(found)
        assert (test.share, test.spend_change) == (share, cost)
        inside += abs(test.outcome_change - truth) < stats.norm.ppf(0.975) * test.error
    assert stats.binomtest(inside, rounds, 0.95).pvalue > 0.001
    # Seen from those who were held out, it is the same equation.
    lost = holds_back * (whole(0.0) - whole(cost / share))
    assert lost == pytest.approx(-truth * holds_back / (1 - holds_back))


def test_a_geo_test_says_what_the_curve_of_its_region_says() -> None:
    # Two regions, alike; the data hold what was spent with the test in it, the curve is that of one region.
    def one(money: float) -> float:
        return 5_000 * money / (money + 900)

    usual, more = 600.0, 400.0
    caused = one(usual + more) - one(usual)
    found = replace(FOUND, caused=caused, low=caused - 100, high=caused + 100, spend=more)
    data = market(spend=(usual + more) / 4)
    (judged,) = calibration_of(SPEC, data, [found]).judged
    assert judged.test is not None
    assert judged.test.regions == ("north",)
    assert judged.test.share == 1
    spent = usual + more
    assert judged.test.outcome_change == pytest.approx(one(spent) - one(spent - judged.test.spend_change))


def test_a_model_without_regions_hears_which_share_was_tested() -> None:
    (judged,) = calibration_of(SPEC, market((EVERYWHERE,)), [FOUND]).judged
    assert judged.test is not None
    assert (judged.test.regions, judged.test.share) == ((), 0.25)
    assert judged.says == "the model has no regions, it ran in 1 region, 25.0% of the market"


def test_a_test_that_cut_spend_is_used_with_its_sign() -> None:
    cut = replace(FOUND, spend=-400.0, caused=-900.0, low=-1292.0, high=-508.0)
    test = lift_test(cut)
    assert (test.spend_change, test.outcome_change) == (-400, -900)
    assert says(cut).startswith("used")


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"low": math.nan, "high": math.nan}, "a p-value alone"),
        ({"high": math.inf}, "no end"),
        ({"low": 900.0, "high": 900.0}, "no end"),
        ({"caused": math.nan}, "no figure"),
        ({"spend": math.nan}, "money that it moved is not known"),
        ({"spend": 0.0}, "money that it moved is not known"),
        ({"channel": ""}, "nobody said which channel"),
        ({"channel": "radio"}, "no channel 'radio'"),
        ({"currency": "USD"}, "its money is in USD, the model's in EUR"),
        ({"outcome": "conversions"}, "it counts conversions"),
        ({"share": math.nan}, "which share"),
        ({"doubt": "The regions did not move alike before."}, "did not move alike"),
        ({"start": date(2020, 1, 1)}, "outside of the data"),
        ({"regions": ("east",)}, "No region named 'east'"),
        ({"spend": 4e5}, "not in them, or in another unit"),
        ({"caused": 9e7, "low": 8e7, "high": 1e8}, "more than the 40,000"),
    ],
)
def test_what_does_not_fit_is_refused_and_says_why(change: dict[str, object], why: str) -> None:
    told = says(replace(FOUND, **change))  # type: ignore[arg-type]
    assert why in told
    assert not told.startswith("used")


def test_sums_in_another_order_make_the_same_lift_test() -> None:
    other = {
        name: math.nextafter(getattr(FOUND, name), math.inf) for name in ("caused", "spend", "low", "high")
    }
    assert replace(FOUND, **other) != FOUND
    assert lift_test(replace(FOUND, **other)) == lift_test(FOUND)
    shared = replace(FOUND, regions=(), share=0.8960302457466919)
    assert lift_test(replace(shared, share=math.nextafter(shared.share, 1))) == lift_test(shared)


def test_what_a_lift_test_cannot_be_is_an_error() -> None:
    with pytest.raises(BadInput, match="p-value alone"):
        lift_test(replace(FOUND, low=math.nan))


def test_a_test_that_the_model_names_is_not_taken_twice() -> None:
    own = LiftTest(
        channel="ooh", start=START, end=END, spend_change=1, outcome_change=1, error=1, source="posters"
    )
    spec = SPEC.with_lift_tests((own,))
    assert says(FOUND, spec) == "the model names it already"


def test_a_calibration_says_what_it_used_and_what_not() -> None:
    found = calibration_of(SPEC, market(), [FOUND, replace(FOUND, source="<b>radio", channel="radio")])
    assert found.sentence == "1 of 2 experiments are used, for ooh."
    assert [one.sentence for one in found.judged] == [
        "The geo test posters is used for ooh: 900 (standard error 200) for 400 spent.",
        "The geo test <b>radio is not used: the model has no channel 'radio'.",
    ]
    assert list(found.to_frame()["used"]) == [True, False]
    assert "<b>radio" not in found._repr_html_()
    assert "No experiment is known" in calibration_of(SPEC, market(), []).sentence
