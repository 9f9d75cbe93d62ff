"""Gates: what is passed, what is missed, what is not known."""

from __future__ import annotations

from dataclasses import replace

import pytest
from tests.mmm import handmade

from workbench.mmm.fitted import MixFit
from workbench.mmm.gates import GATES, gates


def _status(fit: MixFit, gate: str) -> str:
    return next(one.status for one in gates(fit).verdicts if one.gate == gate)


def _with(fit: MixFit, **figures: float) -> MixFit:
    first = replace(fit.health.parameters[0], **figures)
    return replace(fit, health=replace(fit.health, parameters=(first, *fit.health.parameters[1:])))


def test_a_healthy_model_passes_every_gate() -> None:
    found = gates(handmade.fitted())
    assert found.passed
    assert [one.gate for one in found.verdicts] == list(GATES)
    assert {one.status for one in found.verdicts} == {"passed"}
    assert found.sentence == "The model passed its gates."


def test_a_bad_model_says_what_was_missed_and_what_to_do() -> None:
    found = gates(handmade.fitted(bad=True))
    assert not found.passed
    assert [one.gate for one in found.missed] == ["r_hat", "effective_draws", "divergences", "forecast"]
    assert all(one.recommendation for one in found.missed)
    assert len(found.to_frame()) == len(GATES)


@pytest.mark.parametrize(
    ("figures", "gate", "status"),
    [
        ({"r_hat": 1.0099}, "r_hat", "passed"),
        ({"r_hat": 1.01}, "r_hat", "missed"),
        ({"r_hat": float("nan")}, "r_hat", "missed"),
        ({"bulk": 400.0}, "effective_draws", "passed"),
        ({"bulk": 399.0}, "effective_draws", "missed"),
        ({"tail": 399.0}, "effective_draws", "missed"),
        ({"tail": float("nan")}, "effective_draws", "missed"),
    ],
)
def test_limits_are_those_of_the_definition(figures: dict[str, float], gate: str, status: str) -> None:
    assert _status(_with(handmade.fitted(), **figures), gate) == status


def test_an_error_equal_to_that_of_last_season_passes_and_none_is_unknown() -> None:
    fit = handmade.fitted()
    assert fit.forecast is not None
    assert _status(replace(fit, forecast=replace(fit.forecast, model_error=60.0)), "forecast") == "passed"
    assert _status(replace(fit, forecast=replace(fit.forecast, model_error=60.1)), "forecast") == "missed"
    unknown = gates(replace(fit, forecast=None))
    assert unknown.passed
    assert "not known" in unknown.sentence


def test_one_chain_is_not_said_to_disagree() -> None:
    """R-hat of a single chain is unknown: that misses the gate, but not for a disagreement."""
    found = gates(_with(handmade.fitted(), r_hat=float("nan"))).verdicts[0]
    assert found.status == "missed"
    assert "not known whether chains agree" in found.message
