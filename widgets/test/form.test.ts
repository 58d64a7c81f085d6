import { describe, expect, test } from "vitest";
import { written } from "../src/jsontree.js";
import { problem } from "../src/schema.js";
import { type Field, members } from "../src/view/form.js";

type Obj = Record<string, unknown>;
const form = (properties: Obj, more: Obj = {}): Field =>
  members({ type: "object", properties, ...more });
const controls = (one: Field, label: string): HTMLElement => {
  const named = [...one.element.querySelectorAll<HTMLElement>(".mf-ffield")].find(
    (field) =>
      (field.getAttribute("aria-label") ??
        field.querySelector(".mf-fhead > label")?.firstChild?.textContent) === label,
  );
  if (!named) throw new Error(`no field ${label}`);
  return named;
};
const input = (one: Field, label: string) =>
  controls(one, label).querySelector<HTMLInputElement>(
    "input[type=text], select, textarea",
  ) as HTMLInputElement;
const type = (one: Field, label: string, text: string): void => {
  const box = input(one, label);
  if (box.tagName === "SELECT") {
    const option = [...box.querySelectorAll("option")].find((each) => each.textContent === text);
    box.value = option!.value;
    box.dispatchEvent(new Event("change", { bubbles: true }));
  } else {
    box.value = text;
    box.dispatchEvent(new Event("input", { bubbles: true }));
  }
};
const box = (one: Field, label: string, word: string): HTMLInputElement =>
  one.element.querySelector(`[aria-label="${label}: ${word}"]`)!;
const tick = (one: Field, label: string, word: string): void => {
  box(one, label, word).checked = true;
  box(one, label, word).dispatchEvent(new Event("change", { bubbles: true }));
};
const press = (one: Element, name: string): void =>
  [...one.querySelectorAll("button")].find((each) => each.textContent === name)!.click();
const refusal = (one: Field): string => {
  try {
    return `taken: ${JSON.stringify(one.value())}`;
  } catch (error) {
    return (error as Error).message;
  }
};

describe("what is typed is what comes out", () => {
  test.each([
    ["a text", { type: "string" }, "hello", "hello"],
    ["an empty text", { type: "string" }, "", ""],
    ["a text that looks like a number", { type: "string" }, "12", "12"],
    ["a whole number", { type: "integer" }, " 12 ", 12],
    ["a whole number with a point", { type: "integer" }, "2.0", 2],
    ["a negative number", { type: "number" }, "-.5e1", -5],
    ["true", { type: "boolean" }, "true", true],
    ["false", { type: "boolean" }, "false", false],
    ["one of some texts", { enum: ["red", "green"] }, "green", "green"],
    ["one of mixed values", { enum: ["1", 1, true] }, "1 (2)", 1],
    ["a named choice", { enum: ["a", "b"], enumNames: ["Alpha", "Beta"] }, "Beta", "b"],
    [
      "a const with a title, oneOf",
      { oneOf: [{ const: 1, title: "One" }, { const: 2 }] },
      "One",
      1,
    ],
    ["a const with a title, anyOf", { anyOf: [{ const: "x", title: "Ex" }, { const: 2 }] }, "2", 2],
    ["a const", { const: { a: 1 } }, '{"a":1}', { a: 1 }],
    ["any JSON where there is no type", {}, '{"a":[null]}', { a: [null] }],
    ["one of two types as JSON", { type: ["string", "integer"] }, '"5"', "5"],
    ["a union as JSON", { anyOf: [{ type: "string" }, { type: "integer" }] }, "5", 5],
    ["an object without members as JSON", { type: "object" }, '{"k":1}', { k: 1 }],
    ["a list of anything as JSON", { type: "array" }, "[1, null]", [1, null]],
    [
      "a tuple as JSON",
      { type: "array", items: { type: "string" }, prefixItems: [{ type: "integer" }] },
      '[1, "a"]',
      [1, "a"],
    ],
    ["what leads outside as JSON", { $ref: "https://example.org/x.json" }, "1", 1],
    ["what leads nowhere as JSON", { $ref: "#/nowhere" }, "1", 1],
    ["a reference", { $ref: "#/$defs/Age" }, "3", 3],
    ["a reference with an escaped name", { $ref: "#/$defs/a~1b%20c" }, "3", 3],
    ["all of several", { allOf: [{ $ref: "#/$defs/Age" }, { maximum: 5 }] }, "3", 3],
    ["an e-mail address", { type: "string", format: "email" }, "a@b.example", "a@b.example"],
    ["a date", { type: "string", format: "date" }, "2024-02-29", "2024-02-29"],
    [
      "a time",
      { type: "string", format: "date-time" },
      "2026-07-28T12:00:00.5+02:00",
      "2026-07-28T12:00:00.5+02:00",
    ],
    ["an address", { type: "string", format: "uri" }, "data:x", "data:x"],
    ["an unknown format", { type: "string", format: "toString" }, "x", "x"],
    ["what a pattern allows", { type: "string", pattern: "^a+$" }, "aaa", "aaa"],
    [
      "characters are counted, not halves of them",
      { type: "string", maxLength: 2 },
      "😀😀",
      "😀😀",
    ],
    ["a tenth as a multiple", { type: "number", multipleOf: 0.1 }, "0.3", 0.3],
    ["what may be null", { type: ["integer", "null"] }, "4", 4],
    ["what may be null, by anyOf", { anyOf: [{ type: "integer" }, { type: "null" }] }, "4", 4],
    ["a choice that may be null", { enum: ["a", null] }, "a", "a"],
  ] as [string, Obj, string, unknown][])("%s", (_, schema, typed, value) => {
    const $defs = { Age: { type: "integer", minimum: 0 }, "a/b c": { type: "integer" } };
    const one = form({ f: schema }, { $defs });
    type(one, "f", typed);
    expect(one.value()).toEqual({ f: value });
  });
});

test.each([
  [{ type: "integer" }, "9007199254740993", "9007199254740993"],
  [{ type: "integer" }, "+0018446744073709551617", "18446744073709551617"],
  [{ type: "number" }, "-9007199254740993", "-9007199254740993"],
  [{ type: "integer" }, "1e3", "1000"],
  [{}, '{"id":[9007199254740993,1]}', '{"id":[9007199254740993,1]}'],
] as [Obj, string, string][])("numbers keep their digits: %s %s", (schema, typed, sent) => {
  const one = form({ f: schema });
  type(one, "f", typed);
  expect(written(one.value())).toBe(`{"f":${sent}}`);
});

describe("what does not fit is said beside the field, and stays", () => {
  test.each([
    [{ type: "integer" }, "1.5", "f: 1.5 is no whole number"],
    [{ type: "integer" }, "abc", "f: abc is no whole number"],
    [{ type: "number" }, "0x10", "f: 0x10 is no number"],
    [{ type: "number" }, "1,5", "f: 1,5 is no number"],
    [{ type: "number" }, "1e999", "f: 1e999 is too large"],
    [{ type: "integer", maximum: 5 }, "9007199254740993", "f: at most 5"],
    [{ type: "integer", minimum: 2 }, "1", "f: at least 2"],
    [{ type: "integer", maximum: 2 }, "3", "f: at most 2"],
    [{ type: "number", exclusiveMinimum: 2 }, "2", "f: more than 2"],
    [{ type: "number", exclusiveMaximum: 2 }, "2", "f: less than 2"],
    [{ type: "integer", multipleOf: 5 }, "12", "f: a multiple of 5"],
    [{ type: "string", minLength: 3 }, "ab", "f: at least 3 characters"],
    [{ type: "string", minLength: 1 }, "", "f: at least 1 character"],
    [{ type: "string", maxLength: 3 }, "abcd", "f: at most 3 characters"],
    [{ type: "string", pattern: "^a+$" }, "ab", "f: this must match ^a+$"],
    [{ type: "string", format: "email" }, "ab", "f: this must be an e-mail address"],
    [
      { type: "string", format: "uri" },
      "a b",
      "f: this must be an address with its scheme, such as https://",
    ],
    [
      { type: "string", format: "date" },
      "2025-02-29",
      "f: this must be a date, such as 2026-07-28",
    ],
    [
      { type: "string", format: "date-time" },
      "2025-02-28",
      "f: this must be a date with its time, such as 2026-07-28T12:00:00Z",
    ],
    [
      { type: "string", format: "date-time" },
      "2025-02-28T25:00:00Z",
      "f: this must be a date with its time, such as 2026-07-28T12:00:00Z",
    ],
    [
      { anyOf: [{ type: "string" }, { type: "integer" }] },
      "1.5",
      "f: this fits none of what is allowed: this must be a text",
    ],
    [{ type: "object" }, "[1]", "f: this must be an object"],
    [{ type: "object" }, "{a:1}", "f: {a:1} is not JSON; a text stands in double quotes"],
    [{ type: "object", required: ["a"] }, "{}", "f: a is required"],
    [{ type: "array", minItems: 1 }, "[]", "f: at least 1 of them"],
    [
      { type: "array", uniqueItems: true },
      '[{"a":1,"b":2},{"b":2,"a":1}]',
      "f: item 2 is there twice",
    ],
    [
      { type: "array", items: { type: "string" }, prefixItems: [{ type: "integer" }] },
      "[1, 2]",
      "f: item 2: this must be a text",
    ],
    [{ allOf: [{ type: "integer" }, { maximum: 5 }] }, "6", "f: at most 5"],
  ] as [Obj, string, string][])("%j: %s", (schema, typed, said) => {
    const one = form({ f: schema });
    type(one, "f", typed);
    expect(refusal(one)).toBe(said);
    const box = input(one, "f");
    expect(box.value).toBe(typed);
    expect(box.getAttribute("aria-invalid")).toBe("true");
    const wrong = box
      .getAttribute("aria-describedby")!
      .split(" ")
      .map((id) => one.element.querySelector(`[id="${id}"]`)!.textContent);
    expect(wrong).toContain(said);
    type(one, "f", typed);
    expect(box.getAttribute("aria-invalid")).toBeNull();
  });
});

test("every field says what is wrong with it, not only the first", () => {
  const one = form({ a: { type: "integer" }, b: { type: "integer" } }, { required: ["a"] });
  type(one, "b", "x");
  expect(refusal(one)).toBe("a is required");
  expect([...one.element.querySelectorAll(".mf-wrong")].map((p) => p.textContent)).toEqual([
    "a is required",
    "b: x is no whole number",
  ]);
});

test("what is optional is left out until it is filled in, and can be left out again", () => {
  const one = form({ a: { type: "string" }, b: { type: "boolean" }, c: { type: "integer" } });
  expect(one.value()).toEqual({});
  expect(box(one, "a", "leave out").checked).toBe(true);
  type(one, "a", "x");
  type(one, "b", "false");
  expect(box(one, "a", "leave out").checked).toBe(false);
  expect(one.value()).toEqual({ a: "x", b: false });
  tick(one, "a", "leave out");
  expect(one.value()).toEqual({ b: false });
  expect(input(one, "a").value).toBe("x");
  box(one, "c", "leave out").checked = false;
  expect(refusal(one)).toBe("c is empty: fill it in or tick “leave out”");
});

test("null is chosen, not typed", () => {
  const nullable = { anyOf: [{ type: "string" }, { type: "null" }] };
  const one = form(
    { a: nullable, b: { ...nullable, default: null }, c: nullable },
    { required: ["a"] },
  );
  expect(refusal(one)).toBe("a is empty: fill it in or tick “null”");
  tick(one, "a", "null");
  expect(one.value()).toEqual({ a: null, b: null });
  tick(one, "c", "null");
  expect(one.value()).toEqual({ a: null, b: null, c: null });
  type(one, "c", "null");
  expect(one.value()).toEqual({ a: null, b: null, c: "null" });
  tick(one, "c", "leave out");
  expect(box(one, "c", "null").checked).toBe(false);
  expect(one.value()).toEqual({ a: null, b: null });
});

test("defaults are filled in: plain, nested, of lists, of whole objects", () => {
  const one = form({
    n: { type: "integer", default: 3 },
    zero: { type: "integer", default: 0 },
    no: { type: "boolean", default: false },
    empty: { type: "string", default: "" },
    colour: { enum: ["red", "green"], default: "green" },
    tags: { type: "array", items: { type: "string" }, default: ["a", "b"] },
    inner: { type: "object", properties: { on: { type: "boolean", default: true } } },
    whole: {
      type: "object",
      properties: { x: { type: "integer" }, y: { type: "integer" } },
      default: { x: 5 },
    },
    any: { default: { k: [1] } },
    left: { type: "object", properties: { x: { type: "integer" } } },
  });
  expect(one.value()).toEqual({
    ...{ n: 3, zero: 0, no: false, empty: "", colour: "green", tags: ["a", "b"] },
    ...{ inner: { on: true }, whole: { x: 5 }, any: { k: [1] } },
  });
});

test("a list grows and shrinks, and says which item is wrong", () => {
  const one = form({
    tags: { type: "array", items: { type: "integer", minimum: 1 }, minItems: 1, uniqueItems: true },
  });
  expect(one.value()).toEqual({});
  const list = controls(one, "tags");
  press(list, "Add an item");
  press(list, "Add an item");
  expect(refusal(one)).toBe("item 1 is required");
  type(one, "item 1", "4");
  type(one, "item 2", "0");
  expect(refusal(one)).toBe("item 2: at least 1");
  type(one, "item 2", "4");
  expect(refusal(one)).toBe("tags: item 2 is there twice");
  expect(list.getAttribute("aria-invalid")).toBe("true");
  list.querySelector<HTMLButtonElement>('[aria-label="Remove 1"]')!.click();
  expect(one.value()).toEqual({ tags: [4] });
  list.querySelector<HTMLButtonElement>('[aria-label="Remove 2"]')!.click();
  expect(refusal(one)).toBe("tags: at least 1 of them");
});

test("objects in lists in objects", () => {
  const one = form(
    { people: { type: "array", items: { $ref: "#/$defs/Person" } } },
    {
      $defs: {
        Person: {
          type: "object",
          required: ["name"],
          properties: {
            name: { type: "string" },
            pets: { type: "array", items: { type: "string" } },
          },
        },
      },
    },
  );
  press(controls(one, "people"), "Add an item");
  type(one, "name", "Ada");
  press(controls(one, "pets"), "Add an item");
  type((controls(one, "pets") as never) && one, "name", "Ada");
  expect(refusal(one)).toBe("item 1 is required");
  const pet = controls(one, "pets").querySelector<HTMLInputElement>(".mf-item input[type=text]")!;
  pet.value = "Cat";
  pet.dispatchEvent(new Event("input", { bubbles: true }));
  expect(one.value()).toEqual({ people: [{ name: "Ada", pets: ["Cat"] }] });
});

test("members that the schema does not name are added by name", () => {
  const one = form({
    env: { type: "object", additionalProperties: { type: "integer" }, default: { A: 1 } },
  });
  expect(one.value()).toEqual({ env: { A: 1 } });
  press(controls(one, "env"), "Add a member");
  type(one, "value of member 2", "2");
  const names = () => [...one.element.querySelectorAll<HTMLInputElement>(".mf-named > input")];
  names()[1]!.value = "A";
  expect(refusal(one)).toBe("env: A is there twice");
  names()[1]!.value = "__proto__";
  expect(JSON.stringify(one.value())).toBe('{"env":{"A":1,"__proto__":2}}');
});

test("a tool whose arguments no form can draw takes them as JSON", () => {
  const one = members({
    anyOf: [
      { type: "object", required: ["a"] },
      { type: "object", required: ["b"] },
    ],
  });
  const area = one.element.querySelector("textarea")!;
  expect(refusal(one)).toContain("a is required");
  area.value = '{"b": 1}';
  expect(one.value()).toEqual({ b: 1 });
  expect(members({}).value()).toEqual({});
});

test("required inputs say so to who cannot see, and labels lead to their inputs", () => {
  const one = form({ a: { type: "string", description: "how long" } }, { required: ["a"] });
  const box = input(one, "a");
  expect(box.getAttribute("aria-required")).toBe("true");
  expect(one.element.querySelector("label")!.getAttribute("for")).toBe(box.id);
  expect(one.element.textContent).toContain("how long");
});

test("a hostile schema draws text, ends, and runs no pattern for ever", () => {
  const evil = "<img src=x onerror=alert(1)>\u202e";
  const loop = { $ref: "#/$defs/Loop", description: evil };
  const one = form(
    {
      [evil]: { enum: [evil, { a: evil }], title: evil, description: evil },
      loop,
      all: { allOf: [{ $ref: "#/properties/all" }] },
      bad: { type: 5, enum: 3, required: 7, properties: [], items: 8, format: {}, minimum: "x" },
    },
    { $defs: { Loop: { type: "object", properties: { a: loop, b: loop } } } },
  );
  expect(one.element.querySelector("img")).toBeNull();
  expect(one.element.textContent).not.toContain("\u202e");
  expect(refusal(one)).toBe("taken: {}");
  for (const pattern of ["^(a+)+$", "^(a|a)*$", "^(a|aa)+$", "(.*)*x", "a*a*a*a*a*a*b", "(", "\\1"])
    expect(problem(`${"a".repeat(60)}!`, { type: "string", pattern }, {})).toBeUndefined();
  expect(problem("b", { type: "string", pattern: "^a$" }, {})).toBe("this must match ^a$");
});

test("what is secret is not seen while it is typed", () => {
  const text = { type: "string" };
  const one = form({
    password: text,
    apiKey: text,
    pin: { type: "string", format: "password" },
    key: text,
    monkey: text,
  });
  const kinds = [
    ...one.element.querySelectorAll<HTMLInputElement>(
      ".mf-ffield > input, .mf-ffield input.mf-text, .mf-ffield input[id]",
    ),
  ];
  expect(kinds.map((each) => each.type)).toEqual([
    "password",
    "password",
    "password",
    "text",
    "text",
  ]);
});
