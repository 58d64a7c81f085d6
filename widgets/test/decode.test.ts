import { describe, expect, test } from "vitest";
import { concat, decode, encode } from "../src/bytes.js";
import { bytesOf, Framing, inStream } from "../src/decode/framing.js";
import { HttpFlow } from "../src/decode/http1.js";
import { LineFlow } from "../src/decode/lines.js";
import { SseDecoder } from "../src/decode/sse.js";
import type { Unit } from "../src/decode/unit.js";
import { readFrame } from "../src/decode/websocket.js";
import { expected, NAMES, stored } from "./traces.js";

describe.each(NAMES)("the trace %s", (name) => {
  test("has its messages where Python finds them", () => {
    const store = stored(name);
    const framing = new Framing(store);
    const found: Record<string, unknown> = {};
    for (const row of store.rows) {
      const place = framing.locate(row);
      if (!place) continue;
      const { units, spans, head } = place;
      const unit = [units[0]!.span[0], units[units.length - 1]!.span[1]];
      found[row.seq] = {
        layer: units[units.length - 1]!.layer,
        spans,
        unit,
        head: head ? head.span : null,
      };
    }
    // Python's events end with their last line, ours with the empty line that sends them off
    const { places } = expected(name);
    for (const [seq, place] of Object.entries(places)) {
      if (place.layer === "sse-event") place.unit[1] = (found[seq] as typeof place).unit[1]!;
    }
    expect(found).toEqual(places);
  });

  test("gives the bytes of a message back", () => {
    const store = stored(name);
    const framing = new Framing(store);
    for (const row of store.rows) {
      const place = framing.locate(row);
      if (!place || row.event.kind !== "message") continue;
      if (place.units.some((unit) => unit.detail?.type === "ws" && unit.detail.mask)) continue;
      const data = concat(place.spans.map((span) => bytesOf(place.link, row.direction, span)));
      expect(JSON.parse(decode(data))).toEqual(JSON.parse(row.event.raw as string));
    }
  });
});

const feed = (flow: LineFlow | HttpFlow, ...pieces: [offset: number, text: string][]) =>
  pieces.forEach(([offset, text], i) => {
    const data = encode(text);
    flow.take({ seq: i + 1, timeNs: i, offset, data, size: data.length });
  });

test("a body in chunks is one body, its bytes between the sizes", () => {
  const units: Unit[] = [];
  const flow = new HttpFlow("s2c", units, { methods: ["POST"], upgraded: false });
  const text =
    'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\n{"a\r\n4\r\n":1}\r\n0\r\n\r\n';
  for (let i = 0; i < text.length; i++) feed(flow, [i, text[i]!]);
  expect(units.map((unit) => unit.layer)).toEqual(["http-head", "http-body"]);
  expect(decode(units[1]!.body!)).toBe('{"a":1}');
  expect(units[1]!.bodySpans.map(([a, b]) => text.slice(a, b))).toEqual(['{"a', '":1}']);
});

test("each server-sent event is a unit of its own, with the time of its last byte", () => {
  const units: Unit[] = [];
  const flow = new HttpFlow("s2c", units, { methods: ["GET"], upgraded: false });
  const head = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n";
  const one = "event: message\r\ndata: {}\r\n\r\n";
  const two = ": ping\n\n";
  feed(flow, [0, head], [head.length, one], [head.length + one.length, two]);
  expect(units.map((unit) => [unit.layer, unit.timeNs])).toEqual([
    ["http-head", 0],
    ["sse-event", 1],
    ["sse-event", 2],
  ]);
  expect(units[1]!.detail).toMatchObject({ event: "message", lines: 1 });
  expect(units[2]!.detail).toMatchObject({ comments: ["ping"] });
});

test("an event whose data stand on two lines has both places", () => {
  const [found] = new SseDecoder().feed(encode("id: 7\ndata: a\ndata: b\n\n"));
  expect(found).toMatchObject({ data: "a\nb", detail: { id: "7" } });
  expect(found!.dataSpans).toEqual([
    [12, 13],
    [20, 21],
  ]);
});

test("a masked frame is unmasked", () => {
  const frame = new Uint8Array([0x81, 0x82, 1, 2, 3, 4, 0x68 ^ 1, 0x69 ^ 2]);
  const found = readFrame(frame, 100);
  expect(found?.frame).toMatchObject({ opcode: 1, fin: true, length: 2, payloadStart: 106 });
  expect(decode(found!.frame.payload)).toBe("hi");
});

test("a line whose beginning is missing is undecoded, the next one is read", () => {
  const units: Unit[] = [];
  feed(new LineFlow("c2s", units), [50, 'rest"}\n{"id":1}\n']);
  expect(units.map((unit) => [unit.layer, ...unit.span])).toEqual([
    ["undecoded", 50, 57],
    ["line", 57, 66],
  ]);
});

test("after a gap HTTP is read again from the next head on", () => {
  const units: Unit[] = [];
  const shared = { methods: ["POST"], upgraded: false };
  const flow = new HttpFlow("s2c", units, shared);
  feed(
    flow,
    [0, "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf"],
    [500, "garbage"],
    [507, "HTTP/1.1 204 No Content\r\n\r\n"],
  );
  expect(units.map((unit) => unit.layer)).toEqual([
    "http-head",
    "undecoded",
    "undecoded",
    "http-head",
  ]);
});

test("garbage never throws", () => {
  let seed = 7;
  const random = () => (seed = (seed * 48271) % 2147483647);
  for (let run = 0; run < 200; run++) {
    const flow = new HttpFlow("s2c", [], { methods: [], upgraded: run % 3 === 0 });
    let offset = 0;
    for (let i = 0; i < 10; i++) {
      const data = Uint8Array.from({ length: random() % 40 }, () => random() & 255);
      if (!data.length) continue;
      offset += random() % 5 === 0 ? 3 : 0;
      flow.take({ seq: i, timeNs: i, offset, data, size: data.length });
      offset += data.length;
    }
    flow.finish();
  }
});

test("a part of a message lies in several pieces of its stream", () => {
  expect(
    inStream(
      [
        [10, 13],
        [20, 30],
      ],
      [2, 6],
    ),
  ).toEqual([
    [12, 13],
    [20, 23],
  ]);
});
