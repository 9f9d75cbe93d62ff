"""Whole analyses: published experiments to their known figures, verdicts, and what is refused."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from workbench.errors import BadInput, UsageError
from workbench.experiments.analysis.analysis import Analysis
from workbench.experiments.analysis.analyzing import analyze_users
from workbench.experiments.definition import Experiment, Guardrail
from workbench.experiments.inference.comparison import Label
from workbench.experiments.users.metric import own_metric

E_MAILS = ("No E-Mail", "Mens E-Mail", "Womens E-Mail")


@pytest.fixture(scope="module")
def hillstrom(public_data: Path) -> Analysis:
    frame = pl.read_csv(public_data / "ab_tests/hillstrom_email/hillstrom.csv", infer_schema_length=None)
    plan = Experiment(
        name="hillstrom",
        primary="visit",
        secondary=("conversion", "spend"),
        variants=E_MAILS,
        split=(1 / 3, 1 / 3, 1 / 3),
        status="completed",
    )
    spend = Label(metric="spend", title="Spend per customer", unit="money", currency="USD")
    asked = [own_metric("visit"), own_metric("conversion"), own_metric("spend", label=spend)]
    return analyze_users(plan, frame, asked, variant="segment")


@pytest.mark.data
def test_hillstrom_gives_the_published_figures(hillstrom: Analysis) -> None:
    assert hillstrom.ratio.p == pytest.approx(0.903693, abs=1e-6)
    men, women = (hillstrom.of("conversion", name).comparison for name in E_MAILS[1:])
    assert men.difference.value == pytest.approx(0.0068050, abs=1e-7)
    assert men.difference.p == pytest.approx(1.523e-13, rel=1e-3)
    assert women.difference.p == pytest.approx(1.571e-4, rel=1e-3)
    visit = hillstrom.of("visit", "Mens E-Mail").comparison.difference
    assert (visit.low, visit.high) == pytest.approx((0.0699533, 0.0832267), abs=2e-5)
    assert visit.p == pytest.approx(5.7e-112, rel=0.01)
    spend = hillstrom.of("spend", "Mens E-Mail")
    assert spend.comparison.difference.value == pytest.approx(0.7698272, abs=1e-7)
    assert "permutation" in spend.comparison.method
    assert "122 users" in spend.comparison.notes[0]
    assert spend.money is not None
    assert spend.money.value == pytest.approx(0.7698272 * 64_000, rel=1e-6)


@pytest.mark.data
def test_hillstrom_finds_its_winner(hillstrom: Analysis) -> None:
    assert hillstrom.verdict.decision == "variant"
    assert hillstrom.verdict.winner == "Mens E-Mail"
    assert hillstrom.sentence.startswith("Roll out Mens E-Mail: ")
    assert len(hillstrom.to_frame()) == 6
    json.dumps(hillstrom.to_document(), allow_nan=False)
    assert "Mens E-Mail" in hillstrom._repr_html_()


@pytest.mark.data
def test_cookie_cats_keeps_the_early_gate(public_data: Path) -> None:
    frame = pd.read_csv(public_data / "ab_tests/cookie_cats/cookie_cats.csv")
    plan = Experiment(
        name="cookie_cats",
        primary="retention_7",
        secondary=("retention_1", "sum_gamerounds"),
        variants=("gate_30", "gate_40"),
        status="completed",
    )
    asked = [own_metric("retention_7"), own_metric("retention_1"), own_metric("sum_gamerounds")]
    found = analyze_users(plan, frame, asked, variant="version", user="userid")
    week = found.of("retention_7").comparison.difference
    assert week.value == pytest.approx(-0.0082013, abs=1e-7)
    assert week.p == pytest.approx(0.0015542, abs=1e-7)
    assert found.of("retention_1").comparison.p == pytest.approx(0.0744097, abs=1e-7)
    rounds = found.of("sum_gamerounds")
    assert rounds.comparison.p == pytest.approx(0.375924, abs=1e-6)
    # One played 49,854 rounds.
    assert any("one user, far from all others" in note for note in rounds.comparison.notes)
    assert rounds.ranked is not None
    assert rounds.ranked.mann_whitney == pytest.approx(0.0502088, abs=1e-6)
    assert found.ratio.p == pytest.approx(0.008608, abs=1e-6)
    assert found.ratio.verdict == "warns", "an uneven split of this size is told, and does not block"
    assert any("somewhat uneven" in note for note in found.notes)
    assert (found.verdict.decision, found.verdict.winner) == ("control", "gate_30")


def users(*, lift: float = 0.0, n: int = 20_000, seed: int = 5) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    before = rng.gamma(2.0, 10.0, n)
    treated = np.arange(n) % 2 == 1
    minutes = before + rng.normal(20, 5, n) + lift * treated
    return pd.DataFrame(
        {
            "user": [f"u{place}" for place in range(n)],
            "variant": np.where(treated, "b", "a"),
            "minutes": minutes,
            "before": before,
            "complaints": (rng.random(n) < 0.2 + 0.05 * (lift > 5) * treated).astype(float),
            "sessions": rng.poisson(4, n) + 1.0,
        }
    )


def plan(**changes: Any) -> Experiment:
    given: dict[str, Any] = {"name": "x", "primary": "minutes", "variants": ("a", "b"), "status": "completed"}
    return Experiment(**{**given, **changes})


def metrics(*names: str) -> list[Any]:
    known = {
        "minutes": own_metric("minutes", before="before"),
        "complaints": own_metric("complaints", better="lower"),
        "per_session": own_metric("minutes", of="sessions", label=Label(metric="per_session")),
    }
    return [known[name] for name in names]


@pytest.mark.parametrize(
    ("changes", "lift", "decision", "words"),
    [
        ({}, 1.0, "variant", "Roll it out"),
        ({}, -1.0, "control", "clearly worse"),
        ({}, 0.0, "inconclusive", "no clear difference"),
        ({"minimum_effect": 0.05}, 0.0, "control", "ruled out"),
        ({"guardrails": (Guardrail(metric="complaints", margin=0.1),)}, 1.0, "variant", "guardrail holds"),
        (
            {"guardrails": (Guardrail(metric="complaints", margin=0.1),)},
            9.0,
            "control",
            "breaks the guardrail",
        ),
        (
            {"guardrails": (Guardrail(metric="complaints", margin=0.001),)},
            1.0,
            "inconclusive",
            "cannot be ruled out",
        ),
        ({"split": (0.55, 0.45)}, 1.0, "inconclusive", "No verdict"),
    ],
)
def test_verdicts(changes: dict[str, Any], lift: float, decision: str, words: str) -> None:
    rails = ["complaints"] if "guardrails" in changes else []
    found = analyze_users(plan(**changes), users(lift=lift), metrics("minutes", *rails))
    assert found.verdict.decision == decision
    assert words in found.sentence


def test_the_past_reduces_the_variance_and_the_tested_mean_stays_true() -> None:
    found = analyze_users(plan(), users(lift=1.0), metrics("minutes")).of("minutes").comparison
    assert found.reduction > 0.8
    assert found.difference.low < 1.0 < found.difference.high
    assert "CUPED" in found.method


def test_new_users_stay_in_with_their_own_mark() -> None:
    frame = users(lift=1.0)
    frame.loc[frame.index % 3 == 0, "before"] = np.nan
    frame.loc[frame.index % 3 == 0, "minutes"] += 30  # who is new differs, and that is no effect
    found = analyze_users(plan(), frame, metrics("minutes")).of("minutes").comparison
    assert found.n + found.n_control == len(frame)
    assert found.reduction > 0.75, "of the new third nothing is known beforehand"
    assert found.difference.low < 1.0 < found.difference.high


def test_a_ratio_is_compared_by_users() -> None:
    found = analyze_users(plan(primary="per_session"), users(lift=1.0), metrics("per_session"))
    frame = users(lift=1.0)
    totals = frame.groupby("variant")[["minutes", "sessions"]].sum()
    ratios = totals.minutes / totals.sessions
    assert found.of("per_session").comparison.difference.value == pytest.approx(ratios["b"] - ratios["a"])
    assert "delta method" in found.of("per_session").comparison.method


def test_few_users_allow_no_verdict() -> None:
    found = analyze_users(plan(), users(lift=30.0, n=150), metrics("minutes"))
    assert found.verdict.decision == "inconclusive"
    assert "75 users" in found.sentence


def test_several_variants_share_the_error() -> None:
    frame = users(lift=0.25, n=9000)
    frame["variant"] = np.array(["a", "b", "c", "d"])[np.arange(len(frame)) % 4]
    four = plan(variants=("a", "b", "c", "d"), split=(0.25,) * 4)
    for one in analyze_users(four, frame, metrics("minutes")).primary:
        assert one.p_adjusted >= min(1.0, one.comparison.p)


@pytest.mark.parametrize(
    ("break_it", "match"),
    [
        (lambda f: f.drop(columns="minutes"), "no such column"),
        (lambda f: f.assign(minutes="many"), "no numbers"),
        (lambda f: f.assign(minutes=f.minutes.where(f.index != 3)), "row 4, column 'minutes'.*no finite"),
        (lambda f: f.assign(minutes=f.minutes.where(f.index != 3, np.inf)), "row 4, column 'minutes'.*inf"),
        (lambda f: pd.concat([f, f.head(2)]), "2 users stand in more than one row"),
    ],
)
def test_a_table_that_cannot_be_used_is_refused_at_its_place(break_it: Any, match: str) -> None:
    with pytest.raises(BadInput, match=match):
        analyze_users(plan(), break_it(users(n=1000)), metrics("minutes"), user="user")


def test_rows_are_left_out_and_counted_where_asked() -> None:
    frame = users(n=1000)
    frame.loc[[3, 4, 5], "minutes"] = [np.nan, np.inf, -np.inf]
    found = analyze_users(plan(), frame, metrics("minutes"), bad="leave out")
    assert found.users == 997
    assert "Rows left out, since a figure is missing or infinite: 3." in found.notes


def test_frames_of_all_kinds_say_the_same() -> None:
    frame = users(lift=1.0, n=3000)
    kinds = [frame, pl.from_pandas(frame), pl.from_pandas(frame).lazy(), pl.from_pandas(frame).to_arrow()]
    found = [analyze_users(plan(), kind, metrics("minutes")).primary[0].comparison for kind in kinds]
    for one in found[1:]:  # a stream of rows is summed in whatever order its parts arrive
        assert one.difference.value == pytest.approx(found[0].difference.value, rel=1e-12)
        assert one.p == pytest.approx(found[0].p, rel=1e-9)
    with pytest.raises(BadInput, match="is no frame"):
        analyze_users(plan(), "users.csv", metrics("minutes"))


def test_drafts_and_unknown_metrics_are_refused() -> None:
    with pytest.raises(UsageError, match="is a draft"):
        analyze_users(plan(status="draft"), users(n=100), metrics("minutes"))
    with pytest.raises(UsageError, match="names complaints"):
        analyze_users(plan(secondary=("complaints",)), users(n=100), metrics("minutes"))


@settings(max_examples=25, deadline=None)
@given(
    st.integers(0, 10_000), st.floats(-2, 2), st.integers(20, 400), st.sampled_from(["completed", "running"])
)
def test_p_and_interval_agree_whatever_the_procedure(seed: int, lift: float, n: int, status: str) -> None:
    frame = users(lift=lift, n=n, seed=seed)
    frame["rare"] = np.where(frame.complaints > 0, frame.minutes**3, 0.0)
    asked = [*metrics("minutes", "complaints", "per_session"), own_metric("rare")]
    for one in analyze_users(plan(status=status), frame, asked).findings:
        for found in (one.comparison.difference, one.comparison.relative, one.difference):
            if found.known and np.isfinite(found.p):
                assert (found.p < 0.05) == found.significant, (one.metric, found)


@pytest.mark.slow
def test_same_groups_are_told_apart_as_often_as_promised() -> None:
    found = [
        analyze_users(plan(), users(seed=seed, n=1000), metrics("minutes", "complaints"))
        for seed in range(200)
    ]
    wrong = sum(one.primary[0].clear for one in found)
    assert abs(wrong / 200 - 0.05) < 3 * np.sqrt(0.05 * 0.95 / 200)


@pytest.mark.parametrize(
    ("users", "kept", "shuffled"), [(120, 0.9, False), (120, 0.0, True), (40, 0.9, True), (300, 0.0, False)]
)
def test_the_past_of_few_users_is_used_where_it_explains_much(
    users: int, kept: float, shuffled: bool
) -> None:
    rng = np.random.default_rng(3)
    user = rng.normal(0, 1, 2 * users)
    y = np.exp(3 + kept * user + rng.normal(0, 0.5, 2 * users))
    x = np.exp(3 + kept * user + rng.normal(0, 0.5, 2 * users))
    frame = pd.DataFrame({"variant": ["a", "b"] * users, "y": y, "x": x})
    plan = Experiment(name="x", primary="y", variants=("a", "b"), status="completed")
    found = analyze_users(plan, frame, [own_metric("y", before="x")]).findings[0].comparison
    assert ("permutation" in found.method) == shuffled
    assert ("CUPED" in found.method) != shuffled


def test_a_change_in_percent_that_cannot_be_told_has_its_reason() -> None:
    spent = np.tile([0.0, 0.0, 0.0, 10.0], 60)
    spent[0] = -5.0  # a return
    frame = pd.DataFrame({"variant": ["a", "b"] * 120, "spent": np.roll(spent, 1)})
    plan = Experiment(name="form", primary="spent", variants=("a", "b"), status="completed")
    found = analyze_users(plan, frame, [own_metric("spent")])
    assert not found.primary[0].comparison.relative.known
    assert any("a relative change needs values above 0" in note for note in found.notes)
