/**
 * A view beside the notebook. Where the front end can dock (JupyterLab), a docked view comes by
 * itself, and in the cell one line says so. Where none comes, the page floats one at its side.
 */

import { button, h } from "./dom.js";
import type { Flow } from "./flow.js";

const WAIT_MS = 2000;
const docked = new Map<string, Set<Element>>();
const waiting = new Set<() => void>();

/** A docked view of this feed is in the page; the answer takes it away. */
export function dock(feed: string, view: Element): () => void {
  const views = docked.get(feed) ?? new Set();
  docked.set(feed, views.add(view));
  for (const look of [...waiting]) look();
  return () => {
    views.delete(view);
    for (const look of [...waiting]) look();
  };
}

/** What stands in the cell of a view that is beside the notebook. */
export class Beside {
  readonly element: HTMLElement;
  readonly #said = h("span");
  readonly #again: HTMLButtonElement;
  readonly #look = (): void => this.#show();
  readonly #timer: ReturnType<typeof setTimeout>;
  #float: { flow: Flow; element: HTMLElement } | undefined;
  #closed = false;
  #late = false;

  constructor(
    readonly feed: string,
    readonly make: () => Flow,
  ) {
    this.#again = button("Show it", () => {
      this.#closed = false;
      this.#late = true;
      this.#show();
    });
    this.element = h("p.mf-beside", {}, this.#said, " ", this.#again);
    waiting.add(this.#look);
    this.#timer = setTimeout(() => {
      this.#late = true;
      this.#show();
    }, WAIT_MS);
    this.#show();
  }

  leave(): void {
    clearTimeout(this.#timer);
    waiting.delete(this.#look);
    this.#land();
  }

  #show(): void {
    const there = (docked.get(this.feed)?.size ?? 0) > 0;
    if (there || this.#closed) this.#land();
    else if (this.#late && !this.#float) this.#fly();
    this.#again.hidden = there || this.#float !== undefined || !this.#late;
    this.#said.textContent = there
      ? "The flow is docked beside the notebook."
      : this.#float
        ? "The flow floats beside the notebook."
        : "The flow beside the notebook is closed.";
  }

  #fly(): void {
    const flow = this.make();
    const close = button("×", () => {
      this.#closed = true;
      this.#show();
    });
    close.setAttribute("aria-label", "Close the flow beside the notebook");
    const head = h("header", {}, h("strong", {}, "MCP flow"), close);
    const element = h("aside.mf-float", { "aria-label": "MCP flow" }, head, flow.element);
    document.body.append(element);
    flow.wake();
    this.#float = { flow, element };
  }

  #land(): void {
    this.#float?.flow.destroy();
    this.#float?.element.remove();
    this.#float = undefined;
  }
}
