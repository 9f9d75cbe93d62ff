"""Delimited files: cells of text, with the exact lines they stand on."""

from __future__ import annotations

import csv
import io
import re
from array import array
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from workbench.errors import BadInput
from workbench.events.parsing import BLANKS
from workbench.store.reading_bytes import blocks
from workbench.store.sources import OWN_COLUMNS, Source, check_columns

if TYPE_CHECKING:
    import pyarrow as pa

ROW_NAMES = "row names"
_SIGNS = (",", ";", "\t", "|")
_LONGEST_CELL = 16 << 20
_LONGEST_RECORD = 100  # lines; a quote that is never closed would swallow the file
_BATCH = 20_000
_FEW = 2_000  # rows
_MOST_TITLES = 50  # lines
_CONTROLS = re.compile(r"[\x00-\x08\x0b\x0e-\x1f\x7f]")
_NO_TEXT = re.compile("[\ud800-\udfff]")  # what bytes become that are not UTF-8
_UNCLOSED = "a quote is opened and never closed"

Row = tuple[int, str, str | None, list[str]]


def open_text(path: Path, delimiter: str = "auto", *, numbered: bool = False) -> Source:
    """Return a delimited file, whose first line names its columns.

    A first column without a name, as pandas and R write it for the numbers of rows, is taken where rows may
    be `numbered`; it is then called ``row names``.

    Raises
    ------
    BadInput
        If there is no header, or columns are doubled or nameless.
    """
    header, sign = _header(path, delimiter)
    if numbered and len(header) > 1 and not header[0]:
        header[0] = ROW_NAMES
    columns = tuple(header)
    check_columns(columns, path)
    return Source(
        path=path,
        shape="text",
        columns=columns,
        delimiter=sign,
        batches=lambda: _batches(path, sign, columns),
    )


def header_below(path: Path) -> int | None:
    """Return the line that seems to name the columns where it is not the first: titles stand above it.

    Of the first lines, those of a table have the most cells, and equally many. What holds control characters
    is no text, and has no titles.
    """
    lines = list(islice(_lines(path), _MOST_TITLES))
    if any(_CONTROLS.search(line) for line in lines):
        return None
    widths = [max(len(_cells(line, sign)) for sign in _SIGNS) for line in lines]
    repeated = [width for width, lines in Counter(widths).items() if lines > 1] or widths
    widest = max(repeated, default=1)
    return widths.index(widest) + 1 if widest > 1 and widest != widths[0] else None


class _Lines:
    """The lines of a file, of which some can be put back."""

    def __init__(self, path: Path) -> None:
        self._lines = _lines(path)
        self._back: list[str] = []
        self.taken: list[str] = []
        self.number = 0

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        line = self._back.pop() if self._back else next(self._lines)
        self.number += 1
        self.taken.append(line)
        if len(self.taken) > _LONGEST_RECORD:
            raise _Unclosed
        return line

    def put_back(self) -> None:
        """Put back all lines of the last record but its first."""
        again = self.taken[1:]
        self._back.extend(reversed(again))
        self.number -= len(again)
        self.taken = self.taken[:1]


class _Unclosed(Exception):
    """A quote is opened and not closed within reach."""


def _lines(path: Path) -> Iterator[str]:
    buffered: Any = io.BufferedReader(_Blocks(path))
    return iter(io.TextIOWrapper(buffered, "utf-8", "surrogateescape", newline=""))


class _Blocks(io.RawIOBase):
    """Blocks of bytes as a file."""

    def __init__(self, path: Path) -> None:
        self._blocks = blocks(path)
        self._rest = memoryview(b"")

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: bytearray) -> int:  # type: ignore[override]
        while not self._rest:
            block = next(self._blocks, None)
            if block is None:
                return 0
            self._rest = memoryview(block)
        size = min(len(buffer), len(self._rest))
        buffer[:size] = self._rest[:size]
        self._rest = self._rest[size:]
        return size


def _header(path: Path, delimiter: str) -> tuple[list[str], str]:
    first = next((line for line in _lines(path) if line.strip()), "")
    if delimiter == "auto":
        delimiter = max(_SIGNS, key=lambda sign: (len(_cells(first, sign)), -_SIGNS.index(sign)))
    _, _, problem, cells = next(_rows(path, delimiter, None))
    if problem is not None:
        raise BadInput(f"the header cannot be read: {problem}", file=path, row=1)
    if _NO_TEXT.search("".join(cells)):
        fix = "Save it as UTF-8; unpack it first if it is packed."
        raise BadInput("the names of the columns are not UTF-8 text", file=path, row=1, fix=fix)
    while cells and not cells[-1].strip():
        cells.pop()
    return [cell.strip(BLANKS) for cell in cells], delimiter


def _cells(line: str, sign: str) -> list[str]:
    return next(csv.reader([line], delimiter=sign), [])


def _reader(lines: _Lines, delimiter: str) -> Iterator[list[str]]:
    csv.field_size_limit(_LONGEST_CELL)
    if delimiter == "whitespace":
        return (line.split() for line in lines)
    return csv.reader(lines, delimiter=delimiter, strict=False)


def _rows(path: Path, delimiter: str, width: int | None) -> Iterator[Row]:
    """Give each record: its first line's number, its text, what is wrong with it, its cells."""
    lines = _Lines(path)
    reader = _reader(lines, delimiter)
    while True:
        lines.taken = []
        cells, problem = _record(reader, lines, width)
        if not lines.taken:
            return
        if problem is not None:
            lines.put_back()
            reader = _reader(lines, delimiter)
        raw = "".join(lines.taken)
        if raw.strip():
            yield lines.number - len(lines.taken) + 1, raw.rstrip("\r\n"), problem, cells


def _record(reader: Iterator[list[str]], lines: _Lines, width: int | None) -> tuple[list[str], str | None]:
    try:
        cells = next(reader, [])
    except _Unclosed:
        return [], _UNCLOSED
    except csv.Error as error:
        return [], f"cannot be parsed: {error}"
    if len(lines.taken) > 1 and width is not None and len(cells) != width:
        return [], _UNCLOSED
    return cells, None


def _batches(path: Path, delimiter: str, columns: tuple[str, ...]) -> Iterator[pa.RecordBatch]:
    import pyarrow as pa

    rows = _rows(path, delimiter, len(columns))
    next(rows)
    checked = (_checked(row, len(columns)) for row in rows)
    names = [*OWN_COLUMNS, *columns]
    while chunk := list(islice(checked, _BATCH)):
        places, raws, problems, cells = zip(*chunk, strict=True)
        numbers = pa.Array.from_buffers(pa.int64(), len(places), [None, pa.py_buffer(array("q", places))])
        texts = [_texts(values) for values in (raws, problems, *zip(*cells, strict=True))]
        yield pa.record_batch([numbers, *texts], names=names)


def _texts(values: Sequence[str | None]) -> pa.StringArray:
    import pyarrow as pa

    if len(values) > _FEW:
        return pa.array(values, pa.string())
    # Slower by the cell, but it does not load pandas, which takes longer than a small file.
    builder = pa.lib.StringBuilder()
    builder.append_values(values)
    return builder.finish()


def _checked(row: Row, width: int) -> tuple[int, str, str | None, list[str | None]]:
    place, raw, problem, cells = row
    try:
        raw.encode()
    except UnicodeEncodeError:
        raw = raw.encode("utf-8", "surrogateescape").decode(errors="backslashreplace")
        problem = problem or "not UTF-8 text"
    if "\x00" in raw:
        problem = problem or "the row holds NUL bytes"
    if problem is None and len(cells) != width:
        extra = cells[width:]
        if len(cells) > width and not any(cell.strip() for cell in extra):
            cells = cells[:width]
        else:
            problem = f"{len(cells)} {'cell' if len(cells) == 1 else 'cells'} where the header has {width}"
    if problem is not None:
        return place, raw, problem, [None] * width
    return place, raw, None, [cell or None for cell in cells]
