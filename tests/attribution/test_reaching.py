"""Chains and sets of a look-back window, against paths cut by hand."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from workbench.attribution.attributing import attribute, journeys_from
from workbench.attribution.chain import chain_of_paths
from workbench.attribution.coalitions import coalitions_of_paths
from workbench.attribution.counting import count_journeys
from workbench.attribution.credit import UNATTRIBUTED
from workbench.attribution.markov import markov_credit
from workbench.attribution.reaching import reaching
from workbench.attribution.reading import touchpoints_of
from workbench.attribution.windows import journey_settings

START = pd.Timestamp("2024-03-01", tz="UTC")
ROWS = [
    (1, 0, "video"), (1, 20, "email"), (1, 32, "search"), (1, 40, 50.0),
    (2, 0, "video"), (2, 31, 9.0),
    (3, 0, "email"), (3, 30, 12.0),
    (4, 0, "video"), (4, 10, "email"), (4, 45, "search"),
    (5, 5, "search"), (5, 6, 7.0), (5, 7, "email"),
    (6, 9, 3.0),
]  # fmt: skip
CUT = [["email", "search"], [], ["email"], ["search"], ["search"], ["email"]]
CONVERSIONS, VALUE, NULLS = [1, 1, 1, 0, 1, 0], [50, 9, 12, 0, 7, 0], [0, 0, 0, 1, 0, 1]


def frame(rows=ROWS) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "user_id": [user for user, _, _ in rows],
            "timestamp": [START + pd.Timedelta(days=day) for _, day, _ in rows],
            "channel": pd.Series(
                [what if isinstance(what, str) else None for *_, what in rows], dtype=object
            ),
            "is_conversion": [not isinstance(what, str) for *_, what in rows],
            "value": [np.nan if isinstance(what, str) else what for *_, what in rows],
        }
    )


def test_paths_are_cut_at_the_window_both_ends_included() -> None:
    journeys = journeys_from(frame(), window="30d")
    names = journeys.names
    for order in (1, 2, 3):
        wanted = chain_of_paths(CUT, CONVERSIONS, VALUE, NULLS, order=order, names=names)
        found = journeys.chain(order)
        assert found.states.tolist() == wanted.states.tolist()
        assert found.transitions.toarray().tolist() == wanted.transitions.toarray().tolist()
        for column in ("conversions", "value", "nulls"):
            assert getattr(found, column).tolist() == getattr(wanted, column).tolist()
        assert markov_credit(found).tolist() == markov_credit(wanted).tolist()
    sets, wanted_sets = (
        journeys.coalitions(),
        coalitions_of_paths(CUT, CONVERSIONS, VALUE, NULLS, names=names),
    )
    assert dict(zip(sets.sets, sets.journeys, strict=True)) == dict(
        zip(wanted_sets.sets, wanted_sets.journeys, strict=True)
    )


def test_every_model_says_the_same_of_conversions_without_a_touch() -> None:
    credit = attribute(frame(), replicates=0)
    found = {(row.conversions, row.value) for row in credit.rows if row.channel == UNATTRIBUTED}
    assert found == {(2.0, 12.0)}
    assert len(credit.models) == 10
    assert not any(row.conversions for row in credit.rows if row.channel == "video")
    assert not any("Rules look back" in caveat for caveat in credit.caveats)


def test_without_a_window_nothing_is_cut() -> None:
    found = touchpoints_of(frame())
    whole = count_journeys(found, journey_settings(["any"]))
    assert reaching(whole, found, None) is whole
    cut = reaching(whole, found, "9999d")
    assert cut.steps.keys.tolist() == whole.steps.keys.tolist()
    assert cut.ends.sums.tolist() == whole.ends.sums.tolist()
    assert cut.sets.sums.tolist() == whole.sets.sums.tolist()


def test_an_empty_log() -> None:
    assert attribute(frame(ROWS[:1]), replicates=0).missing
    found = touchpoints_of(frame().head(0))
    assert reaching(count_journeys(found), found, "7d").journeys == 0
    with pytest.raises(Exception, match="window"):
        journeys_from(frame(), window="soon")
