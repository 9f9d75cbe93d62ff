"""Whether a market's data can carry a media mix model: one table of checks, each in words with what to do."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from workbench.catalog import Catalog
from workbench.mmm import outcome_checks, spend_checks
from workbench.mmm.evidence import Evidence, evidence_of
from workbench.mmm.findings import Finding, MarketCheck, ordered
from workbench.mmm.market import Market
from workbench.mmm.spec import MixSpec


@dataclass(frozen=True, slots=True, kw_only=True)
class DataCheck:
    """One question to the data.

    Parameters
    ----------
    name, says : str
        Identifier, and what is asked and why.
    looks : callable
        From the evidence to what was found; nothing where all is well.
    also : tuple of str
        Further words under which its findings stand.
    """

    name: str
    says: str
    looks: Callable[[Evidence], Iterator[Finding]]
    also: tuple[str, ...] = ()

    @property
    def finds(self) -> tuple[str, ...]:
        """Return the words under which its findings stand."""
        return (self.name, *self.also)


CHECKS: Catalog[DataCheck] = Catalog(
    "data check",
    [
        DataCheck(
            name="constant",
            says="Media and controls vary: what is always the same cannot be told from the baseline.",
            looks=spend_checks.constant,
        ),
        DataCheck(
            name="alike",
            says="No two channels, and no channel and control, move together (correlation 0.8 and more).",
            looks=spend_checks.alike,
            also=("identical", "control"),
        ),
        DataCheck(
            name="inflated",
            says="No channel follows from all others (variance inflation factor below 5).",
            looks=spend_checks.inflated,
        ),
        DataCheck(
            name="few_periods",
            says="There are six periods and more per parameter, and two years and more.",
            looks=outcome_checks.few_periods,
            also=("short",),
        ),
        DataCheck(
            name="flexible",
            says="The model does not bend in three ways at once: trend, Hill curves, delayed carry-over.",
            looks=outcome_checks.flexible,
        ),
        DataCheck(
            name="seasonal",
            says="Spend follows neither the season nor the sales of the period before.",
            looks=spend_checks.follows,
            also=("reacts",),
        ),
        DataCheck(
            name="small",
            says="Every channel gets a hundredth of the budget or more.",
            looks=spend_checks.small,
        ),
        DataCheck(
            name="silent",
            says="Every channel is on in a tenth of the periods, and in the last year.",
            looks=spend_checks.silent,
        ),
        DataCheck(
            name="spike",
            says="No single period holds a fifth of a channel's money.",
            looks=spend_checks.spikes,
        ),
        DataCheck(
            name="unseen",
            says="Money and exposure stand in the same periods.",
            looks=spend_checks.unseen,
        ),
        DataCheck(
            name="divided",
            says="Regions have a course of their own.",
            looks=spend_checks.divided,
        ),
        DataCheck(
            name="unit",
            says="Money and revenue are of one unit: media cost between a thousandth and all of it.",
            looks=spend_checks.priced,
        ),
        DataCheck(
            name="outlier",
            says="No period is five robust deviations from what is explained.",
            looks=outcome_checks.outliers,
        ),
        DataCheck(
            name="jump",
            says="The level of the outcome does not change from one day to the next.",
            looks=outcome_checks.jump,
        ),
        DataCheck(
            name="zeros",
            says="Something was sold in every month.",
            looks=outcome_checks.zeros,
        ),
        DataCheck(
            name="unfinished",
            says="The last week is whole.",
            looks=outcome_checks.unfinished,
        ),
        DataCheck(
            name="tiny",
            says="Every region sells a thousandth of the whole or more.",
            looks=outcome_checks.tiny_regions,
        ),
    ],
)


def check_market(spec: MixSpec, market: Market) -> MarketCheck:
    """Return what speaks against fitting a model to a market, the gravest first.

    What no model could be fitted to was refused by `market_of` already; these checks look at whether the
    answer would mean anything.

    Parameters
    ----------
    spec : MixSpec
        The model.
    market : Market
        Its data.

    Returns
    -------
    MarketCheck
        ``refuse``: no data could answer; ``warn``: the answer needs care; ``note``: good to know.

    References
    ----------
    O'Brien (2007), A caution regarding rules of thumb for variance inflation factors, Quality & Quantity 41.
    Chan and Perry (2017), Challenges and opportunities in media mix modeling, sections 3 and 4 (data that are
    short or move together, spend that follows demand).

    Examples
    --------
    >>> from workbench.mmm.simulation import simulate_market
    >>> simulated = simulate_market(seed=1, channels=3)
    >>> check_market(simulated.spec, simulated.market).refused
    ()
    """
    seen = evidence_of(spec, market)
    found = [one for check in CHECKS.values() for one in check.looks(seen)]
    regions = f" in {len(market.regions)} regions" if spec.region else ""
    count = len(market.channels)
    scope = f"{len(market.dates)} {market.period}s and {count} channel{'s' * (count > 1)}{regions}"
    return MarketCheck(findings=ordered(found), scope=scope)
