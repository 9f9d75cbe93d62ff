"""The same user always lands in the same variant, variants fill evenly, and experiments are independent."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import chi2_contingency, chisquare, kstest

from workbench.errors import UsageError
from workbench.experiments.definition import Experiment
from workbench.experiments.users.assignment import assign, assigned, places, variants_of

USERS = [f"user-{place}" for place in range(200_000)]


def test_places_are_the_same_on_every_machine() -> None:
    # The first 16 digits of what coreutils' sha256sum prints for "checkout:" and the id.
    printed = {
        "ann": 0x8943F357CB7FAB28,
        "bob": 0x2579A8CC1B454F3E,
        "zoë": 0x1D173C8B3B37C191,
        "": 0xED954E76DDB52BFC,
    }
    found = places("checkout", printed)
    assert found.tolist() == pytest.approx([digits / 2**64 for digits in printed.values()], abs=2.0**-52)
    assert variants_of("checkout", printed, variants=("a", "b"), split=(0.5, 0.5)).tolist() == [
        "b",
        "a",
        "a",
        "b",
    ]


def test_places_fill_the_line_evenly() -> None:
    assert kstest(places("even", USERS), "uniform").pvalue > 0.001


@pytest.mark.parametrize("split", [(0.5, 0.5), (0.9, 0.1), (0.34, 0.33, 0.33), (0.1,) * 10])
def test_variants_are_balanced(split: tuple[float, ...]) -> None:
    names = [f"v{place}" for place in range(len(split))]
    found = variants_of("balance", USERS, variants=names, split=split)
    counts = [int((found == name).sum()) for name in names]
    assert chisquare(counts, np.array(split) * len(USERS)).pvalue > 0.001


def test_experiments_are_independent_of_each_other() -> None:
    one, other = (places(name, USERS) > 0.5 for name in ("first", "second"))
    table = [[int((one & other).sum()), int((one & ~other).sum())]]
    table += [[int((~one & other).sum()), int((~one & ~other).sum())]]
    assert chi2_contingency(table).pvalue > 0.001
    assert abs(np.corrcoef(places("first", USERS), places("second", USERS))[0, 1]) < 0.01


@given(st.floats(0.01, 0.99), st.floats(0.01, 0.99))
def test_a_new_split_moves_only_the_users_between_the_borders(before: float, after: float) -> None:
    users = USERS[:2000]
    old, new = (
        variants_of("moving", users, variants=("a", "b"), split=(share, 1 - share))
        for share in (before, after)
    )
    moved = old != new
    assert set(new[moved]) <= {"a" if after > before else "b"}
    assert abs(moved.mean() - abs(after - before)) < 0.06


@given(st.lists(st.text(max_size=20), max_size=30))
def test_a_users_variant_depends_on_nobody_else(users: list[str]) -> None:
    users = [user for user in users if user.isprintable()]
    experiment = Experiment(name="alone", primary="ctr")
    together = assign(experiment, users)
    assert together.tolist() == [assign(experiment, [user])[0] for user in users]


def test_a_frame_gets_the_same_variants() -> None:
    experiment = Experiment(name="frame", primary="ctr", variants=("a", "b", "c"), split=(0.2, 0.3, 0.5))
    frame = pl.DataFrame({"user_id": [*USERS[:1000], None]})
    eager = frame.with_columns(assigned(experiment))["variant"].to_list()
    lazy = frame.lazy().with_columns(assigned(experiment)).collect()["variant"].to_list()
    assert eager == lazy == [*assign(experiment, USERS[:1000]), None]
    with pytest.raises(UsageError, match="are text"):
        pl.DataFrame({"user_id": [1, 2]}).select(assigned(experiment))


@pytest.mark.parametrize(
    ("changes", "match"),
    [
        ({"variants": ("a", "a")}, "different names"),
        ({"variants": ("a",), "split": (1.0,)}, "two or more"),
        ({"split": (0.5, 0.6)}, "sum to 1"),
        ({"split": (1.0, 0.0)}, "between 0 and 1"),
        ({"split": (0.2, 0.3, 0.5)}, "3 shares"),
        ({"name": "a:b"}, "without a colon"),
        ({"level": 1.0}, "level"),
        ({"looks": 0}, "at least one look"),
        ({"kind": "colour"}, "one of message"),
    ],
)
def test_an_experiment_whose_parts_do_not_fit_is_refused(changes: dict[str, object], match: str) -> None:
    with pytest.raises(UsageError, match=match):
        Experiment(**{"name": "x", "primary": "ctr", **changes})
