import { expect, test } from "vitest";
import { Framing } from "../src/decode/framing.js";
import { nodeAt, nodeOver, parseTree } from "../src/jsontree.js";
import { layOut } from "../src/lanes.js";
import { arrowOf, barsOf, inSight } from "../src/layout.js";
import { costOf } from "../src/measure.js";
import { Playback } from "../src/playback.js";
import { explained, say, sentence } from "../src/words.js";
import { stored } from "./traces.js";

const clients = (name: string) =>
  [...stored(name).sessions.values()].filter((one) => one.vantage === "client");

test("you, the connections, their endpoint: one lane each", () => {
  const { lanes } = layOut(clients("http"), 900);
  expect(lanes.map((lane) => [lane.kind, lane.title])).toEqual([
    ["you", "you"],
    ["connection", "http-legacy"],
    ["connection", "http-modern"],
    ["endpoint", "http"],
  ]);
  expect(lanes.map((lane) => lane.badge)).toEqual(["", "legacy", "modern", ""]);
  expect(lanes[3]!.tools).toContain("add");
  const xs = lanes.map((lane) => lane.x);
  expect(xs).toEqual([...xs].sort((a, b) => a - b));
});

test("a learner sees at most four lanes", () => {
  expect(layOut(clients("websocket").slice(0, 1), 900, true).lanes.length).toBe(4);
});

test("a child process has a lane that says so", () => {
  const { lanes } = layOut(clients("stdio"), 900);
  expect(lanes.at(-1)).toMatchObject({ kind: "child", title: "python server.py" });
});

test("what is narrow keeps to what talks", () => {
  const { lanes, width } = layOut(clients("sse"), 300);
  expect(lanes.map((lane) => lane.kind)).toEqual(["connection", "endpoint"]);
  expect(width).toBeLessThanOrEqual(300);
});

test("kinds differ in shape, not in colour alone", () => {
  const shapes = new Set<string>();
  for (const name of ["http", "stdio"]) {
    const store = stored(name);
    const lanes = layOut(clients(name), 900);
    for (const row of store.rows) {
      const arrow = row.link.twin ? undefined : arrowOf(row, lanes);
      if (arrow)
        shapes.add(`${row.failed ? "failed " : ""}${row.kind} ${arrow.shape} ${arrow.head}`);
    }
  }
  const looks = [...shapes].map((one) => one.split(" ").slice(-2).join(" "));
  expect([...shapes].sort(), "each look its own").toHaveLength(new Set(looks).size);
  expect(shapes.size).toBeGreaterThanOrEqual(7);
});

test("a request and its answer are the two ends of a bar", () => {
  const store = stored("memory");
  const rows = store.rows.filter((row) => row.event.kind === "message" && !row.link.twin);
  const lanes = layOut(store.sessions.values(), 900);
  const bars = barsOf(rows, (row) => rows.indexOf(row), lanes);
  expect(bars.length).toBeGreaterThan(10);
  for (const bar of bars) expect(bar.bottom).toBeGreaterThan(bar.top);
});

test("only what is in sight is made", () => {
  expect(inSight(36_000, 360, 100_000)).toEqual([997, 1013]);
  expect(inSight(0, 360, 3)).toEqual([0, 3]);
  expect(inSight(99_999, 360, 0)).toEqual([0, 0]);
});

test("slow motion keeps the order, cuts long waits short, and steps both ways", () => {
  const rows = stored("http")
    .rows.filter((row) => row.event.kind === "message")
    .slice(0, 20);
  const playback = new Playback(rows, 100);
  const starts = playback.steps.map((step) => step.start);
  expect(starts).toEqual([...starts].sort((a, b) => a - b));
  expect(Math.max(...starts.map((at, i) => at - (starts[i - 1] ?? 0)))).toBeLessThanOrEqual(1600);
  playback.step(1);
  playback.step(1);
  expect(playback.index).toBe(2);
  playback.step(-1);
  expect(playback.index).toBe(1);
  expect(playback.flying()[0]!.row).toBe(rows[1]);
  playback.advance(1e9);
  expect(playback.done).toBe(true);
  expect(playback.flying()).toEqual([]);
});

test("a field leads to its place in the text, and a place to its field", () => {
  const text = '{"a": [1, {"b\\"c": "ü"}], "d": null}';
  const root = parseTree(text)!;
  const node = nodeAt(root, ["a", "1", 'b"c']);
  expect(text.slice(node.start, node.end)).toBe('"b\\"c": "ü"');
  expect(nodeOver(root, text.indexOf("null")).path).toEqual(["d"]);
});

test.each(["{", '{"a":}', "[1,]", "{} {}", `${"[".repeat(300)}${"]".repeat(300)}`, ""])(
  "%s is no tree",
  (text) => expect(parseTree(text)).toBeUndefined(),
);

test("the same call costs the same messages on every road, and other framing", () => {
  const store = stored("roads");
  const framing = new Framing(store);
  const adds = store.rows.filter(
    (row) => !row.link.twin && row.kind === "request" && row.exchanges[0]?.tool === "add",
  );
  const costs = adds.map((row) => costOf(row.exchanges[0]!, store, framing));
  expect(adds.map((row) => row.event.transport)).toEqual(["http", "http-json", "sse", "websocket"]);
  expect(
    new Set(costs.map((cost) => `${cost.messages} ${cost.body} ${cost.roundTrips}`)).size,
  ).toBe(1);
  const [http, , sse, websocket] = costs.map((cost) => cost.framing!);
  // a client's frame of 126 bytes and more has 8 bytes of head, a server's below 126 two
  expect(websocket).toBeLessThan(20);
  expect(http).toBeGreaterThan(300);
  expect(sse).toBeLessThan(2000);
  for (const cost of costs) expect(cost.firstByteNs).toBeLessThanOrEqual(cost.resultNs!);
  for (const cost of costs) expect(cost.firstByteNs).toBeGreaterThan(0);
});

test("every row has words", () => {
  for (const name of ["http", "stdio"]) {
    const store = stored(name);
    for (const row of store.rows) {
      expect(say(row).head).not.toBe("");
      expect(sentence(row)).toContain(`on ${row.event.conn}`);
      if (row.event.kind === "message") expect(explained(row)).not.toBe("");
    }
  }
});
