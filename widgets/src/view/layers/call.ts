/** The first layer: the line of Python a message stands for, and copies to paste. */

import { cleanLines, toText } from "../../bytes.js";
import { curlLine, magicLine, pythonLine } from "../../copies.js";
import { type Envelope, read } from "../../envelope.js";
import { masked } from "../../mask.js";
import { type Piece, pythonCall } from "../../pycall.js";
import type { Row } from "../../store.js";
import { explained } from "../../words.js";
import { button, copy, h } from "../dom.js";
import { type Layer, note, type Shown } from "./layer.js";

const COPIED_MS = 1200;

/** What a message says, its numbers spelled as they travelled. */
const spelled = ({ event }: Row): readonly Envelope[] =>
  event.kind === "message" ? read(toText(event.raw), false, true) : [];

export const callLayer: Layer = (row, shown) => {
  const exchange = row.exchanges[0];
  const asking = exchange?.request ?? row;
  const own = spelled(asking)[0];
  const asked = asking === row ? undefined : own;
  const lines = spelled(row).map((one) => code(pythonCall(one, row.direction, asked), shown));
  if (!lines.length) return [note(explained(row) || "No call of Python stands for this.")];
  return [...lines, ...copies(row, asking, own, shown)];
};

function code(pieces: readonly Piece[], shown: Shown): HTMLElement {
  const line = h("pre.mf-code");
  for (const { text, path } of pieces) {
    if (!path) {
      line.append(cleanLines(text));
      continue;
    }
    const chosen =
      path.length > 0 &&
      path.length <= shown.path.length &&
      path.every((name, i) => name === shown.path[i]);
    const piece = h(
      "span.mf-piece",
      { role: "button", tabindex: "0", "aria-pressed": String(chosen) },
      cleanLines(text),
    );
    if (chosen) piece.classList.add("mf-chosen");
    const choose = (): void => shown.choose(path);
    piece.addEventListener("click", choose);
    piece.addEventListener("keydown", (event) => {
      if (event.key !== "Enter" && event.key !== " ") return;
      event.preventDefault();
      choose();
    });
    line.append(piece);
  }
  return line;
}

function copies(row: Row, asking: Row, asked: Envelope | undefined, shown: Shown): HTMLElement[] {
  const bar = h("div.mf-copies", { role: "group", "aria-label": "Copy" });
  const said = h("span.mf-offstage", { role: "status" });
  const add = (name: string, text: string | undefined): void => {
    if (text === undefined) return;
    const made = button(`Copy ${name}`, async () => {
      made.textContent = (await copy(text)) ? "Copied" : "Not allowed here";
      said.textContent = made.textContent;
      setTimeout(() => (made.textContent = `Copy ${name}`), COPIED_MS);
    });
    bar.append(made);
  };
  const { event } = asking;
  const raw = event.kind === "message" ? toText(event.raw) : "";
  if (asked && asking.direction === "c2s") {
    add("%mcp line", magicLine(asked, row.event.conn, raw));
    add("Python", pythonLine(asked, raw));
  }
  if (row.event.kind === "message") add("JSON", toText(row.event.raw));
  add("curl", curlLine(asking, shown.framing));
  bar.append(said);
  const hidden = masked(raw);
  if (!hidden.length) return [bar];
  return [bar, note(`Masked, and copied as it is shown: ${hidden.join(", ")}.`)];
}
