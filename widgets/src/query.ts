/**
 * The query language, the mirror of `trace/query.py`: all words must hold, `-` turns a word
 * round, `key:a,b` holds if one value does, `*` stands for any characters, case does not matter.
 */

import type { Exchange } from "./exchange.js";
import { cellOf, envelopesOf, type Row, wordsOf } from "./store.js";

const STATUSES = "answered error tool-error input-required cancelled unanswered late duplicate";
export const CHOICES: Readonly<Record<string, readonly string[]>> = {
  kind: "message request response notification error stderr chunk opened closed fault".split(" "),
  dir: ["c2s", "s2c"],
  vantage: ["client", "server", "relay"],
  status: STATUSES.split(" "),
};
export const KEYS = [
  ...Object.keys(CHOICES),
  "transport",
  "conn",
  "tool",
  "method",
  "id",
  "cell",
  "slow",
];

export interface Word {
  readonly key: string;
  readonly values: readonly string[];
  readonly negated: boolean;
}

/** A query that cannot be read: what is wrong, and what to type. */
export class QueryError extends Error {
  constructor(
    message: string,
    readonly hint: string,
  ) {
    super(message);
  }
}

const WORD =
  /(-?)(?:([A-Za-z_]+):(?!\/\/))?(?:"((?:[^"\\]|\\[\s\S])*)"(?=\s|$)|([^\s"]*)(?=\s|$))/uy;
const SLOW = /^(>=|<=|>|<)?(\d+(?:\.\d+)?)(ns|us|µs|ms|s)?$/;
const UNIT_NS: Readonly<Record<string, number>> = { ns: 1, us: 1e3, µs: 1e3, ms: 1e6, s: 1e9 };
const ALIASES: Readonly<Record<string, string>> = { ws: "websocket", "streamable-http": "http" };

export function parse(text: string): Word[] {
  const words: Word[] = [];
  let at = 0;
  while (at < text.length) {
    if (/\s/.test(text[at] ?? "")) {
      at++;
      continue;
    }
    WORD.lastIndex = at;
    const match = WORD.exec(text);
    if (!match?.[0]) {
      throw new QueryError(
        `cannot be read from “${text.slice(at, at + 20)}” on`,
        'A text with spaces or quotes goes in double quotes: "two words".',
      );
    }
    words.push(word(match));
    at = WORD.lastIndex;
  }
  return words;
}

function word(match: RegExpExecArray): Word {
  const [whole, minus, key, quoted, bare] = match;
  const negated = minus === "-";
  if (key === undefined) {
    if (quoted === undefined && !bare) {
      throw new QueryError('"-" alone is no word', 'In quotes it is a text: "-".');
    }
    const value = quoted === undefined ? (bare ?? "") : unquote(quoted);
    return { key: "text", values: [value.toLowerCase()], negated };
  }
  const name = key.toLowerCase();
  if (!KEYS.includes(name)) {
    const close = nearest(name, KEYS);
    const guess = close ? `Did you mean ${close}:? ` : "";
    throw new QueryError(
      `no word is called ${key}:`,
      `${guess}There are ${KEYS.map((one) => `${one}:`).join(" ")}; as a text: "${whole.replace(/^-/, "")}".`,
    );
  }
  const values = quoted !== undefined ? [unquote(quoted)] : (bare ?? "").split(",").filter(Boolean);
  if (!values.length) throw new QueryError(`${name}: lacks its value`, example(name));
  return { key: name, values: values.map((one) => value(name, one)), negated };
}

function value(key: string, text: string): string {
  const choices = CHOICES[key];
  const folded = text.toLowerCase();
  if (choices) {
    if (choices.includes(folded)) return folded;
    const close = nearest(folded, choices);
    const guess = close ? `Did you mean ${key}:${close}? ` : "";
    throw new QueryError(`${key}: does not know “${text}”`, guess + example(key));
  }
  if (key === "transport") return ALIASES[folded] ?? text;
  if (key === "slow" && !SLOW.test(text)) {
    throw new QueryError(`slow: cannot read “${text}”`, example(key));
  }
  return text;
}

const unquote = (text: string): string => text.replace(/\\([\s\S])/g, "$1");

function example(key: string): string {
  const examples: Readonly<Record<string, string>> = {
    slow: "For example slow:>100ms or slow:<1s.",
    tool: "For example tool:add.",
    method: "For example method:tools/*.",
    id: "For example id:7.",
    cell: "For example cell:5.",
    conn: "For example conn:notebook*.",
    transport: "For example transport:http,websocket.",
  };
  return examples[key] ?? `It knows ${CHOICES[key]?.join(", ")}.`;
}

/** The word that is a slip away, if one is. */
export function nearest(text: string, known: readonly string[]): string | undefined {
  const distance = (a: string, b: string): number => {
    let row = Array.from({ length: b.length + 1 }, (_, i) => i);
    for (let i = 1; i <= a.length; i++) {
      const next = [i];
      for (let j = 1; j <= b.length; j++) {
        const step = (row[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1);
        next.push(Math.min(step, (row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1));
      }
      row = next;
    }
    return row[b.length] ?? 0;
  };
  let best: string | undefined;
  let least = 3;
  for (const one of known) {
    const far = distance(text.slice(0, 30), one);
    if (far < least) [best, least] = [one, far];
  }
  return best;
}

const patterns = new Map<string, RegExp>();

function like(text: string | undefined, pattern: string): boolean {
  if (text === undefined) return false;
  let compiled = patterns.get(pattern);
  if (!compiled) {
    const source = pattern.replace(/[.*+?^${}()|[\]\\]/g, (c) =>
      c === "*" ? "[\\s\\S]*" : `\\${c}`,
    );
    if (patterns.size > 200) patterns.clear();
    compiled = new RegExp(`^${source}$`, "iu");
    patterns.set(pattern, compiled);
  }
  return compiled.test(text);
}

const ofExchange =
  (holds: (one: Exchange, value: string) => boolean) =>
  (row: Row, value: string): boolean =>
    row.exchanges.some((one) => holds(one, value));

const COMPARE: Readonly<Record<string, (a: number, b: number) => boolean>> = {
  ">": (a, b) => a > b,
  ">=": (a, b) => a >= b,
  "<": (a, b) => a < b,
  "<=": (a, b) => a <= b,
};

function slow(one: Exchange, text: string): boolean {
  const [, sign = ">", number = "0", unit = "ms"] = SLOW.exec(text) ?? [];
  const latency = one.latencyNs;
  return latency !== undefined && COMPARE[sign]!(latency, Number(number) * (UNIT_NS[unit] ?? 1e6));
}

type Test = (row: Row, value: string) => boolean;
const TESTS: Readonly<Record<string, Test>> = {
  kind: (row, value) => {
    if (row.event.kind === value || row.kind === value) return true;
    if (row.event.kind !== "message") return false;
    if (row.kind === "error" && value === "response") return true;
    return isBatch(row) && envelopesOf(row).some((one) => one.kind === value);
  },
  dir: (row, value) => "direction" in row.event && row.event.direction === value,
  vantage: (row, value) => row.event.vantage === value,
  transport: (row, value) => like(row.event.transport, value),
  conn: (row, value) => like(row.event.conn, value),
  tool: ofExchange((one, value) => like(one.tool, value)),
  method: (row, value) =>
    (row.method !== "" && like(row.method, value)) ||
    row.exchanges.some((one) => like(one.method, value)),
  id: (row, value) =>
    (row.id !== undefined && like(String(row.id), value)) ||
    row.exchanges.some((one) => like(String(one.id), value)),
  cell: (row, value) => {
    const cell = cellOf(row);
    return cell !== "" && (like(cell, value) || like(/\[(.*)\]/.exec(cell)?.[1], value));
  },
  status: ofExchange((one, value) => one.status === value),
  slow: ofExchange(slow),
  text: (row, value) => wordsOf(row).toLowerCase().includes(value),
};

const isBatch = ({ event }: Row): boolean =>
  event.kind === "message" && typeof event.raw === "string" && /^\s*\[/.test(event.raw);

export function matches(words: readonly Word[], row: Row): boolean {
  for (const { key, values, negated } of words) {
    const test = TESTS[key] as Test;
    if (values.some((value) => test(row, value)) === negated) return false;
  }
  return true;
}

/** Whether what comes later can change the answer of a word: then rows are judged again. */
export const looksAhead = (words: readonly Word[]): boolean =>
  words.some(({ key }) => key === "status" || key === "slow");

export const names = (words: readonly Word[], key: string, value?: string): boolean =>
  words.some((one) => one.key === key && !one.negated && (!value || one.values.includes(value)));

/** The words that can be typed next, with the names that occur. */
export function completions(rows: Iterable<Row>): string[] {
  const found = new Set<string>();
  for (const row of rows) {
    found.add(`conn:${quoted(row.event.conn)}`).add(`transport:${row.event.transport}`);
    const cell = /\[(\d+)\]/.exec(cellOf(row))?.[1];
    if (cell) found.add(`cell:${cell}`);
    if (row.method) found.add(`method:${quoted(row.method)}`);
    for (const one of row.exchanges) if (one.tool) found.add(`tool:${quoted(one.tool)}`);
    if (found.size > 200) break;
  }
  const fixed = Object.entries(CHOICES).flatMap(([key, all]) => all.map((one) => `${key}:${one}`));
  return [...fixed, "slow:>100ms", ...[...found].sort()];
}

export const quoted = (name: string): string =>
  /^[^\s",]+$/.test(name) ? name : `"${name.replace(/["\\]/g, "\\$&")}"`;
