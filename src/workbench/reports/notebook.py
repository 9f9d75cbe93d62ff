"""A notebook as the reports see it: where it is found, what it can be asked, and its canonical form.

The canonical form is what is stored, hashed and compared: no execution counts or times, no stderr, no memory
addresses, fixed cell ids, sorted keys. Two runs with equal inputs give equal bytes.
"""

from __future__ import annotations

import ast
import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import create_model

from workbench.errors import BadInput, unknown_name
from workbench.events.documents import read_whole
from workbench.reports.definitions import NOTEBOOKS
from workbench.reports.parameter_kinds import RunParameters
from workbench.reports.parameters import SET_BY_THE_RUN

LARGEST = 5_000_000
INJECTED = "injected-parameters"
_MARKER = "papermill-error-cell-tag"
_ADDRESS = re.compile(r"\b0x[0-9a-f]{6,16}\b")
_COLOUR = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")
_LANGUAGE = {
    "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
    "language_info": {"name": "python"},
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Notebook:
    """A notebook that can be run.

    Parameters
    ----------
    name : str
        Its name: the file's name without the ending.
    title : str
        Its first heading.
    source : mapping
        The notebook without outputs, as JSON values.
    parameters : type
        The model of its parameters.
    """

    name: str
    title: str
    source: Mapping[str, Any]
    parameters: type[RunParameters]

    @property
    def sha256(self) -> str:
        """Return the hash of the notebook without its outputs."""
        return sha256(to_bytes(self.source))


def sha256(content: bytes) -> str:
    """Return the SHA-256 of bytes, in hexadecimal."""
    return hashlib.sha256(content).hexdigest()


def to_bytes(value: object, *, indent: int | None = None) -> bytes:
    """Return JSON with sorted keys, in ASCII: equal values give equal bytes."""
    separators = (",", ": ") if indent else (",", ":")
    return json.dumps(
        value, sort_keys=True, ensure_ascii=True, indent=indent, separators=separators, allow_nan=True
    ).encode()


def notebooks_folder() -> Path:
    """Return the folder of the project's notebooks: beside the package's checkout, or inside the package."""
    package = Path(__file__).resolve().parents[1]
    checkout = package.parents[1] / "notebooks"
    return checkout if checkout.is_dir() else package / "notebooks"


def find_notebook(name_or_path: str, *, source: str | None = None) -> Notebook:
    """Return a notebook by its name or its path.

    Parameters
    ----------
    name_or_path : str
        A name of the catalog, or a path that ends on .ipynb.
    source : str, optional
        The place of a file that says so, which an unknown name is then a mistake of.

    Raises
    ------
    UsageError
        If it is neither the name of a notebook nor a file.
    BadInput
        If the file is not a notebook, or has no parameters cell that can be read.
    """
    path = Path(name_or_path)
    if path.suffix != ".ipynb":
        if source is not None and name_or_path not in NOTEBOOKS:
            raise BadInput(
                str(unknown_name("notebook", name_or_path, NOTEBOOKS)).removesuffix("."), file=source
            )
        path = notebooks_folder() / f"{NOTEBOOKS[name_or_path].name}.ipynb"
    if not path.is_file():
        raise BadInput(
            "no such notebook", file=name_or_path, expected=f"one of {', '.join(NOTEBOOKS)}, or a file"
        )
    return read_notebook(path)


def read_notebook(path: Path) -> Notebook:
    """Return the notebook in a file, its outputs dropped."""
    text = read_whole(path, LARGEST)
    try:
        raw = json.loads(text)
        source = bare(raw)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        raise BadInput("not a notebook", file=path, expected="a Jupyter notebook, format 4") from None
    name = path.stem
    here = path.resolve().parent == notebooks_folder().resolve()
    model = NOTEBOOKS[name].parameters if here and name in NOTEBOOKS else infer_parameters(source, path)
    return Notebook(name=name, title=title_of(source) or name, source=source, parameters=model)


def bare(raw: Mapping[str, Any]) -> dict[str, Any]:
    """Return a notebook without outputs and without anything an execution wrote into it."""
    cells = []
    for index, cell in enumerate(raw["cells"]):
        kept: dict[str, Any] = {
            "cell_type": str(cell["cell_type"]),
            "id": str(cell.get("id") or f"cell-{index:02d}"),
            "metadata": _metadata(cell),
            "source": _text(cell["source"]),
        }
        if kept["cell_type"] == "code":
            kept |= {"execution_count": None, "outputs": []}
        cells.append(kept)
    return {"cells": cells, "metadata": _LANGUAGE, "nbformat": 4, "nbformat_minor": 5}


def canonical(executed: Mapping[str, Any], workspace: Path | None = None) -> dict[str, Any]:
    """Return an executed notebook in canonical form.

    Parameters
    ----------
    executed : mapping
        The notebook as the execution left it.
    workspace : Path, optional
        The folder whose full path is written as ``../..``, what it is from within a run's folder.
    """
    # papermill marks a failing cell with two cells of its own
    kept = [cell for cell in executed["cells"] if _MARKER not in cell.get("metadata", {}).get("tags", [])]
    form = bare({"cells": kept})
    hidden = str(workspace) if workspace else None
    for cell, raw in zip(form["cells"], kept, strict=True):
        if INJECTED in cell["metadata"].get("tags", []):
            cell["id"] = INJECTED
        if cell["cell_type"] == "code":
            cell["outputs"] = [_masked(output, hidden) for output in _merged(raw.get("outputs", []))]
    return form


def _metadata(cell: Mapping[str, Any]) -> dict[str, Any]:
    tags = sorted(str(tag) for tag in cell.get("metadata", {}).get("tags", []))
    return {"tags": tags} if tags else {}


def _text(value: object) -> str:
    return "".join(value) if isinstance(value, list) else str(value)


def _merged(outputs: list[dict[str, Any]]) -> list[dict[str, Any]]:
    merged: list[dict[str, Any]] = []
    for output in outputs:
        if output["output_type"] == "stream":
            if output.get("name") != "stdout":
                continue
            text = _text(output["text"])
            if merged and merged[-1]["output_type"] == "stream":
                merged[-1]["text"] += text
            else:
                merged.append({"output_type": "stream", "name": "stdout", "text": text})
        elif output["output_type"] == "error":
            lines = [_COLOUR.sub("", line) for line in output.get("traceback", [])]
            merged.append(
                {
                    "output_type": "error",
                    "ename": output["ename"],
                    "evalue": output["evalue"],
                    "traceback": lines,
                }
            )
        else:
            merged.append(_shown(output))
    return merged


def _shown(output: Mapping[str, Any]) -> dict[str, Any]:
    data = {
        mime: value if mime.endswith("json") else _text(value)
        for mime, value in output["data"].items()
        if mime != "application/vnd.jupyter.widget-view+json"
    }
    kept = {"output_type": output["output_type"], "data": data, "metadata": dict(output.get("metadata", {}))}
    return kept | ({"execution_count": None} if output["output_type"] == "execute_result" else {})


def _masked(value: Any, hidden: str | None) -> Any:
    if isinstance(value, str):
        text = _ADDRESS.sub("0x0", value)
        return re.sub(rf"(?<![\w.-]){re.escape(hidden)}(?![\w.-])", "../..", text) if hidden else text
    if isinstance(value, dict):
        return {key: _masked(item, hidden) for key, item in value.items()}
    if isinstance(value, list):
        return [_masked(item, hidden) for item in value]
    return value


def title_of(source: Mapping[str, Any]) -> str | None:
    """Return the first heading of a notebook, without its marks."""
    for cell in source["cells"]:
        if cell["cell_type"] == "markdown":
            for line in cell["source"].splitlines():
                if line.startswith("# "):
                    return str(line[2:].strip())
    return None


def declared_parameters(source: Mapping[str, Any], file: object = None) -> dict[str, object]:
    """Return what the cell tagged ``parameters`` assigns: name to literal value, in order.

    Raises
    ------
    BadInput
        If there is no such cell, or it holds anything but plain assignments of literal values.
    """
    cells = [c for c in source["cells"] if "parameters" in c["metadata"].get("tags", [])]
    if len(cells) != 1 or cells[0]["cell_type"] != "code":
        raise BadInput(
            "not a notebook that can be run", file=file, expected="one code cell tagged 'parameters'"
        )
    try:
        return dict(map(_assignment, ast.parse(cells[0]["source"]).body))
    except (SyntaxError, ValueError):
        raise BadInput(
            "the parameters cell cannot be read", file=file, expected="only lines like name = value"
        ) from None


def _assignment(statement: ast.stmt) -> tuple[str, object]:
    match statement:
        case ast.Assign(targets=[ast.Name(id=name)], value=value):
            return name, ast.literal_eval(value)
        case ast.AnnAssign(target=ast.Name(id=name), value=ast.expr() as value):
            return name, ast.literal_eval(value)
    raise ValueError(ast.unparse(statement))


def infer_parameters(source: Mapping[str, Any], file: object = None) -> type[RunParameters]:
    """Return a model made of a notebook's parameters cell: each takes the type of its default."""
    fields: dict[str, Any] = {}
    for name, default in declared_parameters(source, file).items():
        if name not in SET_BY_THE_RUN:
            kind: Any = str | None if default is None else type(default)
            fields[name] = (kind, default)
    return create_model("GivenParameters", __base__=RunParameters, **fields)
