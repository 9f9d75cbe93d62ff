"""The reference pages say what the definitions say."""

from __future__ import annotations

from pathlib import Path

import pytest

from workbench.cli.commands import reference

FOLDER = Path(__file__).resolve().parents[2] / "docs" / "reference"


@pytest.mark.parametrize(
    "name", ["commands.md", "events.md", "mappings.md", "media-mix.md", "metrics.md", "tables.md"]
)
def test_page_is_up_to_date(name: str) -> None:
    assert (FOLDER / name).read_text() == reference.pages()[name], "run `make docs`"
