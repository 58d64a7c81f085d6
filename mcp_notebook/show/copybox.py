"""A line to copy: an address, a command. Selected at once, and copied with one button."""

from __future__ import annotations

from typing import Any

import anywidget
import traitlets

_SCRIPT = """
function render({ model, el }) {
  el.classList.add("mcp-copy");
  el.dataset.lmSuppressShortcuts = "true";
  const box = document.createElement("textarea");
  box.readOnly = true;
  box.spellcheck = false;
  const button = document.createElement("button");
  button.type = "button";
  button.textContent = "Copy";
  let timer = 0;
  const draw = () => {
    const text = model.get("text");
    box.value = text;
    box.rows = 1;
    box.setAttribute("aria-label", model.get("label"));
    button.setAttribute("aria-label", "Copy " + model.get("label"));
    el.hidden = text === "";
    fit();
  };
  const fit = () => {
    box.style.height = "auto";
    box.style.height = box.scrollHeight + 2 + "px";
  };
  const watch = new ResizeObserver(fit);
  const say = (word) => {
    button.textContent = word;
    clearTimeout(timer);
    timer = setTimeout(() => { button.textContent = "Copy"; }, 1500);
  };
  box.addEventListener("focus", () => box.select());
  button.addEventListener("click", async () => {
    try {
      await navigator.clipboard.writeText(box.value);
      say("Copied");
    } catch {
      box.focus();
      box.select();
      let copied = false;
      try { copied = document.execCommand("copy"); } catch { copied = false; }
      say(copied ? "Copied" : "Press Ctrl+C");
    }
  });
  model.on("change", draw);
  draw();
  el.append(box, button);
  watch.observe(el);
  return () => { watch.disconnect(); clearTimeout(timer); model.off("change", draw); };
}
export default { render };
"""

_STYLE = """
.mcp-copy { display: flex; gap: 6px; align-items: flex-start; margin: 2px; width: min(100%, 40em); }
.mcp-copy[hidden] { display: none; }
.mcp-copy textarea {
  flex: 1 1 auto; min-width: 6em; resize: none; overflow: hidden; box-sizing: border-box;
  padding: 3px 6px;
  font: inherit; font-family: var(--jp-code-font-family, monospace); font-size: 0.9em;
  color: var(--jp-ui-font-color1, inherit); background: var(--jp-layout-color2, transparent);
  border: 1px solid var(--jp-border-color2, rgba(128, 128, 128, 0.4)); border-radius: 2px;
}
.mcp-copy button {
  font: inherit; font-size: 0.9em; padding: 3px 10px; cursor: pointer; border-radius: 2px;
  color: var(--jp-ui-font-color1, inherit); background: var(--jp-layout-color2, transparent);
  border: 1px solid var(--jp-border-color2, rgba(128, 128, 128, 0.4));
}
.mcp-copy :focus-visible { outline: 2px solid var(--jp-brand-color1, #1976d2); }
"""


class CopyBox(anywidget.AnyWidget):
    """A text that can be copied; nothing is shown while it is empty.

    Args:
        text: the text.
        label: what it is, for screen readers.
    """

    _esm: Any = _SCRIPT
    _css: Any = _STYLE
    text: Any = traitlets.Unicode("").tag(sync=True)
    label: Any = traitlets.Unicode("").tag(sync=True)
