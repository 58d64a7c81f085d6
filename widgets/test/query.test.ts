import { describe, expect, test } from "vitest";
import { Filter } from "../src/filter.js";
import { completions, matches, parse, QueryError } from "../src/query.js";
import { Store } from "../src/store.js";
import { causeText } from "../src/words.js";
import { expected, message, NAMES, stored } from "./traces.js";

describe.each(NAMES)("in the trace %s", (name) => {
  test.each(Object.entries(expected(name).queries))(
    "%s selects what Python selects",
    (text, seqs) => {
      const words = parse(text);
      const found = stored(name).rows.filter((row) => matches(words, row));
      expect(found.map((row) => row.seq)).toEqual(seqs);
    },
  );
});

test.each([
  ["knid:error", "Did you mean kind:?"],
  ["kind:eror", "Did you mean kind:error?"],
  ["slow:soon", "slow:>100ms"],
  ["tool:", "tool:add"],
  ['"open', "double quotes"],
  ["-", "In quotes"],
])("%s is refused, and it is said what to type", (text, hint) => {
  expect(() => parse(text)).toThrow(QueryError);
  try {
    parse(text);
  } catch (error) {
    expect((error as QueryError).hint).toContain(hint);
  }
});

test("an address is a text", () => {
  expect(parse("http://x/y")).toEqual([{ key: "text", values: ["http://x/y"], negated: false }]);
});

test("a star in a value is no regular expression", () => {
  const [word] = parse("conn:a.c*");
  const store = new Store();
  store.take([message(1, {}, { conn: "abc" }), message(2, {}, { conn: "a.c9" })]);
  expect(store.rows.map((row) => matches([word!], row))).toEqual([false, true]);
});

const all = (store: Store, text: string, scope = "") => {
  const filter = new Filter(store);
  filter.set({ words: parse(text), scope: parse(scope), unfolded: () => true });
  while (!filter.advance(1000));
  return filter;
};

test("the filter, fed piece by piece, shows what it shows when it is fed at once", () => {
  const whole = stored("http");
  for (const text of ["", "status:answered", "tool:count", "slow:>1ms"]) {
    const store = new Store();
    const filter = new Filter(store);
    filter.set({ words: parse(text), scope: [], unfolded: () => true });
    for (const row of whole.rows) {
      filter.changed(store.take([row.event]));
      filter.advance(1000);
    }
    const seqs = (one: Filter) => one.shown.map((row) => row.seq);
    expect(seqs(filter)).toEqual(seqs(all(whole, text)));
  }
});

test("each message is shown once where both ends are here, and twice on request", () => {
  const store = stored("memory");
  const messages = store.rows.filter((row) => row.event.kind === "message");
  const shown = all(store, "kind:message").shown;
  expect(shown.length * 2).toBe(messages.length);
  expect(new Set(shown.map((row) => row.event.vantage))).toEqual(new Set(["client"]));
  expect(all(store, "kind:message vantage:client,server").shown.length).toBe(messages.length);
});

test("judging 100,000 rows is done in slices", () => {
  const store = new Store();
  store.take(Array.from({ length: 100_000 }, (_, i) => message(i + 1, { method: "ping" })));
  const filter = new Filter(store);
  filter.set({ words: parse("ping"), scope: [], unfolded: () => true });
  let clock = 0;
  expect(filter.advance(8, () => clock++)).toBe(false);
  expect(filter.shown.length).toBeLessThan(5000);
  while (!filter.advance(8));
  expect(filter.shown.length).toBe(100_000);
});

test("handshakes are folded to one row until they are unfolded", () => {
  const store = stored("websocket");
  const filter = new Filter(store);
  const shown = (unfolded: () => boolean) => {
    filter.set({ words: [], scope: parse("kind:message conn:websocket-legacy"), unfolded });
    filter.advance(1000);
    return filter.shown.filter((row) => row.handshake).length;
  };
  expect(shown(() => false)).toBe(1);
  expect(shown(() => true)).toBeGreaterThan(2);
});

test("what can be typed holds the names that occur", () => {
  expect(completions(stored("stdio").rows)).toContain("tool:add");
});

test("a cell selects the exchanges that it caused", () => {
  const store = new Store();
  store.take([
    message(1, { id: 1, method: "tools/call", params: { name: "add" } }, { cell: "In [5]" }),
    message(2, { id: 1, result: {} }),
    message(3, { id: 2, method: "ping" }),
  ]);
  const numbers = (query: string) =>
    store.rows.filter((row) => matches(parse(query), row)).map((row) => row.seq);
  for (const word of ["cell:5", 'cell:"In [5]"', "cell:in*", "cell:4,5"]) {
    expect(numbers(word)).toEqual([1, 2]);
    expect(numbers(`-${word}`)).toEqual([3]);
  }
  expect(completions(store.rows)).toContain("cell:5");
  expect(causeText(store.rows[1]!)).toBe("caused by In [5]");
});
