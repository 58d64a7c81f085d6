/** The sequence diagram: lanes above, a row a message, arrows between the lanes. */

import { clean, countText, durationText } from "../bytes.js";
import { type Lanes, LEFT, layOut, RIGHT } from "../lanes.js";
import { ARROW_Y, type Arrow, arrowOf, barsOf, bracketsOf, ROW } from "../layout.js";
import type { Folds, Reading } from "../reading.js";
import { togetherWith } from "../steps.js";
import type { Row, Session, Store } from "../store.js";
import { say, sentence, timeText } from "../words.js";
import { drawArrow } from "./arrow.js";
import { h } from "./dom.js";
import { laneHead, lifeline } from "./lanes.js";
import { Scroller, type Source } from "./scroller.js";

export interface Wishes {
  select(row: Row, extend: boolean): void;
  fold(session: Session): void;
}

/** Beside a lane that is brought into sight. */
const ROOM = 46;

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
  /** How much wider it is than its place, and how much of it is scrolled away. */
  #beyond = 0;
  #from = 0;
  #sign = "";
  #barSign = "";
  #paintSign = "";
  #active = "";

  constructor(
    readonly store: Store,
    readonly reading: Reading,
    readonly folds: Folds,
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
    this.element.addEventListener("scroll", () => this.#aside(), { passive: true });
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

  draw(
    sessions: Iterable<Session>,
    placeOf: (row: Row) => number,
    end: boolean,
    learn: boolean,
  ): void {
    const wide = this.element.clientWidth || 900;
    const narrow = wide < 620;
    const [left, right] = narrow ? [40, 64] : [LEFT, RIGHT];
    const lanes = layOut(sessions, wide - left - right - 14, learn);
    const { folds } = this;
    const open = lanes.lanes.map(({ shakes }) => folds.open(shakes));
    const sign = JSON.stringify([lanes.lanes, wide, open, folds.off]);
    if (sign !== this.#sign) {
      this.#sign = sign;
      this.#lanes = lanes;
      this.element.style.setProperty("--left", `${left}px`);
      this.element.style.setProperty("--right", `${right}px`);
      this.element.style.setProperty("--lanes", `${lanes.width}px`);
      this.element.classList.toggle("mf-narrow", narrow);
      const fold = (key: string): void => {
        const session = this.store.sessions.get(key);
        if (session) this.wishes.fold(session);
      };
      // what is pressed keeps the focus
      const held = [...this.#head.children].findIndex((one) =>
        one.contains(document.activeElement),
      );
      this.#head.replaceChildren(
        ...lanes.lanes.map((lane, i) => laneHead(lane, open[i] === true, folds.off, fold)),
      );
      const heights = [...this.#head.children].map((one) => (one as HTMLElement).offsetHeight);
      this.#head.style.height = `${Math.max(30, ...heights) + 18}px`;
      this.#head.children[held]?.querySelector("button")?.focus();
      this.#lines.replaceChildren(...lanes.lanes.map((lane) => lifeline(lane)));
      this.#scroller.stale();
      this.#beyond = Math.max(0, left + lanes.width + right + 14 - wide);
      this.element.classList.toggle("mf-wide", this.#beyond > 0);
      this.#aside();
    }
    this.#scroller.draw(end);
    this.#drawBars(placeOf);
    if (end) this.show(this.#scroller.source.at(this.#scroller.source.count - 1));
  }

  /** Bring the lanes of a row into sight, where not all of them fit. */
  show(row: Row | undefined): void {
    const ends = row && this.#lanes.ends.get(row.session.key);
    if (!this.#beyond || !ends) return;
    const { element, lanes } = this;
    const [low, high] = [ends.client.x, ends.server.x].sort((a, b) => a - b) as [number, number];
    // what is free between the times on both sides
    const free = lanes.width - this.#beyond;
    const from = this.#from;
    if (low - ROOM < from) element.scrollLeft = Math.max(0, low - ROOM);
    else if (high + ROOM > from + free)
      element.scrollLeft = Math.min(low - ROOM, high + ROOM - free);
  }

  /** Times stay where they are while lanes scroll sideways. */
  #aside(): void {
    this.#from = this.element.scrollLeft;
    this.element.style.setProperty("--from", `${this.#from}px`);
    this.element.style.setProperty("--to", `${this.#from - this.#beyond}px`);
  }

  /** Show what is selected, marked, and not yet come. */
  paint(): void {
    const { selected, marked, span, future } = this.reading;
    const fresh = this.#scroller.fresh.splice(0);
    const sign = `${selected} ${marked} ${span} ${future} ${this.store.at(selected)?.exchanges[0]?.status}`;
    const all = sign !== this.#paintSign;
    this.#paintSign = sign;
    const chosen = this.store.at(selected);
    const related = new Set(togetherWith(chosen, this.store).map(({ seq }) => seq));
    this.port.classList.toggle("mf-picked", chosen !== undefined);
    for (const element of all ? this.#scroller.elements() : fresh) {
      const seq = Number(element.dataset.seq);
      element.setAttribute("aria-selected", String(seq === selected));
      const { classList } = element;
      classList.toggle("mf-related", related.has(seq));
      classList.toggle("mf-marked", seq === marked);
      classList.toggle("mf-span", span !== undefined && seq >= span[0] && seq <= span[1]);
      classList.toggle("mf-future", seq > future);
    }
    const active = this.#scroller.element(selected)?.id ?? "";
    if (active === this.#active) return;
    this.#active = active;
    if (active) this.port.setAttribute("aria-activedescendant", active);
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
    const found = barsOf(rows, placeOf, this.#lanes);
    const brackets = bracketsOf(rows, (seq) => this.store.at(seq), placeOf, this.#lanes);
    const sign = JSON.stringify([
      found.map(({ top, bottom, exchange }) => [top, bottom, exchange.seq, exchange.status]),
      brackets.map(({ top, bottom, rounds }) => [top, bottom, rounds]),
      this.#sign,
    ]);
    if (sign === this.#barSign) return;
    this.#barSign = sign;
    const bars = found.map((bar) => {
      const made = h(`div.mf-bar.mf-s-${bar.exchange.status}`);
      const top = bar.top * ROW + ARROW_Y;
      const height =
        bar.bottom === undefined ? source.count * ROW - top : (bar.bottom - bar.top) * ROW;
      made.style.cssText = `left:${bar.lane.x - 4 + bar.slot * 5}px;top:${top}px;height:${Math.max(4, height)}px`;
      return made;
    });
    const marks = brackets.map(({ lane, rounds, top, bottom }) => {
      const made = h("div.mf-bracket", {}, h("span", {}, `${rounds} rounds`));
      const height = (bottom - top) * ROW + 12;
      made.style.cssText = `left:${lane.x - 18}px;top:${top * ROW + ARROW_Y - 6}px;height:${height}px`;
      return made;
    });
    this.#bars.replaceChildren(...bars, ...marks);
  }

  #row(row: Row): HTMLElement {
    const { store } = this;
    const said = say(row);
    const arrow = arrowOf(row, this.#lanes);
    const folded = this.#folded(row);
    const kind = row.failed ? "failed" : row.kind;
    const made = h("div", {
      ...{ class: `mf-row mf-k-${kind}`, role: "option", id: `${this.#name}-${row.seq}` },
      ...{ "data-testid": "mcp-flow-message", "data-seq": row.seq, "data-kind": row.kind },
      "data-method": clean(row.exchanges[0]?.method ?? row.method, 80),
      // the name is what is seen; how it is drawn is told beside it
      ...{ "aria-selected": "false", "aria-description": folded?.text ?? sentence(row) },
    });
    made.addEventListener("click", (event) => this.wishes.select(row, event.shiftKey));
    made.append(
      h("span.mf-seq", {}, String(row.seq)),
      h("span.mf-time", {}, timeText(row, store.zeroNs)),
    );
    const field = h("span.mf-field");
    if (arrow)
      field.append(drawArrow(arrow, this.#lanes.width), this.#label(row, arrow, said, folded));
    const opens = h("span.mf-took", {}, folded ? folded.took : said.took);
    made.append(field, opens, h("span.mf-size", {}, said.size));
    return made;
  }

  #folded(row: Row): { text: string; took: string } | undefined {
    const shake = row.handshake === row.seq ? this.store.handshakes.get(row.seq) : undefined;
    // not by the row that comes next: another event may stand between two messages of it
    if (!shake || shake.count < 2 || this.folds.open(row.session.key)) return undefined;
    const took = durationText(shake.last.event.time_ns - shake.first.event.time_ns);
    const text = `handshake of ${row.event.conn}, ${countText(shake.count, "message")}, ${took}, folded`;
    return { text: clean(text, 200), took };
  }

  #label(
    row: Row,
    arrow: Arrow,
    said: ReturnType<typeof say>,
    folded: { text: string } | undefined,
  ): HTMLElement {
    const [low, high] = [Math.min(arrow.x1, arrow.x2), Math.max(arrow.x1, arrow.x2)];
    const label = h("span.mf-label");
    if (folded) {
      const mark = h("b.mf-unfold", {}, "▸ handshake");
      mark.addEventListener("click", () => this.wishes.fold(row.session));
      label.append(mark, h("span.mf-rest", {}, folded.text.split(", ")[1] ?? ""));
    } else {
      label.append(h("b", {}, said.head));
      if (said.word) label.append(h("span.mf-word", {}, said.word));
      if (said.part !== undefined) {
        const full = h("i");
        full.style.width = `${said.part * 100}%`;
        label.append(h("span.mf-part", {}, full));
      }
      // an answer is of the connection of its request
      if (this.#lanes.merged && row.kind !== "response" && row.kind !== "error")
        label.append(h("span.mf-conn", {}, clean(row.event.conn, 24)));
      if (said.rest) label.append(h("span.mf-rest", {}, said.rest));
      if (said.id) label.append(h("span.mf-id", {}, said.id));
    }
    const { width } = this.#lanes;
    if (high - low >= 220) {
      label.style.left = `${low + 12}px`;
      label.style.maxWidth = `${high - low - 30}px`;
    } else if (width - low < 240 && high > 260) {
      label.style.right = `${width - high + 12}px`;
      label.style.maxWidth = `${Math.min(high - 16, width - this.#beyond - 60)}px`;
    } else {
      label.style.left = `${low + 12}px`;
      // up to the edge where no times stand, or where it is narrow: they then stand a line below
      const free = said.took || said.size ? -12 : RIGHT - 24;
      label.style.maxWidth = `${width - low + (this.#lanes.narrow ? 48 : free)}px`;
    }
    return label;
  }
}
