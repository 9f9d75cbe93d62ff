"""What a test comes to, where it is easy to say the wrong thing."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import Any

import numpy as np
import pandas as pd
import pytest

from workbench.errors import UsageError
from workbench.experiments import Analysis, Experiment, Guardrail, analyze_users, own_metric
from workbench.experiments.analysis.monitoring import monitoring_of
from workbench.experiments.users.users import Seen
from workbench.metrics.window import Window

PLAN = Experiment(name="x", primary="y", variants=("a", "b"), status="completed")
THREE = replace(PLAN, variants=("a", "b", "c"), split=(0.3, 0.3, 0.4))


def users(plan: Experiment, n: int = 1500, **lifts: tuple[float, ...]) -> pd.DataFrame:
    """Return normal figures of users, each column shifted by its lift in each variant."""
    rng = np.random.default_rng(4)
    sizes = [round(n * share * len(plan.variants)) for share in plan.split]
    variant = np.repeat(plan.variants, sizes)
    place = np.repeat(np.arange(len(sizes)), sizes)
    columns = {name: rng.normal(10, 2, len(place)) + np.array(lift)[place] for name, lift in lifts.items()}
    return pd.DataFrame({"variant": variant, **columns})


def judged(plan: Experiment, *, better: Any = "higher", **lifts: tuple[float, ...]) -> Analysis:
    metrics = [own_metric(name, better=better if name == "y" else "higher") for name in lifts]
    return analyze_users(plan, users(plan, **lifts), metrics)


def test_a_metric_without_a_good_direction_rules_nothing_out() -> None:
    plan = replace(PLAN, minimum_effect=0.05)
    changed = judged(plan, better="neither", y=(0.0, 2.0)).verdict
    same = judged(plan, better="neither", y=(0.0, 0.0)).verdict
    assert (changed.decision, same.decision) == ("inconclusive", "inconclusive")
    assert "changed" in changed.why
    assert "ruled out" not in changed.why + same.why


def test_a_variant_that_breaks_a_guardrail_does_not_hide_one_that_holds_it() -> None:
    plan = replace(THREE, guardrails=(Guardrail(metric="rail"),))
    found = judged(plan, y=(0.0, 2.0, 1.0), rail=(0.0, -2.0, 0.1)).verdict
    assert (found.decision, found.winner) == ("variant", "c")
    assert "b did clearly better, too, but broke a guardrail" in found.why


def test_all_clear_winners_are_named() -> None:
    found = judged(THREE, y=(0.0, 1.0, 2.0)).verdict
    assert found.winner == "c"
    assert "b did clearly better than the control, too" in found.why


def test_harm_is_said_while_the_primary_metric_is_open() -> None:
    plan = replace(PLAN, guardrails=(Guardrail(metric="rail"),))
    running = judged(replace(plan, status="running"), y=(0.0, 0.0), rail=(0.0, -3.0)).verdict
    ended = judged(plan, y=(0.0, 0.0), rail=(0.0, -3.0)).verdict
    for found in (running, ended):
        assert found.decision == "inconclusive"
        assert "b breaks the guardrail rail" in found.why
    assert "Let it run" not in running.next
    assert ended.next == "Keep a."


def test_a_sentence_counts_all_comparisons_as_the_verdict_does() -> None:
    names = tuple(f"s{place}" for place in range(12))
    shifts = dict.fromkeys(names, (0.0, 0.0)) | {"s3": (0.0, 0.18)}
    found = judged(replace(PLAN, secondary=names), y=(0.0, 0.0), **shifts)
    odd = [one for one in found.findings if one.comparison.significant and not one.clear]
    assert odd
    for one in odd:
        assert one.course == "open"
        assert "no clear difference when all comparisons count" in one.sentence
    assert any(note.startswith("Intervals are of single comparisons") for note in found.notes)
    for one in found.findings:
        assert (one.course == "open") == ("no clear difference" in one.sentence)


@pytest.mark.parametrize("looks", [1, 5])
def test_who_stops_early_is_not_read_as_if_it_were_the_end(looks: int) -> None:
    plan = replace(PLAN, start=date(2024, 3, 1), end=date(2024, 3, 30), looks=looks)
    early = Seen(window=Window(date(2024, 3, 1), date(2024, 3, 15)), ended=True)
    end = Seen(window=Window(date(2024, 3, 1), date(2024, 3, 30)), ended=True)
    stopped = monitoring_of(plan, early)
    assert "before its planned end" in stopped.note
    assert "before its planned end" not in monitoring_of(plan, end).note
    assert monitoring_of(plan, end).final
    if looks > 1:
        assert not stopped.final, "what later looks would have spent is no gift for stopping"


def test_a_guardrail_needs_a_direction() -> None:
    plan = replace(PLAN, guardrails=(Guardrail(metric="rail"),))
    frame = users(plan, y=(0.0, 0.0), rail=(0.0, 3.0))
    with pytest.raises(UsageError, match="rail cannot be a guardrail"):
        analyze_users(plan, frame, [own_metric("y"), own_metric("rail", better="neither")])
    frame["rail"] -= 20
    (found,) = [
        one
        for one in analyze_users(plan, frame, [own_metric("y"), own_metric("rail")]).findings
        if one.guarded is not None
    ]
    assert "not above zero" in found.sentence


def test_no_chance_is_told_relative_to_what_may_be_nothing() -> None:
    frame = users(PLAN, y=(0.0, 0.2))
    frame["y"] -= 10
    found = analyze_users(PLAN, frame, [own_metric("y")]).of("y")
    assert found.comparison.p < 0.05
    assert np.isnan(found.chance)
    assert np.isnan(found.loss)


def test_chance_and_p_of_a_share_rest_on_the_same_figures() -> None:
    rng = np.random.default_rng(8)
    past = rng.normal(0, 1, 6000)
    treated = np.repeat([0, 1], 3000)
    past[treated == 1] -= 0.08  # by bad luck the treated bought less before already
    bought = (past + 0.11 * treated + rng.normal(0, 0.3, 6000) > 0).astype(float)
    frame = pd.DataFrame({"variant": np.where(treated, "b", "a"), "y": bought, "past": past})
    found = analyze_users(PLAN, frame, [own_metric("y", before="past")]).of("y")
    raw = frame.groupby("variant")["y"].mean()
    assert raw["b"] - raw["a"] < 0.02 < found.difference.value, "the past explains the gap"
    assert found.course == "better"
    assert found.chance > 0.95
