"""Effects in parts of the users: told apart where they differ, and only there."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from statsmodels.stats.meta_analysis import combine_effects

from workbench.errors import UsageError
from workbench.experiments.analysis.parts import differing_p, effects_by
from workbench.experiments.users.metric import own_metric
from workbench.experiments.users.table import user_table
from workbench.experiments.users.users import TableUsers


def people(*, lift: dict[str, float], seed: int = 0, n: int = 8000) -> TableUsers:
    rng = np.random.default_rng(seed)
    region = rng.choice(list(lift), n)
    treated = rng.random(n) < 0.5
    before = rng.normal(50, 10, n)
    spent = before + rng.normal(0, 5, n) + np.array([lift[name] for name in region]) * treated
    frame = pd.DataFrame(
        {"variant": np.where(treated, "b", "a"), "region": region, "spent": spent, "before": before}
    )
    frame.loc[:4, "region"] = "<script>"
    return TableUsers(table=user_table(frame, [own_metric("spent", before="before")], variants=("a", "b")))


def test_an_effect_of_one_region_is_found_there() -> None:
    found = effects_by(people(lift={"north": 2.0, "south": 0.0}), "region")
    assert [row.segment for row in found.rows if row.significant] == ["north"]
    assert found.p_differ < 1e-6
    assert "differs by region" in found.sentence
    assert "clear in north" in found.sentence
    assert found.thin == ("<script>",)
    assert "<script>" not in found._repr_html_()
    assert len(found.to_frame()) == 2


def test_parts_are_compared_with_the_time_before() -> None:
    found = effects_by(people(lift={"north": 1.0, "south": 1.0}), "region")
    assert all(row.reduction > 0.7 for row in found.rows)
    assert all(row.difference.low < 1.0 < row.difference.high for row in found.rows)
    assert found.p_differ > 0.001


def test_equal_effects_are_seldom_told_apart() -> None:
    regions = dict.fromkeys(("n", "s", "e", "w"), 1.0)
    wrong = sum(
        effects_by(people(lift=regions, seed=seed, n=2000), "region").p_differ < 0.05 for seed in range(60)
    )
    assert wrong <= 9, "of 60, three are expected"


def test_the_statistic_is_cochrans() -> None:
    rng = np.random.default_rng(1)
    value, error = rng.normal(0, 1, 5), rng.uniform(0.5, 2, 5)
    known = combine_effects(value, error**2).test_homogeneity()
    assert differing_p(value, error) == pytest.approx(known.pvalue)
    assert np.isnan(differing_p([1.0], [1.0]))


def test_what_is_not_there_is_refused() -> None:
    users = people(lift={"north": 1.0})
    with pytest.raises(UsageError, match="no column 'land'"):
        effects_by(users, "land")
    with pytest.raises(UsageError, match="not among the metrics"):
        effects_by(users, "region", metric="clicks")
    with pytest.raises(UsageError, match="no variant beside the control"):
        effects_by(users, "region", variant="a")


def test_unequal_groups_say_what_nobody_looked_at() -> None:
    rng = np.random.default_rng(3)
    for n, told in (((400, 400), False), ((200, 900), True)):
        size = sum(n)
        frame = pd.DataFrame(
            {
                "variant": np.repeat(["old", "new"], n),
                "spent": rng.lognormal(1, 1, size),
                "bought": rng.integers(0, 2, size),
                "place": "here",
            }
        )
        metrics = [own_metric("spent"), own_metric("bought")]
        users = TableUsers(table=user_table(frame, metrics, variants=("old", "new")))
        [mean] = effects_by(users, "place", metric="spent").rows
        [share] = effects_by(users, "place", metric="bought").rows
        assert any("unequal" in note for note in mean.notes) == told
        assert not share.notes
