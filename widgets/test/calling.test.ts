import { beforeEach, expect, test } from "vitest";
import { Feed } from "../src/feed.js";
import type { Answer, FromKernel, ToKernel, TraceEvent } from "../src/protocol.js";
import { Calling } from "../src/view/calling.js";
import { message } from "./traces.js";

const text = { type: "string" };
const tool = (name: string, properties: object = { word: text }, more: object = {}) => ({
  ...{ name, inputSchema: { type: "object", properties, ...more } },
});
const list = (seq: number, id: number, tools: object[], params: object = {}): TraceEvent[] => [
  message(seq, { jsonrpc: "2.0", id, method: "tools/list", params }),
  message(seq + 1, { jsonrpc: "2.0", id, result: { tools } }),
];
const opened = { ...message(1, {}), kind: "opened", address: "x" } as unknown as TraceEvent;

let told: ToKernel[];
let say: (message: FromKernel) => void;
let shown: number[];

function calling(...items: TraceEvent[]): Calling {
  told = [];
  shown = [];
  const feed = new Feed({
    ...{ live: true, saved: [opened, ...items].map((one) => JSON.stringify(one)).join("\n") },
    open: (hear: typeof say) => {
      say = hear;
      return () => undefined;
    },
    tell: (what: ToKernel) => told.push(what),
  } as ConstructorParameters<typeof Feed>[0]).open();
  const made = new Calling(feed, (answer: Answer) => shown.push(answer.seq ?? 0));
  document.body.replaceChildren(made.element);
  made.toggle();
  return made;
}

const select = (name: string) =>
  document.querySelector<HTMLSelectElement>(`select[aria-label="${name}"]`)!;
const options = (name: string) => [...select(name).options].map((one) => one.textContent);
const choose = (name: string, word: string) => {
  select(name).value = String(options(name).indexOf(word));
  select(name).dispatchEvent(new Event("change"));
};
const press = (name: string) =>
  [...document.querySelectorAll("button")].find((one) => one.textContent === name)!.click();
const box = () => document.querySelector<HTMLInputElement>("input[type=text]")!;
const fill = (words: string) => {
  box().value = words;
  box().dispatchEvent(new Event("input", { bubbles: true }));
};
const status = () => document.querySelector('[role="status"]')!.textContent;
const settle = () => new Promise((done) => setTimeout(done));

beforeEach(() => document.body.replaceChildren());

test("where no connection has listed tools it says what to type", () => {
  const made = calling();
  expect(made.element.textContent).toContain("%mcp tools");
  expect(select("Tool").closest("[hidden]")).not.toBeNull();
});

test("where the list of tools has left the Trace it says how to bring it back", () => {
  const made = calling();
  expect(options("Connection")).toEqual(["c"]);
  expect(made.element.textContent).toContain("Type %mcp tools --on c in a cell");
  expect(select("Connection").closest("[hidden]")).toBeNull();
  made.feed.store.take(list(4, 2, [tool("a")]));
  made.toggle();
  made.toggle();
  expect(options("Tool")).toEqual(["a"]);
  expect(select("Tool").hidden).toBe(false);
});

test("what JavaScript would round travels as text", () => {
  calling(...list(2, 1, [tool("say", { n: { type: "integer" } })]));
  fill("9007199254740993");
  press("Call");
  expect(told.at(-1)).toEqual({
    ...{ type: "call", conn: "c", tool: "say", text: '{"n":9007199254740993}', request: 1 },
  });
});

test("offers the tools of the last listing, all its pages", () => {
  calling(
    ...list(2, 1, [tool("old")]),
    ...list(4, 2, [tool("a"), tool("b")]),
    ...list(6, 3, [tool("c"), { inputSchema: {} }, 5 as never], { cursor: "2" }),
  );
  expect(options("Connection")).toEqual(["c"]);
  expect(options("Tool")).toEqual(["a", "b", "c"]);
});

test("calls with what the form says, and shows what it caused", async () => {
  calling(...list(2, 1, [tool("say", { word: text }, { required: ["word"] })]));
  press("Call");
  expect(status()).toBe("Not called. word is required");
  expect(document.activeElement).toBe(box());
  expect(told.some((one) => one.type === "call")).toBe(false);
  fill("hi");
  press("Call");
  expect(told.at(-1)).toEqual({
    ...{ type: "call", conn: "c", tool: "say", arguments: { word: "hi" }, request: 1 },
  });
  expect(status()).toBe("say is called …");
  say({ type: "answer", request: 1, ok: true, text: "'hi'", seq: 9 });
  await settle();
  expect(status()).toBe("say: 'hi'");
  expect(shown).toEqual([9]);
  press("Show #9");
  expect(shown).toEqual([9, 9]);
});

test("what the kernel refuses is said, and nothing is jumped to", async () => {
  calling(...list(2, 1, [tool("say")]));
  press("Call");
  say({ type: "answer", request: 1, ok: false, text: "the connection c is closed" });
  await settle();
  expect(status()).toBe("say: the connection c is closed");
  expect(shown).toEqual([]);
  expect([...document.querySelectorAll("button")].some((one) => one.disabled)).toBe(false);
});

test("nothing typed is lost: by another tool, by closing, by a new listing", () => {
  const made = calling(...list(2, 1, [tool("a"), tool("b")]));
  fill("typed");
  choose("Tool", "b");
  expect(box().value).toBe("");
  choose("Tool", "a");
  expect(box().value).toBe("typed");
  choose("Tool", "b");
  made.toggle();
  made.feed.store.take(list(4, 2, [tool("z"), tool("b"), tool("a")]));
  made.toggle();
  expect(select("Tool").selectedOptions[0]!.textContent).toBe("b");
  choose("Tool", "a");
  expect(box().value).toBe("typed");
});

test("a tool of another schema has another form", () => {
  const made = calling(...list(2, 1, [tool("a")]));
  made.feed.store.take(list(4, 2, [tool("a", { n: { type: "integer" } })]));
  made.toggle();
  made.toggle();
  expect(box().getAttribute("inputmode")).toBe("numeric");
});
