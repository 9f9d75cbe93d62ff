"""A completed run as a page with its figures beside it, made once and kept with the run."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from datetime import date
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from workbench.charts.cards import period
from workbench.errors import WorkspaceError
from workbench.reports.definitions import NOTEBOOKS
from workbench.reports.gallery_page import spoken_day
from workbench.reports.inputs import code_hash
from workbench.reports.markup import unbroken
from workbench.reports.notebook import sha256, to_bytes
from workbench.reports.payload import date_range, figures_csv, report_payload
from workbench.reports.receipt import read_receipt
from workbench.reports.record import RunRecord, write_whole
from workbench.reports.runs import executed_notebook
from workbench.reports.verification import PUBLISHED, published_hashes

if TYPE_CHECKING:
    from nbformat import NotebookNode

    from workbench.store.workspace import Workspace

PAGE, FIGURES, TABLE = "report.html", "report.json", "report.csv"


def rendered(
    workspace: Workspace, run: Path, record: RunRecord, subject: str, *, as_it_was: bool = False
) -> Path:
    """Return the run's folder with page and figures in it; those made by the same code are kept.

    With `as_it_was` those are kept that were made by any code.
    """
    key = sha256(to_bytes([code_hash(), _look(), subject, record.ended, workspace.name]))
    kept = _kept_key(run)
    if (
        kept
        and (as_it_was or kept == key)
        and all(
            (run / name).is_file() and sha256((run / name).read_bytes()) == told
            for name, told in published_hashes(run).items()
        )
    ):
        return run
    receipt, executed = read_receipt(run), executed_notebook(run)
    data = receipt["data"]
    code = workspace.currency_at(data["version"])
    payload = report_payload(record, receipt, executed, currency=code, last_day=_last_day(workspace, data))
    files = {
        PAGE: page_html(record, receipt, executed, subject).encode("utf-8", errors="replace"),
        FIGURES: to_bytes(_finite(payload), indent=1) + b"\n",
        TABLE: figures_csv(payload),
    }
    hashes = {name: sha256(content) for name, content in files.items()}
    files[PUBLISHED] = to_bytes({"files": hashes, "key": key}, indent=1) + b"\n"
    try:
        # Without hashes nothing is said of files that a full disk may leave old and new.
        (run / PUBLISHED).unlink(missing_ok=True)
        for name, content in files.items():
            write_whole(run / name, content)
    except OSError as error:
        raise WorkspaceError(f"The page of {run.name} cannot be kept in {run}: {error.strerror}.") from None
    return run


def record_exports(run: Path, hashes: Mapping[str, str]) -> None:
    """Keep beside the hashes of a run's page and figures those of the files that were exported from them."""
    published = json.loads((run / PUBLISHED).read_text(encoding="utf-8"))
    published["exports"] = published.get("exports", {}) | dict(hashes)
    write_whole(run / PUBLISHED, to_bytes(published, indent=1) + b"\n")


@cache
def _look() -> str:
    """Return the hash of the template: what a page looks like is no part of a run, but of its page."""
    template = Path(__file__).parent / "template"
    return sha256(to_bytes({path.name: sha256(path.read_bytes()) for path in sorted(template.glob("*.*"))}))


def _kept_key(run: Path) -> str | None:
    try:
        return str(json.loads((run / PUBLISHED).read_text(encoding="utf-8"))["key"])
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _last_day(workspace: Workspace, data: Mapping[str, Any]) -> date | None:
    """Return the last day of the data that a run read; its receipt says it, an old one does not."""
    if "last_day" in data:
        return date.fromisoformat(data["last_day"]) if data["last_day"] else None
    try:
        return workspace.tables(data["version"]).last_day
    except WorkspaceError:  # an erased version: its runs stay, the day it ended on is not known any more
        return None


def page_html(
    record: RunRecord, receipt: Mapping[str, Any], executed: Mapping[str, Any], subject: str
) -> str:
    """Return a completed run as one self-contained page."""
    from workbench.reports.exporter import ReportExporter

    exporter = ReportExporter()  # type: ignore[no-untyped-call]
    html, _ = exporter.from_notebook_node(titled(record, receipt, executed, subject))
    return unbroken(str(html))


def titled(
    record: RunRecord, receipt: Mapping[str, Any], executed: Mapping[str, Any], subject: str
) -> NotebookNode:
    """Return an executed notebook with its subject in the heading, and with what its title block says."""
    import nbformat

    notebook = nbformat.from_dict(json.loads(json.dumps(executed)))  # type: ignore[no-untyped-call]
    notebook.metadata["workbench"] = {
        "tenant": record.tenant,
        "created": spoken_day(record.ended),
        "window": window_days(record, receipt),
        "data_version": receipt["data"]["version"],
        "run": record.id,
        "receipt": receipt_lines(receipt),
    }
    first = notebook.cells[0] if notebook.cells else None
    if subject and first is not None and first.cell_type == "markdown":
        head, _, rest = first.source.partition("\n")
        first.source = f"{head}: {subject[:150]}\n{rest}"
    return cast("NotebookNode", notebook)


def window_days(record: RunRecord, receipt: Mapping[str, Any]) -> str:
    """Return the days of a run's window as one reads them; empty where the page is not of one window."""
    ends = receipt["data"].get("last_day")
    if record.notebook not in NOTEBOOKS or not NOTEBOOKS[record.notebook].parameters.of_window or not ends:
        return ""
    days = date_range(record.parameters, date.fromisoformat(ends))
    first, last = (date.fromisoformat(day) if day else None for day in (days["first"], days["last"]))
    return period(first, last) if first else f"all days until {period(last, last)}"


def receipt_lines(receipt: Mapping[str, Any]) -> dict[str, str]:
    """Return a receipt as names and texts for a reader."""
    tables = (
        f"{name} {facts['rows']:,} row{'' if facts['rows'] == 1 else 's'}"
        for name, facts in receipt["data"]["tables"].items()
    )
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
