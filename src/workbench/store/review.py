"""What the load log says about quality: the newest figures of every table and source, and the alerts."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from workbench.events.quality import Quality, alerts
from workbench.result import shown, told

if TYPE_CHECKING:
    import pandas as pd

    from workbench.store.snapshot import Snapshot

_SHARES = ("pass_rate", "duplicate_rate", "late_rate", "completeness", "compliance", "ingestion_rate")
_FIELDS = (
    *("source", "read", "accepted", "duplicates", "quarantined", "late", "unmapped", "ingestion_rate"),
    *("completeness", "compliance", "freshness_minutes", "lag_p95_minutes"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Review:
    """The newest quality figures of a workspace.

    Parameters
    ----------
    rows : list of dict
        One per table and source.
    alerts : tuple of str
        Sentences, the most severe first.
    """

    rows: list[dict[str, Any]]
    alerts: tuple[str, ...]

    @property
    def columns(self) -> tuple[str, ...]:
        """Return the names of the figures."""
        own = ("table", "source", "loaded_at", "read", "accepted", "duplicates", "quarantined", "late")
        return (*own, *_SHARES, "freshness_minutes", "lag_p95_minutes")

    @property
    def sentence(self) -> str:
        """Return the state as one sentence."""
        if not self.rows:
            return "Nothing was loaded yet."
        return f"{len(self.rows)} sources, {len(self.alerts)} alerts."

    __repr__ = told
    _repr_html_ = shown

    def to_frame(self) -> pd.DataFrame:
        """Return one row per table and source."""
        import pandas as pd

        return pd.DataFrame(self.rows, columns=list(self.columns))

    def to_dict(self) -> dict[str, object]:
        """Return everything as plain values."""
        return {"sources": self.rows, "alerts": list(self.alerts)}


def review(tables: Snapshot) -> Review:
    """Return the newest figures of every table and source."""
    loads = tables.query(
        "SELECT table_name, quality, CAST(loaded_at AS VARCHAR) AS loaded_at FROM loads"
        " WHERE operation = 'ingest'"
        " QUALIFY row_number() OVER (PARTITION BY table_name ORDER BY loaded_at DESC) = 1"
        " ORDER BY table_name"
    ).to_pylist()
    rows: list[dict[str, Any]] = []
    said: list[str] = []
    for load in loads:
        figures = json.loads(load["quality"])
        figures = figures if isinstance(figures, list) else []
        place = {"table": load["table_name"], "loaded_at": load["loaded_at"]}
        rows += [{**place, **row} for row in figures]
        known = tuple(Quality(**{name: row[name] for name in _FIELDS if name in row}) for row in figures)
        live = load["table_name"] == "events" and all(row.get("live", True) for row in figures)
        said += [f"{load['table_name']}: {alert.sentence}" for alert in alerts(known, live=live)]
    order = {"critical": 0, "warning": 1, "info": 2}
    said.sort(key=lambda sentence: order.get(sentence.split(": ")[1], 3))
    return Review(rows=rows, alerts=(*said, *_overlaps(tables)))


def _overlaps(tables: Snapshot) -> tuple[str, ...]:
    if not {"facts", "daily_performance"} <= tables.names:
        return ()
    found = tables.query(
        "SELECT count(*) AS n, min(campaign_id) AS first FROM (SELECT DISTINCT campaign_id, day FROM facts"
        " WHERE event_type = 'campaign_clicked') JOIN (SELECT DISTINCT campaign_id, date AS day"
        " FROM daily_performance WHERE clicks > 0) USING (campaign_id, day)"
    ).to_pylist()[0]
    if not found["n"]:
        return ()
    return (
        f"warning: {found['n']} campaign days, such as of campaign {found['first']}, have clicks both tracked"
        " and reported by a platform; metrics add them up",
    )
