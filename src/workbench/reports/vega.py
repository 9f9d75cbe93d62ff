"""Charts for a page without a network: compiled, drawn as SVG, and the runtime that makes them live.

Words: a *picture* is one compiled Vega specification and its SVG; the *runtime* is Vega as one script. The
compiler (Vega-Lite) stays here: the page carries the smaller half only. Colours of the theme become CSS
variables, so that one picture serves light, dark and print.
"""

from __future__ import annotations

import base64
import gzip
import hashlib
import json
import os
import re
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from importlib.metadata import version
from pathlib import Path
from typing import Any

from workbench.charts.drawing import shown
from workbench.charts.theme import LIGHT

_VEGA_LITE = "6.4"
# The modules inside vl-convert, by the names its bundler knows. Expressions are interpreted from their syntax
# trees, so that the page never has to allow the compilation of text.
_START = (
    'import {parse,View} from "/npm/vega@6.2.0/+esm";'
    'import {expressionInterpreter} from "/npm/vega-interpreter@2.0.0/+esm";'
    "window.vega={parse,View,expressionInterpreter};"
    'window.dispatchEvent(new Event("vega"));'
)
_PAGE_WIDTH = 700  # of the drawn SVG, in pixels: the text column of an A4 page
_GAP = 24
_DRAWN = re.compile(r'<div class="drawn">(<svg.*?</svg>)</div>', re.DOTALL)
_VARIABLES = {value: f"var(--{name})" for name, value in LIGHT.items()}


@dataclass(frozen=True, slots=True, kw_only=True)
class Runtime:
    """Vega as a script: packed for the page, and the hash by which the page admits it."""

    packed: str
    sha256: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Picture:
    """One drawn chart: its place among the live ones of the page, its name in a set, its SVG."""

    index: int
    name: str
    svg: str


@dataclass(slots=True)
class Album:
    """The live charts of one page: compiled specifications, and each data set once."""

    charts: list[dict[str, Any]] = field(default_factory=list)
    data: dict[str, list[Any]] = field(default_factory=dict)

    def add(self, spec: Mapping[str, Any]) -> tuple[Picture, ...]:
        """Draw a Vega-Lite specification and keep it live; a concatenation becomes one picture per part."""
        parts = _parts(_readable(spec))
        columns = min(len(parts), int(spec.get("columns") or len(parts)))
        width = (_PAGE_WIDTH - _GAP * (columns - 1)) // columns
        return tuple(self._add_part(part, width) for part in parts)

    def _add_part(self, spec: dict[str, Any], width: int) -> Picture:
        import vl_convert

        name = _name(spec.pop("title", ""))
        fluid = "hconcat" not in spec and "vconcat" not in spec and "facet" not in spec
        if fluid:
            spec["width"] = "container"
        compiled = vl_convert.vegalite_to_vega(spec, vl_version=_VEGA_LITE)
        compiled.pop("$schema", None)
        chart = {key: value if key == "data" else themed(value) for key, value in compiled.items()}
        svg = vl_convert.vega_to_svg(_of_width(chart, width) if fluid else chart)
        self.charts.append({**chart, "data": [self._shared(part) for part in chart.get("data", [])]})
        index = len(self.charts) - 1
        return Picture(index=index, name=name, svg=with_own_ids(slim(svg), f"p{index}-"))

    def _shared(self, part: dict[str, Any]) -> dict[str, Any]:
        if not isinstance(part.get("values"), list):
            return part
        text = json.dumps(part["values"], sort_keys=True)
        key = hashlib.sha256(text.encode()).hexdigest()[:16]
        self.data[key] = part["values"]
        return {**part, "values": key}

    def packed(self) -> str:
        """Return everything as compressed text for the page."""
        return pack(json.dumps({"data": self.data, "charts": self.charts}, separators=(",", ":")))


@dataclass(slots=True)
class DrawnAlbum(Album):
    """The charts of a page that was made before: its drawings are taken, in their order, and none is drawn.

    Parameters
    ----------
    drawings : tuple of str
        What `drawings_of` found in the page.
    """

    drawings: tuple[str, ...] = ()

    def _add_part(self, spec: dict[str, Any], width: int) -> Picture:
        index = len(self.charts)
        if index >= len(self.drawings):
            return super(DrawnAlbum, self)._add_part(spec, width)
        self.charts.append(spec)
        return Picture(index=index, name=_name(spec.pop("title", "")), svg=self.drawings[index])


def drawings_of(page: str) -> tuple[str, ...]:
    """Return the drawings of all charts in a published page, in their order."""
    return tuple(_DRAWN.findall(page))


def pack(text: str) -> str:
    """Return text compressed and in letters that mean nothing to HTML."""
    return base64.b64encode(gzip.compress(text.encode(), 9, mtime=0)).decode()


@lru_cache(1)
def runtime() -> Runtime:
    """Return Vega as one script; made once per version and kept in the user's cache folder."""
    kept = cache_folder() / f"vega-{version('vl-convert-python')}-{_sha256(_START)[:8]}.json"
    try:
        return Runtime(**json.loads(kept.read_text("ascii")))
    except (OSError, ValueError, TypeError):
        made = _make_runtime()
    try:
        kept.parent.mkdir(parents=True, exist_ok=True)
        draft = kept.with_suffix(f".{os.getpid()}")
        draft.write_text(json.dumps({"packed": made.packed, "sha256": made.sha256}), "ascii")
        draft.replace(kept)
    except OSError:  # a read-only home costs a second per report, no more
        pass
    return made


def _make_runtime() -> Runtime:
    import vl_convert

    script = vl_convert.javascript_bundle(_START, vl_version=_VEGA_LITE)
    return Runtime(packed=pack(script), sha256=_sha256(script))


def cache_folder() -> Path:
    """Return the folder for what can be made again, by the custom of the system."""
    if given := os.environ.get("XDG_CACHE_HOME"):
        return Path(given) / "workbench"
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches" / "workbench"
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA", Path.home())) / "workbench" / "cache"
    return Path.home() / ".cache" / "workbench"


def _sha256(text: str) -> str:
    """Return the hash of a script as a content security policy names it."""
    return base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


script_hash = _sha256


def themed(value: Any) -> Any:
    """Return part of a specification with the theme's colours as CSS variables.

    Examples
    --------
    >>> themed({"fill": {"value": "#2358c8"}, "text": "#2358c8 is a colour"})
    {'fill': {'value': 'var(--s1)'}, 'text': '#2358c8 is a colour'}
    """
    if isinstance(value, str):
        return _VARIABLES.get(value, value)
    if isinstance(value, list):
        return [themed(part) for part in value]
    if isinstance(value, dict):
        return {key: themed(part) for key, part in value.items() if key != "values"} | (
            {"values": value["values"]} if "values" in value else {}
        )
    return value


def _readable(value: Any) -> Any:
    """Return part of a specification with its text as it may stand on a page: no invisible controls."""
    if isinstance(value, str):
        return value if value.isprintable() else shown(value, len(value))
    if isinstance(value, list):
        return [_readable(part) for part in value]
    if isinstance(value, Mapping):
        return {_readable(key): _readable(part) for key, part in value.items()}
    return value


def _parts(spec: Mapping[str, Any]) -> list[dict[str, Any]]:
    whole = {key: value for key, value in spec.items() if key not in {"usermeta", "columns"}}
    inner = whole.pop("concat", None)
    if not isinstance(inner, list) or not inner:
        whole.pop("title", None)
        return [whole]
    whole.pop("title", None)
    return [{**whole, **part} for part in inner]


def _name(title: Any) -> str:
    text = title.get("text") if isinstance(title, Mapping) else title
    return shown(text or "")


def _of_width(chart: Mapping[str, Any], width: int) -> dict[str, Any]:
    signals = [s if s.get("name") != "width" else {"name": "width", "value": width} for s in chart["signals"]]
    return {**chart, "signals": signals}


_ID = re.compile(r'(?<= id=")([\w-]+)(?=")|(?<=url\(#)([\w-]+)(?=\))')


def with_own_ids(svg: str, prefix: str) -> str:
    """Return an SVG whose ids are counted from 1 behind a prefix: no two on a page are the same.

    Examples
    --------
    >>> with_own_ids('<clipPath id="clip16"/><g clip-path="url(#clip16)">id="clip16"</g>', "p0-")
    '<clipPath id="p0-1"/><g clip-path="url(#p0-1)">id="clip16"</g>'
    """
    seen: dict[str, str] = {}

    def renamed(found: re.Match[str]) -> str:
        return seen.setdefault(found[0], f"{prefix}{len(seen) + 1}")

    return _TAG.sub(lambda tag: _ID.sub(renamed, tag[0]), svg)


_USELESS = re.compile(
    r' (?:aria-[a-z]+|role|font-family|class|pointer-events|xmlns|xmlns:xlink|version)="[^"]*"'
    r'| opacity="1"| font-weight="normal"| stroke-width="1"(?=[ /])'
)
_UNSEEN = re.compile(
    r'<text[^>]* opacity="0"[^>]*>[^<]*</text>'
    r'|<(?:path|line)[^>]*(?: d=""| display="none"| opacity="0(?:\.0+)?")[^>]*/>'
    r'|<path d="M0,0h0v0h0Z"/>'
)
_LONG = re.compile(r"(\d+\.\d)\d+")
_EMPTY = re.compile(r"<g>\s*</g>")
_TAG = re.compile(r"<[^>]*>")


def slim(svg: str) -> str:
    """Return an SVG without what a static picture does not need; text is left as it is.

    Examples
    --------
    >>> slim('<svg><g role="x"></g><text opacity="1" transform="translate(1.2345,2)">1.2345</text></svg>')
    '<svg><text transform="translate(1.2,2)">1.2345</text></svg>'
    """
    svg = _TAG.sub(lambda tag: _LONG.sub(r"\1", _USELESS.sub("", tag[0])), svg)
    svg = _UNSEEN.sub("", svg)
    while (smaller := _EMPTY.sub("", svg)) != svg:
        svg = smaller
    return svg
