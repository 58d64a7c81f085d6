/** What a JSON Schema asks of a value, as far as a form needs it; the rest the server judges. */

import { clean } from "./bytes.js";
import { asObj, type Obj } from "./envelope.js";
import { Exact, written } from "./jsontree.js";

const DEEPEST = 12;
/** How many steps a pattern may take at worst: one that is hostile takes for ever. */
const STEPS = 1e6;

/** A schema without references and `allOf`: all of it that is in force. */
export function resolved(given: unknown, root: Obj, depth = 0): Obj {
  const { $ref, allOf, ...own } = asObj(given) ?? {};
  if (depth > DEEPEST) return {};
  const parts = Array.isArray(allOf) ? [...allOf] : [];
  if (typeof $ref === "string") parts.unshift(pointed($ref, root));
  return [...parts.map((part) => resolved(part, root, depth + 1)), own].reduce(both, {});
}

function pointed(ref: string, root: Obj): unknown {
  if (!/^#(?:\/|$)/.test(ref)) return {};
  let found: unknown = root;
  for (const part of ref.split("/").slice(1)) {
    const name = unescaped(part).replaceAll("~1", "/").replaceAll("~0", "~");
    found = isIn(found, name) ? (found as Obj)[name] : undefined;
  }
  return found;
}

const isIn = (value: unknown, name: string): boolean =>
  typeof value === "object" && value !== null && Object.hasOwn(value, name);

function unescaped(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}

function both(a: Obj, b: Obj): Obj {
  const joined: Obj = { ...a, ...b };
  if (a.properties && b.properties)
    joined.properties = { ...(a.properties as Obj), ...(b.properties as Obj) };
  if (a.required && b.required) joined.required = [...list(a.required), ...list(b.required)];
  return joined;
}

const list = (value: unknown): unknown[] => (Array.isArray(value) ? value : []);

/** What a schema allows beside null, and whether it allows null. */
export function beside(schema: Obj, root: Obj): { schema: Obj; orNull: boolean } {
  const types = list(schema.type);
  const name = ["anyOf", "oneOf"].find((one) => Array.isArray(schema[one])) ?? "enum";
  const ways = list(schema[name]);
  const others = ways.filter((one) => {
    const way = name === "enum" ? { const: one } : resolved(one, root);
    return way.type !== "null" && way.const !== null;
  });
  const left = types.filter((one) => one !== "null");
  const orNull =
    others.length < ways.length || left.length < types.length || schema.nullable === true;
  let plain = schema;
  if (left.length === 1) plain = { ...plain, type: left[0] };
  else if (left.length) plain = { ...plain, type: left };
  if (others.length < ways.length) plain = { ...plain, [name]: others };
  if (others.length === 1 && name !== "enum") {
    const { [name]: _, ...outer } = plain;
    plain = both(resolved(others[0], root), outer);
  }
  return { schema: plain, orNull };
}

export interface Choice {
  readonly label: string;
  readonly value: unknown;
}

/** The values to choose from, where there are only so many; each with its title. */
export function choices(schema: Obj, root: Obj): Choice[] | undefined {
  const ways = list(schema.oneOf ?? schema.anyOf).map((one) => resolved(one, root));
  const label = (value: unknown, title?: unknown): string =>
    clean(title ?? (typeof value === "string" ? value : written(value)), 80);
  if (ways.length && ways.every((one) => "const" in one))
    return ways.map((one) => ({ label: label(one.const, one.title), value: one.const }));
  if ("const" in schema) return [{ label: label(schema.const), value: schema.const }];
  if (schema.type === "boolean")
    return [true, false].map((value) => ({ label: `${value}`, value }));
  if (!Array.isArray(schema.enum)) return undefined;
  const names = list(schema.enumNames);
  return schema.enum.map((value, i) => ({ label: label(value, names[i]), value }));
}

/** Whether what a schema describes begins with a value, or a part of it does. */
export const begins = (schema: Obj, root: Obj, depth = 0): boolean =>
  "default" in schema ||
  (depth < 4 &&
    Object.values(asObj(schema.properties) ?? {}).some((one) =>
      begins(resolved(one, root), root, depth + 1),
    ));

const FORMATS: Readonly<Record<string, readonly [words: string, fits: (text: string) => boolean]>> =
  {
    email: ["an e-mail address", (text) => /^[^@\s]+@[^@\s]+$/.test(text)],
    uri: [
      "an address with its scheme, such as https://",
      (text) => /^[a-z][a-z\d+.-]*:\S+$/i.test(text),
    ],
    date: ["a date, such as 2026-07-28", isDate],
    "date-time": [
      "a date with its time, such as 2026-07-28T12:00:00Z",
      (text) => {
        const [, day = "", time] = /^(.{10})[tT ](.*)$/.exec(text) ?? [];
        const [, h, m, s] =
          /^(\d\d):(\d\d):(\d\d)(?:\.\d+)?(?:[zZ]|[-+]\d\d:\d\d)$/.exec(time ?? "") ?? [];
        return isDate(day) && Number(h) < 24 && Number(m) < 60 && Number(s) < 61;
      },
    ],
  };

function isDate(text: string): boolean {
  const day = /^\d{4}-\d\d-\d\d$/.test(text) ? new Date(`${text}T00:00:00Z`) : undefined;
  return day !== undefined && !Number.isNaN(+day) && day.toISOString().startsWith(text);
}

const NOUNS: Readonly<Record<string, string>> = {
  string: "a text",
  integer: "a whole number",
  number: "a number",
  boolean: "true or false",
  array: "a list",
  object: "an object",
};

const format = (schema: Obj) =>
  typeof schema.format === "string" && Object.hasOwn(FORMATS, schema.format)
    ? FORMATS[schema.format]
    : undefined;

type Bound = readonly [name: string, words: string, holds: (n: number, bound: number) => boolean];
const least = (n: number, bound: number): boolean => n >= bound;
const most = (n: number, bound: number): boolean => n <= bound;
const NUMBER: readonly Bound[] = [
  ["minimum", "at least N", least],
  ["maximum", "at most N", most],
  ["exclusiveMinimum", "more than N", (n, bound) => n > bound],
  ["exclusiveMaximum", "less than N", (n, bound) => n < bound],
  ["multipleOf", "a multiple of N", (n, by) => Math.abs(n / by - Math.round(n / by)) < 1e-9],
];
const LENGTH: readonly Bound[] = [
  ["minLength", "at least N characters", least],
  ["maxLength", "at most N characters", most],
];
const ITEMS: readonly Bound[] = [
  ["minItems", "at least N of them", least],
  ["maxItems", "at most N of them", most],
];

const bounds = (schema: Obj, of: readonly Bound[]): (readonly [string, number, Bound[2]])[] =>
  of.flatMap(([name, words, holds]) => {
    const bound = schema[name];
    return typeof bound === "number"
      ? [[words.replace("N", String(bound)).replace(/\b1 characters/, "1 character"), bound, holds]]
      : [];
  });

const broken = (n: number, schema: Obj, of: readonly Bound[]): string | undefined =>
  bounds(schema, of).find(([, bound, holds]) => !holds(n, bound))?.[0];

/** What a person must know to fill it in. */
export function hints(schema: Obj): string[] {
  const found = bounds(schema, [...NUMBER, ...LENGTH, ...ITEMS]).map(([words]) => words);
  const known = format(schema);
  if (known) found.unshift(known[0]);
  if (typeof schema.pattern === "string") found.push(`must match ${clean(schema.pattern, 80)}`);
  return found;
}

/** Whether a text matches; a pattern that could take too long is left to the server. */
function matches(pattern: string, text: string): boolean {
  const repeats = pattern.match(/[*+]|\{\d+,\d*\}/g)?.length ?? 0;
  const nested = /[*+}?|][^()]*\)+[*+{]/.test(pattern) || /\\[1-9k]/.test(pattern);
  if (nested || pattern.length > 500 || (text.length + 1) ** repeats > STEPS) return true;
  try {
    return new RegExp(pattern, "u").test(text);
  } catch {
    return true;
  }
}

const TYPES: Readonly<Record<string, (value: unknown) => boolean>> = {
  string: (value) => typeof value === "string",
  integer: (value) =>
    Number.isInteger(value) || (value instanceof Exact && /^-?\d+$/.test(value.text)),
  number: (value) => typeof value === "number" || value instanceof Exact,
  boolean: (value) => typeof value === "boolean",
  null: (value) => value === null,
  array: Array.isArray,
  object: (value) => asObj(value) !== undefined,
};

const same = (a: unknown, b: unknown): boolean => sorted(a) === sorted(b);
const sorted = (value: unknown): string =>
  JSON.stringify(value, (_, one: unknown) =>
    asObj(one) ? Object.entries(one as Obj).sort(([a], [b]) => (a < b ? -1 : 1)) : one,
  );

/** What is wrong with a value, in words; `undefined`: nothing that can be seen here. */
export function problem(value: unknown, given: unknown, root: Obj, depth = 0): string | undefined {
  if (given === false) return "nothing may stand here";
  const schema = resolved(given, root);
  if (depth > DEEPEST || (value === null && schema.nullable === true)) return undefined;
  const types = [schema.type].flat().filter((one) => Object.hasOwn(TYPES, String(one))) as string[];
  if (types.length && !types.some((one) => TYPES[one]!(value)))
    return `this must be ${types.map((one) => NOUNS[one] ?? one).join(" or ")}`;
  if ("const" in schema && !same(value, schema.const))
    return `this must be ${written(schema.const)}`;
  if (Array.isArray(schema.enum) && !schema.enum.some((one) => same(one, value)))
    return `choose one of ${clean(schema.enum.map(written).join(", "), 120)}`;
  for (const ways of [schema.anyOf, schema.oneOf]) {
    const found = list(ways).map((way) => problem(value, way, root, depth + 1));
    if (found.length && !found.includes(undefined))
      return found.length > 1 ? `this fits none of what is allowed: ${found[0]}` : found[0];
  }
  if (typeof value === "string") return text(value, schema);
  // for a bound the nearest number will do
  if (typeof value === "number" || value instanceof Exact)
    return broken(Number(value), schema, NUMBER);
  if (Array.isArray(value)) return items(value, schema, root, depth);
  return asObj(value) && object(value as Obj, schema, root, depth);
}

function text(value: string, schema: Obj): string | undefined {
  const known = format(schema);
  if (known && !known[1](value)) return `this must be ${known[0]}`;
  if (typeof schema.pattern === "string" && !matches(schema.pattern, value))
    return `this must match ${clean(schema.pattern, 80)}`;
  return broken([...value].length, schema, LENGTH);
}

function items(
  value: readonly unknown[],
  schema: Obj,
  root: Obj,
  depth: number,
): string | undefined {
  const twice = value.findIndex((one, i) => value.slice(0, i).some((other) => same(one, other)));
  if (schema.uniqueItems === true && twice > 0) return `item ${twice + 1} is there twice`;
  const first = list(schema.prefixItems);
  for (const [i, one] of value.entries()) {
    const wrong = problem(one, i < first.length ? first[i] : schema.items, root, depth + 1);
    if (wrong) return `item ${i + 1}: ${wrong}`;
  }
  return broken(value.length, schema, ITEMS);
}

function object(value: Obj, schema: Obj, root: Obj, depth: number): string | undefined {
  const missing = list(schema.required).find((name) => !isIn(value, String(name)));
  if (missing !== undefined) return `${clean(missing, 60)} is required`;
  for (const [name, one] of Object.entries(value)) {
    const known = isIn(schema.properties, name);
    const own = known ? (schema.properties as Obj)[name] : (schema.additionalProperties ?? true);
    const wrong = problem(one, own, root, depth + 1);
    if (wrong) return `${clean(name, 60)}: ${wrong}`;
  }
  return undefined;
}

const SECRET_NAME =
  /(?:^|[^a-z])(?:pass|pwd|pat|auth|authorization|cookies?)(?:[^a-z]|$)|passwords?|passwd|passphrase|secrets?|tokens?$|(?:api|access|private|session)[-_ ]?keys?|credentials?/i;

/** Whether what stands in a field should be seen by nobody. */
export const isSecret = (name: string, schema: Obj): boolean =>
  schema.format === "password" ||
  schema.writeOnly === true ||
  (schema.type === "string" && SECRET_NAME.test(name));
