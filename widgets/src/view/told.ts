/** The kernel's own table of a comparison, of which each cell opens the bytes it speaks of. */

import type { Compared } from "../protocol.js";
import type { Store } from "../store.js";
import { button, h } from "./dom.js";

/** Open a message, in the layer of its bytes or in the one that is open. */
export type Open = (seq: number, bytes: boolean) => void;

/** Rows that speak of the answer, not of the request. */
const OF_ANSWER = /^(result|the answer|time to )/;

/** What is said in a cell, as a button; `part` of the most is drawn as a bar. */
export function opens(
  text: string,
  seq: number,
  there: boolean,
  open: Open,
  part?: number,
): HTMLElement[] {
  const show = button(text, () => open(seq, true), {
    class: "mf-cell",
    title: there ? `Open the bytes of #${seq}` : "It is no longer in the Trace",
    disabled: !there,
  });
  if (part === undefined) return [show];
  const bar = h("span.mf-measure", { "aria-hidden": "true" });
  bar.style.width = `${Math.max(2, part * 100)}%`;
  return [show, bar];
}

/** Make the cells of a table open what they speak of: a column for each call, in their order. */
export function wire(
  table: HTMLTableElement,
  calls: readonly Compared[],
  store: Store,
  open: Open,
): void {
  for (const row of table.querySelectorAll("tr")) {
    const cells = [...row.querySelectorAll<HTMLElement>("td, th[scope=col]")].slice(-calls.length);
    // what is equal in all is said once
    if (cells.length < calls.length || cells.some((cell) => cell.hasAttribute("colspan"))) continue;
    const name = row.querySelector("th[scope=row]")?.textContent ?? "";
    const texts = cells.map((cell) => cell.textContent ?? "");
    const numbers = texts.map((text) => (/^\d+$/.test(text) ? Number(text) : undefined));
    const bars =
      name !== "" && !name.startsWith("%") && texts.every((text) => /^(\d+|-)$/.test(text));
    const most = Math.max(...numbers.map((one) => one ?? 0), 1);
    cells.forEach((cell, i) => {
      const { seq } = calls[i]!;
      const exchange = store.at(seq)?.exchanges.find((one) => one.seq === seq);
      const to = (OF_ANSWER.test(name) && exchange?.answers[0]?.seq) || seq;
      const number = numbers[i];
      const part = bars && number !== undefined ? number / most : undefined;
      cell.replaceChildren(...opens(texts[i]!, to, exchange !== undefined, open, part));
    });
  }
}
