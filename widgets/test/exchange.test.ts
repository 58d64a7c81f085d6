import { describe, expect, test } from "vitest";
import { Store } from "../src/store.js";
import { expected, message, NAMES, stored } from "./traces.js";

describe.each(NAMES)("the trace %s", (name) => {
  test("has the exchanges that Python finds in it", () => {
    const found = new Set(stored(name).rows.flatMap((row) => row.exchanges));
    const seqs = (rows: readonly { seq: number }[]) => rows.map((row) => row.seq);
    const said = [...found]
      .sort((a, b) => a.seq - b.seq)
      .map((one) => ({
        seq: one.seq,
        method: one.method,
        name: one.name ?? null,
        status: one.status,
        answers: seqs(one.answers),
        progress: seqs(one.progress),
        related: seqs(one.related),
        retry_of: one.retryOf?.seq ?? null,
        rounds: one.rounds,
      }));
    expect(said).toEqual(expected(name).exchanges);
  });
});

test("an answer after its cancellation is late", () => {
  const store = new Store();
  store.take([
    message(1, { id: 1, method: "tools/call", params: { name: "x" } }),
    message(2, { method: "notifications/cancelled", params: { requestId: 1 } }),
    message(3, { id: 1, result: {} }),
  ]);
  expect(store.at(1)?.exchanges[0]?.status).toBe("late");
});

test("an id of 7 and an id of “7” are two", () => {
  const store = new Store();
  store.take([
    message(1, { id: 7, method: "ping" }),
    message(2, { id: "7", method: "ping" }),
    message(3, { id: "7", result: {} }),
  ]);
  expect(store.at(1)?.exchanges[0]?.status).toBe("unanswered");
  expect(store.at(2)?.exchanges[0]?.status).toBe("answered");
});

test("a message that was cut still says what it is", () => {
  const store = new Store();
  const raw = '{"jsonrpc":"2.0","id":3,"method":"tools/call","params":{"name":"big","arg';
  store.take([message(1, raw, { direction: "c2s", size: 5000 } as object)]);
  expect(store.at(1)).toMatchObject({ kind: "request", id: 3 });
  expect(store.at(1)?.exchanges[0]?.tool).toBe("big");
});
