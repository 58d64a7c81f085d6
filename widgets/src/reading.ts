/** Where the reader is: what is selected, a span of it, and what it shall be compared with. */

export class Reading {
  selected = 0;
  /** The exchange that waits for another to be compared with. */
  marked = 0;
  span: readonly [number, number] | undefined;
  /** What comes after it has not come yet, in slow motion. */
  future = Infinity;
  #anchor = 0;

  go(seq: number, extend = false): void {
    this.selected = seq;
    if (extend && this.#anchor) {
      this.span = [Math.min(this.#anchor, seq), Math.max(this.#anchor, seq)];
    } else {
      this.#anchor = seq;
      this.span = undefined;
    }
  }
}

/** Which handshakes are shown message by message: none or all, but for some connections. */
export class Folds {
  /** While words are searched for, or one exchange is looked at, whatever belongs to it is shown. */
  off = false;
  #open = false;
  readonly #others = new Set<string>();

  open(key: string): boolean {
    return this.off || this.#open !== this.#others.has(key);
  }

  turn(key: string): void {
    if (!this.#others.delete(key)) this.#others.add(key);
  }

  turnAll(open: boolean): void {
    this.#open = open;
    this.#others.clear();
  }
}
