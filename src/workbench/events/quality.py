"""How good a load was: figures per source, and the alerts that follow from them, as data.

Words: shares lie in 0..1. *Pass rate* is the share of rows that broke no rule (a copy breaks none).
*Completeness* is the share of required fields that were filled. *Compliance* is the share of rows whose
fields have the types and values that the definitions state. *Freshness* is the age of the newest row on
arrival. Rows that a mapping knowingly leaves out are quarantined and counted, and judge no source: they stand
outside of pass rate, completeness and compliance.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass

ALL = "all"
# How the reason of a row begins that its mapping leaves out.
NOT_MAPPED = "not mapped: "


@dataclass(frozen=True, slots=True, kw_only=True)
class Quality:
    """The figures of one source in one load.

    Parameters
    ----------
    source : str
        The source of the events, or ``"all"``.
    read, accepted, duplicates, quarantined, late : int
        In rows.
    unmapped : int
        Quarantined rows of events that the mapping knowingly leaves out.
    ingestion_rate : float or None
        Read rows over expected ones, where an expectation is known.
    completeness, compliance : float or None
        Shares; None without rows.
    freshness_minutes, lag_p95_minutes : float or None
        None where rows have no time.
    """

    source: str = ALL
    read: int = 0
    accepted: int = 0
    duplicates: int = 0
    quarantined: int = 0
    late: int = 0
    unmapped: int = 0
    ingestion_rate: float | None = None
    completeness: float | None = None
    compliance: float | None = None
    freshness_minutes: float | None = None
    lag_p95_minutes: float | None = None

    @property
    def pass_rate(self) -> float | None:
        """Return the share of rows that broke no rule, of those that the mapping does not leave out."""
        meant = self.read - self.unmapped
        return 1 - (self.quarantined - self.unmapped) / meant if meant else None

    @property
    def duplicate_rate(self) -> float | None:
        """Return the share of rows that were copies."""
        return self.duplicates / self.read if self.read else None

    @property
    def late_rate(self) -> float | None:
        """Return the share of accepted rows that were older than a day."""
        return self.late / self.accepted if self.accepted else None

    def to_dict(self) -> dict[str, object]:
        """Return all figures, rates included.

        Examples
        --------
        >>> Quality(read=100, accepted=90, quarantined=10).to_dict()["pass_rate"]
        0.9
        """
        rates = ("pass_rate", "duplicate_rate", "late_rate")
        return {**asdict(self), **{name: getattr(self, name) for name in rates}}


@dataclass(frozen=True, slots=True)
class AlertRule:
    """When a figure is a reason to look."""

    level: str
    figure: str
    sign: str
    limit: float
    says: str


RULES = (
    AlertRule("critical", "ingestion_rate", "<", 0.95, "fewer rows arrived than expected"),
    AlertRule("critical", "pass_rate", "<", 0.95, "many rows were quarantined"),
    AlertRule("warning", "freshness_minutes", ">", 15, "the newest row is old"),
    AlertRule("warning", "completeness", "<", 0.90, "many required fields are empty"),
    AlertRule("info", "late_rate", ">", 0.05, "many events arrived late"),
    AlertRule("info", "duplicate_rate", ">", 0.01, "many rows were copies"),
)
_COMPARE: dict[str, Callable[[float, float], bool]] = {"<": operator.lt, ">": operator.gt}


@dataclass(frozen=True, slots=True)
class Alert:
    """One figure beyond its limit."""

    level: str
    source: str
    figure: str
    value: float
    limit: float
    says: str

    @property
    def sentence(self) -> str:
        """Return the alert as a person reads it.

        Examples
        --------
        >>> alerts([Quality(read=100, accepted=90, quarantined=10)])[0].sentence
        'critical: many rows were quarantined (pass_rate 0.9, limit 0.95, source all)'
        """
        figures = f"{self.figure} {self.value:.4g}, limit {self.limit:g}, source {self.source}"
        return f"{self.level}: {self.says} ({figures})"


def alerts(figures: Iterable[Quality], *, live: bool = True) -> tuple[Alert, ...]:
    """Return the alerts, the most severe first.

    Parameters
    ----------
    figures : iterable of Quality
        One per source.
    live : bool
        Whether the rows are of today: a backfill is old and late by its nature.
    """
    found, figures = [], tuple(figures)
    for rule in RULES:
        if not live and rule.figure in {"freshness_minutes", "late_rate"}:
            continue
        for quality in figures:
            value = getattr(quality, rule.figure)
            if value is not None and _COMPARE[rule.sign](value, rule.limit):
                found.append(Alert(rule.level, quality.source, rule.figure, value, rule.limit, rule.says))
    return tuple(found)
