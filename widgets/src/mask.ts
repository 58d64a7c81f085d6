/** Where a text holds masks instead of secrets: the page never has what stood there. */

import { type JsonNode, parseTree } from "./jsontree.js";

const STARS = /\*{3,}|^\*+$/;
// numbers are masked by nines, so that the text stays JSON
const NINES = /^9+$/;
const NAMED = /auth|key|token|secret|pass|pwd|cookie|code|sig/i;

/** The members of a JSON text, or the whole of another, that look masked. */
export function masked(text: string): string[] {
  const root = parseTree(text);
  if (!root) return STARS.test(text) ? ["the text"] : [];
  const found: string[] = [];
  const look = (node: JsonNode): void => {
    const source = text.slice(node.valueStart, node.end);
    const key = node.key ?? "";
    const hidden =
      node.type === "string"
        ? STARS.test(source.slice(1, -1))
        : NINES.test(source) && NAMED.test(key) && key !== "progressToken";
    if (STARS.test(key) || hidden) found.push(node.path.join(".") || "the text");
    for (const child of node.children) look(child);
  };
  look(root);
  return found;
}
