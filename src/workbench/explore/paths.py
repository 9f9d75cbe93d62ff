"""The counts behind a funnel: users in order where events exist, totals where only platforms report.

Words: a user *enters* with an impression in the window; a click counts when it follows an impression of the
same campaign; each later stage is the first moment after the stage before. Taking the first moment is exact:
whoever can pass the stages in order passes them this way.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from workbench.errors import UsageError
from workbench.explore import path_arrays
from workbench.explore.campaigns import campaign_facts
from workbench.explore.figures import Figure, figures
from workbench.explore.funnels import FUNNELS, Funnel, FunnelDefinition, funnel_of
from workbench.explore.query import ask, told_apart, window_of
from workbench.explore.view import lacking, listed
from workbench.metrics import Condition, Metric, Window, sql, terms
from workbench.metrics.filters import filters
from workbench.metrics.intervals import CLUSTERS
from workbench.result import format_value

if TYPE_CHECKING:
    from workbench.source import Tables

_AWARENESS = (
    "impressions",
    "ctr",
    "leads",
    "qualified_leads",
    "converted_leads",
    "cost_per_conversion",
    "lead_conversion_rate",
)
_ENOUGH_TIME = 30  # days, for most who go on to do so
_TO_LEADS, _TO_QUALIFIED = 1, 2  # the steps to leads, and from them to qualified ones
SLICES = ("campaign", "segment", "channel", "region")
# What is counted at each stage of the purchase funnel after the first, and which events are.
_LATER = (
    ("clicks", "event_type = 'campaign_clicked'"),
    ("visits", "event_type = 'user_engaged'"),
    ("carts", "event_type = 'user_engaged' AND kind = 'add_to_cart'"),
    ("purchases", "event_type = 'user_purchased'"),
)
Kept = dict[str, tuple[str, ...]]


def funnel(
    tables: Tables,
    name: str = "purchase",
    *,
    window: str | Window | None = "30d",
    where: Mapping[str, str | Sequence[str]] | None = None,
    benchmarks: tuple[float | None, ...] | None = None,
) -> Funnel:
    """Return one of the two ready funnels.

    Parameters
    ----------
    tables : Tables
        ``purchase`` needs facts; ``awareness`` needs facts or daily_performance, and leads.
    name : {"purchase", "awareness"}
        The first counts users who pass the stages in order, the second totals of each stage.
    window : str or Window, optional
        The days in which all stages lie.
    where : mapping, optional
        One of campaign, segment, channel, region, and its value or values: whose impressions count.
        Landings, carts and purchases carry no campaign; they count when they follow a click of this one.
    benchmarks : tuple, optional
        The usual rate of each step, instead of the ready ones.
    """
    definition = FUNNELS[name]
    if benchmarks is not None:
        definition = replace(definition, benchmarks=benchmarks)
    kept = {one.column: _values(one) for one in filters(where)}
    if set(kept) - set(SLICES) or len(kept) > 1:
        raise UsageError(f"A funnel is cut by one of {', '.join(SLICES)}, not {', '.join(kept)}.")
    days = window_of(tables, window)
    named = told_apart(campaign_facts(tables)) if "campaign" in kept else {}
    cut = next(iter(kept.values()), ("all",))
    label = ", ".join(str(named.get(value, {}).get("name") or value) for value in cut)
    if days is None:
        return _nothing(definition, label, lacking(tables))
    if name == "purchase":
        return _ordered(tables, definition, days, kept, label)
    return _totals(tables, definition, days, kept, label)


def _values(kept: Condition) -> tuple[str, ...]:
    if kept.value is None:
        raise UsageError(f"A funnel is of what has a {kept.column}: name one, or several.")
    return tuple(map(str, kept.value if isinstance(kept.value, tuple) else (kept.value,)))


def known_funnel(
    tables: Tables,
    *,
    window: str | Window | None = "30d",
    where: Mapping[str, str | Sequence[str]] | None = None,
) -> Funnel:
    """Return the purchase funnel where users can be followed, else the awareness funnel of totals.

    What only platforms report names no users: its stages are impressions, clicks, leads and sales.

    Parameters
    ----------
    tables : Tables
        Needs facts or daily_performance.
    window, where
        As of `funnel`.
    """
    followed = funnel(tables, window=window, where=where)
    if not followed.missing:
        return followed
    totals = funnel(tables, "awareness", window=window, where=where)
    return followed if totals.missing else totals


def _nothing(definition: FunnelDefinition, label: str, reason: str) -> Funnel:
    return Funnel(
        name=definition.name,
        label=label,
        counted="nothing",
        stages=(),
        conversion=None,
        conversion_low=None,
        conversion_high=None,
        missing=reason,
    )


def _totals(tables: Tables, definition: FunnelDefinition, days: Window, where: Kept, label: str) -> Funnel:
    missing = lacking(tables, "daily_performance", "facts")
    if missing:
        return _nothing(definition, label, missing)
    found = figures(tables, _AWARENESS, window=days, where=where or None)
    of = {name: found.of((), name) for name in _AWARENESS}
    sales, note = of["converted_leads"].value, ""
    if not (won := bool(sales)):
        sales, note = of["cost_per_conversion"].denominator, "no lead was won, so conversions are counted"
        definition = replace(definition, counted=(*definition.counted[:-1], "conversions"))
    leads, qualified = of["leads"].value or None, of["qualified_leads"].value
    aside = leads if leads and not won and (sales or 0.0) > leads else None
    if sales and (leads is None or aside):  # it sells without leads: nobody is lost on the way from clicks
        leads = qualified = None
    unnamed = (leads or 0.0) - (of["lead_conversion_rate"].denominator or 0.0)
    unclicked = _unclicked(tables, days, where) if leads else 0.0
    definition, doubts = _doubted(definition, unclicked, 0.0 if qualified is None else unnamed)
    note = "; ".join([*doubts, *([note] if note else [])])
    values = [of["impressions"].value, of["ctr"].numerator, leads, qualified, sales]
    known = [place for place, value in enumerate(values) if value is not None]
    if not values[0] or len(known) < 2:
        told = "impressions are known, and nothing that follows them" if values[0] else ""
        return _nothing(definition, label, f"Not enough data: {told or f'nothing was shown {days.told}'}.")
    if len(known) < len(values):
        gaps = [definition.counted[place] for place in range(len(values)) if place not in known]
        why = "none recorded" if of["leads"].value == 0 else "not reported"
        left = f"leads are no step on this way: conversions are more than {aside:,.0f}" if aside else ""
        note = "; ".join(part for part in (left or f"{why}: {', '.join(gaps)}", note) if part)
        definition = _without(definition, known)
    return funnel_of(
        [value for value in values if value is not None],
        definition,
        label=label,
        counted="totals",
        note=note,
        times=_times(tables, known, days, where, won=won),
    )


def _doubted(
    definition: FunnelDefinition, unclicked: float, unnamed: float
) -> tuple[FunnelDefinition, list[str]]:
    """Return a definition whose steps are not judged where nobody knows which leads passed them, and why."""
    doubts = (
        (_TO_QUALIFIED, unnamed, "have no stage: platforms count them"),
        (_TO_LEADS, unclicked, "came where no click is on record"),
    )
    found = [(step, f"{some:,.0f} of the leads {why}") for step, some, why in doubts if some > 0]
    for step, _ in found:
        definition = replace(definition, benchmarks=_unjudged(definition.benchmarks, step))
    return definition, [said for _, said in found]


def _unclicked(tables: Tables, days: Window, where: Kept) -> float:
    """Return how many leads came in channels of which clicks are not known, such as a form of one's own."""
    found = figures(tables, ["leads", "ctr"], by=("channel",), window=days, where=where or None)
    return sum(
        found.of(key, "leads").value or 0.0 for key in found.slices if not found.of(key, "ctr").numerator
    )


def _times(
    tables: Tables, known: Sequence[int], days: Window, where: Kept, *, won: bool
) -> tuple[float | None, ...]:
    """Return how many times as much as independent trials the days of each known step, and of all, vary."""
    sold = terms.converted_leads if won else terms.conversions
    told = (terms.impressions, terms.clicks, terms.leads, terms.qualified_leads, sold)
    sources = [told[place] for place in known]
    pairs = [*pairwise(sources), (sources[0], sources[-1])]
    steps = [
        Metric(
            name=f"step {place}",
            title="",
            unit="%",
            better="higher",
            owner="",
            refresh="",
            says="",
            is_=after / before,
        )
        for place, (before, after) in enumerate(pairs)
    ]
    found = figures(tables, steps, window=days, where=where or None)
    return tuple(_dispersion(found.of((), step.name)) for step in steps)


def _dispersion(step: Figure) -> float | None:
    """Return how many times as much as independent trials the days of a step vary; None of few days."""
    rate, trials = step.value or 0.0, step.denominator or 0.0
    if (step.n or 0) < CLUSTERS:
        return None
    if step.error is None or not 0 < rate < 1:
        return 1.0
    return max(1.0, step.error**2 * trials / (rate * (1 - rate)))


def _unjudged(benchmarks: tuple[float | None, ...], step: int) -> tuple[float | None, ...]:
    return tuple(None if place == step else usual for place, usual in enumerate(benchmarks))


def _without(definition: FunnelDefinition, known: list[int]) -> FunnelDefinition:
    """Return a definition with some stages left out; a step over a gap has no benchmark."""
    steps = [
        definition.benchmarks[after - 1] if after == before + 1 else None for before, after in pairwise(known)
    ]
    stages, counted = (
        tuple(names[place] for place in known if names) for names in (definition.stages, definition.counted)
    )
    return replace(definition, stages=stages, benchmarks=tuple(steps), counted=counted)


def _ordered(tables: Tables, definition: FunnelDefinition, days: Window, where: Kept, label: str) -> Funnel:
    missing = lacking(tables, "facts")
    if missing:
        return _nothing(definition, label, missing)
    counts = _counts(tables, days, where)
    if counts[0] == 0:
        reason = f"Not enough data: no message to a user is recorded {days.told}"
        return _nothing(definition, label, f"{reason}; platforms do not say who saw their ads.")
    end, note = _unrecorded(tables, counts), ""
    if end == 1:
        return _nothing(definition, label, "Not enough data: no click on a message is recorded.")
    if end is not None:
        note = f"no {_LATER[end - 1][0]} are recorded: what follows is unknown"
        definition, counts = _without(definition, list(range(end))), counts[:end]
    elif counts[1] and not counts[2]:
        note = "no visits are recorded after a click"
    definition, hasty = _given_time(tables, definition, counts, days, where)
    note = "; ".join(part for part in (note, hasty) if part)
    return funnel_of(counts, definition, label=label, counted="users in order", note=note)


def _counts(tables: Tables, days: Window, where: Kept) -> list[int]:
    """Return how many users reach each stage of the purchase funnel."""
    counts = path_arrays.counted(tables, days, where)
    if counts is not None:
        return counts
    rows = ask(tables, lambda: _stages(where), "purchase funnel", tuple(where.items()), window=days)
    return [int(rows[0][f"s{place}"] or 0) for place in range(5)]


def _given_time(
    tables: Tables, definition: FunnelDefinition, counts: Sequence[int], days: Window, where: Kept
) -> tuple[FunnelDefinition, str]:
    """Return a definition whose steps are not judged that only seem low as people had few days, and why."""
    steps = list(zip(pairwise(counts), definition.benchmarks, strict=True))
    low = [place for place, ((n, x), usual) in enumerate(steps) if usual and n and x < usual * n]
    if days.days >= _ENOUGH_TIME or not low:
        return definition, ""
    longer = Window(days.last - timedelta(days=_ENOUGH_TIME - 1), days.last)
    usual_counts, said = _counts(tables, longer, where), []
    for place in low:
        n, x = usual_counts[place : place + 2]
        if x >= (definition.benchmarks[place] or 0.0) * n > 0:
            step = f"{definition.stages[place]} to {definition.stages[place + 1]}"
            said.append(f"{step} ({format_value(x / n, '%')} over {_ENOUGH_TIME} days)")
            definition = replace(definition, benchmarks=_unjudged(definition.benchmarks, place))
    why = f"in {days.days} day{'' if days.days == 1 else 's'} many may not have had the time"
    return definition, f"not judged: {listed(said)}; {why}" if said else ""


def _unrecorded(tables: Tables, counts: Sequence[int]) -> int | None:
    """Return the first stage that nobody can reach, as nothing of its kind is ever recorded."""
    place = next((place for place, count in enumerate(counts) if not count), None)
    if place is None:
        return None
    found = tables.query(f"SELECT event_type FROM facts WHERE {_LATER[place - 1][1]} LIMIT 1")
    return None if found.num_rows else place


def _stages(where: Kept) -> Any:
    facts = sql.unbound("facts")
    within = facts.filter(sql.within(facts.day, instant=False))
    shown = within.filter(
        (within.event_type == "campaign_delivered") & (sql.when(within.is_holdout, 1, 0) == 0)
    )
    for name, values in where.items():
        shown = shown.filter(shown["campaign_id" if name == "campaign" else name].isin(values))
    pairs = shown.group_by(["user_key", "campaign_id"]).agg(t0=shown.timestamp.min())
    click = within.filter(within.event_type == "campaign_clicked")
    chain = _reached(pairs, click, 1, ("user_key", "campaign_id"))
    visit = within.filter(within.event_type == "user_engaged")
    cart = visit.filter(visit.kind == "add_to_cart")
    bought = within.filter(within.event_type == "user_purchased")
    for place, events in ((2, visit), (3, cart), (4, bought)):
        chain = _reached(chain, events, place, ("user_key",))
    return chain.agg(**{f"s{place}": chain[f"t{place}"].count() for place in range(5)})


def _reached(chain: Any, events: Any, place: int, on: tuple[str, ...]) -> Any:
    """Return one row per user: the first moment of every stage so far, and of this one after the last.

    Each stage is read once from the one before: an engine that copies what is named twice would do all of
    the earlier stages again and again.
    """
    events = events.select(**{f"of_{name}": events[name] for name in on}, moment=events.timestamp)
    same = [chain[name] == events[f"of_{name}"] for name in on]
    rows = chain.left_join(events, [*same, events.moment >= chain[f"t{place - 1}"]])
    firsts = {f"t{before}": rows[f"t{before}"].min() for before in range(place)}
    return rows.group_by("user_key").agg(**firsts, **{f"t{place}": rows.moment.min()})
