"""Completed runs as files that can be sent: a page, its figures as JSON and CSV, and the gallery over all."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from workbench.errors import BadInput, WorkspaceError
from workbench.governance.names import slug
from workbench.reports.gallery_page import Entry, gallery_html, headline, spoken_day
from workbench.reports.inputs import code_hash
from workbench.reports.notebook import sha256, to_bytes
from workbench.reports.payload import figures_csv, report_payload
from workbench.reports.receipt import read_receipt
from workbench.reports.record import RunRecord, write_whole
from workbench.reports.runs import executed_notebook, list_runs
from workbench.reports.staging import staged
from workbench.reports.verification import published_hashes

if TYPE_CHECKING:
    from workbench.store.workspace import Workspace

PAGE, FIGURES, TABLE, INDEX = "report.html", "report.json", "report.csv", "index.html"
_MANIFEST, _PUBLISHED = "index.json", "published.json"
_SHORT = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class Published:
    """What was published.

    Parameters
    ----------
    folder : Path
        Where the files are.
    entries : tuple of Entry
        What the gallery lists, the newest first.
    """

    folder: Path
    entries: tuple[Entry, ...]

    @property
    def index(self) -> Path:
        """Return the gallery's page."""
        return self.folder / INDEX

    @property
    def sentence(self) -> str:
        """Return how many reports there are, and where to look."""
        count = sum(entry.page is not None for entry in self.entries)
        return f"{count} report{'s' if count != 1 else ''} published: open {self.index}."

    def to_json(self) -> dict[str, Any]:
        """Return the publication as JSON values."""
        return {
            "folder": str(self.folder),
            "index": str(self.index),
            "reports": [asdict(entry) for entry in self.entries],
        }


def publish(
    workspace: Workspace, to: str | Path, *, told: Callable[[Entry, int, int], None] | None = None
) -> Published:
    """Publish the newest completed run of every notebook and parameter set.

    Parameters
    ----------
    workspace : Workspace
        Whose runs are published.
    to : path
        The folder; made if it does not exist. Files published there earlier and not now are removed.
    told : callable, optional
        Called after each report with its entry, how many are done, and how many there are.

    Raises
    ------
    BadInput
        If the folder cannot be one for reports, or a file cannot be written; nothing there is changed then.
    """
    folder = checked_folder(workspace, Path(to))
    chosen = newest_of(list_runs(workspace))
    names = campaign_names(workspace)
    files = _file_names([record for record in chosen if record.status == "completed"], names)
    entries, before = list[Entry](), listed(folder)
    with staged(folder) as new:
        for record in chosen:
            subject = subject_of(record, names)
            if record.status != "completed":
                entries.append(Entry.of(record, subject, None, {}))
                continue
            made = rendered(workspace, workspace.runs_path / record.id, record, subject)
            for source, ending in ((PAGE, "html"), (FIGURES, "json"), (TABLE, "csv")):
                write_whole(new / f"{files[record.id]}.{ending}", (made / source).read_bytes())
            entries.append(Entry.of(record, subject, files[record.id], headline(executed_notebook(made))))
            if told is not None:
                told(entries[-1], len(entries), len(chosen))
        _write_list(workspace, new, entries)
    return _without_unlisted(folder, before, entries)


def gallery(workspace: Workspace, to: str | Path) -> Published:
    """Write the gallery anew over the reports that were published to a folder."""
    folder = checked_folder(workspace, Path(to))
    entries = listed(folder)
    with staged(folder) as new:
        _write_list(workspace, new, entries)
    return Published(folder=folder, entries=tuple(entries))


def _write_list(workspace: Workspace, new: Path, entries: list[Entry]) -> None:
    manifest = {"reports": [asdict(entry) for entry in entries], "tenant": workspace.name}
    write_whole(new / _MANIFEST, to_bytes(manifest, indent=1) + b"\n")
    write_whole(new / INDEX, gallery_html(workspace.name, entries).encode())


def _without_unlisted(folder: Path, before: list[Entry], entries: list[Entry]) -> Published:
    kept = {entry.page for entry in entries}
    for earlier in before:
        if earlier.page and earlier.page not in kept:
            for ending in ("html", "json", "csv"):
                (folder / f"{earlier.page}.{ending}").unlink(missing_ok=True)
    return Published(folder=folder, entries=tuple(entries))


def listed(folder: Path) -> list[Entry]:
    """Return what the gallery of a folder lists; nothing where there is none."""
    try:
        manifest = json.loads((folder / _MANIFEST).read_text(encoding="utf-8"))
        return [Entry(**values) for values in manifest["reports"]]
    except (OSError, ValueError, KeyError, TypeError):
        return []


def checked_folder(workspace: Workspace, folder: Path) -> Path:
    """Return a folder that reports may be written to, made where it does not exist."""
    for part in (workspace.runs_path, workspace.path / "store"):
        if folder.resolve().is_relative_to(part.resolve()):
            raise BadInput("reports cannot be published there", file=folder, expected="a folder of its own")
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise BadInput(f"the folder cannot be made: {error.strerror}", file=folder) from None
    return folder


def newest_of(records: Iterable[RunRecord]) -> list[RunRecord]:
    """Return of each notebook and parameter set its newest completed run, else its newest failed one."""
    ended: dict[bytes, RunRecord] = {}
    for record in records:
        if record.status not in {"completed", "failed"}:
            continue
        key = to_bytes([record.notebook, dict(record.parameters)])
        known = ended.get(key)
        if known is None or (known.status != "completed" and record.status == "completed"):
            ended[key] = record
    return sorted(ended.values(), key=lambda record: record.started or "", reverse=True)


def campaign_names(workspace: Workspace) -> dict[str, str]:
    """Return the names of a workspace's campaigns by id."""
    tables = workspace.tables()
    if "campaigns" not in tables.names:
        return {}
    rows = tables.query("SELECT campaign_id, name FROM campaigns").to_pylist()
    return {str(row["campaign_id"]): str(row["name"]) for row in rows}


def subject_of(record: RunRecord, names: Mapping[str, str]) -> str:
    """Return what a report is about, besides its kind: a campaign, an experiment, or the parameters."""
    campaign, experiment = (record.parameters.get(one) for one in ("campaign", "experiment"))
    text = str(names.get(str(campaign), campaign)) if campaign is not None else record.label
    if campaign is None and experiment is not None:
        text = str(experiment).replace("_", " ")
    return " ".join(text.split())


def _file_names(records: list[RunRecord], names: Mapping[str, str]) -> dict[str, str]:
    """Return a file name for each run, from its kind and subject; where two are the same, its hash tells."""
    wanted = {r.id: slug(f"{r.notebook} {subject_of(r, names)[:200]}", r.notebook) for r in records}
    taken = list(wanted.values())
    return {
        id_: name if taken.count(name) == 1 and name != "index" else f"{name[:40]}-{id_[-_SHORT:]}"
        for id_, name in wanted.items()
    }


def rendered(workspace: Workspace, run: Path, record: RunRecord, subject: str) -> Path:
    """Return the run's folder with page and figures in it; those made by the same code are kept."""
    key = sha256(to_bytes([code_hash(), _look(), subject, record.ended, workspace.name]))
    if _kept_key(run) == key and all(
        (run / name).is_file() and sha256((run / name).read_bytes()) == told
        for name, told in published_hashes(run).items()
    ):
        return run
    receipt, executed = read_receipt(run), executed_notebook(run)
    tables = _tables_of(workspace, receipt["data"]["version"])
    payload = report_payload(
        record, receipt, executed, currency=workspace.currency, last_day=tables.last_day if tables else None
    )
    files = {
        PAGE: page_html(record, receipt, executed, subject).encode("utf-8", errors="replace"),
        FIGURES: to_bytes(_finite(payload), indent=1) + b"\n",
        TABLE: figures_csv(payload),
    }
    hashes = {name: sha256(content) for name, content in files.items()}
    files[_PUBLISHED] = to_bytes({"files": hashes, "key": key}, indent=1) + b"\n"
    try:
        # Without hashes nothing is said of files that a full disk may leave old and new.
        (run / _PUBLISHED).unlink(missing_ok=True)
        for name, content in files.items():
            write_whole(run / name, content)
    except OSError as error:
        raise WorkspaceError(f"The page of {run.name} cannot be kept in {run}: {error.strerror}.") from None
    return run


def record_exports(run: Path, hashes: Mapping[str, str]) -> None:
    """Keep beside the hashes of a run's page and figures those of the files that were exported from them."""
    published = json.loads((run / _PUBLISHED).read_text(encoding="utf-8"))
    published["exports"] = published.get("exports", {}) | dict(hashes)
    write_whole(run / _PUBLISHED, to_bytes(published, indent=1) + b"\n")


@cache
def _look() -> str:
    """Return the hash of the template: what a page looks like is no part of a run, but of its page."""
    template = Path(__file__).parent / "template"
    return sha256(to_bytes({path.name: sha256(path.read_bytes()) for path in sorted(template.glob("*.*"))}))


def _kept_key(run: Path) -> str | None:
    try:
        return str(json.loads((run / _PUBLISHED).read_text(encoding="utf-8"))["key"])
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _tables_of(workspace: Workspace, version: int) -> Any:
    try:
        return workspace.tables(version)
    except WorkspaceError:  # an erased version: its runs stay, the day it ended on is not known any more
        return None


def page_html(
    record: RunRecord, receipt: Mapping[str, Any], executed: Mapping[str, Any], subject: str
) -> str:
    """Return a completed run as one self-contained page."""
    import nbformat

    from workbench.reports.exporter import ReportExporter

    notebook = nbformat.from_dict(json.loads(json.dumps(executed)))  # type: ignore[no-untyped-call]
    notebook.metadata["workbench"] = {
        "tenant": record.tenant,
        "created": spoken_day(record.ended),
        "data_version": receipt["data"]["version"],
        "run": record.id,
        "receipt": receipt_lines(receipt),
    }
    first = notebook.cells[0] if notebook.cells else None
    if subject and first is not None and first.cell_type == "markdown":
        head, _, rest = first.source.partition("\n")
        first.source = f"{head}: {subject[:150]}\n{rest}"
    exporter = ReportExporter()  # type: ignore[no-untyped-call]
    html, _ = exporter.from_notebook_node(notebook)
    return str(html)


def receipt_lines(receipt: Mapping[str, Any]) -> dict[str, str]:
    """Return a receipt as names and texts for a reader."""
    tables = (f"{name} {facts['rows']:,} rows" for name, facts in receipt["data"]["tables"].items())
    values = receipt["parameters"]["values"]
    return {
        "Run": receipt["id"],
        "Notebook": f"{receipt['notebook']['name']}, {receipt['notebook']['sha256']}",
        "Parameters": "; ".join(f"{name} = {value}"[:200] for name, value in values.items()) or "none",
        "Data": f"version {receipt['data']['version']}, {receipt['data']['sha256']}",
        "Tables": ", ".join(tables) or "none with rows",
        "Code": f"workbench {receipt['code']['version']}, {receipt['code']['sha256']}",
        "Environment": f"Python {receipt['environment']['python']}, lock {receipt['environment']['sha256']}",
        "Seed": str(receipt["seed"]),
        "Results": f"{len(receipt['outputs'])} outputs, {receipt['result']['sha256']}",
    }


def _finite(value: Any) -> Any:
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, dict):
        return {key: _finite(item) for key, item in value.items()}
    return [_finite(item) for item in value] if isinstance(value, list | tuple) else value
