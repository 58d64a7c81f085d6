/** Two exchanges beside each other: the same call in two eras, or before and after a change. */

import { clean, cleanLines, countText, toText } from "../bytes.js";
import type { Framing } from "../decode/framing.js";
import { type Difference, difference, type Pair } from "../diff.js";
import type { Exchange } from "../exchange.js";
import { era } from "../lanes.js";
import type { Row, Store } from "../store.js";
import { compareView } from "./columns.js";
import { button, h } from "./dom.js";
import type { Open } from "./told.js";

/** So many equal lines are shown around what differs; longer runs fold. */
const AROUND = 2;
const NAMED = 6;

/** Requests, then answers, each with the HTTP head it came under; equal lines on one height. */
export function diffView(
  left: Exchange,
  right: Exchange,
  store: Store,
  framing: Framing,
  open: Open,
): HTMLElement {
  const both = [left, right];
  const names = both.map((one) => `#${one.seq} ${clean(one.request.event.conn, 40)}`);
  const labels = both.map((one, i) => {
    const spoken = era(one.request.session.revision);
    return spoken ? `${names[i]}, ${spoken}` : (names[i] ?? "");
  });
  const columns = both.map((one, i) => ({ label: names[i] ?? "", seq: one.seq }));
  const part = (title: string, a: string, b: string): HTMLElement | undefined =>
    a || b ? partView(title, labels, difference(a, b)) : undefined;
  const parts = (title: string, a: Row | undefined, b: Row | undefined) => [
    part(`HTTP head of the ${title}`, headOf(a, framing), headOf(b, framing)),
    part(title, textOf(a), textOf(b)),
  ];
  return h(
    "div.mf-difference",
    {},
    compareView(columns, store, framing, open),
    ...parts("request", left.request, right.request),
    ...parts("answer", left.answers[0], right.answers[0]),
  );
}

const textOf = (row: Row | undefined): string =>
  row?.event.kind === "message" ? toText(row.event.raw) : "";

/** The head as JSON, so that its fields are compared by name. */
function headOf(row: Row | undefined, framing: Framing): string {
  const head = row && framing.locate(row)?.head?.detail;
  if (head?.type !== "head") return "";
  const line = head.request ? `${head.method} ${head.target}` : `${head.status} ${head.reason}`;
  const fields = head.headers.map(([name, value]) => [name.toLowerCase(), value] as const);
  return JSON.stringify({ "first line": line, ...Object.fromEntries(fields) });
}

function partView(title: string, labels: readonly string[], found: Difference): HTMLElement {
  const head = h("tr", {}, ...labels.map((label) => h("th", { scope: "col" }, label)));
  const body = h("tbody", {}, ...rowsOf(found.pairs));
  const table = h("table.mf-diff", {}, h("caption", {}, title), h("thead", {}, head), body);
  return h("section", { "aria-label": `${title}, compared` }, table, ...inWords(labels, found));
}

/** What differs, in words. */
function inWords(labels: readonly string[], { differing }: Difference): HTMLElement[] {
  const said = [
    [`only in ${labels[0]}`, "left"],
    [`only in ${labels[1]}`, "right"],
    ["not the same", "both"],
  ].flatMap(([words, where]) => {
    const paths = differing
      .filter((one) => one.in === where)
      .map(({ path }) => path || "all of it");
    const more = paths.length > NAMED ? ` and ${paths.length - NAMED} more` : "";
    return paths.length ? [`${words}: ${paths.slice(0, NAMED).join(", ")}${more}`] : [];
  });
  const lines = said.length ? said : ["equal on both sides"];
  return lines.map((line) => h("p.mf-note", {}, clean(line, 600)));
}

function rowsOf(pairs: readonly Pair[]): HTMLElement[] {
  const made: HTMLElement[] = [];
  for (let at = 0; at < pairs.length; ) {
    let end = at;
    while (end < pairs.length && pairs[end]!.left === pairs[end]!.right) end++;
    const [from, to] = [at ? at + AROUND : 0, end < pairs.length ? end - AROUND : end];
    if (to - from > AROUND) {
      made.push(...pairs.slice(at, from).map(rowOf));
      made.push(folded(pairs.slice(from, to)));
      made.push(...pairs.slice(to, end).map(rowOf));
    } else made.push(...pairs.slice(at, end).map(rowOf));
    for (at = end; at < pairs.length && pairs[at]!.left !== pairs[at]!.right; at++)
      made.push(rowOf(pairs[at]!));
  }
  return made;
}

function folded(pairs: readonly Pair[]): HTMLElement {
  const text = countText(pairs.length, "equal line");
  const show = button(text, () => row.replaceWith(...pairs.map(rowOf)), {
    class: "mf-go",
    "aria-label": `Show ${text}`,
  });
  const row = h("tr", {}, h("td.mf-void", { colspan: 2 }, show));
  return row;
}

function rowOf({ left, right }: Pair): HTMLElement {
  const same = left === right;
  const cell = (text: string | undefined, sign: string): HTMLElement =>
    text === undefined
      ? h("td.mf-void")
      : h("td", {}, h("span.mf-sign-text", {}, same ? " " : sign), cleanLines(text));
  return h("tr", { class: same ? undefined : "mf-differs" }, cell(left, "−"), cell(right, "+"));
}
