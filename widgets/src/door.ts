/** The feeds of a page: whoever shows one learns when it comes, is another, or leaves. */

import type { AnyModel } from "@anywidget/types";
import type { Feed } from "./feed.js";

export interface Known {
  readonly feed: Feed;
  /** The model that carries it; through its manager other widgets of its kernel are found. */
  readonly model: AnyModel;
}
type Hear = (known: Known | undefined) => void;

const KEPT = 200;

/** There is one of it in a page, however many copies of the bundle are loaded. */
export class Door {
  /** What the first copy of the bundle exports; it serves all. */
  widget: unknown;
  readonly #feeds = new Map<string, Known>();
  readonly #hearing = new Map<string, Set<Hear>>();
  readonly #kept = new Map<string, unknown>();

  /** A feed is here. What is returned takes it away again, unless another took its place. */
  add(id: string, known: Known): () => void {
    this.#feeds.set(id, known);
    this.#tell(id);
    return () => {
      if (this.#feeds.get(id) !== known) return;
      this.#feeds.delete(id);
      this.#tell(id);
    };
  }

  /** Hear at once and whenever it changes what carries an id; the answer ends it. */
  watch(id: string, hear: Hear): () => void {
    const all = this.#hearing.get(id) ?? new Set();
    this.#hearing.set(id, all.add(hear));
    hear(this.#feeds.get(id));
    return () => {
      all.delete(hear);
      if (!all.size) this.#hearing.delete(id);
    };
  }

  /** Keep how a view stood, by its key, for the element that may come in its place. */
  keep(key: string, how: unknown): void {
    this.#kept.delete(key);
    this.#kept.set(key, how);
    for (const oldest of this.#kept.keys()) {
      if (this.#kept.size <= KEPT) break;
      this.#kept.delete(oldest);
    }
  }

  kept<T>(key: string): T | undefined {
    return this.#kept.get(key) as T | undefined;
  }

  #tell(id: string): void {
    for (const hear of [...(this.#hearing.get(id) ?? [])]) hear(this.#feeds.get(id));
  }
}

const DOOR = Symbol.for("mcp_notebook.flow");
const page = globalThis as unknown as Record<symbol, Door | undefined>;
export const door: Door = (page[DOOR] ??= new Door());
