"""JSON lines: lines of text, found with one pass over the bytes; their content is read in the database."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from workbench.errors import BadInput
from workbench.store.reading_bytes import blocks
from workbench.store.sources import OWN_COLUMNS, Source

if TYPE_CHECKING:
    import pyarrow as pa

LONGEST = 64 << 20
_SAMPLED = 2000
_MOST_KEYS = 2000
_NOT_TEXT = "not UTF-8 text"


def open_lines(path: Path) -> Source:
    """Return a file of JSON lines; its columns are the keys of its first lines.

    Raises
    ------
    BadInput
        If it is one JSON array, or one object over several lines.
    """
    keys: dict[str, None] = {}
    for seen, (_, line) in enumerate(_first_lines(path)):
        if seen == 0:
            _refuse_document(line.removeprefix(b"\xef\xbb\xbf").strip(), path)
        keys |= dict.fromkeys(_keys(line))
    return Source(path=path, shape="lines", columns=tuple(keys), batches=lambda: read_lines(path))


def with_all_keys(source: Source) -> Source:
    """Return a file of JSON lines with the keys of all its lines as columns, those of the first lines first.

    Raises
    ------
    BadInput
        If there are more keys than rows of a table can have.
    """
    import duckdb

    keys = dict.fromkeys(source.columns)
    with duckdb.connect() as connection:
        for batch in read_lines(source.path):
            connection.register("_lines", batch)
            found = connection.execute(
                "SELECT DISTINCT unnest(json_keys(_raw)) AS name FROM _lines"
                " WHERE _problem IS NULL AND CASE WHEN json_valid(_raw) THEN json_type(_raw) END = 'OBJECT'"
                " ORDER BY name"
            ).fetchall()
            keys |= dict.fromkeys(name for (name,) in found if name and "\x00" not in name)
            if len(keys) > _MOST_KEYS:
                raise BadInput(
                    f"its lines have more than {_MOST_KEYS:,} different keys",
                    file=source.path,
                    expected="rows of a table, with the same keys",
                )
    return replace(source, columns=tuple(keys))


def _refuse_document(line: bytes, path: Path) -> None:
    expected = "one JSON object a line"
    if line.startswith(b"["):
        fix = "Convert it, for example with: jq -c '.[]'."
        raise BadInput("the file is a JSON array", file=path, expected=expected, fix=fix)
    if line == b"{":
        fix = "If it holds rows at all, write each on one line, for example with: jq -c ."
        raise BadInput("the file is JSON over several lines", file=path, expected=expected, fix=fix)


def _first_lines(path: Path) -> Iterator[tuple[int, bytes]]:
    start = b""
    for block in blocks(path):
        start += block
        if b"\n" in start or b"\r" in start or len(start) > LONGEST:
            break
    for row, line in enumerate(start.splitlines()[:_SAMPLED], 1):
        if line.strip():
            yield row, line


def _keys(line: bytes) -> list[str]:
    try:
        document = json.loads(line)
    except (ValueError, RecursionError):
        return []
    return [key for key in document if _is_name(key)] if isinstance(document, dict) else []


def _is_name(key: str) -> bool:
    # The database takes a line with half a surrogate pair for no JSON, so that such a key is nobody's.
    return bool(key) and "\x00" not in key and not any("\ud800" <= sign <= "\udfff" for sign in key)


def read_lines(path: Path) -> Iterator[pa.RecordBatch]:
    """Give the lines that are not blank: their number, their text, and whether they are no text.

    Raises
    ------
    BadInput
        If a line is longer than 64 MiB.
    """
    row, rest = 1, b""
    for block in blocks(path):
        data = rest + block
        if b"\r" in data:
            held = data.endswith(b"\r")  # its line feed may come with the next block
            data = (data[:-1] if held else data).replace(b"\r\n", b"\n").replace(b"\r", b"\n")
            data += b"\r" if held else b""
        cut = data.rfind(b"\n") + 1
        rest = data[cut:]
        if len(rest) > LONGEST:
            raise BadInput("a line is longer than 64 MiB", file=path, expected="one JSON object a line")
        if cut:
            batch, lines = _batch(data[:cut], row)
            row += lines
            yield batch
    if rest.strip():
        yield _batch(rest.rstrip(b"\r") + b"\n", row)[0]


def _batch(data: bytes, row: int) -> tuple[pa.RecordBatch, int]:
    import numpy as np
    import pyarrow as pa

    signs = np.frombuffer(data, np.uint8)
    ends = np.flatnonzero(signs == 10).astype(np.int32) + 1
    places = np.concatenate((np.zeros(1, np.int32), ends))
    raw = pa.StringArray.from_buffers(len(ends), pa.py_buffer(places), pa.py_buffer(data))
    rows = np.arange(row, row + len(ends))
    problem: pa.StringArray = pa.nulls(len(ends), pa.string())
    try:
        raw.validate(full=True)
    except pa.ArrowInvalid:
        raw, problem = _repaired(raw)
    suspects = np.flatnonzero(signs[places[:-1]] <= 32)
    blank = [i for i in suspects if not data[places[i] : places[i + 1]].strip()]
    # Of a buffer, since to make an array of NumPy's Arrow would load pandas.
    numbers = pa.Array.from_buffers(pa.int64(), len(rows), [None, pa.py_buffer(rows)])
    batch = pa.record_batch([numbers, raw, problem], names=list(OWN_COLUMNS))
    if blank:
        keep = np.ones(len(ends), bool)
        keep[blank] = False
        batch = batch.filter(pa.array(keep))
    return batch, len(ends)


def _repaired(raw: pa.StringArray) -> tuple[pa.StringArray, pa.StringArray]:
    import pyarrow as pa

    texts: list[str] = []
    problems: list[str | None] = []
    for line in (value or b"" for value in raw.cast(pa.binary()).to_pylist()):
        try:
            texts.append(line.decode())
            problems.append(None)
        except UnicodeDecodeError:
            texts.append(line.decode(errors="backslashreplace"))
            problems.append(_NOT_TEXT)
    return pa.array(texts, pa.string()), pa.array(problems, pa.string())
