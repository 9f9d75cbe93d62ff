"""What checks of a market's data find: verdicts as data, in words a planner can act on."""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields
from html import escape
from typing import TYPE_CHECKING, Literal

from workbench.result import html_table, told

if TYPE_CHECKING:
    import pandas as pd

Status = Literal["refuse", "warn", "note"]
_ORDER: tuple[Status, ...] = ("refuse", "warn", "note")


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing that a check found.

    Parameters
    ----------
    check : str
        What was found, in one of the words of `checks.CHECKS`.
    status : {'refuse', 'warn', 'note'}
        Whether the model cannot be fitted, its answer needs care, or it is good to know.
    about : str
        The channel, control, outcome or region; several are joined by commas.
    figure : str
        What was found, as it is read.
    says : str
        What that means for the model.
    fix : str
        What to do.
    """

    check: str
    status: Status
    about: str
    figure: str
    says: str
    fix: str


@dataclass(frozen=True, slots=True, kw_only=True)
class MarketCheck:
    """What was found in a market's data before a model is fitted to them.

    Parameters
    ----------
    findings : tuple of Finding
        The gravest first.
    scope : str
        What was looked at, such as ``208 weeks and 5 channels``.
    """

    findings: tuple[Finding, ...]
    scope: str

    @property
    def refused(self) -> tuple[Finding, ...]:
        """Return what forbids a fit."""
        return self.of("refuse")

    @property
    def warned(self) -> tuple[Finding, ...]:
        """Return what the answer needs care for."""
        return self.of("warn")

    def of(self, status: Status) -> tuple[Finding, ...]:
        """Return the findings of one status."""
        return tuple(one for one in self.findings if one.status == status)

    @property
    def sentence(self) -> str:
        """Return whether a model can be fitted, and the gravest finding."""
        if self.refused:
            first, count = self.refused[0], len(self.refused) - 1
            more = f" {count} more forbid{'s' * (count == 1)} a fit." if count else ""
            return f"No model can be fitted to these {self.scope}: {first.says} {first.fix}{more}"
        if self.warned:
            first, count = self.warned[0], len(self.warned) - 1
            more = f" {count} more warning{'s' * (count > 1)}." if count else ""
            return f"A model of these {self.scope} needs care: {first.says} {first.fix}{more}"
        noted = f", {len(self.findings)} things are good to know" if self.findings else ""
        return f"Nothing in these {self.scope} speaks against a model{noted}."

    @property
    def notes(self) -> tuple[str, ...]:
        """Return every finding as one line."""
        return tuple(f"{one.status}: {one.says} {one.fix}" for one in self.findings)

    __repr__ = told

    def to_frame(self) -> pd.DataFrame:
        """Return one row per finding, the gravest first."""
        import pandas as pd

        return pd.DataFrame(
            [asdict(one) for one in self.findings], columns=[field.name for field in fields(Finding)]
        )

    def _repr_html_(self) -> str:
        table = html_table(self.to_frame()) if self.findings else ""
        return f"<p>{escape(self.sentence)}</p>{table}"


def ordered(findings: list[Finding]) -> tuple[Finding, ...]:
    """Return findings with the gravest first, else as they came."""
    return tuple(sorted(findings, key=lambda one: _ORDER.index(one.status)))


def joined(names: list[str] | tuple[str, ...], most: int = 4) -> str:
    """Return names as they stand in a sentence.

    Examples
    --------
    >>> joined(["tv"]), joined(["tv", "radio"]), joined(list("abcdef"))
    ('tv', 'tv and radio', 'a, b, c, d and 2 more')
    """
    shown = [one[:60] for one in names[:most]]
    if len(names) > most:
        return f"{', '.join(shown)} and {len(names) - most} more"
    return " and ".join([", ".join(shown[:-1]), shown[-1]]) if len(shown) > 1 else "".join(shown)
