"""The verdict of an experiment: roll out a variant, keep the control, or wait; why, and what to do next.

A variant is rolled out when the primary metric is clearly better and every guardrail holds. The control is
kept when all variants are clearly worse, when a guardrail of the winner fails, or when a change worth having
is ruled out. A broken split, mixed-up users or too few of them allow no verdict at all.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from workbench.experiments.analysis.finding import Finding
from workbench.experiments.definition import Experiment
from workbench.experiments.inference.sample_ratio import SampleRatio
from workbench.experiments.users.contamination import Contamination
from workbench.result import format_value

Decision = Literal["variant", "control", "inconclusive"]
FEWEST = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What an experiment comes to.

    Parameters
    ----------
    decision : {"variant", "control", "inconclusive"}
        Roll out, keep, or neither.
    winner : str
        The variant to go on with; empty where it is open.
    why : str
        The reason, in one sentence.
    next : str
        What to do, in one sentence.
    blocked : bool
        Whether something is wrong with the experiment itself, so that no figure may decide.
    """

    decision: Decision
    winner: str = ""
    why: str
    next: str
    blocked: bool = False

    @property
    def sentence(self) -> str:
        """Return the recommendation and its reason."""
        start = {
            "variant": f"Roll out {self.winner}",
            "control": f"Keep {self.winner}",
            "inconclusive": "No verdict" if self.blocked else "No winner",
        }[self.decision]
        return f"{start}: {self.why} {self.next}"


def verdict_of(
    experiment: Experiment,
    findings: Sequence[Finding],
    *,
    ratio: SampleRatio,
    contamination: Contamination,
    ended: bool,
) -> Verdict:
    """Return the verdict on an experiment.

    Parameters
    ----------
    experiment : Experiment
        As it was planned.
    findings : sequence of Finding
        All metrics and variants.
    ratio : SampleRatio
        Whether the split is as planned.
    contamination : Contamination
        Who saw several variants.
    ended : bool
        Whether the planned end is reached.
    """
    if blocked := _blocked(ratio, contamination):
        return blocked
    primary = [one for one in findings if one.role == "primary"]
    least = min(ratio.seen, default=0)
    if least < FEWEST:
        wait = "Let it run on." if not ended else f"Repeat it with at least {FEWEST} users in each variant."
        why = f"a variant has {least:,} users, and below {FEWEST} no figure can be trusted."
        return Verdict(decision="inconclusive", why=why, next=wait)
    winners = [one for one in primary if one.course == "better"]
    if winners:
        return _won(experiment, max(winners, key=_size), findings, ended=ended)
    if primary and all(one.course == "worse" for one in primary):
        worst = "; ".join(f"{one.variant} {one.effect}" for one in primary)
        why = f"{primary[0].comparison.label.heading} is clearly worse: {worst}."
        return Verdict(
            decision="control", winner=experiment.control, why=why, next="Stop the test and try another idea."
        )
    if ended and _nothing_to_gain(experiment, primary):
        why = f"a change of {experiment.minimum_effect:.1%} or more is ruled out for every variant."
        return Verdict(
            decision="control",
            winner=experiment.control,
            why=why,
            next="Keep what is simpler, and try a bolder idea.",
        )
    return _open(experiment, primary, ended=ended)


def _size(finding: Finding) -> float:
    return abs(finding.difference.value)


def _blocked(ratio: SampleRatio, contamination: Contamination) -> Verdict | None:
    if ratio.verdict == "blocks":
        return Verdict(
            decision="inconclusive",
            why=ratio.sentence,
            next="Find out where users are lost, and start again with new users.",
            blocked=True,
        )
    if contamination.too_many:
        share = format_value(contamination.share, "%")
        return Verdict(
            decision="inconclusive",
            why=f"{share} of the users saw several variants: the groups are not what they should be.",
            next="Mend the assignment, and start again with new users.",
            blocked=True,
        )
    return None


def _won(experiment: Experiment, best: Finding, findings: Sequence[Finding], *, ended: bool) -> Verdict:
    rails = [one for one in findings if one.guarded is not None and one.variant == best.variant]
    failed = [one for one in rails if one.guarded and one.guarded.verdict == "violated"]
    unsure = [one for one in rails if one.guarded and one.guarded.verdict == "cannot tell"]
    heading = best.comparison.label.heading
    gain = f"{heading} is clearly better, {best.effect}"
    if failed:
        names = " and ".join(one.comparison.label.heading for one in failed)
        return Verdict(
            decision="control",
            winner=experiment.control,
            why=f"{gain}, but {best.variant} breaks the guardrail {names}.",
            next="Find out what it costs there before trying it again.",
        )
    if unsure:
        names = " and ".join(one.comparison.label.heading for one in unsure)
        wait = "Let it run on until that can be told." if not ended else "Repeat it with more users."
        return Verdict(
            decision="inconclusive",
            why=f"{gain}, but harm to {names} beyond the margin cannot be ruled out.",
            next=wait,
        )
    held = " and every guardrail holds" if rails else ""
    worth = f" At full roll-out that is {best.worth}." if best.worth else ""
    return Verdict(
        decision="variant",
        winner=best.variant,
        why=f"{gain}{held}.{worth}",
        next="Roll it out, and keep a small holdout to see whether it lasts.",
    )


def _nothing_to_gain(experiment: Experiment, primary: Sequence[Finding]) -> bool:
    """Return whether the smallest change worth finding is outside of every interval, on the good side."""
    effect = experiment.minimum_effect
    if not effect > 0 or not primary:
        return False
    lifts = [(one.comparison.relative, one.better) for one in primary]
    if any(one.monitored is not None for one in primary):
        return False
    return all(
        lift.known and (lift.high < effect if better == "higher" else lift.low > -effect)
        for lift, better in lifts
        if better != "neither"
    )


def _open(experiment: Experiment, primary: Sequence[Finding], *, ended: bool) -> Verdict:
    unknown = [one for one in primary if one.course == "unknown"]
    if unknown:
        why = f"{unknown[0].comparison.label.heading} cannot be compared: {unknown[0].difference.note}."
        return Verdict(decision="inconclusive", why=why, next="See to the data first.")
    changed = [one for one in primary if one.course == "changed"]
    if changed:
        heading = changed[0].comparison.label.heading
        why = f"{heading} changed ({changed[0].effect}), but no direction of it is good."
        return Verdict(decision="inconclusive", why=why, next="Decide by a metric that has a direction.")
    effects = "; ".join(f"{one.variant} {one.effect}" for one in primary)
    why = f"{primary[0].comparison.label.heading} shows no clear difference: {effects}."
    if not ended:
        return Verdict(decision="inconclusive", why=why, next="Let it run to its planned end.")
    found = max((one.detectable for one in primary), default=float("nan"))
    hint = f"So many users would find a change of {found:.1%} or more. " if math.isfinite(found) else ""
    return Verdict(
        decision="inconclusive",
        why=why,
        next=f"{hint}Keep {experiment.control}, or repeat it with more users or a bolder idea.",
    )
