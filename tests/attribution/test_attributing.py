"""The public verb: laws that hold for every model, and plain answers where there is nothing to say."""

from __future__ import annotations

import math
import runpy
from datetime import datetime
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from workbench.attribution.attributing import attribute
from workbench.attribution.credit import UNATTRIBUTED, Credit
from workbench.attribution.crediting import rakings
from workbench.attribution.models import MODELS
from workbench.errors import NotEnoughData, UsageError

_TABLES = runpy.run_path(str(Path(__file__).parents[1] / "explore" / "conftest.py"))
Base, event = _TABLES["Base"], _TABLES["event"]

START = pd.Timestamp("2024-03-01", tz="UTC")
CHANNELS = ("direct", "email", "search", "video")
moment = st.integers(0, 60 * 24)
events = st.lists(
    st.tuples(
        st.integers(0, 5),
        moment,
        st.one_of(st.sampled_from(CHANNELS), st.floats(0, 500).map(lambda x: round(x, 2))),
    ),
    min_size=1,
    max_size=40,
)


def frame_of(rows) -> pd.DataFrame:
    """Return rows (user, hour, channel or value of an order) as a frame."""
    return pd.DataFrame(
        {
            "user_id": [str(user) for user, _, _ in rows],
            "timestamp": [START + pd.Timedelta(hours=hour) for _, hour, _ in rows],
            "channel": pd.Series(
                [what if isinstance(what, str) else None for *_, what in rows], dtype=object
            ),
            "is_conversion": [not isinstance(what, str) for *_, what in rows],
            "value": [None if isinstance(what, str) else float(what) for *_, what in rows],
        }
    )


def figures(credit: Credit) -> dict[tuple[str, str], tuple[float, float]]:
    return {(row.model, row.channel): (row.conversions, row.value) for row in credit.rows}


@settings(max_examples=25, deadline=None)
@given(events)
def test_every_model_adds_up(rows) -> None:
    credit = attribute(frame_of(rows), replicates=0)
    orders = [what for *_, what in rows if not isinstance(what, str)]
    assert bool(credit.missing) == (not orders)
    for model in credit.models:
        mine = credit.of(model)
        assert sum(row.conversions for row in mine) == pytest.approx(len(orders), rel=1e-9)
        assert sum(row.value for row in mine) == pytest.approx(sum(orders), rel=1e-9, abs=1e-9)
        assert min(row.conversions for row in mine) >= 0
        assert all(math.isfinite(row.conversions) and math.isfinite(row.value) for row in mine)


@settings(max_examples=15, deadline=None)
@given(events, st.randoms(use_true_random=False))
def test_the_order_of_rows_does_not_matter(rows, random) -> None:
    distinct = list({(user, hour): (user, hour, what) for user, hour, what in rows}.values())
    shuffled = random.sample(distinct, len(distinct))
    before, after = (figures(attribute(frame_of(some), replicates=0)) for some in (distinct, shuffled))
    assert before.keys() == after.keys()
    for key, figure in before.items():
        assert after[key] == pytest.approx(figure, rel=1e-9, abs=1e-9)


@settings(max_examples=15, deadline=None)
@given(events, st.permutations(CHANNELS[1:]))
def test_renaming_moves_credit_with_the_name(rows, renamed) -> None:
    """Direct keeps its name, since a rule asks for it."""
    new = dict(zip(CHANNELS[1:], renamed, strict=True)) | {"direct": "direct"}
    moved = [(user, hour, new.get(what, what)) for user, hour, what in rows]
    before, after = (figures(attribute(frame_of(some), replicates=0, order=2)) for some in (rows, moved))
    for (model, channel), figure in before.items():
        assert after[model, new.get(channel, channel)] == pytest.approx(figure, rel=1e-6, abs=1e-6)


@pytest.fixture(scope="module")
def few_channels(journeys_of, simulate):
    return journeys_of(*simulate(1500, 3))


def test_one_channel_has_everything_in_every_model() -> None:
    rows = [(user, hour, "email") for user in range(90) for hour in (1, 5)]
    rows += [(user, 9, 20.0 + user) for user in range(0, 90, 2)]
    credit = attribute(frame_of(rows), replicates=100)
    assert set(credit.models) == set(MODELS)
    for row in credit.rows:
        assert (row.channel, row.conversions) == ("email", pytest.approx(45))
        assert row.value == pytest.approx(sum(20.0 + user for user in range(0, 90, 2)))
        assert row.share == pytest.approx(1)


def test_a_channel_that_never_occurs_changes_nothing(few_channels) -> None:
    more = few_channels.over((*few_channels.names, "never"))
    before, after = (figures(attribute(some, replicates=0)) for some in (few_channels, more))
    for (model, channel), figure in after.items():
        wanted = (0.0, 0.0) if channel == "never" else before[model, channel]
        assert figure == pytest.approx(wanted, rel=1e-6, abs=1e-9)


def test_nothing_outside_the_window_is_credited_by_a_rule() -> None:
    rows = [(1, 0, "video"), (1, 24 * 31, "email"), (1, 24 * 32, 50.0)]
    for model in ("first_touch", "linear", "time_decay", "position_based"):
        assert figures(attribute(frame_of(rows), models=model, replicates=0))[model, "email"] == (1, 50)
        whole = attribute(frame_of(rows), models=model, window=None, replicates=0)
        assert whole.row(model, "video").conversions > 0
    alone = attribute(frame_of([rows[0], rows[2]]), models="linear", replicates=0)
    assert alone.row("linear", UNATTRIBUTED).conversions == 1
    assert alone.unattributed == 1


def test_time_decay_looks_at_time() -> None:
    """Two touches: 7 days apart the older has a third; at the same hour, half."""
    far = attribute(
        frame_of([(1, 0, "video"), (1, 168, "email"), (1, 168, 9.0)]), models="time_decay", replicates=0
    )
    near = attribute(
        frame_of([(1, 168, "video"), (1, 168, "email"), (1, 168, 9.0)]), models="time_decay", replicates=0
    )
    assert far.row("time_decay", "video").conversions == pytest.approx(1 / 3)
    assert near.row("time_decay", "video").conversions == pytest.approx(1 / 2)


def test_no_conversion_is_a_plain_answer() -> None:
    credit = attribute(frame_of([(1, 0, "video"), (2, 4, "email")]))
    assert credit.missing.startswith("Not enough data: there is no conversion")
    assert credit.sentence == credit.missing
    with pytest.raises(NotEnoughData, match="there is no conversion"):
        credit.row("markov", "email")
    assert credit.rows == ()
    assert len(credit.to_frame()) == 0
    assert "Not enough data" in credit._repr_html_()


def test_conversions_without_any_touch_are_nobodys() -> None:
    credit = attribute(frame_of([(user, 5, 10.0) for user in range(12)]), replicates=100)
    assert {row.channel for row in credit.rows} == {UNATTRIBUTED}
    assert all(row.conversions == 12 for row in credit.rows)
    assert "None of 12 conversions" in credit.sentence
    only = attribute(frame_of([(1, 5, 10.0)]), models="markov")
    assert "no journey with a touch" in only.sentence


def test_every_reader_is_told(few_channels) -> None:
    credit = attribute(few_channels, replicates=100)
    said = " ".join(credit.caveats)
    for words in (
        "only an experiment",
        "Rules count touches in the 30 days before;",
        "is a convention",
        "Order ",
        "AUC",
    ):
        assert words in said
    assert "Credit is not effect" in credit.sentence
    assert not any(word in credit.sentence + said for word in ("None", "nan", "inf"))


def test_what_is_few_short_or_negative_is_said() -> None:
    rows = [(user, 2, "email") for user in range(40)] + [(user, 3, 10.0 - user) for user in range(20)]
    said = " ".join(attribute(frame_of(rows), replicates=0).caveats)
    for words in (
        "Fewer than 30 conversions are credited to email",
        "touches in the 30 days before, and the data are shorter",
        "negative value",
    ):
        assert words in said
    assert "Without intervals" in said


def test_two_hundred_channels() -> None:
    rng = np.random.default_rng(2)
    rows = [(user, 1, f"campaign {user % 200:03d}") for user in range(400)]
    rows += [(user, 2, f"campaign {rng.integers(0, 200):03d}") for user in range(400)]
    rows += [(user, 3, 30.0) for user in range(0, 400, 3)]
    credit = attribute(frame_of(rows), models="linear,shapley,shapley_markov", replicates=0)
    for model in credit.models:
        assert sum(row.conversions for row in credit.of(model)) == pytest.approx(credit.conversions)
    told = next(caveat for caveat in credit.caveats if "too many for all sets" in caveat)
    assert "200 channels" in told
    assert "standard error" in told


def test_credit_of_single_conversions_adds_up_to_the_model(few_channels) -> None:
    credit = attribute(few_channels, models="markov,shapley_markov,linear", order=1, replicates=0)
    found = rakings(few_channels, credit)
    assert set(found) == {"markov", "shapley_markov"}
    sets = few_channels.coalitions()
    for model, raking in found.items():
        sums = dict.fromkeys(few_channels.names, 0.0)
        for some, conversions in zip(sets.sets, sets.conversions, strict=True):
            path = [few_channels.names[c] for c in some]
            for name, share in zip(path, raking.shares(path), strict=True):
                sums[name] += share * conversions
        for name, amount in sums.items():
            assert amount == pytest.approx(credit.row(model, name).conversions, abs=raking.gap * 2000 + 1e-6)


def test_tables_of_a_workspace() -> None:
    """Two clicks and an order; the campaign says the channel."""
    facts = [
        event("campaign_clicked", 1, datetime(2024, 3, 1, 8), campaign_id="a"),
        event("campaign_clicked", 1, datetime(2024, 3, 1, 9), campaign_id="b"),
        event("user_purchased", 1, datetime(2024, 3, 1, 10), order_id="o", value=30.0),
    ]
    campaigns = [{"campaign_id": "a", "channel": "email"}, {"campaign_id": "b", "channel": "video"}]
    tables = Base(facts=facts, campaigns=campaigns, currency="USD")
    credit = attribute(tables, models=["linear"], replicates=0)
    assert figures(credit) == {("linear", "email"): (0.5, 15.0), ("linear", "video"): (0.5, 15.0)}
    assert credit.currency == "USD"
    by = attribute(tables, models="last_touch", by="campaign_id", replicates=0)
    assert (by.row("last_touch", "b").value, by.by) == (30.0, "campaign_id")
    with pytest.raises(NotEnoughData, match="no events"):
        attribute(Base())


def test_names_are_hostile() -> None:
    rows = [(1, 0, "<script>alert(1)</script>"), (1, 1, 5.0)]
    html = attribute(frame_of(rows), models="linear", replicates=0)._repr_html_()
    assert "<script>" not in html
    assert "&lt;script&gt;" in html


def test_wrong_questions_are_refused(few_channels) -> None:
    with pytest.raises(UsageError, match="Did you mean 'markov'"):
        attribute(few_channels, models="markow")
    with pytest.raises(UsageError, match="counted by channel"):
        attribute(few_channels, by="campaign_id")
    with pytest.raises(UsageError, match="were not built with the window"):
        attribute(few_channels, window="90d")
    with pytest.raises(UsageError, match="orders 1 to 3"):
        attribute(few_channels, order=5)
    for name, wrong in (("order", "2"), ("order", 2.0), ("replicates", "500"), ("seed", "x")):
        with pytest.raises(UsageError, match=f"whole number, not the {type(wrong).__name__} {wrong}"):
            attribute(few_channels, **{name: wrong})
        with pytest.raises(UsageError, match="whole number"):
            attribute(frame_of([(1, 0, "a"), (1, 1, 5.0)]), **{name: wrong})
    with pytest.raises(UsageError, match="text as 30d, or a timedelta, not the int 30"):
        attribute(few_channels, window=30)
    with pytest.raises(UsageError, match="or several names, not the int 3"):
        attribute(few_channels, models=3)
    with pytest.raises(UsageError, match="100 replicates"):
        attribute(few_channels, replicates=5)
    with pytest.raises(UsageError, match="No model in this result named 'linaer'"):
        attribute(few_channels, models="linear", replicates=0).of("linaer")


@pytest.mark.data
def test_a_public_log_of_touches(public_data: Path) -> None:
    frame = pd.read_csv(public_data / "journeys" / "touchpoints_62k" / "attribution_data.csv")
    frame["timestamp"] = pd.to_datetime(frame.time)
    touches = frame[frame.conversion == 0].rename(columns={"customer_id": "user_id"})
    orders = frame[frame.conversion == 1].rename(
        columns={"customer_id": "user_id", "conversion_value": "value"}
    )
    both = pd.concat([touches.assign(is_conversion=False, value=np.nan), orders.assign(is_conversion=True)])
    credit = attribute(both[["user_id", "timestamp", "channel", "is_conversion", "value"]], replicates=200)
    assert (credit.conversions, round(credit.value, 4)) == (1838, 11_423.5)
    assert set(credit.models) == set(MODELS)
    for model in credit.models:
        assert sum(row.conversions for row in credit.of(model)) == pytest.approx(1838, rel=1e-12)
        assert sum(row.value for row in credit.of(model)) == pytest.approx(11_423.5, rel=1e-12)
