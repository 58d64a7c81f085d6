/** Two JSON texts beside each other, member by member: their order and their blanks do not count. */

import { type JsonNode, parseTree } from "./jsontree.js";

export interface Pair {
  readonly left: string | undefined;
  readonly right: string | undefined;
}
/** A member that is not the same on both sides; of what is inside nothing is said. */
export interface Differing {
  readonly path: string;
  readonly in: "left" | "right" | "both";
}
export interface Difference {
  readonly pairs: readonly Pair[];
  readonly differing: readonly Differing[];
}

const MOST = 2000;

/** Lines that are equal stand beside each other; so do the lines of one member. */
export function difference(left: string, right: string): Difference {
  const pairs: Pair[] = [];
  const differing: Differing[] = [];
  const beside = (a: readonly string[], b: readonly string[]): void => {
    for (let i = 0; i < Math.max(a.length, b.length) && pairs.length < MOST; i++)
      pairs.push({ left: a[i], right: b[i] });
  };
  const walk = (x: JsonNode | undefined, y: JsonNode | undefined, indent: string): void => {
    const path = ((x ?? y)?.path ?? []).join(".");
    if (x && y && x.type === y.type && x.children.length && y.children.length) {
      const [open, close] = BRACKETS[x.type] ?? "";
      beside([indent + keyOf(x) + open], [indent + keyOf(y) + open]);
      const others = new Map(y.children.map((child) => [child.path.at(-1), child]));
      for (const child of x.children) {
        const name = child.path.at(-1);
        walk(child, others.get(name), `${indent}  `);
        others.delete(name);
      }
      for (const child of others.values()) walk(undefined, child, `${indent}  `);
      beside([indent + close], [indent + close]);
      return;
    }
    const [a, b] = [x ? linesOf(left, x, indent) : [], y ? linesOf(right, y, indent) : []];
    if (a.join("\n") !== b.join("\n"))
      differing.push({ path, in: x && y ? "both" : x ? "left" : "right" });
    beside(a, b);
  };
  const [a, b] = [parseTree(left), parseTree(right)];
  if (a && b) walk(a, b, "");
  else {
    if (left !== right) differing.push({ path: "", in: "both" });
    beside(left.split("\n"), right.split("\n"));
  }
  return { pairs, differing };
}

const BRACKETS: Readonly<Record<string, string>> = { array: "[]", object: "{}" };
const keyOf = (node: JsonNode): string =>
  node.key === undefined ? "" : `${JSON.stringify(node.key)}: `;

function linesOf(text: string, node: JsonNode, indent: string): string[] {
  const begin = indent + keyOf(node);
  if (!node.children.length) return [begin + text.slice(node.valueStart, node.end)];
  const [open, close] = BRACKETS[node.type] ?? "";
  const inside = node.children.flatMap((child) => linesOf(text, child, `${indent}  `));
  return [begin + open, ...inside, indent + close];
}
