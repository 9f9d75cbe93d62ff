"""Keys that belong to a widget while it has the focus, and names by which it is read out.

In JupyterLab arrow keys, Enter and letters are commands of the notebook, even where a list has the focus: an
arrow would leave the widget, and x cut its cell.
"""

from __future__ import annotations

import ipywidgets

BOX = "workbench-widget"
SAID = "workbench-said"
# Plain keys stay inside; shortcuts with Ctrl, Alt or Cmd, and Shift+Enter, work as everywhere.
_GUARD = """
const guard = (tries) => {
  const box = element.closest(".workbench-widget");
  if (!box) { if (tries) { setTimeout(guard, 50, tries - 1); } return; }
  box.setAttribute("role", "group");
  box.setAttribute("aria-label", box.querySelector("[data-title]")?.dataset.title ?? "");
  box.querySelector(".workbench-said .widget-html-content")?.setAttribute("aria-live", "polite");
  const name = () => {
    for (const slider of box.querySelectorAll(".widget-slider")) {
      const handle = slider.querySelector("[role=slider]:not([aria-label])");
      handle?.setAttribute("aria-label", slider.querySelector("label")?.textContent ?? "");
    }
  };
  name();
  new MutationObserver(name).observe(box, { childList: true, subtree: true });
  box.addEventListener("keydown", (event) => {
    const combined = event.ctrlKey || event.metaKey || event.altKey;
    if (!combined && !(event.shiftKey && event.key === "Enter")) { event.stopPropagation(); }
  });
};
guard(100);
"""


def guarded(*children: ipywidgets.Widget) -> ipywidgets.VBox:
    """Return widgets as one group that keeps its keys.

    Parameters
    ----------
    children : ipywidgets.Widget
        From top to bottom. The group has the name that an HTML child gives as ``data-title``; a child of the
        class `SAID` is read out when it changes.
    """
    script = {"output_type": "display_data", "data": {"application/javascript": _GUARD}, "metadata": {}}
    guard = ipywidgets.Output(outputs=(script,), layout=ipywidgets.Layout(height="0", overflow="hidden"))
    box = ipywidgets.VBox([*children, guard], layout=ipywidgets.Layout(width="100%"))
    box.add_class(BOX)
    return box
