"""The rules of the house, checked on the source itself."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SOURCE = ROOT / "src" / "workbench"
MODULES = sorted(SOURCE.rglob("*.py"))
VAGUE = re.compile(
    r"^(utils?|helpers?|common|core|base|misc|manager|service|engine|handler|processor|constants)s?$"
)


def _name(module: Path) -> str:
    return str(module.relative_to(SOURCE))


@pytest.mark.parametrize("module", MODULES, ids=_name)
def test_module_keeps_the_rules(module: Path) -> None:
    text = module.read_text()
    tree = ast.parse(text)
    assert len(text.splitlines()) <= 350
    assert not VAGUE.match(module.stem)
    assert ast.get_docstring(tree)
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            _stays_small(node)
    for statement in tree.body:
        if isinstance(statement, ast.ClassDef):
            _shows_itself_in_short(statement)


def _stays_small(function: ast.FunctionDef | ast.AsyncFunctionDef) -> None:
    body = [s for s in function.body if not (isinstance(s, ast.Expr) and isinstance(s.value, ast.Constant))]
    lines = (function.end_lineno or 0) - body[0].lineno + 1 if body else 0
    named = [a.arg for a in (*function.args.args, *function.args.kwonlyargs)]
    arguments = len([name for name in named if name not in ("self", "cls")])
    assert lines <= 40, f"{function.name} has a body of {lines} lines"
    assert arguments <= 7, f"{function.name} takes {arguments} parameters"


def _shows_itself_in_short(result: ast.ClassDef) -> None:
    named = {base.id for base in result.bases if isinstance(base, ast.Name)}
    held = {
        name
        for item in result.body
        for name in (
            [item.name]
            if isinstance(item, ast.FunctionDef)
            else [target.id for target in item.targets if isinstance(target, ast.Name)]
            if isinstance(item, ast.Assign)
            else []
        )
    }
    if {"sentence", "to_frame"} <= held and not named & {"View", "Protocol", "ABC"}:
        assert {"__repr__", "_repr_html_"} <= held, f"{result.name} prints all of its figures"


@pytest.mark.parametrize(
    "rooms", ["", "from workbench import attribution, charts, experiments, explore, mmm"]
)
def test_nothing_heavy_is_imported_at_start(rooms: str) -> None:
    code = f"import sys, workbench\n{rooms}\nprint(*sys.modules)"
    loaded = set(
        subprocess.run(
            [sys.executable, "-c", code], capture_output=True, text=True, check=True
        ).stdout.split()
    )
    heavy = {
        "pandas",
        "polars",
        "duckdb",
        "deltalake",
        "pyarrow",
        "ibis",
        "altair",
        "papermill",
        "numpy",
        "pydantic",
    }
    assert not loaded & heavy


def test_help_needs_nothing_heavy() -> None:
    code = (
        "import sys\nfrom workbench.cli import main\n"
        "try:\n    main(['--help'])\nexcept SystemExit:\n    pass\nprint(*sys.modules, file=sys.stderr)"
    )
    loaded = set(
        subprocess.run(
            [sys.executable, "-c", code], capture_output=True, text=True, check=True
        ).stderr.split()
    )
    assert "workbench.cli.commands" in loaded
    assert not loaded & {
        "pandas",
        "polars",
        "duckdb",
        "deltalake",
        "pyarrow",
        "ibis",
        "altair",
        "papermill",
        "numpy",
    }


def test_every_public_name_is_there() -> None:
    import workbench

    for name in workbench.__all__:
        assert getattr(workbench, name) is not None


def test_completion_offers_every_room_and_what_it_gives() -> None:
    code = (
        "import workbench as wb\n"
        "for room in wb._ROOMS:\n"
        "    assert room in dir(wb), room\n"
        "    given = getattr(wb, room)\n"
        "    assert sorted(given.__all__) == dir(given), room\n"
        "    assert not [name for name in dir(given) if type(getattr(given, name)) is type(wb)], room\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_rooms_that_load_late_say_what_they_lack() -> None:
    from workbench import experiments

    with pytest.raises(AttributeError, match=r"workbench\.experiments attribute analyse"):
        experiments.analyse  # noqa: B018


def test_group_by_has_few_homes() -> None:
    homes = {_name(m) for m in MODULES if re.search(r"\.(group_by|groupby)\(", m.read_text())}
    homes -= {
        "experiments/users/table.py",
        "experiments/users/one_pass.py",
    }  # one's own table, no workspace's
    outside = {home for home in homes if not home.startswith(("metrics/", "explore/", "events/simulation/"))}
    assert not outside, f"metrics are grouped in one room only; found also in {outside}"


def test_definitions_hold_the_promised_counts() -> None:
    from workbench.events.definitions import EVENT_TYPES, SEGMENTS

    assert len(EVENT_TYPES) == 20
    assert len(SEGMENTS) == 8


def test_architecture_page_names_every_room() -> None:
    page = (ROOT / "ARCHITECTURE.md").read_text()
    rooms = {path.name for path in SOURCE.iterdir() if path.is_dir() and (path / "__init__.py").exists()}
    rooms |= {path.name for path in SOURCE.glob("*.py") if path.stem != "__init__"}
    assert all(f"`{room}" in page for room in rooms)


def test_the_project_speaks_of_itself_alone() -> None:
    listed = subprocess.run(
        ["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout.split()
    foreign = re.compile(r"/wor" r"k/|/tm" r"p/boot|\.libr" r"ary|far" r"m-(bench|studio)|TO" r"DO|FIX" r"ME")
    for name in listed:
        if name.endswith((".lock", ".png")) or not (ROOT / name).is_file():
            continue
        assert not foreign.search((ROOT / name).read_text(errors="replace")), name


def test_layers_point_one_way() -> None:
    result = subprocess.run(
        [sys.executable, "-c", "from importlinter.cli import lint_imports_command as c; c()", "--no-cache"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stdout
