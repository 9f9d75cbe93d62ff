"""Names and paths that stay inside their folder.

A workspace's name is a slug; a path made from outside text never leaves the folder it was made for.
"""

from __future__ import annotations

import re
import unicodedata
from pathlib import Path

from workbench.errors import BadInput, UsageError

LONGEST_SLUG = 63
_SLUG = re.compile(r"[a-z0-9](?:[a-z0-9_-]*[a-z0-9])?")
# DuckDB reads these in a file name as a pattern, or as the folder of a partition.
_PATTERN_CHARACTERS = "*?[]{}="


def is_slug(name: str) -> bool:
    """Return whether `name` is made of a-z, 0-9, ``-`` and ``_`` only, at most 63 characters.

    Examples
    --------
    >>> is_slug("acme-2"), is_slug("../acme"), is_slug("Acme"), is_slug("")
    (True, False, False, False)
    """
    return len(name) <= LONGEST_SLUG and _SLUG.fullmatch(name) is not None


def check_slug(name: str, kind: str = "workspace") -> str:
    """Return `name` where it is a slug.

    Raises
    ------
    UsageError
        If it is none; the message proposes the nearest.

    Examples
    --------
    >>> check_slug("acme")
    'acme'
    """
    if not is_slug(name):
        raise UsageError(
            f"{name!r:.80} cannot name a {kind}: a-z, 0-9, - and _ only, at most {LONGEST_SLUG} characters. "
            f"Try {slug(name)!r}."
        )
    return name


def slug(text: str, default: str = "unnamed") -> str:
    """Return the nearest slug to any text, e.g. for a file named after a campaign.

    Examples
    --------
    >>> slug("Black Friday – Größe 2!"), slug("../../etc/passwd"), slug("中文")
    ('black-friday-groe-2', 'etc-passwd', 'unnamed')
    """
    plain = unicodedata.normalize("NFKD", text[:1000]).encode("ascii", "ignore").decode().lower()
    words = re.sub(r"[^a-z0-9_]+", "-", plain)[:LONGEST_SLUG].strip("-_")
    return words or default


def inside(folder: Path, *parts: str) -> Path:
    """Return the path of `parts` under `folder`, links followed.

    Raises
    ------
    UsageError
        If it would lie outside of `folder`.

    Examples
    --------
    >>> inside(Path("/srv/acme"), "runs", "7").as_posix()
    '/srv/acme/runs/7'
    """
    root = folder.resolve()
    if any("\0" in part for part in parts):
        raise UsageError("A path cannot contain a NUL character.")
    path = root.joinpath(*parts).resolve()
    if not path.is_relative_to(root):
        raise UsageError(f"{'/'.join(parts)!r:.120} leads out of {root}.")
    return path


def check_plain(path: Path) -> Path:
    """Return `path` where no character of it is a pattern of file names, steers a terminal, or is no text.

    Raises
    ------
    BadInput
        If one is.
    """
    controls = sorted({repr(sign) for sign in str(path) if unicodedata.category(sign) in {"Cc", "Cs"}})
    found = sorted({character for character in str(path) if character in _PATTERN_CHARACTERS}) + controls
    if found:
        raise BadInput(
            f"a workspace's path cannot contain {' '.join(found)}",
            file=path,
            fix="Choose another folder.",
        )
    return path
