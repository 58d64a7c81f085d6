/** Bytes as hex and text, sixteen in a row, some of them marked. */

import type { Span } from "../decode/unit.js";
import { h } from "./dom.js";

const WIDTH = 16;
const MOST_ROWS = 256;

export interface Marks {
  /** The bytes of the message, as against its framing. */
  readonly own: readonly Span[];
  /** The bytes of the field that is chosen. */
  readonly field: readonly Span[];
}

const within = (spans: readonly Span[], at: number): boolean =>
  spans.some(([start, end]) => start <= at && at < end);

export function hexDump(
  data: Uint8Array,
  start: number,
  marks: Marks,
  pick: (at: number) => void,
): HTMLElement {
  const rows: HTMLElement[] = [];
  const first = marks.field[0]?.[0];
  const aim = first === undefined ? 0 : Math.floor((first - start) / WIDTH);
  const from = Math.max(
    0,
    Math.min(aim - MOST_ROWS / 2, Math.ceil(data.length / WIDTH) - MOST_ROWS),
  );
  const to = Math.min(Math.ceil(data.length / WIDTH), from + MOST_ROWS);
  if (from) rows.push(h("div.mf-note", {}, `… ${from * WIDTH} bytes before`));
  for (let row = from; row < to; row++) {
    const hexes = h("span.mf-hex");
    const texts = h("span.mf-ascii");
    for (let column = 0; column < WIDTH; column++) {
      const at = row * WIDTH + column;
      const byte = data[at];
      const kind = byte === undefined ? "" : classOf(marks, start + at);
      const props = { class: kind, "data-at": byte === undefined ? undefined : start + at };
      hexes.append(
        h("span", props, byte === undefined ? "  " : byte.toString(16).padStart(2, "0")),
      );
      if (byte === undefined) continue;
      texts.append(h("span", props, byte > 31 && byte < 127 ? String.fromCharCode(byte) : "·"));
    }
    rows.push(
      h("div.mf-dumprow", {}, h("span.mf-offset", {}, String(start + row * WIDTH)), hexes, texts),
    );
  }
  const left = data.length - to * WIDTH;
  if (left > 0) rows.push(h("div.mf-note", {}, `… ${left} bytes more`));
  // it scrolls sideways where it is narrow, by keys too
  const dump = h("div.mf-dump", { tabindex: "0", role: "group", "aria-label": "Bytes" }, ...rows);
  dump.addEventListener("click", (event) => {
    const at = (event.target as HTMLElement).dataset.at;
    if (at !== undefined) pick(Number(at));
  });
  return dump;
}

function classOf(marks: Marks, at: number): string {
  if (within(marks.field, at)) return "mf-chosen";
  return within(marks.own, at) ? "mf-own" : "";
}
