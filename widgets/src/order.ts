/** Exchanges in another order than that of time: the worst first. */

import type { Row } from "./store.js";

export const ORDERS = { time: "in order", errors: "errors first", slow: "slowest first" } as const;
export type Order = keyof typeof ORDERS;

const latency = (row: Row): number => row.exchanges[0]?.latencyNs ?? -1;

function badness(row: Row): number {
  const status = row.exchanges[0]?.status;
  if (row.kind === "fault" || status === "error" || status === "tool-error") return 2;
  return status === "answered" ? 0 : 1;
}

/** The requests and faults among some rows. */
export function sorted(rows: readonly Row[], order: Order): Row[] {
  return rows
    .filter((row) => row.kind === "request" || row.kind === "fault")
    .sort(
      order === "slow"
        ? (a, b) => latency(b) - latency(a)
        : (a, b) => badness(b) - badness(a) || a.seq - b.seq,
    );
}
