/**
 * What the kernel and the page say to each other.
 *
 * THE FEED is the one model of a kernel. It carries the Trace, once, however many views show it,
 * and is never displayed itself (where it is, it is a view with the options of its trait). Its
 * traits: `feed` (an id, unique in the page), `snapshot` (JSON lines, redacted and bounded: the
 * header, then events; kept in the saved notebook), `options`, `_esm` and `_css` (the bundle).
 *
 * WHAT STANDS IN OUTPUTS is text/html with elements that the bundle defines:
 *
 *     <mcp-flow-view feed="ID" view="KEY" options='{JSON of Options}'>FALLBACK</mcp-flow-view>
 *     <mcp-flow-still feed="ID"><img src="data:..." alt="..."></mcp-flow-still>
 *     <mcp-flow-widget feed="ID" model="MODEL-ID">FALLBACK</mcp-flow-widget>
 *
 * A view shows the flow once its feed is in the page, before and without that its children. KEY
 * is its own: a new element with the same key (a cell was moved) goes on where the last one stood.
 * A still picture, in an output of its own, hides with that output while its feed is there. A
 * widget element shows an ordinary widget of the same kernel where its model can be found. In a
 * notebook that is not trusted the elements are stripped, and their children stay.
 *
 * KERNEL -> PAGE, custom messages of the feed. Events are those of `trace/codec.py`, redacted.
 *   batch     {type, epoch, from, to, items, dropped, zero_ns}
 *             All there is of the events `from`..`to`. `items` are in order and may have holes
 *             only where the Trace itself dropped events; `dropped` is how many it dropped ever.
 *             `items` may also hold events before `from` that were sent before: more of them is
 *             redacted by now, and they take the place of what was sent.
 *             An empty batch (`from` = `to` + 1) is a heartbeat that says how far the Trace is:
 *             send one about 0.5 s and 2 s after the last traffic, for a lost last batch.
 *             `items` travel as the message's one buffer: a JSON list, UTF-8.
 *   snapshot  {type, epoch, from, to, items, dropped, zero_ns}
 *             The same, but forget everything before: a new Trace (the kernel restarted, the
 *             Trace was cleared), or what was asked for is no longer there.
 *   answer    {type, request, ok, text?, seq?}    to `resend`, `call`, `stop`; `seq` is the
 *             first event it caused.
 * `epoch` names the Trace: `zero_unix_s` of its header as `repr` gives it (and so does
 * JavaScript, save for whole numbers), so that a snapshot and the kernel's batches meet. Another
 * epoch in a batch makes the page ask for everything.
 *
 * PAGE -> KERNEL
 *   ready     {type, epoch, after}    a page is here and holds everything up to `after`
 *                                     (0: nothing). Answer with batches from `after` + 1 on; with
 *                                     an empty one where there is nothing: it shows that a kernel
 *                                     is there.
 *   resync    {type, epoch, after}    the same, because a batch was missing.
 *   resend    {type, request, seq, edited?}            `edited`: the JSON text to send instead
 *   call      {type, request, conn, tool, arguments | text}     `text`: the arguments' JSON
 *   stop      {type, request, name}                    an endpoint or a connection
 *
 * STYLE. `flow.css` is the `_css` of the feed; it is global, so the views need none.
 *
 * A SAVED PAGE holds flow.css in `<style>`, flow.js in `<script type="module">` and the Trace in
 * `<script type="application/x-ndjson" data-mcp-flow='{"preset":"dev"}'>`, JSON lines with each
 * `<` written as `\u003c`. The view takes the place of that element. Nothing is fetched.
 */

export const SCHEMA_VERSION = 1;

export type Direction = "c2s" | "s2c";
export type Vantage = "client" | "server" | "relay";
export type WireBytes = string | { base64: string };

interface Common {
  readonly seq: number;
  readonly time_ns: number;
  readonly conn: string;
  readonly vantage: Vantage;
  readonly link: string;
  readonly transport: string;
}
export interface MessageEvent_ extends Common {
  readonly kind: "message";
  readonly direction: Direction;
  readonly raw: WireBytes;
  readonly size: number;
  readonly span: readonly [number, number] | null;
  /** Of a request at a client: the cell whose code sent it, as in `In [5]`. */
  readonly cell?: string;
}
export interface ChunkEvent extends Common {
  readonly kind: "chunk";
  readonly direction: Direction;
  readonly data: WireBytes;
  readonly size: number;
  readonly offset: number;
}
export interface StderrEvent extends Common {
  readonly kind: "stderr";
  readonly text: string;
}
export interface FaultEvent extends Common {
  readonly kind: "fault";
  readonly text: string;
}
export interface OpenedEvent extends Common {
  readonly kind: "opened";
  readonly address: string;
}
export interface ClosedEvent extends Common {
  readonly kind: "closed";
  readonly reason: string;
}
export type TraceEvent =
  | MessageEvent_
  | ChunkEvent
  | StderrEvent
  | FaultEvent
  | OpenedEvent
  | ClosedEvent;

export interface Header {
  readonly mcp_trace: number;
  readonly zero_ns: number;
  readonly zero_unix_s: number;
  readonly dropped: number;
}

export interface Batch {
  readonly type: "batch" | "snapshot";
  readonly epoch: string;
  readonly from: number;
  readonly to: number;
  readonly items: readonly TraceEvent[];
  readonly dropped: number;
  readonly zero_ns: number;
}
export interface Answer {
  readonly type: "answer";
  readonly request: number;
  readonly ok: boolean;
  readonly text?: string;
  readonly seq?: number;
}
export type FromKernel = Batch | Answer;

export type Doing =
  | { readonly type: "resend"; readonly seq: number; readonly edited?: string }
  | {
      readonly type: "call";
      readonly conn: string;
      readonly tool: string;
      readonly arguments?: Record<string, unknown>;
      /** The arguments as JSON, where they hold numbers that JavaScript would change. */
      readonly text?: string;
    }
  | { readonly type: "stop"; readonly name: string };

export type ToKernel =
  | { readonly type: "ready" | "resync"; readonly epoch: string; readonly after: number }
  | (Doing & { readonly request: number });

/** What a stretch of a connection cost, as the kernel counted it. */
export interface Figures {
  readonly messages: number;
  readonly round_trips: number;
  readonly body: number;
  readonly framing: number;
}

/**
 * One column of a comparison: a call, by the number of its request. A page knows one exchange,
 * not where a call began and ended on the wire: what the kernel counted goes before.
 */
export interface Compared {
  readonly label: string;
  readonly seq: number;
  readonly cost?: Figures & {
    readonly first_byte_ns: number | null;
    readonly result_ns: number | null;
  };
  readonly opening?: Figures;
}

/** How a view begins; all of it may be left out. */
export interface Options {
  readonly preset?: "learn" | "dev";
  /** A query that always holds, beside the one in the filter box. */
  readonly scope?: string;
  /** What stands in the filter box at first. */
  readonly query?: string;
  /** The number of a request: the view is the one-line, foldable flow of its exchange. */
  readonly mini?: number;
  /**
   * Compare these calls. Where the element holds a table, a column for each call in this order,
   * that is the comparison, and its cells open the bytes; else one is drawn. The flow of these
   * connections comes once something is opened.
   */
  readonly compare?: readonly Compared[];
  /** The number of an event that is open at first. */
  readonly select?: number;
  /** The most the picture may be high, in pixels; docked views fill their place. */
  readonly height?: number;
  readonly docked?: boolean;
  /** The view stands beside the notebook, docked or floating; here a line says so. */
  readonly beside?: boolean;
  /** For a projector: large, and one connection at a time. */
  readonly big?: boolean;
}

const KINDS = new Set(["message", "chunk", "stderr", "fault", "opened", "closed"]);

/** Whether a value can be taken for an event: what a page is fed with may be damaged. */
export function isEvent(value: unknown): value is TraceEvent {
  const event = value as TraceEvent | null;
  return (
    typeof event === "object" &&
    event !== null &&
    KINDS.has(event.kind) &&
    Number.isFinite(event.seq) &&
    Number.isFinite(event.time_ns) &&
    typeof event.conn === "string" &&
    typeof event.link === "string"
  );
}

/** A Trace in JSON lines; lines that cannot be read are counted, not thrown. */
export function parseLines(text: string): {
  header: Header | null;
  items: TraceEvent[];
  bad: number;
} {
  let header: Header | null = null;
  const items: TraceEvent[] = [];
  let bad = 0;
  for (const line of text.split("\n")) {
    if (line.trim() === "") continue;
    try {
      const value: unknown = JSON.parse(line);
      if (isEvent(value)) items.push(value);
      else if ((value as Header | null)?.mcp_trace === SCHEMA_VERSION) header = value as Header;
      else bad++;
    } catch {
      bad++;
    }
  }
  return { header, items, bad };
}
