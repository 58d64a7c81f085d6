/** What is said below the picture, and aloud. */

import { countText, durationText, sizeText } from "../bytes.js";
import type { Feed } from "../feed.js";
import { totalOf } from "../measure.js";
import type { Tally } from "../shown.js";
import type { Row } from "../store.js";
import { h } from "./dom.js";

const ANNOUNCE_MS = 3000;

export class Status {
  readonly element = h("div.mf-statusbar");
  readonly #aloud = h("div.mf-offstage", { "aria-live": "polite", role: "status" });
  readonly elements = [this.element, this.#aloud];
  #announced = -Infinity;
  #errors = 0;
  #ends = 0;

  constructor(readonly feed: Feed) {}

  /** Count what shall be announced. */
  take(rows: readonly Row[]): void {
    for (const row of rows) {
      if (row.link.twin) continue;
      if (row.failed) this.#errors++;
      else if (row.kind === "response" && row.exchanges[0]?.method === "tools/call") this.#ends++;
    }
  }

  draw(tally: Tally, marked: number, selected: readonly Row[] | undefined, learns: boolean): void {
    const { store, bad } = this.feed;
    const { messages, of, errors, faults, others } = tally;
    const all = countText(of, "message");
    const parts = [messages === of ? all : `${messages} of ${all}`];
    if (errors) parts.push(countText(errors, "error"));
    if (faults) parts.push(countText(faults, "fault"));
    if (others) parts.push(countText(others, "other row"));
    const gone = store.dropped + store.droppedBefore;
    if (gone) parts.push(`${countText(gone, "older event")} dropped`);
    if (bad) parts.push(`${countText(bad, "line")} could not be read`);
    if (marked) parts.push(`comparing #${marked} with: select another, press d`);
    if (selected) {
      const { messages, ns, bytes } = totalOf(selected);
      const total = [countText(messages, "message"), durationText(ns), sizeText(bytes)];
      parts.unshift(`selected ${total.join(", ")}`);
    }
    if (learns) parts.push("keys: → next exchange, ← the one before, space plays slowly");
    const text = parts.join("  ·  ");
    if (this.element.textContent !== text) this.element.textContent = text;
    this.#announce();
  }

  say(text: string): void {
    this.#aloud.textContent = text;
  }

  /** Not more often than somebody can listen to. */
  #announce(): void {
    const now = performance.now();
    if (!(this.#errors + this.#ends) || now - this.#announced < ANNOUNCE_MS) return;
    this.#announced = now;
    const ends = this.#ends ? `${countText(this.#ends, "call")} ended. ` : "";
    const errors = this.#errors ? `${countText(this.#errors, "error")}.` : "";
    this.say(ends + errors);
    this.#ends = this.#errors = 0;
  }
}
