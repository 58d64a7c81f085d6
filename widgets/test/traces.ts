/** The traces Python wrote, and what it makes of them. */

import { readFileSync } from "node:fs";
import { parseLines, type TraceEvent } from "../src/protocol.js";
import { type Limits, Store } from "../src/store.js";

export const NAMES = ["memory", "http", "sse", "websocket", "roads", "stdio"] as const;

export interface Expected {
  readonly exchanges: readonly {
    seq: number;
    method: string;
    name: string | null;
    status: string;
    answers: number[];
    progress: number[];
    related: number[];
    retry_of: number | null;
    rounds: number[];
  }[];
  readonly places: Readonly<
    Record<string, { layer: string; spans: number[][]; unit: number[]; head: number[] | null }>
  >;
  readonly queries: Readonly<Record<string, number[]>>;
}

const file = (name: string): string => readFileSync(`test/fixtures/${name}`, "utf8");

export const events = (name: string): TraceEvent[] => parseLines(file(`${name}.jsonl`)).items;
export const expected = (name: string): Expected =>
  JSON.parse(file(`${name}.expected.json`)) as Expected;

export function stored(name: string, limits?: Limits): Store {
  const store = new Store(limits);
  store.take(events(name));
  return store;
}

/** A message as the kernel sends it. */
export function message(seq: number, body: unknown, more: Partial<TraceEvent> = {}): TraceEvent {
  const raw = typeof body === "string" ? body : JSON.stringify(body);
  const direction = (body as { method?: string }).method ? "c2s" : "s2c";
  const common = {
    seq,
    time_ns: seq * 1e6,
    conn: "c",
    vantage: "client",
    link: "l",
    transport: "memory",
  };
  return {
    kind: "message",
    ...common,
    direction,
    raw,
    size: raw.length,
    span: null,
    ...more,
  } as TraceEvent;
}
