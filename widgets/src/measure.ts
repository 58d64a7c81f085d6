/** What a call cost: messages, bytes, round trips, times. */

import { latin1 } from "./bytes.js";
import { bytesOf, type Framing } from "./decode/framing.js";
import type { Span, Unit } from "./decode/unit.js";
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
  const ranges = rangesOf(rows, begin, framing);
  const bytes = ranges.reduce((sum, { span }) => sum + span[1] - span[0], 0);
  const first = firstAnswerNs(ranges, begin);
  let roundTrips = 0;
  let before = "s2c";
  for (const { direction } of [...ranges].sort((x, y) => x.chunk - y.chunk)) {
    if (before === "c2s" && direction === "s2c") roundTrips++;
    before = direction;
  }
  const known = ranges.length > 0;
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

interface Range {
  readonly link: Row["link"];
  readonly direction: string;
  readonly span: Span;
  readonly chunk: number;
}

/** The bytes that carried some messages: heads before, ends behind, and answers without any. */
function rangesOf(rows: readonly Row[], begin: number, framing: Framing): Range[] {
  const found = new Map<string, Range>();
  const add = (link: Row["link"], unit: Unit, end = 0): void => {
    const { direction, span, chunk } = unit;
    const range = { link, direction, span: [span[0], span[1] + end] as const, chunk };
    found.set(`${link.key} ${direction} ${span[0]}`, range);
  };
  for (const row of rows) {
    const place = framing.locate(row);
    if (!place) continue;
    const { units, head, link } = place;
    for (const unit of units) add(link, unit, head ? endOf(link, unit) : 0);
    // a stream that was open before has its head for all that it carries
    if (head && head.timeNs >= begin) add(link, head);
    if (head && row.direction === "c2s") {
      const all = framing.of(link).units.filter((unit) => unit.layer === "http-head");
      const nth = all.filter((unit) => unit.direction === "c2s").indexOf(head);
      const answer = all.filter((unit) => unit.direction === "s2c")[nth];
      if (answer) add(link, answer, endOf(link, answer, true));
    }
  }
  return [...found.values()];
}

/** The end of a body in chunks, or of an event, belongs to what it ends. */
function endOf(link: Row["link"], unit: Unit, whole = false): number {
  const end = unit.span[1];
  const after = latin1(bytesOf(link, unit.direction, [end, end + 16]));
  return (
    /^(?:[\r\n]+(?:0\r\n\r\n)?)/.exec(whole && !after.startsWith("0\r\n") ? "" : after)?.[0]
      .length ?? 0
  );
}

function firstAnswerNs(ranges: readonly Range[], begin: number): number | undefined {
  let first: number | undefined;
  for (const { link, direction, span } of ranges) {
    if (direction !== "s2c") continue;
    for (const { event } of link.chunks) {
      if (event.kind !== "chunk" || event.direction !== direction || event.time_ns < begin)
        continue;
      if (event.offset >= span[1] || event.offset + event.size <= span[0]) continue;
      first = Math.min(first ?? event.time_ns, event.time_ns);
    }
  }
  return first === undefined ? undefined : first - begin;
}
