"""What can be wrong with media: too little, too even, too much alike, or following what they explain."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations

import numpy as np

from workbench.mmm.evidence import Array, Evidence, correlations, explained, without
from workbench.mmm.findings import Finding, joined
from workbench.result import format_value

CONSTANT, NEARLY_CONSTANT = 0.01, 0.1  # standard deviation over mean
ALIKE, IDENTICAL = 0.8, 0.9999
VIF_NOTE, VIF_WARN = 5.0, 10.0
SMALL = 0.01  # of the budget
SPIKE = 0.2  # of a channel's money in one period
FOLLOWS_SEASON = 0.6  # share of variance that the season explains
FOLLOWS_SALES = 0.25  # partial correlation with the outcome of the period before
_TESTS = 3.5  # standard errors: few false alarms over twenty channels


def constant(seen: Evidence) -> Iterator[Finding]:
    """Find media and controls that hardly vary in any region."""
    for kind, names, values in (
        ("channel", seen.market.channels, seen.market.exposure),
        ("control", seen.market.controls, seen.market.control),
    ):
        level = np.abs(values).mean(1)
        share = values.std(1) / np.where(level > 0, level, 1.0)
        for place, name in enumerate(names):
            varies = float(share[:, place].max())
            if varies < CONSTANT:
                says = f"{name} is the same in every period, so its effect cannot be told from the baseline."
                fix = "Leave it out" + (", or vary it in some regions." if kind == "channel" else ".")
                yield Finding(
                    check="constant", status="refuse", about=name, figure=f"{varies:.1%}", says=says, fix=fix
                )
            elif varies < NEARLY_CONSTANT and kind == "channel":
                yield Finding(
                    check="constant",
                    status="warn",
                    about=name,
                    figure=f"{varies:.1%}",
                    says=f"{name} varies by only {varies:.1%} of its mean: the prior will decide what it "
                    f"returns.",
                    fix="Vary its spend, or test it in some regions.",
                )


def alike(seen: Evidence) -> Iterator[Finding]:
    """Find pairs of channels, and of a channel and a control, that move together."""
    channels = len(seen.market.channels)
    names = (*seen.market.channels, *seen.market.controls)
    found = correlations(np.hstack([seen.media, seen.controls]))
    for one, other in combinations(range(len(names)), 2):
        if one >= channels or abs(found[one, other]) < ALIKE:
            continue
        together = f"{names[one]} and {names[other]}"
        figure = f"correlation {found[one, other]:.2f}"
        if other >= channels:
            yield Finding(
                check="control",
                status="warn",
                about=f"{names[one]}, {names[other]}",
                figure=figure,
                says=f"The control {names[other]} moves with {names[one]} ({figure}) and may take its "
                f"credit.",
                fix=f"Leave {names[other]} out if {names[one]} causes it; keep it if it causes both.",
            )
        elif found[one, other] >= IDENTICAL:
            yield Finding(
                check="identical",
                status="refuse",
                about=f"{names[one]}, {names[other]}",
                figure=figure,
                says=f"{together} are the same figures: no data can share their effect between them.",
                fix="Add them up to one channel, or leave one out.",
            )
        else:
            way = "go up and down together" if found[one, other] > 0 else "move against each other"
            yield Finding(
                check="alike",
                status="warn",
                about=f"{names[one]}, {names[other]}",
                figure=figure,
                says=f"{together} {way} ({figure}): their sum is known better than either.",
                fix="Add them up to one channel, or move one without the other for some weeks.",
            )


def inflated(seen: Evidence) -> Iterator[Finding]:
    """Find channels that the others, the controls and the season foretell (variance inflation factor)."""
    regions = len(seen.market.regions)
    rest = np.hstack([np.tile(seen.calm, (regions, 1)), seen.controls])
    pairs = correlations(seen.media) - np.eye(len(seen.market.channels))
    for place, name in enumerate(seen.market.channels):
        if np.abs(pairs[place]).max(initial=0) >= ALIKE or not seen.media[:, place].any():
            continue
        others = np.delete(seen.media, place, axis=1)
        known = explained(seen.media[:, place], np.hstack([rest, others]))
        factor = 1 / max(1 - known, 1e-6)
        if factor >= VIF_NOTE:
            yield Finding(
                check="inflated",
                status="warn" if factor >= VIF_WARN else "note",
                about=name,
                figure=f"variance inflation {factor:.1f}",
                says=f"{known:.0%} of the ups and downs of {name} follow from the other channels, the "
                f"controls "
                f"and the season: its interval will be about {np.sqrt(factor):.1f} times as wide.",
                fix="Vary its spend on its own, or add a lift test.",
            )


def small(seen: Evidence) -> Iterator[Finding]:
    """Find channels that get less than a hundredth of the budget."""
    share = seen.spend / seen.spend.sum()
    for name, own in zip(seen.market.channels, share, strict=True):
        if own < SMALL:
            yield Finding(
                check="small",
                status="warn",
                about=name,
                figure=f"{own:.2%} of the budget",
                says=f"{name} gets {own:.2%} of the budget: its effect drowns in the noise.",
                fix="Add it to a channel of its kind, or read its return as what was believed beforehand.",
            )


def spikes(seen: Evidence) -> Iterator[Finding]:
    """Find single periods that hold a large part of a channel's money."""
    money = seen.market.spend.sum(0)
    for name, own in zip(seen.market.channels, money.T, strict=True):
        place, paid = int(own.argmax()), own[own > 0]
        if own[place] > SPIKE * own.sum() and own[place] > 5 * np.median(paid):
            yield Finding(
                check="spike",
                status="warn",
                about=name,
                figure=f"{own[place] / own.sum():.0%} from {seen.day(place)}",
                says=f"{own[place] / own.sum():.0%} of what {name} spends stands in the "
                f"{seen.market.period} from "
                f"{seen.day(place)}: the curve rests on one {seen.market.period}.",
                fix="Look whether a bill was booked in one piece, and spread it over the days it paid for.",
            )


def silent(seen: Evidence) -> Iterator[Finding]:
    """Find channels that are rarely on, or off through the last year."""
    on = seen.market.exposure.sum(0) > 0
    for name, own in zip(seen.market.channels, on.T, strict=True):
        last = int(np.flatnonzero(own)[-1])
        if last < seen.periods - seen.year:
            yield Finding(
                check="silent",
                status="warn",
                about=name,
                figure=f"last in {seen.day(last)}",
                says=f"{name} has been off since {seen.day(last)}: no budget of today can be scaled for it.",
                fix="Leave it out of budgets; keep it in the model if it explains the past.",
            )
        elif own.mean() < 0.1:
            yield Finding(
                check="silent",
                status="warn",
                about=name,
                figure=f"on in {own.mean():.0%}",
                says=f"{name} is on in only {int(own.sum())} of {seen.periods} {seen.market.period}s.",
                fix="Add it to a channel of its kind, or treat it as an event.",
            )


def unseen(seen: Evidence) -> Iterator[Finding]:
    """Find money in periods without exposure, and exposure in periods without money."""
    spend, exposure = seen.market.spend, seen.market.exposure
    for place, name in enumerate(seen.market.channels):
        money, views = spend[:, :, place], exposure[:, :, place]
        for having, lacking, words in (
            (money, views, ("money", "exposure")),
            (views, money, ("exposure", "money")),
        ):
            alone = (having > 0) & (lacking == 0)
            share = float(having[alone].sum() / having.sum())
            if alone.any():
                part, count = format_value(share, "%"), int(alone.sum())
                yield Finding(
                    check="unseen",
                    status="warn" if share > 0.01 else "note",
                    about=name,
                    figure=f"{part} in {count} row{'s' * (count > 1)}",
                    says=f"{part} of the {words[0]} of {name} stands where there is no {words[1]}.",
                    fix="Look whether both are booked in the same periods.",
                )


def follows(seen: Evidence) -> Iterator[Finding]:
    """Find spend that follows the season, or the outcome of the period before."""
    money = seen.market.spend.sum(0)
    before = without(seen.outcome, seen.calm)[1:-1]
    for name, own in zip(seen.market.channels, money.T, strict=True):
        season = explained(own, seen.calm)
        if season > FOLLOWS_SEASON:
            yield Finding(
                check="seasonal",
                status="warn",
                about=name,
                figure=f"{season:.0%} explained",
                says=f"{season:.0%} of the ups and downs of {name} follow season and trend: what it causes "
                f"and "
                "what the season brings look the same.",
                fix="Add a lift test, or controls that say when demand was high for other reasons.",
            )
        known = np.column_stack([seen.calm[2:], own[1:-1], own[:-2]])
        pair = np.column_stack([without(own[2:], known), without(before, known)])
        tied = float(correlations(pair)[0, 1])
        free = len(before) - known.shape[1] - 2
        strong = tied * np.sqrt(max(free, 1) / max(1 - tied**2, 1e-12))
        if tied > FOLLOWS_SALES and strong > _TESTS:
            yield Finding(
                check="reacts",
                status="warn",
                about=name,
                figure=f"partial correlation {tied:.2f}",
                says=f"{name} spends more after a good {seen.market.period}: part of its return may be "
                f"demand that "
                "was there already.",
                fix="Ask how its budget is set; a lift test tells what it causes.",
            )


def divided(seen: Evidence) -> Iterator[Finding]:
    """Find channels whose regions share one national course."""
    if len(seen.market.regions) < 2:
        return
    for place, name in enumerate(seen.market.channels):
        own = seen.market.exposure[:, :, place]
        course = own[own.any(1)]
        if len(course) > 1 and _least(course) > 0.999:
            yield Finding(
                check="divided",
                status="note",
                about=name,
                figure="one course",
                says=f"{name} moves alike in all regions: it was bought nationally and divided up.",
                fix="Its return is known as well as in a national model, not better.",
            )


def priced(seen: Evidence) -> Iterator[Finding]:
    """Find money and outcome that can hardly be of the same unit."""
    total, sold = float(seen.spend.sum()), float(seen.outcome.sum())
    if seen.spec.kind != "revenue" or 0.001 < total / sold < 1:
        return
    share = f"{format_value(total / sold, '%')} of" if total < sold else f"{total / sold:,.3g} times"
    yield Finding(
        check="unit",
        status="warn",
        about=joined(seen.market.channels),
        figure=f"{share} the outcome",
        says=f"All media together cost {share} the outcome.",
        fix="Look whether both are in the same currency and unit, and whether the outcome is a count.",
    )


def _least(course: Array) -> float:
    return float(correlations(course.T).min())
