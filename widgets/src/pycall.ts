/** The line of Python a message comes from, or comes to; the mirror of `show/pycall.py`. */

import { asks, asObj, type Envelope, type Obj } from "./envelope.js";
import { comesTo } from "./phrase.js";
import type { Direction } from "./protocol.js";

/** A piece of the line; `path` leads to the member of the message that it shows. */
export interface Piece {
  readonly text: string;
  readonly path?: readonly string[];
}

const KEYWORDS = new Set(
  (
    "False None True and as assert async await break class continue def del elif else except " +
    "finally for from global if import in is lambda nonlocal not or pass raise return try while " +
    "with yield"
  ).split(" "),
);

/** A JSON value as Python writes it. */
export function literal(value: unknown, depth = 0): string {
  if (value === null || value === undefined) return "None";
  if (value === true) return "True";
  if (value === false) return "False";
  if (typeof value !== "object") return JSON.stringify(value);
  if (depth > 40) return "...";
  if (Array.isArray(value)) return `[${value.map((one) => literal(one, depth + 1)).join(", ")}]`;
  const members = Object.entries(value as Obj);
  return `{${members.map(([k, v]) => `${JSON.stringify(k)}: ${literal(v, depth + 1)}`).join(", ")}}`;
}

const piece = (value: unknown, ...path: string[]): Piece => ({ text: literal(value), path });

function named(given: Obj): Piece[] {
  return Object.entries(given).flatMap(([key, value]) => [
    { text: ", " },
    { text: `${key}=${literal(value)}`, path: ["params", "arguments", key] },
  ]);
}

function call(params: Obj): Piece[] {
  const given = asObj(params.arguments) ?? {};
  const name = piece(params.name, "params", "name");
  const plain = Object.keys(given).every(
    (key) => /^[\p{L}_][\p{L}\p{N}_]*$/u.test(key) && !KEYWORDS.has(key),
  );
  if (plain) return [{ text: "conn.call(" }, name, ...named(given), { text: ")" }];
  const all = piece(given, "params", "arguments");
  return [{ text: "conn.start(" }, name, { text: ", " }, all, { text: ").result()" }];
}

const of = (before: string, after: string, ...inside: Piece[]): Piece[] => [
  { text: before },
  ...inside.flatMap((one, i) => (i ? [{ text: ", " }, one] : [one])),
  { text: after },
];
const fixed = (text: string) => (): Piece[] => [{ text }];

const REQUESTS: Readonly<Record<string, (params: Obj) => Piece[]>> = {
  initialize: fixed('workbench.connect(..., era="legacy")  # the first thing it sends'),
  "server/discover": fixed('workbench.connect(..., era="modern")  # the first thing it sends'),
  "notifications/initialized": fixed("workbench.connect(...)  # the end of the handshake"),
  "notifications/cancelled": fixed("call.cancel()  # or the Interrupt button"),
  "tools/list": fixed("conn.tools()"),
  "tools/call": call,
  "resources/list": fixed("conn.resources()"),
  "resources/templates/list": fixed("conn.resources()"),
  "resources/read": (p) => of("conn.read(", ")", piece(p.uri, "params", "uri")),
  "resources/subscribe": (p) => of("conn.listen(", ")", piece(p.uri, "params", "uri")),
  "prompts/list": fixed("conn.prompts()"),
  "prompts/get": (p) =>
    of(
      "conn.prompt(",
      ")",
      piece(p.name, "params", "name"),
      ...named(asObj(p.arguments) ?? {}).filter((one) => one.path),
    ),
  "completion/complete": (p) => {
    const [ref, argument] = [asObj(p.ref) ?? {}, asObj(p.argument) ?? {}];
    return of(
      "conn.complete(",
      ")",
      piece(ref.uri || ref.name, "params", "ref"),
      piece(argument.name, "params", "argument", "name"),
      piece(argument.value, "params", "argument", "value"),
    );
  },
  "subscriptions/listen": (p) => {
    const uris = asObj(p.notifications)?.resourceSubscriptions;
    return of("conn.listen(", ")", ...(Array.isArray(uris) ? uris.map((uri) => piece(uri)) : []));
  },
};

const SERVER_SAYS: Readonly<Record<string, (params: Obj) => Piece[]>> = {
  "notifications/progress": (p) =>
    of(
      "await ctx.report_progress(",
      ")  # in the tool",
      ...["progress", "total", "message"]
        .filter((k) => k in p)
        .map((k) => piece(p[k], "params", k)),
    ),
  "notifications/message": (p) =>
    of("await ctx.log(", ")", piece(p.level, "params", "level"), piece(p.data, "params", "data")),
  "elicitation/create": (p) =>
    of("await ctx.elicit(", ", ...)  # in the tool", piece(p.message, "params", "message")),
  "sampling/createMessage": fixed("await ctx.session.create_message(...)  # in the tool"),
  "roots/list": fixed("await ctx.session.list_roots()  # in the tool"),
};

/** What stands in Python where a message stands on the wire; `asked`: of an answer, its request. */
export function pythonCall(one: Envelope, direction: Direction, asked?: Envelope): Piece[] {
  if (one.kind === "invalid") {
    return [{ text: 'conn.send(b"...")  # not JSON-RPC: only raw bytes can say this' }];
  }
  if (one.kind === "request" || one.kind === "notification") {
    const says = direction === "c2s" ? REQUESTS : SERVER_SAYS;
    const method = one.method ?? "";
    if (Object.hasOwn(says, method)) return says[method]!(one.params ?? {});
    if (direction === "s2c" && method.endsWith("/list_changed")) {
      return [{ text: `# the server's ${method.split("/")[1]} changed; conn.listen() hears it` }];
    }
    return [{ text: `conn.send(...)  # ${method} has no method of its own` }];
  }
  return came(one, asked);
}

function came(one: Envelope, asked?: Envelope): Piece[] {
  const method = asked?.method ?? "";
  const known = Object.hasOwn(REQUESTS, method);
  const called: Piece[] = known
    ? REQUESTS[method]!(asked?.params ?? {}).map(({ text }) => ({ text }))
    : [{ text: asked ? `the answer to ${method}` : "the answer" }];
  if (one.kind === "error") {
    const code = { text: literal(one.error?.code), path: ["error", "code"] };
    const text = { text: String(one.error?.message ?? ""), path: ["error", "message"] };
    return [...called, { text: "  # raises CallError " }, code, { text: ": " }, text];
  }
  const { result } = one;
  if (!result) return called;
  if (asks(one)) {
    return [...called, { text: "  # the server asks; the call is sent again with the answer" }];
  }
  if (method !== "tools/call") return called;
  const path =
    result.structuredContent === undefined || result.isError ? "content" : "structuredContent";
  const value = { text: literal(comesTo(result)), path: ["result", path] };
  return [
    ...called,
    { text: result.isError === true ? ".is_error  # True: " : ".value  # " },
    value,
  ];
}

/** The same as one `%mcp` line, where there is one. */
export function magicLine(one: Envelope, conn: string): string | undefined {
  const on = /^[\w.-]+$/.test(conn) ? ` --on ${conn}` : "";
  const params = one.params ?? {};
  if (one.kind !== "request") return undefined;
  switch (one.method) {
    case "tools/call": {
      const given = asObj(params.arguments) ?? {};
      const plain = Object.keys(given).every(
        (key) => /^[A-Za-z_]\w*$/.test(key) && !KEYWORDS.has(key),
      );
      if (!plain || !/^[A-Za-z_]\w*$/.test(String(params.name))) {
        return `%%mcp call ${literal(params.name)}${on}\n${JSON.stringify(given, null, 2)}`;
      }
      const inside = Object.entries(given).map(([k, v]) => `${k}=${literal(v)}`);
      return `%mcp call ${params.name}(${inside.join(", ")})${on}`;
    }
    case "tools/list":
    case "resources/list":
    case "prompts/list":
      return `%mcp ${one.method.split("/")[0]}${on}`;
    case "resources/read":
      return `%mcp read ${literal(params.uri)}${on}`;
    case "prompts/get": {
      const given = Object.entries(asObj(params.arguments) ?? {});
      return `%mcp prompt ${[params.name, ...given.map(([k, v]) => `${k}=${literal(v)}`)].join(" ")}${on}`;
    }
  }
  return undefined;
}
