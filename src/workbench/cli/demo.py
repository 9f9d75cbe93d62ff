"""The command that makes the demonstration: a market with a known truth, loaded, reported and published."""

from __future__ import annotations

import hashlib
import json
import shutil
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from workbench.cli.app import app
from workbench.errors import WorkbenchError

if TYPE_CHECKING:
    from concurrent.futures import Future

    from workbench.events.simulation import MarketSpec
    from workbench.store.workspace import Workspace

EVENTS = 1_000_000
_MARKER = "market.json"
_PLAN = "demo.yaml"
_ATTRIBUTED = "90d"  # as in the report, so that metric and report say the same
_JUDGED = "180d"
_Say = Callable[[str], None]


def _teller() -> _Say:
    begun = time.monotonic()

    def say(text: str) -> None:
        typer.echo(f"[{time.monotonic() - begun:5.1f} s] {text}", err=True)

    return say


def _fingerprint(spec: MarketSpec) -> str:
    """Return what the market is made from: its specification, and the code that simulates."""
    from workbench.events import simulation

    digest = hashlib.sha256(repr(spec).encode())
    for module in sorted(Path(simulation.__file__).parent.glob("*.py")):
        digest.update(module.read_bytes())
    return digest.hexdigest()


def _marker(source: Path) -> dict[str, object]:
    try:
        value = json.loads((source / _MARKER).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return value if isinstance(value, dict) else {}


def _clear(folder: Path, source: Path) -> None:
    """Remove what an earlier demonstration left; anything else is not ours to remove."""
    from workbench.errors import UsageError

    for path in (folder, source):
        if path.is_symlink() or (path.exists() and not path.is_dir()):
            raise UsageError(f"{path} is no folder. Choose another folder for the demonstration.")
        if path.is_dir() and any(path.iterdir()) and not _marker(source):
            raise UsageError(
                f"{path} is in use, and no earlier demonstration made it. Choose a new or empty folder."
            )
    shutil.rmtree(folder, ignore_errors=True)
    shutil.rmtree(source, ignore_errors=True)


def _write(source: Path, spec: MarketSpec, fingerprint: str, say: _Say) -> None:
    from workbench.cli.demo_mix import write_history
    from workbench.events.simulation import Dirt, simulate, write_market

    source.mkdir(parents=True)
    marker = {"fingerprint": fingerprint, "loaded": False}
    (source / _MARKER).write_text(json.dumps(marker), encoding="utf-8")
    market = simulate(spec)
    say(
        f"Simulated {market.events.height:,} events of {spec.users:,} users, {spec.start} to {spec.last_day}."
    )
    files = write_market(market, source, dirt=Dirt())
    write_history(market, source)
    marker["files"] = [str(path.relative_to(source)) for path in files]
    (source / _MARKER).write_text(json.dumps(marker), encoding="utf-8")
    say(f"Wrote {len(files)} files to {source}, with the truth beside them in truth.json.")


def _load(folder: Path, source: Path, spec: MarketSpec, say: _Say) -> Workspace:
    """Return the workspace with every file loaded; a load that was done before is not repeated."""
    from workbench.store.ingest import ingest
    from workbench.store.workspace import Workspace

    workspace = Workspace.open(folder) if folder.exists() else Workspace.create(folder)
    if workspace.currency is None:
        workspace.set_currency(spec.currency)
    marker = _marker(source)
    files = marker.get("files")
    for name in files if isinstance(files, list) else ():
        say(f"{name}: {ingest(workspace, [source / str(name)], backfill=True).sentence}")
    _define_tests(workspace, spec)
    say(_attribute(workspace))
    say(_uplift(workspace))
    (source / _MARKER).write_text(json.dumps(marker | {"loaded": True}), encoding="utf-8")
    return workspace


def _define_tests(workspace: Workspace, spec: MarketSpec) -> None:
    """Keep how the tests of the market were planned, so that every report reads the same days of them."""
    from workbench.experiments.definition import Experiment
    from workbench.experiments.records.keeping import Change
    from workbench.experiments.records.kept import kept_experiments
    from workbench.store.experiments import keep_definition

    defined = {kept.name for kept in kept_experiments(workspace.tables()).rows if kept.changes}
    for truth in spec.experiments:
        if truth.name in defined:
            continue
        first, last = spec.experiment_days(truth)
        test = Experiment(
            name=truth.name,
            primary="orders",
            secondary=("revenue", "aov"),
            variants=truth.variants,
            split=truth.split,
            start=first,
            end=last,
            status="completed",
        )
        now, why = datetime.now(UTC), "As the market was simulated."
        change = Change(version=1, experiment=test, changed_at=now, changed_by="demo", reason=why)
        keep_definition(workspace, change.to_row())


def _attribute(workspace: Workspace) -> str:
    """Return what the attribution models say, after storing it for the metric `attribution_spread`."""
    from workbench.attribution.cost import model_results
    from workbench.attribution.views import model_credit
    from workbench.store.model_results import keep_results

    credit = model_credit(workspace.tables(), window=_ATTRIBUTED)
    if not credit.missing:
        keep_results(workspace, model_results(credit, computed_at=datetime.now(UTC)))
    return f"Attribution: {credit.sentence}"


def _uplift(workspace: Workspace) -> str:
    """Return whether a model tells who is moved, after storing how well for the metric `model_auuc`."""
    from workbench.experiments.uplift.report import uplift_model, uplift_results
    from workbench.store.model_results import keep_results

    found = uplift_model(workspace.tables(), window=_JUDGED)
    keep_results(workspace, uplift_results(found, computed_at=datetime.now(UTC)))
    return f"Uplift: {found.sentence}"


def source_of(folder: Path) -> Path:
    """Return where the files of a demonstration lie, beside its workspace."""
    return folder.with_name(f"{folder.name}-source")


def make_demo(folder: Path, spec: MarketSpec, say: _Say) -> Workspace:
    """Return the demonstration's workspace, made where it is missing or of another market."""
    from workbench.store.workspace import Workspace

    source = source_of(folder)
    fingerprint, marker = _fingerprint(spec), _marker(source)
    written = marker.get("fingerprint") == fingerprint and "files" in marker
    if written and marker.get("loaded") and folder.exists():
        say(f"{folder} holds this market already.")
        return Workspace.open(folder)
    if not written:
        _clear(folder, source)
        _write(source, spec, fingerprint, say)
    return _load(folder, source, spec, say)


def report_demo(workspace: Workspace, plan: Path, say: _Say) -> bool:
    """Return whether all notebooks of a plan completed, after running them."""
    from workbench.reports.batches import batch

    say("Running the notebooks ...")
    ran = batch(workspace, plan, told=lambda run, done, count: say(f"{done} of {count}: {run.sentence}"))
    for note in ran.notes:
        say(note)
    say(ran.sentence)
    return not ran.failed


def report_mix(workspace: Workspace, fitted: Future[bool], plan: Path, say: _Say) -> bool:
    """Return whether all notebooks on the media mix model completed; without its extra there are none."""
    try:
        modelled = fitted.result()
    except WorkbenchError as error:
        say(f"There is no media mix model, and there are no reports on it. {error}")
        return False
    return not modelled or report_demo(workspace, plan, say)


@app.command()
def demo(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="The demonstration's workspace.")],
    *,
    reports: Annotated[Path, typer.Option("--reports", help="Where its reports are published.")],
    events: Annotated[int, typer.Option(help="About how many events.", min=5_000, max=20_000_000)] = EVENTS,
    seed: Annotated[int, typer.Option(help="The same seed gives the same market.", min=0)] = 7,
    plan: Annotated[
        Path | None,
        typer.Option("--plan", help="A batch file instead of params/demo.yaml; no media mix model then."),
    ] = None,
) -> None:
    """Make a demonstration: simulate a market, load it, model its media, run the notebooks, publish."""
    from workbench.cli.demo_mix import PLAN as MIX_PLAN
    from workbench.cli.demo_mix import modelling
    from workbench.events.simulation import MarketSpec
    from workbench.reports.notebook import notebooks_folder
    from workbench.reports.publication import publish

    say = _teller()
    spec = MarketSpec(seed=seed) if events == EVENTS else MarketSpec.sized(events, seed)
    workspace = make_demo(folder, spec, say)
    params = notebooks_folder().parent / "params"
    fitted = modelling(workspace, source_of(folder), say) if plan is None else None
    complete = report_demo(workspace, plan or params / _PLAN, say)
    if fitted is not None:
        complete &= report_mix(workspace, fitted, params / MIX_PLAN, say)
    published = publish(workspace, reports).sentence
    say("Done.")
    typer.echo(published)
    if not complete:
        raise typer.Exit(1)
