/**
 * What the page knows: the events of a Trace as rows, bounded, with what each belongs to.
 *
 * `take` is the only way in. Rows keep the text of their event and forget what was parsed, so
 * that 100,000 of them stay small.
 */

import { type Envelope, type Id, type Kind, revision } from "./envelope.js";
import { envelopesIn, TOOLS, textOf, toolsIn, weight } from "./event.js";
import { type Exchange, Fold } from "./exchange.js";
import type { Direction, TraceEvent } from "./protocol.js";

/** One event, and what it means. */
export interface Row {
  readonly seq: number;
  event: TraceEvent;
  /** Of a message the kind of its (first) envelope, of any other event its own. */
  readonly kind: Kind | "chunk" | "stderr" | "fault" | "opened" | "closed";
  readonly direction: Direction;
  method: string;
  id: Id | undefined;
  readonly session: Session;
  readonly link: Link;
  exchanges: readonly Exchange[];
  /** The number of the first message of the handshake it belongs to; 0: to none. */
  handshake: number;
  failed: boolean;
}

/** One byte stream, seen from one vantage. */
export interface Link {
  readonly key: string;
  readonly session: Session;
  /** The number of its first event. */
  readonly first: number;
  /** Goes up when bytes that were known are others now. */
  version: number;
  readonly rows: Row[];
  chunks: Row[];
  closed: boolean;
  sign: string;
  /** Its other end is a link of a client that is here too: each message would show twice. */
  twin: Link | undefined;
}

/** The cell whose code sent a message, or the request that it belongs to. */
export function cellOf({ event, exchanges }: Row): string {
  for (const one of [event, ...exchanges.map(({ request }) => request.event)])
    if (one.kind === "message" && one.cell) return String(one.cell);
  return "";
}

/** Who talked to whom: a connection, or at a server's vantage an endpoint. */
export interface Session {
  readonly key: string;
  readonly conn: string;
  readonly vantage: TraceEvent["vantage"];
  readonly transport: string;
  revision: string;
  address: string;
  /** The endpoint at the other end, where it is in this kernel. */
  peer: string;
  readonly tools: Set<string>;
  /** Tools by name, as the last `tools/list` described them: the number of that answer. */
  listed: number;
  open: number;
  /** Whether it has handshakes of more than one message. */
  shakes: boolean;
  /** The number of the first message of the handshake that goes on; 0: none does. */
  handshake: number;
}

export interface Limits {
  readonly messages: number;
  readonly events: number;
  readonly bytes: number;
}
export const LIMITS: Limits = { messages: 100_000, events: 300_000, bytes: 64_000_000 };

/** What `take` changed beyond the rows it added. */
export interface Change {
  readonly added: readonly Row[];
  /** Rows whose event is another now: more of it is redacted. */
  readonly replaced: readonly Row[];
  /** Exchanges whose status is new, so that filters may judge their rows anew. */
  readonly turned: ReadonlySet<Exchange>;
  /** The first row from which on rows may now be twins, or were. */
  readonly retwinned: number | undefined;
  readonly removed: number;
}

export interface Handshake {
  readonly first: Row;
  readonly last: Row;
  /** How many messages it has, and how many of them failed. */
  readonly count: number;
  readonly failed: number;
}

const HANDSHAKE = new Set(["initialize", "server/discover", "notifications/initialized"]);

export class Store {
  readonly rows: Row[] = [];
  readonly sessions = new Map<string, Session>();
  readonly links = new Map<string, Link>();
  readonly handshakes = new Map<number, Handshake>();
  /** How many events left here to keep the bounds; the Trace's own are in `droppedBefore`. */
  dropped = 0;
  droppedBefore = 0;
  zeroNs = 0;
  messages = 0;
  /** How many of the messages a client here saw too. */
  twins = 0;
  #bytes = 0;
  #fold = new Fold();
  #waiting = new Map<string, { clients: Link[]; servers: Link[] }>();

  constructor(readonly limits: Limits = LIMITS) {}

  clear(): void {
    this.rows.length = 0;
    this.sessions.clear();
    this.links.clear();
    this.handshakes.clear();
    this.#waiting.clear();
    this.#fold = new Fold();
    this.dropped = this.droppedBefore = this.messages = this.twins = this.#bytes = 0;
  }

  get last(): number {
    return this.rows[this.rows.length - 1]?.seq ?? 0;
  }

  take(events: readonly TraceEvent[]): Change {
    const added: Row[] = [];
    const replaced: Row[] = [];
    const turned = new Set<Exchange>();
    let retwinned: number | undefined;
    for (const event of events) {
      if (event.seq <= this.last) {
        const known = this.at(event.seq);
        if (known && this.#replace(known, event)) replaced.push(known);
        continue;
      }
      const link = this.#link(event);
      const row = this.#row(event, link, turned);
      let server: Link | undefined;
      if (event.kind === "opened") {
        link.session.open++;
        link.session.address ||= event.address;
        const sign = event.transport === "stdio" ? "stdio" : `${event.transport} ${event.address}`;
        if (link.sign === "") server = this.#sign(link, sign);
      } else if (event.kind === "closed") {
        link.closed = true;
        link.session.open = Math.max(0, link.session.open - 1);
      } else if (link.sign === "") server = this.#sign(link, event.transport);
      if (server) retwinned = Math.min(retwinned ?? server.first, server.first);
      this.rows.push(row);
      added.push(row);
      this.#bytes += weight(event);
    }
    return { added, replaced, turned, retwinned, removed: this.#shed() };
  }

  at(seq: number): Row | undefined {
    const index = this.indexOf(seq);
    const row = this.rows[index];
    return row?.seq === seq ? row : undefined;
  }

  /** The place of the first row whose number is not smaller. */
  indexOf(seq: number): number {
    let low = 0;
    let high = this.rows.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.rows[middle]?.seq ?? 0) < seq) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  #row(event: TraceEvent, link: Link, turned: Set<Exchange>): Row {
    const session = link.session;
    if (event.kind !== "message") {
      const failed = event.kind === "fault";
      const direction = event.kind === "chunk" ? event.direction : "s2c";
      const row = plain(event, link, direction, event.kind);
      row.failed = failed;
      if (event.kind === "chunk") link.chunks.push(row);
      return row;
    }
    const envelopes = envelopesIn(event);
    const first = envelopes[0] as Envelope;
    const row = plain(event, link, event.direction, first.kind, first);
    this.messages++;
    if (link.twin) this.twins++;
    link.rows.push(row);
    const exchanges: Exchange[] = [];
    for (const one of envelopes) {
      this.#session(session, row, one);
      const found = this.#fold.add(row, one);
      if (!found) continue;
      exchanges.push(found.exchange);
      if (found.turned) turned.add(found.exchange);
      if (found.exchange.retryOf) turned.add(found.exchange.retryOf);
      row.failed ||= one.kind === "error" || one.result?.isError === true;
    }
    row.failed ||= first.kind === "invalid";
    row.exchanges = exchanges;
    const method = exchanges[0]?.method ?? row.method;
    const shakes = HANDSHAKE.has(method) || HANDSHAKE.has(row.method);
    session.handshake = shakes ? session.handshake || row.seq : 0;
    row.handshake = session.handshake;
    if (shakes) {
      const known = this.handshakes.get(row.handshake);
      session.shakes ||= known !== undefined;
      this.handshakes.set(row.handshake, {
        first: known?.first ?? row,
        last: row,
        count: (known?.count ?? 0) + 1,
        failed: (known?.failed ?? 0) + Number(row.failed),
      });
    }
    return row;
  }

  #session(session: Session, row: Row, one: Envelope): void {
    session.revision = revision(one) || session.revision;
    if (Array.isArray(one.result?.tools)) session.listed = row.seq;
    for (const name of toolsIn(one)) {
      if (session.tools.size < TOOLS || session.listed === row.seq) session.tools.add(name);
    }
  }

  /** Another writing of an event that is known. What it is stays; what it says is said anew. */
  #replace(row: Row, event: TraceEvent): boolean {
    const { event: old, session, link } = row;
    if (old.kind !== event.kind || textOf(old) === textOf(event)) return false;
    const before = envelopesOf(row);
    row.event = event;
    this.#bytes += weight(event) - weight(old);
    link.version++;
    if (old.kind === "opened" && event.kind === "opened" && session.address === old.address)
      session.address = event.address;
    for (const name of before.flatMap(toolsIn)) session.tools.delete(name);
    const now = envelopesOf(row);
    for (const one of now) this.#session(session, row, one);
    for (const exchange of row.exchanges) {
      if (exchange.request !== row) continue;
      const asked = now[before.findIndex(({ id }) => id === exchange.id)];
      exchange.name = asked?.name;
      exchange.method = asked?.method ?? exchange.method;
    }
    row.method = now[0]?.method ?? "";
    row.id = now[0]?.id;
    return true;
  }

  #link(event: TraceEvent): Link {
    const key = `${event.conn}\0${event.vantage}\0${event.link}`;
    let link = this.links.get(key);
    if (!link) {
      const session = this.#sessionOf(event);
      link = {
        key,
        session,
        first: event.seq,
        version: 0,
        rows: [],
        chunks: [],
        closed: false,
        sign: "",
        twin: undefined,
      };
      this.links.set(key, link);
    }
    return link;
  }

  #sessionOf(event: TraceEvent): Session {
    const { conn, vantage, transport } = event;
    const key = `${conn}\0${vantage}\0${transport}`;
    let session = this.sessions.get(key);
    if (!session) {
      session = {
        ...{ key, conn, vantage, transport, revision: "", address: "", peer: "" },
        ...{ tools: new Set<string>(), listed: 0, open: 0, shakes: false, handshake: 0 },
      };
      this.sessions.set(key, session);
    }
    return session;
  }

  /**
   * Find a link's other end: both ends of a TCP connection record the same address; for child
   * processes, which do not, the transport must do.
   */
  #sign(link: Link, sign: string): Link | undefined {
    link.sign = sign;
    const vantage = link.session.vantage;
    if (vantage === "relay") return undefined;
    let waiting = this.#waiting.get(sign);
    if (!waiting) this.#waiting.set(sign, (waiting = { clients: [], servers: [] }));
    const other = vantage === "client" ? waiting.servers.shift() : waiting.clients.shift();
    if (!other) {
      waiting[vantage === "client" ? "clients" : "servers"].push(link);
      return undefined;
    }
    const [client, server] = vantage === "client" ? [link, other] : [other, link];
    client.session.peer ||= server.session.conn;
    server.twin = client;
    this.twins += server.rows.length;
    return server;
  }

  #shed(): number {
    const { messages, events, bytes } = this.limits;
    let count = 0;
    const gone = new Map<Link, number>();
    while (
      this.rows.length - count > events ||
      this.messages > messages ||
      (this.#bytes > bytes && this.rows.length - count > 1)
    ) {
      const row = this.rows[count++];
      if (!row) break;
      this.#bytes -= weight(row.event);
      if (row.event.kind === "message") {
        this.messages--;
        if (row.link.twin) this.twins--;
        gone.set(row.link, (gone.get(row.link) ?? 0) + 1);
        for (const exchange of row.exchanges) {
          if (exchange.request === row) this.#fold.forget(exchange);
        }
      } else if (row.event.kind === "chunk") gone.set(row.link, gone.get(row.link) ?? 0);
    }
    if (!count) return 0;
    const last = this.rows[count - 1]?.seq ?? 0;
    // in blocks: to move what stays costs the same for one as for many
    this.rows.splice(0, count);
    for (const [link, messages] of gone) {
      link.rows.splice(0, messages);
      const stays = link.chunks.findIndex((row) => row.seq > last);
      link.chunks.splice(0, stays < 0 ? link.chunks.length : stays);
    }
    this.dropped += count;
    return count;
  }
}

function plain(
  event: TraceEvent,
  link: Link,
  direction: Direction,
  kind: Row["kind"],
  one?: Envelope,
): Row {
  return {
    seq: event.seq,
    event,
    kind,
    direction,
    method: one?.method ?? "",
    id: one?.id,
    session: link.session,
    link,
    exchanges: [],
    handshake: 0,
    failed: false,
  };
}

/** The text a row is searched in. */
export const wordsOf = ({ event }: Row): string => textOf(event);
export const envelopesOf = ({ event }: Row): readonly Envelope[] => envelopesIn(event);

/** The numbers of rows that were there before a change and say something else since. */
export function touched({ added, replaced, turned }: Change): Set<number> {
  const rows = [...replaced, ...[...turned].flatMap((one) => one.ends)];
  // the first row of a handshake says how many messages it has
  return new Set([...rows.map(({ seq }) => seq), ...added.map(({ handshake }) => handshake)]);
}
