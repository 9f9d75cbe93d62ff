"""How a Vega-Lite specification goes into a notebook: as data, never as a page with scripts.

A batch run stores the one form a report is made from. A kernel of JupyterLab also gets the form that
JupyterLab draws by itself, offline.
"""

from __future__ import annotations

import os
import textwrap
from collections.abc import Mapping
from typing import Any

from workbench.charts.mime import CHART, LAB_CHART

_LAB_SCHEMA = "https://vega.github.io/schema/vega-lite/v5.json"
# Signs that stand in 640 pixels, the width of a picture: of its title, and of the smaller lines below.
_TITLE_SIGNS, _BELOW_SIGNS = 66, 96


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
        bundle[LAB_CHART] = {**_told_in_full(_coloured_ground(spec)), "$schema": _LAB_SCHEMA}
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


def _told_in_full(spec: dict[str, Any]) -> dict[str, Any]:
    # Vega-Lite cuts a long line, also within a figure; and what a page sets below a picture, the lab
    # has no place for but in it.
    title = spec.get("title")
    if not isinstance(title, Mapping):
        return spec
    words = spec.get("usermeta", {}).get("workbench", {})
    below = [title.get("subtitle", ""), words.get("note", "")]
    lines = [line for text in below for line in textwrap.wrap(str(text), _BELOW_SIGNS)]
    return {
        **spec,
        "title": {**title, "text": textwrap.wrap(title_of(spec), _TITLE_SIGNS), "subtitle": lines},
    }
