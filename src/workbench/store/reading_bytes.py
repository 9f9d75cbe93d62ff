"""The bytes of a text file as UTF-8, whatever it is written in: gzip, byte order marks, UTF-16."""

from __future__ import annotations

import codecs
import gzip
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, cast

from workbench.errors import BadInput

BLOCK = 1 << 20  # larger ones are new memory each time, and cost more to be given than to be read
_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)


@contextmanager
def opened(path: Path) -> Iterator[BinaryIO]:
    """Give a file's bytes, unpacked where they are gzip.

    Raises
    ------
    BadInput
        If the gzip is damaged or cut off.
    """
    with path.open("rb") as raw:
        packed = raw.read(2) == b"\x1f\x8b"
        raw.seek(0)
        stream = gzip.GzipFile(fileobj=raw) if packed else raw
        try:
            yield cast("BinaryIO", stream)
        except (gzip.BadGzipFile, EOFError, zlib.error) as error:
            raise BadInput(f"the gzip is damaged: {error}", file=path) from None


def head_of(path: Path, size: int = 1 << 16) -> bytes:
    """Return the first bytes of a file, unpacked."""
    with opened(path) as stream:
        return stream.read(size)


def encoding_of(start: bytes) -> tuple[str, int]:
    r"""Return the encoding of a text by its first bytes, and the length of its byte order mark.

    Examples
    --------
    >>> encoding_of("\ufeffa,b".encode("utf-8")), encoding_of("a,b\n1,2".encode("utf-16-le"))
    (('utf-8', 3), ('utf-16-le', 0))
    """
    for mark, name in _MARKS:
        if start.startswith(mark):
            # These decoders take the mark themselves.
            return name, len(mark) if name == "utf-8" else 0
    sample = start[:4096]
    if len(sample) >= 4:
        even, odd = sample[0::2].count(0), sample[1::2].count(0)
        half = len(sample) / 2
        if odd > 0.4 * half and even < 0.1 * half:
            return "utf-16-le", 0
        if even > 0.4 * half and odd < 0.1 * half:
            return "utf-16-be", 0
    return "utf-8", 0


def blocks(path: Path) -> Iterator[bytes]:
    """Give a text file as blocks of UTF-8, without its byte order mark; UTF-8 itself is not checked.

    Raises
    ------
    BadInput
        If the file is UTF-16 or UTF-32 by its mark and does not hold it.
    """
    with opened(path) as stream:
        block = stream.read(BLOCK)
        name, skipped = encoding_of(block)
        if name == "utf-8":
            block = block[skipped:]
            while block:
                yield block
                block = stream.read(BLOCK)
            return
        decoder = codecs.getincrementaldecoder(name)()
        try:
            while block:
                yield decoder.decode(block).encode("utf-8", "surrogatepass")
                block = stream.read(BLOCK)
            yield decoder.decode(b"", final=True).encode("utf-8", "surrogatepass")
        except UnicodeDecodeError as error:
            raise BadInput(f"not {name.upper()} text at byte {error.start}", file=path) from None
