/** The sequence diagram: lanes above, a row a message, arrows between the lanes. */

import { clean, countText, durationText } from "../bytes.js";
import {
  ARROW_Y,
  type Arrow,
  arrowOf,
  barsOf,
  type Lane,
  type Lanes,
  LEFT,
  layOut,
  RIGHT,
  ROW,
} from "../layout.js";
import type { Row, Session, Store } from "../store.js";
import { say, sentence, timeText } from "../words.js";
import { h, s } from "./dom.js";
import { Scroller, type Source } from "./scroller.js";

export interface Seen {
  readonly selected: number;
  readonly marked: number;
  readonly span: readonly [number, number] | undefined;
  readonly future: number;
  readonly learn: boolean;
}

export interface Wishes {
  select(row: Row, extend: boolean): void;
  fold(session: Session): void;
}

let pictures = 0;

export class Picture {
  readonly element: HTMLElement;
  readonly port: HTMLElement;
  readonly #head: HTMLElement;
  readonly #lines: HTMLElement;
  readonly #bars: HTMLElement;
  readonly #packets: HTMLElement;
  readonly #scroller: Scroller<Row>;
  readonly #name = `mcp-flow-${++pictures}`;
  #lanes: Lanes = layOut([], 600);
  #sign = "";
  #barSign = "";
  seen: Seen = { selected: 0, marked: 0, span: undefined, future: Infinity, learn: false };

  constructor(
    readonly store: Store,
    readonly wishes: Wishes,
  ) {
    this.#lines = h("div.mf-lines", { "aria-hidden": "true" });
    this.#bars = h("div.mf-bars", { "aria-hidden": "true" });
    this.#packets = h("div.mf-packets", { "aria-hidden": "true" });
    this.#head = h("div.mf-lanes");
    const list = h("div.mf-rows", { role: "presentation" });
    const ground = h(
      "div.mf-ground",
      { role: "presentation" },
      this.#lines,
      this.#bars,
      list,
      this.#packets,
    );
    this.port = h(
      "div.mf-port",
      { tabindex: "0", role: "listbox", "aria-label": "Messages, oldest first" },
      ground,
    );
    const sheet = h("div.mf-sheet", {}, this.#head, this.port);
    this.element = h("div.mf-picture", {}, sheet);
    this.#scroller = new Scroller<Row>(
      this.port,
      ground,
      ROW,
      (row) => this.#row(row),
      (element, index) => {
        element.style.top = `${index * ROW}px`;
      },
    );
  }

  set source(source: Source<Row>) {
    this.#scroller.source = source;
  }

  get scroller(): Scroller<Row> {
    return this.#scroller;
  }

  get lanes(): Lanes {
    return this.#lanes;
  }

  draw(sessions: Iterable<Session>, placeOf: (row: Row) => number, end: boolean): void {
    const wide = this.element.clientWidth || 900;
    const narrow = wide < 620;
    const [left, right] = narrow ? [40, 64] : [LEFT, RIGHT];
    const lanes = layOut(sessions, wide - left - right - 14, this.seen.learn);
    const sign = JSON.stringify(lanes.lanes) + wide;
    if (sign !== this.#sign) {
      this.#sign = sign;
      this.#lanes = lanes;
      this.element.style.setProperty("--left", `${left}px`);
      this.element.style.setProperty("--right", `${right}px`);
      this.element.style.setProperty("--lanes", `${lanes.width}px`);
      this.element.classList.toggle("mf-narrow", narrow);
      this.#head.replaceChildren(...lanes.lanes.map((lane) => laneHead(lane)));
      this.#lines.replaceChildren(...lanes.lanes.map((lane) => lifeline(lane)));
      this.#scroller.stale();
    }
    this.#scroller.draw(end);
    this.#drawBars(placeOf);
  }

  /** Show what is selected, marked, and not yet come. */
  paint(): void {
    const { selected, marked, span, future } = this.seen;
    const related = new Set(
      this.store.at(selected)?.exchanges.flatMap((one) => one.rows.map((row) => row.seq)),
    );
    for (const [seq, element] of this.#scroller.elements()) {
      element.setAttribute("aria-selected", String(seq === selected));
      element.classList.toggle("mf-related", related.has(seq));
      element.classList.toggle("mf-marked", seq === marked);
      element.classList.toggle("mf-span", span !== undefined && seq >= span[0] && seq <= span[1]);
      element.classList.toggle("mf-future", seq > future);
    }
    const active = this.#scroller.element(selected);
    if (active) this.port.setAttribute("aria-activedescendant", active.id);
    else this.port.removeAttribute("aria-activedescendant");
  }

  /** Packets on their way, each a part of its arrow. */
  fly(packets: readonly { row: Row; part: number }[], placeOf: (row: Row) => number): void {
    const dots: HTMLElement[] = [];
    for (const { row, part } of packets) {
      const arrow = arrowOf(row, this.#lanes);
      const index = placeOf(row);
      if (!arrow || index < 0 || arrow.x1 === arrow.x2) continue;
      const eased = part < 0.5 ? 2 * part * part : 1 - (2 - 2 * part) ** 2 / 2;
      const x = arrow.x1 + (arrow.x2 - arrow.x1) * eased;
      const dot = h("div", { class: `mf-packet mf-k-${row.failed ? "failed" : row.kind}` });
      dot.style.transform = `translate(${x}px, ${index * ROW + ARROW_Y}px)`;
      dots.push(dot);
    }
    this.#packets.replaceChildren(...dots);
  }

  #drawBars(placeOf: (row: Row) => number): void {
    const [from, to] = this.#scroller.range;
    const rows: Row[] = [];
    const { source } = this.#scroller;
    for (let index = Math.max(0, from - 80); index < Math.min(source.count, to + 40); index++) {
      const row = source.at(index);
      if (row) rows.push(row);
    }
    const found = barsOf(rows, placeOf);
    const sign =
      found
        .map((bar) => `${bar.top} ${bar.bottom} ${bar.exchange.seq} ${bar.exchange.status}`)
        .join() + this.#sign;
    if (sign === this.#barSign) return;
    this.#barSign = sign;
    const bars = found.flatMap((bar) => {
      const lane = this.#lanes.at.get(bar.lane);
      if (!lane) return [];
      const made = h("div", { class: `mf-bar mf-s-${bar.exchange.status}` });
      const top = bar.top * ROW + ARROW_Y;
      const height =
        bar.bottom === undefined ? source.count * ROW - top : (bar.bottom - bar.top) * ROW;
      made.style.cssText = `left:${lane.x - 4 + bar.slot * 5}px;top:${top}px;height:${Math.max(4, height)}px`;
      return [made];
    });
    this.#bars.replaceChildren(...bars);
  }

  #row(row: Row): HTMLElement {
    const { store } = this;
    const said = say(row, store);
    const arrow = arrowOf(row, this.#lanes);
    const folded = this.#folded(row);
    const kind = row.failed ? "failed" : row.kind;
    const made = h("div", {
      ...{ class: `mf-row mf-k-${kind}`, role: "option", id: `${this.#name}-${row.seq}` },
      ...{ "data-testid": "mcp-flow-message", "data-seq": row.seq, "data-kind": row.kind },
      "data-method": clean(row.exchanges[0]?.method ?? row.method, 80),
      ...{ "aria-selected": "false", "aria-label": folded?.text ?? sentence(row, store) },
    });
    made.addEventListener("click", (event) => this.wishes.select(row, event.shiftKey));
    made.append(
      h("span.mf-seq", {}, String(row.seq)),
      h("span.mf-time", {}, timeText(row, store.zeroNs)),
    );
    const field = h("span.mf-field");
    if (arrow) field.append(this.#arrow(arrow), this.#label(arrow, said, folded));
    const opens = h("span.mf-took", {}, folded ? folded.took : said.took);
    made.append(field, opens, h("span.mf-size", {}, said.size));
    if (folded) made.addEventListener("dblclick", () => this.wishes.fold(row.session));
    return made;
  }

  #folded(row: Row): { text: string; took: string } | undefined {
    const shake = row.handshake === row.seq ? this.store.handshakes.get(row.seq) : undefined;
    const next = this.#scroller.source.at(this.#indexOf(row) + 1);
    if (!shake || shake.count < 2 || next?.handshake === row.seq) return undefined;
    const took = durationText(shake.last.event.time_ns - shake.first.event.time_ns);
    const text = `handshake of ${row.event.conn}, ${countText(shake.count, "message")}, ${took}, folded`;
    return { text: clean(text, 200), took };
  }

  #indexOf(row: Row): number {
    const { source } = this.#scroller;
    let [low, high] = [0, source.count];
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((source.at(middle)?.seq ?? 0) < row.seq) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  #label(
    arrow: Arrow,
    said: ReturnType<typeof say>,
    folded: { text: string } | undefined,
  ): HTMLElement {
    const [low, high] = [Math.min(arrow.x1, arrow.x2), Math.max(arrow.x1, arrow.x2)];
    const label = h("span.mf-label");
    if (folded) {
      label.append(
        h("b", {}, "▸ handshake"),
        h("span.mf-rest", {}, folded.text.split(", ")[1] ?? ""),
      );
    } else {
      label.append(h("b", {}, said.head));
      if (said.word) label.append(h("span.mf-word", {}, said.word));
      if (said.part !== undefined) {
        const full = h("i");
        full.style.width = `${said.part * 100}%`;
        label.append(h("span.mf-part", {}, full));
      }
      if (said.rest) label.append(h("span.mf-rest", {}, said.rest));
      if (said.id) label.append(h("span.mf-id", {}, said.id));
    }
    const { width } = this.#lanes;
    if (high - low >= 220) {
      label.style.left = `${low + 12}px`;
      label.style.maxWidth = `${high - low - 30}px`;
    } else if (width - low < 240 && high > 260) {
      label.style.right = `${width - high + 12}px`;
      label.style.maxWidth = `${high - 16}px`;
    } else {
      label.style.left = `${low + 12}px`;
      label.style.maxWidth = `${width - low - 12}px`;
    }
    return label;
  }

  #arrow(arrow: Arrow): SVGElement {
    const { x1, x2, shape, head } = arrow;
    const y = ARROW_Y;
    const way = Math.sign(x2 - x1);
    const drawn = s("svg", {
      class: "mf-arrow",
      "aria-hidden": "true",
      width: this.#lanes.width,
      height: ROW,
    });
    const stub = (from: number, to: number): SVGElement =>
      s("path", { class: "mf-stub", d: `M${from} ${y}H${to}` });
    const c = way > 0 ? x1 : x2;
    const server = way > 0 ? x2 : x1;
    if (arrow.you !== undefined) drawn.append(stub(arrow.you + 6, c - 6));
    if (arrow.tool !== undefined) drawn.append(stub(server + 6, arrow.tool - 4));
    const tip = x2 - way * 6;
    if (head === "note")
      drawn.append(s("path", { class: "mf-glyph", d: `M${x1 - 5} ${y - 5}h7l3 3v7h-10z` }));
    else if (head === "bolt")
      drawn.append(s("path", { class: "mf-glyph", d: `M${x1 + 2} ${y - 8}l-6 9h4l-2 7 7-10h-4z` }));
    else if (head === "plus" || head === "minus") {
      drawn.append(s("path", { class: "mf-line mf-link", d: `M${x1 + 5} ${y}H${x2 - 5}` }));
      for (const x of [x1, x2]) {
        drawn.append(s("circle", { class: "mf-end", cx: x, cy: y, r: 5 }));
        const sign = `M${x - 2.5} ${y}h5${head === "plus" ? `M${x} ${y - 2.5}v5` : ""}`;
        drawn.append(s("path", { class: "mf-sign", d: sign }));
      }
    } else {
      const from = x1 + way * (arrow.you !== undefined || arrow.tool !== undefined ? 5 : 5);
      drawn.append(s("path", { class: `mf-line mf-${shape}`, d: `M${from} ${y}H${tip}` }));
      drawn.append(tipOf(head, x2 - way * 5, y, way));
    }
    return drawn;
  }
}

function tipOf(head: Arrow["head"], x: number, y: number, way: number): SVGElement {
  const back = x - way * 9;
  switch (head) {
    case "arrow":
      return s("path", { class: "mf-glyph", d: `M${x} ${y}L${back} ${y - 5}V${y + 5}z` });
    case "cross":
      return s("path", { class: "mf-line", d: `M${x - 4 - way * 4} ${y - 5}l9 10m0 -10l-9 10` });
    case "diamond":
      return s("path", {
        class: "mf-glyph",
        d: `M${x} ${y}l${-way * 6} -5l${-way * 6} 5l${way * 6} 5z`,
      });
    case "square":
      return s("rect", { class: "mf-end", x: x - way * 4 - 4, y: y - 4, width: 8, height: 8 });
    case "circle":
      return s("circle", { class: "mf-end", cx: x - way * 4, cy: y, r: 3.5 });
    default:
      return s("path", { class: "mf-line", d: `M${back} ${y - 5}L${x} ${y}L${back} ${y + 5}` });
  }
}

const ICONS: Readonly<Record<Lane["kind"], string>> = {
  you: "M8 2.5a2.8 2.8 0 1 1 0 5.6a2.8 2.8 0 0 1 0-5.6zM2.5 14a5.5 5.5 0 0 1 11 0",
  connection: "M2 8h12M10.5 4.5L14 8l-3.5 3.5",
  endpoint: "M2.5 3h11v4h-11zM2.5 9h11v4h-11zM5 5h.01M5 11h.01",
  child: "M2.5 3.5h11v9h-11zM5 6.500l2 1.500l-2 1.500M8.5 10h2.5",
  remote: "M8 2a6 6 0 1 1 0 12a6 6 0 0 1 0-12zM2 8h12M8 2c4 4 4 8 0 12c-4-4-4-8 0-12",
  tools:
    "M10 2.5a3.5 3.5 0 0 0-3.200 5L2.5 11.800l1.700 1.700L8.5 9.200a3.5 3.5 0 0 0 4.700-4.300l-2 2l-2.100-2.100l2-2z",
};

function laneHead(lane: Lane): HTMLElement {
  const icon = s(
    "svg",
    { viewBox: "0 0 16 16", class: "mf-icon", "aria-hidden": "true" },
    s("path", { d: ICONS[lane.kind] }),
  );
  const title = clean(lane.title, 60);
  const head = h("div", {
    class: `mf-lane mf-lane-${lane.kind}`,
    title: lane.title === title ? title : undefined,
  });
  head.style.left = `${lane.x}px`;
  head.style.width = `${lane.room - 8}px`;
  head.append(h("span.mf-name", {}, icon, h("span", {}, title)));
  head.append(h("span.mf-under", {}, clean(lane.open ? lane.under : `${lane.under}, closed`, 40)));
  if (lane.badge) {
    const text = `${lane.badge} ${clean(lane.revision, 10)}`;
    head.append(h(`span.mf-under.mf-badge.mf-${lane.badge}`, { title: text }, text));
  } else if (lane.tools.length) {
    const text = lane.tools.join(" · ");
    head.append(h("span.mf-under.mf-tools", { title: text }, text));
  }
  return head;
}

function lifeline(lane: Lane): HTMLElement {
  const line = h("div", { class: `mf-life mf-life-${lane.kind}` });
  line.style.left = `${lane.x}px`;
  return line;
}
