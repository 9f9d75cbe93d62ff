"""What a geo test allows one to say: whether it can be judged at all, and then what to do."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from workbench.experiments.geo.conformal import ConformalTest
from workbench.experiments.geo.effect import Effect
from workbench.experiments.geo.measured_size import MeasuredSize
from workbench.experiments.geo.placebo import PlaceboTest
from workbench.experiments.geo.power import PowerCurve
from workbench.experiments.geo.returns import Returns
from workbench.experiments.geo.synthetic_control import Counterfactual
from workbench.experiments.inference.estimate import Estimate, alpha_of
from workbench.result import signed

Finding = Literal["works", "harms", "no effect", "cannot tell"]

WORTH_FINDING = 0.10  # lift, where the plan names none
FITS, FITS_WELL = 0.3, 0.7  # share of the movement before the test that the controls follow (R2)
NO_BETTER = 0.9  # of the miss that equal weights would leave
TOO_WEAK, WEAK = 0.2, 0.8  # power at the lift worth finding
TOO_OFTEN = 0.15  # false positives at a promise of 5 %, in proportion at others
_PROMISED = 0.05


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One thing that must hold before an effect is believed.

    Parameters
    ----------
    name : str
        What was looked at.
    figure : float
        What was found.
    passed : bool
        Whether it holds.
    blocks : bool
        Whether nothing can be said where it does not.
    says : str
        The figure in a sentence.
    """

    name: str
    figure: float
    passed: bool
    blocks: bool
    says: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What is concluded.

    Parameters
    ----------
    finding : str
        ``"works"``, ``"harms"``, ``"no effect"`` or ``"cannot tell"``.
    why : str
        The reason, with its figure.
    recommendation : str
        What to do now.
    """

    finding: Finding
    why: str
    recommendation: str


def checks_of(
    found: Counterfactual,
    placebo: PlaceboTest,
    size: MeasuredSize,
    power: PowerCurve | None,
    *,
    worth: float,
    no_rehearsal: str = "",
) -> tuple[Check, ...]:
    """Return what must hold, each with its figure.

    Parameters
    ----------
    found, placebo, size, power
        What is judged; `power` is None where the past is too short to rehearse.
    worth : float
        The lift worth finding, as a share.
    no_rehearsal : str
        Why there is no power.
    """
    return (
        _fit(found),
        _resolution(placebo),
        _power(power, worth, no_rehearsal),
        _size(size),
    )


def verdict_of(
    effect: Effect, checks: Iterable[Check], *, worth: float, returns: Returns | None = None
) -> Verdict:
    """Return what may be said of an effect, given the checks.

    Parameters
    ----------
    effect : Effect
        Of the test that decides.
    checks : iterable of Check
        As `checks_of` returns them.
    worth : float
        The lift worth finding, as a share.
    returns : Returns, optional
        What it brought for its cost, where both are money; below a cost of 0 spend was cut.
    """
    failed = [check for check in checks if not check.passed]
    blocking = [check for check in failed if check.blocks]
    if blocking:
        return Verdict(
            finding="cannot tell",
            why=" ".join(check.says for check in blocking),
            recommendation=_WAY_OUT[blocking[0].name],
        )
    lift = effect.lift
    if not lift.known:
        return Verdict(
            finding="cannot tell",
            why="What would have been expected is not above zero, so there is no lift.",
            recommendation=_WAY_OUT["fit"],
        )
    if lift.significant:
        finding: Finding = "works" if lift.value > 0 else "harms"
        why = f"The lift lies between {signed(lift.low)} and {signed(lift.high)} (p = {lift.p:.3f})."
        return Verdict(finding=finding, why=why, recommendation=_after(finding, returns))
    if lift.high < worth and lift.low > -worth:
        between = f"it lies between {signed(lift.low)} and {signed(lift.high)}"
        why = f"A lift of {worth:.0%} or more is ruled out: {between}."
        return Verdict(
            finding="no effect",
            why=why,
            recommendation="Do not roll it out for this effect; spend elsewhere.",
        )
    why = (
        f"The lift lies between {signed(lift.low)} and {signed(lift.high)} (p = {lift.p:.3f}):"
        f" none at all and one of {worth:.0%} are both possible."
    )
    return Verdict(finding="cannot tell", why=why, recommendation=_WAY_OUT["power"])


def doubts(
    effect: Effect, checks: Iterable[Check], second: ConformalTest | None, lifts: dict[str, float]
) -> tuple[str, ...]:
    """Return what speaks against believing the figure, though nothing forbids it."""
    said = [check.says for check in checks if not check.passed and not check.blocks]
    if second is not None and second.effect.lift.significant != effect.lift.significant:
        said.append(
            f"The second opinion ({second.effect.lift.method}) sees it differently: p = "
            f"{second.effect.lift.p:.3f} where the first has {effect.lift.p:.3f}."
        )
    apart = max(lifts.values()) - min(lifts.values())
    if effect.lift.significant and min(lifts.values()) < 0 < max(lifts.values()):
        said.append(f"Methods disagree on the direction: their lifts lie {100 * apart:.1f} points apart.")
    return tuple(said)


_WAY_OUT = {
    "fit": "Choose test geos that others move like, or bring a longer history; then run it again.",
    "resolution": "Keep more geos as controls: with so few no effect can be told from chance.",
    "power": "Run it longer, in more or better matched geos, or with more money: plan it by its power first.",
}


def _fit(found: Counterfactual) -> Check:
    r2, scaled = fit_r2(found), found.scaled_imbalance
    passed = r2 >= FITS and not scaled > NO_BETTER
    said = (
        f"Before the test the controls follow {max(r2, 0.0):.0%} of the movement of the test geos (R2; "
        f"scaled L2 {scaled:.2f})"
    )
    if not passed:
        said += f": the pre-period does not fit, {FITS:.0%} is the least, and L2 must be below {NO_BETTER}"
    elif r2 < FITS_WELL:
        return Check(name="fit", figure=r2, passed=False, blocks=False, says=f"{said}: a moderate fit.")
    return Check(name="fit", figure=r2, passed=passed, blocks=True, says=said + ".")


def fit_r2(found: Counterfactual) -> float:
    """Return the share of the treated geos' movement before the test that the controls follow (R2)."""
    before = found.observed[: found.split.pre]
    total = float(((before - before.mean()) ** 2).sum())
    missed = float((found.gap[: found.split.pre] ** 2).sum())
    return 1 - missed / total if total > 0 else float("nan")


def _resolution(placebo: PlaceboTest) -> Check:
    least = 1 / (len(placebo.placebos) + 1)
    passed = least < alpha_of(placebo.level)
    said = f"With {len(placebo.placebos)} placebo groups p can be as small as {least:.3f}"
    said += "." if passed else f": never below {1 - placebo.level:.2f}, so no effect could be shown."
    return Check(name="resolution", figure=least, passed=passed, blocks=True, says=said)


def _power(curve: PowerCurve | None, worth: float, no_rehearsal: str) -> Check:
    if curve is None:
        said = f"Its power is not known. {no_rehearsal}".strip()
        return Check(name="power", figure=float("nan"), passed=False, blocks=False, says=said)
    power = curve.power_at(worth)[0]
    said = f"On past windows such a test found a lift of {worth:.0%} in {power:.0%} of rehearsals"
    if power < TOO_WEAK:
        said += f": below {TOO_WEAK:.0%} its power is too low, and what it finds would be exaggerated"
    elif power < WEAK:
        said += f", where {WEAK:.0%} is usual"
    return Check(name="power", figure=power, passed=power >= WEAK, blocks=power < TOO_WEAK, says=said + ".")


def _size(size: MeasuredSize) -> Check:
    rate = size.rate
    worst = TOO_OFTEN * (1 - size.level) / _PROMISED
    return Check(name="false positives", figure=rate, passed=rate <= worst, blocks=False, says=size.sentence)


def _after(finding: Finding, returns: Returns | None) -> str:
    if returns is not None and returns.cost < 0:
        return _by_saving(finding, returns.iroas)
    if finding == "harms":
        return "Stop it: sales fell where it ran."
    if returns is None:
        return "It sells. Set its cost against what it brought before rolling it out."
    return _by_return(returns.iroas)


def _by_saving(finding: Finding, iroas: Estimate) -> str:
    """Return what follows where spend was cut: what was lost for each unit of money saved."""
    if finding == "works":
        return "Sales rose though less was spent: leave it off, and find out why."
    if iroas.low > 1:
        return "Spend again: each unit of money that was saved lost more than itself. Mind the margin."
    if iroas.high < 1:
        return "Less was lost than saved: the spend did not pay at this price."
    return "Sales fell where spend was cut; whether the spend paid is open."


def _by_return(iroas: Estimate) -> str:
    if iroas.low > 1:
        return "Roll it out: each unit of money brought back more than itself. Mind the margin."
    if iroas.high < 1:
        return "It sells, but brought back less than it cost: do not roll it out at this price."
    return "It sells; whether it pays is open. Roll it out step by step, and keep some geos without it."
