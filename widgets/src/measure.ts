/** What a call cost: messages, bytes, round trips, times. */

import { bytesOf, type Framing } from "./decode/framing.js";
import type { Exchange } from "./exchange.js";
import type { Row, Store } from "./store.js";

/** Of the rows between two places: how many, how long, how much. */
export interface Total {
  readonly messages: number;
  readonly bytes: number;
  readonly ns: number;
}

export function totalOf(rows: readonly Row[]): Total {
  let messages = 0;
  let bytes = 0;
  for (const { event } of rows) {
    if (event.kind === "message") messages++;
    if (event.kind === "message" || event.kind === "chunk") bytes += event.size;
  }
  const [first, last] = [rows[0], rows[rows.length - 1]];
  return { messages, bytes, ns: first && last ? last.event.time_ns - first.event.time_ns : 0 };
}

export interface Cost {
  readonly messages: number;
  readonly rounds: number;
  readonly roundTrips: number;
  readonly body: number;
  /** What travelled beside the messages; `undefined` where no bytes were recorded. */
  readonly framing: number | undefined;
  readonly firstByteNs: number | undefined;
  readonly resultNs: number | undefined;
}

/** What a call cost, all rounds of it taken together. */
export function costOf(exchange: Exchange, store: Store, framing: Framing): Cost {
  const games = exchange.rounds.flatMap(
    (seq) => store.at(seq)?.exchanges.filter((one) => one.rounds === exchange.rounds) ?? [],
  );
  const rows = [...new Set((games.length ? games : [exchange]).flatMap((one) => one.rows))];
  rows.sort((a, b) => a.seq - b.seq);
  const begin = exchange.request.event.time_ns;
  const last = games[games.length - 1]?.answers[0] ?? exchange.answers[0];
  const body = rows.reduce(
    (sum, { event }) => sum + (event.kind === "message" ? event.size : 0),
    0,
  );
  const chunks = chunksOf(rows, framing);
  let roundTrips = 0;
  let before = "s2c";
  let first: number | undefined;
  let bytes = 0;
  for (const { event, direction } of chunks) {
    if (event.kind !== "chunk") continue;
    bytes += event.size;
    if (before === "c2s" && direction === "s2c") roundTrips++;
    if (direction === "s2c") first ??= event.time_ns - begin;
    before = direction;
  }
  const known = chunks.length > 0;
  return {
    messages: rows.length,
    rounds: games.length || 1,
    roundTrips: known ? roundTrips : games.length || 1,
    body,
    framing: known ? Math.max(0, bytes - body) : undefined,
    firstByteNs: first,
    resultNs: last && last.event.time_ns - begin,
  };
}

/** The chunks that carried some messages, with the heads before and the ends behind them. */
function chunksOf(rows: readonly Row[], framing: Framing): Row[] {
  const ranges = new Map<
    string,
    { link: Row["link"]; direction: string; low: number; high: number }
  >();
  for (const row of rows) {
    const place = framing.locate(row);
    if (!place) continue;
    const { units, head, link } = place;
    const low = head?.span[0] ?? units[0]!.span[0];
    let high = units[units.length - 1]!.span[1];
    // the end of a body in chunks, or of an event, belongs to it
    const rest = new TextDecoder("latin1").decode(bytesOf(link, row.direction, [high, high + 16]));
    if (head) high += /^(?:[\r\n]+(?:0\r\n\r\n)?)/.exec(rest)?.[0].length ?? 0;
    const key = `${link.key} ${row.direction}`;
    const known = ranges.get(key);
    ranges.set(key, {
      ...{ link, direction: row.direction },
      low: Math.min(low, known?.low ?? low),
      high: Math.max(high, known?.high ?? high),
    });
  }
  const found: Row[] = [];
  for (const { link, direction, low, high } of ranges.values()) {
    for (const row of link.chunks) {
      const { event } = row;
      if (event.kind !== "chunk" || event.direction !== direction) continue;
      if (event.offset < high && event.offset + event.size > low) found.push(row);
    }
  }
  return found.sort((a, b) => a.seq - b.seq);
}
