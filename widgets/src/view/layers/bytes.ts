/** The fourth layer: the bytes, those of the message and of the chosen field marked. */

import { clean, toBytes } from "../../bytes.js";
import { bytesOf, type Located } from "../../decode/framing.js";
import type { Span } from "../../decode/unit.js";
import { h } from "../dom.js";
import { hexDump } from "../hex.js";
import { bytesOfField, fieldAt, type Layer, note, nowhere, type Shown } from "./layer.js";

export const bytesLayer: Layer = (row, shown) => {
  const { event } = row;
  if (event.kind === "chunk") {
    const data = toBytes(event.data);
    const dump = hexDump(data, event.offset, { own: [], field: [] }, () => undefined);
    return event.size > data.length ? [dump, note("the rest was not kept")] : [dump];
  }
  if (event.kind !== "message") return [note("No bytes stand for this.")];
  const place = shown.framing.locate(row);
  if (!place) {
    const data = toBytes(event.raw);
    return [nowhere(row), legend(shown), plain(data, shown)];
  }
  const { units, spans, link, body, head } = place;
  // the head is shown too where it stands right before
  const whole = head && head.span[1] === units[0]!.span[0];
  const span: Span = [whole ? head.span[0] : units[0]!.span[0], units[units.length - 1]!.span[1]];
  const data = bytesOf(link, row.direction, span);
  const dump = dumped(data, span[0], body, spans, shown);
  const masked = units.some((unit) => unit.detail?.type === "ws" && unit.detail.mask);
  if (!masked) return [legend(shown), dump];
  return [
    legend(shown),
    h("h4", {}, "as it travelled, masked"),
    dump,
    h("h4", {}, "unmasked"),
    plain(body, shown),
  ];
};

const plain = (body: Uint8Array, shown: Shown): HTMLElement =>
  dumped(body, 0, body, [[0, body.length]], shown);

function dumped(
  data: Uint8Array,
  start: number,
  body: Uint8Array,
  spans: Located["spans"],
  shown: Shown,
): HTMLElement {
  const field = bytesOfField(body, spans, shown.path);
  return hexDump(data, start, { own: spans, field }, (at) => {
    const path = fieldAt(body, spans, at);
    if (path) shown.choose(path);
  });
}

/** What the marks mean. */
function legend({ path }: Shown): HTMLElement {
  const made = h("p.mf-note", {}, h("span.mf-own", {}, "message"), " ", h("span", {}, "framing"));
  if (path.length) made.append(" ", h("span.mf-chosen", {}, clean(path.join("."), 60)));
  return made;
}
