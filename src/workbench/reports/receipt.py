"""The receipt of a run: hashes of all that went in and came out.

It holds no times: equal runs have equal receipts.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import workbench
from workbench.errors import WorkspaceError
from workbench.reports.inputs import RunInputs, platform_facts
from workbench.reports.notebook import Notebook, sha256, to_bytes
from workbench.reports.record import NOTEBOOK, RECEIPT

FORMAT = 1


def make_receipt(
    id_: str,
    notebook: Notebook,
    parameters: Mapping[str, Any],
    inputs: RunInputs,
    executed: Mapping[str, Any],
    *,
    content: bytes | None = None,
) -> dict[str, Any]:
    """Return the receipt of a completed run.

    Parameters
    ----------
    id_ : str
        The run's id.
    notebook : Notebook
        What was run.
    parameters : mapping
        Every parameter with its value.
    inputs : RunInputs
        The data, code, environment and seed.
    executed : mapping
        The notebook after its execution, in canonical form.
    content : bytes, optional
        Its bytes, where they are there already.
    """
    receipt = {
        "code": {"package": "workbench", "sha256": inputs.code, "version": workbench.__version__},
        "data": {
            "sha256": inputs.data,
            "tables": {name: dict(facts) for name, facts in inputs.tables.items()},
            "version": inputs.data_version,
            "currency": inputs.currency,
            "last_day": inputs.last_day.isoformat() if inputs.last_day else None,
            **({"fits": dict(inputs.fits)} if inputs.fits else {}),
        },
        "environment": {"sha256": inputs.environment, **platform_facts()},
        "format": FORMAT,
        "id": id_,
        "notebook": {"name": notebook.name, "sha256": notebook.sha256},
        "outputs": output_hashes(executed),
        "parameters": {"sha256": sha256(to_bytes(dict(parameters))), "values": dict(parameters)},
        "result": {"file": NOTEBOOK, "sha256": sha256(content or notebook_bytes(executed))},
        "seed": inputs.seed,
    }
    return receipt | {"sha256": sha256(to_bytes(receipt))}


def output_hashes(executed: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return, for each output of a canonical notebook, the cell it stands in, its kinds and its hash."""
    return [
        {
            "cell": cell["id"],
            "kinds": sorted(output.get("data", {})) or [output["output_type"]],
            "number": number,
            "sha256": sha256(to_bytes(output)),
        }
        for cell in executed["cells"]
        for number, output in enumerate(cell.get("outputs", []), start=1)
    ]


def notebook_bytes(executed: Mapping[str, Any]) -> bytes:
    """Return the bytes of a canonical notebook's file."""
    return to_bytes(executed, indent=1) + b"\n"


def receipt_bytes(receipt: Mapping[str, Any]) -> bytes:
    """Return the bytes of a receipt's file."""
    return to_bytes(receipt, indent=1) + b"\n"


def read_receipt(folder: Path) -> dict[str, Any]:
    """Return the receipt in a run's folder.

    Raises
    ------
    WorkspaceError
        If there is none, which is so for a run that did not complete, or it is not what was written.
    """
    try:
        receipt = json.loads((folder / RECEIPT).read_text(encoding="utf-8"))
        told = receipt.pop("sha256")
        changed = told != sha256(to_bytes(receipt))
    except FileNotFoundError:
        raise WorkspaceError(f"The run {folder.name} has no receipt: it did not complete.") from None
    except (ValueError, KeyError, TypeError, AttributeError):
        raise WorkspaceError(f"The receipt of {folder.name} cannot be read.") from None
    if changed or receipt.get("format") != FORMAT:
        raise WorkspaceError(f"The receipt of {folder.name} was changed after it was written.")
    return dict(receipt) | {"sha256": told}
