/** The line of Python a message comes from, or comes to; the mirror of `show/pycall.py`. */

import { asks, asObj, type Envelope, type Obj } from "./envelope.js";
import { Exact } from "./jsontree.js";
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
  if (value instanceof Exact) return value.text;
  if (typeof value !== "object") return JSON.stringify(value);
  if (depth > 40) return "...";
  if (Array.isArray(value)) return `[${value.map((one) => literal(one, depth + 1)).join(", ")}]`;
  const members = Object.entries(value as Obj);
  return `{${members.map(([k, v]) => `${JSON.stringify(k)}: ${literal(v, depth + 1)}`).join(", ")}}`;
}

const piece = (value: unknown, ...path: string[]): Piece => ({ text: literal(value), path });

/** Whether every name can stand before the `=` of a Python call. */
export const isNamed = (given: Obj): boolean =>
  Object.keys(given).every(
    (key) => /^[\p{L}_][\p{L}\p{N}_]*$/u.test(key) && !KEYWORDS.has(key) && key !== "__debug__",
  );

function named(given: Obj): Piece[] {
  if (!isNamed(given)) return [{ text: ", **" }, piece(given, "params", "arguments")];
  return Object.entries(given).flatMap(([key, value]) => [
    { text: ", " },
    { text: `${key}=${literal(value)}`, path: ["params", "arguments", key] },
  ]);
}

function call(params: Obj): Piece[] {
  const given = asObj(params.arguments) ?? {};
  const name = piece(params.name, "params", "name");
  if (isNamed(given)) return [{ text: "conn.call(" }, name, ...named(given), { text: ")" }];
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
  "prompts/get": (p) => [
    { text: "conn.prompt(" },
    piece(p.name, "params", "name"),
    ...named(asObj(p.arguments) ?? {}),
    { text: ")" },
  ],
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
