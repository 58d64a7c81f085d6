import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { Feed, Static } from "../src/feed.js";
import type { Options, TraceEvent } from "../src/protocol.js";
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

function shown(name: string | readonly TraceEvent[], options: Options = {}): void {
  const items = typeof name === "string" ? events(name) : name;
  const lines = items.map((item) => JSON.stringify(item));
  flow = new Flow(new Feed(new Static(lines.join("\n"))).open(), options);
  document.body.append(flow.element);
  flow.wake().draw();
}
const all = () =>
  [...flow.element.querySelectorAll<HTMLElement>("button")].find((one) =>
    /old handshakes$/.test(one.textContent ?? ""),
  )!;
const each = () => [...flow.element.querySelectorAll<HTMLElement>(".mf-shake")];
const state = (one: HTMLElement) => one.getAttribute("aria-expanded");
const handshakes = () => flow.filter.shown.filter((row) => row.handshake).length;

test("each connection has a button that unfolds its handshake, and folds it again", () => {
  shown("http");
  const folded = handshakes();
  expect(each().map(state)).toEqual(["false", "false"]);
  each()[0]!.click();
  flow.draw();
  expect(each().map(state)).toEqual(["true", "false"]);
  expect(handshakes()).toBeGreaterThan(folded);
  each()[0]!.click();
  flow.draw();
  expect(handshakes()).toBe(folded);
});

test("one button unfolds all handshakes, and folds them again", () => {
  shown("http");
  const folded = handshakes();
  expect([all().textContent, state(all())]).toEqual(["Unfold handshakes", "false"]);
  all().click();
  flow.draw();
  expect([all().textContent, state(all())]).toEqual(["Fold handshakes", "true"]);
  expect(each().map(state)).toEqual(["true", "true"]);
  all().click();
  flow.draw();
  expect(handshakes()).toBe(folded);
});

test("for a projector one connection is shown at a time", () => {
  shown("http", { big: true });
  expect(flow.element.classList.contains("mf-big")).toBe(true);
  expect(new Set(flow.filter.shown.map((one) => one.session)).size).toBe(1);
});

test("a live view goes on following while more comes, until somebody scrolls up", () => {
  const saved = events("memory").slice(0, 5);
  flow = new Flow(new Feed(new Static(saved.map((one) => JSON.stringify(one)).join("\n"))).open(), {
    follow: true,
  });
  const port = flow.picture.port;
  document.body.append(flow.element);
  flow.wake().draw();
  const pressed = () =>
    [...flow.element.querySelectorAll("button")]
      .find((one) => one.textContent === "Follow")!
      .getAttribute("aria-pressed");
  for (const top of [100, 400]) {
    port.scrollTop = top;
    port.dispatchEvent(new Event("scroll"));
  }
  expect(pressed()).toBe("true");
  port.scrollTop = 200;
  port.dispatchEvent(new Event("scroll"));
  expect(pressed()).toBe("false");
});

test("words that are searched for show handshakes that hold them; words to leave out do not", () => {
  shown("http");
  const type = (text: string) => {
    const box = flow.element.querySelector<HTMLInputElement>(".mf-filter")!;
    box.value = text;
    box.dispatchEvent(new Event("input"));
    flow.draw();
  };
  type("-kind:opened,closed");
  expect(handshakes()).toBe(2);
  type("method:initialize");
  expect(flow.filter.shown.map((row) => row.exchanges[0]?.method)).toContain("initialize");
  expect(each().map((one) => (one as HTMLButtonElement).disabled)).not.toContain(false);
});

/** A handshake that falls back to the older era, with a line on standard error in it. */
const FALLBACK: readonly TraceEvent[] = [
  message(1, { id: 1, method: "server/discover" }),
  { ...message(2, {}), kind: "stderr", text: "ready" } as unknown as TraceEvent,
  message(3, { id: 1, error: { code: -32601, message: "unknown method" } }),
  message(4, { id: 2, method: "initialize", params: { protocolVersion: "2025-11-25" } }),
  message(5, { id: 2, result: { protocolVersion: "2025-11-25", serverInfo: { name: "s" } } }),
  message(6, { method: "notifications/initialized" }),
  message(7, { id: 3, method: "tools/list" }),
];
const label = (seq: number) =>
  flow.element.querySelector(`[data-seq="${seq}"] .mf-label`)?.textContent ?? "";

test("a handshake that is unfolded says each message, also with another event in between", () => {
  shown(FALLBACK, { query: "conn:c" });
  expect([label(1), label(3)]).toEqual([
    expect.stringMatching(/^server\/discover/),
    expect.stringMatching(/^error -32601/),
  ]);
  flow.destroy();
  shown(FALLBACK);
  expect([label(1), label(2), label(3)]).toEqual([
    "▸ handshake5 messages",
    expect.stringMatching(/^stderr/),
    "",
  ]);
  all().click();
  flow.draw();
  expect(label(1)).toMatch(/^server\/discover/);
});

test("the view of one exchange shows it as it is, of a handshake too", () => {
  shown(FALLBACK, { mini: 1, open: true } as Options);
  expect([label(1), label(3)].map((text) => text.split(" ")[0])).toEqual([
    expect.stringMatching(/^server\/discover/),
    "error",
  ]);
});

test("a folded handshake counts the messages that come while it is shown", () => {
  let hear: (batch: never) => void = () => undefined;
  const text = FALLBACK.slice(0, 5).map((item) => JSON.stringify(item));
  const backend = new Static(text.join("\n"));
  flow = new Flow(
    new Feed(
      Object.assign(backend, {
        open: (heard: (batch: never) => void) => {
          hear = heard;
          return () => undefined;
        },
      }),
    ).open(),
  );
  document.body.append(flow.element);
  flow.wake().draw();
  expect(label(1)).toBe("▸ handshake4 messages");
  const more = { dropped: 0, zero_ns: 0, items: FALLBACK.slice(5) };
  hear({ type: "batch", epoch: flow.feed.epoch, from: 6, to: 7, ...more } as never);
  flow.draw();
  expect(label(1)).toBe("▸ handshake5 messages");
});
