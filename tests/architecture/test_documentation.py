"""What the pages show can be typed: commands and their options, modules, functions and their arguments."""

from __future__ import annotations

import ast
import inspect
import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from typer.main import get_command

from workbench.cli.commands import app

ROOT = Path(__file__).resolve().parents[2]
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
_BLOCK = re.compile(r"^ *```(\w*)\n(.*?)^ *```", re.MULTILINE | re.DOTALL)
_ABSENT = object()
COMMAND = get_command(app)


def blocks(page: Path, *kinds: str) -> Iterator[str]:
    for kind, text in _BLOCK.findall(page.read_text()):
        if kind in kinds:
            yield inspect.cleandoc(text)


def typed(page: Path) -> Iterator[list[str]]:
    """Return the words of every command of the project on a page, its options and arguments."""
    for text in blocks(page, "", "sh", "bash", "console"):
        for line in text.replace("\\\n", " ").splitlines():
            if line.removeprefix("$ ").startswith("workbench "):
                words = shlex.split(line.removeprefix("$ "), comments=True)
                yield words[1 : words.index(">") if ">" in words else None]


def resolved(node: ast.expr, known: dict[str, Any]) -> Any:
    """Return what a dotted name means, as far as it is known without running anything."""
    if isinstance(node, ast.Name):
        return known.get(node.id)
    if isinstance(node, ast.Attribute):
        holder = resolved(node.value, known)
        if isinstance(holder, ModuleType | type):
            return getattr(holder, node.attr, _ABSENT)
    return None


def imported(tree: ast.Module) -> dict[str, Any]:
    lines = [node for node in ast.walk(tree) if isinstance(node, ast.Import | ast.ImportFrom)]
    known: dict[str, Any] = {}
    exec("\n".join(map(ast.unparse, lines)), known)  # noqa: S102 - the project's own pages
    return known


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_commands_and_their_options_exist(page: Path) -> None:
    for words in typed(page):
        at, rest = COMMAND, list(words)
        while rest and rest[0] in getattr(at, "commands", {}):
            at = at.commands[rest.pop(0)]
        assert not getattr(at, "commands", {}) or not rest or rest[0].startswith("-"), words
        options = {name for one in at.params for name in (*one.opts, *one.secondary_opts)} | {"--help"}
        asked = {word.split("=")[0] for word in rest if re.fullmatch(r"--[a-z][\w-]*(=.*)?|-[a-z]", word)}
        assert asked <= options, (words, asked - options)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_python_names_what_there_is(page: Path) -> None:
    tree = ast.parse("\n".join(blocks(page, "python")))
    known = imported(tree)
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute):
            assert resolved(node, known) is not _ABSENT, ast.unparse(node)
        if isinstance(node, ast.Call):
            called = resolved(node.func, known)
            if str(getattr(called, "__module__", "")).startswith("workbench"):
                inspect.signature(called).bind_partial(
                    *node.args, **{one.arg: one.value for one in node.keywords if one.arg}
                )


def test_there_is_something_to_look_at() -> None:
    assert sum(len(list(typed(page))) for page in PAGES) > 60
    assert sum(len(list(blocks(page, "python"))) for page in PAGES) > 20
