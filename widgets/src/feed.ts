/** One Trace in the page: where it comes from, and that nothing of it is missing. */

import type { AnyModel } from "@anywidget/types";
import { Framing } from "./decode/framing.js";
import {
  type Answer,
  type Batch,
  type Doing,
  type FromKernel,
  type Header,
  isEvent,
  parseLines,
  SCHEMA_VERSION,
  type ToKernel,
  type TraceEvent,
} from "./protocol.js";
import { type Change, Store } from "./store.js";

/** Where a Trace comes from: a kernel, or a text that was saved. */
export interface Backend {
  /** Whether somebody is there who can do something. */
  readonly live: boolean;
  /** What was saved. */
  readonly saved: string;
  open(hear: (message: FromKernel) => void): () => void;
  tell(message: ToKernel): void;
  /** Keep what a saved notebook needs. */
  keep?(snapshot: string): void;
}

export class Live implements Backend {
  /** From the first word of the kernel on: what was saved may be all there is. */
  live = false;

  constructor(readonly model: AnyModel) {}

  get saved(): string {
    return String(this.model.get("snapshot") ?? "");
  }

  open(hear: (message: FromKernel) => void): () => void {
    const heard = (message: FromKernel, buffers: readonly DataView[]): void => {
      this.live = true;
      if (message?.type !== "answer" && buffers?.[0]) {
        const items = JSON.parse(new TextDecoder().decode(buffers[0])) as TraceEvent[];
        hear({ ...message, items });
      } else hear(message);
    };
    this.model.on("msg:custom", heard);
    return () => this.model.off("msg:custom", heard);
  }

  tell(message: ToKernel): void {
    this.model.send(message);
  }

  /** Only in the page, whose state is what is saved: the kernel has the Trace itself. */
  keep(snapshot: string): void {
    this.model.set("snapshot", snapshot);
  }
}

export class Static implements Backend {
  readonly live = false;

  constructor(readonly saved: string) {}

  open(): () => void {
    return () => undefined;
  }

  tell(): void {}
}

const HELD = 64;
const ASK_AGAIN_MS = 1000;
const PATIENCE_MS = 30_000;
const KEEP_MS = 1000;
const KEPT_EVENTS = 2000;
const KEPT_CHARS = 1_000_000;

export type Heard = (change: Change | "cleared") => void;

export class Feed {
  readonly store: Store;
  readonly framing: Framing;
  /** The number of the next event that is due. */
  next = 1;
  epoch = "";
  /** How many batches came with a gap before them. */
  gaps = 0;
  /** How often there was something to hear, for who did not listen all the time. */
  changes = 0;
  /** How many lines of what was saved could not be read. */
  bad = 0;
  readonly #hear = new Set<Heard>();
  readonly #held: Batch[] = [];
  readonly #answers = new Map<number, (answer: Answer) => void>();
  #asked = -Infinity;
  #requests = 0;
  #closed = false;
  #close: (() => void) | undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #keeping: ReturnType<typeof setTimeout> | undefined;

  constructor(
    readonly backend: Backend,
    store = new Store(),
    readonly now: () => number = () => performance.now(),
  ) {
    this.store = store;
    this.framing = new Framing(store);
  }

  open(): this {
    const { header, items, bad } = parseLines(this.backend.saved);
    this.bad = bad;
    if (header) {
      this.store.zeroNs = header.zero_ns;
      this.store.droppedBefore = header.dropped;
      this.epoch = String(header.zero_unix_s);
    }
    this.store.take(items);
    this.next = this.store.last + 1;
    this.#close = this.backend.open((message) => this.hear(message));
    this.backend.tell({ type: "ready", epoch: this.epoch, after: this.next - 1 });
    return this;
  }

  close(): void {
    this.#close?.();
    clearTimeout(this.#timer);
    clearTimeout(this.#keeping);
    this.#closed = true;
  }

  /** Whether somebody is there who can do something. */
  get live(): boolean {
    return this.backend.live && !this.#closed;
  }

  listen(hear: Heard): () => void {
    this.#hear.add(hear);
    return () => this.#hear.delete(hear);
  }

  hear(message: FromKernel): void {
    if (message?.type === "answer") {
      this.#answers.get(message.request)?.(message);
      this.#answers.delete(message.request);
    } else if (message?.type === "batch" || message?.type === "snapshot") this.#batch(message);
  }

  /** Ask the kernel to do something. */
  do(what: Doing): Promise<Answer> {
    const request = ++this.#requests;
    return new Promise((resolve) => {
      const late = setTimeout(() => {
        this.#answers.delete(request);
        const text = "The kernel has not answered: it may be busy with a cell.";
        resolve({ type: "answer", request, ok: false, text });
      }, PATIENCE_MS);
      this.#answers.set(request, (answer) => {
        clearTimeout(late);
        resolve(answer);
      });
      this.backend.tell({ ...what, request });
    });
  }

  #batch(batch: Batch): void {
    if (batch.type === "snapshot") {
      this.#clear(batch.epoch);
      this.next = batch.from;
    } else if (batch.epoch !== this.epoch) {
      if (this.epoch !== "" || batch.from > 1) {
        // another Trace: whatever there is of it is asked for
        this.#clear(batch.epoch);
        if (batch.from > 1) this.#gap(batch);
        else this.#take(batch);
        return;
      }
      this.epoch = batch.epoch;
    }
    if (batch.from > this.next) {
      this.#gap(batch);
      return;
    }
    this.#take(batch);
    this.#held.sort((a, b) => a.from - b.from);
    while (this.#held[0] && this.#held[0].from <= this.next) this.#take(this.#held.shift()!);
    if (!this.#held.length) clearTimeout(this.#timer);
  }

  #take(batch: Batch): void {
    this.store.zeroNs = batch.zero_ns;
    this.store.droppedBefore = batch.dropped;
    const change = this.store.take(batch.items.filter(isEvent));
    this.next = Math.max(this.next, batch.to + 1);
    this.#say(change);
    if (this.backend.keep && batch.items.length)
      this.#keeping ??= setTimeout(() => this.#keep(), KEEP_MS);
  }

  #gap(batch: Batch): void {
    this.gaps++;
    this.#held.push(batch);
    if (this.#held.length > HELD) this.#held.shift();
    this.#ask();
  }

  #ask(): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#held.length && this.#ask(), ASK_AGAIN_MS);
    if (this.now() - this.#asked < ASK_AGAIN_MS / 2) return;
    this.#asked = this.now();
    this.backend.tell({ type: "resync", epoch: this.epoch, after: this.next - 1 });
  }

  #clear(epoch: string): void {
    this.epoch = epoch;
    this.next = 1;
    this.#held.length = 0;
    this.#asked = -Infinity;
    this.store.clear();
    this.#say("cleared");
  }

  #say(change: Change | "cleared"): void {
    this.changes++;
    for (const hear of this.#hear) hear(change);
  }

  /** The newest of it as JSON lines, as much as a saved notebook should carry. */
  #keep(): void {
    this.#keeping = undefined;
    const { rows, zeroNs, dropped } = this.store;
    const lines: string[] = [];
    let chars = 0;
    for (let at = rows.length - 1; at >= 0 && lines.length < KEPT_EVENTS; at--) {
      const line = JSON.stringify(rows[at]?.event);
      chars += line.length;
      if (chars > KEPT_CHARS) break;
      lines.push(line);
    }
    const header: Header = {
      mcp_trace: SCHEMA_VERSION,
      zero_ns: zeroNs,
      zero_unix_s: Number(this.epoch),
      dropped: dropped + this.store.droppedBefore + rows.length - lines.length,
    };
    lines.push(JSON.stringify(header));
    this.backend.keep?.(`${lines.reverse().join("\n")}\n`);
  }
}
