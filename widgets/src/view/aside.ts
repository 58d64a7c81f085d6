/** What stands below the picture: the same call over several roads, or two exchanges side by side. */

import type { Exchange } from "../exchange.js";
import type { Feed } from "../feed.js";
import type { Compared } from "../protocol.js";
import { compareView } from "./compare.js";
import { button, h } from "./dom.js";
import { diffView } from "./lens.js";

export class Aside {
  readonly element = h("div.mf-extra", { hidden: true });

  constructor(
    readonly feed: Feed,
    /** Open an event, or its bytes. */
    readonly open: (seq: number, bytes: boolean) => void,
  ) {}

  compare(calls: readonly Compared[]): void {
    this.#show(compareView(calls, this.feed.store, this.feed.framing, this.open));
  }

  diff(one: Exchange, other: Exchange): void {
    const close = button("Close the comparison", () => this.close());
    this.#show(close, diffView(one, other, this.feed.store, this.feed.framing, this.open));
  }

  close(): void {
    this.element.hidden = true;
  }

  #show(...children: Node[]): void {
    this.element.replaceChildren(...children);
    this.element.hidden = false;
  }
}
