import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { Feed, Static } from "../src/feed.js";
import type { FromKernel, Options, ToKernel, TraceEvent } from "../src/protocol.js";
import { nextStep, togetherWith } from "../src/steps.js";
import { Flow } from "../src/view/flow.js";
import { members } from "../src/view/form.js";
import { events, message } from "./traces.js";

let flow: Flow | undefined;

beforeEach(() => {
  vi.stubGlobal("requestAnimationFrame", () => 1);
  vi.stubGlobal("cancelAnimationFrame", () => undefined);
});
afterEach(() => {
  flow?.destroy();
  flow = undefined;
  vi.unstubAllGlobals();
});

function shown(items: readonly TraceEvent[], options: Options = {}, live = false): Flow {
  const text = items.map((item) => JSON.stringify(item)).join("\n");
  const told: ToKernel[] = [];
  const backend = live
    ? { live, saved: text, open: () => () => undefined, tell: (what: ToKernel) => told.push(what) }
    : new Static(text);
  flow = new Flow(new Feed(backend).open(), options);
  document.body.append(flow.element);
  flow.wake().draw();
  return Object.assign(flow, { told });
}

const hook = (name: string) => flow!.element.querySelector<HTMLElement>(`[data-testid="${name}"]`)!;
const rows = () =>
  [...flow!.element.querySelectorAll<HTMLElement>('[data-testid="mcp-flow-message"]')].filter(
    (row) => !row.closest("[hidden]"),
  );
const row = (seq: number) => rows().find((one) => one.dataset.seq === String(seq))!;
const key = (name: string, more: KeyboardEventInit = {}) => {
  const port = flow!.element.querySelector(".mf-port")!;
  port.dispatchEvent(new KeyboardEvent("keydown", { key: name, bubbles: true, ...more }));
  flow!.draw();
};
const type = (text: string) => {
  const box = hook("mcp-flow-filter") as HTMLInputElement;
  box.value = text;
  box.dispatchEvent(new Event("input"));
  flow!.draw();
};
const press = (name: string) =>
  [...flow!.element.querySelectorAll("button")].find((one) => one.textContent === name)!.click();

test("each message is a row with its number, kind and method", () => {
  shown(events("websocket"));
  const call = rows().find((one) => one.dataset.method === "tools/call")!;
  expect(call.dataset).toMatchObject({ kind: "request" });
  expect(call.getAttribute("aria-description")).toContain("tools/call");
  expect(flow!.element.getAttribute("data-lm-suppress-shortcuts")).not.toBeNull();
});

test("of 20,000 messages only those in sight are in the document", () => {
  shown(Array.from({ length: 20_000 }, (_, i) => message(i + 1, { method: "ping" })));
  while (!flow!.shown.advance(1000));
  flow!.draw();
  expect(flow!.filter.shown.length).toBe(20_000);
  expect(rows().length).toBeLessThan(60);
});

test("the filter selects, says what is wrong, and keeps what it showed", () => {
  shown(events("memory"));
  type("tool:add kind:request");
  expect(rows().map((one) => one.dataset.method)).toEqual(["tools/call", "tools/call"]);
  type("knid:x");
  expect(flow!.element.querySelector(".mf-wrong")!.textContent).toContain("Did you mean kind:?");
  expect(rows().length).toBe(2);
});

const status = () => flow!.element.querySelector(".mf-statusbar")!.textContent!;

test("below stands how much is shown, of how much, and what of it failed", () => {
  const other = { conn: "d", link: "m" };
  const error = { id: 1, error: { code: -32601, message: "unknown method" } };
  shown([
    message(1, { id: 1, method: "tools/call" }),
    { ...message(2, {}), kind: "stderr", text: "ready" } as unknown as TraceEvent,
    message(3, error),
    message(4, { id: 1, method: "tools/call" }, other),
    message(5, error, other),
    message(6, "no JSON", other),
    { ...message(7, {}, other), kind: "fault", text: "refused" } as unknown as TraceEvent,
  ]);
  expect(status()).toBe("5 messages  ·  3 errors  ·  1 fault  ·  1 other row");
  type("conn:c");
  expect(status()).toBe("2 of 5 messages  ·  1 error  ·  1 other row");
  type("conn:c kind:request");
  expect(status()).toBe("1 of 5 messages");
});

test("a message that both ends saw counts once, and a folded one with its handshake", () => {
  const items = events("memory");
  const once = items.filter(({ kind, vantage }) => kind === "message" && vantage === "client");
  shown(items);
  expect(status()).toMatch(new RegExp(`^${once.length} messages  ·`));
  const [folded] = status().match(/\d+ errors?/) ?? [];
  press("Unfold handshakes");
  flow!.draw();
  expect(status()).toMatch(new RegExp(`^${once.length} messages  ·`));
  expect(status()).toContain(folded);
  type("vantage:client");
  expect(status()).toMatch(new RegExp(`^${once.length} of ${2 * once.length} messages  ·`));
});

test("what is said of a fault begins at its mark and has the room up to the edge", () => {
  shown([
    message(1, { id: 1, method: "tools/call" }),
    { ...message(2, {}), kind: "fault", text: "refused" } as unknown as TraceEvent,
  ]);
  const { style } = row(2).querySelector<HTMLElement>(".mf-label")!;
  const { lanes, width } = flow!.picture.lanes;
  const client = lanes.find(({ kind }) => kind === "connection")!;
  const [left, most] = [style.left, style.maxWidth].map(Number.parseFloat) as [number, number];
  expect(left - client.x).toBeLessThan(30);
  expect(left + most).toBeGreaterThan(width);
});

test("the command of a child process is short above its lane, and whole where one looks", () => {
  const command = "/opt/one/python3 /opt/two/server.py --fast";
  const opened = { ...message(1, {}, { transport: "stdio" }), kind: "opened", address: command };
  shown([
    opened as unknown as TraceEvent,
    message(2, { id: 1, method: "tools/call" }, { transport: "stdio" }),
  ]);
  const head = flow!.element.querySelector<HTMLElement>(".mf-lane-child")!;
  expect(head.querySelector(".mf-name")!.textContent).toBe("python3 server.py --fast");
  expect(head.title).toBe(`${command}, a child process`);
  row(1).click();
  expect(hook("mcp-flow-detail").textContent).toContain(command);
});

test("a message opens in four layers", () => {
  shown(events("websocket"));
  type("tool:add kind:request");
  rows()[0]!.click();
  expect(hook("mcp-flow-detail").hidden).toBe(false);
  const text = (layer: string) => {
    hook(`mcp-flow-layer-${layer}`).click();
    return hook("mcp-flow-detail").querySelector(".mf-panel")!.textContent!;
  };
  expect(text("call")).toContain('conn.call("add", a=2, b=3)');
  expect(text("message")).toContain('"method": "tools/call"');
  expect(text("framing")).toMatch(/opcode1 text.*mask[0-9a-f ]+ \(clients must mask\)/);
  expect(text("bytes")).toContain("unmasked");
});

test("the chosen field keeps its place from layer to layer", () => {
  shown(events("memory"));
  type("tool:add kind:request");
  rows()[0]!.click();
  hook("mcp-flow-layer-message").click();
  const member = hook("mcp-flow-detail").querySelector<HTMLElement>(
    `[data-path='${JSON.stringify(["params", "arguments", "a"])}']`,
  )!;
  member.click();
  const chosen = () =>
    [...hook("mcp-flow-detail").querySelectorAll(".mf-panel .mf-chosen")].map(
      (one) => one.textContent,
    );
  expect(chosen()).toEqual(['"a": 2']);
  hook("mcp-flow-layer-call").click();
  expect(chosen()).toEqual(["a=2"]);
  hook("mcp-flow-layer-bytes").click();
  const text = [...hook("mcp-flow-detail").querySelectorAll(".mf-ascii .mf-chosen")];
  expect(text.map((one) => one.textContent).join("")).toBe('"a":2');
  (text[1] as HTMLElement).click();
  hook("mcp-flow-layer-message").click();
  expect(chosen()).toEqual([]);
});

test("keys move, select a span, and jump to the next error", () => {
  shown(events("memory"));
  type("kind:message");
  key("ArrowDown");
  key("ArrowDown");
  key("ArrowDown", { shiftKey: true });
  expect(flow!.element.querySelector(".mf-statusbar")!.textContent).toMatch(
    /^selected 2 messages, /,
  );
  key("e");
  const chosen = rows().find((one) => one.getAttribute("aria-selected") === "true")!;
  expect(chosen.className).toContain("mf-k-failed");
  const port = flow!.element.querySelector(".mf-port")!;
  expect(port.getAttribute("aria-activedescendant")).toBe(chosen.id);
});

test("keys do not reach the notebook", () => {
  shown(events("memory"));
  const heard = vi.fn();
  document.body.addEventListener("keydown", heard);
  key("d");
  document.body.removeEventListener("keydown", heard);
  expect(heard).not.toHaveBeenCalled();
});

test("the table is a table, with the number of all its rows", () => {
  shown(events("websocket"));
  press("Table");
  flow!.draw();
  const table = flow!.element.querySelector("table[aria-rowcount]")!;
  expect(Number(table.getAttribute("aria-rowcount"))).toBe(flow!.filter.shown.length + 1);
  expect(rows()[0]!.tagName).toBe("TR");
  expect(rows()[0]!.getAttribute("aria-rowindex")).toBe("2");
});

test("errors first", () => {
  shown(events("memory"));
  const order = flow!.element.querySelector<HTMLSelectElement>('select[aria-label="Order"]')!;
  order.value = "errors";
  order.dispatchEvent(new Event("change"));
  flow!.draw();
  const statuses = rows().map((one) => one.children[7]!.textContent);
  const bad = statuses.map((status) => /error/.test(status ?? ""));
  expect(bad.lastIndexOf(true)).toBeLessThan(bad.indexOf(false));
  expect(bad[0]).toBe(true);
});

test("stepping shows what has come so far and fades the rest", () => {
  shown(events("memory"), { preset: "learn" });
  key(".");
  key(".");
  expect(rows().filter((one) => !one.classList.contains("mf-future")).length).toBe(2);
  expect(hook("mcp-flow-detail").querySelector(".mf-explained")!.textContent).not.toBe("");
  key("Escape");
  expect(rows().filter((one) => one.classList.contains("mf-future")).length).toBe(0);
});

test("the learner goes exchange by exchange with the arrow keys, and the others stand back", () => {
  shown(events("memory"), { preset: "learn" });
  expect(flow!.element.querySelector(".mf-statusbar")!.textContent).toContain("→ next exchange");
  const steps: string[] = [];
  const seen = () =>
    steps.push(rows().find((one) => one.getAttribute("aria-selected") === "true")!.dataset.seq!);
  const begun = flow!.shown.rows.filter(({ seq, exchanges }) =>
    exchanges.some((one) => one.seq === seq && one.rounds[0] === seq),
  );
  for (let i = 0; i < 4; i++) {
    key("ArrowRight");
    seen();
  }
  expect(steps).toEqual(begun.slice(0, 4).map(({ seq }) => String(seq)));
  const chosen = flow!.feed.store.at(Number(steps[3]))!;
  const beside = rows().filter((one) => one.classList.contains("mf-related"));
  expect(beside.map((one) => Number(one.dataset.seq))).toEqual(
    chosen.exchanges[0]!.rows.map(({ seq }) => seq),
  );
  expect(flow!.element.querySelector(".mf-port")!.classList.contains("mf-picked")).toBe(true);
  key("ArrowLeft");
  seen();
  expect(steps[4]).toBe(steps[2]);
  for (let i = 0; i < 99; i++) key("ArrowRight");
  expect(flow!.element.querySelector('[role="status"].mf-offstage')!.textContent).toMatch(/last/);
  key("Escape");
  expect(flow!.element.querySelector(".mf-picked")).toBeNull();
});

test("a game of questions is one step, all its rounds together", () => {
  shown(events("http"), { preset: "dev" });
  const { store } = flow!.feed;
  const game = store.rows.flatMap((row) => row.exchanges).find((one) => one.rounds.length > 1)!;
  const first = store.at(game.rounds[0]!)!;
  const together = new Set(togetherWith(first, store));
  expect(game.rounds.every((seq) => together.has(store.at(seq)!))).toBe(true);
  const next = nextStep(flow!.shown.rows, first, 1, store)!;
  expect(together.has(next)).toBe(false);
  expect(nextStep(flow!.shown.rows, next, -1, store)).toBe(first);
});

test("the learner sees one connection and at most four lanes", () => {
  shown(events("http"), { preset: "learn" });
  expect(flow!.element.querySelectorAll(".mf-lane").length).toBe(4);
  expect(new Set(flow!.filter.shown.map((one) => one.session)).size).toBe(1);
});

test("a mini view is the line of one exchange, and its messages", () => {
  shown(events("websocket"), { mini: 34 });
  expect(flow!.element.querySelector("summary.mf-minihead")!.textContent).toContain(
    'add {"a":2,"b":3}',
  );
  expect(flow!.filter.shown.map((one) => one.exchanges[0]?.seq)).toEqual([34, 34]);
});

test("a comparison says what is equal, and opens bytes", () => {
  const compare = [
    { label: "http", seq: 79 },
    { label: "websocket", seq: 553 },
  ];
  shown(events("roads"), { compare });
  const view = hook("mcp-compare");
  const lines = [...view.querySelectorAll("tbody tr")].map((one) => one.textContent);
  expect(lines).toContain("result equal55");
  expect(lines).toContain("messages equal22");
  view.querySelector("button")!.click();
  expect(hook("mcp-flow-layer-bytes").getAttribute("aria-selected")).toBe("true");
});

test("two exchanges are compared line by line", () => {
  shown(events("websocket"));
  type("tool:add kind:request");
  rows()[0]!.click();
  press("Compare");
  rows()[1]!.click();
  press("Compare");
  const differing = [...flow!.element.querySelectorAll(".mf-differs")].map(
    (one) => one.textContent,
  );
  expect(differing.join("\n")).toContain("io.modelcontextprotocol/protocolVersion");
  expect(flow!.element.querySelector(".mf-difference")!.textContent).toContain("10 equal lines");
});

test("hostile words stay words, everywhere", () => {
  const evil = "<img src=x onerror=alert(1)>\u202e\u0007<script>";
  const call = {
    jsonrpc: "2.0",
    id: evil,
    method: "tools/call",
    params: { name: evil, arguments: { [evil]: evil } },
  };
  const more = { conn: evil, link: evil, transport: evil } as Partial<TraceEvent>;
  const others = ["stderr", "fault"].map((kind, i) => ({
    ...message(3 + i, {}),
    ...more,
    kind,
    text: evil,
  }));
  const opened = {
    ...message(1, {}),
    ...more,
    kind: "opened",
    address: evil,
  } as unknown as TraceEvent;
  const list = {
    jsonrpc: "2.0",
    id: 9,
    result: { tools: [{ name: evil, description: evil, inputSchema: {} }] },
  };
  shown(
    [
      opened,
      message(2, call, more),
      ...(others as unknown as TraceEvent[]),
      message(6, list, more),
    ],
    {},
    true,
  );
  for (const one of rows()) {
    one.click();
    for (const layer of ["call", "message", "framing", "bytes"])
      hook(`mcp-flow-layer-${layer}`).click();
    flow!.draw();
    expect(flow!.element.querySelector("img, script")).toBeNull();
    expect(flow!.element.textContent).not.toMatch(/[\u202e\u0007]/);
  }
  press("Call a tool");
  expect(flow!.element.querySelector("img, script")).toBeNull();
  expect(row(2).textContent).toContain("<img");
});

test("a request is sent again by its number, edited or not", () => {
  const made = shown(events("memory"), {}, true) as Flow & { told: ToKernel[] };
  type("tool:add kind:request");
  rows()[0]!.click();
  hook("mcp-flow-layer-message").click();
  const seq = Number(rows()[0]!.dataset.seq);
  press("Resend");
  expect(made.told.at(-1)).toEqual({ type: "resend", seq, request: 1 });
  press("Edit and resend");
  const area = flow!.element.querySelector("textarea")!;
  area.value = '{"x":1}';
  press("Send");
  expect(made.told.at(-1)).toEqual({ type: "resend", seq, edited: '{"x":1}', request: 2 });
});

test("where there is no kernel nothing is offered that needs one", () => {
  shown(events("memory"));
  rows()[0]!.click();
  hook("mcp-flow-layer-message").click();
  expect(flow!.element.textContent).not.toMatch(/Resend|Call a tool/);
});

test("a form gives what its schema says: defaults, choices, null, lists, objects, left out", () => {
  const schema = {
    type: "object",
    required: ["n", "maybe"],
    properties: {
      n: { type: "integer", default: 3 },
      colour: { enum: ["red", "green"], default: "green" },
      maybe: { anyOf: [{ type: "string" }, { type: "null" }], default: null },
      tags: { type: "array", items: { type: "string" }, default: ["a", "b"] },
      inner: { $ref: "#/$defs/Inner" },
      left: { type: "string" },
    },
    $defs: { Inner: { type: "object", properties: { on: { type: "boolean", default: true } } } },
  };
  const form = members(schema);
  expect(form.value()).toEqual({
    ...{ n: 3, colour: "green", maybe: null, tags: ["a", "b"], inner: { on: true } },
  });
  const n = form.element.querySelector<HTMLInputElement>('input[inputmode="numeric"]')!;
  n.value = "1.5";
  expect(() => form.value()).toThrow("no whole number");
  n.value = "";
  expect(() => form.value()).toThrow("n is required");
});

test("a schema that refers to itself makes a form that ends", () => {
  const node = { type: "object", properties: { next: { $ref: "#/$defs/Node" } } };
  const form = members({
    type: "object",
    properties: { node: { $ref: "#/$defs/Node" } },
    $defs: { Node: node },
  });
  expect(form.element.querySelectorAll("textarea").length).toBe(1);
});

test("a message that is to be open opens when its batch comes", () => {
  const lines = Array.from({ length: 9 }, (_, i) => message(i + 1, { method: "ping" }));
  let say: (message: FromKernel) => void = () => undefined;
  const open = (hear: typeof say) => {
    say = hear;
    return () => undefined;
  };
  const feed = new Feed({ live: true, saved: "", open, tell: () => undefined }).open();
  flow = new Flow(feed, { select: 7 });
  document.body.append(flow.element);
  flow.wake().draw();
  expect(hook("mcp-flow-detail").hidden).toBe(true);
  const batch = { type: "batch" as const, epoch: "e", dropped: 0, zero_ns: 0 };
  say({ ...batch, from: 1, to: 4, items: lines.slice(0, 4) });
  expect(hook("mcp-flow-detail").hidden).toBe(true);
  say({ ...batch, from: 5, to: 9, items: lines.slice(4) });
  flow.draw();
  expect(hook("mcp-flow-detail").hidden).toBe(false);
  expect(flow.element.querySelector('[aria-pressed="true"]')?.textContent).not.toBe("Follow");
});
