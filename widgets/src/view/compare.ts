/** The same call over several roads, aligned; and two exchanges line by line. */

import { clean, cleanLines, durationText, sizeText, toText } from "../bytes.js";
import type { Framing } from "../decode/framing.js";
import { diffLines } from "../diff.js";
import type { Exchange } from "../exchange.js";
import { era } from "../layout.js";
import { type Cost, costOf } from "../measure.js";
import { comesTo, compact } from "../phrase.js";
import type { Compared } from "../protocol.js";
import { envelopesOf, type Row, type Store } from "../store.js";
import { button, h } from "./dom.js";

type Open = (seq: number, bytes: boolean) => void;

const MEASURES: readonly (readonly [
  string,
  (cost: Cost) => string,
  (cost: Cost) => number | undefined,
])[] = [
  ["messages", (c) => String(c.messages), (c) => c.messages],
  ["round trips", (c) => String(c.roundTrips), (c) => c.roundTrips],
  ["the messages’ own bytes", (c) => sizeText(c.body), (c) => c.body],
  [
    "framing bytes",
    (c) => (c.framing === undefined ? "not recorded" : sizeText(c.framing)),
    (c) => c.framing,
  ],
  ["to the first byte", (c) => time(c.firstByteNs), (c) => c.firstByteNs],
  ["to the result", (c) => time(c.resultNs), (c) => c.resultNs],
];
const time = (ns: number | undefined): string => (ns === undefined ? "none" : durationText(ns));

export function compareView(
  columns: readonly Compared[],
  store: Store,
  framing: Framing,
  open: Open,
): HTMLElement {
  const found = columns.map(({ label, seq }) => {
    const exchange = store.at(seq)?.exchanges.find((one) => one.seq === seq);
    return { label, seq, exchange, cost: exchange && costOf(exchange, store, framing) };
  });
  const head = h(
    "tr",
    {},
    h("th", { scope: "col" }, ""),
    ...found.map(({ label, exchange }) => {
      const revision = exchange?.request.session.revision ?? "";
      const badge = era(revision);
      const cell = h("th", { scope: "col" }, clean(label, 40));
      if (badge) cell.append(" ", h("span", { class: `mf-badge mf-${badge}` }, badge));
      return cell;
    }),
  );
  const line = (
    name: string,
    texts: readonly string[],
    numbers?: readonly (number | undefined)[],
  ): HTMLElement => {
    const same = texts.length > 1 && texts.every((text) => text === texts[0]);
    const row = h("tr", { class: same ? "mf-same" : undefined }, h("th", { scope: "row" }, name));
    if (same) {
      row.append(
        h(
          "td",
          { colspan: texts.length },
          h("span.mf-equal", {}, "= "),
          texts[0] ?? "",
          h("small", {}, " in all"),
        ),
      );
      return row;
    }
    const most = Math.max(...(numbers ?? []).map((n) => n ?? 0), 1);
    texts.forEach((text, i) => {
      const n = numbers?.[i];
      const cell = h(
        "td",
        {},
        button(text, () => open(found[i]!.seq, true), { class: "mf-cell" }),
      );
      if (n !== undefined) {
        const bar = h("span.mf-measure", { "aria-hidden": "true" });
        bar.style.width = `${Math.max(2, (n / most) * 100)}%`;
        cell.append(bar);
      }
      row.append(cell);
    });
    return row;
  };
  const missing = "not in the Trace";
  const rows = MEASURES.map(([name, text, number]) =>
    line(
      name,
      found.map(({ cost }) => (cost ? text(cost) : missing)),
      found.map(({ cost }) => cost && number(cost)),
    ),
  );
  const result = found.map(({ exchange }) => (exchange ? resultText(exchange, store) : missing));
  const table = h(
    "table",
    {},
    h("thead", {}, head),
    h("tbody", {}, line("result", result), ...rows),
  );
  return h("div.mf-compare", { "data-testid": "mcp-compare" }, table);
}

/** What the last round came to. */
function resultText(exchange: Exchange, store: Store): string {
  const last = store.at(exchange.rounds[exchange.rounds.length - 1] ?? exchange.seq);
  const answer =
    last?.exchanges.find((one) => one.request === last)?.answers[0] ?? exchange.answers[0];
  const one = answer && envelopesOf(answer)[0];
  if (!one) return "no answer";
  if (one.error) return clean(`error ${one.error.code}: ${one.error.message}`, 80);
  return clean(one.result ? compact(comesTo(one.result) ?? one.result) : "", 80);
}

const pretty = (row: Row | undefined): string[] => {
  if (row?.event.kind !== "message") return ["nothing"];
  try {
    return JSON.stringify(JSON.parse(toText(row.event.raw)), null, 2).split("\n");
  } catch {
    return toText(row.event.raw).split("\n");
  }
};

/** Two exchanges beside each other: requests, then answers; equal lines on one height. */
export function diffView(
  left: Exchange,
  right: Exchange,
  store: Store,
  framing: Framing,
  open: Open,
): HTMLElement {
  const label = (one: Exchange): string => `#${one.seq} ${one.request.event.conn}`;
  const columns = [left, right].map((one) => ({ label: label(one), seq: one.seq }));
  const part = (title: string, a: Row | undefined, b: Row | undefined): HTMLElement => {
    const body = h("tbody");
    for (const pair of diffLines(pretty(a), pretty(b))) {
      const same = pair.left === pair.right;
      const cell = (text: string | undefined, sign: string): HTMLElement =>
        h(
          "td",
          { class: text === undefined ? "mf-void" : undefined },
          h("span.mf-sign-text", {}, text === undefined || same ? " " : sign),
          cleanLines(text ?? ""),
        );
      body.append(
        h(
          "tr",
          { class: same ? undefined : "mf-differs" },
          cell(pair.left, "−"),
          cell(pair.right, "+"),
        ),
      );
    }
    return h("table.mf-diff", {}, h("caption", {}, title), body);
  };
  return h(
    "div.mf-difference",
    {},
    compareView(columns, store, framing, open),
    part("request", left.request, right.request),
    part("answer", left.answers[0], right.answers[0]),
  );
}
