/** A long list of which only what is in sight is in the document. */

import { inSight } from "../layout.js";

export interface Source<T> {
  readonly count: number;
  at(index: number): T | undefined;
  /** The same key and stamp: the same element will do. */
  key(item: T): number;
}

export class Scroller<T> {
  readonly #made = new Map<number, { element: HTMLElement; index: number }>();
  #height = 480;
  #top = 0;
  #before = 0;
  #parked: number | undefined;
  #end: number | undefined;
  source: Source<T> = { count: 0, at: () => undefined, key: () => 0 };

  constructor(
    /** What scrolls. */
    readonly port: HTMLElement,
    /** What is as high as all rows. */
    readonly ground: HTMLElement,
    readonly rowHeight: number,
    readonly make: (item: T, index: number) => HTMLElement,
    readonly place: (element: HTMLElement, index: number) => void,
  ) {}

  /** To be asked at each scrolling: whether it went up, as only a reader does. */
  wentUp(): boolean {
    const before = this.#before;
    this.#before = this.port.scrollTop;
    return this.#parked === undefined && this.#before < before - this.rowHeight / 2;
  }

  get top(): number {
    return this.#parked ?? this.#top;
  }

  /** Go there when it is drawn again: out of the page nothing keeps how far it was scrolled. */
  park(top = this.top): void {
    this.#parked = top;
  }

  /** What was made and not yet asked for. */
  readonly fresh: HTMLElement[] = [];

  /** The rows that were in sight when it was last drawn. */
  range: readonly [number, number] = [0, 0];

  /** Throw away what was made: it would look different now. */
  stale(): void {
    this.#before = 0;
    for (const { element } of this.#made.values()) element.remove();
    this.#made.clear();
  }

  /** Draw what is in sight, or the end. What the browser knows is asked before anything changes:
   * each question after a change would make it lay out the page again. */
  draw(end = false): void {
    const { port, rowHeight } = this;
    const { count } = this.source;
    this.#height = port.clientHeight || 480;
    let before = port.scrollTop;
    const height = `${count * rowHeight}px`;
    if (this.ground.style.height !== height) this.ground.style.height = height;
    if (this.#parked !== undefined) {
      port.scrollTop = before = this.#parked;
      // what is not laid out cannot be scrolled
      if (port.clientHeight || port.scrollTop) this.#parked = undefined;
    }
    const last = Math.max(0, count * rowHeight - this.#height);
    const top = Math.min(end ? last : before, last);
    this.#top = top;
    this.range = inSight(top, this.#height, count, rowHeight);
    const [from, to] = this.range;
    const fresh: HTMLElement[] = [];
    const keep = new Set<number>();
    for (let index = from; index < to; index++) {
      const item = this.source.at(index);
      if (item === undefined) continue;
      const key = this.source.key(item);
      keep.add(key);
      let known = this.#made.get(key);
      if (!known) {
        known = { element: this.make(item, index), index: -1 };
        this.#made.set(key, known);
        fresh.push(known.element);
      }
      if (known.index !== index) {
        known.index = index;
        this.place(known.element, index);
      }
    }
    this.ground.append(...fresh);
    this.fresh.push(...fresh);
    for (const [key, { element }] of this.#made) {
      if (keep.has(key)) continue;
      element.remove();
      this.#made.delete(key);
    }
    this.#end = end && Math.abs(before - last) > 1 ? last : undefined;
  }

  /** Go where it was drawn for; last of all, since the browser then lays out what there is. */
  settle(): void {
    if (this.#end !== undefined) this.port.scrollTop = this.#end;
    this.#end = undefined;
  }

  /** To be asked at each scrolling: whether it stands elsewhere than it was drawn for. */
  get strayed(): boolean {
    return this.#parked !== undefined || Math.abs(this.port.scrollTop - this.#top) > 1;
  }

  element(key: number): HTMLElement | undefined {
    return this.#made.get(key)?.element;
  }

  remake(key: number): void {
    this.#made.get(key)?.element.remove();
    this.#made.delete(key);
  }

  elements(): HTMLElement[] {
    return [...this.#made.values()].map(({ element }) => element);
  }

  reveal(index: number): void {
    const top = index * this.rowHeight;
    const { scrollTop, clientHeight } = this.port;
    if (top < scrollTop) this.port.scrollTop = Math.max(0, top - this.rowHeight);
    else if (top + this.rowHeight > scrollTop + clientHeight) {
      this.port.scrollTop = top + 2 * this.rowHeight - clientHeight;
    }
  }
}
