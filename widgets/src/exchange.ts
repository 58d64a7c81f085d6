/**
 * Exchanges: each request with its progress, its answer and its time; the mirror of
 * `trace/exchange.py`, one message at a time.
 */

import { asks, type Envelope, type Id, isRetry, progressToken, subscription } from "./envelope.js";
import type { Direction } from "./protocol.js";
import type { Row } from "./store.js";

export type Status =
  | "answered"
  | "error"
  | "tool-error"
  | "input-required"
  | "cancelled"
  | "unanswered"
  | "late"
  | "duplicate";

export class Exchange {
  readonly answers: Row[] = [];
  readonly progress: Row[] = [];
  readonly related: Row[] = [];
  /** The numbers of the requests of the same question and answer game. */
  rounds: number[];
  retryOf: Exchange | undefined;
  retried = false;
  reused = false;
  cancelled: number | undefined;
  firstAnswer: Pick<Envelope, "kind"> & { asks: boolean; failed: boolean; state: unknown } =
    NO_ANSWER;

  constructor(
    readonly request: Row,
    readonly id: Id,
    public method: string,
    public name: string | undefined,
    /** Where the fold keeps it, so that it can be let go. */
    readonly keys: readonly string[],
  ) {
    this.rounds = [request.seq];
  }

  get seq(): number {
    return this.request.seq;
  }

  get tool(): string | undefined {
    return this.method === "tools/call" ? this.name : undefined;
  }

  get latencyNs(): number | undefined {
    const first = this.answers[0];
    return first && first.event.time_ns - this.request.event.time_ns;
  }

  get status(): Status {
    if (this.reused || this.answers.length > 1) return "duplicate";
    const first = this.answers[0];
    if (!first) return this.cancelled === undefined ? "unanswered" : "cancelled";
    if (this.cancelled !== undefined && this.cancelled < first.seq) return "late";
    if (this.firstAnswer.kind === "error") return "error";
    if (this.firstAnswer.asks) return "input-required";
    return this.firstAnswer.failed ? "tool-error" : "answered";
  }

  get ends(): Row[] {
    return [this.request, ...this.answers];
  }

  /** All of it, in the order it happened. */
  get rows(): Row[] {
    return [...this.ends, ...this.progress, ...this.related].sort((a, b) => a.seq - b.seq);
  }
}

const NO_ANSWER = { kind: "invalid", asks: false, failed: false, state: undefined } as const;
const REMEMBERED = 64;
const opposite = (direction: Direction): Direction => (direction === "c2s" ? "s2c" : "c2s");

type Index = Map<string, Exchange[]>;

/** The state of the fold. `changed` are the exchanges whose status the last message changed. */
export class Fold {
  readonly #byId: Index = new Map();
  readonly #byToken: Index = new Map();
  readonly #asking: Index = new Map();
  readonly #onLink = new Map<string, Map<number, Exchange>>();
  readonly #states = new Map<Exchange, unknown>();

  /** Take one message; tell the exchange it belongs to, and whether its status may be new. */
  add(row: Row, one: Envelope): { exchange: Exchange; turned: boolean } | undefined {
    if (one.kind === "request") return { exchange: this.#request(row, one), turned: true };
    if (one.kind === "response" || one.kind === "error") return this.#answer(row, one);
    return one.kind === "notification" ? this.#notification(row, one) : undefined;
  }

  /** Let go of an exchange whose request has left. */
  forget(exchange: Exchange): void {
    for (const index of [this.#byId, this.#byToken, this.#asking]) {
      for (const key of exchange.keys) remove(index, key, exchange);
    }
    this.#settle(exchange);
    this.#states.delete(exchange);
  }

  #request(row: Row, one: Envelope): Exchange {
    const direction = row.direction;
    const place = placeOf(row, direction, one.id);
    const token = progressToken(one);
    const tokenPlace = token === undefined ? undefined : placeOf(row, direction, token);
    const question = questionOf(row, one);
    const keys = [place, question, ...(tokenPlace === undefined ? [] : [tokenPlace])];
    const made = new Exchange(row, one.id ?? "", one.method ?? "", one.name, keys);
    const known = list(this.#byId, place);
    made.reused = known.some(
      (other) => !settled(other) && other.cancelled === undefined && sameLink(other, row),
    );
    known.push(made);
    if (known.length > REMEMBERED) {
      // a peer that always says id 1: what is long answered gets no second answer
      const old = known.splice(0, known.length - REMEMBERED);
      known.unshift(...old.filter((exchange) => !settled(exchange)));
    }
    if (tokenPlace !== undefined) list(this.#byToken, tokenPlace).push(made);
    const stream = streamOf(row, direction);
    const open = this.#onLink.get(stream) ?? new Map<number, Exchange>();
    this.#onLink.set(stream, open.set(row.seq, made));
    if (isRetry(one)) this.#join(made, question, one.params?.requestState);
    return made;
  }

  #join(made: Exchange, question: string, state: unknown): void {
    const asking = this.#asking.get(question) ?? [];
    const text = JSON.stringify(state);
    const same = asking.find((other) => JSON.stringify(this.#states.get(other)) === text);
    // masked states are alike, then the order decides: the first asked is the first retried
    const before = same ?? asking[0];
    if (!before) return;
    before.retried = true;
    remove(this.#asking, question, before);
    this.#states.delete(before);
    made.retryOf = before;
    before.rounds.push(made.seq);
    made.rounds = before.rounds; // one list for all rounds
  }

  #answer(row: Row, one: Envelope): { exchange: Exchange; turned: boolean } | undefined {
    const asked = opposite(row.direction);
    const found = choose(this.#byId.get(placeOf(row, asked, one.id)), row, settled);
    if (!found) return undefined;
    found.answers.push(row);
    this.#settle(found);
    if (found.answers.length === 1) {
      const failed = one.result?.isError === true;
      const state = undefined;
      found.firstAnswer = { kind: one.kind, asks: asks(one), failed, state };
      if (found.firstAnswer.asks) {
        this.#states.set(found, one.result?.requestState);
        list(this.#asking, found.keys[1] ?? "").push(found);
      }
    }
    return { exchange: found, turned: true };
  }

  #notification(row: Row, one: Envelope): { exchange: Exchange; turned: boolean } | undefined {
    if (one.method === "notifications/cancelled") return this.#cancelled(row, one);
    const asked = opposite(row.direction);
    let found: Exchange | undefined;
    if (one.method === "notifications/progress") {
      const place = placeOf(row, asked, progressToken(one));
      found = choose(this.#byToken.get(place), row, settled);
      found?.progress.push(row);
      return found && { exchange: found, turned: false };
    }
    const stream = subscription(one);
    if (stream !== undefined) {
      found = choose(this.#byId.get(placeOf(row, asked, stream)), row, settled);
    } else {
      // Nothing in it says whose it is. On a link with one open request it is that one's.
      const here = this.#onLink.get(streamOf(row, asked));
      if (here?.size === 1) [found] = here.values();
    }
    found?.related.push(row);
    return found && { exchange: found, turned: false };
  }

  #cancelled(row: Row, one: Envelope): { exchange: Exchange; turned: boolean } | undefined {
    const id = one.params?.requestId;
    for (const asked of [row.direction, opposite(row.direction)]) {
      const found = choose(
        this.#byId.get(placeOf(row, asked, id)),
        row,
        (other) => settled(other) || other.cancelled !== undefined,
      );
      // 2026-07-28: "servers send this notification only to terminate a
      // `subscriptions/listen` stream", a request of the other side
      if (found && (asked === row.direction || found.method === "subscriptions/listen")) {
        found.related.push(row);
        found.cancelled ??= row.seq;
        this.#settle(found);
        return { exchange: found, turned: true };
      }
    }
    return undefined;
  }

  #settle(exchange: Exchange): void {
    const stream = streamOf(exchange.request, exchange.request.direction);
    const open = this.#onLink.get(stream);
    open?.delete(exchange.seq);
    if (open?.size === 0) this.#onLink.delete(stream);
  }
}

const settled = (one: Exchange): boolean => one.answers.length > 0;
const sameLink = (one: Exchange, row: Row): boolean => one.request.event.link === row.event.link;

/** On its own link first, there the oldest that still waits, else the newest; then elsewhere. */
function choose(
  candidates: readonly Exchange[] | undefined,
  row: Row,
  done: (one: Exchange) => boolean,
): Exchange | undefined {
  if (!candidates?.length) return undefined;
  const here = candidates.filter((one) => sameLink(one, row));
  const group = here.length ? here : candidates;
  return group.find((one) => !done(one)) ?? group[group.length - 1];
}

// JSON tells 7 from "7"
const placeOf = (row: Row, asked: Direction, id: unknown): string =>
  `${row.event.conn}\0${row.event.vantage}\0${asked}\0${typeof id}:${String(id)}`;
const streamOf = (row: Row, asked: Direction): string =>
  `${row.event.conn}\0${row.event.vantage}\0${row.event.link}\0${asked}`;
const questionOf = (row: Row, one: Envelope): string =>
  `?${row.event.conn}\0${row.event.vantage}\0${row.direction}\0${one.method} ${one.name}`;

function list(index: Index, key: string): Exchange[] {
  let found = index.get(key);
  if (!found) index.set(key, (found = []));
  return found;
}

function remove(index: Index, key: string, exchange: Exchange): void {
  const found = index.get(key);
  const at = found ? found.indexOf(exchange) : -1;
  if (!found || at < 0) return;
  found.splice(at, 1);
  if (!found.length) index.delete(key);
}
