"""The geo tests and holdouts of a workspace as a media mix model hears of them."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

from workbench.errors import NotEnoughData, UsageError, unknown_name
from workbench.mmm.calibration import Finding

if TYPE_CHECKING:
    from workbench.experiments.geo.analysis import GeoAnalysis
    from workbench.experiments.geo.plan import GeoTest
    from workbench.experiments.holdout.figures import Effect
    from workbench.mmm.calibration import Outcome
    from workbench.source import Tables

_OUTCOMES: Mapping[str, Outcome] = {"revenue": "revenue", "orders": "conversions"}
_FOLLOWED = timedelta(days=30)  # a holdout counts what is bought so long after a message
_RUNS = (
    "SELECT campaign_id, channel, min(date) AS first, max(date) AS last FROM daily_performance "
    "WHERE spend > 0 GROUP BY campaign_id, channel ORDER BY campaign_id, channel"
)


def findings(
    tables: Tables, outcome: Outcome, tested: Mapping[str, str] | None = None, *, seed: int = 0
) -> tuple[Finding, ...]:
    """Return what the experiments of a workspace found, whatever it was.

    Parameters
    ----------
    tables : Tables
        The data at one version.
    outcome : {'revenue', 'conversions'}
        What the model explains: of a holdout, which counts both, that one is taken.
    tested : mapping of str to str, optional
        Which channel each geo test tested; a test that is not named is listed, and not used.
    seed : int
        Of everything that is sampled.

    Raises
    ------
    UsageError
        If a geo test is named that does not exist.
    """
    from workbench.experiments.analysis.geo_recorded import begun_geo_tests

    channels = dict(tested or {})
    tests = begun_geo_tests(tables)
    for name in channels:
        if name not in {test.name for test in tests}:
            raise unknown_name("geo test that ran", name, [test.name for test in tests])
    geo = [_of_geo(test, tables, channels.get(test.name, ""), seed) for test in tests]
    return (*geo, *_of_holdouts(tables, outcome, seed))


def _of_geo(test: GeoTest, tables: Tables, channel: str, seed: int) -> Finding:
    from workbench.experiments.analysis.geo_recorded import analyze_kept

    told: dict[str, Any] = {
        "source": test.name,
        "kind": "geo test",
        "channel": channel,
        "outcome": _OUTCOMES.get(test.metric, test.metric),
        "start": test.start,
        "end": test.last_effect,
        "spent_until": test.end,
        "level": test.level,
        "regions": test.treated,
    }
    unknown: dict[str, Any] = {"caused": math.nan, "low": math.nan, "high": math.nan, "spend": math.nan}
    if not channel:
        doubt = f"nobody said which channel it tested: --test {test.name}=CHANNEL"
        return Finding(**told, **unknown, doubt=doubt)
    try:
        found = analyze_kept(test, tables, seed=seed)
    except (NotEnoughData, UsageError) as error:
        return Finding(**told, **unknown, doubt=str(error))
    total = found.incremental
    return Finding(
        **told,
        caused=total.value,
        low=total.low,
        high=total.high,
        spend=math.nan if found.returns is None else found.returns.cost,
        share=_share(test, tables),
        currency=tables.currency,
        doubt=_blocked(found),
    )


def _blocked(found: GeoAnalysis) -> str:
    """Return what forbids to believe a test; that it is merely uncertain does not, its interval says so."""
    return " ".join(check.says for check in found.checks if check.blocks and not check.passed)


def _share(test: GeoTest, tables: Tables) -> float:
    """Return which share of the market lives in the treated regions, by what they bought before the test."""
    from workbench.experiments.geo.reading import geo_panel

    panel = geo_panel(tables, test.metric)
    before = panel.values[:, : panel.position(test.start)].sum(axis=1)
    return float(before[panel.rows(test.treated)].sum() / before.sum())


def _of_holdouts(tables: Tables, outcome: Outcome, seed: int) -> Iterator[Finding]:
    from workbench.experiments.holdout.effects import effect_of
    from workbench.experiments.holdout.reading import campaign_names, read_pairs

    if not {"facts", "daily_performance"} <= tables.names:
        return
    try:
        pairs = read_pairs(tables)
    except NotEnoughData:  # nobody was held out
        return
    ran: dict[str, list[dict[str, Any]]] = {}
    for row in tables.query(_RUNS).to_pylist():
        ran.setdefault(row["campaign_id"], []).append(row)
    names = campaign_names(tables)
    for campaign in pairs.campaigns:
        name = names.get(campaign) or campaign
        effect = effect_of(pairs.of(campaign), name=name, seed=seed)
        yield _of_holdout(effect, outcome, ran.get(campaign, []), tables)


def _of_holdout(effect: Effect, outcome: Outcome, ran: list[dict[str, Any]], tables: Tables) -> Finding:
    found = effect.revenue if outcome == "revenue" else effect.lift.scaled(effect.treated)
    last = tables.last_day or date.max
    channels = sorted({row["channel"] for row in ran})
    doubt = ""
    if not ran:
        doubt = "no spend of it is on record"
    elif len(channels) > 1:
        doubt = f"its spend is on several channels: {', '.join(channels)}"
    elif not found.known or math.isnan(found.low):
        doubt = found.note or effect.note
    return Finding(
        source=effect.name,
        kind="holdout",
        channel=channels[0] if len(channels) == 1 else "",
        outcome=outcome,
        start=min((row["first"] for row in ran), default=last),
        end=min(max((row["last"] for row in ran), default=last) + _FOLLOWED, last),
        spent_until=min(max((row["last"] for row in ran), default=last), last),
        caused=found.value,
        low=found.low,
        high=found.high,
        level=0.95,
        spend=effect.cost,
        share=effect.treated / max(effect.treated + effect.held, 1),
        currency=tables.currency,
        doubt=doubt,
    )
