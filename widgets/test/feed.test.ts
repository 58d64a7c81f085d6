import type { AnyModel } from "@anywidget/types";
import { expect, test, vi } from "vitest";
import { type Backend, Feed, Live, Static } from "../src/feed.js";
import type { Batch, FromKernel, ToKernel } from "../src/protocol.js";
import { message } from "./traces.js";

class Kernel implements Backend {
  readonly live = true;
  readonly told: ToKernel[] = [];
  say: (message: FromKernel) => void = () => undefined;
  constructor(readonly saved = "") {}
  open(hear: (message: FromKernel) => void) {
    this.say = hear;
    return () => undefined;
  }
  tell(what: ToKernel) {
    this.told.push(what);
  }
}

const batch = (from: number, to: number, more: Partial<Batch> = {}): Batch => ({
  ...{ type: "batch", epoch: "e", from, to, dropped: 0, zero_ns: 0 },
  items: Array.from({ length: to - from + 1 }, (_, i) => message(from + i, { method: "ping" })),
  ...more,
});

const opened = (saved = "") => {
  const kernel = new Kernel(saved);
  return { kernel, feed: new Feed(kernel).open() };
};

test("a page that opens asks for everything", () => {
  expect(opened().kernel.told).toEqual([{ type: "ready", epoch: "", after: 0 }]);
});

test("a batch that was lost is asked for, and what came meanwhile is kept in order", () => {
  const { kernel, feed } = opened();
  kernel.say(batch(1, 5));
  kernel.say(batch(9, 12));
  expect(kernel.told.at(-1)).toEqual({ type: "resync", epoch: "e", after: 5 });
  expect(feed.store.last).toBe(5);
  kernel.say(batch(6, 8));
  expect(feed.store.rows.map((row) => row.seq)).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12]);
  feed.close();
});

test("a heartbeat shows that the last batch was lost", () => {
  const { kernel, feed } = opened();
  kernel.say(batch(1, 2));
  kernel.say(batch(6, 5));
  expect(kernel.told.at(-1)).toMatchObject({ type: "resync", after: 2 });
  feed.close();
});

test("what comes twice is shown once", () => {
  const { kernel, feed } = opened();
  kernel.say(batch(1, 5));
  kernel.say(batch(3, 7));
  expect(feed.store.rows.length).toBe(7);
});

test("another Trace takes the place of the first", () => {
  const { kernel, feed } = opened();
  kernel.say(batch(1, 5));
  kernel.say(batch(4, 5, { epoch: "after the restart" }));
  expect(feed.store.rows.length).toBe(0);
  expect(kernel.told.at(-1)).toEqual({ type: "resync", epoch: "after the restart", after: 0 });
  kernel.say(batch(1, 3, { epoch: "after the restart" }));
  expect(feed.store.last).toBe(5);
  feed.close();
});

test("a snapshot may begin where the Trace begins by now", () => {
  const { kernel, feed } = opened();
  kernel.say(batch(1, 5));
  kernel.say(batch(900, 903, { type: "snapshot", dropped: 899 }));
  expect(feed.store.rows.map((row) => row.seq)).toEqual([900, 901, 902, 903]);
  expect(feed.store.droppedBefore).toBe(899);
});

test("what was saved is there before the kernel says a word", () => {
  const header = { mcp_trace: 1, zero_ns: 5, zero_unix_s: 7.5, dropped: 2 };
  const lines = [header, message(3, { method: "ping" }), message(4, { method: "ping" })];
  const { kernel, feed } = opened(
    `${lines.map((line) => JSON.stringify(line)).join("\n")}\n{"half`,
  );
  expect(kernel.told[0]).toEqual({ type: "ready", epoch: "7.5", after: 4 });
  expect([feed.store.rows.length, feed.store.droppedBefore, feed.bad]).toEqual([2, 2, 1]);
});

test("damaged messages of a kernel do no harm", () => {
  const { kernel, feed } = opened();
  const bad = [
    null,
    7,
    { type: "batch" },
    { kind: "message", seq: 2 },
  ] as unknown as Batch["items"];
  kernel.say(batch(1, 4, { items: [...bad, message(4, { method: "ping" })] }));
  kernel.say(null as unknown as FromKernel);
  kernel.say({ type: "news" } as unknown as FromKernel);
  expect(feed.store.rows.map((row) => row.seq)).toEqual([4]);
});

test("a request to the kernel is answered by its number", async () => {
  const { kernel, feed } = opened();
  const done = feed.do({ type: "stop", name: "http" });
  const asked = kernel.told.at(-1) as { request: number };
  kernel.say({ type: "answer", request: asked.request, ok: true, text: "stopped" });
  expect(await done).toMatchObject({ ok: true, text: "stopped" });
});

test("a saved page has nobody to ask", () => {
  expect(new Feed(new Static("")).open().backend.live).toBe(false);
});

test("events come as the buffer of their message", () => {
  let say: (message: unknown, buffers: DataView[]) => void = () => undefined;
  const told: unknown[] = [];
  const model = {
    get: () => "",
    on: (_: string, hear: typeof say) => (say = hear),
    send: (message: unknown) => told.push(message),
  } as unknown as AnyModel;
  const feed = new Feed(new Live(model)).open();
  const { items, ...head } = batch(1, 3);
  say(head, [new DataView(new TextEncoder().encode(JSON.stringify(items)).buffer)]);
  expect(feed.store.rows.length).toBe(3);
  expect(told).toEqual([{ type: "ready", epoch: "", after: 0 }]);
});

test("the page keeps the newest events for a saved notebook, and a page can begin with them", () => {
  vi.useFakeTimers();
  const kernel = new Kernel();
  const kept: string[] = [];
  const feed = new Feed(Object.assign(kernel, { keep: (text: string) => kept.push(text) })).open();
  kernel.say(batch(1, 2500, { epoch: "7.5" }));
  kernel.say(batch(2501, 2600, { epoch: "7.5" }));
  vi.advanceTimersByTime(1500);
  vi.useRealTimers();
  expect(kept.length).toBe(1);
  const again = new Feed(new Static(kept[0] ?? "")).open();
  expect(again.store.rows.length).toBe(2000);
  expect(again.store.last).toBe(2600);
  expect([again.epoch, again.store.droppedBefore]).toEqual(["7.5", 600]);
  feed.close();
});
