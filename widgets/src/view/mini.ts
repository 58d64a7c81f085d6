/** The one line of an exchange, under the result of the call that caused it. */

import { countText, durationText, sizeText } from "../bytes.js";
import type { Exchange } from "../exchange.js";
import { totalOf } from "../measure.js";
import { say } from "../words.js";
import { h } from "./dom.js";

/** Write the line; whether it says something else than before. */
export function miniHead(line: HTMLElement, one: Exchange | undefined, seq: number): boolean {
  const parts = headOf(one, seq);
  const text = parts.map((part) => part.textContent).join(" ");
  if (line.dataset.said === text) return false; // nothing more comes of what was answered
  line.dataset.said = text;
  line.replaceChildren(...parts);
  return true;
}

function headOf(one: Exchange | undefined, seq: number): Node[] {
  if (!one) return [h("span", {}, `exchange #${seq}`)];
  const total = totalOf(one.rows);
  const said = say(one.request);
  const took = one.latencyNs === undefined ? "no answer yet" : durationText(one.latencyNs);
  const dots = " ·".repeat(Math.min(8, one.progress.length));
  return [
    h("b", {}, said.head),
    h("span.mf-rest", {}, said.rest),
    h("span.mf-dots", {}, `→${dots}${one.answers.length ? " ←" : ""}`),
    h("span", {}, `${countText(total.messages, "message")}, ${sizeText(total.bytes)}, ${took}`),
  ];
}

/** Fold a view under one line. */
export function folded(
  element: HTMLElement,
  summary: HTMLElement,
  open: boolean,
  turned: () => void,
): HTMLDetailsElement {
  const fold = h("details.mf-fold", {}, summary, ...element.childNodes);
  fold.open = open;
  fold.addEventListener("toggle", turned);
  element.append(fold);
  return fold;
}
