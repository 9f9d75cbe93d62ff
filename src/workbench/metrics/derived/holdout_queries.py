"""The queries of the holdout: what is asked of it, and the two ways to answer."""

from __future__ import annotations

from workbench.metrics.derived.definition import DerivedQuery
from workbench.metrics.derived.holdout import ALL, DAYS, FEWEST, compared, cost
from workbench.metrics.derived.holdout_arrays import counted

HOLDOUT = DerivedQuery(
    name="holdout",
    says=(
        "Pairs of user and campaign, of the campaigns that kept a holdout in the window. A pair belongs to "
        "the holdout where any delivery says so, else to the treated. It is a buyer with a user_purchased "
        f"event in the window and less than {DAYS} days after its first delivery: bought, not credited, "
        "because nobody credits an order to a campaign that was never shown. Each campaign is compared with "
        "its own holdout: expected_buyers and expected_revenue are sums over campaigns of what its holdout "
        f"bought, times treated per held out. Of several campaigns, those that held out fewer than {FEWEST} "
        "users are left out. Sums of products of deviations by user carry the variance, one user in many "
        "campaigns included."
    ),
    table="facts",
    needs=frozenset({"facts"}),
    figures=ALL,
    build=compared,
    counted=counted,
    time=False,
)

HOLDOUT_COST = DerivedQuery(
    name="holdout_cost",
    says=(
        "Spend of the campaigns that kept a holdout in the window; of several, those that held out at least "
        f"{FEWEST} users."
    ),
    table="daily_performance",
    needs=frozenset({"facts", "daily_performance"}),
    figures=("spend",),
    build=cost,
    time=False,
)
