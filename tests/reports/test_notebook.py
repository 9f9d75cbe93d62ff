"""The canonical form: what is kept, what is dropped, and that it is stable."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from workbench.errors import BadInput, UsageError
from workbench.reports.notebook import (
    bare,
    canonical,
    declared_parameters,
    find_notebook,
    read_notebook,
    sha256,
    to_bytes,
)

from .conftest import Write, notebook

# A busy machine is no fault of the code.
PATIENT = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
TEXT = st.text(max_size=40)
OUTPUTS = st.lists(
    st.one_of(
        st.fixed_dictionaries(
            {
                "output_type": st.just("stream"),
                "name": st.sampled_from(["stdout", "stderr"]),
                "text": TEXT | st.lists(TEXT, max_size=3),
            }
        ),
        st.fixed_dictionaries(
            {
                "output_type": st.just("execute_result"),
                "data": st.fixed_dictionaries({"text/plain": TEXT, "application/x+json": st.integers()}),
                "metadata": st.just({}),
                "execution_count": st.integers(1, 99),
            }
        ),
        st.fixed_dictionaries(
            {
                "output_type": st.just("error"),
                "ename": TEXT,
                "evalue": TEXT,
                "traceback": st.lists(TEXT, max_size=2),
            }
        ),
    ),
    max_size=5,
)


def executed(outputs: list[dict[str, Any]], **metadata: Any) -> dict[str, Any]:
    made = notebook("1")
    made["cells"][2] |= {"outputs": outputs, "execution_count": 7, "metadata": metadata}
    made["metadata"] = {"papermill": {"start_time": "now"}, "language_info": {"version": "3.12"}}
    return made


@PATIENT
@given(OUTPUTS)
def test_canonical_is_idempotent(outputs: list[dict[str, Any]]) -> None:
    once = canonical(executed(outputs))
    assert to_bytes(canonical(json.loads(to_bytes(once)))) == to_bytes(once)


@PATIENT
@given(OUTPUTS)
def test_only_stderr_is_dropped(outputs: list[dict[str, Any]]) -> None:
    kept = canonical(executed(outputs))["cells"][2]["outputs"]
    written = "".join(
        "".join(o["text"]) for o in outputs if o["output_type"] == "stream" and o["name"] == "stdout"
    )
    assert "".join(o["text"] for o in kept if o["output_type"] == "stream") == written
    assert sum(o["output_type"] == "execute_result" for o in kept) == sum(
        o["output_type"] == "execute_result" for o in outputs
    )


def test_what_an_execution_adds_is_dropped() -> None:
    shown = {
        "output_type": "execute_result",
        "data": {"text/plain": "<object at 0x7f3a2b4c5d60>", "application/vnd.jupyter.widget-view+json": {}},
        "metadata": {},
        "execution_count": 7,
    }
    one = canonical(executed([shown], papermill={"duration": 1.5}, execution={"iopub": "x"}, tags=["b", "a"]))
    cell = one["cells"][2]
    assert cell["metadata"] == {"tags": ["a", "b"]}
    assert cell["execution_count"] is None
    assert cell["outputs"][0]["data"] == {"text/plain": "<object at 0x0>"}
    assert one["metadata"] == bare(notebook("1"))["metadata"]


def test_the_workspace_is_not_told(tmp_path: Path) -> None:
    text = {"output_type": "stream", "name": "stdout", "text": f"at {tmp_path}/runs, {tmp_path}-source/a.csv"}
    kept = canonical(executed([text]), tmp_path)["cells"][2]["outputs"]
    assert kept[0]["text"] == f"at ../../runs, {tmp_path}-source/a.csv"


def test_outputs_do_not_change_the_hash(tmp_path: Path) -> None:
    plain, ran = tmp_path / "a.ipynb", tmp_path / "b.ipynb"
    plain.write_text(json.dumps(notebook("1", parameters="x = 1")))
    made = notebook("1", parameters="x = 1")
    made["cells"][2]["outputs"] = [{"output_type": "stream", "name": "stdout", "text": "1"}]
    ran.write_text(json.dumps(made, indent=4))
    assert read_notebook(plain).sha256 == read_notebook(ran).sha256
    plain.write_text(json.dumps(notebook("2", parameters="x = 1")))
    assert read_notebook(plain).sha256 != read_notebook(ran).sha256


def test_parameters_of_a_foreign_notebook_have_the_types_of_its_defaults(write: Write) -> None:
    found = read_notebook(write("mine", parameters="top = 3\nname: str = 'x'\nnone = None"))
    assert found.parameters.model_fields.keys() == {"top", "name", "none"}
    assert found.parameters().model_dump() == {"top": 3, "name": "x", "none": None}


@pytest.mark.parametrize(
    "source", ["x = open('/etc/passwd')", "import os", "x = y = 1", "x, y = 1, 2", "x += 1", "x = (", "f(1)"]
)
def test_a_parameters_cell_holds_literals_only(source: str) -> None:
    with pytest.raises(BadInput, match="only lines like name = value"):
        declared_parameters(bare(notebook(parameters=source)))


@pytest.mark.parametrize(
    "content", ["", "[]", "{}", "null", '{"cells": 3}', '{"cells": [{}]}', '{"cells": []}', "[" * 100_000]
)
def test_what_is_no_notebook_is_refused(content: str, tmp_path: Path) -> None:
    path = tmp_path / "x.ipynb"
    path.write_text(content)
    with pytest.raises(BadInput, match="notebook"):
        read_notebook(path)


def test_names(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"Did you mean 'executive'\?"):
        find_notebook("exekutive")
    with pytest.raises(BadInput, match="no such notebook"):
        find_notebook(str(tmp_path / "none.ipynb"))


def test_equal_values_give_equal_bytes() -> None:
    assert to_bytes({"b": 1, "a": [1.5, "é"]}) == b'{"a":[1.5,"\\u00e9"],"b":1}'
    assert sha256(b"") == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
