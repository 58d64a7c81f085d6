/** A form from a JSON Schema: what a tool takes. What is typed stays, right or wrong. */

import { clean } from "../bytes.js";
import { asObj, type Obj } from "../envelope.js";
import { begins, beside, choices, hints, isSecret, problem, resolved } from "../schema.js";
import { button, h } from "./dom.js";
import { type Control, choice, type Field, json, number, text } from "./inputs.js";

export type { Field };

const DEEPEST = 6;
const MANY = 200;
let fields = 0;

/** The form of a tool's arguments. */
export function members(schema: Obj, root: Obj = schema): Field {
  const whole = resolved(schema, root);
  if (whole.properties || !["anyOf", "oneOf", "additionalProperties"].some((name) => whole[name]))
    return object(whole, root, 0);
  return field({ type: "object", default: {}, ...whole }, "arguments", true, root, DEEPEST);
}

/** A field with its label, what is known of it, and the place for what is wrong. */
export function field(
  given: unknown,
  name: string,
  required: boolean,
  root: Obj,
  depth = 0,
): Field {
  const { schema, orNull } = beside(resolved(given, root), root);
  const id = `mcp-form-${++fields}`;
  const called = clean(name, 80);
  const made = controlOf(schema, root, depth);
  if (made.input instanceof HTMLInputElement && isSecret(name, schema)) {
    made.input.type = "password";
    made.input.autocomplete = "new-password";
  }
  const wrong = h("p.mf-wrong", { id: `${id}-wrong` });
  const note = [schema.description, ...hints(schema)].filter((one) => typeof one === "string");
  const about = h("p.mf-note", { id: `${id}-about` }, clean(note.join("; "), 400));
  const type = typeName(schema, root) + (orNull ? " or null" : "");
  const said = h("small", {}, ` ${type}${required ? ", required" : ""}`);
  const element = h("div.mf-ffield");
  const judged = made.input ?? element;
  if (made.input) made.input.id = id;
  else {
    element.setAttribute("role", "group");
    element.setAttribute("aria-label", called);
  }
  judged.setAttribute("aria-describedby", `${id}-wrong ${id}-about`);
  if (made.input && required) made.input.setAttribute("aria-required", "true");
  const title = h(made.input ? "label" : "span", made.input ? { for: id } : {}, called, said);
  const tick = (text: string, on: boolean): HTMLInputElement => {
    const box = h("input", { type: "checkbox", "aria-label": `${called}: ${text}` });
    box.checked = on;
    head.append(h("label.mf-null", {}, box, text));
    return box;
  };
  const head = h("div.mf-fhead", {}, title);
  const out = required ? undefined : tick("leave out", !begins(schema, root));
  const none = orNull ? tick("null", schema.default === null) : undefined;
  if (schema.default === null && !orNull && out) out.checked = true;
  const say = (text: string): void => {
    wrong.textContent = text;
    if (text) judged.setAttribute("aria-invalid", "true");
    else judged.removeAttribute("aria-invalid");
  };
  const filled = h("div", {}, made.element);
  // whoever fills it in neither leaves it out nor means null
  for (const event of ["input", "change", "mf-filled"])
    filled.addEventListener(event, () => {
      if (out) out.checked = false;
      if (none) none.checked = false;
      say("");
    });
  for (const [box, other] of [
    [out, none],
    [none, out],
  ]) {
    box?.addEventListener("change", () => {
      if (box.checked && other) other.checked = false;
      say("");
    });
  }
  element.append(head, filled, wrong, about);
  const value = (): unknown => {
    say("");
    if (out?.checked) return undefined;
    if (none?.checked) return null;
    try {
      const found = made.value();
      if (found === undefined) {
        const remedy = [out && "tick “leave out”", none && "tick “null”"].filter(Boolean);
        throw new Error(
          required && !remedy.length
            ? "is required"
            : `is empty: fill it in or ${remedy.join(" or ")}`,
        );
      }
      const what = problem(found, schema, root);
      if (what) throw new Error(`: ${what}`);
      return found;
    } catch (error) {
      // what is wrong inside is said inside
      if (error instanceof Inside) throw error;
      const sentence = `${called} ${(error as Error).message}`.replace(" :", ":");
      say(sentence);
      throw new Inside(sentence);
    }
  };
  return { element, value };
}

/** Something wrong that has been said where it is. */
class Inside extends Error {}

/** All values; every field says what is wrong with it, and the first of it is thrown. */
function all<T>(read: readonly (() => T)[]): T[] {
  const wrong: unknown[] = [];
  const found = read.flatMap((one) => {
    try {
      return [one()];
    } catch (error) {
      wrong.push(error);
      return [];
    }
  });
  if (wrong.length) throw wrong[0];
  return found;
}

const typeName = (schema: Obj, root: Obj): string =>
  choices(schema, root) && schema.type !== "boolean"
    ? "one of"
    : clean(
        Array.isArray(schema.type)
          ? schema.type.join(" or ")
          : (schema.type ?? (schema.properties ? "object" : "JSON")),
        40,
      );

function controlOf(schema: Obj, root: Obj, depth: number): Control {
  const known = choices(schema, root);
  if (known) return choice(known, schema);
  switch (schema.type ?? (schema.properties ? "object" : undefined)) {
    case "integer":
    case "number":
      return number(schema);
    case "string":
      return text(schema);
    case "array":
      if (depth < DEEPEST && asObj(schema.items) && !schema.prefixItems)
        return rows(schema, root, depth);
      break;
    case "object":
      if (depth < DEEPEST && (schema.properties || asObj(schema.additionalProperties)))
        return object(schema, root, depth);
  }
  return json(schema);
}

interface Rows {
  readonly element: HTMLElement;
  readonly parts: Set<Field>;
  add(part: Field): void;
}

/** A growing list of parts, each with a button that takes it away. */
function growing(more: string, make: (nth: number) => Field): Rows {
  const parts = new Set<Field>();
  const holder = h("div.mf-items");
  let made = 0;
  const add = (part: Field): void => {
    const nth = ++made;
    const remove = button(
      "Remove",
      () => {
        parts.delete(part);
        row.remove();
        grow.dispatchEvent(new Event("mf-filled", { bubbles: true }));
        grow.focus();
      },
      { "aria-label": `Remove ${nth}` },
    );
    const row = h("div.mf-item", {}, part.element, remove);
    parts.add(part);
    holder.append(row);
  };
  const grow = button(more, () => {
    const part = make(made + 1);
    add(part);
    grow.dispatchEvent(new Event("mf-filled", { bubbles: true }));
    part.element
      .querySelector<HTMLElement>("input:not([type=checkbox]), select, textarea")
      ?.focus();
  });
  return { element: h("div", {}, holder, grow), parts, add };
}

function rows(schema: Obj, root: Obj, depth: number): Control {
  const make = (nth: number, preset: object = {}): Field =>
    field({ ...asObj(schema.items), ...preset }, `item ${nth}`, true, root, depth + 1);
  const { element, parts, add } = growing("Add an item", make);
  if (Array.isArray(schema.default))
    for (const [i, preset] of schema.default.slice(0, MANY).entries())
      add(make(i + 1, { default: preset }));
  return { element, value: () => all([...parts].map((part) => part.value)) };
}

/** The members of an object; where others are allowed, they can be added by name. */
function object(schema: Obj, root: Obj, depth: number): Control {
  const required = new Set(Array.isArray(schema.required) ? schema.required : []);
  const presets = asObj(schema.default) ?? {};
  const own = Object.entries(asObj(schema.properties) ?? {}).slice(0, MANY);
  const preset = (name: string, one: unknown): unknown =>
    Object.hasOwn(presets, name) ? { ...asObj(one), default: presets[name] } : one;
  const made = own.map(([name, one]) => {
    const part = field(preset(name, one), name, required.has(name), root, depth + 1);
    return { element: part.element, value: () => [name, part.value()] as const };
  });
  const element = h("div.mf-members", {}, ...made.map((one) => one.element));
  const others = schema.additionalProperties;
  const named = (nth: number, name = "", given: unknown = others): Field => {
    const input = h("input", { type: "text", "aria-label": `name of member ${nth}` });
    input.value = name;
    const part = field(given, `value of member ${nth}`, true, root, depth + 1);
    return {
      element: h("div.mf-named", {}, input, part.element),
      value: () => [input.value, part.value()],
    };
  };
  const more = others ? growing("Add a member", named) : undefined;
  if (more) {
    element.append(more.element);
    for (const [name, value] of Object.entries(presets))
      if (!own.some(([known]) => known === name))
        more.add(named(more.parts.size + 1, name, { ...asObj(others), default: value }));
  }
  const value = (): unknown => {
    const read = [...made, ...(more ? more.parts : [])].map((part) => part.value);
    const found = all(read) as [string, unknown][];
    const names = found.map(([name]) => name);
    const twice = names.find((name, i) => names.indexOf(name) < i);
    if (twice !== undefined)
      throw new Error(`: ${clean(twice, 40) || "an empty name"} is there twice`);
    return Object.fromEntries(found.filter(([, one]) => one !== undefined));
  };
  return { element, value };
}
