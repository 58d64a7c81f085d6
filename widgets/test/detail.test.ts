import { afterEach, expect, test, vi } from "vitest";
import { Framing } from "../src/decode/framing.js";
import { masked } from "../src/mask.js";
import type { TraceEvent } from "../src/protocol.js";
import { type Row, Store } from "../src/store.js";
import { Detail, type LayerName } from "../src/view/detail.js";
import { events, message } from "./traces.js";

let detail: Detail;
const resend = vi.fn();
const close = vi.fn();

function shown(items: readonly TraceEvent[], find: (row: Row) => boolean, layer: LayerName): Row {
  const store = new Store();
  store.take(items);
  const row = store.rows.filter((one) => one.event.vantage === "client").find(find)!;
  detail = new Detail(store, new Framing(store), {
    ...{ live: true, resend, close, go: () => undefined },
  });
  document.body.replaceChildren(detail.element);
  detail.layer = layer;
  detail.show(row);
  return row;
}
afterEach(() => vi.clearAllMocks());

const panel = () => detail.element.querySelector<HTMLElement>(".mf-panel")!;
const text = () => panel().textContent!;
const units = () => [...panel().querySelectorAll(".mf-unit")].map((one) => one.textContent!);
const call = (row: Row) => row.kind === "request" && row.exchanges[0]?.tool === "add";
const answer = (row: Row) => row.kind === "response" && row.exchanges[0]?.tool === "add";
const items = () =>
  [...panel().querySelectorAll<HTMLElement>('[role="treeitem"]')].filter(
    (one) => !one.parentElement!.closest(".mf-shut"),
  );
const key = (name: string, more: KeyboardEventInit = {}) =>
  document.activeElement!.dispatchEvent(
    new KeyboardEvent("keydown", { key: name, bubbles: true, cancelable: true, ...more }),
  );
const press = (name: string) =>
  [...panel().querySelectorAll("button")].find((one) => one.textContent === name)!.click();

test("HTTP: the head of the request, the body, and the head it was answered under", () => {
  shown(events("http"), call, "framing");
  const [head, body, answered] = units();
  expect(head).toMatch(/^HTTP head.*POST \/mcp HTTP\/1\.1of this message.*content-type/i);
  expect(body).toMatch(/^HTTP body/);
  expect(answered).toMatch(/^HTTP head.*HTTP\/1\.1 200 OK/);
  expect(answered).toContain("text/event-stream");
  expect(panel().querySelector("h4")!.textContent).toBe("answered under");
});

test("each server-sent event stands on its own, with when it came", () => {
  shown(
    events("http"),
    (row) => row.kind === "response" && row.exchanges[0]?.tool === "count",
    "framing",
  );
  const came = [...panel().querySelectorAll(".mf-unit")]
    .filter((one) => one.textContent!.startsWith("server-sent event"))
    .map((one) => one.querySelector("[title]")!.textContent!);
  // three progress notifications and the answer
  expect(came.length).toBe(4);
  expect(came.every((one) => /^\+[\d.]+ (µs|ms|s)$/.test(one))).toBe(true);
  expect(panel().querySelectorAll(".mf-ownunit .mf-offstage").length).toBeGreaterThan(0);
  expect(text()).toContain("asked under");
});

test("WebSocket: opcode, length and mask; lines: what they end with", () => {
  shown(events("websocket"), call, "framing");
  expect(text()).toMatch(/opcode1 text.*length\d+ bytes.*mask[0-9a-f ]{11} \(clients must mask\)/);
  detail.show(undefined);
  shown(events("stdio"), call, "framing");
  expect(text()).toContain("ends witha line feed, 0a");
});

test("the chosen field keeps its place through all four layers, and to the answer's", () => {
  shown(events("http"), call, "message");
  panel().querySelector<HTMLElement>(`[data-path='["params","arguments","a"]']`)!.click();
  const chosen = (within: string) =>
    [...panel().querySelectorAll(`${within} .mf-chosen`)].map((one) => one.textContent).join("");
  expect(chosen(".mf-tree")).toBe('"a": 2');
  detail.turn("call");
  expect(chosen(".mf-code")).toBe("a=2");
  detail.turn("framing");
  detail.turn("bytes");
  expect(chosen(".mf-ascii")).toBe('"a":2');
  expect(chosen(".mf-hex")).toBe("2261223a32");
  expect(chosen(".mf-note")).toBe("params.arguments.a");
});

test("a byte leads to its field", () => {
  shown(events("memory"), call, "bytes");
  const name = [...panel().querySelectorAll<HTMLElement>(".mf-ascii .mf-own")];
  const at = name
    .map((one) => one.textContent)
    .join("")
    .indexOf("tools/call");
  name[at]!.click();
  expect(detail.path).toEqual(["method"]);
});

test("keys walk the tree, fold it, and choose", () => {
  shown(events("memory"), call, "message");
  const root = items()[0]!;
  expect(root.tabIndex).toBe(0);
  root.focus();
  for (let i = 0; i < 3; i++) key("ArrowDown");
  const focused = () => document.activeElement!.querySelector(".mf-member")!.textContent;
  const third = items().findIndex((one) => one === document.activeElement);
  expect(third).toBe(3);
  key("End");
  key("Home");
  expect(document.activeElement).toBe(items()[0]);
  const before = items().length;
  key("ArrowLeft");
  expect(items()[0]!.getAttribute("aria-expanded")).toBe("false");
  expect(items().length).toBe(1);
  key("ArrowRight");
  expect(items().length).toBe(before);
  while (focused() !== '"name": "add"') key("ArrowDown");
  key("Enter");
  expect(detail.path).toEqual(["params", "name"]);
  expect(focused()).toBe('"name": "add"');
  key("ArrowLeft");
  expect(focused()).toBe('"params": {');
});

test("only one member of the tree is on the way of the Tab key", () => {
  shown(events("memory"), call, "message");
  expect(panel().querySelectorAll('.mf-tree [tabindex="0"]').length).toBe(1);
  detail.choose(["params", "arguments", "b"]);
  expect(panel().querySelectorAll('.mf-tree [tabindex="0"]').length).toBe(1);
  detail.choose(["no", "such"]);
  expect(panel().querySelectorAll('.mf-tree [tabindex="0"]').length).toBe(1);
});

test("what is looked for is counted, opened, and gone through", () => {
  const deep = { a: { b: { c: { d: { e: { f: { g: "needle" } } } } } }, needle: 1 };
  const body = { jsonrpc: "2.0", id: 1, method: "x", params: deep };
  shown([message(1, body)], (row) => row.kind === "request", "message");
  expect(items().some((one) => one.textContent === '"g": "needle"')).toBe(false);
  const find = panel().querySelector<HTMLInputElement>("input[type=search]")!;
  find.value = "NEEDLE";
  find.dispatchEvent(new Event("input"));
  expect(items().some((one) => one.textContent === '"g": "needle"')).toBe(true);
  expect(panel().querySelector('[role="status"]')!.textContent).toBe("2 found");
  find.focus();
  key("Enter");
  key("Enter");
  expect(panel().querySelector('[role="status"]')!.textContent).toBe("2 of 2");
  key("Enter", { shiftKey: true });
  expect(panel().querySelectorAll(".mf-here").length).toBe(1);
  expect(panel().querySelector(".mf-here")!.textContent).toBe('"g": "needle"');
});

test("numbers are shown, called and edited with the digits that travelled", () => {
  const raw =
    '{"jsonrpc":"2.0","id":9007199254740993,"method":"tools/call","params":{"name":"f","arguments":{"n":9007199254740995,"x":1.0}}}';
  shown([message(1, raw, { direction: "c2s" })], () => true, "message");
  expect(text()).toContain('"id": 9007199254740993');
  press("Edit and resend");
  const area = panel().querySelector("textarea")!;
  expect(area.value).toContain('"n": 9007199254740995,\n      "x": 1.0');
  expect(area.value.replace(/\s/g, "")).toBe(raw);
  detail.turn("call");
  expect(text()).toContain('conn.call("f", n=9007199254740995, x=1.0)');
});

test("an edited message that still holds a mask warns before it is sent", () => {
  const secret = { name: "f", arguments: { token: "****************", n: 1 } };
  const body = { jsonrpc: "2.0", id: 1, method: "tools/call", params: secret };
  const row = shown([message(1, body)], () => true, "message");
  press("Edit and resend");
  const area = panel().querySelector("textarea")!;
  const warning = () => panel().querySelector(".mf-editing .mf-wrong")!.textContent!;
  expect(warning()).toContain("params.arguments.token is masked");
  area.value = area.value.replace(/\*+/, "hunter22");
  area.dispatchEvent(new Event("input"));
  expect(warning()).toBe("");
  press("Send");
  expect(resend).toHaveBeenLastCalledWith(row, area.value);
  expect(area.value).toContain("hunter22");
  press("Cancel");
  press("Resend");
  expect(resend).toHaveBeenLastCalledWith(row);
});

test.each([
  ['{"a":"Bearer ********"}', ["a"]],
  ['{"a":"*"}', ["a"]],
  ['{"a":"2 * 3 * 4","b":"**bold**"}', []],
  ['{"password":99999}', ["password"]],
  ['{"count":99999,"progressToken":9}', []],
  ['{"x":{"****":1}}', ["x.****"]],
  ["no json ****", ["the text"]],
])("%s holds masks at %j", (given, places) => {
  expect(masked(given)).toEqual(places);
});

test("Escape closes, but not what is being typed", () => {
  shown(events("memory"), answer, "message");
  items()[0]!.focus();
  key("Escape");
  expect(close).toHaveBeenCalledTimes(1);
  const find = panel().querySelector<HTMLInputElement>("input[type=search]")!;
  find.value = "x";
  find.focus();
  key("Escape");
  expect(close).toHaveBeenCalledTimes(1);
});

test("the pieces of the Python call are buttons", () => {
  shown(events("memory"), call, "call");
  const piece = [...panel().querySelectorAll<HTMLElement>('[role="button"]')].find(
    (one) => one.textContent === "a=2",
  )!;
  piece.focus();
  key("Enter");
  expect(detail.path).toEqual(["params", "arguments", "a"]);
  expect(document.activeElement!.textContent).toBe("a=2");
  expect(document.activeElement!.getAttribute("aria-pressed")).toBe("true");
});
