"""All tests on one page: each as it stands alone, and all counted together."""

from __future__ import annotations

from pathlib import Path

import pytest
from statsmodels.stats.multitest import multipletests

import workbench as wb
from workbench.events.simulation import MarketSpec, simulate, write_market
from workbench.experiments import ab_test, summarize_tests
from workbench.source import Tables
from workbench.store import Workspace
from workbench.store.ingest import ingest


@pytest.fixture(scope="module")
def tables(tmp_path_factory: pytest.TempPathFactory) -> Tables:
    """Return the tables of a simulated market with tests that change nothing or little."""
    home = tmp_path_factory.mktemp("tests")
    files = write_market(simulate(MarketSpec.small()), home / "files")
    workspace = Workspace.create(home / "w", name="w")
    workspace.set_currency("EUR")
    ingest(
        workspace,
        [file for file in files if any(n in file.name for n in ("orders", "experiments"))],
        backfill=True,
    )
    return wb.open(str(home / "w"), None)


def test_every_test_is_as_it_stands_alone(tables: Tables) -> None:
    view = summarize_tests(tables)
    assert view.rows
    for row in view.rows:
        analysis = ab_test(tables, row.experiment, metrics="orders", daily=False).analysis
        assert analysis is not None
        alone = next(one for one in analysis.primary if one.variant == row.variant)
        assert row.p == alone.p_adjusted
        assert row.effect == alone.effect
        assert (row.users, row.verdict) == (analysis.users, analysis.sentence)
    p = [row.p for row in view.rows]
    assert [row.p_all for row in view.rows] == pytest.approx(multipletests(p, method="fdr_bh")[1])
    names = {row.experiment for row in view.rows}
    assert view.sentence.startswith(f"Of {len(names)} test")
    assert len(view.to_frame()) == len(view.rows)


def test_the_others_are_named(tables: Tables) -> None:
    every = {row.experiment for row in summarize_tests(tables).rows}
    view = summarize_tests(tables, most=1)
    assert len({row.experiment for row in view.rows}) == 1
    assert {name for name, _ in view.left_out} == every - {row.experiment for row in view.rows}
    assert all("newest 1" in why for _, why in view.left_out)


def test_nothing_is_said_of_nothing(tmp_path: Path) -> None:
    Workspace.create(tmp_path / "w", name="w")
    assert "No assignments" in summarize_tests(wb.open(str(tmp_path / "w"), None)).sentence
