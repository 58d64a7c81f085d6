/** What stands below the picture: the same call over several roads, or two exchanges side by side. */

import type { Exchange } from "../exchange.js";
import type { Feed } from "../feed.js";
import type { Compared } from "../protocol.js";
import { compareView } from "./compare.js";
import { button, h } from "./dom.js";
import { diffView } from "./lens.js";
import { wire } from "./told.js";

export class Aside {
  readonly #told = h("div.mf-told");
  readonly #compared = h("div");
  readonly #different = h("div");
  readonly element = h(
    "div.mf-extra",
    { hidden: true },
    this.#told,
    this.#compared,
    this.#different,
  );

  #sign: string | undefined;

  constructor(
    readonly feed: Feed,
    /** Open an event, or its bytes. */
    readonly open: (seq: number, bytes: boolean) => void,
  ) {}

  /** The calls in columns; where the kernel said its own, they are those. */
  compare(calls: readonly Compared[], told: readonly Node[]): void {
    const { feed, open } = this;
    const { store } = feed;
    const ofCall = ({ seq }: Compared) => store.at(seq)?.exchanges.find((one) => one.seq === seq);
    const sign = calls.map((one) => ofCall(one)?.answers[0]?.seq ?? (ofCall(one) && 0)).join();
    // what has the focus keeps it
    if (sign === this.#sign) return;
    this.#sign = sign;
    if (told.length && !this.#told.hasChildNodes()) this.#told.append(...told);
    const table = this.#told.querySelector("table");
    if (table) wire(table, calls, store, open);
    else this.#compared.replaceChildren(compareView(calls, store, feed.framing, open));
    this.element.hidden = false;
  }

  diff(one: Exchange, other: Exchange): void {
    const { store, framing } = this.feed;
    const close = button("Close the comparison", () => this.close());
    this.#different.replaceChildren(close, diffView(one, other, store, framing, this.open));
    this.element.hidden = false;
  }

  /** Mark an exchange, or compare the one that was marked; the answer is what is marked now. */
  pick(marked: number, selected: number): number {
    const { store } = this.feed;
    const one = store.at(selected)?.exchanges[0];
    const other = store.at(marked)?.exchanges[0];
    if (one && other && one !== other) {
      this.diff(other, one);
      return 0;
    }
    this.close();
    return one === other ? 0 : (one?.seq ?? 0);
  }

  close(): void {
    this.#different.replaceChildren();
    this.element.hidden = this.#sign === undefined;
  }
}
