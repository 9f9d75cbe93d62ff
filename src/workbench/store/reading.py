"""Which files are meant, what each of them is, and how it is opened."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn
from zoneinfo import available_timezones

from workbench.errors import BadInput
from workbench.store.reading_bytes import head_of
from workbench.store.reading_lines import open_lines
from workbench.store.reading_sheet import open_sheet
from workbench.store.reading_text import open_text
from workbench.store.schema import literal
from workbench.store.sources import Source, check_columns, damaged_parquet, glob_free

_SUFFIXES = {
    ".csv": "text",
    ".tsv": "text",
    ".tab": "text",
    ".jsonl": "lines",
    ".ndjson": "lines",
    ".json": "lines",
    ".parquet": "typed",
    ".xlsx": "sheet",
    ".xls": "sheet",
    ".xlsm": "sheet",
    ".txt": "",
    ".log": "",
}


_OF_UTC = frozenset({"UTC", "Etc/UTC"})
_OFFSET = re.compile(r"[+-][0-9]{2}:[0-9]{2}")
_HIDDEN = (".", "_")
_IN_FOLDERS = tuple(ending for ending, shape in _SUFFIXES.items() if shape)


@dataclass(frozen=True, slots=True)
class Found:
    """The files that are meant, and those of folders whose endings name no form that is read."""

    files: tuple[Path, ...]
    left: tuple[Path, ...] = ()


def find_files(paths: Iterable[str | Path]) -> Found:
    """Return the files that are meant: each file as it is, of each folder those that can be read.

    Of a workspace in the folder nothing is meant, nor what is hidden.

    Raises
    ------
    BadInput
        If a path does not exist, a folder has no such file, or one in it cannot be opened.
    """
    found: list[Path] = []
    left: list[Path] = []
    for path in map(Path, paths):
        if _is_folder(path):
            inside = _visible(path)
            readable = [file for file in inside if suffix(file) in _IN_FOLDERS]
            if not readable:
                raise BadInput("the folder has no file to load", file=path, expected=", ".join(_IN_FOLDERS))
            found.extend(readable)
            left.extend(file for file in inside if suffix(file) not in _IN_FOLDERS)
        elif path.is_file():
            found.append(path)
        else:
            raise BadInput("there is no such file", file=path)
    return Found(
        tuple(dict.fromkeys(found)), tuple(file for file in dict.fromkeys(left) if file not in found)
    )


def _is_folder(path: Path) -> bool:
    try:
        return path.is_dir()
    except OSError as error:  # such as a name that is too long
        raise BadInput(error.strerror or "cannot be read", file=path) from None


def _visible(top: Path) -> list[Path]:
    """Return the files of a folder that are neither hidden nor part of a workspace."""
    found: list[Path] = []
    for folder, inner, names in os.walk(top, onerror=_refuse):
        inner[:] = [name for name in inner if not name.startswith(_HIDDEN)]
        if "workspace.json" in names:
            inner.clear()
        else:
            found.extend(Path(folder, name) for name in names if not name.startswith(_HIDDEN))
    return sorted(file for file in found if file.is_file())


def _refuse(error: OSError) -> NoReturn:
    raise unopened(error, error.filename) from None


def unopened(error: OSError, path: str | Path) -> BadInput:
    """Return the error for a file or folder that the system does not open.

    Examples
    --------
    >>> print(unopened(PermissionError(13, "Permission denied"), "ads.csv"))
    ads.csv: it cannot be opened: Permission denied. Put it right and load it again.
    """
    return BadInput(
        f"it cannot be opened: {error.strerror or error}", file=path, fix="Put it right and load it again."
    )


def suffix(path: Path) -> str:
    """Return the ending that names the form of a file, that of a gzip left out.

    Examples
    --------
    >>> suffix(Path("ads.CSV.gz"))
    '.csv'
    """
    name = path.name.lower().removesuffix(".gz")
    return Path(name).suffix


def open_source(path: Path, *, delimiter: str = "auto", numbered: bool = False) -> Source:
    """Return a file opened, by its content where its name does not say what it is.

    Parameters
    ----------
    path : Path
        The file.
    delimiter : str
        Of a delimited file: the sign, ``"whitespace"``, or ``"auto"``.
    numbered : bool
        Whether the first column of a delimited file may lack a name.

    Raises
    ------
    BadInput
        If it is empty, broken, or of an unknown form.
    """
    _check_name(path)
    start = head_of(path)
    if not start.strip(b"\xef\xbb\xbf\xff\xfe\x00 \t\r\n"):
        raise BadInput("the file is empty", file=path, expected="a header and rows, or JSON lines")
    match _shape(path, start):
        case "typed":
            return _open_parquet(path)
        case "sheet":
            return open_sheet(path)
        case "lines":
            return open_lines(path)
    return open_text(path, delimiter, numbered=numbered)


def _check_name(path: Path) -> None:
    # The load log names the file: a name that is no text would stop this load half-way, and every later one.
    try:
        str(path).encode()
    except UnicodeEncodeError:
        raise BadInput("the name of the file is not UTF-8 text", file=path, fix="Rename it.") from None


def _shape(path: Path, start: bytes) -> str:
    if start.startswith(b"PAR1"):
        return "typed"
    if start.startswith((b"PK\x03\x04", b"\xd0\xcf\x11\xe0")):
        return "sheet"
    said = _SUFFIXES.get(suffix(path), "")
    if said in {"typed", "sheet"}:
        raise BadInput(f"the name ends with {suffix(path)}, but the content is something else", file=path)
    return said or ("lines" if start.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"{") else "text")


def _open_parquet(path: Path) -> Source:
    import duckdb

    with duckdb.connect() as connection:
        try:
            described = connection.execute(
                f"DESCRIBE SELECT * FROM read_parquet({literal(glob_free(path))})"
            ).fetchall()
        except duckdb.Error as error:
            raise damaged_parquet(str(error).splitlines()[0][:200], path) from None
        schema = connection.execute(
            f"SELECT name, num_children FROM parquet_schema({literal(glob_free(path))})"
        ).fetchall()
    names = tuple(str(row[0]) for row in described)
    check_columns(_own_names(schema), path)  # where two are equal, the reader gives one of them another name
    check_columns(names, path)
    types = tuple(str(row[1]) for row in described)
    zones = _zones(path) if any(kind.startswith("TIMESTAMP") for kind in types) else {}
    return Source(path=path, shape="typed", columns=names, types=types, zones=zones)


def _zones(path: Path) -> dict[str, str]:
    """Return the time zones that Arrow noted for columns of instants; Parquet itself knows UTC only."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    found = {}
    for column in pq.read_schema(path):
        zone = getattr(column.type, "tz", None) if pa.types.is_timestamp(column.type) else None
        if zone and (_OFFSET.fullmatch(zone) or zone in available_timezones() - _OF_UTC):
            found[column.name] = zone
    return found


def _own_names(schema: Sequence[tuple[str, int | None]]) -> tuple[str, ...]:
    """Return the names of the columns themselves, of a schema that lists what is nested in them, too."""
    names, nested = [], 0
    for name, children in schema[1:]:
        if nested:
            nested -= 1
        else:
            names.append(name)
        nested += children or 0
    return tuple(names)


def fingerprint(path: Path, more: str = "") -> str:
    """Return what tells a load apart: a hash of the file's bytes and of how they are read."""
    digest = hashlib.sha256(more.encode())
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()[:32]
