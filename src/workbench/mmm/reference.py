"""The reference page of media mix models, from the definitions: fields of a file, checks, gates."""

from __future__ import annotations

import inspect
import re
from dataclasses import MISSING, Field, fields
from typing import Any

from workbench.mmm import spec_file
from workbench.mmm.checks import CHECKS
from workbench.mmm.deriving import Derived
from workbench.mmm.gates import GATES
from workbench.mmm.spec import Channel, LiftTest, MixSpec, ReturnPrior, Sampling
from workbench.mmm.spec_file import Source

_ENTRY = re.compile(r"(\S.*?) : (.*)")
_KINDS = {"str": "text", "float": "number", "int": "whole number", "date": "YYYY-MM-DD"}
_PARTS: tuple[tuple[str, type], ...] = (
    ("The model", MixSpec),
    ("channels", Channel),
    ("channels: prior", ReturnPrior),
    ("lift_tests", LiftTest),
    ("sampling", Sampling),
    ("Where the data come from", Source),
    ("derive", Derived),
)


def mix_page() -> str:
    """Return what a file of a model may say, what is checked of its data and of the fit, as Markdown."""
    example = inspect.cleandoc((spec_file.__doc__ or "").split("::\n", 1)[1])
    checks = "\n".join(f"| {', '.join(check.finds)} | {check.says} |" for check in CHECKS.values())
    gates = "\n".join(f"| `{gate.name}` | {gate.title} | {gate.says} |" for gate in GATES.values())
    parts = [
        "# Media mix models",
        "Written from `mmm/spec.py`, `mmm/spec_file.py`, `mmm/checks.py` and `mmm/gates.py`. How to bring "
        "the data in order: [Prepare data for a media mix model](../how-to/prepare-media-mix-data.md).",
        "## A model as a file",
        f"```yaml\n{example}\n```",
        *(f"### {title}\n\n{_table(part)}" for title, part in _PARTS),
        "## What is checked of the data",
        f"| what may be found | what is asked |\n|---|---|\n{checks}",
        "## What is asked of a fitted model",
        "[Media mix explained](../explanation/media-mix.md) has the limits, and what to do where one is "
        "missed.",
        f"| gate | asks | why |\n|---|---|---|\n{gates}",
    ]
    return "\n\n".join(parts) + "\n"


def _table(part: type) -> str:
    said = _said(part)
    rows = [_row(field, *said[field.name]) for field in fields(part)]
    return "\n".join(["| field | kind | default | meaning |", "|---|---|---|---|", *rows])


def _row(field: Field[Any], kind: str, meaning: str) -> str:
    cells = [f"`{field.name}`", _kind(kind), _default(field), meaning]
    return f"| {' | '.join(cell.replace('|', '/') for cell in cells)} |"


def _kind(said: str) -> str:
    if said.startswith("{"):
        return ", ".join(f"`{one}`" for one in re.findall("'(.*?)'", said))
    if said.startswith("tuple of "):
        one = said.removeprefix("tuple of ")
        return "list of texts" if one == "str" else "list"
    return _KINDS.get(said, "mapping")


def _default(field: Field[Any]) -> str:
    if field.default_factory is not MISSING:
        return "as below"
    if field.default is MISSING:
        return "must be said"
    return "none" if field.default in {None, "", ()} else f"`{field.default}`"


def _said(part: type) -> dict[str, tuple[str, str]]:
    """Return kind and meaning of every field, as the docstring has them."""
    text = inspect.getdoc(part) or ""
    lines = text.split("Parameters\n----------\n", 1)[1].splitlines()
    said: dict[str, tuple[str, str]] = {}
    names: list[str] = []
    for line in lines:
        if found := _ENTRY.fullmatch(line):
            names = found[1].split(", ")
            said |= {name: (found[2].removesuffix(", optional"), "") for name in names}
        elif line.startswith(" ") and names:
            said |= {name: (said[name][0], f"{said[name][1]} {line.strip()}".strip()) for name in names}
        elif line:
            break
    return said
