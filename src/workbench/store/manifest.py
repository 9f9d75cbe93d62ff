"""The file that makes a folder a workspace: its name, its format, and the currency of all money in it.

A currency that a load stated counts from that load on, and goes when it is taken back. What was computed on
data versions from before it was in none, and what was computed on those with it in that currency.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from workbench.errors import RESTORE, UsageError, WorkspaceError
from workbench.events.fields import is_currency
from workbench.store.staging import write_durably

MANIFEST = "workspace.json"
_CODE, _STATED_BY, _EARLIER = "currency", "currency_stated_by", "earlier_currencies"
_SINCE = "currency_since"


def read_manifest(folder: Path) -> dict[str, Any]:
    """Return what the manifest of a workspace's folder says.

    Raises
    ------
    WorkspaceError
        If it cannot be read.
    """
    try:
        read = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        said = getattr(error, "strerror", None) or error
        raise WorkspaceError(f"{folder / MANIFEST} cannot be read: {said}.") from error
    if not isinstance(read, dict):
        raise WorkspaceError(f"{folder / MANIFEST} is damaged: an object was expected. {RESTORE}")
    return read


def write_manifest(folder: Path, manifest: Mapping[str, Any]) -> None:
    """Write the manifest of a workspace's folder, whole or not at all."""
    write_durably(folder / MANIFEST, json.dumps(manifest, indent=2) + "\n")


def currency_at(manifest: Mapping[str, Any], version: int | None = None) -> str | None:
    """Return the currency of all money at a data version, the newest by default, where one is known.

    Examples
    --------
    >>> manifest = {"currency": None, "earlier_currencies": [{"currency": "USD", "last_version": 7}]}
    >>> currency_at(manifest, 7), currency_at(manifest, 8), currency_at(manifest)
    ('USD', None, None)
    >>> currency_at({"currency": "EUR", "currency_since": 5}, 4)
    """
    said = manifest
    if version is not None:
        earlier = (one for one in manifest.get(_EARLIER, ()) if version <= one["last_version"])
        said = next(earlier, manifest)
        if version < said.get(_SINCE, 0):
            return None
    code = said.get(_CODE)
    return None if code is None else str(code)


def state_currency(folder: Path, code: str, stated_by: str | None = None, *, since: int = 0) -> None:
    """Say what all money of a workspace is in; it is said once.

    Parameters
    ----------
    folder : Path
        The workspace's.
    code : str
        The currency.
    stated_by : str, optional
        The load whose file says so, with which it goes again.
    since : int
        The first data version that it is said of.

    Raises
    ------
    UsageError
        If it is no currency code, or another one was set.
    """
    check_code(code)
    manifest = read_manifest(folder)
    known = manifest.get(_CODE)
    if known == code:
        return
    if known is not None:
        raise UsageError(
            f"The money of workspace {manifest.get('name')!r} is in {known}, not {code}; it has one currency."
        )
    origin = {_STATED_BY: stated_by, _SINCE: since} if stated_by else {}
    write_manifest(folder, {**manifest, _CODE: code, **origin})


def stated_currency(folder: Path, load_id: str) -> str | None:
    """Return the currency that a load stated for its workspace, if it did."""
    manifest = read_manifest(folder)
    return currency_at(manifest) if manifest.get(_STATED_BY) == load_id else None


def withdraw_currency(folder: Path, load_id: str, last_version: int) -> None:
    """Let go of the currency that a load stated; data versions up to the last one with it keep it."""
    code = stated_currency(folder, load_id)
    if code is None:
        return
    manifest = read_manifest(folder)
    ended = {_CODE: code, _SINCE: manifest.get(_SINCE, 0), "last_version": last_version}
    earlier = [*manifest.get(_EARLIER, ()), ended]
    write_manifest(folder, {**_without_origin(manifest), _CODE: None, _EARLIER: earlier})


def retract_currency(folder: Path, load_id: str) -> None:
    """Forget the currency that a load stated which never came to be: no data version is in it."""
    if stated_currency(folder, load_id) is not None:
        write_manifest(folder, {**_without_origin(read_manifest(folder)), _CODE: None})


def _without_origin(manifest: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in manifest.items() if name not in {_STATED_BY, _SINCE}}


def check_code(code: str) -> None:
    """Refuse what is no currency code.

    Raises
    ------
    UsageError
        If it is none.
    """
    if not is_currency(code):
        raise UsageError(f"{code!r:.20} is no currency code: three capital letters, such as EUR.")
