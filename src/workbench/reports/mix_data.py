"""What a media mix model is asked: its data, what the checks say of them, and the experiments it heeds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path, PurePath
from typing import TYPE_CHECKING, Any

from workbench.errors import UsageError, wrong_kind
from workbench.events.documents import read_whole
from workbench.mmm.calibration import Calibration, calibration_of
from workbench.mmm.checks import check_market
from workbench.mmm.deriving import with_derived
from workbench.mmm.document import to_document
from workbench.mmm.market import market_of
from workbench.mmm.spec import Channel, MixSpec
from workbench.mmm.spec_file import MixFile, Source, mix_file_of

if TYPE_CHECKING:
    from workbench.mmm.findings import MarketCheck
    from workbench.mmm.market import Market
    from workbench.store.snapshot import Snapshot
    from workbench.store.workspace import Workspace


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Asked:
    """A model with its data, before it is fitted.

    Parameters
    ----------
    spec : MixSpec
        The model, held to the experiments that are used.
    market : Market
        Its data.
    check : MarketCheck
        What is to be said of them.
    calibration : Calibration or None
        The experiments that were looked at; None where nobody asked.
    source : str
        Where the data come from.
    data_version : int or None
        Of the workspace, where they come from there.
    """

    spec: MixSpec
    market: Market
    check: MarketCheck
    calibration: Calibration | None
    source: str
    data_version: int | None

    @property
    def told(self) -> tuple[str, ...]:
        """Return which experiments are used, and which are not and why."""
        return () if self.calibration is None else tuple(one.sentence for one in self.calibration.judged)

    @property
    def notes(self) -> tuple[str, ...]:
        """Return what is to be said of the data."""
        return self.check.notes


def asked_of(
    workspace: Workspace | None,
    model: MixSpec | str | Path,
    table: object = None,
    *,
    tests: Mapping[str, str] | None = None,
    seed: int = 0,
) -> Asked:
    """Return a model with its data and the experiments it is held to.

    Parameters
    ----------
    workspace : Workspace, optional
        Whose spend and sales are read where no other data are named, and whose experiments count.
    model, table, tests
        As in `fit_mix`.
    seed : int
        Of what the experiments sample.

    Raises
    ------
    BadInput
        If the model or its data are not in order.
    NotEnoughData
        If there are too few data, or the workspace has none.
    UsageError
        If it is not said where the data are.
    """
    file, beside = _model(model)
    # Sums of one thread are added in one order: of a last bit that moves, all draws move with it.
    tables = None if workspace is None else workspace.tables(threads=1)
    rows, source, version = _data(file, beside, table, tables, "" if workspace is None else workspace.name)
    spec = file.spec
    if file.source.derive:
        rows = with_derived(rows, file.source.derive, file=source)
    market = market_of(spec, rows, file=source)
    calibration = None
    if tests is not None:
        from workbench.reports.mix_experiments import findings

        if tables is None:
            raise UsageError("Experiments are those of a workspace: say which.")
        calibration = calibration_of(spec, market, findings(tables, spec.kind, tests, seed=seed))
        spec = spec.with_lift_tests(calibration.tests)
    return Asked(
        spec=spec,
        market=market,
        check=check_market(spec, market),
        calibration=calibration,
        source=source,
        data_version=version,
    )


def model_text(spec: MixSpec, *, period: str = "week") -> str:
    """Return the YAML file that describes a model of a workspace's data; what is usual is left out.

    Examples
    --------
    >>> from workbench.mmm.spec import Channel
    >>> spec = MixSpec(name="weekly", outcome="revenue", channels=(Channel(name="tv"),), currency="EUR")
    >>> print(model_text(spec), end="")
    name: weekly
    outcome: revenue
    channels:
    - tv
    currency: EUR
    period: week
    """
    import yaml

    usual = to_document(MixSpec(name="-", outcome="-", channels=(Channel(name="x"),)))
    document = {k: v for k, v in to_document(spec).items() if k != "format" and v != usual[k]}
    document["channels"] = [_short(one) for one in document["channels"]]
    return str(yaml.safe_dump(document | {"period": period}, sort_keys=False, allow_unicode=True))


def _short(channel: Mapping[str, Any]) -> Any:
    told = {name: value for name, value in channel.items() if value not in ("", None)}
    return told["name"] if len(told) == 1 else told


def _model(model: MixSpec | str | Path) -> tuple[MixFile, Path | None]:
    """Return a model and the source of its data, and the file that says so."""
    if isinstance(model, MixSpec):
        return MixFile(spec=model, source=Source()), None
    if not isinstance(model, str | Path):
        raise wrong_kind("A media mix model", model, "a MixSpec, or the path of its YAML file")
    path = Path(model)
    return mix_file_of(read_whole(path), file=path), path


def _data(
    file: MixFile, beside: Path | None, table: object, tables: Snapshot | None, workspace: str
) -> tuple[object, str, int | None]:
    """Return the rows of a model, where they come from, and the data version of a workspace."""
    named = file.source.path(beside) if beside is not None else None
    if table is None and named is None:
        if tables is None:
            raise UsageError("Say where the data are: in a workspace, in a file, or in the model's own file.")
        return _recorded(tables, file), f"workspace {workspace}", int(tables.version)
    chosen = named if table is None else table
    if isinstance(chosen, (str, PurePath)):
        from workbench.store.reading_table import read_table

        return read_table(Path(chosen)), str(chosen), None
    return chosen, "a table", None


def _recorded(tables: Snapshot, file: MixFile) -> object:
    from workbench.mmm.recorded import market_table

    return market_table(tables, file.spec, period=file.source.period)
