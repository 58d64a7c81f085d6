/** Exchange by exchange: what belongs together, and what comes next. */

import type { Row, Store } from "./store.js";

/** The rows of all exchanges a row belongs to, all rounds of them. */
export function togetherWith(row: Row | undefined, store: Store): Row[] {
  const found = (row?.exchanges ?? []).flatMap(({ rounds, rows }) => [
    ...rows,
    ...rounds.flatMap(
      (seq) =>
        store.at(seq)?.exchanges.flatMap((one) => (one.rounds === rounds ? one.rows : [])) ?? [],
    ),
  ]);
  return row ? [row, ...found] : [];
}

/** Whether an exchange begins here, or something that is none. */
const begins = ({ seq, exchanges }: Row): boolean =>
  !exchanges.length || exchanges.some((one) => one.seq === seq && (one.rounds[0] ?? seq) === seq);

/** Where the next exchange begins, or the one before; at the end there is none. */
export function nextStep(
  rows: readonly Row[],
  at: Row | undefined,
  by: 1 | -1,
  store: Store,
): Row | undefined {
  const own = new Set(togetherWith(at, store));
  const first = at && Math.min(...[...own].map(({ seq }) => seq));
  const fits = (row: Row): boolean =>
    begins(row) &&
    !own.has(row) &&
    (first === undefined || (by > 0 ? row.seq > first : row.seq < first));
  return by > 0 || first === undefined ? rows.find(fits) : rows.findLast(fits);
}
