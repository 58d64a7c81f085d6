import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { curlLine, magicLine, pythonLine } from "../src/copies.js";
import { Framing } from "../src/decode/framing.js";
import { read } from "../src/envelope.js";
import type { TraceEvent } from "../src/protocol.js";
import { type Row, Store } from "../src/store.js";
import { events } from "./traces.js";

interface Case {
  readonly name: string;
  readonly conn: string;
  readonly raw: string;
  readonly magic: string;
  readonly python: string;
}
// the same cases are run by tests/magics/test_copies.py
const cases = JSON.parse(readFileSync("test/fixtures/copies.json", "utf8")) as Case[];

test.each(cases)("as a %mcp line and as Python: $name", ({ conn, raw, magic, python }) => {
  const [one] = read(raw, false, true);
  expect(magicLine(one!, conn, raw)).toBe(magic);
  expect(pythonLine(one!, raw)).toBe(python);
});

test("an answer is nothing to send", () => {
  const [one] = read('{"jsonrpc":"2.0","id":1,"result":{}}', false);
  expect([magicLine(one!, "c", "{}"), pythonLine(one!, "{}")]).toEqual([undefined, undefined]);
});

test("what no line can say is not offered", () => {
  const ask = (params: object) =>
    read(JSON.stringify({ jsonrpc: "2.0", id: 1, method: "resources/read", params }), false)[0]!;
  expect(magicLine(ask({ uri: "a" }), 'it\'s "so"', "{}")).toBeUndefined();
  expect(magicLine(ask({ uri: "a" }), "two\nlines", "{}")).toBeUndefined();
  expect(magicLine(ask({ uri: "--help" }), "c", "{}")).toBe("%%mcp send --on c\n{}");
});

const EXPECTED = [
  "curl -sS -N 'http://127.0.0.1:PORT/mcp'",
  "-H 'accept: application/json, text/event-stream'",
  "-H 'content-type: application/json'",
];

function requests(name: string, change = (line: string): string => line): Row[] {
  const store = new Store();
  store.take(events(name).map((one) => JSON.parse(change(JSON.stringify(one))) as TraceEvent));
  curls = new Framing(store);
  return store.rows.filter((row) => row.event.vantage === "client" && row.method === "tools/call");
}
let curls: Framing;
const parts = (row: Row): string[] | undefined =>
  curlLine(row, curls)
    ?.replace(/127\.0\.0\.1:\d+/g, "127.0.0.1:PORT")
    .split(" \\\n  ");

describe("as curl", () => {
  test("the legacy era: session and revision in the head, the message as it was", () => {
    const row = requests("http").find((one) => one.event.conn === "http-legacy")!;
    const found = parts(row)!;
    expect(found.slice(0, 3)).toEqual(EXPECTED);
    expect(found).toContain("-H 'mcp-protocol-version: 2025-11-25'");
    expect(found.some((one) => /^-H 'mcp-session-id: [0-9a-f]{32}'$/.test(one))).toBe(true);
    expect(found.at(-1)).toBe(`--data-raw '${row.event.kind === "message" && row.event.raw}'`);
    expect(found.join()).not.toMatch(/content-length|user-agent|'host|connection:/i);
  });

  test("the modern era: method and name in the head, no session", () => {
    const found = parts(requests("http").find((one) => one.event.conn === "http-modern")!)!;
    expect(found).toContain("-H 'mcp-protocol-version: 2026-07-28'");
    expect(found).toContain("-H 'mcp-method: tools/call'");
    expect(found).toContain("-H 'mcp-name: add'");
    expect(found.join()).not.toContain("session-id");
  });

  test("an apostrophe does not end the text", () => {
    const quoted = (line: string): string => line.replaceAll("on purpose", "it's so   ");
    const row = requests("http", quoted).find((one) => one.exchanges[0]?.tool === "boom")!;
    expect(parts(row)!.at(-1)).toContain(`"it'\\''s so   "`);
  });

  test("a masked header is a variable that must be set", () => {
    const token = (line: string): string =>
      line.replaceAll(
        "content-type: application/json\\r\\n",
        "authorization: Bearer ********\\r\\n",
      );
    const found = parts(requests("http", token)[0]!)!;
    expect(found).toContain(
      "-H 'authorization: Bearer '\"${MCP_AUTHORIZATION:?holds what is masked here}\"",
    );
    expect(found.join()).not.toContain("***");
  });

  test("there is none where no POST carried it", () => {
    for (const name of ["websocket", "stdio", "memory"])
      expect(curlLine(requests(name)[0]!, curls)).toBeUndefined();
  });
});
