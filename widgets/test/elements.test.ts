import type { AnyModel } from "@anywidget/types";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { door } from "../src/door.js";
import widget from "../src/index.js";
import type { Batch, FromKernel, TraceEvent } from "../src/protocol.js";
import { message } from "./traces.js";

interface Widget {
  initialize(props: { model: AnyModel }): () => void;
  render(props: { model: AnyModel; el: HTMLElement }): () => void;
}
const { initialize, render } = widget as Widget;

/** The model of a feed, as anywidget hands it over, with a kernel behind it. */
class Model {
  readonly told: unknown[] = [];
  readonly widget_manager: unknown;
  readonly traits: Record<string, unknown>;
  #heard = new Set<(message: FromKernel) => void>();

  constructor(feed: string, saved: readonly TraceEvent[] = [], manager?: unknown) {
    const header = { mcp_trace: 1, zero_ns: 0, zero_unix_s: 1.5, dropped: 0 };
    const snapshot = [header, ...saved].map((one) => JSON.stringify(one)).join("\n");
    this.traits = { feed, snapshot, options: {} };
    this.widget_manager = manager;
  }
  get = (name: string) => this.traits[name];
  set = (name: string, value: unknown) => {
    this.traits[name] = value;
  };
  on = (_: string, heard: (message: FromKernel) => void) => this.#heard.add(heard);
  off = (_: string, heard: (message: FromKernel) => void) => this.#heard.delete(heard);
  send = (message: unknown) => this.told.push(message);
  say(from: number, to: number, more: Partial<Batch> = {}) {
    const items = Array.from({ length: to - from + 1 }, (_, i) => ping(from + i));
    const batch = { type: "batch", epoch: "1.5", from, to, items, dropped: 0, zero_ns: 0, ...more };
    for (const heard of this.#heard) heard(batch as Batch);
  }
}

const ping = (seq: number) => message(seq, { jsonrpc: "2.0", id: seq, method: `ping/${seq}` });
const pings = (to: number) => Array.from({ length: to }, (_, i) => ping(i + 1));
const begun: (() => void)[] = [];
const begin = (model: Model) => {
  const end = initialize({ model: model as unknown as AnyModel });
  begun.push(end);
  return end;
};

const put = (html: string, into: Element = document.body) => {
  const holder = document.createElement("div");
  holder.innerHTML = html;
  const made = holder.firstElementChild as HTMLElement;
  into.append(made);
  return made;
};
let frames: (() => void)[] = [];
const settle = () => {
  for (const frame of frames.splice(0)) frame();
};
const rowsIn = (element: Element) =>
  [...element.querySelectorAll<HTMLElement>('[data-testid="mcp-flow-message"]')].map((row) =>
    Number(row.dataset.seq),
  );
const filterOf = (element: Element) => element.querySelector<HTMLInputElement>(".mf-filter")!;

beforeEach(() => {
  frames = [];
  vi.stubGlobal("requestAnimationFrame", (act: () => void) => frames.push(act));
  vi.stubGlobal("cancelAnimationFrame", () => {
    frames = [];
  });
});
afterEach(() => {
  document.body.replaceChildren();
  for (const end of begun.splice(0)) end();
  vi.unstubAllGlobals();
});

test("a view that stands before its feed shows what it has, and then the flow", () => {
  const view = put('<mcp-flow-view feed="a">the <b>text</b></mcp-flow-view>');
  expect(view.textContent).toBe("the text");
  begin(new Model("a", pings(3)));
  settle();
  expect(rowsIn(view)).toEqual([1, 2, 3]);
  expect(view.textContent).not.toContain("the text");
});

test("a view that comes after its feed shows the flow at once, with its options", () => {
  begin(new Model("b", pings(3)));
  const view = put(`<mcp-flow-view feed="b" options='{"query":"method:ping/2"}'>x</mcp-flow-view>`);
  settle();
  expect(rowsIn(view)).toEqual([2]);
});

test("options that cannot be read do not keep the picture away", () => {
  begin(new Model("c", pings(2)));
  for (const options of ["{", "3", "null"]) {
    const view = put(`<mcp-flow-view feed="c" options='${options}'></mcp-flow-view>`);
    settle();
    expect(rowsIn(view)).toEqual([1, 2]);
  }
});

test("a view of another feed is left alone", () => {
  const view = put('<mcp-flow-view feed="other">stays</mcp-flow-view>');
  begin(new Model("d", pings(1)));
  expect(view.textContent).toBe("stays");
});

test("out of the page a view does not draw; back in it, it is complete and as it was", () => {
  const model = new Model("e", pings(3));
  begin(model);
  const view = put('<mcp-flow-view feed="e"></mcp-flow-view>');
  settle();
  const box = filterOf(view);
  box.value = "-method:ping/2";
  box.dispatchEvent(new Event("input"));
  settle();
  view.querySelector<HTMLElement>('[data-seq="3"]')!.click();
  settle();
  expect(rowsIn(view)).toEqual([1, 3]);
  view.remove();
  model.say(4, 6);
  expect(frames).toEqual([]);
  expect(rowsIn(view)).toEqual([1, 3]);
  document.body.append(view);
  settle();
  expect(rowsIn(view)).toEqual([1, 3, 4, 5, 6]);
  expect(filterOf(view)).toBe(box);
  expect(view.querySelector('[aria-selected="true"]')?.getAttribute("data-seq")).toBe("3");
});

test("a view is where it was scrolled to when it comes back", () => {
  begin(new Model("f", pings(500)));
  const view = put(`<mcp-flow-view feed="f" options='{"follow":false}'></mcp-flow-view>`);
  settle();
  const port = view.querySelector<HTMLElement>(".mf-port")!;
  port.scrollTop = 3600;
  port.dispatchEvent(new Event("scroll"));
  settle();
  expect(rowsIn(view)).toContain(105);
  view.remove();
  port.scrollTop = 0; // what browsers do
  document.body.append(view);
  settle();
  expect(port.scrollTop).toBe(3600);
  expect(rowsIn(view)).toContain(105);
});

test("another element with the same key takes the place of one that left", () => {
  begin(new Model("g", pings(3)));
  const html = '<mcp-flow-view feed="g" view="g1"></mcp-flow-view>';
  const first = put(html);
  settle();
  filterOf(first).value = "method:ping/1";
  filterOf(first).dispatchEvent(new Event("input"));
  first.remove();
  const second = put(html);
  settle();
  expect(filterOf(second).value).toBe("method:ping/1");
  expect(rowsIn(second)).toEqual([1]);
});

test("another feed of the same name takes over; a feed that leaves leaves its picture", () => {
  const end = begin(new Model("i", pings(2)));
  const view = put('<mcp-flow-view feed="i"></mcp-flow-view>');
  settle();
  end();
  settle();
  expect(rowsIn(view)).toEqual([1, 2]);
  begin(new Model("i", pings(4)));
  settle();
  expect(rowsIn(view)).toEqual([1, 2, 3, 4]);
});

test("a still picture hides, with its output, only while its feed is there", () => {
  const output = put(`<div class="jp-OutputArea-child"><div class="jp-OutputPrompt">[1]:</div>
    <div class="jp-OutputArea-output"></div></div>`);
  const html = '<mcp-flow-still feed="j"><img alt="the flow"></mcp-flow-still>';
  const still = put(html, output.querySelector(".jp-OutputArea-output")!);
  expect([still.hidden, output.style.display]).toEqual([false, ""]);
  const end = begin(new Model("j", pings(1)));
  expect([still.hidden, output.style.display]).toEqual([true, "none"]);
  end();
  expect([still.hidden, output.style.display]).toEqual([false, ""]);
});

test("an output that holds more than the still picture stays", () => {
  const output = put(`<div class="jp-OutputArea-child"><div class="jp-OutputArea-output">
    <p>more</p></div></div>`);
  const inside = output.querySelector(".jp-OutputArea-output")!;
  const still = put('<mcp-flow-still feed="k"><img alt=""></mcp-flow-still>', inside);
  begin(new Model("k", pings(1)));
  expect([still.hidden, output.style.display]).toEqual([true, ""]);
});

test("a widget stands where its children stood while its model is there", async () => {
  const el = document.createElement("button");
  const messages: string[] = [];
  const views = { removed: 0 };
  const gone = new Set<() => void>();
  const manager = {
    get_model: async (id: string) => {
      if (id !== "there") throw new Error("widget model not found");
      return { on: (_: string, act: () => void) => gone.add(act), off: () => undefined };
    },
    create_view: async () => ({
      el,
      luminoWidget: { processMessage: ({ type }: { type: string }) => messages.push(type) },
      remove: () => views.removed++,
    }),
  };
  begin(new Model("l", pings(1), manager));
  const missing = put('<mcp-flow-widget feed="l" model="lost">table</mcp-flow-widget>');
  const panel = put('<mcp-flow-widget feed="l" model="there">table</mcp-flow-widget>');
  await vi.waitFor(() => expect(panel.firstChild).toBe(el));
  expect(panel.textContent).toBe("");
  expect(missing.textContent).toBe("table");
  panel.remove();
  expect(messages).toEqual(["before-attach", "after-attach", "before-detach", "after-detach"]);
  expect(views.removed).toBe(1);
  document.body.append(panel);
  await vi.waitFor(() => expect(panel.firstChild).toBe(el));
  for (const act of gone) act();
  expect(panel.textContent).toBe("table");
});

test("a feed that is itself displayed is a view too", () => {
  const model = new Model("m", pings(2));
  begin(model);
  const el = document.createElement("div");
  document.body.append(el);
  const end = render({ model: model as unknown as AnyModel, el });
  settle();
  expect(rowsIn(el)).toEqual([1, 2]);
  end();
  expect(rowsIn(el)).toEqual([]);
});

test("a second copy of the bundle leaves the first in charge", async () => {
  vi.resetModules();
  const again = (await import("../src/index.js")).default;
  expect(again).toBe(widget);
  expect((await import("../src/door.js")).door).toBe(door);
});

test("a page tells the kernel what it holds", () => {
  const model = new Model("n", pings(3));
  begin(model);
  expect(model.told).toEqual([{ type: "ready", epoch: "1.5", after: 3 }]);
});

const TOLD = `<table><thead><tr><td></td><th scope="col">pipe</th><th scope="col">http</th></tr>
  </thead><tbody><tr><th scope="row">messages</th><td colspan="2">= 2 in all</td></tr>
  <tr><th scope="row">bytes in all</th><td>10</td><td>40</td></tr>
  <tr><th scope="row">time to the result</th><td>1 ms</td><td>-</td></tr></tbody></table>
  <p>sse: no such road</p>`;

test("the kernel's own comparison stays, each cell opens its bytes, and then the flow comes", () => {
  const model = new Model("f", [
    message(1, { jsonrpc: "2.0", id: 1, method: "tools/call" }),
    message(2, { jsonrpc: "2.0", id: 1, result: {} }),
    message(3, { jsonrpc: "2.0", id: 9, method: "ping" }, { conn: "other", link: "m" }),
  ]);
  begin(model);
  const compare = [
    { label: "pipe", seq: 1 },
    { label: "http", seq: 77 },
  ];
  const options = JSON.stringify({ compare }).replaceAll('"', "&quot;");
  const view = put(`<mcp-flow-view feed="f" options="${options}">${TOLD}</mcp-flow-view>`);
  settle();
  const flow = view.querySelector('[data-testid="mcp-flow"]')!;
  expect(flow.classList.contains("mf-shut")).toBe(true);
  expect(view.textContent).toContain("= 2 in all");
  expect(view.textContent).toContain("sse: no such road");
  const buttons = [...view.querySelectorAll<HTMLButtonElement>("table button")];
  expect(buttons.map((one) => [one.textContent, one.disabled])).toEqual([
    ...[["pipe", false] as const, ["http", true] as const],
    ...[["10", false] as const, ["40", true] as const],
    ...[["1 ms", false] as const, ["-", true] as const],
  ]);
  expect(view.querySelectorAll(".mf-measure").length).toBe(2);

  buttons[4]!.focus();
  model.say(4, 5);
  settle();
  expect(document.activeElement).toBe(buttons[4]);
  buttons[4]!.click();
  settle();
  expect(flow.classList.contains("mf-shut")).toBe(false);
  // the answer, and nothing of a connection that was not compared
  expect(view.querySelector('[aria-selected="true"][data-seq]')?.getAttribute("data-seq")).toBe(
    "2",
  );
  expect(rowsIn(view).filter((seq) => seq === 3)).toEqual([]);
  const tab = view.querySelector('[data-testid="mcp-flow-layer-bytes"]')!;
  expect(tab.getAttribute("aria-selected")).toBe("true");
});

test("a view beside the notebook says where it is, and floats where nothing docks it", () => {
  vi.useFakeTimers();
  const model = new Model("f-beside");
  begun.push(initialize({ model: model as unknown as AnyModel }));
  model.say(1, 3);
  const place = document.createElement("div");
  document.body.append(place);
  const beside = JSON.stringify({ beside: true });
  place.innerHTML = `<mcp-flow-view feed="f-beside" view="1" options='${beside}'></mcp-flow-view>`;
  vi.advanceTimersByTime(2500);
  const float = () => document.querySelector(".mf-float");
  expect(place.textContent).toContain("floats beside");
  expect(float()?.querySelector("[data-testid=mcp-flow]")).toBeTruthy();

  const docked = document.createElement("div");
  document.body.append(docked);
  docked.innerHTML = `<mcp-flow-view feed="f-beside" view="2" options='{"docked":true}'></mcp-flow-view>`;
  expect(place.textContent).toContain("is docked beside");
  expect(float()).toBeNull();

  docked.remove();
  vi.advanceTimersByTime(2500);
  expect(float()).toBeTruthy();
  float()?.querySelector("button")?.click();
  expect(float()).toBeNull();
  expect(place.textContent).toContain("closed");
  place.querySelector("button")?.click();
  expect(float()).toBeTruthy();
  place.remove();
  expect(float()).toBeNull();
  vi.useRealTimers();
});
