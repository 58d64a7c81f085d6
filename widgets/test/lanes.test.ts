import { expect, test } from "vitest";
import { layOut, shortCommand } from "../src/lanes.js";
import { arrowOf, bracketsOf } from "../src/layout.js";
import type { TraceEvent } from "../src/protocol.js";
import { Store } from "../src/store.js";
import { message, stored } from "./traces.js";

const seen = (vantage: string, seq: number, more: Partial<TraceEvent> = {}) =>
  message(seq, { id: 1, method: "tools/call", params: { name: "add" } }, {
    vantage,
    ...more,
  } as Partial<TraceEvent>);

test("a relay stands between its connection and the server, and passes on", () => {
  const store = new Store();
  const answer = message(3, { id: 1, result: {} }, { vantage: "relay" });
  store.take([seen("client", 1), seen("relay", 2, { link: "r" }), answer]);
  const lanes = layOut(store.sessions.values(), 900);
  expect(lanes.lanes.map(({ kind }) => kind)).toEqual(["you", "connection", "relay", "remote"]);
  const [, client, relay, server] = lanes.lanes.map(({ x }) => x);
  const ways = store.rows.map((row) => arrowOf(row, lanes)).map((one) => [one?.x1, one?.x2]);
  expect(ways).toEqual([
    [client, server],
    [relay, server],
    [relay, client],
  ]);
});

test("a relay of somebody else's connection has a client outside", () => {
  const store = new Store();
  store.take([seen("relay", 1)]);
  const lanes = layOut(store.sessions.values(), 900);
  expect(lanes.lanes.map(({ kind }) => kind)).toEqual(["outside", "relay", "remote"]);
});

test("a child process has its lane, and its stderr stands on it", () => {
  const store = stored("stdio");
  const lanes = layOut(store.sessions.values(), 900);
  const child = lanes.lanes.find(({ kind }) => kind === "child")!;
  expect(child.under).toBe("a child process");
  const stderr = store.rows.find(({ kind }) => kind === "stderr")!;
  expect(arrowOf(stderr, lanes)).toMatchObject({ x1: child.x, head: "note" });
});

test("one bracket holds all rounds of a question and answer game", () => {
  const store = stored("memory");
  const lanes = layOut(store.sessions.values(), 900);
  const rows = store.rows.filter((row) => !row.link.twin);
  const game = rows.flatMap((row) => row.exchanges).find((one) => one.rounds.length > 1)!;
  const places = (row: (typeof rows)[number]) => rows.indexOf(row);
  const brackets = bracketsOf(rows, (seq) => store.at(seq), places, lanes);
  const bracket = brackets.find(({ top }) => rows[top] === store.at(game.rounds[0]!))!;
  expect(bracket.rounds).toBe(game.rounds.length);
  const last = store.at(game.rounds.at(-1)!)!.exchanges[0]!.answers[0];
  expect(rows[bracket.bottom]).toBe(last);
});

test("a game of which one message is shown has no bracket", () => {
  const store = stored("memory");
  const lanes = layOut(store.sessions.values(), 900);
  const game = store.rows.flatMap((row) => row.exchanges).find((one) => one.rounds.length > 1)!;
  const only = [store.at(game.rounds[0]!)!];
  const places = (row: (typeof only)[number]) => only.indexOf(row);
  expect(bracketsOf(only, (seq) => store.at(seq), places, lanes)).toEqual([]);
});

test("where there is little room, connections share a lane and the notebook has none", () => {
  const all = [...stored("http").sessions.values()].filter((one) => one.vantage === "client");
  const slim = layOut(all, 202);
  expect(slim.lanes.map(({ kind, title }) => [kind, title])).toEqual([
    ["connection", "2 connections"],
    ["endpoint", "http"],
  ]);
  expect([slim.merged, slim.width <= 202]).toEqual([true, true]);
  for (const { key } of all) expect(slim.ends.get(key)?.client.id).toBe("client");
  const middle = layOut(all, 430);
  expect(middle.lanes.map(({ kind }) => kind)).toEqual(["connection", "connection", "endpoint"]);
  expect(middle.width).toBeLessThanOrEqual(430);
});

test("a server that is looked at from its own side has a client outside, as far as any other", () => {
  const store = new Store();
  store.take([seen("server", 1)]);
  const { lanes } = layOut(store.sessions.values(), 900);
  expect(lanes.map(({ kind, title }) => [kind, title])).toEqual([
    ["outside", "a client"],
    ["endpoint", "c"],
  ]);
  expect(lanes[1]!.x - lanes[0]!.x).toBe(900 - 2 * 66);
});

test("a head takes the room up to the heads beside it, and none overlaps", () => {
  const clients = (name: string) =>
    [...stored(name).sessions.values()].filter((one) => one.vantage === "client");
  for (const [name, space, learn] of [
    ["http", 620, false],
    ["roads", 620, false],
    ["memory", 620, true],
    ["roads", 1400, false],
  ] as const) {
    const { lanes } = layOut(clients(name), space, learn);
    for (const [i, { x, room }] of lanes.entries()) {
      const next = lanes[i + 1];
      if (next) expect(x + room / 2).toBeLessThanOrEqual(next.x - next.room / 2);
    }
  }
  const { lanes } = layOut(clients("memory").slice(0, 1), 612, true);
  const [you, connection] = lanes;
  // “memory-legacy” beside “you”, which needs less
  expect(connection!.title).toBe("memory-legacy");
  expect(connection!.room).toBeGreaterThan(connection!.x - you!.x);
});

/** A link of a connection over a transport that opened and closed. */
const closed = (transport: string) => {
  const store = new Store();
  const common = { seq: 0, time_ns: 0, conn: "c", vantage: "client", link: "l", transport };
  store.take([
    { ...common, seq: 1, kind: "opened", address: "somewhere" },
    seen("client", 2, { transport, link: "l" }),
    { ...common, seq: 3, kind: "closed", reason: "" },
  ] as TraceEvent[]);
  return [...store.sessions.values()];
};
const heads = (transport: string, space: number) =>
  layOut(closed(transport), space)
    .lanes.filter(({ kind }) => kind !== "you")
    .map(({ open }) => open);

test("over HTTP a link that closed closes neither the connection nor the endpoint", () => {
  for (const transport of ["http", "http-json", "sse"])
    expect(heads(transport, 900)).toEqual([true, true]);
  for (const transport of ["websocket", "memory", "stdio"])
    expect(heads(transport, 900)).toEqual([false, false]);
  const two = [
    ...closed("http"),
    ...closed("http").map((one) => ({ ...one, conn: "d", key: "d" })),
  ];
  const merged = layOut(two, 202);
  expect([merged.merged, merged.lanes.map(({ open }) => open)]).toEqual([true, [true, true]]);
});

test("a child process is named by its command without its folders, and keeps the whole of it", () => {
  const sessions = closed("stdio");
  sessions[0]!.address = "/opt/one/python3 /opt/two/server.py --fast";
  const child = layOut(sessions, 900).lanes.find(({ kind }) => kind === "child")!;
  expect([child.title, child.whole]).toEqual(["python3 server.py --fast", sessions[0]!.address]);
  sessions[0]!.address = "";
  const unnamed = layOut(sessions, 900).lanes.find(({ kind }) => kind === "child")!;
  expect([unnamed.title, unnamed.whole]).toEqual(["c", ""]);
  expect(shortCommand(String.raw`C:\Python\python.exe  -m  a.b  /srv/data/ /`)).toBe(
    "python.exe -m a.b data /",
  );
});

test("the mark of a fault stands where what is said of it begins, not in the middle", () => {
  const store = new Store();
  const fault = { ...seen("client", 2), kind: "fault", text: "refused" } as unknown as TraceEvent;
  store.take([seen("client", 1), fault]);
  const lanes = layOut(store.sessions.values(), 900);
  const client = lanes.lanes.find(({ kind }) => kind === "connection")!;
  const { x1, head } = arrowOf(store.rows[1]!, lanes)!;
  expect(head).toBe("bolt");
  expect(x1 - client.x).toBeGreaterThan(0);
  expect(x1 - client.x).toBeLessThan(20);
});
