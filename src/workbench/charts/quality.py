"""What was loaded and what was refused, as tables."""

from __future__ import annotations

from workbench.charts.drawing import DataTable, Nothing
from workbench.charts.tables import figure, tabulate, text
from workbench.explore.quality import DataQuality

_MOST = 25


def loads(result: DataQuality) -> DataTable | Nothing:
    """Return the newest loads: rows read, accepted, known already, refused."""
    if result.missing or not result.loads:
        return Nothing(title="Loads", reason=result.missing or "No file has been loaded yet.")
    return tabulate(
        result.loads,
        [
            text("file", "File"),
            text("table_name", "Table"),
            text("loaded_at", "Loaded"),
            figure("rows_read", "Rows read", "count", adds=True),
            figure("accepted", "Accepted", "count", adds=True),
            figure("duplicates", "Known already", "count", adds=True),
            figure("refused", "Refused", "count", adds=True),
            figure("refused_share", "Share refused", "%"),
            figure("late", "Late", "count", adds=True),
        ],
        caption="What each load brought, the newest first",
        most=_MOST,
    )


def reasons(result: DataQuality) -> DataTable | Nothing:
    """Return why rows were refused, the most frequent reason first."""
    if result.missing or not result.reasons:
        return Nothing(title="Refused rows", reason=result.missing or "No row was refused.")
    return tabulate(
        result.reasons,
        [
            text("reason", "Reason"),
            text("table_name", "Table"),
            figure("rows", "Rows", "count", bars=True),
            figure("share", "Of all refused", "%"),
        ],
        caption="Why rows were refused; a row with two reasons counts under both",
        most=_MOST,
    )
