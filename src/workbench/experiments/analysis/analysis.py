"""The result of an A/B/n test: the verdict, every comparison behind it, and whether it can be trusted."""

from __future__ import annotations

import math
from dataclasses import dataclass, fields, is_dataclass
from datetime import date
from html import escape
from typing import TYPE_CHECKING, Any

from workbench.experiments.analysis.finding import Finding
from workbench.experiments.analysis.monitoring import Monitoring
from workbench.experiments.analysis.verdict import Verdict
from workbench.experiments.definition import Experiment
from workbench.experiments.inference.comparison import frame_of
from workbench.experiments.inference.sample_ratio import SampleRatio
from workbench.experiments.users.contamination import Contamination
from workbench.experiments.users.users import Seen
from workbench.result import html_table, told

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, slots=True, kw_only=True)
class Analysis:
    """What an experiment found.

    Parameters
    ----------
    experiment : Experiment
        As it was planned.
    findings : tuple of Finding
        Every metric of every variant: the primary metric, then the others in the order named.
    ratio : SampleRatio
        Whether the split is as planned.
    contamination : Contamination
        Who saw several variants, what was left out, and other experiments on the same users.
    monitoring : Monitoring
        How the test is looked at.
    seen : Seen
        The days that count.
    verdict : Verdict
        What it comes to.
    notes : tuple of str
        What a reader must know.
    """

    experiment: Experiment
    findings: tuple[Finding, ...]
    ratio: SampleRatio
    contamination: Contamination
    monitoring: Monitoring
    seen: Seen
    verdict: Verdict
    notes: tuple[str, ...] = ()

    @property
    def primary(self) -> tuple[Finding, ...]:
        """Return the findings that decide, one per variant."""
        return tuple(one for one in self.findings if one.role == "primary")

    @property
    def users(self) -> int:
        """Return all users that count."""
        return sum(self.ratio.seen)

    @property
    def sentence(self) -> str:
        """Return the verdict, its reason and what to do, in words."""
        return self.verdict.sentence

    def of(self, metric: str, variant: str = "") -> Finding:
        """Return the finding on a metric; of the first variant, unless another is named."""
        return next(one for one in self.findings if one.metric == metric and variant in ("", one.variant))

    __repr__ = told

    def to_frame(self) -> pd.DataFrame:
        """Return one row per metric and variant."""
        frame = frame_of(one.comparison for one in self.findings)
        frame.insert(0, "role", [one.role for one in self.findings])
        frame["p_adjusted"] = [one.p_adjusted for one in self.findings]
        frame["course"] = [one.course for one in self.findings]
        frame["chance_to_be_better"] = [one.chance for one in self.findings]
        frame["prior"] = [one.prior for one in self.findings]
        frame["expected_loss"] = [one.loss for one in self.findings]
        frame["detectable"] = [one.detectable for one in self.findings]
        frame["guardrail"] = [one.guarded.verdict if one.guarded else "" for one in self.findings]
        return frame

    def to_document(self) -> dict[str, Any]:
        """Return everything as plain values that JSON takes; what is unknown is null."""
        found = [_plain(one) | {"course": one.course, "sentence": one.sentence} for one in self.findings]
        return {**_plain(self), "sentence": self.sentence, "users": self.users, "findings": found}

    def _repr_html_(self) -> str:
        notes = "".join(f"<li>{escape(note)}</li>" for note in self.notes)
        table = html_table(self.to_frame(), self.experiment.name)
        return f"<p>{escape(self.sentence)}</p>{table}{f'<ul>{notes}</ul>' if notes else ''}"


def _plain(value: Any) -> Any:
    if is_dataclass(value):
        return {own.name: _plain(getattr(value, own.name)) for own in fields(value)}
    if isinstance(value, dict):
        return {str(name): _plain(own) for name, own in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(own) for own in value]
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, float):
        return float(value) if math.isfinite(value) else None
    return value
