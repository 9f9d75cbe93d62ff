"""What a model has to show of itself before its figures carry a decision: verdicts as data."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from html import escape
from typing import TYPE_CHECKING, Literal

import numpy as np

from workbench.catalog import Catalog
from workbench.mmm.beliefs import learning, return_priors
from workbench.mmm.curves import contribution_totals
from workbench.mmm.fitted import MixFit, ParameterHealth
from workbench.mmm.forecast import has_a_season
from workbench.mmm.parameter_words import in_words
from workbench.result import format_value, html_table, told

if TYPE_CHECKING:
    import pandas as pd

Status = Literal["passed", "missed", "unknown"]
R_HAT = 1.01
DRAWS = 400
LARGE = 0.1  # share of spend from which a channel is large


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What was found at one gate.

    Parameters
    ----------
    gate : str
        Its name.
    status : {'passed', 'missed', 'unknown'}
        `unknown` where it could not be looked at.
    figure, limit : str
        What was found and what is asked for, as they are read.
    message : str
        One sentence.
    recommendation : str
        What to do; empty where it passed.
    """

    gate: str
    status: Status
    figure: str
    limit: str
    message: str
    recommendation: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Gates:
    """All verdicts on one model.

    Parameters
    ----------
    verdicts : tuple of Verdict
        In the order of the gates.
    """

    verdicts: tuple[Verdict, ...]

    @property
    def passed(self) -> bool:
        """Return whether no gate was missed."""
        return not self.missed

    @property
    def missed(self) -> tuple[Verdict, ...]:
        """Return the verdicts that speak against the model."""
        return tuple(one for one in self.verdicts if one.status == "missed")

    @property
    def sentence(self) -> str:
        """Return what stands on top of every result of the model."""
        if self.missed:
            words = " ".join(f"{one.message} {one.recommendation}" for one in self.missed)
            return f"Do not decide on this model yet. {words}"
        open_ones = [one.message for one in self.verdicts if one.status == "unknown"]
        return " ".join(["The model passed its gates.", *open_ones])

    __repr__ = told

    def to_frame(self) -> pd.DataFrame:
        """Return one row per gate."""
        import pandas as pd

        return pd.DataFrame([asdict(one) for one in self.verdicts])

    def _repr_html_(self) -> str:
        return f"<p>{escape(self.sentence)}</p>{html_table(self.to_frame())}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Gate:
    """One question to a model.

    Parameters
    ----------
    name, title : str
        Identifier, and what is asked.
    says : str
        Why it matters.
    looks : callable
        From the fit to the verdict.
    """

    name: str
    title: str
    says: str
    looks: Callable[[MixFit], Verdict]


def gates(fit: MixFit) -> Gates:
    """Return what the model showed at every gate of `GATES`."""
    return Gates(verdicts=tuple(gate.looks(fit) for gate in GATES.values()))


def _r_hat(fit: MixFit) -> Verdict:
    worst = max(fit.health.parameters, key=lambda one: _worse(one.r_hat))
    good = worst.r_hat < R_HAT
    return Verdict(
        gate="r_hat",
        status="passed" if good else "missed",
        figure=f"{worst.r_hat:.4f}",
        limit=f"below {R_HAT}",
        message="The chains agree."
        if good
        else f"It is not known whether chains agree on {in_words(worst.name)}: R-hat needs two chains "
        "that move."
        if np.isnan(worst.r_hat)
        else f"The chains do not agree on {in_words(worst.name)}: R-hat is {worst.r_hat:.3f}.",
        recommendation="" if good else "Sample longer; if that does not help, give the model fewer channels.",
    )


def _effective(fit: MixFit) -> Verdict:
    def least(one: ParameterHealth) -> float:
        found = float(np.minimum(one.bulk, one.tail))  # NaN where either is unknown
        return found if np.isfinite(found) else 0.0

    worst = min(fit.health.parameters, key=least)
    found = least(worst)
    good = found >= DRAWS
    return Verdict(
        gate="effective_draws",
        status="passed" if good else "missed",
        figure=format_value(found, "count"),
        limit=f"at least {DRAWS}",
        message="There are draws enough for the intervals."
        if good
        else f"Only {found:,.0f} effective draws of {in_words(worst.name)}: its interval would change with "
        "the seed.",
        recommendation="" if good else "Sample longer.",
    )


def _divergences(fit: MixFit) -> Verdict:
    found = fit.health.divergences
    return Verdict(
        gate="divergences",
        status="passed" if found == 0 else "missed",
        figure=format_value(found, "count"),
        limit="none",
        message="The sampler stayed on its path."
        if found == 0
        else f"The sampler left its path {found:,} times in {fit.health.draws:,}: parts of the answer may be "
        "missing.",
        recommendation="" if found == 0 else "Raise target_accept to 0.95 or higher, and sample again.",
    )


def _informed(fit: MixFit) -> Verdict:
    spend = fit.market.spend.sum(axis=(0, 1))
    totals = contribution_totals(fit.draws, fit.market).sum(axis=1)
    priors = return_priors(fit.spec, fit.market)
    large = [place for place, share in enumerate(spend / max(spend.sum(), 1e-300)) if share >= LARGE]
    silent = [
        fit.market.channels[place]
        for place in large
        if learning(priors[place], totals[:, place] / spend[place]).from_prior
    ]
    names = ", ".join(silent)
    return Verdict(
        gate="data_spoke",
        status="missed" if silent else "passed",
        figure=f"{len(silent)} of {len(large)}",
        limit="none",
        message=f"The data said nothing about {names}: {_their(silent)} what was believed beforehand."
        if silent
        else "The data said something about every large channel.",
        recommendation="Run a geo or holdout test on it, or vary its spend." if silent else "",
    )


def _their(names: list[str]) -> str:
    return "its return is" if len(names) == 1 else "their returns are"


def _foretells(fit: MixFit) -> Verdict:
    found = fit.forecast
    if found is None:
        return Verdict(
            gate="forecast",
            status="unknown",
            figure="–",
            limit="no worse than last season",
            message="No periods could be kept away, so it is not known how the model does on new ones.",
            recommendation="Bring more periods.",
        )
    good = found.model_error <= found.naive_error
    ratio = found.model_error / found.naive_error if found.naive_error > 0 else np.inf
    naive = "last season's" if has_a_season(fit.market, found.periods) else "the last week's"
    return Verdict(
        gate="forecast",
        status="passed" if good else "missed",
        figure=format_value(ratio, "x") if np.isfinite(ratio) else "∞",
        limit=f"at most 1.00x the error of {naive} figure",
        message=f"On {found.periods} periods that it had not seen the model erred "
        + (
            f"no more than {naive} figure does."
            if good
            else f"{format_value(ratio, 'x')} as much as {naive} figure does."
        ),
        recommendation="" if good else "Look for what moves the outcome and is no control yet.",
    )


def _worse(value: float) -> float:
    """Return a figure to rank by: what is unknown is worst."""
    return np.inf if np.isnan(value) else value


GATES: Catalog[Gate] = Catalog(
    "gate",
    [
        Gate(
            name="r_hat",
            title="Do the chains agree?",
            says="Chains that start apart must end at one answer (R-hat, Vehtari et al. 2021).",
            looks=_r_hat,
        ),
        Gate(
            name="effective_draws",
            title="Are there draws enough?",
            says="Ends of intervals need 400 independent draws, in bulk and in the tails.",
            looks=_effective,
        ),
        Gate(
            name="divergences",
            title="Did the sampler stay on its path?",
            says="A divergence is a region that the sampler could not enter.",
            looks=_divergences,
        ),
        Gate(
            name="data_spoke",
            title="Did the data speak about the large channels?",
            says="A posterior that equals its prior is a belief, not a finding.",
            looks=_informed,
        ),
        Gate(
            name="forecast",
            title="Does it foretell as well as last season does?",
            says="A model that cannot beat the same week last year has not understood the outcome.",
            looks=_foretells,
        ),
    ],
)
