/** One message in four layers; the chosen field keeps its place from layer to layer. */

import {
  clean,
  cleanLines,
  countText,
  decode,
  durationText,
  encode,
  hex,
  sizeText,
  toBytes,
  toText,
} from "../bytes.js";
import { bytesOf, type Framing, inStream, type Located } from "../decode/framing.js";
import type { Span, Unit } from "../decode/unit.js";
import { OPCODES } from "../decode/websocket.js";
import type { Envelope } from "../envelope.js";
import { type JsonNode, nodeAt, nodeOver, parseTree } from "../jsontree.js";
import { magicLine, type Piece, pythonCall } from "../pycall.js";
import { envelopesOf, type Row, type Store } from "../store.js";
import { explained, say, timeText } from "../words.js";
import { button, copy, h } from "./dom.js";
import { hexDump } from "./hex.js";
import { jsonView, samePath } from "./json.js";

export const LAYERS = ["call", "message", "framing", "bytes"] as const;
export type LayerName = (typeof LAYERS)[number];
const TITLES: Readonly<Record<LayerName, string>> = {
  call: "Python call",
  message: "JSON-RPC",
  framing: "Framing",
  bytes: "Bytes",
};

export interface Deeds {
  readonly live: boolean;
  resend(row: Row, edited?: string): void;
  go(seq: number): void;
  close(): void;
}

let details = 0;

export class Detail {
  readonly element: HTMLElement;
  readonly #title = h("div.mf-dtitle");
  readonly #panel: HTMLElement;
  readonly #tabs: Record<string, HTMLButtonElement> = {};
  #row: Row | undefined;
  layer: LayerName = "message";
  /** The field that is chosen: its path in the message. */
  path: readonly string[] = [];
  #find = "";
  #edited: string | undefined;
  learn = false;

  constructor(
    readonly store: Store,
    readonly framing: Framing,
    readonly deeds: Deeds,
  ) {
    const name = `mcp-flow-detail-${++details}`;
    this.#panel = h("div.mf-panel", { role: "tabpanel", id: `${name}-panel`, tabindex: "0" });
    const tabs = h("div.mf-tabs", { role: "tablist", "aria-label": "Layers" });
    for (const layer of LAYERS) {
      const tab = button(TITLES[layer], () => this.turn(layer), {
        ...{ role: "tab", id: `${name}-${layer}`, "data-testid": `mcp-flow-layer-${layer}` },
        "aria-controls": `${name}-panel`,
      });
      this.#tabs[layer] = tab;
      tabs.append(tab);
    }
    tabs.addEventListener("keydown", (event) => {
      const by = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
      if (!by) return;
      event.preventDefault();
      event.stopPropagation();
      this.turn(LAYERS[(LAYERS.indexOf(this.layer) + by + 4) % 4]!);
      this.#tabs[this.layer]?.focus();
    });
    const close = button("×", () => deeds.close(), {
      class: "mf-x",
      "aria-label": "Close the detail",
    });
    this.element = h(
      "section.mf-detail",
      {
        "data-testid": "mcp-flow-detail",
        "aria-label": "One message in four layers",
        hidden: true,
      },
      h("div.mf-dhead", {}, this.#title, close),
      tabs,
      this.#panel,
    );
  }

  get row(): Row | undefined {
    return this.#row;
  }

  show(row: Row | undefined): void {
    const other = row?.seq !== this.#row?.seq;
    this.#row = row;
    this.element.hidden = !row;
    if (other) {
      this.#edited = undefined;
      const exchange = row?.exchanges[0];
      if (!exchange || this.path[0] === (row?.kind === "request" ? "result" : "params"))
        this.path = [];
    }
    if (row && other) this.draw();
  }

  turn(layer: LayerName): void {
    this.layer = layer;
    this.draw();
  }

  choose(path: readonly string[]): void {
    this.path = samePath(path, this.path) ? [] : path;
    this.draw();
  }

  draw(): void {
    const row = this.#row;
    if (!row) return;
    for (const layer of LAYERS) {
      const tab = this.#tabs[layer]!;
      tab.setAttribute("aria-selected", String(layer === this.layer));
      tab.tabIndex = layer === this.layer ? 0 : -1;
    }
    this.#panel.setAttribute("aria-labelledby", this.#tabs[this.layer]!.id);
    this.#title.replaceChildren(...this.#facts(row));
    this.#panel.className = `mf-panel mf-panel-${this.layer}`;
    const draw = {
      call: this.#call,
      message: this.#message,
      framing: this.#framing,
      bytes: this.#bytes,
    };
    this.#panel.replaceChildren(...draw[this.layer].call(this, row));
    this.#panel.querySelector(".mf-chosen")?.scrollIntoView?.({ block: "nearest" });
  }

  #facts(row: Row): (Node | string)[] {
    const { event } = row;
    const exchange = row.exchanges[0];
    const said = say(row, this.store);
    const facts: (Node | string)[] = [
      h("b", {}, `#${row.seq} ${said.head}`),
      h(
        "span",
        {},
        `${clean(event.conn, 40)} over ${clean(event.transport, 20)}, ${timeText(row, this.store.zeroNs)}`,
      ),
    ];
    if (exchange) {
      const latency = exchange.latencyNs;
      facts.push(
        h(
          "span",
          { class: `mf-status mf-s-${exchange.status}` },
          exchange.status.replace("-", " "),
        ),
      );
      if (latency !== undefined)
        facts.push(h("span", {}, `answered after ${durationText(latency)}`));
      const others = [exchange.request, ...exchange.answers].filter((one) => one !== row);
      for (const other of others.slice(0, 2)) {
        const text = other === exchange.request ? `request #${other.seq}` : `answer #${other.seq}`;
        facts.push(button(text, () => this.deeds.go(other.seq), { class: "mf-go" }));
      }
      if (exchange.rounds.length > 1) {
        const at = exchange.rounds.indexOf(exchange.seq);
        facts.push(h("span", {}, `round ${at + 1} of ${exchange.rounds.length}`));
        const next = exchange.rounds[at + 1] ?? exchange.rounds[at - 1];
        if (next)
          facts.push(
            button(`the other round #${next}`, () => this.deeds.go(next), { class: "mf-go" }),
          );
      }
    }
    if (this.learn) facts.push(h("p.mf-explained", {}, explained(row)));
    return facts;
  }

  #call(row: Row): Node[] {
    const exchange = row.exchanges[0];
    const asked =
      exchange && exchange.request !== row ? envelopesOf(exchange.request)[0] : undefined;
    const lines = envelopesOf(row).map((one) => this.#code(pythonCall(one, row.direction, asked)));
    if (!lines.length)
      return [h("p.mf-note", {}, explained(row) || "No call of Python stands for this.")];
    const own = exchange ? envelopesOf(exchange.request)[0] : envelopesOf(row)[0];
    return [...lines, this.#copies(row, own)];
  }

  #code(pieces: readonly Piece[]): HTMLElement {
    const line = h("pre.mf-code");
    for (const { text, path } of pieces) {
      if (!path) {
        line.append(cleanLines(text));
        continue;
      }
      const piece = h("span.mf-piece", {}, cleanLines(text));
      const chosen =
        path.length <= this.path.length && path.every((name, i) => name === this.path[i]);
      if (chosen && path.length) piece.classList.add("mf-chosen");
      piece.addEventListener("click", () => this.choose(path));
      line.append(piece);
    }
    return line;
  }

  #copies(row: Row, asked: Envelope | undefined): HTMLElement {
    const bar = h("div.mf-copies");
    const add = (name: string, text: string | undefined): void => {
      if (text === undefined) return;
      const made = button(`Copy ${name}`, async () => {
        made.textContent = (await copy(text)) ? "Copied" : "Not allowed here";
        setTimeout(() => (made.textContent = `Copy ${name}`), 1200);
      });
      bar.append(made);
    };
    if (asked) {
      add("%mcp line", magicLine(asked, row.event.conn));
      add(
        "Python",
        pythonCall(asked, "c2s")
          .map((piece) => piece.text)
          .join(""),
      );
    }
    const { event } = row;
    if (event.kind === "message") add("JSON", toText(event.raw));
    add("curl", this.#curl(row));
    return bar;
  }

  #curl(row: Row): string | undefined {
    const request = row.exchanges[0]?.request;
    const place = request?.direction === "c2s" ? this.framing.locate(request) : undefined;
    const head = place?.head?.detail;
    if (!request || !place || head?.type !== "head" || request.event.kind !== "message")
      return undefined;
    const quote = (text: string): string => `'${text.replaceAll("'", "'\\''")}'`;
    const skip = new Set(["host", "content-length", "connection", "accept-encoding", "user-agent"]);
    const host = head.headers.find(([name]) => name.toLowerCase() === "host")?.[1] ?? "localhost";
    const fields = head.headers.filter(([name]) => !skip.has(name.toLowerCase()));
    const options = fields.map(([name, value]) => `-H ${quote(`${name}: ${value}`)}`);
    const body = `--data-raw ${quote(toText(request.event.raw))}`;
    return [`curl -N ${quote(`http://${host}${head.target}`)}`, ...options, body].join(" \\\n  ");
  }

  #message(row: Row): Node[] {
    const { event } = row;
    if (event.kind !== "message") return [h("pre.mf-code", {}, cleanLines(this.#other(row)))];
    const text = toText(event.raw);
    const root = parseTree(text);
    const find = h("input", {
      type: "search",
      placeholder: "find in this message",
      "aria-label": "Find in this message",
    });
    find.value = this.#find;
    const holder = h("div");
    const draw = (): void => {
      const tree = root
        ? jsonView(text, root, { path: this.path, choose: (path) => this.choose(path) }, this.#find)
        : h("pre.mf-code", {}, cleanLines(text));
      holder.replaceChildren(tree);
      holder.querySelector(".mf-found")?.scrollIntoView?.({ block: "nearest" });
    };
    find.addEventListener("input", () => {
      this.#find = find.value;
      draw();
    });
    draw();
    const bar = h("div.mf-copies", {}, find);
    if (event.size > toBytes(event.raw).length) {
      bar.append(h("span.mf-note", {}, `cut: ${sizeText(event.size)} travelled`));
    }
    if (this.deeds.live && row.direction === "c2s" && row.event.vantage === "client") {
      bar.append(button("Resend", () => this.deeds.resend(row)));
      bar.append(
        button("Edit and resend", () =>
          this.#edit(root ? JSON.stringify(JSON.parse(text), null, 2) : text),
        ),
      );
    }
    if (this.#edited === undefined) return [bar, holder];
    const area = h("textarea.mf-edit", {
      rows: 10,
      spellcheck: "false",
      "aria-label": "The message to send",
    });
    area.value = this.#edited;
    area.addEventListener("input", () => (this.#edited = area.value));
    const send = button("Send", () => this.deeds.resend(row, area.value));
    return [
      bar,
      h(
        "div.mf-editing",
        {},
        area,
        send,
        button("Cancel", () => this.#edit(undefined)),
      ),
      holder,
    ];
  }

  #edit(text: string | undefined): void {
    this.#edited = text;
    this.draw();
  }

  #other({ event }: Row): string {
    switch (event.kind) {
      case "stderr":
        return `the child wrote on its standard error:\n${event.text}`;
      case "fault":
        return `fault: ${event.text}`;
      case "opened":
        return `a link opened: ${event.address || "no address is known"}`;
      case "closed":
        return `a link closed: ${event.reason || "an ordinary end"}`;
      case "chunk":
        return toText(event.data);
      default:
        return "";
    }
  }

  #framing(row: Row): Node[] {
    const place = this.framing.locate(row);
    if (!place) return [this.#nowhere(row)];
    const { head, units, link } = place;
    const last = units[units.length - 1]!;
    const first = head ?? units[0]!;
    const parts: Node[] = [];
    const where = `bytes ${units[0]!.span[0]} to ${last.span[1]} of ${clean(row.event.conn, 40)}’s ${clean(last.direction === "c2s" ? "requests" : "answers", 20)} on one link`;
    parts.push(h("p.mf-note", {}, `${UNIT_NAMES[last.layer] ?? last.layer}, ${where}`));
    if (head) parts.push(this.#unit(head, row, head === first));
    const siblings = last.layer === "sse-event" ? this.#siblings(place) : units;
    for (const unit of siblings) parts.push(this.#unit(unit, row, units.includes(unit)));
    void link;
    return parts;
  }

  /** The events of the same stream, so that it is seen how they came one by one. */
  #siblings({ link, head, units }: Located): Unit[] {
    const all = this.framing
      .of(link)
      .units.filter((unit) => unit.direction === units[0]!.direction);
    const begin = head ? all.indexOf(head) + 1 : all.indexOf(units[0]!);
    const end = all.findIndex((unit, i) => i >= begin && unit.layer !== "sse-event");
    const stream = all.slice(begin, end < 0 ? undefined : end);
    const at = stream.indexOf(units[0]!);
    return stream.slice(Math.max(0, at - 4), at + 5);
  }

  #unit(unit: Unit, row: Row, own: boolean): HTMLElement {
    const { detail } = unit;
    const since = unit.timeNs - (row.exchanges[0]?.request.event.time_ns ?? row.event.time_ns);
    const sign = since < 0 ? "−" : "+";
    const head = h(
      "div.mf-uhead",
      {},
      h("b", {}, UNIT_NAMES[unit.layer] ?? unit.layer),
      h("span", {}, sizeText(unit.span[1] - unit.span[0])),
      h("span", {}, `${sign}${durationText(Math.abs(since))}`),
    );
    const facts = h("dl.mf-facts");
    const fact = (name: string, value: string): void => {
      facts.append(h("dt", {}, name), h("dd", {}, clean(value, 400)));
    };
    if (detail?.type === "head") {
      const line = detail.request
        ? `${detail.method} ${detail.target} HTTP/1.1`
        : `HTTP/1.1 ${detail.status} ${detail.reason}`;
      head.append(h("code", {}, clean(line, 200)));
      for (const [name, value] of detail.headers.slice(0, 60)) fact(name, value);
      if (unit.layer === "http-body") {
        facts.replaceChildren();
        fact("pieces", String(unit.bodySpans.length));
      }
    } else if (detail?.type === "sse") {
      fact("event", detail.event);
      if (detail.id !== undefined) fact("id", detail.id);
      if (detail.retry !== undefined) fact("retry", `${detail.retry} ms`);
      if (detail.comments.length) fact("comment", detail.comments.join(" "));
      fact(
        "data",
        unit.body ? `${sizeText(unit.body.length)} in ${countText(detail.lines, "line")}` : "none",
      );
      if (unit.body) fact("text", decode(unit.body.subarray(0, 160)));
    } else if (detail?.type === "ws") {
      fact("opcode", `${detail.opcode} ${OPCODES[detail.opcode]}`);
      fact("fin", detail.fin ? "1, the last frame of its message" : "0, more frames follow");
      if (detail.rsv) fact("rsv", String(detail.rsv));
      fact("length", countText(detail.length, "byte"));
      fact(
        "mask",
        detail.mask ? `${hex(detail.mask)} (clients must mask)` : "none (servers must not mask)",
      );
    } else if (detail?.type === "line") {
      fact("ends with", detail.end === "\n" ? "a line feed, 0a" : "CR LF, 0d 0a");
      fact("text", countText(unit.body?.length ?? 0, "byte"));
    }
    return h("div", { class: own ? "mf-unit mf-ownunit" : "mf-unit" }, head, facts);
  }

  #bytes(row: Row): Node[] {
    const { event } = row;
    if (event.kind === "chunk") {
      const dump = hexDump(
        toBytes(event.data),
        event.offset,
        { own: [], field: [] },
        () => undefined,
      );
      return [
        dump,
        ...(event.size > toBytes(event.data).length
          ? [h("p.mf-note", {}, "the rest was not kept")]
          : []),
      ];
    }
    if (event.kind !== "message") return [h("p.mf-note", {}, "No bytes stand for this.")];
    const place = this.framing.locate(row);
    if (!place) {
      const data = toBytes(event.raw);
      const whole: Located["spans"] = [[0, data.length]];
      const field = this.#field(data, whole);
      const dump = hexDump(data, 0, { own: whole, field }, (at) => this.#pick(data, whole, at));
      return [this.#nowhere(row), dump];
    }
    const { units, spans, link, body, head } = place;
    // the head is shown too where it stands right before
    const whole = head && head.span[1] === units[0]!.span[0];
    const span: Span = [whole ? head.span[0] : units[0]!.span[0], units[units.length - 1]!.span[1]];
    const data = bytesOf(link, row.direction, span);
    const field = this.#field(body, spans);
    const dump = hexDump(data, span[0], { own: spans, field }, (at) => this.#pick(body, spans, at));
    const masked = units.some((unit) => unit.detail?.type === "ws" && unit.detail.mask);
    const note = h("p.mf-note");
    note.append(h("span.mf-own", {}, "message"), " ", h("span", {}, "framing"));
    if (this.path.length) note.append(" ", h("span.mf-chosen", {}, clean(this.path.join("."), 60)));
    if (!masked) return [note, dump];
    const plain: Located["spans"] = [[0, body.length]];
    const clear = hexDump(body, 0, { own: plain, field: this.#field(body, plain) }, (at) =>
      this.#pick(body, plain, at),
    );
    return [note, h("h4", {}, "as it travelled, masked"), dump, h("h4", {}, "unmasked"), clear];
  }

  #nowhere(row: Row): HTMLElement {
    const why =
      row.event.kind === "message"
        ? "The bytes that carried it are not in the Trace."
        : "No framing stands for this.";
    return h("p.mf-note", {}, why);
  }

  /** Where the chosen field lies among the bytes. */
  #field(body: Uint8Array, spans: readonly Span[]): Span[] {
    if (!this.path.length) return [];
    const text = decode(body);
    const root = parseTree(text);
    const node: JsonNode | undefined = root && nodeAt(root, this.path);
    if (!node?.path.length) return [];
    const start = encode(text.slice(0, node.start)).length;
    return inStream(spans, [start, start + encode(text.slice(node.start, node.end)).length]);
  }

  #pick(body: Uint8Array, spans: readonly Span[], at: number): void {
    let before = 0;
    for (const [start, end] of spans) {
      if (at >= start && at < end) {
        const text = decode(body);
        const root = parseTree(text);
        const place = decode(body.subarray(0, before + at - start)).length;
        if (root) this.choose(nodeOver(root, place).path);
        return;
      }
      before += end - start;
    }
  }
}

const UNIT_NAMES: Readonly<Record<string, string>> = {
  line: "a line of JSON",
  "http-head": "HTTP head",
  "http-body": "HTTP body",
  "sse-event": "server-sent event",
  "ws-frame": "WebSocket frame",
  tail: "another protocol",
  undecoded: "could not be read",
};
