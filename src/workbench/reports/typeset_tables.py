"""A table as it is set on paper, with the words that the template measures to make columns wide enough."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

_PIECE = 18  # letters of a word that stay together
_MEASURED = 4  # of the longest words and cells of a column: letters are not all as wide


def table_set(table: Mapping[str, Any]) -> dict[str, Any]:
    """Return a table as the template takes it: its words may break, and those of each column to be measured.

    Examples
    --------
    >>> columns = [{"label": "Channel", "number": False}, {"label": "Spend", "number": True}]
    >>> made = table_set({"caption": "", "columns": columns, "rows": [["paid social", "€1,200"]]})
    >>> [(column["cells"], column["words"]) for column in made["columns"]]
    [(['paid social'], ['social', 'paid']), (['€1,200'], ['€1,200'])]
    """
    columns, rows = table["columns"], [[str(cell) for cell in row] for row in table["rows"]]
    return {
        "caption": table["caption"],
        "columns": [_column(column, [row[n] for row in rows]) for n, column in enumerate(columns)],
        "rows": [[breakable(cell, _PIECE) for cell in row] for row in rows],
        "left_out": int(table.get("left_out") or 0),
    }


def _column(column: Mapping[str, Any], cells: list[str]) -> dict[str, Any]:
    words = {word[:_PIECE] for cell in cells for word in cell.split()}
    return {
        "label": breakable(str(column["label"]), _PIECE),
        "number": bool(column["number"]),
        "head": [word[:_PIECE] for word in str(column["label"]).split()],
        "words": _longest(words),
        "cells": _longest(set(cells)),
    }


def _longest(texts: Iterable[str]) -> list[str]:
    return sorted(texts, key=lambda text: (-len(text), text))[:_MEASURED]


def breakable(text: str, most: int = 24) -> str:
    """Return a text in which a word too long for a column may break: at a space without width.

    Examples
    --------
    >>> breakable("x" * 40).count(chr(0x200B)), breakable("short words")
    (1, 'short words')
    """
    return re.sub(rf"(\S{{{most}}})(?=\S)", "\\1\u200b", text)
