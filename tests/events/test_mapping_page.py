"""The page of mappings and the how-to say what the mappings do."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

from workbench.events.mapping import MAPPINGS, parse_mapping
from workbench.events.mapping_page import mappings_page

DOCS = Path(__file__).resolve().parents[2] / "docs"


def test_the_page_is_up_to_date() -> None:
    assert (DOCS / "reference" / "mappings.md").read_text() == mappings_page(), "run `make docs`"


def test_the_page_names_every_mapping_and_column() -> None:
    sections = dict(re.findall(r"^## (\w+)\n(.*?)(?=^## |\Z)", mappings_page(), re.MULTILINE | re.DOTALL))
    assert list(sections) == list(MAPPINGS)
    for name, mapping in MAPPINGS.items():
        for target in mapping.targets:
            assert f"| {target} |" in sections[name]


def test_the_example_of_the_how_to_works(load_rows: Callable[..., Any]) -> None:
    example = re.search(r"```yaml\n(.*?)```", (DOCS / "how-to" / "map-a-source.md").read_text(), re.DOTALL)
    assert example is not None
    columns = ["Bestellnummer", "Kundennummer", "Datum", "Menge", "Einzelpreis", "Bemerkung"]
    rows = [
        ["7", "12", "01.07.2024 00:30", "2", "1.234,50 €", None],
        ["7", None, "02.07.2024 12:00", "-1", "10", "x"],
    ]
    loaded = load_rows(parse_mapping(example.group(1)), columns, rows)
    assert loaded.failures == []
    assert loaded.unmapped == ()
    assert [(r["line"], r["order_value"], r["is_return"]) for r in loaded.rows] == [
        (1, 2469.0, False),
        (2, -10.0, True),
    ]
    assert loaded.rows[0]["ordered_at"] == "2024-06-30T22:30:00Z"
