"""A geo test is a value: it survives JSON, and says at once what does not fit."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from workbench.errors import BadInput, NotEnoughData, UsageError
from workbench.experiments.geo.panel import Panel
from workbench.experiments.geo.plan import GeoTest

TEST = GeoTest(name="posters", treated=("a", "b"), start=date(2024, 3, 1), end=date(2024, 3, 28))
NAMES = st.lists(st.text(min_size=1, max_size=8), min_size=3, max_size=9, unique=True)


@given(NAMES, st.integers(0, 5), st.floats(1e-3, 1e9), st.sampled_from(["draft", "running", "completed"]))
def test_a_test_survives_json(names, cooldown, budget, status):
    test = GeoTest(
        name=names[0],
        treated=(names[0],),
        controls=(names[1],),
        excluded=tuple(names[2:]),
        start=date(2024, 3, 1),
        end=date(2024, 3, 28),
        first_day=date(2023, 1, 1),
        cooldown=cooldown,
        budget=budget,
        minimum_effect=0.05,
        status=status,
    )
    assert GeoTest.from_json(test.to_json()) == test


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"treated": ()}, "at least one treated"),
        ({"end": date(2024, 2, 1)}, "do not follow"),
        ({"first_day": date(2024, 3, 1)}, "do not follow"),
        ({"controls": ("a", "c")}, "a is named as treated and as control"),
        ({"excluded": ("b",)}, "b is named as treated and as excluded"),
        ({"treated": ("a", "a")}, "a is named as treated and as treated"),
        ({"level": 1.0}, "between 0 and 1"),
        ({"cooldown": -1}, "cooldown"),
        ({"budget": float("nan")}, "budget"),
        ({"minimum_effect": 0.0}, "minimum_effect"),
        ({"status": "paused"}, "not paused"),
    ],
)
def test_what_does_not_fit_is_refused(changes, named):
    with pytest.raises(UsageError, match=named):
        replace(TEST, **changes)


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("{", "not JSON"),
        ("[]", "an object"),
        ('{"name": "x"}', "no treated"),
        ('{"name": "x", "treated": ["a"], "start": "2024-03-01", "end": "2024-03-09", "x": 1}', "'x'"),
        ('{"name": "x", "treated": "a", "start": "2024-03-01", "end": "2024-03-09"}', "a list of texts"),
        ('{"name": "x", "treated": ["a"], "start": "1.3.2024", "end": "2024-03-09"}', "a day such as"),
        ('{"name": 7, "treated": ["a"], "start": "2024-03-01", "end": "2024-03-09"}', "a text"),
        (
            '{"name": "x", "treated": ["a"], "start": "2024-03-01", "end": "2024-03-09", "level": true}',
            "number",
        ),
        ('{"name": "x", "treated": ["a"], "start": "2024-03-09", "end": "2024-03-01"}', "do not follow"),
    ],
)
def test_a_bad_file_is_one_clear_error(text, named):
    with pytest.raises(BadInput, match=named) as error:
        GeoTest.from_json(text, file="test.json")
    assert "test.json" in str(error.value)


def test_its_life():
    assert TEST.moved_to("running").moved_to("completed").status == "completed"
    with pytest.raises(UsageError, match="draft: running, cancelled can follow, not completed"):
        TEST.moved_to("completed")
    with pytest.raises(UsageError, match="nothing can follow"):
        TEST.moved_to("cancelled").moved_to("running")


def test_progress_counts_days_that_have_passed():
    shares = [TEST.progress(TEST.start + timedelta(days=day)) for day in (-9, -1, 0, 13, 27, 90)]
    assert shares == [0, 0, 1 / 28, 0.5, 1, 1]


def panel(days: int = 80) -> Panel:
    geos = tuple("abcdefgh")
    start = date(2024, 1, 1)
    return Panel(
        geos=geos,
        days=tuple(start + timedelta(days=day) for day in range(days)),
        values=np.random.default_rng(1).normal(100, 5, (len(geos), days)),
    )


def test_a_test_says_who_is_compared_with_whom():
    test = replace(TEST, end=date(2024, 3, 10), excluded=("h",), first_day=date(2024, 1, 11), cooldown=3)
    found = test.split(panel())
    assert found.treated_names == ("a", "b")
    assert found.control_names == ("c", "d", "e", "f", "g")
    assert (found.pre, found.test, found.cooldown) == (50, 10, 3)
    assert replace(test, controls=("c", "d", "e", "f")).split(panel()).control_names == ("c", "d", "e", "f")


def test_a_test_that_does_not_fit_the_data_is_refused():
    with pytest.raises(UsageError, match="No geo named 'z'"):
        replace(TEST, treated=("z",)).split(panel(90))
    with pytest.raises(NotEnoughData, match="ends on 2024-03-28, the data on 2024-03-10"):
        TEST.split(panel(70))
    with pytest.raises(UsageError, match="does not lie within the data"):
        replace(TEST, cooldown=9).split(panel(90))
    with pytest.raises(NotEnoughData, match="control geos"):
        replace(TEST, end=date(2024, 3, 10), excluded=("d", "e", "f")).split(panel())
    with pytest.raises(NotEnoughData, match="pre-period has 9 periods"):
        replace(TEST, end=date(2024, 3, 10), first_day=date(2024, 2, 21)).split(panel())
