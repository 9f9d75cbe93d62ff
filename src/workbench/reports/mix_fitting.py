"""From a model and its data to a run that is kept: drafted, sampled in a process of its own, and ended."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, replace
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

from workbench.errors import BadInput, RunFailed, UsageError, WorkspaceError
from workbench.mmm.extra import missing_extra
from workbench.mmm.run import GateRecord, MixRun, now
from workbench.reports.memory import memory_free
from workbench.reports.mix_data import asked_of
from workbench.reports.mix_files import keep_fit, keep_market, read_fit
from workbench.reports.mix_memory import memory_needed, refuse_too_large
from workbench.reports.mix_process import sampled
from workbench.reports.mix_runs import FittedMix, as_workspace, completed_mix
from workbench.store.mix_runs import begin, clear, write_record

if TYPE_CHECKING:
    from pathlib import Path

    from workbench.mmm.findings import MarketCheck
    from workbench.mmm.fitted import MixFit
    from workbench.mmm.market import Market
    from workbench.mmm.spec import MixSpec
    from workbench.store.mix_runs import StoredRun
    from workbench.store.workspace import Workspace

OnProgress = Callable[[MixRun], None]
_STEP = 0.01  # progress is written when it has moved so far
_LIBRARIES = ("pymc-marketing", "pymc", "pytensor", "nutpie", "numba", "numpy")


def fit_mix(
    workspace: Workspace | str | Path,
    model: MixSpec | str | Path,
    table: object = None,
    *,
    again: bool = False,
    tests: Mapping[str, str] | None = None,
    on_progress: OnProgress | None = None,
) -> FittedMix:
    """Return a media mix model fitted to its data and kept in a workspace.

    A model that was fitted before to the same data by the same code is not fitted again.

    Parameters
    ----------
    workspace : Workspace or path
        Whose data are read, where no table is given, and where the run is kept.
    model : MixSpec or path
        The model, or the YAML file that describes it.
    table : table or path, optional
        One row for each period, or region and period, or a file with them; by default those that the model's
        file names, else what the workspace spent and sold.
    again : bool
        Whether to fit it even so.
    tests : mapping of str to str, optional
        To calibrate with the workspace's own geo and holdout tests: which channel each geo test tested, which
        may be empty. None leaves the model to its data.
    on_progress : callable, optional
        Called with the run whenever it gets on.

    Raises
    ------
    BadInput
        If the data cannot be modelled; nothing is kept then.
    NotEnoughData
        If there are too few data, or too little memory is free.
    RunFailed
        If it failed on the way; the run is kept and says why.
    UsageError
        If the libraries that sample are not installed; or it is not said where the data are.
    """
    if missing := missing_extra():
        raise UsageError(missing)
    opened = as_workspace(workspace)
    asked = asked_of(opened, model, table, tests=tests)
    refuse(asked.check)
    draft = _draft(asked.spec, asked.market)
    draft = replace(
        draft,
        source=asked.source,
        data_version=asked.data_version,
        tests=asked.told,
        notes=asked.notes,
        versions=tuple((name, version(name)) for name in _LIBRARIES),
    )
    if not again and (before := completed_mix(opened, draft.key)) is not None:
        return replace(before, reused=True)
    refuse_too_large(memory_needed(asked.spec, asked.market), memory_free())
    with begin(opened, asked.spec.name, draft.to_document()) as stored:
        return _sampled(stored, asked.market, on_progress or _nobody)


def keep_mix(workspace: Workspace | str | Path, fit: MixFit, *, source: str = "") -> FittedMix:
    """Return a fit that was made elsewhere as a run of a workspace, read back as it was written.

    Parameters
    ----------
    workspace : Workspace or path
        Where it is kept.
    fit : MixFit
        What `workbench.mmm.fit` returned.
    source : str
        Where its data come from.

    Raises
    ------
    WorkspaceError
        If it cannot be written.
    """
    from workbench.mmm.gates import gates

    draft = replace(_draft(fit.spec, fit.market), source=source, versions=fit.versions)
    with begin(as_workspace(workspace), fit.spec.name, draft.to_document()) as stored:
        running = MixRun.from_document(stored.document).started_now().at(0.9, "keeping")
        with _failing(stored, [running]):
            verdicts = tuple(GateRecord(**asdict(one)) for one in gates(fit).verdicts)
            files = keep_fit(stored.folder, fit)
            return _completing(stored, running.well(gates=verdicts, files=files))


def refuse(check: MarketCheck) -> None:
    """Refuse data that carry no model.

    Raises
    ------
    BadInput
        With everything that has to be mended first.
    """
    if check.refused:
        told = " ".join(f"{one.says} {one.fix}" for one in check.refused)
        raise BadInput(f"no model can be fitted to these {check.scope}: {told}".rstrip("."))


def _draft(spec: MixSpec, market: Market) -> MixRun:
    from workbench.governance.roles import identity
    from workbench.mmm.document import to_document
    from workbench.reports.inputs import code_hash, environment_hash
    from workbench.reports.notebook import sha256, to_bytes

    document: dict[str, Any] = json.loads(json.dumps(to_document(spec)))
    whole = [document, market.fingerprint, code_hash(), environment_hash()]
    return MixRun(
        id="",
        name=spec.name,
        key=sha256(to_bytes(whole)),
        seed=spec.sampling.seed,
        fingerprint=market.fingerprint,
        spec=document,
        doing="waiting to begin",
        created=now(),
        by=identity(),
        code=f"{version('workbench')} {code_hash()[:16]}",
    )


def _sampled(stored: StoredRun, market: Market, on_progress: OnProgress) -> FittedMix:
    told = [MixRun.from_document(stored.document)]
    with _failing(stored, told):
        kept = keep_market(stored.folder, market)
        told[0] = told[0].started_now().at(0.0, "loading libraries")
        write_record(stored.folder, told[0].to_document())
        on_progress(told[0])

        def follow(progress: float, doing: str) -> None:
            further = told[0].at(progress, doing)
            if further.progress - told[0].progress >= _STEP or further.doing != told[0].doing:
                told[0] = further
                write_record(stored.folder, further.to_document())
                on_progress(further)

        found = sampled(stored.folder, told[0].spec, kept, follow)
        ended = _completing(stored, told[0].well(gates=found.gates, files=kept | dict(found.files)))
    on_progress(ended.run)
    return ended


def _completing(stored: StoredRun, ended: MixRun) -> FittedMix:
    """Return a run whose files are written and can be read: one step completes it."""
    fit = read_fit(stored.folder, ended)
    write_record(stored.folder, ended.to_document())
    return FittedMix(run=ended, fit=fit, folder=stored.folder)


@contextmanager
def _failing(stored: StoredRun, told: Sequence[MixRun]) -> Iterator[None]:
    """Note why a run failed, whatever ended it, and leave nothing else of it."""
    try:
        yield
    except BaseException as error:
        clear(stored.folder)
        why = "It was interrupted." if isinstance(error, KeyboardInterrupt) else str(error)
        failed = told[0].badly(why or type(error).__name__)
        with suppress(WorkspaceError):  # the lock goes with this process: everybody sees that it ended
            write_record(stored.folder, failed.to_document())
        if isinstance(error, RunFailed):
            raise RunFailed(failed.sentence) from None
        raise


def _nobody(run: MixRun) -> None:
    """Tell nobody."""
