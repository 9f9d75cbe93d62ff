"""The reference pages say what the definitions say."""

from __future__ import annotations

from pathlib import Path

import pytest

FOLDER = Path(__file__).resolve().parents[2] / "docs" / "reference"


@pytest.mark.parametrize("name", ["commands.md", "events.md", "metrics.md", "tables.md"])
def test_page_is_up_to_date(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "100")
    from workbench.cli.reference import pages

    assert (FOLDER / name).read_text() == pages()[name], "run `make docs`"
