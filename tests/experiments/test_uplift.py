"""Uplift curves against their definitions and another library; models against a real experiment."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from workbench.errors import BadInput, NotEnoughData
from workbench.experiments.uplift.curves import (
    Responses,
    area,
    area_interval,
    chance,
    curve,
    deciles,
    responses,
    uplift_at,
)
from workbench.experiments.uplift.report import uplift_of
from workbench.experiments.uplift.uplift import LEARNERS, cross_fitted, matrix

# scikit-uplift 0.5.1 on these twelve people.
RESPONSE = [1, 0, 0, 1, 1, 0, 1, 0, 0, 1, 0, 0]
TREATED = [1, 0, 1, 0, 1, 1, 0, 0, 1, 1, 0, 1]
SCORE = [0.9, 0.8, 0.8, 0.1, 0.7, 0.2, 0.3, 0.4, 0.35, 0.6, 0.6, 0.05]


def test_figures_are_those_of_another_library() -> None:
    people = responses(RESPONSE, TREATED)
    assert area(people, SCORE, "qini") == pytest.approx(0.7, abs=1e-12)
    assert area(people, SCORE, "uplift") == pytest.approx(0.7149305555555557, abs=1e-12)
    assert uplift_at(people, SCORE, 0.5).value == pytest.approx(0.75, abs=1e-12)
    assert uplift_at(people, SCORE, 0.5, overall=False).value == pytest.approx(2 / 3, abs=1e-12)


def counted(response: list[int], treated: list[int], score: list[float], limit: float) -> tuple[int, ...]:
    """Return treated, held, and the responders of both, of people who score at least so much."""
    chosen = [(y, t) for y, t, s in zip(response, treated, score, strict=True) if s >= limit]
    n = sum(t for _, t in chosen)
    return n, len(chosen) - n, sum(y * t for y, t in chosen), sum(y * (1 - t) for y, t in chosen)


@settings(max_examples=100, deadline=None)
@given(st.lists(st.tuples(st.booleans(), st.booleans(), st.integers(0, 5)), min_size=4, max_size=30))
def test_curves_are_what_counting_by_hand_gives(drawn: list[tuple[bool, bool, int]]) -> None:
    y, t, s = ([int(value) for value in column] for column in zip(*drawn, strict=True))
    if len(set(y)) < 2 or len(set(t)) < 2:
        return
    people = responses(y, t)
    for kind in ("qini", "uplift"):
        found = curve(people, s, kind)
        assert found.share[0] == found.gain[0] == 0
        for share, gain, limit in zip(
            found.share[1:], found.gain[1:], sorted(set(s), reverse=True), strict=True
        ):
            n, m, hits, others = counted(y, t, s, limit)
            assert share == pytest.approx((n + m) / len(y))
            if kind == "qini":
                expected = hits - (others / m * n if m else 0)
            else:
                expected = ((hits / n if n else 0) - (others / m if m else 0)) * (n + m)
            assert gain == pytest.approx(expected / len(y))


def test_a_person_who_counts_twice_is_two_people() -> None:
    rng = np.random.default_rng(2)
    y, t, s = rng.integers(0, 2, 60), rng.integers(0, 2, 60), rng.integers(0, 9, 60)
    weight = rng.integers(1, 4, 60)
    one = responses(y, t, weight=weight)
    many = responses(*(np.repeat(column, weight) for column in (y, t)))
    for kind in ("qini", "uplift"):
        assert area(one, s, kind) == pytest.approx(area(many, np.repeat(s, weight), kind))


def simulated(
    effect: float, *, users: int = 8000, share: float = 0.5, seed: int = 1
) -> tuple[dict[str, Any], Responses]:
    """Return people of whom the older are moved, and what is known of them."""
    rng = np.random.default_rng(seed)
    age, noise = rng.random(users), rng.normal(size=users)
    treated = rng.random(users) < share
    response = rng.random(users) < 0.2 + effect * treated * (age - 0.25)
    return {"age": age, "noise": noise}, responses(response, treated)


@pytest.mark.parametrize("learner", [learner.name for learner in LEARNERS.values()])
def test_who_is_moved_is_found(learner: str) -> None:
    features, people = simulated(0.4, users=6000, share=0.8)
    found = uplift_of(features, people, learner=learner)
    assert found.tells
    assert found.top.value > found.overall
    assert found.deciles[0].uplift > found.deciles[-1].uplift
    assert found.sentence.startswith("The model tells who is moved")


def test_where_nobody_differs_the_model_is_said_to_be_useless() -> None:
    told = []
    for seed in range(8):
        features, people = simulated(0.0, users=2000, seed=seed)
        found = uplift_of(features, people, seed=seed)
        told.append(found.tells)
        low, high = found.chance
        assert low < 0 < high
    assert sum(told) <= 2
    assert "do not choose whom to send to by it" in found.sentence


def test_the_interval_of_the_area_is_as_wide_as_chance_makes_it() -> None:
    rng = np.random.default_rng(6)
    areas, errors = [], []
    for seed in range(80):
        features, people = simulated(0.4, users=1500, seed=seed)
        found = area_interval(people, features["age"], resamples=60, seed=seed)
        areas.append(found.value)
        errors.append(found.error)
    assert np.mean(errors) == pytest.approx(np.std(areas), rel=0.25)
    people = simulated(0.4, users=1500)[1]
    random = [area(people, rng.random(1500)) for _ in range(200)]
    low, high = chance(people)
    assert np.mean([(low <= value <= high) for value in random]) == pytest.approx(0.95, abs=0.05)


def test_nobody_is_scored_by_a_model_that_has_seen_the_user() -> None:
    rng = np.random.default_rng(9)
    users = np.repeat(np.arange(1500), 2)
    treated, response = np.repeat(rng.random(1500) < 0.5, 2), np.repeat(rng.random(1500) < 0.3, 2)
    own = rng.random((1500, 6))[users]  # tells users apart, and nothing else
    together = responses(response, treated, cluster=users)
    apart = responses(response, treated)
    honest = area(together, cross_fitted(own, together, learner="t_boosting"))
    leaked = area(apart, cross_fitted(own, apart, learner="t_boosting"))
    assert abs(honest) < 0.15
    assert leaked > honest + 0.1


def test_tenths_hold_everybody_once() -> None:
    features, people = simulated(0.4, users=1003)
    rows = deciles(people, features["age"])
    assert sum(row.people for row in rows) == 1003
    assert sum(row.treated for row in rows) == people.treated.sum()
    assert [row.predicted for row in rows] == sorted((row.predicted for row in rows), reverse=True)


def test_bad_input_is_refused() -> None:
    with pytest.raises(BadInput, match="neither 0 nor 1"):
        responses([0, 2], [0, 1])
    with pytest.raises(NotEnoughData, match="held out"):
        responses([0, 1], [1, 1])
    with pytest.raises(NotEnoughData, match="responded"):
        responses([0, 0], [0, 1])
    with pytest.raises(BadInput, match="different lengths"):
        matrix({"a": [1, 2], "b": [1]})
    with pytest.raises(NotEnoughData, match="25 on each side"):
        uplift_of({"a": np.arange(12)}, responses(RESPONSE, TREATED))


@pytest.mark.data
def test_women_s_mail_of_hillstrom(public_data: Path) -> None:
    frame = pl.read_csv(public_data / "ab_tests/hillstrom_email/hillstrom.csv", infer_schema_length=None)
    frame = frame.filter(pl.col("segment") != "Mens E-Mail")
    names = ("recency", "history", "mens", "womens", "newbie", "zip_code", "channel", "history_segment")
    people = responses(
        frame["visit"].cast(pl.Int64).to_numpy(), (frame["segment"] == "Womens E-Mail").to_numpy()
    )
    features = {
        name: frame[name].cast(pl.Float64, strict=False).to_numpy()
        if frame[name].cast(pl.Float64, strict=False).null_count() == 0
        else frame[name].to_numpy()
        for name in names
    }
    found = uplift_of(features, people)
    assert found.overall == pytest.approx(0.0452331, abs=5e-8)
    # Published for a half that the model has not seen: Qini 0.0607 +- 0.0074, AUUC 0.0281, uplift 0.0674.
    assert found.qini.value == pytest.approx(0.0607, abs=0.0074)
    assert found.auuc.value == pytest.approx(0.0281, abs=0.004)
    assert found.top.value == pytest.approx(0.0674, abs=0.006)
    assert found.tells
    assert found.chance[0] < 0 < found.chance[1] < 0.02
