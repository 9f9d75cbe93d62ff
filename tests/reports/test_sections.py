"""A report of one's own: every section shows something or says why not; a wrong list is refused at once."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from workbench.charts import mime
from workbench.charts.stack import Heading, Paragraphs
from workbench.errors import BadInput
from workbench.reports.batch_file import expand, read_batch_file
from workbench.reports.custom import custom_report
from workbench.reports.definitions import NOTEBOOKS
from workbench.reports.page import SHOWN, Page
from workbench.reports.parameters import read_parameters
from workbench.reports.sections import SECTIONS
from workbench.store.workspace import Workspace

from .conftest import NASTY

FILES = Path(__file__).resolve().parents[2] / "params"


def test_every_section_shows_something_or_says_why_not(workspace: Workspace) -> None:
    stack = custom_report(workspace.tables(), list(SECTIONS), window=None)
    bundles = [part._repr_mimebundle_() for part in stack.parts]
    assert sum(mime.HEADING in bundle for bundle in bundles) == len(SECTIONS) - 1
    assert all(
        bundle["text/plain"] for bundle in bundles if mime.TEXT not in bundle and mime.EMPTY not in bundle
    )
    assert any(mime.TABLE in bundle for bundle in bundles)
    for bundle in bundles:
        assert set(bundle) & set(SHOWN)


@pytest.mark.parametrize(
    ("sections", "says"),
    [
        ([], r"week.yaml, value '\[\]': .*expected a list of sections"),
        (["kpis", "tend"], r"week.yaml, section 2, value 'tend': there is no such section; .* mean 'trend'"),
        ([{"metric": "roas"}], r"week.yaml, section 1, .*not a section; expected a name, or a mapping"),
        (
            [{"section": "trend", "metrics": 1}],
            r"section 1 \(trend\), value '1': no parameter named 'metrics'",
        ),
        (
            [{"section": "leaderboard", "top": 1}],
            r"section 1 \(leaderboard\), value '1': .*number from 3 to 25",
        ),
        (
            [{"section": "trend", "metric": "revenu"}],
            r"value 'revenu': .*there is no such metric; .* mean 'revenue'",
        ),
        ([{"section": "trend", "window": "soon"}], r"section 1 \(trend\), value 'soon'.* days as '30d'"),
        ([7], "section 1, value '7': not a section"),
        ([None], "section 1: not a section"),
        ("kpis", "a list of sections"),
        (["kpis"] * 41, "a list of sections"),
    ],
)
def test_what_is_no_section_is_refused_with_its_place(sections: Any, says: str) -> None:
    with pytest.raises(BadInput, match=says):
        read_parameters(NOTEBOOKS["custom"].parameters, {"sections": sections}, source="week.yaml")


def test_a_receipt_gives_the_very_same_parameters_back() -> None:
    given = [{"section": "trend", "by": "channel", "metric": "roas"}, "kpis"]
    values = read_parameters(NOTEBOOKS["custom"].parameters, {"sections": given}).model_dump(mode="json")
    told = json.loads(json.dumps(values, sort_keys=True))
    assert repr(told["sections"]) == repr(values["sections"])


def test_words_of_ones_own_are_words() -> None:
    page = Page()
    for word in NASTY:
        for part in (Heading(text=word), Paragraphs(text=f"{word}\n\n{word}")):
            bundle = part._repr_mimebundle_()
            kind = next(kind for kind in SHOWN if kind in bundle)
            block = SHOWN[kind](page, bundle[kind])
            assert block is not None
            assert "<script" not in block["markup"]
            assert "\u202e" not in block["markup"]
    assert len({entry["id"] for entry in page.contents}) == len(NASTY)


def test_the_example_is_in_order(workspace: Workspace) -> None:
    file = FILES / "custom_report.yaml"
    (wanted,) = expand(read_batch_file(file), workspace.tables(), file).runs
    assert wanted.notebook.name == "custom"
    assert wanted.parameters["title"] == "Monday board"
