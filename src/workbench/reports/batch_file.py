"""What a file of parameters or of a batch may say, and the runs it stands for."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from workbench.errors import BadInput, UsageError, unknown_name
from workbench.events.documents import read_document, read_whole
from workbench.reports.notebook import Notebook, find_notebook
from workbench.reports.parameters import read_parameters, refuse_unknown

if TYPE_CHECKING:
    from workbench.store.snapshot import Snapshot

MOST_RUNS = 10_000
LIMITS = ("memory", "retries", "timeout")
_Values = dict[str, Any]


class CampaignFilter(BaseModel):
    """Which campaigns a notebook is run for; a list admits any of its values."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    channel: str | list[str] | None = None
    campaign_type: str | list[str] | None = None
    region: str | list[str] | None = None
    status: str | list[str] | None = None


class Entry(BaseModel):
    """A notebook, and the parameter sets it is run with: one, rows, a matrix, or one per campaign."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    notebook: str = Field(min_length=1, max_length=4000)
    parameters: _Values = Field(default_factory=dict)
    rows: list[_Values] | None = Field(default=None, min_length=1)
    matrix: dict[str, list[Any]] | None = Field(default=None, min_length=1)
    each: Literal["campaign"] | None = None
    which: Literal["active", "all"] = "all"
    where: CampaignFilter = CampaignFilter()
    limit: int | None = Field(default=None, ge=1, le=MOST_RUNS)
    timeout: float | None = Field(default=None, ge=1, le=86_400, strict=False)


class BatchFile(BaseModel):
    """A batch: its entries, and what its runs may take.

    Parameters
    ----------
    timeout : float
        Seconds for each run; an entry may say otherwise for its own.
    memory : float, optional
        GB for each run, its kernel and all that it starts.
    jobs : int, optional
        How many run at once.
    retries : int
        How often a run is tried again whose kernel died or could not be started.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    name: str = Field(default="", max_length=200)
    timeout: float = Field(default=900.0, ge=1, le=86_400, strict=False)
    memory: float | None = Field(default=None, ge=0.1, le=10_000, strict=False)
    jobs: int | None = Field(default=None, ge=1, le=64)
    retries: int = Field(default=1, ge=0, le=10, strict=False)
    runs: list[Entry] = Field(min_length=1, max_length=1000)


@dataclass(frozen=True, slots=True, kw_only=True)
class WantedRun:
    """One notebook with one set of parameters, where the file asks for it, and how long it may take."""

    notebook: Notebook
    parameters: Mapping[str, Any]
    source: str
    timeout: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """All runs a batch stands for, and what is to be said about them."""

    runs: tuple[WantedRun, ...]
    notes: tuple[str, ...]


def read_parameter_file(path: Path, notebook: str) -> _Values:
    """Return the parameters in a run's file: a mapping, or one under the key ``parameters``.

    Raises
    ------
    BadInput
        If the file cannot be read, or is written for another notebook.
    """
    document = read_document(read_whole(path), path)
    if "parameters" not in document and "notebook" not in document:
        return document
    meant = document.pop("notebook", notebook)
    values = document.pop("parameters", None)
    if document:
        raise BadInput(
            f"no such key: {next(iter(document))!r}", file=path, expected="'notebook' and 'parameters'"
        )
    if meant != notebook:
        raise BadInput("the file is for another notebook", file=path, value=meant, expected=repr(notebook))
    if not isinstance(values, dict | None):
        raise BadInput("'parameters' is not a mapping", file=path, value=values, expected="name: value")
    return values or {}


def read_batch_file(path: Path) -> BatchFile:
    """Return what a batch file says; nothing is looked up yet.

    Raises
    ------
    BadInput
        Naming the file and the place in it.
    """
    document = read_document(read_whole(path), path)
    if "runs" not in document and "notebook" in document:
        document = {"runs": [document]}
    try:
        batch = BatchFile.model_validate(document)
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False)[0]
        raise BadInput(
            f"{_place(first['loc'])}: {first['msg'][:1].lower()}{first['msg'][1:]}",
            file=path,
            value=first["input"] if isinstance(first["input"], (str, int, float)) else None,
        ) from None
    for number, entry in enumerate(batch.runs, start=1):
        if sum(given is not None for given in (entry.rows, entry.matrix, entry.each)) > 1:
            raise BadInput(f"run {number} has more than one of 'rows', 'matrix' and 'each'", file=path)
        if entry.each is None and entry.model_fields_set & {"which", "where", "limit"}:
            raise BadInput(f"run {number} filters campaigns without 'each: campaign'", file=path)
    return batch


def limited(batch: BatchFile, limits: Mapping[str, object]) -> BatchFile:
    """Return a batch with other limits than its file says: `timeout`, `memory` and `retries`.

    Raises
    ------
    UsageError
        If there is no such limit, or it cannot have that value.
    """
    for name in limits:
        if name not in LIMITS:
            raise unknown_name("limit", name, LIMITS)
    given = batch.model_dump(exclude_unset=True) | dict(limits)
    if "timeout" in limits:
        given["runs"] = [
            {key: value for key, value in entry.items() if key != "timeout"} for entry in given["runs"]
        ]
    try:
        return BatchFile.model_validate(given)
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False)[0]
        raise UsageError(f"The limit {_place(first['loc'])}: {first['msg'].lower()}.") from None


def expand(batch: BatchFile, tables: Snapshot | None, path: Path) -> Wanted:
    """Return the runs of a batch on a workspace's tables, every parameter checked.

    The tables may be None where no entry is run for each campaign.

    Raises
    ------
    BadInput
        If a notebook or a parameter is wrong; nothing is run then.
    """
    runs: list[WantedRun] = []
    notes: list[str] = []
    for number, entry in enumerate(batch.runs, start=1):
        found = find_notebook(_beside(path, entry.notebook), source=f"{path}, run {number}")
        source = f"{path}, run {number} ({found.name})"
        refuse_unknown(found.parameters, entry.parameters, source=source)
        sets = list(itertools.islice(_parameter_sets(entry, found, tables, source), MOST_RUNS + 1))
        if entry.each and not sets:
            notes.append(f"{found.title}: the workspace has no such campaigns, so none was run.")
        for values in sets:
            read_parameters(found.parameters, values, source=source)
            timeout = entry.timeout or batch.timeout
            runs.append(WantedRun(notebook=found, parameters=values, source=source, timeout=timeout))
    if len(runs) > MOST_RUNS:
        raise BadInput(
            "too many runs in one batch", file=path, value=len(runs), expected=f"at most {MOST_RUNS}"
        )
    return Wanted(runs=tuple(runs), notes=tuple(notes))


def _parameter_sets(entry: Entry, found: Notebook, tables: Snapshot | None, source: str) -> Iterator[_Values]:
    if entry.rows is not None:
        yield from (entry.parameters | row for row in entry.rows)
    elif entry.matrix is not None:
        refuse_unknown(found.parameters, entry.matrix, source=source)
        for chosen in itertools.product(*entry.matrix.values()):
            yield entry.parameters | dict(zip(entry.matrix, chosen, strict=True))
    elif entry.each is not None and tables is not None:
        refuse_unknown(found.parameters, ["campaign"], source=source)
        yield from (entry.parameters | {"campaign": id_} for id_ in campaign_ids(entry, tables))
    else:
        yield entry.parameters


def campaign_ids(entry: Entry, tables: Snapshot) -> list[str]:
    """Return the campaigns an entry means: the costliest first, then by id.

    They are those of the campaigns table, else those of daily_performance, else those of events.
    """
    source = next(
        (name for name in ("campaigns", "daily_performance", "facts") if name in tables.names), None
    )
    if source is None:
        return []
    conditions = [f"{source}.campaign_id IS NOT NULL"]
    columns = {"campaigns": {"channel", "campaign_type", "region", "status"}}.get(
        source, {"channel", "region"}
    )
    if entry.which == "active" and source == "campaigns":
        conditions.append("campaigns.status = 'active'")
    for column, wanted in entry.where:
        if wanted is None:
            continue
        if column not in columns:
            return []
        values = [wanted] if isinstance(wanted, str) else wanted
        conditions.append(f"{source}.{column} IN ({', '.join(map(_literal, values)) or 'NULL'})")
    spent = (
        "(SELECT campaign_id, sum(spend) AS spend FROM daily_performance GROUP BY campaign_id)"
        if "daily_performance" in tables.names
        else "(SELECT NULL AS campaign_id, 0.0 AS spend)"
    )
    answer = tables.query(
        f"SELECT {source}.campaign_id AS id, coalesce(max(spent.spend), 0) AS spend FROM {source} "
        f"LEFT JOIN {spent} AS spent ON spent.campaign_id = {source}.campaign_id "
        f"WHERE {' AND '.join(conditions)} GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT {entry.limit or MOST_RUNS + 1}"
    )
    return [str(id_) for id_ in answer.column("id").to_pylist()]


def _literal(text: str) -> str:
    quoted = text.replace("'", "''").replace("\0", "")
    return f"'{quoted}'"


def _beside(path: Path, notebook: str) -> str:
    if not notebook.endswith(".ipynb") or Path(notebook).is_absolute():
        return notebook
    return str(path.parent / notebook)


def _place(loc: tuple[str | int, ...]) -> str:
    if len(loc) > 1 and loc[0] == "runs" and isinstance(loc[1], int):
        return f"run {loc[1] + 1}" + (f", {'.'.join(map(str, loc[2:]))}" if loc[2:] else "")
    return ".".join(map(str, loc)) or "the file"
