/** JSON, pretty and collapsible; each member can be chosen. */

import { cleanLines } from "../bytes.js";
import type { JsonNode } from "../jsontree.js";
import { h } from "./dom.js";

const MOST = 3000;
const OPEN_DEPTH = 5;

export interface Chosen {
  readonly path: readonly string[];
  choose(path: readonly string[]): void;
}

export const samePath = (a: readonly string[], b: readonly string[]): boolean =>
  a.length === b.length && a.every((name, i) => name === b[i]);

export function jsonView(text: string, root: JsonNode, chosen: Chosen, find: string): HTMLElement {
  let count = 0;
  const needle = find.toLowerCase();
  const below = (node: JsonNode): boolean =>
    node.path.every((name, i) => i >= chosen.path.length || chosen.path[i] === name) &&
    node.path.length < chosen.path.length;
  const line = (node: JsonNode, ...value: (Node | string)[]): HTMLElement => {
    const made = h("span.mf-member", { tabindex: "-1", "data-path": JSON.stringify(node.path) });
    if (node.key !== undefined) {
      made.append(h("span.mf-key", {}, cleanLines(JSON.stringify(node.key))), ": ");
    }
    made.append(...value);
    if (samePath(node.path, chosen.path) && node.path.length) made.classList.add("mf-chosen");
    if (
      needle &&
      text
        .slice(node.start, node.children.length ? node.valueStart : node.end)
        .toLowerCase()
        .includes(needle)
    ) {
      made.classList.add("mf-found");
    }
    return made;
  };
  const view = (node: JsonNode, tail: string): HTMLElement => {
    if (++count > MOST) return h("div.mf-note", {}, "…");
    const source = text.slice(node.valueStart, node.end);
    if (!node.children.length) {
      const kind = node.type === "string" ? "mf-string" : "mf-value";
      return h("div.mf-json", {}, line(node, h("span", { class: kind }, cleanLines(source))), tail);
    }
    const [open, close] = node.type === "array" ? "[]" : "{}";
    const matches = needle !== "" && source.toLowerCase().includes(needle);
    const details = h("details.mf-json");
    if (node.path.length < OPEN_DEPTH || below(node) || matches) details.open = true;
    const noun = node.type === "array" ? "items" : "members";
    const more = h("span.mf-more", {}, ` ${node.children.length} ${noun} ${close}${tail}`);
    details.append(h("summary", {}, line(node, open ?? ""), more));
    node.children.forEach((child, i) => {
      details.append(view(child, i + 1 < node.children.length ? "," : ""));
    });
    details.append(h("div.mf-close", {}, `${close}${tail}`));
    return details;
  };
  const made = h("div.mf-tree", {}, view(root, ""));
  made.addEventListener("click", (event) => {
    const member = (event.target as HTMLElement).closest<HTMLElement>("[data-path]");
    if (!member) return;
    event.preventDefault();
    chosen.choose(JSON.parse(member.dataset.path ?? "[]") as string[]);
  });
  // the summary's own place is left to folding: its triangle
  return made;
}
