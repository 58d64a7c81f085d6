/** The element of the whole view, which keeps to itself what is typed in it. */

import { h } from "./dom.js";

/** A view with these parts; `search` goes to its filter box. */
export function frame(search: () => void, ...parts: readonly Node[]): HTMLElement {
  const made = h(
    // what servers say is no mathematics either
    "div.mcp-flow.mathjax_ignore.tex2jax_ignore",
    {
      ...{ "data-testid": "mcp-flow", "data-lm-suppress-shortcuts": "true" },
      ...{ role: "region", "aria-label": "MCP messages" },
    },
    ...parts,
  );
  made.addEventListener("keydown", (event) => {
    const typing = /^(INPUT|TEXTAREA|SELECT)$/.test((event.target as HTMLElement).tagName);
    if (event.key === "/" && !typing) {
      event.preventDefault();
      search();
    }
    event.stopPropagation();
  });
  return made;
}
