"""Models as files and as documents: what is read is what was written, and what is wrong is named."""

from __future__ import annotations

import json
from dataclasses import fields
from datetime import date
from pathlib import PurePath
from typing import get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from workbench.errors import BadInput, UsageError, WorkbenchError
from workbench.mmm import spec_file
from workbench.mmm.deriving import Derived, with_derived
from workbench.mmm.document import from_document, to_document
from workbench.mmm.spec import (
    Adstock,
    Channel,
    Kind,
    LiftTest,
    MixSpec,
    ReturnPrior,
    Sampling,
    Saturation,
    Trend,
)
from workbench.mmm.spec_file import mix_file_of

PLAIN = "name: weekly\noutcome: revenue\nchannels: [tv, search]\n"
NAMES = st.text(min_size=1, max_size=8).filter(lambda text: bool(text.strip()))
POSITIVE = st.floats(1e-6, 1e9)
PRIORS = st.builds(ReturnPrior, median=POSITIVE, spread=POSITIVE)


@st.composite
def specs(draw: st.DrawFn) -> MixSpec:
    names = draw(st.lists(NAMES, min_size=5, max_size=9, unique=True))
    channels = tuple(Channel(name=one, prior=draw(st.none() | PRIORS)) for one in names[4:])
    tests = st.builds(
        LiftTest,
        channel=st.sampled_from(names[4:]),
        start=st.dates(max_value=date(2024, 1, 1)),
        end=st.dates(min_value=date(2024, 1, 1)),
        spend_change=POSITIVE,
        outcome_change=st.floats(-1e9, 1e9),
        error=POSITIVE,
        regions=st.lists(NAMES, max_size=2).map(tuple),
        share=st.floats(0.01, 1),
        spent_until=st.none() | st.just(date(2024, 1, 1)),
    )
    return MixSpec(
        name=names[0],
        date=names[1],
        outcome=names[2],
        controls=tuple(names[3:4]),
        channels=channels,
        kind=draw(st.sampled_from(get_args(Kind))),
        adstock=draw(st.sampled_from(get_args(Adstock))),
        saturation=draw(st.sampled_from(get_args(Saturation))),
        trend=draw(st.sampled_from(get_args(Trend))),
        lift_tests=tuple(draw(st.lists(tests, max_size=2))),
        sampling=draw(st.builds(Sampling, seed=st.integers(0, 2**32 - 1))),
    )


@settings(max_examples=60, deadline=None)
@given(specs())
def test_a_model_survives_its_document(spec: MixSpec) -> None:
    document = json.loads(json.dumps(to_document(spec), allow_nan=False))
    assert from_document(document) == spec


def test_what_is_left_out_has_its_default() -> None:
    said = mix_file_of(PLAIN)
    assert said.spec == MixSpec(
        name="weekly", outcome="revenue", channels=(Channel(name="tv"), Channel(name="search"))
    )
    assert (said.source.data, said.source.period, said.source.derive) == (None, "week", ())


def test_the_example_of_the_page_is_read() -> None:
    example = (spec_file.__doc__ or "").split("::\n\n")[1].replace("\n    ", "\n").removeprefix("    ")
    found = mix_file_of(example)
    assert found.spec.channels[1] == Channel(name="social", spend="social_cost", exposure="social_views")
    assert found.spec.channels[2].prior == ReturnPrior(median=2.5, spread=0.7)
    assert found.spec.lift_tests[0].end == date(2024, 3, 31)
    assert found.spec.sampling == Sampling(draws=500, seed=1)
    assert found.source.derive[1] == Derived(column="fair", words="event", equals="fair")
    assert found.source.path(PurePath("models/week.yaml")) == PurePath("models/sales.csv")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "mix.yaml: the file is empty; expected keys and values"),
        ("- tv", "mix.yaml: not a mapping"),
        ("name: [", "mix.yaml, row 1"),
        ("a: &x 1\nb: *x", "anchors"),
        ("name: !!python/object:os.system x", "the tag"),
        (PLAIN + "name: again", "row 4: the key 'name' stands twice"),
        (PLAIN + "x: " + "y" * 70_000, "too large"),
        (PLAIN + "sesonality: 2", "no field is named 'sesonality'. Did you mean 'seasonality'"),
        (PLAIN + "dta: sales.csv", "no field is named 'dta'. Did you mean 'data'"),
        (PLAIN + "colour: red", "no field is named 'colour'; expected one of name, outcome"),
        (PLAIN + "carry_over: 2.5", "value '2.5': carry_over: not accepted; expected a whole number"),
        (PLAIN + "carry_over: '2'", "value '2': carry_over: not accepted; expected a whole number"),
        (PLAIN + "carry_over: 0", "carry_over is from 1 to 120 periods"),
        (PLAIN + "seasonality: true", "value 'True': seasonality: not accepted"),
        (PLAIN + "saturation: hil", "value 'hil': saturation: .* expected 'michaelis-menten', 'hill' or"),
        (PLAIN + "media_share: 30", "between 0 and 1"),
        (PLAIN + "media_share: 1e999", "between 0 and 1"),
        (PLAIN + "currency: eur", "three capitals such as EUR, not 'eur'"),
        (PLAIN + "currency: 'E<b'", "three capitals"),
        (PLAIN + "controls: price", "value 'price': controls: not accepted; expected a list"),
        (PLAIN + "controls: [tv]", "uses 'tv' twice"),
        (PLAIN + "sampling: {seed: -1}", "seed is a whole number from 0"),
        (PLAIN + "sampling: {sed: 1}", "sampling: no field is named 'sed'. Did you mean 'seed'"),
        (PLAIN + "lift_tests: [{channel: tv}]", "lift test 1: 'start' is missing"),
        (PLAIN + "format: 1", "says no format"),
        (PLAIN + "data: 7", "value '7': data: not accepted; expected text"),
        (PLAIN + "data: ''", "no path of a file"),
        (PLAIN + "period: month", "value 'month': period: .* expected 'day' or 'week'"),
        (PLAIN + "derive: [{column: x}]", "exactly one of the three"),
        (PLAIN + "derive: [{column: x, sum: [a]}]", "derived column 1: no field is named 'sum'"),
        ("outcome: revenue\nchannels: [tv]", "'name' is missing"),
        ("name: a\noutcome: revenue\nchannels: []", "names no channel"),
        ("name: a\noutcome: revenue\nchannels: [tv, tv]", "uses 'tv' twice"),
        ("name: a\noutcome: revenue\nchannels: tv", "value 'tv': channels: not accepted; expected a list"),
        ("name: a\noutcome: r\nchannels: [tv, {nme: x}]", "channel 2: no field is named 'nme'. Did you mean"),
        ("name: a\noutcome: r\nchannels: [{name: x, prior: {median: -1}}]", "a median and a spread above 0"),
        ("name: a\noutcome: r\nchannels: [{name: x, prior: 2}]", "channel 1, prior: not accepted"),
        ("name: a\noutcome: r\nchannels: [{name: x, share: 2}]", "expected a number between 0 and 1"),
        ("name: a\noutcome: r\nchannels: [{name: x, share: 0.1, prior: {median: 2}}]", "a prior and a share"),
    ],
)
def test_what_is_wrong_is_named(text: str, message: str) -> None:
    with pytest.raises(BadInput, match=message) as raised:
        mix_file_of(text, file="mix.yaml")
    assert str(raised.value).startswith("mix.yaml")


def test_lift_tests_that_cannot_be() -> None:
    days = "start: 2024-02-01, end: 2024-03-01"
    for said, message in (
        (
            f"{{channel: radio, {days}, spend_change: 1, outcome_change: 1, error: 1}}",
            "'radio', which the model",
        ),
        (f"{{channel: tv, {days}, spend_change: 0, outcome_change: 1, error: 1}}", "a change of spend"),
        (f"{{channel: tv, {days}, spend_change: 1, outcome_change: 1, error: 0}}", "error above 0"),
        (
            "{channel: tv, start: 2024-02-30, end: 2024-03-01, spend_change: 1, outcome_change: 1, error: 1}",
            "start",
        ),
        (
            "{channel: tv, start: 2024-04-01, end: 2024-03-01, spend_change: 1, outcome_change: 1, error: 1}",
            "ends",
        ),
    ):
        with pytest.raises(BadInput, match=message):
            mix_file_of(f"{PLAIN}lift_tests: [{said}]")


def test_a_document_of_another_format_is_refused() -> None:
    with pytest.raises(BadInput, match="format that is not known"):
        from_document(to_document(mix_file_of(PLAIN).spec) | {"format": 2})


@settings(max_examples=80, deadline=None)
@given(
    st.dictionaries(
        st.sampled_from([one.name for one in fields(MixSpec)]),
        st.recursive(
            st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=4),
            lambda inner: (
                st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=4), inner, max_size=2)
            ),
            max_leaves=4,
        ),
    )
)
def test_any_document_is_read_or_refused_in_words(said: dict[str, object]) -> None:
    document = {"name": "a", "outcome": "b", "channels": ["c"]} | said
    try:
        spec = from_document(document)
    except WorkbenchError:
        return
    assert from_document(to_document(spec)) == spec


def test_columns_follow_from_others() -> None:
    table = {"a": [1.0, 2.0], "b": [3.0, 4.0], "word": ["x", None]}
    made = [
        Derived(column="p", product=("a", "b")),
        Derived(column="t", total=("p", "a")),
        Derived(column="x", words="word", equals="x"),
    ]
    found = with_derived(table, made)
    assert [found[name].to_pylist() for name in "ptx"] == [[3.0, 8.0], [4.0, 10.0], [1.0, 0.0]]
    for wrong, message in (
        (Derived(column="a", total=("b",)), "there already"),
        (Derived(column="q", total=("c",)), "no such column"),
        (Derived(column="q", total=("word",)), "not a number"),
        (Derived(column="q", words="word", equals="y"), "no row holds this word"),
    ):
        with pytest.raises(BadInput, match=message):
            with_derived(table, [wrong])
    with pytest.raises(UsageError, match="exactly one"):
        Derived(column="q", total=("a",), product=("b",))
