/** HTTP/1.1, with server-sent events in its bodies or WebSocket frames after an upgrade. */

import { concat, latin1 } from "../bytes.js";
import { SseDecoder, sseBody } from "./sse.js";
import { Flow, type HttpHead, type Piece, type Span } from "./unit.js";
import { areFrames, readFrame } from "./websocket.js";

export const REQUEST_START = /^[-!#$%&'*+.^_`|~0-9a-zA-Z]+ [\x21-\x7e]+ HTTP\/1\.[01]\r?\n/;
const RESPONSE_START = /^HTTP\/1\.[01] [0-9]{3}[ \r\n]/;
const MAX_HEAD = 256_000;

/** What both directions of one link know. */
export interface Shared {
  readonly methods: string[];
  upgraded: boolean;
}

/** A body on its way: its bytes, and where in the link's stream they lie. */
class Body {
  readonly pieces: Uint8Array[] = [];
  readonly places: { from: number; span: Span }[] = [];
  size = 0;

  constructor(
    readonly head: HttpHead,
    readonly sse: SseDecoder | undefined,
  ) {}

  add(data: Uint8Array, at: number): void {
    if (!this.sse) this.pieces.push(data);
    const last = this.places[this.places.length - 1];
    if (last && last.span[1] === at) last.span = [last.span[0], at + data.length];
    else this.places.push({ from: this.size, span: [at, at + data.length] });
    this.size += data.length;
  }

  locate([start, end]: Span): Span[] {
    const found: Span[] = [];
    for (const { from, span } of this.places) {
      const low = Math.max(start - from, 0);
      const high = Math.min(end - from, span[1] - span[0]);
      if (low < high) found.push([span[0] + low, span[0] + high]);
    }
    return found;
  }

  /** Long streams: forget where what is read lay. */
  trim(before: number): void {
    while ((this.places[1]?.from ?? Infinity) <= before) this.places.shift();
  }
}

type State =
  | "head"
  | "fixed"
  | "size"
  | "chunk"
  | "crlf"
  | "trailer"
  | "close"
  | "ws"
  | "tail"
  | "lost";

export class HttpFlow extends Flow {
  #state: State = "head";
  #left = 0;
  #body: Body | undefined;
  #fragments: { data: Uint8Array[]; spans: Span[] } | undefined;
  #shared: Shared;

  constructor(
    direction: "c2s" | "s2c",
    units: ConstructorParameters<typeof Flow>[1],
    shared: Shared,
  ) {
    super(direction, units);
    this.#shared = shared;
  }

  get #client(): boolean {
    return this.direction === "c2s";
  }

  protected override first(): number {
    const begun = this.#body?.sse ? this.#body.sse.begun : this.#body && 0;
    const place = begun === undefined ? undefined : this.#body?.locate([begun, begun + 1])[0];
    return Math.min(this.at, place?.[0] ?? this.at);
  }

  protected override restart(piece: Piece): void {
    this.#body = undefined;
    this.#fragments = undefined;
    this.#state = "lost";
    if (piece.offset === 0) this.#state = this.#shared.upgraded ? "ws" : "head";
  }

  close(): void {
    if (this.#state === "close") this.#endOfBody();
  }

  protected override read(): void {
    while (this.pending.length && this.#step());
  }

  #step(): boolean {
    switch (this.#state) {
      case "head":
        if (this.#shared.upgraded) {
          this.#state = "ws";
          return true;
        }
        return this.#head();
      case "fixed":
        return this.#fixed();
      case "size":
        return this.#line((text) => {
          this.#left = Number.parseInt(text, 16);
          if (Number.isNaN(this.#left)) this.#garbage();
          else this.#state = this.#left ? "chunk" : "trailer";
        });
      case "chunk": {
        const at = this.at;
        const data = this.skip(Math.min(this.#left, this.pending.length));
        this.#left -= data.length;
        if (!this.#left) this.#state = "crlf";
        this.#data(data, at);
        return true;
      }
      case "crlf":
        return this.#line(() => {
          this.#state = "size";
        });
      case "trailer":
        return this.#line((text) => {
          if (text === "") this.#endOfBody();
        });
      case "close": {
        const at = this.at;
        this.#data(this.skip(this.pending.length), at);
        return false;
      }
      case "ws":
        return this.#frame();
      case "tail": {
        const at = this.at;
        const data = this.skip(this.pending.length);
        this.emit("tail", [at, at + data.length], undefined, data, [[at, at + data.length]]);
        return false;
      }
      case "lost":
        return this.#again();
    }
  }

  /** Whether reading can go on here. */
  #again(): boolean {
    const start = this.#client ? REQUEST_START : RESPONSE_START;
    const at = this.at;
    if (start.test(latin1(this.pending.subarray(0, 4096)))) this.#state = "head";
    else if (areFrames(this.pending, this.#client)) {
      this.#state = "ws";
      this.#shared.upgraded = true;
    } else {
      const end = at + this.pending.length;
      this.skip(this.pending.length);
      this.lose(at);
      this.found(end);
      return false;
    }
    this.found(at);
    return true;
  }

  #garbage(): void {
    this.#body = undefined;
    this.#state = "lost";
  }

  #line(then: (text: string) => void): boolean {
    const end = this.pending.indexOf(10);
    if (end < 0) return false;
    then(latin1(this.skip(end + 1)).replace(/\r?\n$/, ""));
    return true;
  }

  #head(): boolean {
    const start = this.at;
    const text = latin1(this.pending.subarray(0, MAX_HEAD));
    const blank = /\r?\n\r?\n/.exec(text);
    if (!blank) {
      const ours = this.#client ? /^[-!#$%&'*+.^_`|~0-9a-zA-Z]{1,40}(?: |$)/ : /^H(?:TTP|$|T$|TT$)/;
      if (ours.test(text) && text.length < MAX_HEAD) return false;
      this.#garbage();
      return true;
    }
    const size = blank.index + blank[0].length;
    const head = parseHead(text.slice(0, blank.index), this.#client);
    if (!head) {
      this.#garbage();
      if (this.#again()) return true;
      return false;
    }
    this.skip(size);
    this.emit("http-head", [start, start + size], head);
    this.#after(head);
    return true;
  }

  #after(head: HttpHead): void {
    const field = (name: string): string =>
      head.headers.find(([key]) => key.toLowerCase() === name)?.[1].toLowerCase() ?? "";
    let bodiless = false;
    if (head.request) this.#shared.methods.push(head.method);
    else {
      if (head.status === 101) {
        this.#state = field("upgrade") === "websocket" ? "ws" : "tail";
        this.#shared.upgraded = this.#state === "ws";
        return;
      }
      if (head.status < 200) return; // a preliminary answer; the answer follows
      const method = this.#shared.methods.shift();
      bodiless = method === "HEAD" || head.status === 204 || head.status === 304;
    }
    const length = field("content-length");
    const chunked = field("transfer-encoding").includes("chunked");
    if (bodiless || (!chunked && (length === "0" || (head.request && length === "")))) return;
    const sse = !head.request && field("content-type").startsWith("text/event-stream");
    this.#body = new Body(head, sse ? new SseDecoder() : undefined);
    this.#left = Number.parseInt(length, 10);
    this.#state = chunked ? "size" : length === "" ? "close" : "fixed";
    if (this.#state === "fixed" && !(this.#left > 0)) this.#garbage();
  }

  #fixed(): boolean {
    const at = this.at;
    const data = this.skip(Math.min(this.#left, this.pending.length));
    this.#left -= data.length;
    this.#data(data, at);
    if (!this.#left) this.#endOfBody();
    return true;
  }

  #data(data: Uint8Array, at: number): void {
    const body = this.#body;
    if (!body || !data.length) return;
    body.add(data, at);
    if (!body.sse) return;
    for (const found of body.sse.feed(data)) {
      const places = body.locate(found.span);
      const [first, last] = [places[0], places[places.length - 1]];
      if (!first || !last) continue;
      const spans = found.dataSpans.flatMap((span) => body.locate(span));
      this.emit("sse-event", [first[0], last[1]], found.detail, sseBody(found), spans);
      body.trim(found.span[1]);
    }
  }

  #endOfBody(): void {
    const body = this.#body;
    this.#body = undefined;
    this.#state = "head";
    const [first, last] = [body?.places[0], body?.places[body.places.length - 1]];
    if (!body || body.sse || !first || !last) return;
    const spans = body.places.map((place) => place.span);
    this.emit("http-body", [first.span[0], last.span[1]], body.head, concat(body.pieces), spans);
  }

  #frame(): boolean {
    const found = readFrame(this.pending, this.at);
    if (found === undefined) return false;
    if (found === null) {
      this.#state = "lost";
      return true;
    }
    const { frame, size } = found;
    const start = this.at;
    this.skip(size);
    const span: Span = [start, start + size];
    const own: Span = [frame.payloadStart, start + size];
    if (frame.opcode >= 8 || frame.rsv) {
      this.emit("ws-frame", span, frame);
      return true;
    }
    if (frame.opcode !== 0) this.#fragments = { data: [], spans: [] };
    this.#fragments?.data.push(frame.payload);
    this.#fragments?.spans.push(own);
    if (!frame.fin || !this.#fragments) this.emit("ws-frame", span, frame);
    else {
      const { data, spans } = this.#fragments;
      this.#fragments = undefined;
      this.emit("ws-frame", span, frame, concat(data), spans);
    }
    return true;
  }
}

function parseHead(text: string, request: boolean): HttpHead | undefined {
  const [first = "", ...rest] = text.split(/\r?\n/);
  const headers = rest.map((line) => {
    const colon = line.indexOf(":");
    return [line.slice(0, colon < 0 ? line.length : colon), line.slice(colon + 1).trim()] as const;
  });
  const asked = request ? /^(\S+) (\S+) HTTP\/1\.[01]$/.exec(first) : null;
  const said = request ? null : /^HTTP\/1\.[01] (\d{3})(?: (.*))?$/.exec(first);
  if (!asked && !said) return undefined;
  return {
    type: "head",
    request,
    method: asked?.[1] ?? "",
    target: asked?.[2] ?? "",
    status: Number(said?.[1] ?? 0),
    reason: said?.[2] ?? "",
    headers,
  };
}
