"""What an experiment found, once more from the raw files with pandas and scipy alone.

Written from the definitions (everybody who was assigned counts; what happened before reduces the variance
only), not from the package's code, so that a slip in one is not in both.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from statsmodels.stats.multitest import multipletests

from workbench.experiments import design_from_tables, kept_experiment
from workbench.experiments.analysis.asked import asked
from workbench.experiments.analysis.tested import compared
from workbench.experiments.users.users import recorded_users
from workbench.store import Workspace

from .independent import Market

Command = Callable[..., Any]
METRICS = ("ctr", "aov", "conversion_rate", "users_reached", "orders", "revenue")
RATIOS = METRICS[:3]
BEFORE = pd.Timedelta(days=28)
# A test as it ran, and as it looks from days that begin long after its users were assigned.
CASES = (
    ("delivery_promise", ""),
    ("checkout_layout", "2024-04-19:2024-06-30"),
    ("checkout_layout", "2024-06-01:2024-07-15"),
)


@dataclass(frozen=True)
class Trial:
    """The users of one experiment: what each did since, and in the 28 days before."""

    users: pd.DataFrame
    variants: list[str]
    days: float

    @classmethod
    def of(cls, files: Path, market: Market, name: str, window: str) -> Trial:
        users = pd.read_csv(files / "experiments.csv")
        users = users[users["experiment"] == name].set_index("user_id")
        users["since"] = pd.to_datetime(users["assigned_at"], utc=True, format="ISO8601")
        first, last = window.split(":") if window else (users["since"].min().date(), "2024-12-31")
        begin = pd.Timestamp(first, tz="UTC")
        after = pd.Timestamp(last, tz="UTC") + pd.Timedelta(days=1)
        users = users[users["since"] < after]
        users["counts"] = users["since"].clip(lower=begin)
        signed = market.users.set_index("user_id")["signed"].reindex(users.index)
        users["new"] = (~(signed <= users["since"] - BEFORE)).astype(float)
        for side in ("", " before"):
            for what, everything in _happened(market).items():
                rows = everything[everything["user"].isin(users.index)]
                since = rows["user"].map(users["since"])
                if side:
                    known = (rows["at"] < since) & (rows["at"] >= (since - BEFORE).clip(lower=begin - BEFORE))
                else:
                    known = (rows["at"] >= rows["user"].map(users["counts"])) & (rows["at"] < after)
                users[what + side] = rows[known].groupby("user")["of"].sum().reindex(users.index).fillna(0.0)
        for what in ("reached", "clicked", "bought"):
            for side in ("", " before"):
                users[what + side] = (users[what + side] > 0).astype(float)
        variants = sorted(users["variant"].unique(), key=lambda one: (one != "control", one))
        return cls(users, variants, float((after - users["counts"]).mean() / pd.Timedelta(days=1)))

    def arm(self, variant: str) -> pd.DataFrame:
        return self.users[self.users["variant"] == variant]


def _happened(market: Market) -> dict[str, pd.DataFrame]:
    events, orders = market.events, market.orders.rename(columns={"user_id": "user"})
    kinds = {
        name: events[events["type"] == f"campaign_{name}"] for name in ("delivered", "clicked", "converted")
    }
    shown = kinds["delivered"][~kinds["delivered"]["held"]]
    sold = orders[orders["is_return"].astype(str).str.lower() == "false"].drop_duplicates("order_id")
    found = {
        "impressions": shown, "clicks": kinds["clicked"], "orders": sold,
        "reached": shown, "clicked": kinds["clicked"], "bought": kinds["converted"],
    }  # fmt: skip
    found = {name: rows.assign(of=1.0) for name, rows in found.items()}
    return found | {"revenue": orders.assign(of=orders["order_value"])}


SIDES = {
    "ctr": ("clicks", "impressions"),
    "aov": ("revenue", "orders"),
    "conversion_rate": ("bought", "clicked"),
}


def _ratio(trial: Trial, metric: str) -> dict[str, dict[str, float]]:
    """Return each variant's ratio, adjusted by regression on its past, and Welch's test of it."""
    top, bottom = SIDES[metric]
    past = [f"{top} before", f"{bottom} before", "new"]
    users = trial.users
    ratio = users[top].sum() / users[bottom].sum()
    pooled = (users[top] - ratio * users[bottom]) / users[bottom].mean()
    away = users[past] - users[past].mean()
    theta = np.linalg.lstsq(away.to_numpy(), (pooled - pooled.mean()).to_numpy(), rcond=None)[0]
    arms = {}
    for variant in trial.variants:
        mine = trial.arm(variant)
        own = mine[top].sum() / mine[bottom].sum()
        line = own + (mine[top] - own * mine[bottom]) / mine[bottom].mean()
        arms[variant] = line - (mine[past] - users[past].mean()) @ theta
    return {variant: _welch(arms[variant], arms["control"]) for variant in trial.variants[1:]}


def _welch(one: pd.Series, other: pd.Series) -> dict[str, float]:
    found = stats.ttest_ind(one, other, equal_var=False)
    ends = found.confidence_interval(0.95)
    return {
        "value": one.mean(), "control": other.mean(), "p": found.pvalue, "low": ends.low, "high": ends.high,
        "error": (one.mean() - other.mean()) / found.statistic,
    }  # fmt: skip


@pytest.fixture(scope="module", params=CASES, ids="_".join)
def case(request: pytest.FixtureRequest) -> tuple[str, str]:
    name, window = request.param
    return name, window


@pytest.fixture(scope="module")
def both(
    case: tuple[str, str], files: Path, market: Market, workspace: Path, workbench: Command
) -> tuple[Trial, dict[str, Any]]:
    name, window = case
    asked = [word for metric in METRICS for word in ("--metric", metric)]
    days = ("--window", window) if window else ()
    done = workbench("experiment", "analyze", name, *asked, *days, "-w", workspace, "--json")
    said = json.loads(done.stdout, parse_constant=lambda word: pytest.fail(f"{word} is no JSON"))
    return Trial.of(files, market, name, window), said


def _found(said: dict[str, Any], metric: str) -> dict[str, dict[str, Any]]:
    rows = [row for row in said["findings"] if row["comparison"]["label"]["metric"] == metric]
    return {row["comparison"]["variant"]: row for row in rows}


def test_users_and_split(both: tuple[Trial, dict[str, Any]]) -> None:
    trial, said = both
    counts = [len(trial.arm(variant)) for variant in trial.variants]
    assert said["experiment"]["variants"] == trial.variants
    assert said["ratio"]["seen"] == counts
    assert said["ratio"]["p"] == pytest.approx(stats.chisquare(counts).pvalue, rel=1e-9)
    assert said["seen"]["days_per_user"] == pytest.approx(trial.days, rel=1e-6)  # whole seconds


def test_ratios_with_their_past(
    case: tuple[str, str], both: tuple[Trial, dict[str, Any]], workspace: Path
) -> None:
    """Of so few users analyses leave the past out; the sums that they read carry it all the same."""
    (name, window), (trial, _) = case, both
    tables = Workspace.open(workspace).tables()
    plan = asked(kept_experiment(tables, name), tables, metrics=RATIOS, window=window or None).experiment
    users = recorded_users(plan, tables)
    sums = users.read().sums
    for metric in users.metrics:
        found = {one.variant: one for one in compared(metric, sums)}
        for variant, expected in _ratio(trial, metric.name).items():
            one = found[variant]
            assert "CUPED (3 covariates)" in one.method
            assert one.value.value == pytest.approx(expected["value"], rel=1e-9)
            assert one.value_control.value == pytest.approx(expected["control"], rel=1e-9)
            for end in ("p", "low", "high", "error"):
                assert getattr(one.difference, end) == pytest.approx(expected[end], rel=1e-8), end
            lift = expected["value"] / expected["control"] - 1
            assert one.relative.value == pytest.approx(lift, rel=1e-9)


@pytest.mark.parametrize("metric", RATIOS)
def test_ratios_of_few_users(both: tuple[Trial, dict[str, Any]], metric: str) -> None:
    trial, said = both
    rng = np.random.default_rng(5)
    for variant, row in _found(said, metric).items():
        found, sides = row["comparison"], [*SIDES[metric]]
        assert "permutation" in found["difference"]["method"]
        one, other = (trial.arm(name)[sides].to_numpy() for name in (variant, "control"))
        values = [arm[:, 0].sum() / arm[:, 1].sum() for arm in (one, other)]
        assert found["value"]["value"] == pytest.approx(values[0], rel=1e-9)
        assert found["difference"]["value"] == pytest.approx(values[0] - values[1], rel=1e-8)
        everybody = np.concatenate([one, other])
        drawn = np.array([_studentised(rng.permutation(everybody), len(one)) for _ in range(1000)])
        seen = _studentised(everybody, len(one))
        tails = ((drawn >= seen).mean(), (drawn <= seen).mean())
        assert found["difference"]["p"] == pytest.approx(min(1.0, 2 * min(tails)), abs=0.07)
        powered = stats.norm.isf(0.025 / (len(trial.variants) - 1)) + stats.norm.ppf(0.8)
        detectable = powered * found["difference"]["error"] / found["value_control"]["value"]
        assert row["detectable"] == pytest.approx(detectable, rel=1e-9)


def _studentised(rows: np.ndarray, size: int) -> float:
    """Return the difference of two ratios over its standard error by the delta method."""
    ratios, variances = [], []
    for arm in (rows[:size], rows[size:]):
        ratio = arm[:, 0].sum() / arm[:, 1].sum()
        ratios.append(ratio)
        variances.append((arm[:, 0] - ratio * arm[:, 1]).var(ddof=1) / arm[:, 1].mean() ** 2 / len(arm))
    return float((ratios[0] - ratios[1]) / np.sqrt(sum(variances)))


def test_shares(both: tuple[Trial, dict[str, Any]]) -> None:
    trial, said = both
    for variant, row in _found(said, "users_reached").items():
        one, other = (trial.arm(name)["reached"] for name in (variant, "control"))
        table = [[arm.sum(), len(arm) - arm.sum()] for arm in (one, other)]
        found = row["comparison"]
        assert found["value"]["value"] == pytest.approx(one.mean(), rel=1e-9)
        assert found["difference"]["value"] == pytest.approx(one.mean() - other.mean(), rel=1e-8)
        if stats.contingency.expected_freq(table).min() >= 5:
            p = stats.chi2_contingency(table, correction=False).pvalue
            assert found["difference"]["p"] == pytest.approx(p, rel=1e-8)


@pytest.mark.parametrize("metric", ["orders", "revenue"])
def test_means_of_few_buyers(both: tuple[Trial, dict[str, Any]], metric: str) -> None:
    trial, said = both
    rng = np.random.default_rng(3)
    for variant, row in _found(said, metric).items():
        one, other = (trial.arm(name)[metric].to_numpy() for name in (variant, "control"))
        found = row["comparison"]
        assert "permutation" in found["difference"]["method"]
        assert found["value"]["value"] == pytest.approx(one.mean(), rel=1e-9)
        assert found["difference"]["value"] == pytest.approx(one.mean() - other.mean(), rel=1e-8)
        everybody, size = np.concatenate([one, other]), len(one)
        shuffled = rng.permuted(np.tile(everybody, (2000, 1)), axis=1)
        drawn = stats.ttest_ind(shuffled[:, :size], shuffled[:, size:], axis=1, equal_var=False).statistic
        seen = stats.ttest_ind(one, other, equal_var=False).statistic
        tails = ((drawn >= seen).mean(), (drawn <= seen).mean())
        assert found["difference"]["p"] == pytest.approx(min(1.0, 2 * min(tails)), abs=0.05)
        if metric == "revenue":
            worth = (one.mean() - other.mean()) * len(trial.users) * (365.25 / 12) / trial.days
            assert row["money"]["value"] == pytest.approx(worth, rel=1e-6)


def test_adjusted_p(both: tuple[Trial, dict[str, Any]]) -> None:
    _, said = both
    for role, method in (("primary", "holm"), ("secondary", "fdr_bh")):
        rows = [row for row in said["findings"] if row["role"] == role]
        expected = multipletests([row["comparison"]["difference"]["p"] for row in rows], method=method)[1]
        assert [row["p_adjusted"] for row in rows] == pytest.approx(expected.tolist(), rel=1e-9)
        assert all((row["course"] != "open") == (row["p_adjusted"] < 0.05) for row in rows)
    assert math.isclose(said["findings"][0]["alpha"], 0.05)


def test_a_plan_reads_level_spread_and_arrivals(market: Market, workspace: Path) -> None:
    tables = Workspace.open(workspace).tables()
    said = design_from_tables(tables, metric="revenue", mde=0.05, events=("campaign_delivered",))
    after = pd.Timestamp("2025-01-01", tz="UTC")
    month, day = pd.Timedelta(days=28), pd.Timedelta(days=1)
    sent = market.events[market.events["type"] == "campaign_delivered"]
    came = sent[sent["at"] >= after - month]["user"].unique()
    orders = market.orders.rename(columns={"user_id": "user", "order_value": "worth"})
    now, before = (
        orders[(orders["at"] >= start) & (orders["at"] < start + month)]
        .groupby("user")["worth"]
        .sum()
        .reindex(came)
        .fillna(0.0)
        for start in (after - month, after - 2 * month)
    )
    explained = float(now.corr(before) ** 2)
    assert said.baseline.value == pytest.approx(now.mean(), rel=1e-9)
    assert said.baseline.sd == pytest.approx(now.std(ddof=1), rel=1e-9)
    assert said.baseline.reduction == pytest.approx(explained, rel=1e-6)
    z = stats.norm.isf(0.025) + stats.norm.ppf(0.8)
    size = 2 * (z * now.std(ddof=1) / (0.05 * now.mean())) ** 2 * (1 - explained)
    assert said.n_per_group == pytest.approx(size, rel=1e-3)
    recent = sent[sent["at"] >= after - 2 * month]
    firsts = ((recent.groupby("user")["at"].min() - (after - 2 * month)) // day).value_counts()
    expected = [float(firsts.get(place, 0)) for place in range(56)]
    assert said.arrivals is not None
    assert list(said.arrivals.new_users) == expected
    daily = recent.groupby(recent["at"].dt.floor("D"))["user"].nunique().sum() / 56
    assert said.arrivals.daily_users == pytest.approx(daily, rel=1e-9)
