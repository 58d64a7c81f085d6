/** Which rows are shown, in which order, and of which connections. */

import type { Exchange } from "./exchange.js";
import { Filter } from "./filter.js";
import { type Order, sorted } from "./order.js";
import { parse, type Word } from "./query.js";
import { Folds } from "./reading.js";
import type { Change, Row, Session, Store } from "./store.js";

/** Each message once, also where both ends of it were seen. */
export interface Tally {
  readonly messages: number;
  /** How many messages there are, shown or not. */
  readonly of: number;
  /** How many of the messages failed. */
  readonly errors: number;
  readonly faults: number;
  /** How many rows are neither. */
  readonly others: number;
}

const LINKS = new Set<Row["kind"]>(["opened", "closed"]);

export class Shown {
  readonly filter: Filter;
  readonly folds = new Folds();
  /** The one connection that is looked at; `undefined`: all. */
  road: Session | undefined;
  /** Of a comparison, the connection of what was opened. */
  only: Session | undefined;
  order: Order = "time";
  readonly #scope: readonly Word[];
  #sorted: Row[] | undefined;
  #only: Exchange | undefined;
  #sessions = new Set<Session>();
  #sessionsOf = 0;

  constructor(
    readonly store: Store,
    scope: string,
    /** The number of the one request whose exchange is shown. */
    readonly mini?: number,
  ) {
    this.filter = new Filter(store);
    this.#scope = scoped(scope);
  }

  /** In the order that is wanted. */
  get rows(): readonly Row[] {
    return this.#sorted ?? this.filter.shown;
  }

  /** Select anew. Raises `QueryError`. */
  query(text: string): void {
    const words = parse(text);
    const { mini, road, only: opened, folds } = this;
    folds.off = mini !== undefined || words.some(({ negated }) => !negated);
    const only = (this.#only = this.exchange);
    this.filter.set({
      words,
      scope: this.#scope,
      unfolded: (key) => folds.open(key),
      from: mini ?? 0,
      only:
        mini === undefined
          ? (row) =>
              (!road || (row.session === road && !LINKS.has(row.kind))) &&
              (!opened || row.session === opened)
          : (row) => row.exchanges.some((one) => one.rounds === only?.rounds),
    });
    this.#renew();
    this.sort();
  }

  sort(order = this.order): void {
    this.order = order;
    if (order !== "time") while (!this.advance(1000));
    this.#sorted = order === "time" ? undefined : sorted(this.filter.shown, order);
  }

  /** Of a mini view: what it shows, as far as it is known. */
  get exchange(): Exchange | undefined {
    const { mini = 0 } = this;
    return this.store.at(mini)?.exchanges.find((one) => one.seq === mini);
  }

  /** Whether a mini view shows what it shall. */
  get current(): boolean {
    return this.#only === this.exchange;
  }

  changed(change: Change | "cleared"): void {
    if (change === "cleared") this.filter.restart();
    else this.filter.changed(change);
    if (change === "cleared" || change.retwinned !== undefined || change.removed) this.#renew();
  }

  /** Go on judging rows for some milliseconds; whether all are judged. */
  advance(ms: number): boolean {
    return this.filter.advance(ms);
  }

  /** How much is shown, of how much. */
  get tally(): Tally {
    const { filter, folds, store } = this;
    let { messages, errors } = filter;
    const { faults } = filter;
    const others = filter.shown.length - messages - faults;
    // the row of a folded handshake stands for all messages of it
    for (const { first, count, failed } of store.handshakes.values()) {
      if (count < 2 || folds.open(first.session.key) || this.placeOf(first) < 0) continue;
      messages += count - 1;
      errors += failed - Number(first.failed);
    }
    const of = filter.bothEnds ? store.messages : store.messages - store.twins;
    return { messages, of, errors, faults, others };
  }

  /** Whose rows they are. */
  get sessions(): Iterable<Session> {
    const { shown } = this.filter;
    for (; this.#sessionsOf < shown.length; this.#sessionsOf++)
      this.#sessions.add(shown[this.#sessionsOf]!.session);
    this.#sessionsOf = shown.length;
    return this.road ? [this.road] : this.#sessions;
  }

  /** The connections one can look at. */
  get roads(): Session[] {
    const all = [...this.store.sessions.values()];
    const clients = all.filter((one) => one.vantage === "client");
    return clients.length ? clients : all;
  }

  /** The place of a row in time; -1: it is not shown. */
  placeOf(row: Row): number {
    const index = this.filter.indexOf(row.seq);
    return this.filter.shown[index] === row ? index : -1;
  }

  /** The place of a number in the order that is wanted, or of what comes after it. */
  indexOf(seq: number): number {
    const row = this.store.at(seq);
    return this.#sorted && row ? this.#sorted.indexOf(row) : this.filter.indexOf(seq);
  }

  between([low, high]: readonly [number, number]): Row[] {
    return this.filter.shown.slice(this.filter.indexOf(low), this.filter.indexOf(high + 1));
  }

  nextError(after: number): Row | undefined {
    const { shown } = this.filter;
    const failed = (row: Row): boolean => row.failed;
    return shown.slice(this.filter.indexOf(after + 1)).find(failed) ?? shown.find(failed);
  }

  /** Whether every handshake is shown message by message. */
  get unfolded(): boolean {
    const { handshakes } = this.store;
    return [...handshakes.values()].every(({ first }) => this.folds.open(first.session.key));
  }

  #renew(): void {
    this.#sessions.clear();
    this.#sessionsOf = 0;
  }
}

function scoped(text: string): readonly Word[] {
  try {
    return parse(text);
  } catch {
    return []; // what the kernel wrote the reader cannot mend
  }
}
