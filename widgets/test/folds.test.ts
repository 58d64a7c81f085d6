import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { Feed, Static } from "../src/feed.js";
import type { Options } from "../src/protocol.js";
import { Flow } from "../src/view/flow.js";
import { events } from "./traces.js";

let flow: Flow;
beforeEach(() => {
  vi.stubGlobal("requestAnimationFrame", () => 1);
  vi.stubGlobal("cancelAnimationFrame", () => undefined);
});
afterEach(() => {
  flow.destroy();
  vi.unstubAllGlobals();
});

function shown(name: string, options: Options = {}): void {
  const lines = events(name).map((item) => JSON.stringify(item));
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
