/** Where things stand in the picture: lanes and arrows, as numbers only. */

import type { Exchange } from "./exchange.js";
import type { Row, Session } from "./store.js";

export const ROW = 36;
/** Where in its row the arrow lies. */
export const ARROW_Y = 27;
export const MIN_GAP = 84;
/** From the edge to the first lane. */
const EDGE = 66;
const SERVES = new Set(["endpoint", "child", "remote"]);
export const LEFT = 92;
export const RIGHT = 132;

export interface Lane {
  readonly id: string;
  readonly kind: "you" | "connection" | "endpoint" | "child" | "remote" | "tools";
  readonly title: string;
  readonly under: string;
  readonly badge: "" | "modern" | "legacy";
  readonly revision: string;
  readonly tools: readonly string[];
  readonly open: boolean;
  readonly x: number;
  /** How wide its head may be. */
  readonly room: number;
}

export interface Lanes {
  readonly lanes: readonly Lane[];
  readonly width: number;
  readonly at: ReadonlyMap<string, Lane>;
}

export const era = (revision: string): Lane["badge"] =>
  revision === "" ? "" : revision >= "2026" ? "modern" : "legacy";

const KIND_WORD: Readonly<Record<string, string>> = {
  stdio: "a child process",
  bridge: "a child process",
};

/** The two lanes of a session: its client's and its server's. */
export const clientLane = (session: Session): string =>
  session.vantage === "client" ? `c ${session.key}` : "elsewhere";
export const serverLane = (session: Session): string =>
  session.vantage !== "client"
    ? `s ${session.conn}`
    : session.peer
      ? `s ${session.peer}`
      : `r ${session.key}`;

/**
 * Lay out the lanes of some sessions: you, then each endpoint with its connections before it,
 * so that most arrows go from one lane to the next.
 */
export function layOut(sessions: Iterable<Session>, space: number, learn = false): Lanes {
  const all = [...sessions];
  const servers = new Map<string, Session[]>();
  for (const session of all) {
    const id = serverLane(session);
    servers.set(id, [...(servers.get(id) ?? []), session]);
  }
  const lanes: Omit<Lane, "x" | "room">[] = [];
  const none = { badge: "", revision: "", tools: [] as string[], open: true } as const;
  const narrow = space < 420;
  if (!narrow && all.some((session) => session.vantage === "client")) {
    lanes.push({ id: "you", kind: "you", title: "you", under: "the notebook", ...none });
  }
  if (all.some((session) => session.vantage !== "client")) {
    lanes.push({ id: "elsewhere", kind: "remote", title: "a client", under: "outside", ...none });
  }
  for (const [id, group] of servers) {
    for (const session of group.filter((one) => one.vantage === "client")) {
      const { conn, transport, revision, open } = session;
      const badge = era(revision);
      const own = { title: conn, under: transport, badge, revision, tools: [], open: open > 0 };
      lanes.push({ id: clientLane(session), kind: "connection", ...own });
    }
    const first = group[0]!;
    const tools = [...new Set(group.flatMap((session) => [...session.tools]))];
    const inKernel = id.startsWith("s ");
    const child = first.transport in KIND_WORD && !inKernel;
    const kind = inKernel ? "endpoint" : child ? "child" : "remote";
    const title = inKernel ? id.slice(2) : child ? first.address || first.conn : first.conn;
    const under = inKernel ? "endpoint" : (KIND_WORD[first.transport] ?? "a server elsewhere");
    const open = group.some((session) => session.open > 0);
    lanes.push({
      id,
      kind,
      title,
      under,
      badge: "",
      revision: "",
      tools: learn ? [] : tools,
      open,
    });
    if (learn)
      lanes.push({
        id: "tools",
        kind: "tools",
        title: "tool",
        under: "your function",
        ...none,
        tools,
      });
  }
  // most room goes to where arrows run: from the last connection of an endpoint to it
  const shares = lanes.map(({ kind }, i): number => {
    const next = lanes[i + 1]?.kind;
    if (!next) return 0;
    if (SERVES.has(next) && !SERVES.has(kind)) return 2.6;
    return kind === "you" || next === "tools" ? 1 : 1.25;
  });
  const edge = narrow ? 46 : EDGE;
  const edges = 2 * edge;
  const whole = shares.reduce((sum, share) => sum + share, 0) || 1;
  const unit = Math.max(narrow ? 64 : MIN_GAP, (space - edges) / whole);
  const width = Math.max(Math.round(unit * whole + edges), Math.min(space, 400));
  let x = lanes.length === 1 ? width / 2 : edge;
  const placed = lanes.map((lane, i) => {
    const left = i ? unit * shares[i - 1]! : edges;
    const right = i + 1 < lanes.length ? unit * shares[i]! : edges;
    const made = { ...lane, x: Math.round(x), room: Math.round(Math.min(left, right)) };
    x += right;
    return made;
  });
  return { lanes: placed, width, at: new Map(placed.map((one) => [one.id, one])) };
}

export type Shape = "solid" | "dashed" | "dotted";
export type Head = "arrow" | "open" | "cross" | "diamond" | "circle" | "square";

/** What is drawn for a row. A lone mark has `x1` = `x2`. */
export interface Arrow {
  readonly x1: number;
  readonly x2: number;
  readonly shape: Shape;
  readonly head: Head | "note" | "bolt" | "plus" | "minus";
  /** Where the call came from, or the answer goes to: beyond the connection, and the endpoint. */
  readonly you: number | undefined;
  readonly tool: number | undefined;
}

const YOURS = new Set([
  "tools/call",
  "tools/list",
  "resources/read",
  "prompts/get",
  "completion/complete",
]);

export function arrowOf(row: Row, lanes: Lanes): Arrow | undefined {
  const client = lanes.at.get(clientLane(row.session));
  const server = lanes.at.get(serverLane(row.session));
  if (!client || !server) return undefined;
  const lone = (x: number, head: Arrow["head"]): Arrow => ({
    ...{ x1: x, x2: x, shape: "dotted", head, you: undefined, tool: undefined },
  });
  switch (row.kind) {
    case "stderr":
      return lone(server.x, "note");
    case "fault":
      return lone((client.x + server.x) / 2, "bolt");
    case "opened":
    case "closed":
      return { ...lone(0, row.kind === "opened" ? "plus" : "minus"), x1: client.x, x2: server.x };
  }
  const [x1, x2] = row.direction === "c2s" ? [client.x, server.x] : [server.x, client.x];
  const method = row.exchanges[0]?.method ?? row.method;
  const asked = row.exchanges[0]?.request.direction !== "s2c";
  const main = row.kind === "request" || row.kind === "response" || row.kind === "error";
  const yours = main && asked && YOURS.has(method) && row.session.vantage === "client";
  const tools = main && asked && method === "tools/call" ? lanes.at.get("tools")?.x : undefined;
  const you = yours ? lanes.at.get("you")?.x : undefined;
  return { x1, x2, shape: shapeOf(row), head: headOf(row), you, tool: tools };
}

const shapeOf = (row: Row): Shape =>
  row.kind === "request"
    ? "solid"
    : row.kind === "response" || row.kind === "error"
      ? "dashed"
      : "dotted";

function headOf(row: Row): Head {
  if (row.kind === "error" || row.kind === "invalid") return "cross";
  if (row.kind === "request") return "arrow";
  if (row.kind === "response") return row.failed ? "diamond" : "open";
  return row.kind === "chunk" ? "square" : "circle";
}

/** The time a request was open, as a bar on the lane of whoever answers. */
export interface Bar {
  readonly exchange: Exchange;
  readonly lane: string;
  readonly top: number;
  /** `undefined`: it is still open. */
  readonly bottom: number | undefined;
  readonly slot: number;
}

/** The bars that touch some rows; `placeOf` tells where a row stands, or -1. */
export function barsOf(rows: readonly Row[], placeOf: (row: Row) => number): Bar[] {
  const seen = new Set<Exchange>();
  const bars: Bar[] = [];
  const ends: Record<string, number[]> = {};
  for (const row of rows) {
    for (const exchange of row.exchanges) {
      if (seen.has(exchange)) continue;
      seen.add(exchange);
      const top = placeOf(exchange.request);
      const answer = exchange.answers[0];
      const bottom = answer && placeOf(answer);
      if (top < 0 || (bottom !== undefined && bottom < 0)) continue;
      const { session, direction } = exchange.request;
      const lane = direction === "c2s" ? serverLane(session) : clientLane(session);
      const slots = (ends[lane] ??= []);
      let slot = slots.findIndex((end) => end < top);
      if (slot < 0) slot = slots.length;
      slots[slot] = bottom ?? Infinity;
      bars.push({ exchange, lane, top, bottom, slot: Math.min(slot, 3) });
    }
  }
  return bars;
}

/** The rows that are in sight, with some beyond, of `count` rows. */
export function inSight(
  scrollTop: number,
  height: number,
  count: number,
  rowHeight = ROW,
  beyond = 6,
): readonly [from: number, to: number] {
  const from = Math.max(0, Math.floor(scrollTop / rowHeight) - beyond);
  const to = Math.min(count, Math.ceil((scrollTop + height) / rowHeight) + beyond);
  return [Math.min(from, count), Math.max(to, Math.min(from, count))];
}
