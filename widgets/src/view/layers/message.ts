/** The second layer: the JSON-RPC message, to fold, to search, to send again. */

import { clean, cleanLines, sizeText, toBytes, toText } from "../../bytes.js";
import { parseTree, pretty } from "../../jsontree.js";
import { masked } from "../../mask.js";
import type { Row } from "../../store.js";
import { button, h } from "../dom.js";
import { jsonView } from "../json.js";
import type { Layer, Shown } from "./layer.js";

export const messageLayer: Layer = (row, shown) => {
  const { event } = row;
  if (event.kind !== "message") return [h("pre.mf-code", {}, cleanLines(other(row)))];
  const text = toText(event.raw);
  const root = parseTree(text);
  const holder = h("div");
  const count = h("span.mf-note", { role: "status" });
  let at = -1;
  const found = (): HTMLElement[] => [...holder.querySelectorAll<HTMLElement>(".mf-found")];
  const draw = (): void => {
    const tree = root
      ? jsonView(text, root, shown, shown.find)
      : h("pre.mf-code", {}, cleanLines(text));
    holder.replaceChildren(tree);
    at = -1;
    count.textContent = shown.find && root ? `${found().length} found` : "";
    found()[0]?.scrollIntoView?.({ block: "nearest" });
  };
  const find = h("input", {
    type: "search",
    placeholder: "find in this message",
    "aria-label": "Find in this message",
  });
  find.value = shown.find;
  find.addEventListener("input", () => {
    shown.find = find.value;
    draw();
  });
  // Enter goes from one to the next, with Shift back
  find.addEventListener("keydown", (event) => {
    const all = found();
    if (event.key !== "Enter" || !all.length) return;
    event.preventDefault();
    at = (at + (event.shiftKey ? all.length - 1 : 1) + all.length) % all.length;
    for (const one of all) one.classList.toggle("mf-here", one === all[at]);
    all[at]?.scrollIntoView?.({ block: "center" });
    count.textContent = `${at + 1} of ${all.length}`;
  });
  draw();
  const bar = h("div.mf-copies", {}, find, count);
  if (event.size > toBytes(event.raw).length)
    bar.append(h("span.mf-note", {}, `cut: ${sizeText(event.size)} travelled`));
  if (shown.deeds.live && row.direction === "c2s" && event.vantage === "client") {
    bar.append(
      button("Resend", () => shown.deeds.resend(row)),
      button("Edit and resend", () => edit(shown, pretty(text))),
    );
  }
  return shown.edited === undefined ? [bar, holder] : [bar, editing(row, shown), holder];
};

function edit(shown: Shown, text: string | undefined): void {
  shown.edited = text;
  shown.draw();
}

function editing(row: Row, shown: Shown): HTMLElement {
  const area = h("textarea.mf-edit", {
    ...{ rows: 10, spellcheck: "false", "aria-label": "The message to send" },
    "aria-describedby": `mcp-edit-${row.seq}`,
  });
  area.value = shown.edited ?? "";
  const warning = h("p.mf-wrong", { id: `mcp-edit-${row.seq}`, role: "status" });
  const warn = (): void => {
    const hidden = masked(area.value);
    warning.textContent = hidden.length
      ? `The page has no secrets: ${clean(hidden.join(", "), 200)} is masked, and would be sent as it stands here. ` +
        "Type the secret itself, or Resend: the kernel sends what was sent."
      : "";
  };
  area.addEventListener("input", () => {
    shown.edited = area.value;
    warn();
  });
  warn();
  return h(
    "div.mf-editing",
    {},
    area,
    warning,
    h(
      "div.mf-copies",
      {},
      button("Send", () => shown.deeds.resend(row, area.value)),
      button("Cancel", () => edit(shown, undefined)),
    ),
  );
}

function other({ event }: Row): string {
  switch (event.kind) {
    case "stderr":
      return `the child wrote on its standard error:\n${event.text}`;
    case "fault":
      return `fault: ${event.text}`;
    case "opened":
      return `a link opened: ${event.address || "no address is known"}`;
    case "closed":
      return `a link closed: ${event.reason || "an ordinary end"}`;
    case "chunk":
      return toText(event.data);
    default:
      return "";
  }
}
