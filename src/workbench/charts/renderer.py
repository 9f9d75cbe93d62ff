"""How a Vega-Lite specification goes into a notebook: as data, never as a page with scripts.

A batch run stores the one form a report is made from. A kernel of JupyterLab also gets the form that
JupyterLab draws by itself, offline.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

from workbench.charts.mime import CHART, LAB_CHART

_LAB_SCHEMA = "https://vega.github.io/schema/vega-lite/v5.json"


def render(spec: Mapping[str, Any], **_options: object) -> dict[str, Any]:
    """Return the representations of one specification, by MIME type.

    Parameters
    ----------
    spec : mapping
        A Vega-Lite specification.

    Examples
    --------
    >>> sorted(render({"mark": "bar", "title": "Spend by channel"}).items())
    [('application/vnd.vegalite.v6+json', {'mark': 'bar', 'title': 'Spend by channel'}),
     ('text/plain', 'Spend by channel')]
    """
    bundle: dict[str, Any] = {CHART: dict(spec), "text/plain": title_of(spec) or "Chart"}
    if in_lab():
        bundle[LAB_CHART] = {**_coloured_ground(spec), "$schema": _LAB_SCHEMA}
    return bundle


def in_lab() -> bool:
    """Return whether a person is looking: a kernel that a Jupyter server started, outside a batch run."""
    return "JPY_SESSION_NAME" in os.environ and not in_batch()


def in_batch() -> bool:
    """Return whether this is a batch run: what it shows goes into a report, where no kernel answers."""
    return os.environ.get("WORKBENCH_OUTPUT") == "batch"


def title_of(spec: Mapping[str, Any]) -> str:
    """Return the title of a specification as text.

    Examples
    --------
    >>> title_of({"title": {"text": ["Spend", "by channel"]}})
    'Spend by channel'
    """
    title = spec.get("title")
    text = title.get("text") if isinstance(title, Mapping) else title
    return " ".join(map(str, text)) if isinstance(text, list | tuple) else str(text or "")


def _coloured_ground(spec: Mapping[str, Any]) -> dict[str, Any]:
    # JupyterLab may be dark; the light theme's ink needs its own ground.
    return {**spec, "config": {**spec.get("config", {}), "background": "#ffffff"}, "padding": 12}
