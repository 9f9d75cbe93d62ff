"""The files of a media mix run, and what they hold: a market, what was learnt of it, and the model asked."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from workbench.mmm.archive import Archive, archive_of, fit_from, market_from, market_parts
from workbench.mmm.document import from_document
from workbench.store.mix_runs import read_arrays, read_document, write_arrays, write_document

if TYPE_CHECKING:
    from workbench.mmm.fitted import MixFit
    from workbench.mmm.market import Market
    from workbench.mmm.run import MixRun

MARKET, LABELS, DRAWS, FIT = "market.npz", "market.json", "draws.npz", "fit.json"


def keep_market(folder: Path, market: Market) -> dict[str, str]:
    """Write a market into a run's folder; return its files with their hashes.

    Raises
    ------
    WorkspaceError
        If it cannot be written.
    """
    arrays, labels = market_parts(market)
    return {MARKET: write_arrays(folder, MARKET, arrays), LABELS: write_document(folder, LABELS, labels)}


def keep_archive(folder: Path, archive: Archive) -> dict[str, str]:
    """Write what was learnt into a run's folder; return the files with their hashes.

    Raises
    ------
    WorkspaceError
        If it cannot be written.
    """
    return {
        DRAWS: write_arrays(folder, DRAWS, archive.arrays),
        FIT: write_document(folder, FIT, archive.texts),
    }


def keep_fit(folder: Path, fit: MixFit) -> dict[str, str]:
    """Write a whole fit into a run's folder; return the files with their hashes.

    Raises
    ------
    WorkspaceError
        If it cannot be written.
    """
    return keep_market(folder, fit.market) | keep_archive(folder, archive_of(fit))


def read_market(folder: Path, files: Mapping[str, str]) -> Market:
    """Return the market in a run's folder, bit by bit as it was.

    Raises
    ------
    WorkspaceError
        If it is gone or was changed.
    """
    arrays = read_arrays(folder, MARKET, files.get(MARKET, ""))
    return market_from(arrays, read_document(folder, LABELS, files.get(LABELS, "")))


def read_fit(folder: Path, run: MixRun) -> MixFit:
    """Return what a completed run found, bit by bit as it was.

    Raises
    ------
    WorkspaceError
        If a file is gone or was changed.
    """
    archive = Archive(
        arrays=read_arrays(folder, DRAWS, run.files.get(DRAWS, "")),
        texts=read_document(folder, FIT, run.files.get(FIT, "")),
    )
    return fit_from(archive, from_document(run.spec), read_market(folder, run.files))
