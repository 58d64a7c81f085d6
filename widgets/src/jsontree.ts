/** JSON with the place of each member in its text, so that a field leads to its bytes. */

export interface JsonNode {
  readonly path: readonly string[];
  readonly key: string | undefined;
  /** Where key and value stand in the text. */
  readonly start: number;
  readonly end: number;
  readonly valueStart: number;
  readonly type: "object" | "array" | "string" | "other";
  readonly children: readonly JsonNode[];
}

const TOKEN = /\s*([{}[\],:]|"(?:[^"\\]|\\[\s\S])*"|[-+.\w]+)/y;
const DEEPEST = 200;

/** The tree of a text, or `undefined` where it is not JSON or too deep. */
export function parseTree(text: string): JsonNode | undefined {
  let at = 0;
  const next = (): { token: string; start: number } | undefined => {
    TOKEN.lastIndex = at;
    const match = TOKEN.exec(text);
    if (!match?.[1]) return undefined;
    at = TOKEN.lastIndex;
    return { token: match[1], start: at - match[1].length };
  };
  const value = (path: readonly string[], key?: string, from?: number): JsonNode | undefined => {
    const found = path.length > DEEPEST ? undefined : next();
    if (!found) return undefined;
    const { token, start } = found;
    const node = (type: JsonNode["type"], children: readonly JsonNode[]): JsonNode => ({
      ...{ path, key, start: from ?? start, end: at, valueStart: start, type, children },
    });
    if (token[0] === '"') return node("string", []);
    if (token !== "{" && token !== "[")
      return /[}\],:]/.test(token) ? undefined : node("other", []);
    const children: JsonNode[] = [];
    const close = token === "{" ? "}" : "]";
    for (let i = 0; ; i++) {
      const before = at;
      const first = next();
      if (!first) return undefined;
      if (first.token === close && !children.length) break;
      let name = String(i);
      if (close === "}") {
        if (first.token[0] !== '"' || next()?.token !== ":") return undefined;
        name = unquoted(first.token);
      } else at = before;
      const key = close === "}" ? name : undefined;
      const child = value([...path, name], key, close === "}" ? first.start : undefined);
      if (!child) return undefined;
      children.push(child);
      const after = next()?.token;
      if (after === close) break;
      if (after !== ",") return undefined;
    }
    return node(close === "}" ? "object" : "array", children);
  };
  const root = value([]);
  return root && text.slice(at).trim() === "" ? root : undefined;
}

function unquoted(token: string): string {
  try {
    return JSON.parse(token) as string;
  } catch {
    return token.slice(1, -1);
  }
}

/** A number that JavaScript cannot hold as it travelled. */
export class Exact {
  constructor(readonly text: string) {}

  toString(): string {
    return this.text;
  }

  /** For comparing only: it is no JSON number. */
  toJSON(): string {
    return `\0${this.text}`;
  }
}

const SUSPECT = /[-+.\deE]{16}|\d[eE]/;

/**
 * The value of a text, its numbers as they travelled: beyond 2^53 JavaScript has others.
 *
 * @param all whether also what is equal but spelled otherwise, as 1.0, is kept as it is.
 */
export function exactly(text: string, all = false): unknown {
  const value: unknown = JSON.parse(text);
  const root = all || SUSPECT.test(text) ? parseTree(text) : undefined;
  return root ? worth(text, root, all) : value;
}

function worth(text: string, node: JsonNode, all: boolean): unknown {
  if (node.type === "array") return node.children.map((child) => worth(text, child, all));
  if (node.type === "object") {
    return Object.fromEntries(
      node.children.map((child) => [child.path.at(-1), worth(text, child, all)]),
    );
  }
  const source = text.slice(node.valueStart, node.end);
  const value: unknown = JSON.parse(source);
  if (typeof value !== "number") return value;
  const same = all ? String(value) === source : digits(String(value)) === digits(source);
  return same ? value : new Exact(source);
}

/** The digits that count, without sign, point, exponent and zeros at the ends. */
const digits = (number: string): string =>
  number
    .replace(/e.*/i, "")
    .replace(/\D/g, "")
    .replace(/^0+|0+$/g, "");

/** A value as JSON in one line, its numbers as they travelled. */
export function written(value: unknown): string {
  if (value instanceof Exact) return value.text;
  if (Array.isArray(value)) return `[${value.map(written).join(",")}]`;
  if (typeof value !== "object" || value === null) return JSON.stringify(value) ?? "null";
  const members = Object.entries(value).filter(([, one]) => one !== undefined);
  return `{${members.map(([name, one]) => `${JSON.stringify(name)}:${written(one)}`).join(",")}}`;
}

/** A text of JSON in lines, nothing in it changed but blanks; other text as it is. */
export function pretty(text: string): string {
  const root = parseTree(text);
  return root ? prettyNode(text, root, "\n") : text;
}

export function prettyNode(text: string, node: JsonNode, end: string): string {
  const key = node.key === undefined ? "" : `${JSON.stringify(node.key)}: `;
  if (!node.children.length) return key + text.slice(node.valueStart, node.end);
  const inside = node.children.map((child) => prettyNode(text, child, `${end}  `));
  const [open, close] = node.type === "array" ? "[]" : "{}";
  return `${key}${open}${end}  ${inside.join(`,${end}  `)}${end}${close}`;
}

/** The node a path leads to, or the nearest above it. */
export function nodeAt(root: JsonNode, path: readonly string[]): JsonNode {
  let node = root;
  for (const name of path) {
    const child = node.children.find((one) => one.path[one.path.length - 1] === name);
    if (!child) break;
    node = child;
  }
  return node;
}

/** The deepest node at a place of the text. */
export function nodeOver(root: JsonNode, place: number): JsonNode {
  let node = root;
  for (;;) {
    const child = node.children.find((one) => one.start <= place && place < one.end);
    if (!child) return node;
    node = child;
  }
}
