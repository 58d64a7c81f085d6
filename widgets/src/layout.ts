/** Where things stand in the picture: lanes and arrows, as numbers only. */

import type { Exchange } from "./exchange.js";
import type { Lane, Lanes } from "./lanes.js";
import type { Row } from "./store.js";

export const ROW = 36;
/** Where in its row the arrow lies. */
export const ARROW_Y = 27;

/** How far from its lane a mark stands that is of no single lane. */
const BESIDE = 12;

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
      // beside a lane, so that what is said of it has room to its right
      return lone(relay?.x ?? Math.min(client.x, server.x) + BESIDE, "bolt");
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
