/** JSON, pretty and collapsible; each member can be chosen, by the mouse or by keys. */

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

const CLOSED = "mf-shut";
const pathOf = (item: Element): string[] =>
  JSON.parse(item.querySelector<HTMLElement>("[data-path]")?.dataset.path ?? "[]") as string[];
const fold = (item: Element, open: boolean): void => {
  if (!item.hasAttribute("aria-expanded")) return;
  item.setAttribute("aria-expanded", String(open));
  item.classList.toggle(CLOSED, !open);
};

export function jsonView(text: string, root: JsonNode, chosen: Chosen, find: string): HTMLElement {
  let count = 0;
  const needle = find.toLowerCase();
  const below = (node: JsonNode): boolean =>
    node.path.every((name, i) => i >= chosen.path.length || chosen.path[i] === name) &&
    node.path.length < chosen.path.length;
  const line = (node: JsonNode, ...value: (Node | string)[]): HTMLElement => {
    const made = h("span.mf-member", { "data-path": JSON.stringify(node.path) });
    if (node.key !== undefined) {
      made.append(h("span.mf-key", {}, cleanLines(JSON.stringify(node.key))), ": ");
    }
    made.append(...value);
    const isChosen = node.path.length > 0 && samePath(node.path, chosen.path);
    if (isChosen) made.classList.add("mf-chosen");
    const own = text.slice(node.start, node.children.length ? node.valueStart : node.end);
    if (needle && own.toLowerCase().includes(needle)) made.classList.add("mf-found");
    return made;
  };
  const view = (node: JsonNode, tail: string): HTMLElement => {
    if (++count > MOST) return h("div.mf-note", { role: "none" }, "…");
    const source = text.slice(node.valueStart, node.end);
    const isChosen = node.path.length > 0 && samePath(node.path, chosen.path);
    const item = h("div.mf-json", {
      role: "treeitem",
      tabindex: isChosen || (!node.path.length && !chosen.path.length) ? "0" : "-1",
      "aria-selected": String(isChosen),
      "aria-level": node.path.length + 1,
    });
    if (!node.children.length) {
      const kind = node.type === "string" ? "mf-string" : "mf-value";
      item.append(line(node, h("span", { class: kind }, cleanLines(source))), tail);
      return item;
    }
    const [open, close] = node.type === "array" ? "[]" : "{}";
    const matches = needle !== "" && source.toLowerCase().includes(needle);
    const more = h("span.mf-more", {}, ` ${countOf(node)} ${close}${tail}`);
    const inside = node.children.map((child, i) =>
      view(child, i + 1 < node.children.length ? "," : ""),
    );
    item.setAttribute("aria-expanded", "true");
    item.append(
      h("span.mf-turn", { "aria-hidden": "true" }),
      line(node, open ?? ""),
      more,
      h("div", { role: "group" }, ...inside),
      h("div.mf-close", { "aria-hidden": "true" }, `${close}${tail}`),
    );
    fold(item, node.path.length < OPEN_DEPTH || below(node) || matches);
    return item;
  };
  const tree = h("div.mf-tree", { role: "tree", "aria-label": "The message" }, view(root, ""));
  // what is chosen may be no member of this message
  if (!tree.querySelector('[tabindex="0"]')) tree.firstElementChild?.setAttribute("tabindex", "0");
  tree.addEventListener("click", (event) => {
    const target = event.target as HTMLElement;
    const item = target.closest<HTMLElement>('[role="treeitem"]');
    if (!item) return;
    if (target.matches(".mf-turn, .mf-more")) fold(item, item.classList.contains(CLOSED));
    else if (target.closest(".mf-member")) chosen.choose(pathOf(item));
  });
  tree.addEventListener("keydown", (event) => keys(event, tree, chosen));
  return tree;
}

/** The keys of a tree: up and down, right and left to fold, Enter to choose. */
function keys(event: KeyboardEvent, tree: HTMLElement, chosen: Chosen): void {
  const item = (event.target as HTMLElement).closest<HTMLElement>('[role="treeitem"]');
  if (!item || event.ctrlKey || event.metaKey || event.altKey) return;
  const all = [...tree.querySelectorAll<HTMLElement>('[role="treeitem"]')].filter(
    (one) => !one.parentElement?.closest(`.${CLOSED}`),
  );
  const at = all.indexOf(item);
  const shut = item.classList.contains(CLOSED);
  const go = (to: HTMLElement | null | undefined): void => {
    if (!to) return;
    tree.querySelector('[tabindex="0"]')?.setAttribute("tabindex", "-1");
    to.setAttribute("tabindex", "0");
    to.focus();
  };
  const acts: Readonly<Record<string, () => void>> = {
    ArrowDown: () => go(all[at + 1]),
    ArrowUp: () => go(all[at - 1]),
    Home: () => go(all[0]),
    End: () => go(all.at(-1)),
    ArrowRight: () =>
      shut ? fold(item, true) : item.hasAttribute("aria-expanded") && go(all[at + 1]),
    ArrowLeft: () =>
      !shut && item.hasAttribute("aria-expanded")
        ? fold(item, false)
        : go(item.parentElement?.closest<HTMLElement>('[role="treeitem"]')),
    Enter: () => chosen.choose(pathOf(item)),
    " ": () => chosen.choose(pathOf(item)),
  };
  const act = acts[event.key];
  if (!act) return;
  event.preventDefault();
  event.stopPropagation();
  act();
}

const countOf = (node: JsonNode): string =>
  `${node.children.length} ${node.type === "array" ? "item" : "member"}${node.children.length === 1 ? "" : "s"}`;
