"""The figures of a report for other software: one JSON document and one CSV table beside each page."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from workbench.charts import mime
from workbench.governance.masking import neutral
from workbench.reports.record import RunRecord

if TYPE_CHECKING:
    from datetime import date

_KPI_FIELDS = ("value", "low", "high", "previous", "change", "unit", "target", "target_met", "note")
_TITLED = (mime.TABLE, mime.CHART, mime.EMPTY, mime.SIMULATOR, mime.HEADING)


def report_payload(
    record: RunRecord,
    receipt: Mapping[str, Any],
    executed: Mapping[str, Any],
    *,
    currency: str | None,
    last_day: date | None,
) -> dict[str, Any]:
    """Return the report as plain data.

    Parameters
    ----------
    record, receipt, executed : mappings
        The completed run.
    currency : str or None
        ISO 4217 code of all money.
    last_day : date or None
        The last day with data, on which a window such as "30d" ends.

    Returns
    -------
    dict
        `campaign_id`, `date_range`, `metrics`, `channels`, `attribution` and `timestamp`, and with them where
        they come from: `run`, `data_version`, `receipt`; `sections` has every figure shown, in order.
    """
    sections = list(sections_of(executed))
    rows = [row for section in sections for row in section["rows"]]
    return {
        "attribution": [row for row in rows if "model" in row and "credit" in row],
        "campaign_id": record.parameters.get("campaign"),
        "channels": [row for row in rows if "channel" in row and "model" not in row],
        "currency": currency,
        "data_version": receipt["data"]["version"],
        "date_range": date_range(record.parameters, last_day),
        "metrics": {
            row["name"]: {name: row.get(name) for name in _KPI_FIELDS}
            for section in sections
            if section["kind"] == "cards"
            for row in section["rows"]
            if "name" in row
        },
        "notebook": record.notebook,
        "parameters": dict(record.parameters),
        "receipt": receipt["sha256"],
        "run": record.id,
        "sections": sections,
        "tenant": record.tenant,
        "timestamp": record.ended,
        "title": record.title,
    }


def date_range(parameters: Mapping[str, Any], last_day: date | None) -> dict[str, str | None]:
    """Return the first and last day of a run's window; the first is null where all days are meant."""
    from workbench.metrics.window import parse_window

    text = parameters.get("window")
    last = last_day.isoformat() if last_day else None
    if text is None or (last_day is None and ":" not in text):
        return {"first": None, "last": last, "window": text}
    window = parse_window(text, last_day)
    return {"first": window.first.isoformat(), "last": window.last.isoformat(), "window": text}


def sections_of(executed: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield what each output of an executed notebook holds: its kind, its title, its text, its rows."""
    for cell in executed["cells"]:
        for output in cell.get("outputs", []):
            data = output.get("data", {})
            if any(kind.startswith("application/vnd.workbench") or kind == mime.CHART for kind in data):
                yield {
                    "cell": cell["id"],
                    "kind": next((name for kind, name in _KINDS.items() if kind in data), "figures"),
                    "rows": [row for row in data.get(mime.FIGURES, []) if isinstance(row, dict)],
                    "text": str(data.get("text/plain", ""))[:2000],
                    "title": _title(data),
                }


_KINDS = {
    mime.KPI: "cards",
    mime.CHART: "chart",
    mime.TABLE: "table",
    mime.ALERTS: "alerts",
    mime.SENTENCE: "sentence",
    mime.EMPTY: "empty",
    mime.SIMULATOR: "simulator",
    mime.HEADING: "heading",
    mime.TEXT: "text",
}


def _title(data: Mapping[str, Any]) -> str:
    for kind in _TITLED:
        payload = data.get(kind)
        if isinstance(payload, dict):
            title = payload.get("title") or payload.get("caption") or payload.get("text") or ""
            return str(title.get("text", "") if isinstance(title, dict) else title)[:600]
    return ""


def figures_csv(payload: Mapping[str, Any]) -> bytes:
    """Return all figures as one CSV table (UTF-8 with a BOM, for spreadsheets); no cell is a formula."""
    rows = [
        {"section": section["title"] or section["kind"], **row}
        for section in payload["sections"]
        for row in section["rows"]
    ]
    columns = list(dict.fromkeys(name for row in rows for name in row)) or ["section"]
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerow([_cell(name) for name in columns])
    for row in rows:
        writer.writerow([_cell(row.get(name)) for name in columns])
    return b"\xef\xbb\xbf" + text.getvalue().encode("utf-8", errors="replace")


def _cell(value: object) -> object:
    if isinstance(value, (int, float)) or value is None:
        return value
    return neutral(str(value))
