/** The same call over several roads, aligned: what it cost, and what is equal. */

import { clean, countText, durationText } from "../bytes.js";
import type { Framing } from "../decode/framing.js";
import type { Exchange } from "../exchange.js";
import { era } from "../lanes.js";
import { type Cost, costOf } from "../measure.js";
import { comesTo, compact } from "../phrase.js";
import type { Compared } from "../protocol.js";
import { envelopesOf, type Session, type Store } from "../store.js";
import { h } from "./dom.js";
import { type Open, opens } from "./told.js";

interface Column {
  readonly label: string;
  readonly seq: number;
  readonly exchange: Exchange | undefined;
  readonly cost: Cost | undefined;
  readonly opening: Compared["opening"];
}
interface Cell {
  readonly text: string;
  /** What a bar is drawn from, and by what two cells are equal. */
  readonly number?: number | undefined;
}
type Measure = readonly [name: string, of: (cost: Cost, column: Column) => Cell, answer?: boolean];

const plain = (number: number): Cell => ({ text: String(number), number });
const bytes = (number: number | undefined): Cell =>
  number === undefined
    ? { text: "not recorded" }
    : { text: `${String(number).replace(/\B(?=(\d{3})+$)/g, ",")} B`, number };
const time = (number: number | undefined): Cell =>
  number === undefined ? { text: "none" } : { text: durationText(number), number };

const MEASURES: readonly Measure[] = [
  ["round trips", (cost) => plain(cost.roundTrips)],
  ["messages", (cost) => plain(cost.messages)],
  ["the messages’ own bytes", (cost) => bytes(cost.body)],
  ["framing bytes", (cost) => bytes(cost.framing)],
  ["to the first byte", (cost) => time(cost.firstByteNs), true],
  ["to the result", (cost) => time(cost.resultNs), true],
];

export function compareView(
  columns: readonly Compared[],
  store: Store,
  framing: Framing,
  open: Open,
): HTMLElement {
  const found = columns.map(({ label, seq, cost: counted, opening }): Column => {
    const exchange = store.at(seq)?.exchanges.find((one) => one.seq === seq);
    const cost = counted ? told(counted) : exchange && costOf(exchange, store, framing);
    return { label, seq, exchange, cost, opening };
  });
  const head = h("tr", {}, h("th", { scope: "col" }, "of this call"), ...found.map(heading));
  const line = (name: string, cells: readonly Cell[], answer = false): HTMLElement => {
    const [first] = cells;
    const same =
      cells.length > 1 &&
      cells.every((cell) => cell.text === first?.text && cell.number === first.number);
    const title = h("th", { scope: "row" }, name);
    if (same) title.append(" ", h("span.mf-equal", {}, "equal"));
    const most = Math.max(...cells.map((cell) => cell.number ?? 0), 1);
    const made = cells.map(({ text, number }, i) => {
      const column = found[i]!;
      const to = (answer && column.exchange?.answers[0]?.seq) || column.seq;
      const part = number === undefined || same ? undefined : number / most;
      return h("td", {}, ...opens(text, to, column.exchange !== undefined, open, part));
    });
    return h("tr", { class: same ? "mf-same" : undefined }, title, ...made);
  };
  const missing: Cell = { text: "not in the Trace" };
  const results = found.map(({ exchange }) =>
    exchange ? { text: outcome(exchange, store) } : missing,
  );
  const shakes = found.map(({ exchange, opening }): Cell => {
    if (!opening) return exchange ? handshakeOf(exchange.request.session, store) : missing;
    const { messages, body, framing } = opening;
    return { text: `${countText(messages, "message")}, ${bytes(body + framing).text}` };
  });
  const body = h(
    "tbody",
    {},
    line("result", results, true),
    ...MEASURES.map(([name, of, answer]) =>
      line(
        name,
        found.map((column) => (column.cost ? of(column.cost, column) : missing)),
        answer,
      ),
    ),
    line(columns.some(({ opening }) => opening) ? "to open" : "handshake before it", shakes),
  );
  const caption = h(
    "caption.mf-note",
    {},
    "The same call, and what it cost. Each cell opens its bytes.",
  );
  const table = h("table", {}, caption, h("thead", {}, head), body);
  return h("div.mf-compare", { "data-testid": "mcp-compare" }, table);
}

/** What the kernel counted. */
const told = (one: NonNullable<Compared["cost"]>): Cost => ({
  ...{ messages: one.messages, rounds: 1, roundTrips: one.round_trips },
  ...{ body: one.body, framing: one.framing },
  firstByteNs: one.first_byte_ns ?? undefined,
  resultNs: one.result_ns ?? undefined,
});

function heading({ label, exchange }: Column): HTMLElement {
  const session = exchange?.request.session;
  const badge = era(session?.revision ?? "");
  const cell = h("th", { scope: "col" }, clean(label, 40));
  if (badge) cell.append(" ", h("span", { class: `mf-badge mf-${badge}` }, badge));
  return cell;
}

/** The messages that went before the first call of a connection. */
function handshakeOf(session: Session, store: Store): Cell {
  let count = 0;
  for (const shake of store.handshakes.values())
    if (shake.first.session === session) count += shake.count;
  return count ? { text: `${count} messages`, number: count } : { text: "none", number: 0 };
}

/** What the last round of an exchange came to, in one line. */
export function outcome(exchange: Exchange, store: Store): string {
  const last = store.at(exchange.rounds[exchange.rounds.length - 1] ?? exchange.seq);
  const answer =
    last?.exchanges.find((one) => one.request === last)?.answers[0] ?? exchange.answers[0];
  const one = answer && envelopesOf(answer)[0];
  if (!one) return "no answer";
  if (one.error) return clean(`error ${one.error.code}: ${one.error.message}`, 80);
  return clean(one.result ? compact(comesTo(one.result) ?? one.result) : "", 80);
}
