/** The twin of the picture: the same rows as a table, for ears and for sorting. */

import { clean, durationText } from "../bytes.js";
import type { Row, Store } from "../store.js";
import { say, timeText } from "../words.js";
import { h } from "./dom.js";
import { Scroller, type Source } from "./scroller.js";

const HEIGHT = 28;
const COLUMNS = [
  "no.",
  "time",
  "connection",
  "way",
  "kind",
  "what",
  "id",
  "status",
  "took",
  "bytes",
];

export class Table {
  readonly element: HTMLElement;
  readonly table: HTMLTableElement;
  readonly #scroller: Scroller<Row>;

  constructor(
    readonly store: Store,
    readonly select: (row: Row, extend: boolean) => void,
  ) {
    const head = h(
      "tr",
      { role: "row", "aria-rowindex": 1 },
      ...COLUMNS.map((name) => h("th", { scope: "col", role: "columnheader" }, name)),
    );
    const body = h("tbody", { role: "rowgroup" });
    this.table = h(
      "table",
      { role: "table", "aria-label": "Messages", "aria-colcount": COLUMNS.length },
      h("thead", { role: "rowgroup" }, head),
      body,
    );
    this.element = h(
      "div.mf-table",
      { tabindex: "0", role: "region", "aria-label": "Messages as a table" },
      this.table,
    );
    this.#scroller = new Scroller<Row>(
      this.element,
      body,
      HEIGHT,
      (row) => this.#row(row),
      (element, index) => {
        element.style.top = `${index * HEIGHT}px`;
        element.setAttribute("aria-rowindex", String(index + 2));
      },
    );
  }

  set source(source: Source<Row>) {
    this.#scroller.source = source;
  }

  get scroller(): Scroller<Row> {
    return this.#scroller;
  }

  draw(end: boolean): void {
    this.table.setAttribute("aria-rowcount", String(this.#scroller.source.count + 1));
    this.#scroller.draw(end);
  }

  paint(selected: number): void {
    this.#scroller.fresh.length = 0;
    for (const element of this.#scroller.elements()) {
      if (Number(element.dataset.seq) === selected) element.setAttribute("aria-current", "true");
      else element.removeAttribute("aria-current");
    }
  }

  #row(row: Row): HTMLElement {
    const said = say(row);
    const exchange = row.exchanges[0];
    const way = row.direction === "c2s" ? "to server" : "to client";
    const latency = exchange?.latencyNs;
    const rounds = exchange?.rounds.length ?? 0;
    const cells = [
      String(row.seq),
      timeText(row, this.store.zeroNs),
      clean(row.event.conn, 60),
      row.event.kind === "message" || row.event.kind === "chunk" ? way : "",
      row.kind,
      `${said.head} ${said.rest}`.trim(),
      said.id.replace("id ", ""),
      exchange && row.kind !== "notification" ? exchange.status : "",
      row.kind === "request" && latency !== undefined ? durationText(latency) : said.took,
      "size" in row.event ? String(row.event.size) : "",
    ];
    const made = h(
      "tr",
      {
        ...{
          role: "row",
          class: `mf-k-${row.failed ? "failed" : row.kind}${rounds > 1 ? " mf-rounds" : ""}`,
          "data-testid": "mcp-flow-message",
        },
        ...{ "data-seq": row.seq, "data-kind": row.kind },
        "data-method": clean(exchange?.method ?? row.method, 80),
      },
      ...cells.map((text, i) =>
        h(i ? "td" : "th", i ? { role: "cell" } : { role: "rowheader", scope: "row" }, text),
      ),
    );
    made.addEventListener("click", (event) => this.select(row, event.shiftKey));
    return made;
  }
}
