"""No module reaches itself through imports, whether at the top, late in a function, or for types alone."""

import ast
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

SOURCE = Path(__file__).resolve().parents[2] / "src" / "workbench"


def imports(root: Path) -> dict[str, set[str]]:
    """Return the modules of a package that each of its modules names in an import, wherever it stands."""
    paths = {_name(path, root): path for path in sorted(root.rglob("*.py"))}
    return {
        name: {known for asked in _asked(path, name) if (known := _known(asked, paths))} - {name}
        for name, path in paths.items()
    }


def _name(path: Path, root: Path) -> str:
    return ".".join(path.relative_to(root.parent).with_suffix("").parts).removesuffix(".__init__")


def _asked(path: Path, name: str) -> Iterator[str]:
    package = name if path.stem == "__init__" else name.rpartition(".")[0]
    stub = path.with_suffix(".pyi")  # what a room offers late
    offered = ast.walk(ast.parse(stub.read_text())) if stub.exists() else ()
    for node in (*ast.walk(ast.parse(path.read_text())), *offered):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            above = package.split(".")[: len(package.split(".")) - node.level + 1] if node.level else []
            base = ".".join([*above, *([node.module] if node.module else [])])
            yield from (f"{base}.{alias.name}" for alias in node.names)


def _known(asked: str, paths: Mapping[str, Path]) -> str:
    """Return the module that an imported name is, or stands in; nothing for what is not of the package."""
    while asked and asked not in paths:
        asked = asked.rpartition(".")[0]
    return asked


def circles(graph: Mapping[str, set[str]]) -> list[list[str]]:
    """Return, for each set of modules that reach one another, a shortest way around."""
    found: list[list[str]] = []
    for start in graph:
        way = _way(graph, start)
        if way and not any(set(way) & set(known) for known in found):
            found.append(way)
    return found


def _way(graph: Mapping[str, set[str]], start: str) -> list[str]:
    ways, seen = [[start]], {start}
    for way in ways:
        for after in sorted(graph[way[-1]]):
            if after == start:
                return [*way, start]
            if after not in seen:
                seen.add(after)
                ways.append([*way, after])
    return []


def test_no_module_imports_itself_by_a_detour() -> None:
    assert not [" -> ".join(way) for way in circles(imports(SOURCE))]


@pytest.mark.parametrize(
    "back",
    [
        "from room.first import one",
        "from room import first",
        "from . import first",
        "from .first import one",
        "import room.first",
        "def f():\n    from room.first import one",
        "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from room.first import one",
    ],
)
def test_a_circle_is_found_however_it_is_written(tmp_path: Path, back: str) -> None:
    room = tmp_path / "room"
    room.mkdir()
    for name, text in {
        "__init__": "from room.first import one\n",
        "first": "import os\nfrom room.inner import two\none = two\n",
        "inner": "from room.second import two\n",
        "second": f"{back}\ntwo = 2\n",
        "apart": "from room.first import one\n",
    }.items():
        (room / f"{name}.py").write_text(text)
    assert circles(imports(room)) == [["room.first", "room.inner", "room.second", "room.first"]]
