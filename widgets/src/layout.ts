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
  readonly kind: "you" | "connection" | "relay" | "endpoint" | "child" | "remote" | "tools";
  readonly title: string;
  readonly under: string;
  readonly badge: "" | "modern" | "legacy";
  readonly revision: string;
  readonly tools: readonly string[];
  readonly open: boolean;
  /** The session whose handshakes can be folded here; empty: there are none. */
  readonly shakes: string;
  readonly x: number;
  /** How wide its head may be. */
  readonly room: number;
}

/** Between whom a session's messages travel; a relay stands between the two. */
export interface Ends {
  readonly client: Lane;
  readonly server: Lane;
  readonly relay: Lane | undefined;
}

export interface Lanes {
  readonly lanes: readonly Lane[];
  readonly width: number;
  readonly tool: Lane | undefined;
  readonly you: Lane | undefined;
  readonly ends: ReadonlyMap<string, Ends>;
}

export const era = (revision: string): Lane["badge"] =>
  revision === "" ? "" : revision >= "2026" ? "modern" : "legacy";

const KIND_WORD: Readonly<Record<string, string>> = {
  stdio: "a child process",
  bridge: "a child process",
};

/** The lanes of a session; a relay serves the connection of its name. */
function lanesOf(session: Session, clients: ReadonlyMap<string, Session>): [string, string] {
  const { vantage, key, conn, peer } = session;
  const client = vantage === "relay" ? clients.get(conn) : undefined;
  if (client) return lanesOf(client, clients);
  if (vantage === "client") return [`c ${key}`, peer ? `s ${peer}` : `r ${key}`];
  return ["elsewhere", vantage === "server" ? `s ${conn}` : `r ${key}`];
}

/**
 * Lay out the lanes of some sessions: you, then each endpoint with its connections before it,
 * so that most arrows go from one lane to the next.
 */
export function layOut(sessions: Iterable<Session>, space: number, learn = false): Lanes {
  const all = [...sessions];
  const of = (vantage: string, some = all): Session[] =>
    some.filter((one) => one.vantage === vantage);
  const clients = new Map(of("client").map((one) => [one.conn, one]));
  const ends = new Map(all.map((one) => [one.key, lanesOf(one, clients)] as const));
  const servers = new Map<string, Session[]>();
  for (const session of all) {
    const id = ends.get(session.key)![1];
    servers.set(id, [...(servers.get(id) ?? []), session]);
  }
  const lanes: Omit<Lane, "x" | "room">[] = [];
  const lane = (id: string, kind: Lane["kind"], title: string, under: string, more = {}): void => {
    const none = { badge: "", revision: "", tools: [], open: true, shakes: "" } as const;
    lanes.push({ id, kind, title, under, ...none, ...more });
  };
  const narrow = space < 420;
  if (!narrow && clients.size) lane("you", "you", "you", "the notebook");
  if ([...ends.values()].some(([client]) => client === "elsewhere"))
    lane("elsewhere", "remote", "a client", "outside");
  for (const [id, group] of servers) {
    for (const { key, conn, transport, revision, open, shakes } of of("client", group)) {
      const own = { badge: era(revision), revision, open: open > 0, shakes: shakes ? key : "" };
      lane(`c ${key}`, "connection", conn, transport, own);
    }
    for (const { key, conn } of of("relay", group)) lane(`x ${key}`, "relay", conn, "relay");
    const first = group[0]!;
    const inKernel = id.startsWith("s ");
    const child = first.transport in KIND_WORD && !inKernel;
    const tools = [...new Set(group.flatMap((one) => [...one.tools]))];
    const title = inKernel ? id.slice(2) : (child && first.address) || first.conn;
    const under = inKernel ? "endpoint" : (KIND_WORD[first.transport] ?? "a server elsewhere");
    lane(id, inKernel ? "endpoint" : child ? "child" : "remote", title, under, {
      tools: learn ? [] : tools,
      open: group.some((session) => session.open > 0),
      shakes: of("server", group).find((one) => one.shakes)?.key ?? "",
    });
    if (learn) lane("tools", "tools", "tool", "your function", { tools });
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
  const at = new Map(placed.map((one) => [one.id, one]));
  const placedEnds = [...ends].map(([key, [client, server]]) => {
    const both = { client: at.get(client)!, server: at.get(server)! };
    return [key, { ...both, relay: at.get(`x ${key}`) }] as const;
  });
  const [tool, you] = [at.get("tools"), at.get("you")];
  return { lanes: placed, width, tool, you, ends: new Map(placedEnds) };
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
  const ends = lanes.ends.get(row.session.key);
  if (!ends) return undefined;
  const { client, server, relay } = ends;
  const lone = (x: number, head: Arrow["head"]): Arrow => ({
    ...{ x1: x, x2: x, shape: "dotted", head, you: undefined, tool: undefined },
  });
  switch (row.kind) {
    case "stderr":
      return lone((relay ?? server).x, "note");
    case "fault":
      return lone(relay?.x ?? (client.x + server.x) / 2, "bolt");
    case "opened":
    case "closed":
      return { ...lone(0, row.kind === "opened" ? "plus" : "minus"), x1: client.x, x2: server.x };
  }
  // a relay passes on what came to it
  const [from, to] = row.direction === "c2s" ? [client, server] : [server, client];
  const [x1, x2] = [(relay ?? from).x, to.x];
  const method = row.exchanges[0]?.method ?? row.method;
  const asked = row.exchanges[0]?.request.direction !== "s2c";
  const main = row.kind === "request" || row.kind === "response" || row.kind === "error";
  const yours = main && asked && YOURS.has(method) && row.session.vantage === "client";
  const tools = main && asked && method === "tools/call" ? lanes.tool?.x : undefined;
  const you = yours ? lanes.you?.x : undefined;
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
  readonly lane: Lane;
  readonly top: number;
  /** `undefined`: it is still open. */
  readonly bottom: number | undefined;
  readonly slot: number;
}

/** The bars that touch some rows; `placeOf` tells where a row stands, or -1. */
export function barsOf(rows: readonly Row[], placeOf: (row: Row) => number, lanes: Lanes): Bar[] {
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
      const lane = lanes.ends.get(session.key)?.[direction === "c2s" ? "server" : "client"];
      if (!lane) continue;
      const slots = (ends[lane.id] ??= []);
      let slot = slots.findIndex((end) => end < top);
      if (slot < 0) slot = slots.length;
      slots[slot] = bottom ?? Infinity;
      bars.push({ exchange, lane, top, bottom, slot: Math.min(slot, 3) });
    }
  }
  return bars;
}

/** The rounds of a question and answer game: one call, asked again with the answers. */
export interface Bracket {
  readonly lane: Lane;
  readonly rounds: number;
  readonly top: number;
  readonly bottom: number;
}

/** The brackets round what belongs to some rows; `at` gives a row by its number. */
export function bracketsOf(
  rows: readonly Row[],
  at: (seq: number) => Row | undefined,
  placeOf: (row: Row) => number,
  lanes: Lanes,
): Bracket[] {
  const seen = new Set<readonly number[]>();
  const found: Bracket[] = [];
  for (const { rounds, request } of rows.flatMap((row) => row.exchanges)) {
    const lane = lanes.ends.get(request.session.key)?.client;
    if (rounds.length < 2 || seen.has(rounds) || !lane) continue;
    seen.add(rounds);
    const places = rounds
      .flatMap((seq) => at(seq)?.exchanges.filter((one) => one.rounds === rounds) ?? [])
      .flatMap((one) => [one.request, ...one.answers].map(placeOf))
      .filter((place) => place >= 0);
    if (places.length < 2) continue;
    const [top, bottom] = [Math.min(...places), Math.max(...places)];
    found.push({ lane, rounds: rounds.length, top, bottom });
  }
  return found;
}

/** The rows that are in sight, with some beyond, of `count` rows. */
export function inSight(
  scrollTop: number,
  height: number,
  count: number,
  rowHeight = ROW,
  beyond = 3,
): readonly [from: number, to: number] {
  const from = Math.max(0, Math.floor(scrollTop / rowHeight) - beyond);
  const to = Math.min(count, Math.ceil((scrollTop + height) / rowHeight) + beyond);
  return [Math.min(from, count), Math.max(to, Math.min(from, count))];
}
