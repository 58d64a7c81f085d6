/**
 * The elements that stand in the outputs of a notebook, for what a feed brings.
 *
 * A notebook takes elements out of the page and puts them back (windowed cells, moved cells). What
 * an element shows then stays as it is, and sleeps: nothing outside holds it, so that it can go
 * when its output is cleared.
 */

import type { AnyModel } from "@anywidget/types";
import { door, type Known } from "./door.js";
import type { Options } from "./protocol.js";
import { Beside, dock } from "./view/beside.js";
import { Flow } from "./view/flow.js";

const NAMES = {
  view: "mcp-flow-view",
  still: "mcp-flow-still",
  widget: "mcp-flow-widget",
} as const;

// where there is no page the module can still be loaded
const Base = (globalThis.HTMLElement ?? Object) as typeof HTMLElement;

abstract class OfFeed extends Base {
  #unwatch: (() => void) | undefined;

  connectedCallback(): void {
    this.#unwatch ??= door.watch(this.getAttribute("feed") ?? "", (known) => this.found(known));
  }

  disconnectedCallback(): void {
    this.#unwatch?.();
    this.#unwatch = undefined;
    this.left();
  }

  /** The feed came, is another, or (`undefined`) is not here. */
  abstract found(known: Known | undefined): void;
  /** The element is no longer in the page. */
  abstract left(): void;
}

/** The live view; where the feed never comes, its children stay. */
export class FlowView extends OfFeed {
  #flow: Flow | undefined;
  #beside: Beside | undefined;
  #undock: (() => void) | undefined;
  /** What it held at first. */
  #children: ChildNode[] | undefined;

  found(known: Known | undefined): void {
    if (this.#options.beside) {
      if (known) this.#aside(known);
      return;
    }
    // a view whose feed left keeps what it has
    if (known && this.#flow?.feed !== known.feed) {
      const how = this.#flow?.state() ?? door.kept<Options>(this.#key) ?? this.#options;
      this.#flow?.destroy();
      this.#children ??= [...this.childNodes];
      this.#flow = new Flow(known.feed, how, this.#children);
      this.replaceChildren(this.#flow.element);
      this.classList.toggle("mf-fills", how.docked === true);
    }
    this.#flow?.wake();
    if (this.#options.docked) this.#undock ??= dock(this.getAttribute("feed") ?? "", this);
  }

  left(): void {
    this.#undock?.();
    this.#undock = undefined;
    this.#beside?.leave();
    this.#beside = undefined;
    if (!this.#flow) return;
    this.#flow.sleep();
    if (this.getAttribute("view")) door.keep(this.#key, this.#flow.state());
  }

  #aside({ feed }: Known): void {
    this.#beside?.leave();
    const { beside: _, ...options } = this.#options;
    const make = (): Flow => new Flow(feed, { ...options, docked: true });
    this.#beside = new Beside(this.getAttribute("feed") ?? "", make);
    this.replaceChildren(this.#beside.element);
  }

  get #key(): string {
    return `${this.getAttribute("feed")} ${this.getAttribute("view")}`;
  }

  get #options(): Options {
    return optionsOf(this.getAttribute("options"));
  }
}

/** A still picture of the view: it hides while its feed is in the page, and so does its output. */
export class FlowStill extends OfFeed {
  #output: HTMLElement | undefined;

  found(known: Known | undefined): void {
    this.left();
    if (!known) return;
    this.hidden = true;
    const shown = this.closest(".jp-OutputArea-output");
    const output = shown?.closest<HTMLElement>(".jp-OutputArea-child");
    if (!shown || !output || shown.textContent?.trim() !== this.textContent?.trim()) return;
    const others = [...shown.querySelectorAll("img, svg, canvas, mcp-flow-view, mcp-flow-widget")];
    if (others.some((one) => !this.contains(one))) return; // there is more in it
    output.style.display = "none";
    this.#output = output;
  }

  left(): void {
    this.hidden = false;
    if (this.#output) this.#output.style.display = "";
    this.#output = undefined;
  }
}

/** As much of a widget's view as is needed; `luminoWidget` wants to know when it is in a page. */
interface View {
  readonly el: HTMLElement;
  readonly luminoWidget?: { processMessage(message: object): void };
  remove(): void;
}
interface Manager {
  get_model(id: string): Promise<AnyModel>;
  create_view(model: AnyModel): Promise<View>;
}

/** After a reload the models of a kernel come one by one, in no order. */
const AGAIN_MS = [0, 300, 1000, 3000];

/** An ordinary widget; where its model is not there, the children stay. */
export class FlowWidget extends OfFeed {
  #view: View | undefined;
  #forget: () => void = () => undefined;
  #children: ChildNode[] = [];
  #turn = 0;

  found(known: Known | undefined): void {
    this.left();
    if (known) void this.#show(known.model.widget_manager as unknown as Manager, this.#turn);
  }

  left(): void {
    this.#turn++;
    const view = this.#view;
    if (!view) return;
    this.#view = undefined;
    this.#forget();
    told(view, "before-detach");
    this.replaceChildren(...this.#children);
    told(view, "after-detach");
    view.remove();
  }

  async #show(manager: Manager, turn: number): Promise<void> {
    for (const wait of AGAIN_MS) {
      if (wait) await new Promise((done) => setTimeout(done, wait));
      if (turn !== this.#turn) return;
      try {
        const model = await manager.get_model(this.getAttribute("model") ?? "");
        const view = await manager.create_view(model);
        if (turn !== this.#turn) {
          view.remove();
          return;
        }
        const gone = (): void => this.left();
        model.on("destroy", gone);
        this.#forget = () => model.off("destroy", gone);
        this.#put(view);
        return;
      } catch {
        // it may come yet
      }
    }
  }

  #put(view: View): void {
    this.#view = view;
    this.#children = [...this.childNodes];
    told(view, "before-attach");
    this.replaceChildren(view.el);
    told(view, "after-attach");
  }
}

function told({ luminoWidget }: View, type: string): void {
  luminoWidget?.processMessage({ type, isConflatable: false, conflate: () => false });
}

export function optionsOf(text: string | null | undefined): Options {
  try {
    const value: unknown = JSON.parse(text || "{}");
    return typeof value === "object" && value !== null ? value : {};
  } catch {
    return {}; // the picture matters more than how it begins
  }
}

export function defineElements(): void {
  if (!globalThis.customElements || customElements.get(NAMES.view)) return;
  customElements.define(NAMES.view, FlowView);
  customElements.define(NAMES.still, FlowStill);
  customElements.define(NAMES.widget, FlowWidget);
}
