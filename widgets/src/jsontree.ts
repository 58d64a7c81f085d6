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
