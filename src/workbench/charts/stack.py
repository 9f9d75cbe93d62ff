"""Several results below each other as one value, with headings and words of one's own between them."""

from __future__ import annotations

from dataclasses import dataclass
from html import escape
from typing import Any

from workbench.charts import mime
from workbench.charts.drawing import shown, shown_as

_LONGEST = 5000


@dataclass(frozen=True, slots=True, kw_only=True)
class Heading:
    """A heading of the second level, listed among the contents of a report."""

    text: str

    def _repr_mimebundle_(self, **_options: object) -> dict[str, Any]:
        line = shown(self.text, 200)
        return shown_as(mime.HEADING, {"text": line}, line, f"<h2>{escape(line)}</h2>")


@dataclass(frozen=True, slots=True, kw_only=True)
class Paragraphs:
    """Words of one's own; an empty line begins a paragraph, and nothing in them is read as markup."""

    text: str

    def _repr_mimebundle_(self, **_options: object) -> dict[str, Any]:
        parts = [line for part in self.text.split("\n\n") if (line := shown(part, _LONGEST))]
        html = "".join(f"<p>{escape(part)}</p>" for part in parts)
        return shown_as(mime.TEXT, {"paragraphs": parts}, " ".join(parts), html)


@dataclass(frozen=True, slots=True, kw_only=True)
class Stack:
    """Results that are shown one after the other, each as an output of its own.

    Parameters
    ----------
    parts : tuple
        What is shown; each can show itself.
    """

    parts: tuple[Any, ...]

    def _ipython_display_(self) -> None:
        from IPython.display import display

        for part in self.parts:
            display(part)  # type: ignore[no-untyped-call]
