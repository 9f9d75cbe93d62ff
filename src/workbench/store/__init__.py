"""Where data lives: the only room that reads and writes it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from workbench.store.loads import LoadRecord
from workbench.store.workspace import Workspace

if TYPE_CHECKING:
    from workbench.store.snapshot import Snapshot
    from workbench.store.transaction import Transaction
    from workbench.store.writer import Writer

__all__ = ["LoadRecord", "Snapshot", "Transaction", "Workspace", "Writer"]

_LAZY = {"Snapshot": "snapshot", "Transaction": "transaction", "Writer": "writer"}


def __getattr__(name: str) -> object:
    from importlib import import_module

    if name not in _LAZY:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_LAZY[name]}"), name)


def __dir__() -> list[str]:
    return sorted(__all__)
