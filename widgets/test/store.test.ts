import { expect, test } from "vitest";
import { Framing } from "../src/decode/framing.js";
import type { TraceEvent } from "../src/protocol.js";
import { Store } from "../src/store.js";
import { say } from "../src/words.js";
import { message, stored } from "./traces.js";

const many = (from: number, count: number) =>
  Array.from({ length: count }, (_, i) => {
    const seq = from + i;
    const id = Math.ceil(seq / 2);
    return message(seq, seq % 2 ? { id, method: "ping" } : { id, result: {} });
  });

test("the oldest leave beyond the bound, and are counted", () => {
  const store = new Store({ messages: 100, events: 1000, bytes: 1e6 });
  for (let from = 1; from < 1000; from += 50) store.take(many(from, 50));
  expect(store.rows.length).toBe(100);
  expect(store.dropped).toBe(900);
  expect(store.rows[0]?.seq).toBe(901);
  expect(store.at(950)?.exchanges[0]?.status).toBe("answered");
});

test("bytes have a bound too", () => {
  const store = new Store({ messages: 100, events: 1000, bytes: 10_000 });
  store.take([1, 2, 3].map((seq) => message(seq, { method: "x".repeat(4000) })));
  expect(store.rows.map((row) => row.seq)).toEqual([2, 3]);
});

test("what was seen before is not taken again", () => {
  const store = new Store();
  store.take(many(1, 10));
  expect(store.take(many(6, 10)).added.map((row) => row.seq)).toEqual([11, 12, 13, 14, 15]);
});

test("the endpoint at the other end of a connection is found", () => {
  const store = stored("http");
  const sessions = [...store.sessions.values()];
  const clients = sessions.filter((one) => one.vantage === "client");
  expect(clients.map((one) => one.peer)).toEqual(["http", "http"]);
  expect(clients.map((one) => one.revision)).toEqual(["2025-11-25", "2026-07-28"]);
});

test("a child process has no other end here", () => {
  const [child] = [...stored("stdio").sessions.values()];
  expect(child).toMatchObject({ conn: "child", peer: "", address: "python server.py" });
});

test("an event that comes again with more of it redacted takes the place of the first", () => {
  const store = new Store();
  const call = (secret: string) => ({
    id: 1,
    method: "tools/call",
    params: { name: `t-${secret}`, arguments: { key: secret } },
  });
  const chunk = (text: string) =>
    ({
      ...message(3, {}),
      ...{ kind: "chunk", direction: "c2s", data: `${text}\n`, size: text.length + 1, offset: 0 },
    }) as unknown as TraceEvent;
  const wire = (secret: string) => JSON.stringify(call(secret));
  store.take([message(1, call("abc")), message(2, { id: 1, result: {} }), chunk(wire("abc"))]);
  const framing = new Framing(store);
  expect(framing.locate(store.at(1)!)).toBeDefined();
  const change = store.take([message(1, call("***")), chunk(wire("***")), message(4, {})]);
  expect(change.replaced.map((row) => row.seq)).toEqual([1, 3]);
  expect(change.added.map((row) => row.seq)).toEqual([4]);
  const row = store.at(1)!;
  expect(JSON.stringify(say(row))).not.toContain("abc");
  expect(row.exchanges[0]).toMatchObject({ tool: "t-***", status: "answered" });
  expect([...row.session.tools]).toEqual(["t-***"]);
  const place = framing.locate(row);
  expect(new TextDecoder().decode(place?.body)).toBe(wire("***"));
});

test("an event that comes again as it was changes nothing", () => {
  const store = new Store();
  store.take(many(1, 10));
  const change = store.take(many(1, 10));
  expect([change.added, change.replaced]).toEqual([[], []]);
});
