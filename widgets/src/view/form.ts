/** A form from a JSON Schema: what a tool takes, or a server asks. */

import { clean } from "../bytes.js";
import { asObj, type Obj } from "../envelope.js";
import { button, h } from "./dom.js";

export interface Field {
  readonly element: HTMLElement;
  /** `undefined`: left out. Throws `Error` with a sentence where it cannot be read. */
  value(): unknown;
}

const DEEPEST = 6;
let fields = 0;

/** The schema a `$ref` leads to, within the same document. */
function resolved(schema: Obj, root: Obj, depth = 0): Obj {
  const ref = schema.$ref;
  if (typeof ref !== "string" || !ref.startsWith("#/") || depth > DEEPEST) return schema;
  let found: unknown = root;
  for (const part of ref.slice(2).split("/")) {
    const name = part.replaceAll("~1", "/").replaceAll("~0", "~");
    found = asObj(found) && Object.hasOwn(found as Obj, name) ? (found as Obj)[name] : undefined;
  }
  return { ...resolved(asObj(found) ?? {}, root, depth + 1), ...schema, $ref: undefined };
}

/** A schema that also allows null, and what else it allows. */
function nullable(schema: Obj, root: Obj): { schema: Obj; orNull: boolean } {
  const { type, anyOf, oneOf } = schema;
  if (Array.isArray(type)) {
    const others = type.filter((one) => one !== "null");
    return {
      schema: { ...schema, type: others.length === 1 ? others[0] : undefined },
      orNull: others.length < type.length,
    };
  }
  const choices = (Array.isArray(anyOf) ? anyOf : Array.isArray(oneOf) ? oneOf : []).map((one) =>
    resolved(asObj(one) ?? {}, root),
  );
  const others = choices.filter((one) => one.type !== "null");
  if (choices.length && others.length === 1) {
    return {
      schema: { ...schema, ...others[0], title: schema.title ?? others[0]!.title },
      orNull: others.length < choices.length,
    };
  }
  return { schema, orNull: false };
}

export function field(
  given: unknown,
  name: string,
  required: boolean,
  root: Obj,
  depth = 0,
): Field {
  const whole = resolved(asObj(given) ?? {}, root);
  const { schema, orNull } = nullable(whole, root);
  const id = `mcp-form-${++fields}`;
  const made = depth > DEEPEST ? anything(schema, id) : kindOf(schema, id, root, depth);
  const type = typeName(schema) + (orNull ? " or null" : "");
  const label = h(
    "label",
    { for: made.group ? undefined : id },
    clean(name, 80),
    h("small", {}, ` ${type}${required ? ", required" : ""}`),
  );
  const element = h(
    "div.mf-ffield",
    {
      role: made.group ? "group" : undefined,
      "aria-label": made.group ? clean(name, 80) : undefined,
    },
    label,
  );
  let isNull: HTMLInputElement | undefined;
  if (orNull) {
    isNull = h("input", { type: "checkbox", "aria-label": `${clean(name, 60)} is null` });
    isNull.checked = schema.default === null;
    element.append(h("label.mf-null", {}, isNull, "null"));
  }
  element.append(made.element);
  if (typeof schema.description === "string")
    element.append(h("p.mf-note", {}, clean(schema.description, 300)));
  const value = (): unknown => {
    if (isNull?.checked) return null;
    const found = made.value();
    if (found === undefined && required) {
      if (orNull) return null;
      throw new Error(`${clean(name, 60)} is required`);
    }
    return found;
  };
  return { element, value };
}

interface Inner extends Field {
  readonly group?: boolean;
}

const typeName = (schema: Obj): string =>
  Array.isArray(schema.enum)
    ? "one of"
    : clean(schema.type ?? ("properties" in schema ? "object" : "JSON"), 20);

function kindOf(schema: Obj, id: string, root: Obj, depth: number): Inner {
  if (Array.isArray(schema.enum)) return choice(schema.enum, schema, id);
  if ("const" in schema) return choice([schema.const], schema, id);
  switch (schema.type ?? ("properties" in schema ? "object" : undefined)) {
    case "boolean":
      return choice([true, false], schema, id);
    case "integer":
    case "number":
      return number(schema, id);
    case "string":
      return text(schema, id);
    case "array":
      return list(schema, root, depth);
    case "object":
      return schema.properties
        ? { ...members(schema, root, depth), group: true }
        : anything(schema, id);
    default:
      return anything(schema, id);
  }
}

function choice(values: readonly unknown[], schema: Obj, id: string): Inner {
  const select = h("select", { id }, h("option", { value: "" }, "(left out)"));
  values.slice(0, 500).forEach((value, i) => {
    const text = typeof value === "string" ? value : JSON.stringify(value);
    select.append(h("option", { value: i }, clean(text, 80)));
  });
  const chosen = values.findIndex(
    (value) => JSON.stringify(value) === JSON.stringify(schema.default),
  );
  if (chosen >= 0) select.value = String(chosen);
  return {
    element: select,
    value: () => (select.value === "" ? undefined : values[Number(select.value)]),
  };
}

function number(schema: Obj, id: string): Inner {
  const whole = schema.type === "integer";
  const input = h("input", { id, type: "text", inputmode: whole ? "numeric" : "decimal" });
  if (typeof schema.default === "number") input.value = String(schema.default);
  const value = (): number | undefined => {
    const given = input.value.trim();
    if (given === "") return undefined;
    const found = Number(given);
    if (!Number.isFinite(found) || (whole && !Number.isInteger(found))) {
      throw new Error(`${clean(given, 20)} is no ${whole ? "whole number" : "number"}`);
    }
    if (typeof schema.minimum === "number" && found < schema.minimum)
      throw new Error(`at least ${schema.minimum}`);
    if (typeof schema.maximum === "number" && found > schema.maximum)
      throw new Error(`at most ${schema.maximum}`);
    return found;
  };
  return { element: input, value };
}

function text(schema: Obj, id: string): Inner {
  const input = h("input", { id, type: "text" });
  let touched = typeof schema.default === "string";
  if (touched) input.value = String(schema.default);
  input.addEventListener("input", () => (touched = true));
  return { element: input, value: () => (touched ? input.value : undefined) };
}

function list(schema: Obj, root: Obj, depth: number): Inner {
  const items: Field[] = [];
  const holder = h("div.mf-items");
  const add = (preset?: unknown): void => {
    const own = asObj(schema.items) ?? {};
    const item = field(
      preset === undefined ? own : { ...own, default: preset },
      `${items.length + 1}`,
      true,
      root,
      depth + 1,
    );
    const remove = button(
      "−",
      () => {
        items.splice(items.indexOf(item), 1);
        row.remove();
      },
      { "aria-label": "Remove" },
    );
    const row = h("div.mf-item", {}, item.element, remove);
    items.push(item);
    holder.append(row);
  };
  if (Array.isArray(schema.default)) for (const preset of schema.default.slice(0, 50)) add(preset);
  let touched = Array.isArray(schema.default);
  const more = button("+ one more", () => {
    touched = true;
    add();
  });
  const value = (): unknown => (touched ? items.map((item) => item.value()) : undefined);
  return { element: h("div", {}, holder, more), value, group: true };
}

function anything(schema: Obj, id: string): Inner {
  const area = h("textarea", { id, rows: 2, placeholder: "JSON" });
  if (schema.default !== undefined) area.value = JSON.stringify(schema.default);
  const value = (): unknown => {
    if (area.value.trim() === "") return undefined;
    try {
      return JSON.parse(area.value) as unknown;
    } catch {
      throw new Error(`${clean(area.value, 30)} is not JSON`);
    }
  };
  return { element: area, value };
}

/** The members of an object; what is left out stays out. */
export function members(schema: Obj, root: Obj = schema, depth = 0): Field {
  const required = new Set(Array.isArray(schema.required) ? schema.required : []);
  const own = Object.entries(asObj(schema.properties) ?? {}).slice(0, 200);
  const made = own.map(
    ([name, one]) => [name, field(one, name, required.has(name), root, depth + 1)] as const,
  );
  const element = h("div.mf-members", {}, ...made.map(([, one]) => one.element));
  const value = (): unknown => {
    const found: [string, unknown][] = [];
    for (const [name, one] of made) {
      const given = one.value();
      if (given !== undefined) found.push([name, given]);
    }
    if (depth > 0 && !found.length && !required.size) return undefined;
    return Object.fromEntries(found);
  };
  return { element, value };
}
