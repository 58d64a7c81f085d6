import { expect, test } from "vitest";
import { canonical } from "../src/decode/framing.js";
import { read } from "../src/envelope.js";
import { Exact, exactly, parseTree, pretty, written } from "../src/jsontree.js";
import { phrase } from "../src/phrase.js";
import { Store } from "../src/store.js";
import { message } from "./traces.js";

const BIG = "9007199254740993";

test.each([
  [BIG, BIG],
  [`-${BIG}`, `-${BIG}`],
  ["123456789012345678901234567890", "123456789012345678901234567890"],
  ["0.1000000000000000055511151231257827", "0.1000000000000000055511151231257827"],
  ["1e400", "1e400"],
  ["1e-400", "1e-400"],
])("%s, which JavaScript cannot hold, is kept as it travelled", (given, shown) => {
  expect(exactly(given)).toBeInstanceOf(Exact);
  expect(String(exactly(given))).toBe(shown);
  expect(written(exactly(`{"a":[${given}]}`))).toBe(`{"a":[${shown}]}`);
});

test.each([
  ["1", 1],
  ["1.0", 1],
  ["-0.5e3", -500],
  ["0.30000000000000004", 0.30000000000000004],
  ["12345678901234567000", 12345678901234567000],
  ["9007199254740991", 9007199254740991],
  ["1e21", 1e21],
])("%s is an ordinary number", (given, value) => {
  expect(exactly(given)).toBe(value);
});

test("where it is asked for, every number keeps its spelling", () => {
  expect(written(exactly('{"x":1.0,"y":1,"z":1E5}', true))).toBe('{"x":1.0,"y":1,"z":1E5}');
});

test("a member called __proto__ is a member", () => {
  const value = exactly(`{"__proto__":{"a":${BIG}}}`) as object;
  expect(Object.keys(value)).toEqual(["__proto__"]);
  expect("a" in value).toBe(false);
});

test("what is no JSON is refused as JSON.parse refuses it", () => {
  for (const text of [`{"a":${BIG}`, `01${BIG}`, `[${BIG},]`])
    expect(() => exactly(text)).toThrow();
});

test("pretty changes nothing but blanks: numbers, doubled members, their order", () => {
  const text = `{"b":${BIG},"a":[1.0,{}],"a":"x y"}`;
  expect(pretty(text)).toBe(`{\n  "b": ${BIG},\n  "a": [\n    1.0,\n    {}\n  ],\n  "a": "x y"\n}`);
  expect(pretty(text).replace(/\n\s*|(?<=:) /g, "")).toBe(text);
  expect(pretty("no json")).toBe("no json");
});

test("ids that are near each other are two ids", () => {
  const ids = ["9007199254740992", "9007199254740993"];
  const store = new Store();
  const rows = store.take([
    ...ids.map((id, i) =>
      message(i + 1, `{"jsonrpc":"2.0","id":${id},"method":"ping"}`, { direction: "c2s" }),
    ),
    ...[...ids]
      .reverse()
      .map((id, i) => message(i + 3, `{"jsonrpc":"2.0","id":${id},"result":{}}`)),
  ]).added;
  expect(rows.map((row) => String(row.id))).toEqual([...ids, ...ids.slice().reverse()]);
  expect(rows.map((row) => row.exchanges[0]?.seq)).toEqual([1, 2, 2, 1]);
  expect(rows[0]!.exchanges[0]!.status).toBe("answered");
  expect(canonical(`{"id":${ids[0]}}`)).not.toBe(canonical(`{"id":${ids[1]}}`));
});

test("values are shown with the digits that travelled", () => {
  const [one] = read(
    `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"f","arguments":{"n":${BIG}}}}`,
    false,
  );
  expect(phrase(one!, "").rest).toBe(`f {"n":${BIG}}`);
  expect(parseTree(BIG)?.type).toBe("other");
});
