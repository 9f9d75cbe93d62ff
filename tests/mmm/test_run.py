"""What a run says of itself, from the draft to its end."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from workbench.errors import BadInput
from workbench.mmm.run import GateRecord, MixRun

DRAFT = MixRun(id="weekly", name="weekly", key="5f", seed=7, fingerprint="ab", spec={"name": "weekly"})
HELD = GateRecord(
    gate="r_hat", status="passed", figure="1.003", limit="below 1.01", message="The chains agree."
)
MISSED = GateRecord(
    gate="divergences",
    status="missed",
    figure="4",
    limit="none",
    message="It left its path.",
    recommendation="Longer.",
)
UNKNOWN = GateRecord(
    gate="forecast", status="unknown", figure="–", limit="", message="No periods could be kept away."
)


def test_a_run_gets_on_and_ends_well() -> None:
    running = DRAFT.started_now().at(0.256, "sampling")
    assert (running.status, running.completed, running.trusted) == ("running", False, False)
    assert running.sentence == "weekly is running: sampling, 26%."
    done = running.well(gates=(HELD,), files={"draws.npz": "00"})
    assert done.trusted
    assert done.progress == 1
    assert done.duration is not None
    assert done.duration >= 0
    assert done.sentence.endswith("and missed no gate.")


def test_a_run_that_missed_a_gate_is_not_trusted() -> None:
    done = DRAFT.started_now().well(gates=(HELD, MISSED), files={})
    assert done.completed
    assert not done.trusted
    assert done.missed == (MISSED,)
    assert "missed a gate. It left its path. Longer." in done.sentence
    assert not replace(done, gates=()).trusted  # nobody looked
    open_one = replace(done, gates=(HELD, UNKNOWN))
    assert open_one.trusted
    assert open_one.sentence.endswith("missed no gate. No periods could be kept away.")


def test_a_run_that_failed_says_why_in_bearable_length() -> None:
    failed = DRAFT.started_now().badly("no\nway " * 1000)
    assert failed.sentence.startswith("weekly failed. no way no way")
    assert len(failed.error) <= 2000


@pytest.mark.parametrize(
    "run", [DRAFT, DRAFT.started_now(), DRAFT.badly("x"), DRAFT.well(gates=(HELD, MISSED), files={"a": "b"})]
)
def test_a_document_says_all_of_a_run(run: MixRun) -> None:
    full = replace(run, versions=(("pymc", "6.3.0"),), tests=("posters",), notes=("tv is small",))
    assert MixRun.from_document(json.loads(json.dumps(full.to_document()))) == full
    assert MixRun.from_document(full.to_document() | {"later": 1}) == full


@pytest.mark.parametrize("damage", [{"status": "odd"}, {"format": 2}, {"gates": [1]}, {"versions": 3}])
def test_what_is_no_record_is_refused(damage: dict[str, object]) -> None:
    with pytest.raises(BadInput):
        MixRun.from_document(DRAFT.to_document() | damage)
    with pytest.raises(BadInput):
        MixRun.from_document({})
