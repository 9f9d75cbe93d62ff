"""One result of every kind, with names as attackers write them."""

from __future__ import annotations

import math
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from functools import cache
from itertools import combinations
from typing import Any

import numpy as np
import pandas as pd
from tests.charts import summary_samples
from tests.mmm import handmade

from workbench.attribution.buying import Ways, ways_of
from workbench.attribution.cost import Returns, returns
from workbench.attribution.credit import Credit, CreditRow, sorted_rows
from workbench.attribution.models import MODELS
from workbench.attribution.reading import touchpoints_of
from workbench.attribution.views import CheckRow, ModelChecks
from workbench.experiments.analysis.analyzing import analyze_users
from workbench.experiments.analysis.daily import DailyEffects, DayPoint
from workbench.experiments.analysis.geo_views import GeoReport, NextTest
from workbench.experiments.analysis.views import ABTest
from workbench.experiments.bandit.allocation import Allocation, Arm, with_caveats
from workbench.experiments.bandit.bandit import allocate
from workbench.experiments.bandit.simulation import simulate_regret
from workbench.experiments.definition import Experiment, Guardrail
from workbench.experiments.geo.analyzing import analyze_geo
from workbench.experiments.geo.markets import MarketRules, select_markets
from workbench.experiments.geo.panel import Panel
from workbench.experiments.geo.plan import GeoTest
from workbench.experiments.geo.power import power_curve as geo_power
from workbench.experiments.holdout.effects import beside, effect_of
from workbench.experiments.holdout.figures import Effect
from workbench.experiments.holdout.health import HoldoutHealth, health_of
from workbench.experiments.holdout.holdout import Coverage, Holdout
from workbench.experiments.holdout.pairs import Coded, Pairs, pairs_of
from workbench.experiments.holdout.parts import Parts
from workbench.experiments.holdout.sides import rates_of, sides_of
from workbench.experiments.holdout.weeks import LiftOverTime, weeks_of
from workbench.experiments.inference.comparison import Label
from workbench.experiments.power.planned import Design
from workbench.experiments.power.planning import design
from workbench.experiments.power.simulating import FalseAlarms, SimulatedPower, simulate_aa, simulate_power
from workbench.experiments.power.user_values import user_values
from workbench.experiments.uplift.curves import responses
from workbench.experiments.uplift.report import Uplift, uplift_of
from workbench.experiments.users.metric import own_metric
from workbench.explore.advice import Advice
from workbench.explore.campaign_row import CampaignRow
from workbench.explore.campaigns import BudgetShift, CampaignComparison, Ranking
from workbench.explore.channels import ChannelComparison, ChannelRow
from workbench.explore.cohorts import ActivationCell, CohortCell, Cohorts
from workbench.explore.creatives import CreativeRow, Creatives
from workbench.explore.executive import Alert, Alerts, Leaderboard, Place
from workbench.explore.frequency import FrequencyRow, FrequencyView
from workbench.explore.funnels import Funnel, compare_funnels, funnel_of
from workbench.explore.heatmaps import BANDS, BestWindow, HeatCell, Heatmap
from workbench.explore.kpis import Card, KpiCards, Point
from workbench.explore.leads import GradeCell, LeadReport, LeadRow, LeadStage
from workbench.explore.pacing import PaceRow, Pacing, SpendPoint
from workbench.explore.quality import DataQuality, LoadRow, ReasonRow
from workbench.explore.segment_comparison import SegmentComparison, SegmentDifference
from workbench.explore.segments import SegmentRow, SegmentsView
from workbench.explore.targets import TargetRow, TargetsView
from workbench.explore.trends import Change, TrendPoint, Trends
from workbench.metrics.window import Window
from workbench.mmm.report import MixReport, mix_report

START = date(2025, 3, 1)
MIX = (
    "mix_advice",
    "mix_curves",
    "mix_decomposition",
    "mix_fit",
    "mix_fit_figures",
    "mix_gates",
    "mix_learning",
    "mix_moved",
    "mix_parts",
    "mix_reasons",
    "mix_regions",
    "mix_returns",
    "mix_shares",
    "mix_table",
)
HOSTILE = (
    "<script>alert(1)</script>",
    '=HYPERLINK("http://evil.example","x")',
    "../../etc/passwd",
    "{{7*7}}",
    "$(id)",
    "\u202egnp.exe\u202c",
    "'\"><img src=x onerror=alert(1)>",
    "javascript:alert(1)",
    "</script><svg onload=alert(1)>",
    "x" * 10_000,
    "]]>--><!--",
    "line\nbreak\x00\x1b[31m",
)
NAMES = ("Spring sale", "Reactivation", "Brand search", "Newsletter", "Retargeting")


def wave(place: int, shift: float = 0.0) -> float:
    """Return a smooth number between 0 and 2."""
    return 1 + math.sin(place / 5 + shift) * 0.5 + math.cos(place / 2.1 + shift) * 0.3


def fields(cls: type, **given: Any) -> Any:
    """Return a row in which every field not given is None."""
    return cls(**{name: given.get(name) for name in cls.__dataclass_fields__})


def kpi_cards(names: tuple[str, ...] = ("Return on ad spend",)) -> KpiCards:
    def card(place: int, title: str) -> Card:
        return Card(
            name=f"metric_{place}",
            title=title,
            unit=("x", "money", "%", "count")[place % 4],
            better=("higher", "higher", "higher", "lower")[place % 4],
            value=(2.87, 1_234_567.0, 0.0379, 18_400.0)[place % 4],
            low=(2.61, None, 0.0373, None)[place % 4],
            high=(3.1, None, 0.0385, None)[place % 4],
            previous=(2.7, 1_100_000.0, 0.041, 18_400.0)[place % 4],
            change=(0.063, 0.1223, -0.0756, 0.0)[place % 4],
            change_p=(0.02, 0.001, 0.01, None)[place % 4],
            healthy=(2.5, None) if place % 4 == 0 else None,
            verdict="healthy",
            target=3.5 if place % 4 == 0 else None,
            target_met=False if place % 4 == 0 else None,
            streak=5 if place % 4 == 0 else None,
            alert=place % 4 == 0,
            formula="sum(order_value) / sum(spend)",
            says="Attributed revenue per unit of spend.",
            refresh="daily",
            note="",
            incomplete=False,
            line=tuple(Point(day=START + timedelta(days=d), value=wave(d, place)) for d in range(30)),
        )

    cards = tuple(card(place, name) for place, name in enumerate(names))
    return KpiCards(cards=cards, first_day=START, last_day=START + timedelta(days=29), currency="EUR")


def trend(slices: tuple[str, ...] = ("",), days: int = 60) -> Trends:
    points = tuple(
        TrendPoint(
            slice=name,
            day=START + timedelta(days=d),
            value=1000 * (place + 1) * wave(d, place),
            rolling=1000 * (place + 1) * wave(d // 7 * 7, place) if d >= 6 else None,
            complete=d < days - 1,
        )
        for place, name in enumerate(slices)
        for d in range(days)
    )
    change = fields(
        Change,
        slice=slices[0],
        kind="WoW",
        current=1200.0,
        previous=1000.0,
        change=0.2,
        change_low=0.1,
        change_high=0.3,
        p_value=0.01,
        reason="",
    )
    return Trends(
        metric="revenue",
        title="Revenue",
        unit="money",
        better="higher",
        grain="day",
        by="channel" if len(slices) > 1 else None,
        points=points,
        changes=(change,),
        currency="EUR",
    )


def campaigns(names: tuple[str, ...] = NAMES) -> CampaignComparison:
    rows = tuple(
        fields(
            CampaignRow,
            campaign_id=f"c{place}",
            name=name,
            channel="email",
            status="active",
            days=30,
            spend=5000.0 - 300 * place,
            revenue=15000.0 - 2500 * place,
            clicks=900.0,
            impressions=30_000.0,
            conversions=90.0,
            ctr=0.03,
            roas=3.2 - 0.6 * place,
            roas_low=2.9 - 0.6 * place,
            roas_high=3.6 - 0.6 * place,
            cost_per_conversion=55.5,
        )
        for place, name in enumerate(names)
    )
    ranking = Ranking(name="roas", title="ROAS", unit="x", campaign_ids=tuple(r.campaign_id for r in rows))
    return CampaignComparison(
        rows=rows,
        rankings=(ranking,),
        best=rows[0].campaign_id,
        worst=rows[-1].campaign_id,
        advice=(
            Advice(priority="low", campaign_id="c1", name=names[-1], action="watch", reason="few days"),
            Advice(priority="high", campaign_id="c0", name=names[0], action="stop", reason="it loses money"),
        ),
        shift=BudgetShift(
            giver=None,
            receiver=None,
            amount=None,
            gain=None,
            low=None,
            high=None,
            reason="none is surely better",
        ),
        currency="EUR",
    )


def channels(names: tuple[str, ...] = ("email", "sms", "social")) -> ChannelComparison:
    rows = tuple(
        fields(
            ChannelRow,
            channel=name,
            campaigns=2,
            days=30,
            spend=4000.0,
            revenue=9000.0,
            roi=1.2 - place * 0.7,
            roi_low=0.9 - place * 0.7,
            roi_high=1.5 - place * 0.7,
            ctr=0.04,
            engagement_rate=0.2 - 0.04 * place,
            engagement_rate_low=0.18 - 0.04 * place,
            engagement_rate_high=0.23 - 0.04 * place,
            leads=120.0,
        )
        for place, name in enumerate(names)
    )
    return ChannelComparison(
        rows=rows,
        campaign_id=None,
        best_by_engagement=names[0],
        best_by_return=None,
        sure=True,
        currency="EUR",
    )


def creatives(names: tuple[str, ...] = ("Save 20% today", "New in store", "Last chance")) -> Creatives:
    rows = tuple(
        fields(
            CreativeRow,
            creative_id=f"cr{place}",
            campaign_id="c0",
            headline=name,
            impressions=9000.0,
            clicks=300.0,
            ctr=0.04 - 0.005 * place,
            ctr_low=0.035 - 0.005 * place,
            ctr_high=0.045 - 0.005 * place,
            roas=3.5 - place,
            probability_best=(0.9, 0.08, 0.02)[place % 3],
            low_performer=place > 0,
            surely_low=place > 1,
        )
        for place, name in enumerate(names)
    )
    return Creatives(rate="ctr", rows=rows, currency="EUR")


def funnel() -> Funnel:
    return funnel_of([384_230, 14_562, 12_435, 9_711, 1_284])


def leads(names: tuple[str, ...] = ("email", "social")) -> LeadReport:
    def row(channel: str) -> LeadRow:
        return fields(
            LeadRow,
            channel=channel,
            leads=240,
            won=30,
            lost=70,
            open=140,
            win_rate=0.3,
            win_rate_low=0.22,
            win_rate_high=0.4,
            expected_value=90_000.0,
            new_per_day=2.7,
            cost_per_lead=41.667,
        )

    stages = tuple(
        LeadStage(stage=stage, leads=count, rate=rate, low=None, high=None)
        for stage, count, rate in (
            ("new", 480, None),
            ("engaged", 300, 0.625),
            ("qualified", 120, 0.4),
            ("won", 60, 0.5),
        )
    )
    grades = tuple(
        fields(GradeCell, channel=name, grade=grade, leads=40, share=0.2, win_rate=0.3)
        for name in names
        for grade in "AB"
    )
    return LeadReport(
        total=row("all"),
        rows=tuple(row(name) for name in names),
        grades=grades,
        stages=stages,
        currency="EUR",
    )


def cohorts(slices: tuple[str, ...] = ("",)) -> Cohorts:
    cells = tuple(
        CohortCell(
            cohort=date(2025, month, 1),
            slice=name,
            age=age,
            users=400,
            active=int(200 / (age + 1)),
            retention=0.5 / (age + 1) if age else None,
            low=0.1,
            high=0.6,
            revenue_per_user=12.0 / (age + 1),
            revenue_low=None,
            revenue_high=None,
            cumulative_per_user=12.0 * sum(1 / (a + 1) for a in range(age + 1)),
        )
        for name in slices
        for month in range(1, 8)
        for age in range(9 - month)
    )
    activation = tuple(
        ActivationCell(
            cohort=date(2025, 1, 1),
            slice=name,
            within_days=days,
            users=400,
            activated=100,
            activation=0.25,
            low=0.21,
            high=0.3,
        )
        for name in slices
        for days in (30, 60, 90)
    )
    return Cohorts(
        basis="signup",
        by="channel" if slices != ("",) else None,
        as_of=date(2025, 9, 1),
        cells=cells,
        activation=activation,
        currency="EUR",
    )


def pacing(names: tuple[str, ...] = NAMES[:3]) -> Pacing:
    rows = tuple(
        fields(
            PaceRow,
            campaign_id=f"c{place}",
            name=name,
            budget=9000.0,
            start=START,
            end=START + timedelta(days=89),
            elapsed=0.5,
            spent=5000.0,
            planned=4500.0,
            pace=1.11,
            projected=10_000.0,
            projected_low=9500.0,
            projected_high=10_500.0,
            verdict=("over", "under", "on plan")[place % 3],
            reason="",
        )
        for place, name in enumerate(names)
    )
    points = tuple(
        SpendPoint(
            campaign_id=row.campaign_id, day=START + timedelta(days=d), spent=110.0 * d, planned=100.0 * d
        )
        for row in rows
        for d in range(45)
    )
    return Pacing(as_of=START + timedelta(days=44), rows=rows, total=None, points=points, currency="EUR")


def heatmap() -> Heatmap:
    cells = tuple(
        HeatCell(
            segment="",
            weekday=day,
            hour=hour,
            engagements=40,
            hours=12,
            level=4 * wave(hour, day),
            low=None,
            high=None,
            share_of_peak=min(1.0, wave(hour, day) / 1.8),
            band=BANDS[min(3, max(0, int(5 * wave(hour, day) / 1.8)))],
        )
        for day in range(7)
        for hour in range(24)
    )
    window = BestWindow(weekday="Tuesday", first_hour=18, last_hour=21, level=6.0, share=0.12)
    return Heatmap(
        time_zone="Europe/Vienna",
        cells=cells,
        windows=(window,),
        days=90,
        engagements=4000,
        enough=True,
        reason="",
    )


def frequency() -> FrequencyView:
    rows = tuple(
        fields(
            FrequencyRow,
            frequency=label,
            users=400 - 80 * place,
            share=0.25,
            messages=100,
            clicked=0.1 + 0.05 * place,
            clicked_low=0.08 + 0.05 * place,
            clicked_high=0.13 + 0.05 * place,
        )
        for place, label in enumerate(("1x", "2x", "3x", "4x+"))
    )
    return FrequencyView(rows=rows, users=1120, mean=2.3)


def segments(names: tuple[str, ...] = ("loyal", "new")) -> SegmentsView:
    rates = {"conversion_rate": 0.2, "conversion_rate_low": 0.17, "conversion_rate_high": 0.24}
    rows = tuple(fields(SegmentRow, segment=name, users=300, share=0.3, ctr=0.04, **rates) for name in names)
    return SegmentsView(rows=rows, currency="EUR")


def segment_pairs(names: tuple[str, ...] = ("loyal", "new")) -> SegmentComparison:
    pairs = tuple(
        SegmentDifference(
            first=first,
            second=second,
            metric="conversion_rate",
            first_value=0.2,
            second_value=0.15,
            difference=0.05,
            low=0.01,
            high=0.09,
            p_corrected=0.02,
        )
        for first, second in combinations(names[:3], 2)
    )
    return SegmentComparison(metric="conversion_rate", title="Conversion rate", unit="%", pairs=pairs)


def targets(names: tuple[str, ...] = NAMES[:2]) -> TargetsView:
    rows = tuple(
        TargetRow(
            campaign_id="c0",
            name=name,
            metric=metric,
            unit=unit,
            actual=actual,
            target=target,
            achievement=actual / target,
            expected=target,
            verdict="behind",
        )
        for name in names
        for metric, unit, actual, target in (("leads", "count", 120.0, 150.0), ("roi", "x", 2.6, 2.5))
    )
    return TargetsView(rows=rows, currency="EUR")


def leaderboard(names: tuple[str, ...] = NAMES) -> Leaderboard:
    places = tuple(
        Place(
            rank=rank,
            name=name,
            key=name,
            value=4.0 - 0.3 * rank,
            low=3.5 - 0.3 * rank,
            high=4.4 - 0.3 * rank,
            spend=900.0,
            apart=False,
        )
        for rank, name in enumerate(names, start=1)
    )
    return Leaderboard(
        metric="roas",
        title="Return on ad spend",
        unit="x",
        by="campaign",
        places=places,
        compared=len(names),
        currency="EUR",
    )


def alerts(names: tuple[str, ...] = ("Spring sale",)) -> Alerts:
    severities = ("critical", "warning", "info")
    return Alerts(
        alerts=tuple(
            Alert(severity=severities[i % 3], subject=name, text="will end near €10,000 of €9,000 planned")
            for i, name in enumerate(names)
        )
    )


def quality(names: tuple[str, ...] = ("spend.csv",)) -> DataQuality:
    loads = tuple(
        LoadRow(
            file=name,
            table_name="events",
            mapping="ga4",
            loaded_at=datetime(2025, 3, 1, 8, tzinfo=UTC),
            rows_read=1000,
            accepted=960,
            duplicates=20,
            refused=20,
            refused_share=0.02,
            late=3,
        )
        for name in names
    )
    return DataQuality(
        loads=loads, reasons=(ReasonRow(table_name="events", reason=names[0], rows=20, share=1.0),)
    )


def credit(names: tuple[str, ...] = ("email", "paid_search", "video")) -> Credit:
    """Return the credit of every model for a tenth of the orders each, and the rest that no touch earned."""
    rows = [
        CreditRow(
            model=model,
            channel=name,
            conversions=count,
            conversions_low=0.9 * count,
            conversions_high=1.1 * count,
            value=40.0 * count,
            value_low=36.0 * count,
            value_high=44.0 * count,
            share=count / 2000,
            value_share=count / 2000,
        )
        for shift, model in enumerate(MODELS)
        for place, name in enumerate(names)
        for count in [100.0 - 3 * place + (2 * shift if place % 2 else -shift)]
    ]
    rest = [
        CreditRow(model=m, channel="(unattributed)", conversions=600.0, value=24_000.0, share=0.3)
        for m in MODELS
    ]
    return Credit(
        by="channel",
        window="30d",
        rows=sorted_rows([*rows, *rest]),
        conversions=2000.0,
        value=80_000.0,
        currency="EUR",
        caveats=("Credit shares out conversions that happened.", "Markov: order 2 predicts best."),
    )


def credit_returns(names: tuple[str, ...] = ("email", "paid_search")) -> Returns:
    return returns(credit(names), {name: 900.0 * place for place, name in enumerate(names)})


def checks(_names: tuple[str, ...] = ()) -> ModelChecks:
    row = CheckRow(
        model="markov",
        variant="order 2",
        chosen=True,
        auc=0.7,
        log_loss=0.5,
        plain_log_loss=0.6,
        gain=1 / 6,
        chance=0.0,
    )
    other = replace(row, model="regression", variant="", auc=None, log_loss=0.62, gain=-1 / 30)
    return ModelChecks(rows=(row, other), journeys=9000.0)


@cache
def ways(names: tuple[str, ...] = ("email", "paid_search", "video")) -> Ways:
    """Return ways that were counted from journeys of users who touch some names in turn."""
    start, users = datetime(2025, 3, 1, tzinfo=UTC), range(60)
    touches = [
        {
            "user_id": f"u{user}",
            "timestamp": start + timedelta(hours=user + 7 * step),
            "channel": names[(user + step) % len(names)],
        }
        for user in users
        for step in range(1 + user % 4)
    ]
    orders = [
        {
            "user_id": f"u{user}",
            "timestamp": start + timedelta(hours=user + 40),
            "value": 20.0 + user,
            "conversion_id": f"order {user}",
        }
        for user in users
        if user % 3
    ]
    return ways_of(touchpoints_of(pd.DataFrame(touches), pd.DataFrame(orders)), currency="EUR")


def shares(names: tuple[str, ...] = ("Spring sale", "Reactivation")) -> Allocation:
    """Return creatives whose rates differ, shared out."""
    arms = [Arm(name=name, trials=9000, successes=90 + 9 * at) for at, name in enumerate([*names, "another"])]
    return with_caveats(allocate(arms), names[0])


def pairs(segments: tuple[str, ...] = ("loyal", "new"), seed: int = 1) -> Pairs:
    """Return users of one campaign, a tenth held out, who are told apart by their segment."""
    rng = np.random.default_rng(seed)
    held, bought = rng.random(4000) < 0.1, rng.random((2, 4000)) < 0.2
    known = pairs_of(
        held=held,
        revenue=np.where(bought[0] | (~held & (rng.random(4000) < 0.1)), rng.lognormal(3, 1, 4000), 0.0),
        window=Window(START, START + timedelta(days=59)),
        cost=900.0,
    )
    return replace(
        known,
        before_orders=bought[1].astype(float),
        before_revenue=np.where(bought[1], rng.lognormal(3, 1, 4000), 0.0),
        weekly=(rng.random((4000, 4)) < 0.1).astype(float),
        traits={"segment": Coded(names=segments, codes=rng.integers(0, len(segments), 4000))},
        currency="EUR",
    )


@cache
def effects(names: tuple[str, ...]) -> tuple[Effect, ...]:
    """Return what each of some campaigns did."""
    return beside(tuple(effect_of(pairs(seed=at), name=name) for at, name in enumerate(names)))


def holdout(names: tuple[str, ...] = NAMES[:2]) -> Holdout:
    return Holdout(
        overall=replace(effects(names)[0], name="all campaigns"),
        campaigns=effects(names),
        sides=sides_of(pairs()),
        rates=rates_of(pairs()),
        coverage=Coverage(campaigns=5, with_holdout=2, users=8000, covered=4000),
        window=pairs().window,
        level=0.95,
        currency="EUR",
    )


def lift_parts(names: tuple[str, ...] = ("loyal", "new")) -> Parts:
    rows = effects(names)
    return Parts(by="segment", rows=rows, p_differ=0.4, level=0.95, currency="EUR", note=names[-1])


def lift_over_time(_names: tuple[str, ...] = ()) -> LiftOverTime:
    return weeks_of(pairs())


@cache
def health(names: tuple[str, ...] = ("loyal", "new")) -> HoldoutHealth:
    return health_of(pairs(names))


@cache
def uplift(_names: tuple[str, ...] = ()) -> Uplift:
    rng = np.random.default_rng(3)
    treated, age = rng.random(3000) < 0.5, rng.random(3000)
    people = responses(rng.random(3000) < 0.1 + 0.3 * treated * age, treated)
    return uplift_of({"age": age}, people)


@cache
def plan(names: tuple[str, ...] = ("the opening rate",)) -> Design:
    """Return the plan of a test of three variants that takes five weeks."""
    planned = design(baseline=0.05, mde=0.15, variants=3, daily_users=1500)
    return replace(planned, metric=names[0])


def rehearsal(_names: tuple[str, ...] = ()) -> FalseAlarms:
    return simulate_aa(user_values([0.0] * 900 + [1.0] * 100), runs=500)


def rehearsed(_names: tuple[str, ...] = ()) -> SimulatedPower:
    return simulate_power(user_values([0.0] * 900 + [1.0] * 100), [0.1, 0.3], users=4000, runs=200)


@cache
def ab_test(names: tuple[str, ...] = NAMES) -> ABTest:
    """Return a test with a control and up to three variants, of which the last settled over three weeks."""
    variants = ("control", *names[:3])
    rng = np.random.default_rng(3)
    frame = pd.DataFrame(
        {
            "variant": variant,
            "spent": rng.normal(20 + 2 * variants.index(variant), 9),
            "bought": float(rng.random() < 0.3),
        }
        for variant in variants * 400
    )
    label = Label(metric="spent", title=names[0][:200], unit="money", currency="EUR")
    plan = Experiment(
        name="test",
        primary="spent",
        guardrails=(Guardrail(metric="bought"),),
        variants=variants,
        split=(1 / len(variants),) * len(variants),
        status="completed",
    )
    found = analyze_users(plan, frame, [own_metric("spent", label=label), own_metric("bought")])
    points = tuple(
        DayPoint(
            day=START + timedelta(days=day),
            variant=variant,
            users=100 * day,
            value=wave(day),
            low=wave(day) - 9 / (day + 1),
            high=wave(day) + 9 / (day + 1),
            bound_low=-math.inf if day == 0 else wave(day) - 15 / (day + 1),
            bound_high=math.inf if day == 0 else wave(day) + 15 / (day + 1),
        )
        for variant in variants[1:]
        for day in range(21)
    )
    noted = replace(found, notes=(*found.notes, names[0]))
    return ABTest(name=names[0], analysis=noted, daily=DailyEffects(label=label, points=points))


@cache
def geo_test(names: tuple[str, ...] = NAMES) -> GeoReport:
    """Return a geo test in the first two of some geos."""
    rng = np.random.default_rng(5)
    week = 1 + 0.2 * np.sin(2 * np.pi * np.arange(70) / 7)
    sales = rng.uniform(500, 3000, (12, 1)) * week * (1 + rng.normal(0, 0.02, (12, 70)))
    sales[:2, 56:] *= 1.15
    geos = tuple(dict.fromkeys((*names, *(f"geo {place}" for place in range(12)))))[:12]
    days = tuple(START + timedelta(days=day) for day in range(70))
    test = GeoTest(
        name=names[0], treated=geos[:2], start=days[56], end=days[-1], metric=names[-1], budget=900.0
    )
    panel = Panel(geos=geos, days=days, values=sales, metric=names[-1])
    return GeoReport(analysis=analyze_geo(test, panel, currency="EUR", runs=20))


@cache
def next_test(names: tuple[str, ...] = NAMES) -> NextTest:
    """Return where to run the next test, by the days before the one above."""
    analysis = geo_test(names).analysis
    assert analysis is not None
    past = analysis.found.split.panel.cut(0, 56)
    rules = MarketRules(cost_per_increment=0.4, currency="EUR")
    markets = select_markets(past, sizes=(1, 2), periods=(7,), rules=rules)
    return NextTest(markets=markets, power=geo_power(past, markets.best.treated, periods=(7, 10)))


@cache
def mix(names: tuple[str, ...] = ("tv", "search", "social")) -> MixReport:
    """Return a report of a media mix model with regions, and of one whose effects were larger before."""
    market = handmade.market(regions=2, periods=60, channels=len(names), media=names)
    fit = handmade.fitted(market)
    louder = replace(fit.draws, effect=fit.draws.effect * 2)
    return mix_report(fit, before=replace(fit, draws=louder, versions=(("pymc", "5"),)))


RESULTS = {
    **dict.fromkeys(MIX, mix),
    **summary_samples.RESULTS,
    "geo_checks": geo_test,
    "geo_course": geo_test,
    "geo_cumulative": geo_test,
    "geo_estimates": geo_test,
    "geo_figures": geo_test,
    "geo_markets": next_test,
    "geo_placebos": geo_test,
    "geo_power": next_test,
    "geo_weights": geo_test,
    "experiment_daily": ab_test,
    "experiment_effects": ab_test,
    "experiment_notes": ab_test,
    "experiment_worth": ab_test,
    "experiment_table": ab_test,
    "experiment_verdict": ab_test,
    "experiment_traffic": ab_test,
    "holdout_balance": health,
    "holdout_campaigns": holdout,
    "holdout_checks": health,
    "holdout_errors": health,
    "holdout_rates": holdout,
    "holdout_sides": holdout,
    "lift_over_time": lift_over_time,
    "lift_parts": lift_parts,
    "qini": uplift,
    "uplift_by_decile": uplift,
    "uplift_deciles": uplift,
    "bandit_regret": lambda _names: simulate_regret([0.02, 0.05], trials=5000, batch=500, runs=5),
    "bandit_shares": shares,
    "detectable_by_days": plan,
    "false_alarms": rehearsal,
    "peeking_table": plan,
    "plan_alternatives": plan,
    "plan_groups": plan,
    "plan_warnings": plan,
    "power_curve": plan,
    "simulated_power": rehearsed,
    "caveats": credit,
    "credit_beside": credit,
    "credit_table": credit,
    "model_checks": checks,
    "model_comparison": credit,
    "model_notes": credit,
    "model_spread": credit,
    "returns_by_model": credit_returns,
    "moves": ways,
    "order_timeline": ways,
    "way_buyers": ways,
    "way_days": ways,
    "way_lengths": ways,
    "way_table": ways,
    "advice": campaigns,
    "alerts": alerts,
    "kpi_cards": kpi_cards,
    "trend": trend,
    "changes": trend,
    "campaign_table": campaigns,
    "campaign_returns": campaigns,
    "channel_table": channels,
    "channel_returns": channels,
    "channel_engagement": channels,
    "creative_rates": creatives,
    "creative_table": creatives,
    "funnel": lambda n: funnel_of([100, 40, 20, 10, 5], label=n[0], note=n[0]),
    "funnel_steps": lambda n: compare_funnels(
        funnel_of([100, 40, 20, 10, 5], label=n[0]), funnel_of([100, 30, 20, 9, 5], label="b")
    ),
    "lead_stages": leads,
    "lead_table": leads,
    "lead_grades": leads,
    "retention": cohorts,
    "cohort_value": cohorts,
    "activation": cohorts,
    "pacing": pacing,
    "pacing_table": pacing,
    "heatmap": lambda _names: heatmap(),
    "frequency": lambda _names: frequency(),
    "segment_table": segments,
    "segment_rates": segments,
    "segment_differences": segment_pairs,
    "targets": targets,
    "leaderboard": leaderboard,
    "loads": quality,
    "reasons": quality,
    "sentence": campaigns,
    "table": campaigns,
}
