/** The inputs of a form: a choice, a number, a text, JSON. */

import { clean } from "../bytes.js";
import type { Obj } from "../envelope.js";
import { Exact, exactly, written } from "../jsontree.js";
import type { Choice } from "../schema.js";
import { h } from "./dom.js";

export interface Field {
  readonly element: HTMLElement;
  /**
   * What the field stands for; `undefined`: left out. What is wrong is said beside each field,
   * and the first of it is thrown as an `Error` with a sentence.
   */
  value(): unknown;
}

/** The part of a field that is filled in. */
export interface Control extends Field {
  /** Of one input: what its label is for. Groups have none. */
  readonly input?: HTMLElement;
}

export function choice(known: readonly Choice[], schema: Obj): Control {
  const input = h("select", {}, h("option", { value: "" }, "(choose)"));
  known.slice(0, 500).forEach(({ label }, i) => {
    const again = known.findIndex((one) => one.label === label) < i ? ` (${i + 1})` : "";
    input.append(h("option", { value: i }, label + again));
  });
  const chosen = known.findIndex(({ value }) => written(value) === written(schema.default));
  if ("default" in schema && chosen >= 0) input.value = String(chosen);
  const value = (): unknown => (input.value === "" ? undefined : known[Number(input.value)]?.value);
  return { element: input, input, value };
}

export function number(schema: Obj): Control {
  const whole = schema.type === "integer";
  const input = h("input", { type: "text", inputmode: whole ? "numeric" : "decimal" });
  if (typeof schema.default === "number") input.value = String(schema.default);
  const value = (): unknown => {
    const given = input.value.trim();
    if (given === "") return undefined;
    const found = /^[-+]?(\d+\.?\d*|\.\d+)(e[-+]?\d+)?$/i.test(given) ? Number(given) : Number.NaN;
    if (Number.isNaN(found) || (whole && !Number.isInteger(found)))
      throw new Error(`: ${clean(given, 20)} is no ${whole ? "whole number" : "number"}`);
    if (!Number.isFinite(found)) throw new Error(`: ${clean(given, 20)} is too large`);
    // what JavaScript would round travels as it was typed
    return !Number.isSafeInteger(found) && /^[-+]?\d+$/.test(given)
      ? new Exact(String(BigInt(given.replace("+", ""))))
      : found;
  };
  return { element: input, input, value };
}

export function text(schema: Obj): Control {
  const given = typeof schema.default === "string" ? schema.default : undefined;
  const long = given?.includes("\n") || Number(schema.maxLength) > 400;
  const input = long
    ? h("textarea", { rows: 3 })
    : h("input", { type: "text", spellcheck: "false" });
  input.value = given ?? "";
  // an empty text is a text once somebody has typed
  let touched = given !== undefined;
  input.addEventListener("input", () => (touched = true));
  return { element: input, input, value: () => (touched ? input.value : undefined) };
}

export function json(schema: Obj): Control {
  const input = h("textarea", { rows: 2, placeholder: "JSON", spellcheck: "false" });
  if (schema.default !== undefined) input.value = written(schema.default);
  const value = (): unknown => {
    const typed = input.value;
    if (typed.trim() === "") return undefined;
    try {
      return exactly(typed);
    } catch {
      throw new Error(`: ${clean(typed, 30)} is not JSON; a text stands in double quotes`);
    }
  };
  return { element: input, input, value };
}
