"""The files that commands of experiments take: a definition, a list of users."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from workbench.errors import BadInput, UsageError

if TYPE_CHECKING:
    from workbench.experiments.definition import Experiment
    from workbench.experiments.records.documents import Plan

USER_COLUMN = "user_id"
_LONGEST_ID = 1000
_LONGEST_LIST = 1 << 30  # bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Users:
    """Ids of users, each once, and how many lines repeated one or were empty."""

    ids: tuple[str, ...]
    repeated: int
    empty: int


def read_experiment(path: Path) -> Plan:
    """Return the experiment, or the geo test, that a YAML or JSON file defines; it begins as a draft.

    Raises
    ------
    BadInput
        Naming the file, the field, its value and what was expected.
    """
    from workbench.events.documents import read_document, read_whole
    from workbench.experiments.records.documents import new_plan_of

    document = read_document(read_whole(path), path)
    if document.get("status", "draft") != "draft":
        raise BadInput(
            "status: an experiment begins as a draft",
            file=path,
            value=document["status"],
            fix="Leave it out; `workbench experiment start` starts it.",
        )
    return new_plan_of(document, path)


def read_users(path: Path) -> Users:
    """Return the users of a file: one id a line, or the column ``user_id`` of a CSV file with a heading.

    Raises
    ------
    BadInput
        If it cannot be read, has no such column, or an id is too long.
    """
    from workbench.events.documents import read_whole

    lines = read_whole(path, _LONGEST_LIST).splitlines()
    rows = list(csv.reader(lines)) if lines and _has_heading(lines[0]) else [[line] for line in lines]
    column, first = 0, 1
    if lines and _has_heading(lines[0]):
        column, first, rows = rows[0].index(USER_COLUMN), 2, rows[1:]
    found: dict[str, None] = {}
    empty = 0
    for number, row in enumerate(rows, start=first):
        user = row[column].strip() if len(row) > column else ""
        if len(user) > _LONGEST_ID or "\0" in user:
            raise BadInput("not the id of a user", file=path, row=number, value=user[:40])
        if user:
            found[user] = None
        else:
            empty += 1
    return Users(ids=tuple(found), repeated=len(rows) - empty - len(found), empty=empty)


def _has_heading(line: str) -> bool:
    return USER_COLUMN in next(csv.reader([line]), [])


def experiment_of_options(name: str, primary: str, variants: str) -> Experiment:
    """Return the experiment that options define.

    Parameters
    ----------
    name, primary : str
        As in `Experiment`.
    variants : str
        As in `variants_of_option`.

    Raises
    ------
    BadInput
        If something does not fit.

    Examples
    --------
    >>> experiment_of_options("new_subject", "ctr", "old:0.9,new:0.1").split
    (0.9, 0.1)
    """
    from workbench.experiments.records.documents import experiment_of

    names, shares = variants_of_option(variants)
    document = {"name": name, "primary": primary, "variants": list(names), "split": list(shares) or None}
    return experiment_of(document, "the options")


def variants_of_option(text: str) -> tuple[tuple[str, ...], tuple[float, ...]]:
    """Return variants and their shares, joined by commas; all or none have their share after a colon.

    Raises
    ------
    UsageError
        If only some have a share, or one is no number.

    Examples
    --------
    >>> variants_of_option("old:0.9, new:0.1")
    (('old', 'new'), (0.9, 0.1))
    >>> variants_of_option("old,new")
    (('old', 'new'), ())
    """
    parts = [part.strip().rpartition(":") for part in text.split(",")]
    shares = [_share(last) for _, mark, last in parts if mark]
    known = tuple(share for share in shares if share is not None)
    if len(known) < len(shares) or len(shares) not in (0, len(parts)):
        raise UsageError(f"{text!r:.80} are no variants: write old:0.9,new:0.1 or old,new.")
    return tuple(before if mark else last for before, mark, last in parts), known


def _share(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None
