"""What a file may say of an experiment, and that it is read back as it was written."""

from __future__ import annotations

import json
import math
from datetime import date
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workbench.errors import BadInput, UsageError
from workbench.experiments.definition import KINDS, TRANSITIONS, Experiment, Guardrail
from workbench.experiments.records.documents import (
    LONGEST_TEXT,
    check_words,
    document_of,
    experiment_of,
    new_plan_of,
)

LEAST = {"name": "new_subject", "primary": "ctr"}
NAMES = st.text(st.characters(categories=("L", "N")), min_size=1, max_size=12)


@st.composite
def experiments(draw: st.DrawFn) -> Experiment:
    variants = draw(st.lists(NAMES, min_size=2, max_size=5, unique=True))
    weights = draw(st.lists(st.integers(1, 50), min_size=len(variants), max_size=len(variants)))
    primary, *metrics = draw(st.lists(NAMES, min_size=1, max_size=6, unique=True))
    start = draw(st.none() | st.dates(date(2020, 1, 1), date(2030, 1, 1)))
    return Experiment(
        name=draw(st.from_regex(r"[a-z][a-z0-9_]{0,20}[a-z0-9]", fullmatch=True)),
        primary=primary,
        hypothesis=draw(st.sampled_from(["", "More orders; 'quoted' \"text\"", "Größe 中文"])),
        kind=draw(st.sampled_from(KINDS)),
        campaign=draw(st.sampled_from(["", "c-1", "x'y"])),
        variants=tuple(variants),
        split=tuple(weight / sum(weights) for weight in weights),
        secondary=tuple(metrics[:3]),
        guardrails=tuple(Guardrail(metric=name, margin=0.05) for name in metrics[3:]),
        minimum_effect=draw(st.just(math.nan) | st.floats(0.001, 1)),
        start=start,
        end=start,
        looks=draw(st.integers(1, 50)),
        status=draw(st.sampled_from(list(TRANSITIONS))),
    )


@given(experiments())
def test_what_is_kept_is_read_back_the_same(plan: Experiment) -> None:
    document = json.loads(json.dumps(document_of(plan), allow_nan=False))
    assert str(experiment_of(document)) == str(plan)  # as text, since NaN is not equal to itself


def test_shares_stand_with_their_variants_or_are_equal() -> None:
    assert experiment_of(LEAST | {"variants": {"old": 0.9, "new": 0.1}}).split == (0.9, 0.1)
    assert experiment_of(LEAST | {"variants": ["a", "b", "c", "d"]}).split == (0.25,) * 4
    assert experiment_of(LEAST | {"guardrails": ["aov", {"metric": "clicks", "margin": 0.1}]}).guardrails == (
        Guardrail(metric="aov"),
        Guardrail(metric="clicks", margin=0.1),
    )


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ({"primary": None}, "test.yaml: primary"),
        ({"colour": 1}, "colour: no such field; expected one of name, primary"),
        ({"kind": "colour"}, "value 'colour': kind: not accepted; expected 'message'"),
        ({"level": "high"}, "value 'high': level: not accepted; expected a valid number"),
        ({"level": 0.05}, "level of new_subject is 0.5 at least, not 0.05"),
        ({"secondary": ["aov"], "guardrails": ["aov"]}, "names the metric aov twice"),
        ({"level": 95}, "level of new_subject lies between 0 and 1, not 95"),
        ({"start": "2024-02-30"}, "value '2024-02-30': start"),
        ({"start": "2024-02-03", "end": "2024-02-01"}, "ends on 2024-02-01, before"),
        ({"variants": ["a", "a"]}, "different names"),
        ({"variants": ["a"]}, "variants"),
        ({"variants": ["a", ""]}, "variants.1"),
        ({"variants": ["a", 1]}, "value '1': variants.1: not accepted; expected a valid string"),
        ({"variants": {"a": 0.5, "b": 0.6}}, "sum to 1"),
        ({"variants": {"a": 1.0, "b": 0.0}}, "between 0 and 1"),
        ({"variants": {"a": 0.5, "b": 0.5}, "split": [0.5, 0.5]}, "the shares stand twice"),
        ({"variants": ["a", "b"], "split": [math.nan, 0.5]}, "between 0 and 1"),
        ({"variants": ["a", "b\u202e"]}, "signs that cannot be seen"),
        ({"campaign": "a\x00b"}, "signs that cannot be seen"),
        ({"variants": ["a", "x" * 300]}, "more than 200 characters"),
        ({"name": "../x"}, "cannot name a test"),
        ({"name": "a:b"}, "name"),
        ({"minimum_effect": -0.1}, "above 0"),
        ({"looks": 0}, "looks"),
        ({"looks": True}, "looks"),
        ({"guardrails": [{"metric": "aov", "margin": 2}]}, "margin of aov"),
        ({"hypothesis": "Ask ann@example.com."}, "e-mail address"),
        ({"hypothesis": "x" * (LONGEST_TEXT + 1)}, "2,001 characters"),
    ],
)
def test_what_does_not_fit_is_named(said: dict[str, Any], told: str) -> None:
    with pytest.raises(BadInput) as refused:
        new_plan_of(LEAST | said, "test.yaml")
    assert told in str(refused.value)
    assert str(refused.value).startswith("test.yaml")


def test_words_without_personal_data_are_kept() -> None:
    assert check_words("Order 4711 of 2024-05-01 told us.", "The reason")
    with pytest.raises(UsageError, match="telephone"):
        check_words("Call +49 30 12345678", "The reason")
