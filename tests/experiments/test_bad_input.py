"""What a person can give wrongly: one clear message, or a counted note; never silence, never a bare NaN."""

from __future__ import annotations

import json
import math
import re
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from workbench.errors import BadInput, NotEnoughData, UsageError, WorkbenchError
from workbench.experiments import (
    Analysis,
    Experiment,
    GeoTest,
    Guardrail,
    Label,
    analyze,
    analyze_geo,
    analyze_users,
    design,
    own_metric,
)
from workbench.experiments.definition import check_sound
from workbench.experiments.geo.panel import Panel, panel_of
from workbench.experiments.inference.estimate import Estimate
from workbench.experiments.users.metric import UserMetric
from workbench.store import Workspace

FEW = 400
BARE = re.compile(r"(?<![\w-])-?(nan|inf|None|infinity)(?!\w)", re.IGNORECASE)
HOSTILE = (
    "<script>alert(1)</script>",
    "=HYPERLINK(1)",
    "../../x",
    "{{7*7}}",
    "'; DROP TABLE experiments; --",
    "a\u202eb",
    "L" * 10_000,
    "🎉",
)


def plan(**changes: Any) -> Experiment:
    given: dict[str, Any] = {"name": "x", "primary": "y", "variants": ("a", "b"), "status": "completed"}
    return Experiment(**{**given, **changes})


def table(control: Any, treated: Any, **columns: Any) -> pd.DataFrame:
    variant = ["a"] * len(control) + ["b"] * len(treated)
    frame = pd.DataFrame({"variant": variant, "y": np.concatenate([control, treated]).astype(float)})
    return frame.assign(**columns)


def spread(seed: int = 1, n: int = FEW) -> np.ndarray:
    return np.random.default_rng(seed).gamma(2.0, 10.0, n)


def texts(found: Analysis) -> list[str]:
    said = [found.sentence, *found.notes, found.ratio.sentence, found.contamination.sentence]
    for one in found.findings:
        said += [one.sentence, one.effect, one.worth, one.comparison.sentence, *one.comparison.notes]
        said += [one.guarded.sentence] if one.guarded else []
        said += [one.ranked.sentence] if one.ranked else []
    return [*said, re.sub("<[^>]*>", " ", found._repr_html_())]


def check(found: Analysis) -> None:
    """Check that every figure is finite or explained, and that what belongs together agrees."""
    for text in texts(found):
        assert not BARE.search(text), text
    json.dumps(found.to_document(), allow_nan=False)
    for one in found.findings:
        made = one.comparison
        assert math.isnan(one.p_adjusted) or 0 <= one.p_adjusted <= 1
        assert math.isnan(one.chance) or 0 <= one.chance <= 1
        for figure in (made.difference, made.relative, made.effect_size, made.value, made.value_control):
            check_figure(figure, alpha=1 - found.experiment.level)
        if one.money is not None:
            check_figure(one.money, alpha=1 - found.experiment.level)


def check_figure(found: Estimate, *, alpha: float) -> None:
    if not (math.isfinite(found.value) and math.isfinite(found.low) and math.isfinite(found.high)):
        assert found.note, found
    if math.isnan(found.low) or math.isnan(found.value):
        return
    slack = 1e-9 * abs(found.value)
    assert found.low - slack <= found.value <= found.high + slack, found
    if not math.isnan(found.p):
        assert 0 < found.p <= 1
        assert (found.p < alpha) == found.significant, found


# One's own table of users

FRAMES: dict[str, tuple[Any, str]] = {
    "an infinite value": (
        table([math.inf, 1.0], [2.0, 3.0]),
        "row 1, column 'y', value 'inf': there is no finite number. Write 0",
    ),
    "a missing value": (table([1.0, math.nan], [2.0, 3.0]), "row 2, column 'y', value 'nothing'"),
    "no rows": (pd.DataFrame({"variant": [], "y": []}), "no rows"),
    "no such column": (pd.DataFrame({"variant": ["a"]}), "column 'y': the table has no such column"),
    "text for a figure": (
        table([1.0], [2.0]).assign(y="many"),
        "column 'y': the column holds no numbers; expected",
    ),
    "a mixed column": (pd.DataFrame({"variant": ["a", "b"], "y": [1, "x"]}), "cannot be read: Could not"),
    "a column that stands twice": (pd.DataFrame([["a", 1, 2]], columns=["variant", "y", "y"]), "non-unique"),
    "no frame": ([1, 2], "a list is no frame; expected a pandas, Polars or Arrow frame"),
    "nothing": (None, "there is no table"),
    "nobody of a variant": (table([1.0], [2.0]).assign(variant="c"), "Nobody is in 'a' or 'b': users are in"),
    "too large to square": (table(spread() * 1e200, spread()), "column 'y', value '.*another unit"),
    "too small to square": (table(spread() * 1e-200, spread() * 1e-200), "column 'y'.*another unit"),
}


@pytest.mark.parametrize(("frame", "told"), FRAMES.values(), ids=FRAMES)
def test_a_table_that_cannot_be_read_is_refused_at_its_place(frame: Any, told: str) -> None:
    with pytest.raises(WorkbenchError, match=told):
        analyze_users(plan(), frame, [own_metric("y")])


@pytest.mark.parametrize(
    ("users", "told"),
    [
        (["u"] * 4, "column 'u', value 'u': 1 users stand in more than one row; expected one row per user"),
        (["u", None, None, "v"], "column 'u': 2 of the rows have no user"),
    ],
)
def test_users_that_cannot_be_told_apart_are_refused(users: list[Any], told: str) -> None:
    with pytest.raises(BadInput, match=told):
        analyze_users(plan(), table([1, 2], [3, 4], u=users), [own_metric("y")], user="u")


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({"metrics": [own_metric("y"), own_metric("y")]}, "The metric y is given twice"),
        ({"metrics": [own_metric("z")]}, "names y, which is not among z"),
        ({"bad": "drop"}, "refuse or leave out, not 'drop'"),
        ({"seed": -1}, "whole number from 0, not -1"),
        ({"experiment": {"status": "draft"}}, "is a draft"),
    ],
)
def test_a_call_that_does_not_fit_is_wrong_usage(changed: dict[str, Any], told: str) -> None:
    given = {"metrics": [own_metric("y")], **changed}
    asked = plan(**given.pop("experiment", {}))
    with pytest.raises(UsageError, match=told):
        analyze_users(asked, table(spread(1), spread(2)), given.pop("metrics"), **given)


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({"level": 0.05}, "0.5 at least, not 0.05: 0.95 goes with an alpha of 0.05"),
        ({"level": math.nan}, "lies between 0 and 1, not nan"),
        ({"power": 0.0}, "power of x lies between 0 and 1"),
        ({"split": (0.9, 0.2)}, "sum to 1"),
        ({"variants": ("a", "a")}, "different names"),
        ({"secondary": ("y",)}, "names the metric y twice"),
        ({"guardrails": (Guardrail(metric="y"),)}, "names the metric y twice"),
        ({"looks": 0}, "at least one look"),
        ({"start": date(2024, 5, 2), "end": date(2024, 5, 1)}, "before it starts"),
    ],
)
def test_a_plan_that_cannot_be_is_refused(changed: dict[str, Any], told: str) -> None:
    with pytest.raises(UsageError, match=told):
        check_sound(plan(**changed))


def test_rows_without_a_figure_are_left_out_where_asked_and_counted() -> None:
    frame = table(spread(1), spread(2))
    frame.loc[:2, "y"] = [math.inf, -math.inf, math.nan]
    found = analyze_users(plan(), frame, [own_metric("y")], bad="leave out")
    assert "Rows left out, since a figure is missing or infinite: 3." in found.notes
    check(found)
    with pytest.raises(NotEnoughData, match="None of 2 rows has a finite number in y"):
        analyze_users(plan(), table([math.nan], [math.nan]), [own_metric("y")], bad="leave out")


def test_rows_of_no_variant_are_counted() -> None:
    frame = table(spread(1), spread(2))
    frame.loc[:9, "variant"] = None
    frame.loc[10:14, "variant"] = "c"
    said = " ".join(analyze_users(plan(), frame, [own_metric("y")]).notes)
    assert re.search(r"10 .*\(not set\)", said)
    assert re.search(r"5 .*c", said)


@pytest.mark.parametrize("missing", [0, 40, FEW, 2 * FEW])
def test_users_without_a_past_are_kept_and_counted(missing: int) -> None:
    before = np.concatenate([spread(1), spread(2)])
    frame = table(before[:FEW] + spread(3), before[FEW:] + spread(4), before=before)
    frame.loc[: missing - 1, "before"] = math.nan
    found = analyze_users(plan(), frame, [own_metric("y", before="before")])
    check(found)
    assert found.users == 2 * FEW
    told = f"Users without a time before the test, kept and told apart: {missing} of {2 * FEW}."
    assert (told in found.notes) == (missing > 0)


def test_a_past_that_is_no_use_to_rare_conversions_is_said() -> None:
    bought = np.zeros(FEW)
    bought[:9] = 1
    found = analyze_users(plan(), table(bought, bought, before=1.0), [own_metric("y", before="before")])
    assert any("not adjusted for the time before" in note for note in found.notes)


def test_a_past_that_differs_is_said_where_users_were_shuffled_too() -> None:
    """A covariate that only one variant has: the figures shown are the plain ones, each in its interval."""
    before = np.concatenate([spread(1), np.zeros(FEW)])
    found = analyze_users(
        plan(), table(spread(1), spread(2), before=before), [own_metric("y", before="before")]
    )
    check(found)
    assert any("differed before the experiment already" in note for note in found.notes)


ODD: dict[str, tuple[pd.DataFrame, str]] = {
    "one user in each": (table([1.0], [2.0]), "there is only one user in a and in b"),
    "two users in each": (table([1.0, 2.0], [2.0, 5.0]), "smallest variant has 2 users"),
    "nobody in one": (table(spread(), []), "there are no users in b"),
    "one user in one": (table(spread(), [3.0]), "there is only one user in b"),
    "nobody converted": (table(np.zeros(FEW), np.zeros(FEW)), "nobody converted"),
    "everybody converted": (table(np.ones(FEW), np.ones(FEW)), "everybody converted"),
    "only one variant converted": (table(np.zeros(FEW), np.ones(FEW)), "no relative difference"),
    "nobody differs": (table(np.full(FEW, 2.0), np.full(FEW, 3.0)), "every user has the same value"),
    "one buyer": (table(np.r_[1000.0, np.zeros(FEW - 1)], np.zeros(FEW)), "too uncertain to bound"),
    "a buyer of one variant": (table(np.zeros(FEW), np.r_[9.0, np.zeros(FEW - 1)]), "no relative difference"),
    "below zero": (table(-spread(1), -spread(2)), ""),
    "money back": (table(np.r_[9.0, -9.0, np.zeros(FEW)], np.r_[9.0, np.zeros(FEW)]), ""),
    "a great size": (table(spread(1) * 1e15, spread(2) * 1e15), ""),
    "a great offset": (table(1e8 + spread(1), 1e8 + spread(2)), ""),
    "worlds apart": (table(spread(1), spread(2) + 1e5), ""),
    "ties": (table(np.arange(50_000) % 2 * 2.0, np.arange(50_000) % 4 // 2 * 2.0), ""),
}


@pytest.mark.parametrize(("frame", "told"), ODD.values(), ids=ODD)
@pytest.mark.parametrize("unit", ["", "money"])
def test_odd_data_give_figures_or_say_why_not(frame: pd.DataFrame, told: str, unit: str) -> None:
    label = Label(metric="y", unit=unit, currency="EUR")
    found = analyze_users(plan(), frame, [own_metric("y", label=label)])
    check(found)
    assert told in " ".join([found.sentence, *found.notes])


@pytest.mark.parametrize("rail", [0.0, 1.0, 7.0, -3.0])
def test_guardrails_that_nobody_can_break_are_words(rail: float) -> None:
    frame = table(spread(1), spread(2), g=rail)
    found = analyze_users(
        plan(guardrails=(Guardrail(metric="g"),)), frame, [own_metric("y"), own_metric("g")]
    )
    check(found)


@pytest.mark.parametrize("of", [[0.0] * 2 * FEW, [1.0] * FEW + [0.0] * FEW, [1.0, -1.0] * FEW])
def test_a_ratio_over_nothing_has_no_figure(of: list[float]) -> None:
    found = analyze_users(plan(), table(spread(1), spread(2), of=of), [own_metric("y", of="of")])
    check(found)
    if 0.0 in of:
        assert "denominator is zero" in found.sentence


@pytest.mark.parametrize("level", [0.5, 0.999999, 1 - 1e-12])
@pytest.mark.parametrize("split", [(0.5, 0.5), (0.999, 0.001)])
def test_levels_and_splits_at_the_edge(level: float, split: tuple[float, float]) -> None:
    few = max(round(20_000 * split[1]), 2)
    frame = table(spread(1, 20_000 - few), spread(2, few))
    check(analyze_users(plan(level=level, split=split, power=0.999999), frame, [own_metric("y")]))


def test_fifty_variants_and_many_metrics() -> None:
    variants = tuple(f"v{place}" for place in range(50))
    frame = pd.DataFrame({"variant": np.repeat(variants, 40)})
    metrics: list[UserMetric] = []
    for place in range(4):
        frame[f"m{place}"] = spread(place, len(frame)) > 20
        metrics.append(own_metric(f"m{place}"))
    asked = plan(variants=variants, split=(0.02,) * 50, primary="m0")
    found = analyze_users(asked, frame, metrics)
    check(found)
    assert len(found.findings) == 4 * 49


@settings(max_examples=40, deadline=None)
@given(
    sizes=st.tuples(st.integers(1, 60), st.integers(1, 60)),
    values=st.lists(st.sampled_from([0.0, 1.0, -1.0, 1e-9, 3.5, 1e8, 1e15]), min_size=1, max_size=4),
    seed=st.integers(0, 1000),
    level=st.sampled_from([0.5, 0.9, 0.95, 0.999]),
)
def test_whatever_users_bring_every_figure_is_finite_or_explained(
    sizes: tuple[int, int], values: list[float], seed: int, level: float
) -> None:
    drawn = np.random.default_rng(seed).choice(values, sum(sizes))
    frame = table(drawn[: sizes[0]], drawn[sizes[0] :])
    check(analyze_users(plan(level=level), frame, [own_metric("y")]))


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_names_of_variants_and_metrics_are_only_text(name: str) -> None:
    frame = table(spread(1), spread(2)).rename(columns={"y": name})
    frame["variant"] = frame["variant"].replace("b", name)
    found = analyze_users(plan(variants=("a", name), primary=name), frame, [own_metric(name)])
    check(found)
    assert found.of(name).variant == name
    assert "<script" not in found._repr_html_()


# The users of a workspace


def loaded(folder: Path, assignments: list[tuple[str, str, str]], *, early: int = 0) -> Workspace:
    """Return a workspace: 200 users with one order each, some of them before they were assigned."""
    workspace = Workspace.create(folder)
    orders = f"""
        SELECT 'o' || i AS order_id, 1 AS line, 'u' || i AS user_id, 10.0 + i % 7 AS order_value,
            CASE WHEN i < {early} THEN TIMESTAMPTZ '2024-05-05 21:00:00+00'
                ELSE TIMESTAMPTZ '2024-05-09 00:00:00+00' END AS ordered_at, FALSE AS is_return
        FROM range(200) t(i)
    """
    rows = ", ".join(f"('{name}', '{user}', '{variant}')" for name, user, variant in assignments)
    given = f"""
        SELECT *, TIMESTAMPTZ '2024-05-06 00:00:00+00' AS assigned_at
        FROM (VALUES {rows}) t(experiment, user_id, variant)
    """
    with workspace.writer() as writer, writer.transaction("a") as load:
        load.append("orders", orders)
        load.append("experiments", given)
        load.commit()
    return workspace


def halves(name: str, by: int = 2) -> list[tuple[str, str, str]]:
    return [(name, f"u{place}", "ab"[place % by * 2 // by]) for place in range(200)]


def on_users(**changes: Any) -> Experiment:
    return plan(primary="orders", start=date(2024, 5, 6), end=date(2024, 5, 9), before_days=0, **changes)


def test_users_in_two_groups_are_left_out_counted_or_refused_as_asked(tmp_path: Path) -> None:
    both = [("x", f"u{place}", "b" if place % 2 == 0 else "a") for place in range(20)]
    tables = loaded(tmp_path / "w", halves("x") + both).tables()
    found = analyze(on_users(), tables)
    assert (found.users, found.contamination.several) == (180, 20)
    assert found.verdict.blocked
    assert "10% of the users saw several variants" in found.sentence
    assert analyze(on_users(), tables, several="first").users == 200
    with pytest.raises(BadInput, match="20 of 200 users of x saw several variants; expected one variant for"):
        analyze(on_users(), tables, several="refuse")
    with pytest.raises(UsageError, match="exclude, first, refuse, not 'both'"):
        analyze(on_users(), tables, several="both")  # type: ignore[arg-type]


def test_what_came_before_the_assignment_is_left_out_and_counted(tmp_path: Path) -> None:
    tables = loaded(tmp_path / "w", halves("x"), early=30).tables()
    found = analyze(replace(on_users(), start=date(2024, 5, 5)), tables)
    assert found.contamination.early == 30
    assert any("30 events came before" in note for note in found.notes)
    sold = found.of("orders").comparison
    assert sold.value.value * sold.n + sold.value_control.value * sold.n_control == pytest.approx(170)


def test_a_variant_without_users_is_said(tmp_path: Path) -> None:
    tables = loaded(tmp_path / "w", halves("x")).tables()
    found = analyze(on_users(variants=("a", "b", "c"), split=(0.4, 0.4, 0.2)), tables)
    check(found)
    assert any("there are no users in c" in note for note in found.notes)
    with pytest.raises(NotEnoughData, match="Nobody is in 'c' or 'd': users are in 'a', 'b'"):
        analyze(on_users(variants=("c", "d")), tables)


def test_a_metric_without_its_table_is_named(tmp_path: Path) -> None:
    tables = loaded(tmp_path / "w", halves("x")).tables()
    with pytest.raises(NotEnoughData, match="campaign_"):
        analyze(replace(on_users(), primary="ctr"), tables)


def test_experiments_that_overlap_unevenly_are_named(tmp_path: Path) -> None:
    other = [("other", f"u{place}", "ab"[place % 2]) for place in range(200)]
    even = [("even", f"u{place}", "ab"[place // 2 % 2]) for place in range(200)]
    found = analyze(on_users(), loaded(tmp_path / "w", halves("x") + other + even).tables())
    said = " ".join(found.notes)
    assert "200 users are in other too, and not evenly" in said
    assert "even too" not in said.replace("uneven", "")
    check(found)


def test_nobody_assigned_by_the_last_day_with_data_is_said_with_the_day(tmp_path: Path) -> None:
    tables = loaded(tmp_path / "w", halves("x")).tables()
    with pytest.raises(NotEnoughData, match="Nobody was assigned to y until 2024-05-09, the last day with"):
        analyze(replace(on_users(), name="y"), tables)


# Plans

PLANS: dict[str, tuple[dict[str, Any], str]] = {
    "a baseline of 0": ({"baseline": 0.0}, "A baseline of 0 has no relative change"),
    "a baseline of 1": ({"baseline": 1.0}, "A share lies between 0 and 1"),
    "no change": ({"mde": 0.0}, "An effect of 0 cannot be found"),
    "more than all": ({"mde": 30.0}, "would leave 0 to 1"),
    "less than nothing": ({"mde": -1.5}, "would leave 0 to 1"),
    "a change that is no number": ({"mde": math.nan}, "is a number, not nan"),
    "power 1": ({"power": 1.0}, "Power lies between alpha"),
    "power near 1": ({"power": 1 - 1e-15}, "No test is that sure"),
    "alpha 0": ({"alpha": 0.0}, "alpha lies between 0 and 0.5"),
    "alpha near 0": ({"alpha": 1e-300}, "1e-12 at least, not 1e-300"),
    "500 looks": ({"looks": 500}, "1 to 365 looks"),
    "no users a day": ({"daily_users": 0.0}, "Users a day are a number above 0"),
    "one variant": ({"variants": 1}, "2 to 50 variants"),
    "a split of nothing": ({"split": (1.0, 0.0)}, "shares above 0"),
    "a margin of everything": ({"margin": 1.0}, "nothing could break it"),
    "users beyond the earth": ({"mde": None, "users": 10**18}, "more than there are anywhere"),
    "no users": ({"users": 0}, "fewer than two in each group"),
    "a change too small": ({"mde": 1e-12}, "no number of users"),
    "no spread": ({"kind": "mean", "sd": 0.0}, "standard deviation"),
    "a spread beyond counting": ({"kind": "mean", "sd": 1e300}, "standard deviation"),
    "a spread below counting": ({"kind": "mean", "sd": 1e-300}, "standard deviation"),
    "a correlation of 1": ({"kind": "mean", "sd": 1.0, "correlation": 1.0}, "lies between -1 and 1"),
    "another kind": ({"kind": "median"}, "one of proportion, mean, ratio"),
}


@pytest.mark.parametrize(("changed", "told"), PLANS.values(), ids=PLANS)
def test_a_design_that_cannot_be_is_refused(changed: dict[str, Any], told: str) -> None:
    with pytest.raises((UsageError, NotEnoughData), match=told):
        design(**{"baseline": 0.05, "mde": 0.2, **changed})


@settings(max_examples=25, deadline=None)
@given(
    baseline=st.floats(1e-4, 0.9),
    mde=st.floats(-0.9, 2.0),
    power=st.sampled_from([0.5, 0.8, 0.999999]),
    alpha=st.sampled_from([1e-12, 0.001, 0.05, 0.4]),
    looks=st.sampled_from([1, 5]),
)
def test_a_design_is_words_and_figures_or_one_error(
    baseline: float, mde: float, power: float, alpha: float, looks: int
) -> None:
    try:
        found = design(baseline=baseline, mde=mde, power=power, alpha=alpha, looks=looks)
    except (UsageError, NotEnoughData) as refused:
        said = str(refused)
    else:
        said = " ".join([found.sentence, *found.warnings])
        json.dumps(found.to_document(), allow_nan=False)
        assert min(found.sizes) >= 2
    assert not BARE.search(said)


# Geo tests


def panel(**changes: Any) -> Panel:
    rng = np.random.default_rng(3)
    days = tuple(date(2026, 1, 1) + timedelta(place) for place in range(60))
    shared = 100 + 10 * np.sin(np.arange(60) / 4) + rng.normal(0, 2, 60)
    values = shared * rng.uniform(1, 3, (10, 1)) + rng.normal(0, 3, (10, 60))
    made = Panel(geos=tuple(f"geo {place}" for place in range(10)), days=days, values=values)
    return replace(made, **changes)


def geo_test(of: Panel, **changes: Any) -> GeoTest:
    given: dict[str, Any] = {"name": "x", "treated": of.geos[:2], "start": of.days[-8], "end": of.days[-1]}
    return GeoTest(**{**given, **changes})


def with_rows(place: slice, value: float) -> Panel:
    values = panel().values.copy()
    values[place] = value
    return panel(values=values)


GEOS: dict[str, tuple[Panel, dict[str, Any], str]] = {
    "treated and control": (panel(), {"controls": ("geo 1", "geo 2", "geo 3", "geo 4")}, "as treated and as"),
    "treated twice": (panel(), {"treated": ("geo 0", "geo 0")}, "as treated and as treated"),
    "unknown": (panel(), {"treated": ("geo 77",)}, "No geo named 'geo 77'"),
    "a past too short": (panel(), {"start": date(2026, 1, 9), "end": date(2026, 1, 12)}, "has 8 periods"),
    "a test beyond the data": (panel(), {"end": date(2026, 4, 1)}, "the data on 2026-03-01"),
    "no controls": (panel(), {"treated": panel().geos}, "0 control geos; at least 4"),
    "controls that never change": (with_rows(slice(2, 10), 7.0), {}, "control geos never change"),
    "treated geos that never change": (with_rows(slice(0, 2), 0.0), {}, "treated geos never change"),
    "a size beyond counting": (panel(values=panel().values * 1e200), {}, "another unit"),
    "a size below counting": (panel(values=panel().values * 1e-200), {}, "another unit"),
    "a level that is an alpha": (panel(), {"level": 0.05}, "0.5 at least, not 0.05"),
}


@pytest.mark.parametrize(("of", "changes", "told"), GEOS.values(), ids=GEOS)
def test_a_geo_test_that_cannot_be_is_refused(of: Panel, changes: dict[str, Any], told: str) -> None:
    with pytest.raises(WorkbenchError, match=told):
        analyze_geo(geo_test(of, **changes), of, runs=5)


def test_a_geo_with_gaps_is_refused_or_counted() -> None:
    of = panel()
    rows = pd.DataFrame(
        [
            {"geo": geo, "day": day, "value": of.values[row, place]}
            for row, geo in enumerate(of.geos)
            for place, day in enumerate(of.days)
        ]
    ).drop(index=[5, 6, 130])
    with pytest.raises(BadInput, match="geo 0"):
        panel_of(rows)
    assert any("3" in note for note in panel_of(rows, gaps="zero").notes)


def test_a_past_that_does_not_fit_is_refused_with_the_figure() -> None:
    of = panel()
    values = of.values.copy()
    values[:2] = np.random.default_rng(5).uniform(10, 900, (2, 60))
    found = analyze_geo(geo_test(of), replace(of, values=values), runs=5)
    assert found.verdict.finding == "cannot tell"
    assert re.search(
        r"-?\d+% of the movement .*R2; scaled L2 \d\.\d\d.*the pre-period does not fit", found.sentence
    )


@pytest.mark.parametrize("runs", [-1, 0])
def test_trials_are_counted_from_one(runs: int) -> None:
    with pytest.raises(UsageError, match=f"at least one trial, not {runs}"):
        analyze_geo(geo_test(panel()), panel(), runs=runs)


def test_a_seed_of_a_geo_test_is_a_whole_number() -> None:
    with pytest.raises(UsageError, match="from 0, not -1"):
        analyze_geo(geo_test(panel()), panel(), seed=-1)


@pytest.mark.parametrize("level", [0.5, 0.95, 0.999999])
@pytest.mark.parametrize("spend", [None, 0.0, 5.0])
def test_geo_tests_at_the_edge_give_figures_or_say_why_not(level: float, spend: float | None) -> None:
    of = panel() if spend is None else panel(spend=np.full((10, 60), spend))
    found = analyze_geo(geo_test(of, level=level, start=of.days[-1]), of, runs=3)
    json.dumps(found.to_document(), allow_nan=False)
    for text in (found.sentence, *found.notes, re.sub("<[^>]*>", " ", found._repr_html_())):
        assert not BARE.search(text), text


def test_hostile_names_of_geos_are_only_text() -> None:
    of = panel(geos=(*HOSTILE, "last", "very last"))
    found = analyze_geo(geo_test(of), of, runs=3)
    assert "<script" not in found._repr_html_()
    json.dumps(found.to_document(), allow_nan=False)
