"""What a load did, as a result that speaks."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

from workbench.events.quality import Alert, Quality
from workbench.result import shown, told

if TYPE_CHECKING:
    import pandas as pd

_FILE_FIELDS = (
    *("file", "table", "mapping", "load_id", "read", "accepted", "duplicates", "quarantined"),
    *("late", "replaced", "again", "seconds"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class FileLoad:
    """What became of one file.

    Parameters
    ----------
    file, table : str
        The file and the table that it fills.
    mapping : str or None
        The mapping that read it.
    load_id : str
        Under which it is found in the load log.
    read, accepted, duplicates, quarantined, late : int
        In rows.
    replaced : int
        Duplicates that took the place of a copy which arrived minutes before.
    again : bool
        Whether the same file was loaded before: nothing was done.
    seconds : float
        How long it took.
    quality : tuple of Quality
        Per source.
    alerts : tuple of Alert
        The figures beyond their limits.
    notes : tuple of str
        What else should be known, such as columns that were not used.
    """

    file: str
    table: str
    mapping: str | None = None
    load_id: str = ""
    read: int = 0
    accepted: int = 0
    duplicates: int = 0
    quarantined: int = 0
    late: int = 0
    replaced: int = 0
    again: bool = False
    seconds: float = 0.0
    quality: tuple[Quality, ...] = ()
    alerts: tuple[Alert, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def sentence(self) -> str:
        """Return the load as one sentence."""
        if self.again:
            does = "row changes" if self.read == 1 else "rows change"
            said = f"{self.file}: already loaded into {self.table}; its {self.read:,} {does} nothing."
            if not self.quarantined:
                return said
            if self.quarantined == 1:
                return f"{said} 1 is in quarantine: once right, load it as a file of its own."
            rejected = f"{self.quarantined:,} are in quarantine"
            return f"{said} {rejected}: once right, load them as a file of their own."
        rows = f"{self.read:,} {'row' if self.read == 1 else 'rows'}"
        copies = f"{self.duplicates:,} {'duplicate' if self.duplicates == 1 else 'duplicates'}"
        rest = f"{copies}, {self.quarantined:,} quarantined"
        return f"{self.file}: {self.accepted:,} of {rows} accepted into {self.table}, {rest}."

    def to_dict(self) -> dict[str, object]:
        """Return everything as plain values."""
        return {
            **{name: getattr(self, name) for name in _FILE_FIELDS},
            "quality": [figures.to_dict() for figures in self.quality],
            "alerts": [alert.sentence for alert in self.alerts],
            "notes": list(self.notes),
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Ingested:
    """What became of all files of one call: accepted + duplicates + quarantined = read.

    Parameters
    ----------
    files : tuple of FileLoad
        In the order of loading.
    refused : tuple of (str, str)
        Files that could not be read at all, and why; nothing of them was stored.
    left : tuple of str
        Files of named folders that were not opened, as their endings name no form that is read.
    """

    files: tuple[FileLoad, ...]
    refused: tuple[tuple[str, str], ...] = ()
    left: tuple[str, ...] = ()

    def _sum(self, name: str) -> int:
        return sum(getattr(file, name) for file in self.files)

    @property
    def read(self) -> int:
        """Return the rows read."""
        return self._sum("read")

    @property
    def accepted(self) -> int:
        """Return the rows that entered a table."""
        return self._sum("accepted")

    @property
    def duplicates(self) -> int:
        """Return the rows that were there already."""
        return self._sum("duplicates")

    @property
    def quarantined(self) -> int:
        """Return the rows that were rejected."""
        return self._sum("quarantined")

    @property
    def late(self) -> int:
        """Return the events that were older than a day on arrival."""
        return self._sum("late")

    @property
    def replaced(self) -> int:
        """Return the duplicates that took the place of a fresh copy."""
        return self._sum("replaced")

    @property
    def alerts(self) -> tuple[Alert, ...]:
        """Return the alerts of all files."""
        return tuple(alert for file in self.files for alert in file.alerts)

    @property
    def sentence(self) -> str:
        """Return what happened as one sentence."""
        rows = f"{self.accepted:,} of {self.read:,} rows accepted, {self.duplicates:,} duplicates"
        again = sum(file.again for file in self.files)
        known = f"; {again} of {len(self.files)} files were loaded before" if again else ""
        refused = f"; {len(self.refused)} files refused" if self.refused else ""
        left = f"; {len(self.left)} files left, of no form that is read" if self.left else ""
        return f"{rows}, {self.quarantined:,} quarantined{known}{refused}{left}."

    def to_dict(self) -> dict[str, object]:
        """Return everything as plain values."""
        names = ("read", "accepted", "duplicates", "quarantined", "late", "replaced")
        return {
            **{name: getattr(self, name) for name in names},
            "files": [file.to_dict() for file in self.files],
            "refused": [{"file": file, "problem": problem} for file, problem in self.refused],
            "left": list(self.left),
            "alerts": [alert.sentence for alert in self.alerts],
        }

    def to_json(self) -> str:
        """Return everything as JSON."""
        return json.dumps(self.to_dict(), ensure_ascii=False, allow_nan=False)

    __repr__ = told
    _repr_html_ = shown

    def to_frame(self) -> pd.DataFrame:
        """Return one row per file."""
        import pandas as pd

        return pd.DataFrame([{k: v for k, v in f.to_dict().items() if k != "quality"} for f in self.files])
