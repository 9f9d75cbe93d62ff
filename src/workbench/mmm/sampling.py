"""Draws from a posterior by nutpie: compiled once, sampled with progress, the same for the same seed."""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from workbench.mmm.spec import Sampling

_POLL = 250  # milliseconds between two looks at the chains


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """How far a fit has come.

    Parameters
    ----------
    stage : {'building', 'compiling', 'sampling', 'forecasting'}
        What is being done.
    done : float
        Share of this stage that is behind, 0 to 1.
    divergences : int
        Steps after tuning that left the path so far.
    """

    stage: str
    done: float = 0.0
    divergences: int = 0


OnProgress = Callable[[Progress], None]


def compiled(model: Any, *, exchangeable: bool = False) -> Any:
    """Return a model as machine code, with nothing but what results need.

    Parameters
    ----------
    model : pymc.Model
        What is compiled.
    exchangeable : bool
        Whether its data can be exchanged for those of another model of the same shape and families
        (`data_of`). Compiling then takes twice as long and sampling half as long again; otherwise only
        which periods are kept can be changed.
    """
    import nutpie
    import pytensor
    from pymc.model.transform.optimization import freeze_dims_and_data

    fixed = [one.name for one in model.data_vars if not (exchangeable or one.name == "kept")]
    frozen = freeze_dims_and_data(model, data=fixed)
    # Sums in any order round otherwise where the code comes from a cache than where it was just compiled:
    # the same seed then gives other draws.
    with quiet(), pytensor.config.change_flags(numba__fastmath=False):
        return nutpie.compile_pymc_model(frozen, backend="numba", var_names=wanted(model))


def data_of(model: Any, machine: Any) -> dict[str, Any]:
    """Return the data of a model that a compiled one can take instead of its own."""
    names = {one.name for one in machine.shared_var_keys}
    return {one.name: one.get_value() for one in model.data_vars if one.name in names}


def wanted(model: Any) -> list[str]:
    """Return the names of the variables that `posterior` reads, and of every free parameter."""
    names = (
        "roi",
        "adstock_alpha",
        "adstock_theta",
        "saturation_kappa",
        "saturation_lam",
        "saturation_slope",
        "saturation_beta",
        "intercept_contribution",
        "media_mean",
        "trend_slope",
        "baseline_path",
        "gamma_fourier",
        "gamma_weekday",
        "gamma_control",
        "noise",
    )
    free = [one.name for one in model.free_RVs]
    return list(dict.fromkeys([*(one for one in names if one in model.named_vars), *free]))


def sample(
    machine: Any,
    sampling: Sampling,
    *,
    data: dict[str, Any],
    stage: str = "sampling",
    on_progress: OnProgress | None = None,
) -> Any:
    """Return draws as an xarray tree with the groups ``posterior`` and ``sample_stats``.

    Parameters
    ----------
    machine : object
        What `compiled` returned.
    sampling : Sampling
        Chains, steps and seed.
    data : dict of arrays
        Data that replace those it was compiled with. ``kept`` is 1 for periods that the model learns from
        and 0 for those kept away.
    stage : str
        What `on_progress` is told.
    on_progress : callable, optional
        Called several times a second from another thread.

    Raises
    ------
    KeyboardInterrupt
        When interrupted; the chains are stopped first.
    """
    import nutpie

    with quiet():
        handle = nutpie.sample(
            machine.with_data(**data),
            draws=sampling.draws,
            tune=sampling.tune,
            chains=sampling.chains,
            cores=min(sampling.chains, os.cpu_count() or 1),
            seed=sampling.seed,
            target_accept=sampling.target_accept,
            progress_bar=False,
            progress_callback=_told(on_progress, stage) if on_progress else None,
            progress_rate=_POLL,
            save_warmup=False,
            blocking=False,
        )
        try:
            return handle.wait()
        except KeyboardInterrupt:
            handle.cancel()
            raise


def _told(on_progress: OnProgress, stage: str) -> Callable[[list[Any]], None]:
    def tell(chains: list[Any]) -> None:
        total = sum(one.total_draws for one in chains)
        done = sum(one.finished_draws for one in chains) / max(total, 1)
        on_progress(Progress(stage=stage, done=done, divergences=sum(one.divergences for one in chains)))

    return tell


@contextmanager
def quiet() -> Iterator[None]:
    """Keep the libraries' notes about caches and future versions from the reader."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield
