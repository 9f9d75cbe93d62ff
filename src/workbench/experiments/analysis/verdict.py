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
        why = f"the smallest variant has {least:,} users; with fewer than {FEWEST} no figure can be trusted."
        return Verdict(decision="inconclusive", why=why, next=wait)
    winners = [one for one in primary if one.course == "better"]
    if winners:
        best = max(winners, key=lambda one: (-_harm(one, findings), _size(one)))
        return _won(experiment, best, findings, ended=ended)
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
    return _open(experiment, primary, _broken(findings), ended=ended)


def _rails(variant: str, findings: Sequence[Finding], verdict: str) -> list[Finding]:
    """Return the guardrails of a variant that came out so."""
    return [
        one for one in findings if one.variant == variant and one.guarded and one.guarded.verdict == verdict
    ]


def _harm(finding: Finding, findings: Sequence[Finding]) -> int:
    """Return 0 where every guardrail of the variant holds, 1 where one is open, 2 where one is broken."""
    if _rails(finding.variant, findings, "violated"):
        return 2
    return 1 if _rails(finding.variant, findings, "cannot tell") else 0


def _broken(findings: Sequence[Finding]) -> str:
    """Return which variants break which guardrail, in words; empty where none does."""
    found = [one for one in findings if one.guarded and one.guarded.verdict == "violated"]
    return " and ".join(f"{one.variant} breaks the guardrail {one.comparison.label.heading}" for one in found)


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
    failed, unsure = (_rails(best.variant, findings, verdict) for verdict in ("violated", "cannot tell"))
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
    held = " and every guardrail holds" if _rails(best.variant, findings, "ok") else ""
    worth = f" At full roll-out that is {best.worth}." if best.worth else ""
    return Verdict(
        decision="variant",
        winner=best.variant,
        why=f"{gain}{held}.{worth}{_others(best, findings)}",
        next="Roll it out, and keep a small holdout to see whether it lasts.",
    )


def _others(best: Finding, findings: Sequence[Finding]) -> str:
    """Return what is said of other variants that are clearly better than the control."""
    found = [
        one
        for one in findings
        if one.role == "primary" and one.course == "better" and one.variant != best.variant
    ]
    broken = [one.variant for one in found if _harm(one, findings) == 2]
    also = [one.variant for one in found if one.variant not in broken]
    said = f" {' and '.join(also)} did clearly better than the control, too." if also else ""
    return said + (
        f" {' and '.join(broken)} did clearly better, too, but broke a guardrail." if broken else ""
    )


def _nothing_to_gain(experiment: Experiment, primary: Sequence[Finding]) -> bool:
    """Return whether the smallest change worth finding is outside of every interval, on the good side."""
    effect = experiment.minimum_effect
    if not effect > 0 or not primary or any(one.better == "neither" for one in primary):
        return False
    lifts = [(one.comparison.relative, one.better) for one in primary]
    if any(one.monitored is not None for one in primary):
        return False
    return all(
        lift.known and (lift.high < effect if better == "higher" else lift.low > -effect)
        for lift, better in lifts
    )


def _open(experiment: Experiment, primary: Sequence[Finding], broken: str, *, ended: bool) -> Verdict:
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
    if broken:
        end = (
            "Stop it there, or find out why before it goes on."
            if not ended
            else f"Keep {experiment.control}."
        )
        return Verdict(decision="inconclusive", why=f"{why[:-1]}; but {broken}.", next=end)
    if not ended:
        return Verdict(decision="inconclusive", why=why, next="Let it run to its planned end.")
    found = max((one.detectable for one in primary), default=float("nan"))
    hint = (
        f"So many users would find a change of {format_value(found, '%')} or more. "
        if math.isfinite(found)
        else ""
    )
    return Verdict(
        decision="inconclusive",
        why=why,
        next=f"{hint}Keep {experiment.control}, or repeat it with more users or a bolder idea.",
    )
