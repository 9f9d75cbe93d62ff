"""The notebooks and the models of their parameters say the same; nothing depends on the hour."""

from __future__ import annotations

import re

import pytest

from workbench.reports.definitions import NOTEBOOKS
from workbench.reports.notebook import declared_parameters, find_notebook, notebooks_folder
from workbench.reports.parameters import SET_BY_THE_RUN

_CHANGING = re.compile(
    r"\b(now|today|utcnow|time\.time|perf_counter|uuid\d|urandom|default_rng\(\)|random\.|getenv|environ)\b"
)


@pytest.mark.parametrize("name", list(NOTEBOOKS))
def test_the_parameters_cell_is_the_model(name: str) -> None:
    found = find_notebook(name)
    declared = declared_parameters(found.source)
    assert tuple(declared)[:2] == SET_BY_THE_RUN
    assert declared["workspace"] == "../data/demo"
    assert declared["data_version"] is None
    own = {key: value for key, value in declared.items() if key not in SET_BY_THE_RUN}
    assert own == NOTEBOOKS[name].parameters().model_dump()


@pytest.mark.parametrize("name", list(NOTEBOOKS))
def test_nothing_depends_on_the_hour(name: str) -> None:
    for cell in find_notebook(name).source["cells"]:
        if cell["cell_type"] == "code":
            assert not _CHANGING.search(cell["source"]), cell["source"]


def test_every_notebook_is_known() -> None:
    assert {path.stem for path in notebooks_folder().glob("*.ipynb")} == set(NOTEBOOKS)
