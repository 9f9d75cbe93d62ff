"""An executed notebook as one HTML file that needs nothing else: no network, no code, no parameters.

What the page may do is written into it: a content security policy that allows no request at all and admits
our own scripts and one style sheet by their hashes, so that nothing that came with the data could ever run.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import nbconvert
from markupsafe import Markup
from nbconvert.exporters import HTMLExporter
from traitlets import default

from workbench.charts.theme import css_variables
from workbench.reports.kept_templates import KEPT
from workbench.reports.page import Page, page_of
from workbench.reports.vega import runtime, script_hash

if TYPE_CHECKING:
    from jinja2 import Environment
    from nbformat import NotebookNode

_TEMPLATE = Path(__file__).parent / "template"


@dataclass(frozen=True, slots=True, kw_only=True)
class About:
    """What the title block and the receipt of a page say; empty fields are left out.

    Parameters
    ----------
    tenant, period, created : str
        Whose figures, of which days, made when.
    data_version : int or None
        The version of the data.
    run : str
        The run that can be verified.
    receipt : dict
        Names and values of the receipt, as text.
    language : str
        The language of the page.
    """

    tenant: str = ""
    period: str = ""
    created: str = ""
    data_version: int | None = None
    run: str = ""
    receipt: dict[str, str] = field(default_factory=dict)
    language: str = "en"


class ReportExporter(HTMLExporter):
    """Turn an executed notebook into a report.

    The title block is taken from ``notebook.metadata["workbench"]``, a mapping with the fields of `About`.

    Examples
    --------
    >>> import nbformat.v4 as v4
    >>> notebook = v4.new_notebook(cells=[v4.new_markdown_cell("# Weekly review")])
    >>> html, _ = ReportExporter().from_notebook_node(notebook)
    >>> "<h1>Weekly review</h1>" in html
    True
    """

    export_from_notebook = "Workbench report"

    @default("template_name")
    def _template_name_default(self) -> str:
        return "template"

    @default("extra_template_basedirs")
    def _extra_template_basedirs_default(self) -> list[str]:
        return [str(_TEMPLATE.parent)]

    def _create_environment(self) -> Environment:
        environment: Environment = super()._create_environment()  # type: ignore[no-untyped-call]
        environment.autoescape = True
        environment.bytecode_cache = KEPT
        return environment

    def _init_preprocessors(self) -> None:
        """Make none: the page is made of the notebook as it is."""
        self._preprocessors: list[Any] = []

    def from_notebook_node(  # type: ignore[override]
        self, nb: NotebookNode, resources: dict[str, Any] | None = None, **_options: Any
    ) -> tuple[str, dict[str, Any]]:
        """Return the page and nbconvert's resources."""
        page = page_of(nb)
        about = about_of(nb.metadata.get("workbench", {}), page)
        resources = self._init_resources(resources)  # type: ignore[no-untyped-call]
        resources["output_extension"] = ".html"
        html = self.template.render(**_context(page, about))
        return html.lstrip(), resources


def about_of(given: Any, page: Page) -> About:
    """Return the title block from a notebook's metadata; the period is the cards', or the window's."""
    fields = {name: given[name] for name in About.__slots__ if given.get(name)}
    fields["receipt"] = {str(k): str(v) for k, v in dict(fields.get("receipt", {})).items()}
    return About(**{"period": page.period or given.get("window", ""), **fields})


def _context(page: Page, about: About) -> dict[str, Any]:
    boot = (_TEMPLATE / "boot.js").read_text("utf-8")
    style = css_variables() + (_TEMPLATE / "style.css").read_text("utf-8")
    vega = runtime() if page.album.charts else None
    simulated = any(block["kind"] == "simulator" for block in page.blocks)
    simulator = (_TEMPLATE / "simulator.js").read_text("utf-8") if simulated else ""
    hashes = [script_hash(one) for one in (boot, simulator) if one] + ([vega.sha256] if vega else [])
    return {
        "page": page,
        "about": asdict(about),
        "style": Markup(style),  # noqa: S704 - our own file
        "boot": Markup(boot),  # noqa: S704 - our own file
        "simulator": Markup(simulator),  # noqa: S704 - our own file
        "vega": Markup(vega.packed) if vega else "",  # noqa: S704 - base64
        "charts": Markup(page.album.packed()) if vega else "",  # noqa: S704 - base64
        "policy": _policy(script_hash(style), hashes),
        "safe": Markup,
        "nbconvert": nbconvert.__version__,
    }


def _policy(style: str, scripts: list[str]) -> str:
    admitted = " ".join(f"'sha256-{script}'" for script in scripts)
    return (
        f"default-src 'none'; script-src {admitted}; style-src 'sha256-{style}'; img-src data:; "
        "base-uri 'none'; form-action 'none'"
    )


__all__ = ["About", "ReportExporter"]
