"""Is a run what its receipt says? Its files are checked first, then it is made again and compared."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import partial
from itertools import islice, zip_longest
from pathlib import Path
from typing import TYPE_CHECKING, Any

from workbench.errors import WorkspaceError
from workbench.reports.execution import Limits, execute
from workbench.reports.inputs import RunInputs, platform_facts, read_inputs
from workbench.reports.lease import lease, working_directory
from workbench.reports.notebook import INJECTED, bare, sha256, title_of, to_bytes
from workbench.reports.receipt import notebook_bytes, output_hashes, read_receipt
from workbench.reports.record import NOTEBOOK, RECORD, read_record, run_folder
from workbench.reports.runs import kept
from workbench.store.checksums import compare_all

if TYPE_CHECKING:
    from workbench.store.workspace import Workspace

PUBLISHED = "published.json"
_SHOWN = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """The first thing that differs.

    Parameters
    ----------
    where : str
        The file, or the cell and its output.
    what : str
        How it differs.
    """

    where: str
    what: str

    def __str__(self) -> str:
        return f"{self.where}: {self.what}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Verified:
    """What a verification found.

    Parameters
    ----------
    id : str
        The run.
    outputs : int
        How many outputs were compared.
    difference : Difference, optional
        The first thing that differs; None where the run is what its receipt says.
    notes : tuple of str
        Inputs that are not those of the receipt any more, e.g. newer code.
    repeated : bool
        False where the run could not be made again, so that only its files were compared with the receipt.
    """

    id: str
    outputs: int
    difference: Difference | None = None
    notes: tuple[str, ...] = ()
    repeated: bool = True

    @property
    def same(self) -> bool:
        """Return whether the run is what its receipt says."""
        return self.difference is None

    @property
    def sentence(self) -> str:
        """Return the finding."""
        if self.difference is None:
            return f"{self.id} is verified: all {self.outputs} outputs are the same, byte for byte."
        if not self.repeated:
            why = f"{self.difference.where[:1].upper()}{self.difference.where[1:]}: {self.difference.what}"
            return f"{self.id} cannot be made again. {why}. Its files are as its receipt says."
        return f"{self.id} differs. {self.difference}."

    def to_json(self) -> dict[str, Any]:
        """Return the finding as JSON values."""
        return asdict(self) | {"notes": list(self.notes), "same": self.same, "says": self.sentence}


def verify(workspace: Workspace, run_id: str, *, limits: Limits | None = None) -> Verified:
    """Return whether a run, made again from what its receipt names, gives the same bytes.

    The notebook of the run itself is executed in a new process, on the data version of the receipt. Neither a
    newer notebook nor newer data matter; newer code or libraries do, and are named.

    Raises
    ------
    WorkspaceError
        If there is no such run, it did not complete, or its receipt was changed.
    """
    folder = run_folder(workspace.runs_path, run_id)
    receipt = read_receipt(folder)
    stored, difference = _stored(folder, receipt)
    found = partial(Verified, id=folder.name, outputs=len(receipt["outputs"]))
    if difference is not None:
        return found(difference=difference)
    told = receipt["data"]
    try:
        inputs = read_inputs(workspace, version=told["version"], seed=receipt["seed"])
    except WorkspaceError as error:
        why = str(error).removesuffix(".")
        missing = Difference(where="the data", what=f"version {told['version']} is gone ({why})")
        return found(difference=missing, notes=_unnamed_files(folder), repeated=False)
    notes = (*_unnamed_files(folder), *_changed_inputs(receipt, inputs))
    if moved := _moved_data(workspace, told, inputs):
        return found(difference=Difference(where="the data", what=moved), notes=notes, repeated=False)
    again = _execute_again(workspace, stored, receipt, limits)
    if isinstance(again, Difference):
        return found(difference=again, notes=notes, repeated=False)
    return found(difference=first_difference(stored, again), notes=notes)


def _moved_data(workspace: Workspace, told: Mapping[str, Any], inputs: RunInputs) -> str:
    """Return how the data of a version are not what a receipt tells of them; empty where they are."""
    if inputs.data != told["sha256"]:
        return f"version {inputs.data_version} is not what the run read"
    if "currency" in told and inputs.currency != told["currency"]:
        return f"money was in {told['currency'] or 'no currency'}, and is said to be in {inputs.currency} now"
    versions = {name: table["version"] for name, table in inputs.tables.items()}
    if changed := compare_all(workspace.store_path, versions).changed:
        return f"{changed[0]} changed since it was written"
    gone = (fit for fit, hash_ in told.get("fits", {}).items() if inputs.fits.get(fit) != hash_)
    return "".join(f"the media mix run {fit} is gone or is not what was read" for fit in islice(gone, 1))


def _stored(folder: Path, receipt: Mapping[str, Any]) -> tuple[dict[str, Any], Difference | None]:
    """Return the stored notebook, and the first way in which the files are not those of the receipt."""
    try:
        content = (folder / NOTEBOOK).read_bytes()
        stored: dict[str, Any] = json.loads(content)
        found = output_hashes(stored)
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return {}, Difference(where=NOTEBOOK, what="it is missing or cannot be read")
    for told, is_ in zip_longest(receipt["outputs"], found):
        if told != is_:
            place = _place(stored, (told or is_)["cell"])
            return stored, Difference(
                where=NOTEBOOK, what=f"{place} was changed after the run: it does not match the receipt"
            )
    if sha256(content) != receipt["result"]["sha256"]:
        return stored, Difference(where=NOTEBOOK, what="it was changed after the run")
    if sha256(to_bytes(_source_of(stored))) != receipt["notebook"]["sha256"]:
        return stored, Difference(where=NOTEBOOK, what="its source is not what the receipt names")
    for name, told in published_hashes(folder).items():
        file = folder / name
        if not file.is_file():
            return stored, Difference(where=name, what="it was removed after it was published")
        if sha256(file.read_bytes()) != told:
            return stored, Difference(where=name, what="it was changed after it was published")
    return stored, _of_record(folder, receipt, stored)


def _of_record(folder: Path, receipt: Mapping[str, Any], stored: Mapping[str, Any]) -> Difference | None:
    """Return the first way in which the record, by which a report is named, is not of the receipt's run."""
    record = read_record(folder)
    if record is None or record.status != "completed":
        return Difference(where=RECORD, what="it cannot be read, or does not say that the run completed")
    told = {
        "id": receipt["id"],
        "notebook": receipt["notebook"]["name"],
        "title": title_of(stored) or receipt["notebook"]["name"],
        "parameters": receipt["parameters"]["values"],
        "data_version": receipt["data"]["version"],
    }
    for name, value in told.items():
        is_ = getattr(record, name)
        if is_ != value:
            changed = _text_difference(_shown(value), _shown(is_))
            return Difference(where=f"{RECORD}, {name}", what=changed)
    return None


def published_hashes(folder: Path) -> dict[str, str]:
    """Return the hashes of what was published from a run, by file name."""
    try:
        return dict(json.loads((folder / PUBLISHED).read_text(encoding="utf-8"))["files"])
    except (OSError, ValueError, KeyError, TypeError):
        return {}


def _source_of(stored: Mapping[str, Any]) -> dict[str, Any]:
    source = bare(stored)
    kept = [cell for cell in source["cells"] if INJECTED not in cell["metadata"].get("tags", [])]
    return source | {"cells": kept}


def _unnamed_files(folder: Path) -> tuple[str, ...]:
    """Return a note where there are pages or figures of a run whose hashes nobody kept."""
    unnamed = sorted({path.name for path in folder.glob("report.*")} - set(published_hashes(folder)))
    if not unnamed:
        return ()
    said = "Nothing tells whether that is as it was published; publish the run again."
    return (
        f"{', '.join(unnamed)}: {PUBLISHED} does not name {'it' if len(unnamed) == 1 else 'them'}. {said}",
    )


def _changed_inputs(receipt: Mapping[str, Any], inputs: RunInputs) -> tuple[str, ...]:
    notes = []
    if inputs.code != receipt["code"]["sha256"]:
        notes.append("The package's code has changed since the run.")
    if inputs.environment != receipt["environment"]["sha256"]:
        notes.append("The locked versions of the libraries have changed since the run.")
    told, now = (_named_versions(facts) for facts in (receipt["environment"], platform_facts()))
    changed = [
        f"{name} was {told[name]}, is {now[name]}" for name in now if told.get(name, now[name]) != now[name]
    ]
    if changed:
        notes.append(f"Other versions than in the run: {'; '.join(changed)}.")
    return tuple(notes)


def _named_versions(facts: Mapping[str, Any]) -> dict[str, str]:
    own = {name: str(facts[name]) for name in ("python", "machine", "system") if name in facts}
    return own | {name: str(version) for name, version in facts.get("packages", {}).items()}


def _execute_again(
    workspace: Workspace, stored: Mapping[str, Any], receipt: Mapping[str, Any], limits: Limits | None
) -> dict[str, Any] | Difference:
    values = {
        "workspace": "../..",
        "data_version": receipt["data"]["version"],
        **receipt["parameters"]["values"],
    }
    runs = workspace.runs_path
    with kept(workspace), lease(runs) as home, working_directory(runs, home) as folder:
        again = execute(
            _source_of(stored), values, folder=folder, seed=receipt["seed"], limits=limits, warm=False
        )
    if again.failure is not None:
        return Difference(where="the new run", what=f"it did not complete, {again.failure}")
    return again.notebook


def first_difference(before: Mapping[str, Any], after: Mapping[str, Any]) -> Difference | None:
    """Return the first output of two canonical notebooks that is not the same, and how it differs."""
    if notebook_bytes(before) == notebook_bytes(after):
        return None
    for old, new in zip_longest(before["cells"], after["cells"]):
        if old == new:
            continue
        if old is None or new is None:
            return Difference(where="the cells", what="one notebook has more of them")
        place = _place(before, old["id"])
        if old["source"] != new["source"]:
            return Difference(where=place, what=_text_difference(old["source"], new["source"]))
        for number, (one, two) in enumerate(
            zip_longest(old.get("outputs", []), new.get("outputs", [])), start=1
        ):
            if one != two:
                return Difference(where=f"{place}, output {number}", what=_output_difference(one, two))
        return Difference(where=place, what="its metadata differs")
    return Difference(where="the notebook", what="its metadata differs")


def _output_difference(one: Mapping[str, Any] | None, two: Mapping[str, Any] | None) -> str:
    if one is None or two is None:
        return "it is new" if one is None else "it is missing now"
    old, new = one.get("data", one), two.get("data", two)
    for kind in sorted({*old, *new}):
        if old.get(kind) != new.get(kind):
            return f"{kind} {_text_difference(_shown(old.get(kind)), _shown(new.get(kind)))}"
    return "its metadata differs"


def _shown(value: object) -> str:
    return value if isinstance(value, str) else to_bytes(value).decode()


def _text_difference(old: str, new: str) -> str:
    at = next((i for i, (a, b) in enumerate(zip(old, new, strict=False)) if a != b), min(len(old), len(new)))
    start = max(0, at - 20)
    return f"was {old[start : start + _SHOWN]!r}, is now {new[start : start + _SHOWN]!r} (character {at + 1})"


def _place(notebook: Mapping[str, Any], id_: str) -> str:
    for number, cell in enumerate(notebook.get("cells", []), start=1):
        if cell.get("id") == id_:
            lines = str(cell.get("source", "")).strip().splitlines() or [""]
            return f"cell {number} ({lines[0][:_SHOWN]})"
    return f"cell {id_!r}"
