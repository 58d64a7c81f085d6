/** Which rows are shown: an index that grows with the Trace, and is made anew in slices. */

import { looksAhead, matches, names, type Word } from "./query.js";
import type { Change, Row, Store } from "./store.js";

const EVERY = 256;

export interface Wanted {
  readonly words: readonly Word[];
  /** Words that hold always, apart from what the reader types. */
  readonly scope: readonly Word[];
  /** Whether the handshakes of a session are shown message by message. */
  readonly unfolded: (session: string) => boolean;
  /** Nothing before this number. */
  readonly from?: number;
  readonly only?: (row: Row) => boolean;
}

export class Filter {
  readonly shown: Row[] = [];
  /** How many of the shown rows are messages, how many of those failed, how many are faults. */
  messages = 0;
  errors = 0;
  faults = 0;
  #wanted: Wanted = { words: [], scope: [], unfolded: () => false };
  #next = 0;
  #sawChunks = false;
  #bothEnds = false;

  constructor(readonly store: Store) {}

  get wanted(): Wanted {
    return this.#wanted;
  }

  /** Whether a message that both ends saw may show twice. */
  get bothEnds(): boolean {
    return this.#bothEnds;
  }

  set(wanted: Wanted): void {
    this.#wanted = wanted;
    const all = [...wanted.words, ...wanted.scope];
    this.#sawChunks = names(all, "kind", "chunk");
    this.#bothEnds = names(all, "vantage");
    this.restart();
  }

  restart(): void {
    this.shown.length = this.messages = this.errors = this.faults = 0;
    this.#next = this.#wanted.from ?? 0;
  }

  get done(): boolean {
    return this.#next > this.store.last;
  }

  /** Take account of what the store took. */
  changed(change: Change): void {
    if (change.removed) this.#leave();
    if (change.retwinned !== undefined && change.retwinned < this.#next)
      this.#from(change.retwinned);
    for (const row of change.replaced) this.#again(row);
    if (!looksAhead([...this.#wanted.words, ...this.#wanted.scope])) return;
    for (const exchange of change.turned) {
      for (const row of exchange.rows) this.#again(row);
    }
  }

  /** Go on judging rows, for some milliseconds at most; whether all are judged. */
  advance(budgetMs: number, now: () => number = () => performance.now()): boolean {
    const { rows } = this.store;
    const until = now() + budgetMs;
    let at = this.store.indexOf(this.#next);
    while (at < rows.length) {
      const stop = Math.min(rows.length, at + EVERY);
      for (; at < stop; at++) {
        const row = rows[at]!;
        if (!this.#holds(row)) continue;
        this.shown.push(row);
        this.#count(row, 1);
      }
      this.#next = rows[at - 1]!.seq + 1;
      if (now() >= until) break;
    }
    return this.done;
  }

  /** The place of a row among the shown; where it is not, of the next one. */
  indexOf(seq: number): number {
    let low = 0;
    let high = this.shown.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.shown[middle]!.seq < seq) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  #holds(row: Row): boolean {
    const { words, scope, unfolded, only } = this.#wanted;
    if (only && !only(row)) return false;
    if (row.kind === "chunk" && !this.#sawChunks) return false;
    if (!this.#bothEnds && row.link.twin) return false;
    if (row.handshake && row.handshake !== row.seq && !unfolded(row.session.key)) return false;
    return matches(scope, row) && matches(words, row);
  }

  #again(row: Row): void {
    if (row.seq >= this.#next || row.seq < (this.#wanted.from ?? 0)) return;
    const at = this.indexOf(row.seq);
    const is = this.shown[at]?.seq === row.seq;
    const shall = this.#holds(row);
    if (is === shall) return;
    this.shown.splice(at, is ? 1 : 0, ...(is ? [] : [row]));
    this.#count(row, is ? -1 : 1);
  }

  #from(seq: number): void {
    for (const row of this.shown.splice(this.indexOf(seq))) this.#count(row, -1);
    this.#next = Math.max(seq, this.#wanted.from ?? 0);
  }

  #leave(): void {
    const first = this.store.rows[0]?.seq ?? Infinity;
    const gone = this.indexOf(first);
    if (gone) for (const row of this.shown.splice(0, gone)) this.#count(row, -1);
  }

  #count({ event, failed }: Row, by: 1 | -1): void {
    if (event.kind === "message") this.messages += by;
    if (event.kind === "fault") this.faults += by;
    else if (failed) this.errors += by;
  }
}
