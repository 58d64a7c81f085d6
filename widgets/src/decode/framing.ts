/** How the bytes of a link are framed, and which bytes carried a message. */

import { concat, decode, toBytes, toText } from "../bytes.js";
import { exactly } from "../jsontree.js";
import type { Link, Row, Store } from "../store.js";
import { HttpFlow, REQUEST_START, type Shared } from "./http1.js";
import { LineFlow } from "./lines.js";
import { type Flow, meet, type Span, type Unit } from "./unit.js";

const LINES = new Set(["memory", "pipe", "stdio", "bridge", "unix", "tcp"]);
const HTTP = new Set(["http", "streamable-http", "http-json", "sse", "websocket", "ws"]);

/** Where a message lies in the bytes of its link. */
export interface Located {
  readonly link: Link;
  /** The units that carried it: the frames of a WebSocket message, else one. */
  readonly units: readonly Unit[];
  readonly spans: readonly Span[];
  /** The HTTP head that it came under, where there is one. */
  readonly head: Unit | undefined;
  /** The bytes of the message freed of framing, with where each of `spans` begins in them. */
  readonly body: Uint8Array;
}

/** The framing of one link, read as far as its chunks go. */
export class LinkFraming {
  readonly units: Unit[] = [];
  #flows: { c2s: Flow; s2c: Flow } | undefined;
  #seen = 0;
  #texts = new Map<string, Unit[]>();
  #indexed = 0;

  readonly version: number;

  constructor(readonly link: Link) {
    this.version = link.version;
  }

  update(closed: boolean): this {
    const { chunks } = this.link;
    let at = chunks.length;
    while (at > 0 && (chunks[at - 1]?.seq ?? 0) > this.#seen) at--;
    for (const row of chunks.slice(at)) this.#take(row);
    if (closed && this.#flows?.s2c instanceof HttpFlow) this.#flows.s2c.close();
    return this;
  }

  /** The units of a direction that carried a text. */
  carriers(direction: string, text: string): readonly Unit[] {
    for (; this.#indexed < this.units.length; this.#indexed++) {
      const unit = this.units[this.#indexed]!;
      if (!unit.body?.length || unit.layer === "tail") continue;
      const key = unit.direction + canonical(decode(unit.body));
      const known = this.#texts.get(key);
      if (known) known.push(unit);
      else this.#texts.set(key, [unit]);
    }
    return this.#texts.get(direction + text) ?? [];
  }

  /** What has not been read to its end, or could not be. */
  unread(): Unit[] {
    const flows = this.#flows ? [this.#flows.c2s, this.#flows.s2c] : [];
    return flows.flatMap((flow) => flow.finish() ?? []);
  }

  #take(row: Row): void {
    const { event } = row;
    this.#seen = row.seq;
    if (event.kind !== "chunk") return;
    const data = toBytes(event.data);
    if (!data.length) return;
    this.#flows ??= this.#open(event.transport, data);
    const { seq, time_ns: timeNs, offset, size } = event;
    this.#flows[event.direction].take({ seq, timeNs, offset, data, size });
  }

  #open(transport: string, first: Uint8Array): { c2s: Flow; s2c: Flow } {
    // a transport registered from a cell: either it speaks HTTP or it is lines
    const http =
      HTTP.has(transport) || (!LINES.has(transport) && REQUEST_START.test(decode(first)));
    if (!http)
      return { c2s: new LineFlow("c2s", this.units), s2c: new LineFlow("s2c", this.units) };
    const shared: Shared = { methods: [], upgraded: false };
    return {
      c2s: new HttpFlow("c2s", this.units, shared),
      s2c: new HttpFlow("s2c", this.units, shared),
    };
  }
}

/** The framing of every link, worked out when it is asked for. */
export class Framing {
  #links = new WeakMap<Link, LinkFraming>();

  constructor(readonly store: Store) {}

  of(link: Link): LinkFraming {
    let found = this.#links.get(link);
    // bytes that are others now are read from the beginning
    if (found?.version !== link.version) this.#links.set(link, (found = new LinkFraming(link)));
    return found.update(link.closed);
  }

  locate(row: Row): Located | undefined {
    const { event } = row;
    if (event.kind !== "message") return undefined;
    if (event.span) {
      const framing = this.of(row.link);
      const unit = framing.units.find(
        (one) =>
          one.direction === row.direction && one.bodySpans.some((span) => meet(span, event.span!)),
      );
      if (unit) return this.#located(framing, unit);
    }
    const others = [...this.store.links.values()].filter(
      (link) => link !== row.link && link.session === row.session && link.chunks.length,
    );
    const text = toText(event.raw);
    const cut = event.size > toBytes(event.raw).length;
    if (cut) return this.#byBeginning(row, toBytes(event.raw), event.size, [row.link, ...others]);
    return (
      this.#byText(row, canonical(text), [row.link]) ?? this.#byText(row, canonical(text), others)
    );
  }

  #byText(row: Row, text: string, links: readonly Link[]): Located | undefined {
    const carriers = links
      .map((link) => this.of(link))
      .flatMap((framing) =>
        framing.carriers(row.direction, text).map((unit) => ({ framing, unit })),
      )
      .sort((a, b) => a.unit.chunk - b.unit.chunk);
    if (!carriers.length) return undefined;
    const own = links.includes(row.link);
    const scope = own
      ? [row.link]
      : [...this.store.links.values()].filter((l) => l.session === row.session);
    const twins = scope
      .flatMap((link) => link.rows)
      .filter((one) => one.direction === row.direction && sameText(one, text));
    let nth = twins.filter((one) => one.seq < row.seq).length;
    // where the oldest chunks have left, the last unit belongs to the last message
    nth -= Math.max(0, twins.length - carriers.length);
    const found = carriers[nth];
    return found && this.#located(found.framing, found.unit);
  }

  #byBeginning(
    row: Row,
    raw: Uint8Array,
    size: number,
    links: readonly Link[],
  ): Located | undefined {
    for (const link of links) {
      const framing = this.of(link);
      for (const unit of framing.units) {
        const { body } = unit;
        if (unit.direction !== row.direction || body?.length !== size) continue;
        if (raw.every((byte, i) => body[i] === byte)) return this.#located(framing, unit);
      }
    }
    return undefined;
  }

  #located(framing: LinkFraming, carrier: Unit): Located {
    const units = [carrier];
    let head: Unit | undefined;
    const first = carrier.bodySpans[0]?.[0] ?? carrier.span[0];
    for (let at = framing.units.indexOf(carrier) - 1; at >= 0; at--) {
      const unit = framing.units[at]!;
      if (unit.direction !== carrier.direction) continue;
      if (carrier.layer === "ws-frame") {
        if (unit.span[1] <= first) break;
        if (carrier.bodySpans.some((span) => meet(unit.span, span))) units.unshift(unit);
      } else if (unit.layer === "http-head") {
        head = unit;
        break;
      }
    }
    if (carrier.layer === "line") head = undefined;
    const body = carrier.body ?? new Uint8Array();
    return { link: framing.link, units, spans: carrier.bodySpans, head, body };
  }
}

/** The bytes of a range of one direction of a link, `.` where they were not kept. */
export function bytesOf(link: Link, direction: string, [start, end]: Span): Uint8Array {
  const found = new Uint8Array(Math.max(0, Math.min(end - start, 1 << 22))).fill(46);
  for (const { event } of link.chunks) {
    if (event.kind !== "chunk" || event.direction !== direction) continue;
    if (event.offset >= end || event.offset + event.size <= start) continue;
    const data = toBytes(event.data);
    const from = Math.max(start, event.offset);
    const to = Math.min(end, event.offset + data.length, start + found.length);
    if (from < to) found.set(data.subarray(from - event.offset, to - event.offset), from - start);
  }
  return found;
}

/** Ranges of the message's own bytes, as ranges of its link's stream. */
export function inStream(spans: readonly Span[], [start, end]: Span): Span[] {
  const found: Span[] = [];
  let at = 0;
  for (const [low, high] of spans) {
    const from = Math.max(start, at);
    const to = Math.min(end, at + high - low);
    if (from < to) found.push([low + from - at, low + to - at]);
    at += high - low;
  }
  return found;
}

function sameText(row: Row, text: string): boolean {
  const { event } = row;
  return event.kind === "message" && canonical(toText(event.raw)) === text;
}

/** What two writings of one JSON value have in common. */
export function canonical(text: string): string {
  try {
    return JSON.stringify(exactly(text), (_, value: unknown) =>
      typeof value === "object" && value !== null && !Array.isArray(value)
        ? Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)))
        : value,
    );
  } catch {
    return text;
  }
}

export const bodyOf = (units: readonly Unit[]): Uint8Array =>
  concat(units.flatMap((u) => u.body ?? []));
