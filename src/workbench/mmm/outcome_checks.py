"""What can be wrong with the outcome and the length of the data."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from workbench.mmm.evidence import Array, Evidence, correlations, without
from workbench.mmm.findings import Finding, joined
from workbench.result import signed

OUTLIER = 5.0  # robust standard deviations
FEW, SOME = 3.0, 6.0  # figures per parameter
_SIDE = 8  # periods on each side of a jump
_STRONG = 6.0  # standard errors


def parameters(seen: Evidence) -> int:
    """Return how many things the model has to learn; of regions the mean counts."""
    spec = seen.spec
    curve = 3 + (spec.saturation == "hill") + (spec.adstock == "delayed")
    baseline = {"none": 1, "linear": 2, "varying": 8}[spec.trend]
    weekly = 6 if seen.market.period == "day" else 0
    return curve * len(spec.channels) + len(spec.controls) + 2 * spec.seasonality + weekly + baseline + 1


def few_periods(seen: Evidence) -> Iterator[Finding]:
    """Find more parameters than the periods can carry, and less than two years."""
    wanted = parameters(seen)
    each = seen.periods / wanted
    if each < SOME:
        yield Finding(
            check="few_periods",
            status="warn" if each < FEW else "note",
            about=seen.spec.outcome,
            figure=f"{each:.1f} per parameter",
            says=f"{seen.periods} {seen.market.period}s for {wanted} parameters are {each:.1f} each: "
            f"priors will "
            "weigh much.",
            fix="Add up small channels, leave out controls, or bring more history, regions or lift tests.",
        )
    if seen.periods < 2 * seen.year:
        years = seen.periods / seen.year
        yield Finding(
            check="short",
            status="warn" if years < 1.5 else "note",
            about=seen.spec.outcome,
            figure=f"{years:.1f} years",
            says=f"With {years:.1f} years of data the season was not seen twice: it cannot be told from "
            f"the trend.",
            fix="Bring two years or more.",
        )


def flexible(seen: Evidence) -> Iterator[Finding]:
    """Find a model that may bend in three ways at once, of which no data can tell one from another."""
    spec = seen.spec
    if spec.trend == "varying" and spec.saturation == "hill" and spec.adstock == "delayed":
        yield Finding(
            check="flexible",
            status="warn",
            about=spec.outcome,
            figure="3 ways to bend",
            says="A free trend, Hill curves and delayed carry-over can stand in for each other: the "
            "sampler is likely to leave its path.",
            fix="Take trend: linear, saturation: michaelis-menten or adstock: geometric, or set "
            "target_accept to 0.98 and see whether the gates pass.",
        )


def outliers(seen: Evidence) -> Iterator[Finding]:
    """Find periods in which the outcome is far from what everything known explains."""
    spread = 1.4826 * float(np.median(np.abs(seen.left - np.median(seen.left))))
    if spread <= 1e-9 * float(np.abs(seen.outcome).max()):
        return
    away = (seen.left - np.median(seen.left)) / spread
    places = np.flatnonzero(np.abs(away) > OUTLIER)
    if len(places):
        far = places[np.argsort(-np.abs(away[places]))]
        days = joined([seen.day(place) for place in far], most=3)
        most = abs(seen.left[int(far[0])]) / seen.outcome.mean()
        several = "s" * (len(places) > 1)
        yield Finding(
            check="outlier",
            status="warn",
            about=seen.spec.outcome,
            figure=f"{len(places)} {seen.market.period}{several}, up to {abs(away[far[0]]):.0f} deviations",
            says=f"{seen.spec.outcome} is far from what media, season and controls explain in the "
            f"{seen.market.period}{several} from {days}, by up to {most:.0%} of its mean.",
            fix="Correct what is wrong, or add a control that says what happened then.",
        )


def jump(seen: Evidence) -> Iterator[Finding]:
    """Find one day at which the level of the outcome changes for good."""
    count = seen.periods
    places = np.arange(_SIDE, count - _SIDE)
    after = (np.arange(count)[:, None] >= places).astype(float)
    own = without(after, seen.known)  # what of a step no other column can say
    weight = (own**2).sum(0)
    clear = weight > 1  # less is a step that other columns have taken already
    size = np.where(clear, own.T @ seen.left / np.where(clear, weight, 1), 0)
    best = int((np.abs(size) * np.sqrt(weight)).argmax())
    noise = _lasting_noise(seen.left - size[best] * own[:, best])
    if noise <= 1e-9 * float(np.abs(seen.outcome).max()):
        return
    strength = abs(size[best]) * np.sqrt(weight[best]) / noise
    share = size[best] / seen.outcome.mean()
    if strength > _STRONG and abs(share) > 0.05:
        yield Finding(
            check="jump",
            status="warn",
            about=seen.spec.outcome,
            figure=f"{signed(share, '.0%')} from {seen.day(int(places[best]))}",
            says=f"{seen.spec.outcome} is {abs(share):.0%} {'higher' if share > 0 else 'lower'} from "
            f"{seen.day(int(places[best]))} on than media, season, trend and controls explain.",
            fix="Add a control that is 0 before and 1 after it, or let the trend vary.",
        )


def zeros(seen: Evidence) -> Iterator[Finding]:
    """Find long stretches in which nothing was sold."""
    least = 4 if seen.market.period == "week" else 14
    for region, sold in zip(seen.market.regions, seen.market.outcome, strict=True):
        place, length = _longest(sold == 0)
        if length >= least:
            where = f" in {region}" if len(seen.market.regions) > 1 else ""
            yield Finding(
                check="zeros",
                status="warn",
                about=seen.spec.outcome,
                figure=f"{length} {seen.market.period}s",
                says=f"{seen.spec.outcome}{where} is 0 for {length} {seen.market.period}s from "
                f"{seen.day(place)}.",
                fix="Cut the data there if the shop was closed or nothing was recorded.",
            )


def unfinished(seen: Evidence) -> Iterator[Finding]:
    """Find a last period that looks as if it had not ended."""
    expected = seen.outcome - without(seen.outcome, seen.calm)
    ratio = seen.outcome / np.where(expected > 0, expected, np.inf)
    if seen.market.period == "week" and ratio[-1] < 0.6 and ratio[-1] < 0.8 * ratio[:-1].min():
        yield Finding(
            check="unfinished",
            status="warn",
            about=seen.spec.outcome,
            figure=f"{ratio[-1]:.0%} of what is usual",
            says=f"The last week, from {seen.day(-1)}, holds {ratio[-1]:.0%} of what is usual, less than any "
            "before: it looks incomplete.",
            fix="Leave it out until it is whole.",
        )


def tiny_regions(seen: Evidence) -> Iterator[Finding]:
    """Find regions with hardly any outcome."""
    share = seen.market.outcome.sum(1) / seen.outcome.sum()
    tiny = [name for name, own in zip(seen.market.regions, share, strict=True) if own < 0.001]
    if tiny:
        yield Finding(
            check="tiny",
            status="note",
            about=joined(tiny),
            figure=f"{len(tiny)} regions",
            says=f"{joined(tiny)} sell less than a thousandth of the whole: their own returns will be the "
            f"mean of "
            "all regions.",
            fix="Add them to their neighbours.",
        )


def _lasting_noise(left: Array) -> float:
    """Return the deviation of means, times the root of their length, where neighbours are alike."""
    spread = 1.4826 * float(np.median(np.abs(left - np.median(left))))
    alike = float(np.clip(correlations(np.column_stack([left[1:], left[:-1]]))[0, 1], 0, 0.95))
    return spread * float(np.sqrt((1 + alike) / (1 - alike)))


def _longest(true: np.ndarray) -> tuple[int, int]:
    """Return where the longest run begins, and its length."""
    edges = np.flatnonzero(np.diff(np.concatenate(([False], true, [False])).astype(int)))
    starts, ends = edges[::2], edges[1::2]
    if not len(starts):
        return 0, 0
    best = int((ends - starts).argmax())
    return int(starts[best]), int(ends[best] - starts[best])
