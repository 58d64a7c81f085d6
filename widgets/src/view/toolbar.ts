/** What stands above the picture: the filter box, and buttons for what keys do too. */

import { clean } from "../bytes.js";
import { ORDERS, type Order } from "../order.js";
import { completions, QueryError } from "../query.js";
import type { Session } from "../store.js";
import { button, h } from "./dom.js";
import type { Flow } from "./flow.js";

let boxes = 0;

export class Toolbar {
  readonly element: HTMLElement;
  readonly wrong = h("p.mf-wrong", { role: "alert" });
  readonly #box: HTMLInputElement;
  readonly #words = h("datalist", { id: `mcp-flow-words-${++boxes}` });
  readonly #order: HTMLSelectElement;
  /** The connection that is looked at where one is at a time. */
  readonly #road = h("select.mf-single", { "aria-label": "Connection" });
  readonly #buttons: Record<string, HTMLButtonElement> = {};

  constructor(
    flow: Flow,
    query: string,
    readonly player: HTMLElement,
  ) {
    const add = (
      name: string,
      text: string,
      title: string,
      act: () => void,
      props: Record<string, string> = {},
    ): HTMLButtonElement =>
      (this.#buttons[name] = button(text, act, { title, "aria-label": title, ...props }));
    const toggles = { "aria-pressed": "false" };
    const dev = { class: "mf-devonly" };
    this.#box = h("input.mf-filter", {
      ...{ type: "search", "data-testid": "mcp-flow-filter", list: this.#words.id },
      ...{ placeholder: "filter: tool:add status:error slow:>100ms text", "aria-label": "Filter" },
      spellcheck: "false",
      oninput: () => flow.query(),
      onfocus: () =>
        this.#words.replaceChildren(
          ...completions(flow.feed.store.rows.slice(-2000)).map((value) => h("option", { value })),
        ),
    });
    this.#box.value = query;
    this.#order = h(
      "select.mf-devonly",
      { "aria-label": "Order", onchange: () => flow.sort() },
      ...Object.entries(ORDERS).map(([value, text]) => h("option", { value }, text)),
    );
    this.#road.addEventListener("change", () => flow.query());
    const learn = "Learn: plain words, few lanes, step by step";
    this.element = h(
      "div.mf-toolbar",
      { role: "toolbar", "aria-label": "Flow" },
      this.#box,
      this.#words,
      h(
        "span.mf-pair",
        {},
        add("learn", "Learn", learn, () => flow.preset(true), toggles),
        add("dev", "Dev", "Dev: filter, errors, sorting", () => flow.preset(false), toggles),
      ),
      this.#road,
      add("follow", "Follow", "Follow what comes (f)", () => flow.follow(), toggles),
      add("folds", "Fold handshakes", "Fold handshakes (h)", () => flow.foldAll(), {
        "aria-expanded": "false",
      }),
      add("error", "Next error", "Next error (e)", () => flow.walk.nextError(), dev),
      add("table", "Table", "Table instead of picture (t)", () => flow.asTable(), {
        ...toggles,
        ...dev,
      }),
      this.#order,
      add(
        "diff",
        "Compare",
        "Compare: pick this exchange, then another (d)",
        () => flow.diff(),
        dev,
      ),
      player,
    );
    add("call", "Call a tool", "Call a tool with a form", () => flow.call());
  }

  get query(): string {
    return this.#box.value;
  }

  get order(): Order {
    return this.#order.value as Order;
  }

  set order(order: Order) {
    this.#order.value = order;
  }

  focus(): void {
    this.#box.focus();
  }

  pressed(name: "learn" | "dev" | "follow" | "table", is: boolean): void {
    this.#buttons[name]?.setAttribute("aria-pressed", String(is));
  }

  /** Whether there are handshakes, and whether all of them are shown message by message. */
  folds(any: boolean, open: boolean, fixed: boolean): void {
    const made = this.#buttons.folds!;
    made.hidden = !any;
    made.disabled = fixed;
    const text = open ? "Fold handshakes" : "Unfold handshakes";
    if (made.textContent === text) return;
    made.textContent = text;
    made.title = `${text} (h)`;
    made.setAttribute("aria-label", made.title);
    made.setAttribute("aria-expanded", String(open));
  }

  /** Whether somebody is there to call. */
  live(is: boolean): void {
    const call = this.#buttons.call!;
    if (!is) call.remove();
    else if (!call.parentNode) this.player.before(call);
  }

  /** What is wrong with the query; nothing: it was read. */
  complain(error?: unknown): void {
    if (error !== undefined && !(error instanceof QueryError)) throw error;
    this.wrong.textContent = error ? clean(`${error.message}. ${error.hint}`, 300) : "";
    if (error) this.#box.setAttribute("aria-invalid", "true");
    else this.#box.removeAttribute("aria-invalid");
  }

  /** The connection that was chosen, else the newest. */
  chosen(roads: readonly Session[]): Session | undefined {
    return roads.find((one) => one.key === this.#road.value) ?? roads.at(-1);
  }

  /** Offer connections; whether they are others than before. */
  roads(roads: readonly Session[]): boolean {
    if (this.#road.options.length === roads.length) return false;
    const chosen = this.#road.value;
    this.#road.replaceChildren(
      ...roads.map(({ key, conn }) => h("option", { value: key }, clean(conn, 40))),
    );
    this.#road.value = chosen || (this.chosen(roads)?.key ?? "");
    return true;
  }
}
