"""Whether the libraries that sample are installed: an extra, as they are large."""

from __future__ import annotations

from importlib.util import find_spec


def missing_extra() -> str:
    """Return what has to be installed before a model can be sampled; empty where it is."""
    lacking = any(find_spec(name) is None for name in ("pymc_marketing", "nutpie"))
    return "Media mix models need an extra: pip install 'workbench[mmm]'" if lacking else ""
