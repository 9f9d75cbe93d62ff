"""A report of one's own: a list of sections, shown one after the other."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from workbench.charts.stack import Heading, Stack
from workbench.reports.sections import read_sections

if TYPE_CHECKING:
    from workbench.source import Tables


def custom_report(tables: Tables, sections: Sequence[Any], *, window: str | None = "30d") -> Stack:
    """Return the sections asked for, each below its heading.

    Parameters
    ----------
    tables : Tables
        The data at one version.
    sections : sequence
        Names of `sections.SECTIONS`, or mappings with the name under ``section`` and options beside it.
    window : str, optional
        The days of sections that do not say their own; None is all.

    Raises
    ------
    BadInput
        With the place in the list, what stands there, and what was expected.
    """
    parts: list[Any] = []
    for kind, options in read_sections(sections):
        title = kind.title if options.title is None else options.title
        if title.strip():
            parts.append(Heading(text=title))
        parts += kind.show(tables, options, options.window or window)
    return Stack(parts=tuple(parts))
