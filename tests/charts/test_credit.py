"""The title of credit beside the last touch says what the figures say."""

from __future__ import annotations

from dataclasses import replace

import pytest

from workbench.attribution.credit import Credit
from workbench.charts import credit_beside


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
            "Tv gains most when all touches count: 50% of conversions instead of 40%; email loses most: 50%",
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
