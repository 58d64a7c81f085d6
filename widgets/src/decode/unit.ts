/** Units of framing, and one direction of a link that they are found in. */

import { concat } from "../bytes.js";
import type { Direction } from "../protocol.js";

export type Span = readonly [start: number, end: number];

export interface HttpHead {
  readonly type: "head";
  readonly request: boolean;
  readonly method: string;
  readonly target: string;
  readonly status: number;
  readonly reason: string;
  readonly headers: readonly (readonly [name: string, value: string])[];
}
export interface SseEvent {
  readonly type: "sse";
  readonly event: string;
  readonly id: string | undefined;
  readonly retry: string | undefined;
  readonly comments: readonly string[];
  readonly lines: number;
}
export interface WsFrame {
  readonly type: "ws";
  readonly opcode: number;
  readonly fin: boolean;
  readonly rsv: number;
  readonly length: number;
  readonly mask: Uint8Array | undefined;
  readonly payload: Uint8Array;
  readonly payloadStart: number;
}
export interface LineEnd {
  readonly type: "line";
  readonly end: "\n" | "\r\n" | "";
}
export type Detail = HttpHead | SseEvent | WsFrame | LineEnd;
export type Layer =
  | "line"
  | "http-head"
  | "http-body"
  | "sse-event"
  | "ws-frame"
  | "tail"
  | "undecoded";

/** One unit of framing and the bytes it came from. */
export interface Unit {
  readonly direction: Direction;
  readonly layer: Layer;
  readonly span: Span;
  /** When the last of its bytes was seen, and the number of the chunk that brought it. */
  readonly timeNs: number;
  readonly chunk: number;
  readonly detail?: Detail | undefined;
  /** The bytes it carried for whoever spoke over the link, freed of framing. */
  readonly body?: Uint8Array | undefined;
  /** Where they lie, in order; under a WebSocket mask the bytes there are masked. */
  readonly bodySpans: readonly Span[];
}

export interface Piece {
  readonly seq: number;
  readonly timeNs: number;
  readonly offset: number;
  readonly data: Uint8Array;
  readonly size: number;
}

/** One direction: bytes in, units out. What cannot be read becomes `undecoded`, never an error. */
export abstract class Flow {
  /** What is there and not yet read; it begins at `at`. */
  protected pending: Uint8Array = new Uint8Array();
  protected at = 0;
  protected lost: number | undefined;
  #now: Piece | undefined;

  constructor(
    readonly direction: Direction,
    protected readonly units: Unit[],
  ) {}

  take(piece: Piece): void {
    const expected = this.at + this.pending.length;
    this.#now = piece;
    if (piece.offset !== expected) {
      this.lose(this.first());
      this.found(Math.max(expected, this.lost ?? 0));
      this.pending = new Uint8Array();
      this.at = piece.offset;
      this.lost = undefined;
      this.restart(piece);
    }
    this.pending = this.pending.length ? concat([this.pending, piece.data]) : piece.data;
    this.read();
    // what was cut is missing in the middle of the stream
    if (piece.size > piece.data.length) this.lose(this.first());
  }

  /** Where what is on its way began. */
  protected first(): number {
    return this.at;
  }

  /** Read as much of `pending` as is whole. */
  protected abstract read(): void;
  /** A gap in the bytes: reading goes on with this piece, or as soon as it is safe. */
  protected abstract restart(piece: Piece): void;

  finish(): Unit | undefined {
    const start = this.lost ?? this.first();
    const end = this.at + this.pending.length;
    return start < end ? this.make("undecoded", [start, end]) : undefined;
  }

  protected lose(at: number): void {
    this.lost ??= at;
  }

  protected found(end: number): void {
    const start = this.lost;
    this.lost = undefined;
    if (start !== undefined && start < end) this.emit("undecoded", [start, end]);
  }

  protected skip(count: number): Uint8Array {
    const taken = this.pending.subarray(0, count);
    this.pending = this.pending.subarray(count);
    this.at += count;
    return taken;
  }

  protected emit(
    layer: Layer,
    span: Span,
    detail?: Detail,
    body?: Uint8Array,
    bodySpans: readonly Span[] = [],
  ): void {
    this.units.push(this.make(layer, span, detail, body, bodySpans));
  }

  protected make(
    layer: Layer,
    span: Span,
    detail?: Detail,
    body?: Uint8Array,
    bodySpans: readonly Span[] = [],
  ): Unit {
    const { timeNs = 0, seq = 0 } = this.#now ?? {};
    const { direction } = this;
    return { direction, layer, span, timeNs, chunk: seq, detail, body, bodySpans };
  }
}

export const meet = (one: Span, other: Span): boolean =>
  Math.max(one[0], other[0]) < Math.min(one[1], other[1]);
