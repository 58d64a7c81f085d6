import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { Feed, Static } from "../src/feed.js";
import { Flow } from "../src/view/flow.js";
import { events, message } from "./traces.js";

let flow: Flow;
beforeEach(() => {
  vi.stubGlobal("requestAnimationFrame", () => 1);
  vi.stubGlobal("cancelAnimationFrame", () => undefined);
});
afterEach(() => {
  flow.destroy();
  vi.unstubAllGlobals();
});

const call = (id: number, more = {}) => ({
  ...{ id, method: "tools/call", params: { name: "tall", arguments: {}, ...more } },
});
const asks = { id: 1, result: { resultType: "input_required", requestState: "s" } };
const texts = (selector: string) =>
  [...flow.element.querySelectorAll<HTMLElement>(selector)].map((one) => one.textContent ?? "");

test("the rounds of a call are bracketed as soon as it is sent again", () => {
  const feed = new Feed(new Static("")).open();
  flow = new Flow(feed, { follow: false });
  document.body.append(flow.element);
  const batch = { type: "batch", epoch: "1.5", dropped: 0, zero_ns: 0 } as const;
  const first = [message(1, call(1)), message(2, asks)];
  flow.wake();
  feed.hear({ ...batch, from: 1, to: 2, items: first });
  flow.draw();
  expect(texts(".mf-bracket")).toEqual([]);
  expect(texts('[data-seq="2"] .mf-label')[0]).not.toContain("round");
  const again = { inputResponses: {}, requestState: "s" };
  const items = [message(3, call(2, again)), message(4, { id: 2, result: { content: [] } })];
  feed.hear({ ...batch, from: 3, to: 4, items });
  flow.draw();
  expect(texts(".mf-bracket")).toEqual(["2 rounds"]);
  const rounds = [1, 2, 3, 4].map((seq) => /round \d of \d/.exec(texts(`[data-seq="${seq}"]`)[0]!));
  expect(rounds.map((one) => one?.[0])).toEqual([
    "round 1 of 2",
    "round 1 of 2",
    "round 2 of 2",
    "round 2 of 2",
  ]);
});

test("in the table the rounds stand under one mark, and say which they are", () => {
  const lines = events("memory").map((item) => JSON.stringify(item));
  flow = new Flow(new Feed(new Static(lines.join("\n"))).open(), {
    table: true,
    query: "tool:tall",
  });
  document.body.append(flow.element);
  flow.wake().draw();
  const marked = [...flow.element.querySelectorAll("tr.mf-rounds")];
  for (const row of marked) expect(row.textContent).toMatch(/round \d of \d/);
  expect(marked.length).toBeGreaterThan(2);
  const inRounds = flow.filter.shown.filter((row) => (row.exchanges[0]?.rounds.length ?? 0) > 1);
  const made = new Set(texts("tr[data-seq] th").map(Number));
  expect(marked.length).toBe(inRounds.filter((row) => made.has(row.seq)).length);
});
