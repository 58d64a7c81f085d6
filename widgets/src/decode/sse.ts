/** Server-sent events: bytes of a body in, events with the places of their bytes out. */

import { concat, decode, encode } from "../bytes.js";
import type { Span, SseEvent } from "./unit.js";

export interface Found {
  readonly span: Span;
  readonly detail: SseEvent;
  readonly data: string | undefined;
  readonly dataSpans: readonly Span[];
}

export class SseDecoder {
  #pending: Uint8Array = new Uint8Array();
  #at = 0;
  #start = 0;
  #event = "";
  #id: string | undefined;
  #retry: string | undefined;
  #data: string[] = [];
  #spans: Span[] = [];
  #comments: string[] = [];
  #lines = 0;

  /** Where the event that is not whole yet begins, if one has begun. */
  get begun(): number | undefined {
    return this.#lines || this.#pending.length ? this.#start : undefined;
  }

  feed(data: Uint8Array): Found[] {
    this.#pending = this.#pending.length ? concat([this.#pending, data]) : data;
    const found: Found[] = [];
    for (;;) {
      const end = this.#pending.findIndex((byte) => byte === 10 || byte === 13);
      if (end < 0) return found;
      const isCr = this.#pending[end] === 13;
      // CR at the very end may be half of CR LF
      if (isCr && end + 1 === this.#pending.length) return found;
      const size = isCr && this.#pending[end + 1] === 10 ? end + 2 : end + 1;
      const line = this.#pending.subarray(0, end);
      const at = this.#at;
      this.#pending = this.#pending.subarray(size);
      this.#at += size;
      if (line.length) this.#line(line, at);
      else if (this.#lines) found.push(this.#dispatch());
      else this.#start = this.#at;
    }
  }

  #line(line: Uint8Array, at: number): void {
    this.#lines++;
    const colon = line.indexOf(58);
    const name = decode(colon < 0 ? line : line.subarray(0, colon));
    const skip = colon < 0 ? line.length : colon + (line[colon + 1] === 32 ? 2 : 1);
    const value = decode(line.subarray(skip));
    if (colon === 0) this.#comments.push(value);
    else if (name === "event") this.#event = value;
    else if (name === "id") this.#id = value;
    else if (name === "retry") this.#retry = value;
    else if (name === "data") {
      this.#data.push(value);
      this.#spans.push([at + skip, at + line.length]);
    }
  }

  #dispatch(): Found {
    const detail: SseEvent = {
      type: "sse",
      event: this.#event || "message",
      id: this.#id,
      retry: this.#retry,
      comments: this.#comments,
      lines: this.#data.length,
    };
    const data = this.#data.length ? this.#data.join("\n") : undefined;
    const found = { span: [this.#start, this.#at] as const, detail, data, dataSpans: this.#spans };
    this.#start = this.#at;
    this.#event = "";
    this.#id = this.#retry = undefined;
    this.#data = [];
    this.#spans = [];
    this.#comments = [];
    this.#lines = 0;
    return found;
  }
}

export const sseBody = (found: Found): Uint8Array | undefined =>
  found.data === undefined || found.data === "" ? undefined : encode(found.data);
