"""Credit against what channels truly caused: the page says what the models do."""

from __future__ import annotations

import runpy
from pathlib import Path

import pytest

from workbench.attribution.models import MODELS
from workbench.events.simulation import MarketSpec, simulate

ROOT = Path(__file__).resolve().parents[2]
SCRIPT = runpy.run_path(str(ROOT / "benchmarks" / "attribution_truth.py"))


@pytest.fixture(scope="module")
def table():
    """A quarter of the demonstration's market."""
    return SCRIPT["credited"](simulate(MarketSpec.sized(250_000)))


def test_every_model_credits_more_than_was_caused(table) -> None:
    claimed = table.sum() / table.caused.sum()
    assert (claimed.drop("caused") > 1.5).all()


def test_no_model_sees_who_would_have_bought_anyway(table) -> None:
    """Partners meet people who buy anyway: each model credits them several times over."""
    affiliate = table.loc["affiliate"]
    assert (affiliate.drop("caused") > 3 * affiliate.caused).all()
    wrong = SCRIPT["misplaced"](table).drop("caused")
    assert wrong.between(0.08, 0.35).all()


def test_the_page_names_every_model_and_each_says_when_it_misleads() -> None:
    page = (ROOT / "docs" / "explanation" / "attribution.md").read_text()
    for model in MODELS.values():
        assert f"| {model.title} |" in page
        for words in (model.says, model.question, model.assumes, model.misleads):
            assert words.endswith((".", "?"))


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_the_page_has_the_figures_of_the_script() -> None:
    page = (ROOT / "docs" / "explanation" / "attribution.md").read_text()
    for table in SCRIPT["page_tables"]():
        assert table in page, "run benchmarks/attribution_truth.py"
