"""The title of credit beside the last touch says what the figures say."""

from __future__ import annotations

from dataclasses import replace

import pytest

from workbench import charts
from workbench.attribution.credit import Credit
from workbench.attribution.journeys import UNATTRIBUTED
from workbench.charts import credit_beside, credit_table, model_comparison
from workbench.charts.attribution import model_name
from workbench.result import format_value


def with_shares(found: Credit, last: dict[str, float], learnt: dict[str, float]) -> Credit:
    shares = {"last_touch": last, "markov": learnt}
    rows = [row for row in found.rows if row.model in shares and row.channel in last]
    return replace(found, rows=tuple(replace(row, share=shares[row.model][row.channel]) for row in rows))


@pytest.mark.parametrize(
    ("last", "learnt", "said"),
    [
        ({"email": 1.0}, {"email": 1.0 + 1e-12}, "Email has all the credit, whether the last touch counts"),
        ({"email": 0.6, "tv": 0.4}, {"email": 0.6, "tv": 0.4}, "Credit is shared alike, whether"),
        (
            {"email": 0.6, "tv": 0.4},
            {"email": 0.5, "tv": 0.5},
            "Tv gains most when all touches count: 50% of conversions instead of 40% (intervals overlap)",
        ),
        (
            {"email": 0.6, "tv": 0.3},
            {"email": 0.5, "tv": 0.3},
            "Email loses most when all touches count: 50% of conversions instead of 60%",
        ),
    ],
)
def test_nobody_gains_what_stays_alike(samples, last, learnt, said) -> None:
    found = with_shares(samples.credit(tuple(last)), last, learnt)
    assert credit_beside(found).finding.startswith(said)


def test_a_gain_within_intervals_that_overlap_is_told_as_one(samples) -> None:
    """Of channels that are alike one gains most, too."""
    shares = ({"email": 0.6, "tv": 0.4}, {"email": 0.5, "tv": 0.5})
    found = with_shares(samples.credit(("email", "tv")), *shares)
    ends = {("last_touch", "tv"): (30.0, 42.0), ("markov", "tv"): (41.0, 60.0)}
    rows = [
        replace(row, conversions_low=low, conversions_high=high)
        for row in found.rows
        for low, high in [ends.get((row.model, row.channel), (None, None))]
    ]
    said = (
        "Tv gains most when all touches count: 50% of conversions instead of 40% (intervals overlap); email"
    )
    assert credit_beside(replace(found, rows=tuple(rows))).finding.startswith(said)
    clear = [replace(row, conversions_low=row.conversions_low and row.conversions_low + 2) for row in rows]
    assert "overlap" not in credit_beside(replace(found, rows=tuple(clear))).finding


def test_touches_without_a_name_are_no_channel(samples) -> None:
    """Most is credited to touches whose channel nobody named: it gains nothing, and the page says so."""
    shares = ({"(not set)": 0.6, "email": 0.4}, {"(not set)": 0.9, "email": 0.1})
    found = with_shares(samples.credit(("(not set)", "email")), *shares)
    drawn = credit_beside(found)
    assert drawn.finding.startswith("Email loses most when all touches count")
    said = "(not set) is no channel: its credit belongs to the others."
    assert said in drawn.note
    assert credit_table(found).caption.endswith(said.rstrip("."))
    assert "an unnamed channel is credited with" in samples.credit(("(not set)",)).sentence
    assert "(not set)" not in credit_beside(samples.credit(("email", "tv"))).note


def test_of_very_many_channels_the_largest_are_listed_and_the_others_together(samples) -> None:
    names = tuple(f"c{n:03d}" for n in range(60))
    found = samples.credit(names)
    some = [replace(r, value=abs(r.value) + 1, share=abs(r.share) + 0.001) for r in found.rows]
    found = replace(found, rows=tuple(some))
    table = credit_table(found)
    listed = table.to_json()["rows"]
    assert [row[0] for row in listed[-2:]] == ["35 others", UNATTRIBUTED]
    assert len(listed) == 27
    assert len(table.figures) == len(found.rows)
    left = {name for name in names if name not in {row[0] for row in listed}}
    rest = [row for row in found.rows if row.channel in left]
    first = [row for row in rest if row.model == found.models[0]]
    assert listed[-2][1] == format_value(sum(row.share for row in first), "%")
    assert len(credit_table(samples.credit()).to_json()["rows"]) == 4
    behind = model_comparison(found).table.to_json()
    others = [row for row in behind["rows"] if row[1].endswith(" others")]
    assert [row[0] for row in others] == [model_name(model) for model in found.models]
    beyond = {name for name in names if name not in {row[1] for row in behind["rows"]}}
    hidden = [row for row in found.rows if row.channel in beyond and row.model == found.models[0]]
    assert others[0][1] == f"{len(beyond)} others"
    assert format_value(sum(row.value for row in hidden), "money", currency=found.currency) in others[0]
    assert behind["left_out"] == len(beyond) * len(found.models)


@pytest.mark.parametrize("kind", ["trend", "holdout_balance", "model_spread", "caveats", "experiment_daily"])
def test_names_are_spelled_as_people_read_them(samples, kind: str) -> None:
    """Alternative texts, tables and captions spell a name as the picture does."""
    names = ("HIGH_SPENDER", "NEW_SHOPPER") if kind == "holdout_balance" else ("paid_social", "tv")
    result = samples.RESULTS[kind](names)
    if kind == "caveats":
        result = replace(result, caveats=("Fewer than 30 conversions are credited to paid_social.",))
    drawn = getattr(charts, kind)(result)
    table = getattr(drawn, "table", drawn)
    texts = [getattr(drawn, "description", ""), getattr(table, "caption", "")]
    texts += [cell for row in getattr(table, "rows", ()) for cell in row]
    texts += [text for item in getattr(drawn, "items", ()) for text in item]
    assert not [text for text in texts if "paid_social" in text or "_SHOPPER" in text or "_touch" in text]
