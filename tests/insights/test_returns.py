"""Returns by method: one scale for all, and nothing claimed that no method carries."""

from __future__ import annotations

import runpy
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from tests.explore.conftest import Base, tables_of

from workbench.explore import compare_channels
from workbench.insights import returns_by_method
from workbench.insights.returns import (
    CAUSAL,
    CREDITED,
    HOLDOUT,
    MARKOV,
    MIX,
    MethodReturn,
    ReturnsByMethod,
    _early,
)
from workbench.mmm.report import MixReport, mix_report

HAND = SimpleNamespace(**runpy.run_path(str(Path(__file__).parents[1] / "mmm" / "handmade.py")))


@pytest.fixture(scope="module")
def tables() -> Base:
    from workbench.events.simulation import MarketSpec, simulate

    return tables_of(simulate(MarketSpec.small()))


@pytest.fixture(scope="module")
def mix() -> MixReport:
    return mix_report(HAND.fitted(HAND.market(periods=80, channels=3)))


def test_all_methods_have_one_scale(tables: Base, mix: MixReport) -> None:
    view = returns_by_method(tables, window=None, mix=mix)
    assert {row.method for row in view.rows} >= {CREDITED, MIX}
    compared = {row.channel: row for row in compare_channels(tables, window=None).rows}
    for row in view.rows:
        if row.method == CREDITED:
            assert row.value == compared[row.channel].roas
        if row.method == HOLDOUT:
            assert row.value - 1 == pytest.approx(compared[row.channel].incremental_return)
        if row.low is not None and row.high is not None and row.method != MARKOV:
            assert row.low <= row.value <= row.high
    assert mix.results is not None
    told = {one.channel: one.roi.value for one in mix.results.channels}
    assert {row.channel: row.value for row in view.rows if row.method == MIX} == told
    measured = [any(row.method in CAUSAL for row in view.of(name)) for name in view.channels]
    assert measured == sorted(measured, reverse=True)
    assert len(view.to_frame()) == len(view.rows)


@pytest.mark.parametrize("days", [20, 90, 180])
def test_a_channel_is_early_while_most_of_its_users_still_buy(tables: Base, days: int) -> None:
    first = tables.last_day - timedelta(days - 1)
    users: dict[str, dict[str, date]] = {}
    sent = tables.query("SELECT * FROM facts WHERE event_type = 'campaign_delivered'").to_pylist()
    for row in sorted(sent, key=lambda row: row["timestamp"]):
        if not row["is_holdout"] and row["timestamp"].date() >= first:
            users.setdefault(row["channel"], {}).setdefault(row["user_key"], row["timestamp"].date())
    late = tables.last_day - timedelta(30)
    shares = {name: np.mean([day > late for day in of.values()]) for name, of in users.items()}
    assert _early(tables, f"{days}d") == {name for name, share in shares.items() if share > 0.5}
    assert {share > 0.5 for share in shares.values()} == ({True} if days == 20 else {True, False})


def test_what_says_nothing_is_named(tables: Base) -> None:
    view = returns_by_method(tables, window=None, mix=MixReport(missing="No run has completed."))
    assert dict(view.unknown)[MIX] == "No run has completed."
    assert not [row for row in view.rows if row.method == MIX]
    nothing = returns_by_method(Base())
    assert "Not enough data" in nothing.sentence
    assert not nothing.rows


def _row(channel: str, method: str, low: float | None, high: float | None) -> MethodReturn:
    value = 2.0 if low is None or high is None else (low + high) / 2
    return MethodReturn(channel=channel, method=method, value=value, low=low, high=high, level=0.95)


def test_the_sentence_says_no_more_than_the_intervals() -> None:
    credit = _row("a", CREDITED, 3.0, 4.0)
    nobody = ReturnsByMethod(rows=(credit,)).sentence
    assert nobody.startswith("1 channel is credited with revenue, but it has no holdout")
    nobody = ReturnsByMethod(rows=(credit, _row("b", CREDITED, 3.0, 4.0))).sentence
    assert nobody.startswith("2 channels are credited with revenue, but none has a holdout")
    open_ = ReturnsByMethod(rows=(credit, _row("a", HOLDOUT, 0.5, 3.0)))
    assert "none is surely above or below 1" in open_.sentence
    sure = ReturnsByMethod(rows=(_row("a_b", HOLDOUT, 1.2, 3.0), _row("c", MIX, 0.1, 0.9)))
    assert sure.sentence == (
        "Of 2 channels whose effect was measured, a b is surely above 1, where the money comes back; "
        "c is surely below 1, and brought less than was spent."
    )
    # One channel alone is judged by its interval; of eight, one interval lies on a side of 1 by chance.
    many = [_row(f"c{n}", HOLDOUT, 0.5, 2.0) for n in range(7)]
    assert "a is surely above 1" in ReturnsByMethod(rows=(_row("a", HOLDOUT, 1.1, 3.0),)).sentence
    one = ReturnsByMethod(rows=(_row("a", HOLDOUT, 1.1, 3.0), *many)).sentence
    assert one.endswith("a is above 1, but of 8 figures that are judged at once one may be so by chance.")
    less = ReturnsByMethod(rows=(_row("a", MIX, 0.1, 0.95), *many)).sentence
    assert "a is below 1, but of 8 figures" in less
    few = ReturnsByMethod(rows=(replace(_row("a", HOLDOUT, 1.1, 3.0), rough=True),)).sentence
    assert few.endswith("a is on one side of 1, but from too few buyers to be sure.")
    lost = ReturnsByMethod(rows=(replace(_row("a", HOLDOUT, 0.1, 0.9), rough=True),)).sentence
    assert lost == few  # one buyer held out speaks for all the treated
    early = ReturnsByMethod(rows=(replace(_row("a", HOLDOUT, 0.1, 0.9), early=True),)).sentence
    assert early.endswith("a is below 1, but the 30 days of most users are not over: too early to judge.")
    gained = ReturnsByMethod(rows=(replace(_row("a", HOLDOUT, 1.1, 3.0), early=True),)).sentence
    assert "a is surely above 1" in gained  # what is still to come makes it no less
    odd = ReturnsByMethod(rows=(_row("a", HOLDOUT, 1.2, 3.0), _row("a", MIX, 0.1, 0.9)), caution="Careful.")
    assert odd.sentence.endswith("a is above by one method and below by another. Careful.")
