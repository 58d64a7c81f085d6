/** One message in four layers; the chosen field keeps its place from layer to layer. */

import { clean, durationText } from "../bytes.js";
import type { Framing } from "../decode/framing.js";
import { cellOf, type Row, type Store } from "../store.js";
import { explained, say, timeText } from "../words.js";
import { button, h } from "./dom.js";
import { samePath } from "./json.js";
import { bytesLayer } from "./layers/bytes.js";
import { callLayer } from "./layers/call.js";
import { framingLayer } from "./layers/framing.js";
import type { Deeds, Layer, Shown } from "./layers/layer.js";
import { messageLayer } from "./layers/message.js";

export type { Deeds };
export const LAYERS = ["call", "message", "framing", "bytes"] as const;
export type LayerName = (typeof LAYERS)[number];
const DRAWN: Readonly<Record<LayerName, readonly [title: string, draw: Layer]>> = {
  call: ["Python call", callLayer],
  message: ["JSON-RPC", messageLayer],
  framing: ["Framing", framingLayer],
  bytes: ["Bytes", bytesLayer],
};

let details = 0;

export class Detail implements Shown {
  readonly element: HTMLElement;
  readonly #title = h("div.mf-dtitle");
  readonly #panel: HTMLElement;
  readonly #tabs: Record<string, HTMLButtonElement> = {};
  #row: Row | undefined;
  layer: LayerName = "message";
  path: readonly string[] = [];
  find = "";
  edited: string | undefined;
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
      const tab = button(DRAWN[layer][0], () => this.turn(layer), {
        ...{ role: "tab", id: `${name}-${layer}`, "data-testid": `mcp-flow-layer-${layer}` },
        "aria-controls": `${name}-panel`,
      });
      this.#tabs[layer] = tab;
      tabs.append(tab);
    }
    tabs.addEventListener("keydown", (event) => {
      const at = LAYERS.indexOf(this.layer);
      const to = { ArrowRight: at + 1, ArrowLeft: at + 3, Home: 0, End: 3 }[event.key];
      if (to === undefined) return;
      event.preventDefault();
      event.stopPropagation();
      this.turn(LAYERS[to % 4]!);
      this.#tabs[this.layer]?.focus();
    });
    const close = button("×", () => this.#leave(), {
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
    this.element.addEventListener("keydown", (event) => {
      const { tagName, value } = event.target as HTMLInputElement;
      // in what is being typed, Escape is the box's own
      if (event.key !== "Escape" || tagName === "TEXTAREA" || (tagName === "INPUT" && value))
        return;
      event.preventDefault();
      this.#leave();
    });
  }

  /** Close, and go back to the list: what has the focus must be in sight. */
  #leave(): void {
    this.deeds.close();
    const list = this.element.parentElement?.querySelectorAll<HTMLElement>(".mf-port, .mf-table");
    for (const one of list ?? []) if (!one.closest("[hidden]")) one.focus();
  }

  get row(): Row | undefined {
    return this.#row;
  }

  show(row: Row | undefined): void {
    const other = row?.seq !== this.#row?.seq;
    this.#row = row;
    this.element.hidden = !row;
    if (other) {
      this.edited = undefined;
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
    const inside = this.#panel.contains(document.activeElement);
    this.draw();
    // whoever chose by a key goes on from there
    if (!inside) return;
    const again = this.#panel.querySelector<HTMLElement>(
      '[tabindex="0"].mf-chosen, [role="treeitem"][tabindex="0"]',
    );
    (again ?? this.#panel).focus();
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
    this.#panel.replaceChildren(...DRAWN[this.layer][1](row, this));
    const chosen = this.#panel.querySelector(".mf-chosen");
    if (chosen) chosen.scrollIntoView?.({ block: "nearest" });
    else this.#reveal(this.#panel.querySelector(".mf-dump .mf-own"));
  }

  /** Scroll the panel, and nothing else, to where the message begins among its framing. */
  #reveal(own: Element | null): void {
    const below = own && own.getBoundingClientRect().top - this.#panel.getBoundingClientRect().top;
    if (below && below > this.#panel.clientHeight - 40) this.#panel.scrollTop += below - 80;
  }

  #facts(row: Row): (Node | string)[] {
    const { event } = row;
    const exchange = row.exchanges[0];
    const cell = cellOf(row);
    const from = cell ? `, by ${clean(cell, 20)}` : "";
    const where = `${clean(event.conn, 40)} over ${clean(event.transport, 20)}`;
    const facts: (Node | string)[] = [
      h("b", {}, `#${row.seq} ${say(row).head}`),
      h("span", {}, `${where}, ${timeText(row, this.store.zeroNs)}${from}`),
    ];
    if (exchange) facts.push(...this.#others(row, exchange));
    if (this.learn) facts.push(h("p.mf-explained", {}, explained(row)));
    return facts;
  }

  /** How the exchange stands, and where its other messages are. */
  #others(row: Row, exchange: Row["exchanges"][number]): Node[] {
    const { status, latencyNs, rounds } = exchange;
    const go = (text: string, seq: number): Node =>
      button(text, () => this.deeds.go(seq), { class: "mf-go" });
    const found: Node[] = [
      h("span", { class: `mf-status mf-s-${status}` }, status.replace("-", " ")),
    ];
    if (latencyNs !== undefined)
      found.push(h("span", {}, `answered after ${durationText(latencyNs)}`));
    const others = [exchange.request, ...exchange.answers].filter((one) => one !== row);
    for (const { seq } of others.slice(0, 2))
      found.push(go(seq === exchange.seq ? `request #${seq}` : `answer #${seq}`, seq));
    if (rounds.length > 1) {
      const at = rounds.indexOf(exchange.seq);
      found.push(h("span", {}, `round ${at + 1} of ${rounds.length}`));
      const next = rounds[at + 1] ?? rounds[at - 1];
      if (next) found.push(go(`the other round #${next}`, next));
    }
    return found;
  }
}
