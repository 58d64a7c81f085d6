/** One message in a few words, the mirror of `show/phrase.py`. */

import { clean, countText, sizeText } from "./bytes.js";
import { asks, asObj, type Envelope, type Obj } from "./envelope.js";
import { written } from "./jsontree.js";

const LISTS: readonly (readonly [string, string])[] = [
  ["tools", "tool"],
  ["resources", "resource"],
  ["resourceTemplates", "resource template"],
  ["prompts", "prompt"],
];
const HIDDEN = new Set(["_meta", "resultType", "cacheScope", "ttlMs"]);

/** A value as JSON; what cannot be written says so. */
export function compact(value: unknown): string {
  try {
    return value === undefined ? "" : written(value);
  } catch {
    return "(nested too deeply to be shown)";
  }
}

/** What a message says. `head` is what it is (method, `result`, `error`), `rest` the details. */
export interface Phrase {
  readonly head: string;
  readonly rest: string;
}

export function phrase(one: Envelope, raw: string, limit = 120): Phrase {
  const [head, rest] = said(one, raw, limit);
  return { head: clean(head, 60), rest: clean(rest, limit) };
}

function said(one: Envelope, raw: string, limit: number): [string, string] {
  switch (one.kind) {
    case "request":
    case "notification":
      return asked(one);
    case "error":
      return [`error ${one.error?.code ?? ""}`.trim(), String(one.error?.message ?? "")];
    case "response":
      return one.result ? answered(one.result) : ["result", ""];
    default:
      return ["not JSON-RPC", raw.slice(0, limit * 2)];
  }
}

/** What a result of `tools/call` comes to: structured content, else text, else content. */
export function comesTo(result: Obj): unknown {
  const structured = result.structuredContent;
  if (structured !== undefined && structured !== null && !result.isError) {
    const keys = asObj(structured) ? Object.keys(structured as Obj) : [];
    return keys.length === 1 && keys[0] === "result" ? (structured as Obj).result : structured;
  }
  const blocks = Array.isArray(result.content) ? result.content : [];
  const texts = blocks
    .map((block) => asObj(block)?.text)
    .filter((text) => typeof text === "string");
  return texts.length && texts.length === blocks.length ? texts.join("\n") : result.content;
}

function answered(result: Obj): [string, string] {
  if (asks({ kind: "response", result })) return ["input required", questions(result)];
  if ("content" in result && !("role" in result)) {
    const value = comesTo(result);
    if (result.isError === true) return ["result", `the tool failed: ${compact(value)}`];
    if (value !== result.content || !Array.isArray(value)) return ["result", compact(value)];
    const kinds = value.map((block) => String(asObj(block)?.type ?? "?"));
    return ["result", kinds.join(", ") || "empty"];
  }
  for (const [member, noun] of LISTS) {
    const items = result[member];
    if (!Array.isArray(items)) continue;
    const names = items.slice(0, 4).map((item) => String(asObj(item)?.name ?? "?"));
    const more = items.length > 4 ? ", …" : "";
    return [
      "result",
      `${countText(items.length, noun)}${names.length ? ": " : ""}${names.join(", ")}${more}`,
    ];
  }
  if ("serverInfo" in result && "protocolVersion" in result) {
    return ["result", `${result.protocolVersion} ${implementation(result.serverInfo)}`];
  }
  if (Array.isArray(result.supportedVersions)) {
    return ["result", `speaks ${result.supportedVersions.join(", ")}`];
  }
  const rest = Object.fromEntries(Object.entries(result).filter(([key]) => !HIDDEN.has(key)));
  return ["result", compact(rest)];
}

function asked(one: Envelope): [string, string] {
  const method = one.method ?? "";
  const { _meta, ...params } = one.params ?? {};
  switch (method) {
    case "notifications/progress": {
      const total = params.total === undefined ? "" : `/${compact(params.total)}`;
      const message = params.message === undefined ? "" : ` ${compact(params.message)}`;
      return ["progress", `${compact(params.progress)}${total}${message}`];
    }
    case "notifications/cancelled":
      return ["cancelled", `request ${compact(params.requestId)} ${quoted(params.reason)}`.trim()];
    case "notifications/message":
      return [`log ${params.level ?? ""}`.trim(), compact(params.data)];
    case "initialize":
      return [method, `${params.protocolVersion ?? ""} ${implementation(params.clientInfo)}`];
    case "elicitation/create":
      return [method, quoted(params.message)];
  }
  const { name, uri, arguments: given, ...others } = params;
  const parts = [one.name ?? ""];
  if (given !== undefined) parts.push(compact(given));
  const { inputResponses, requestState, ...plain } = others;
  if (inputResponses !== undefined) parts.push(`answers ${compact(inputResponses)}`);
  if (Object.keys(plain).length) parts.push(compact(plain));
  return [method, parts.filter(Boolean).join(" ")];
}

const quoted = (value: unknown): string =>
  value === undefined || value === null ? "" : compact(value);

function questions(result: Obj): string {
  const asked = Object.values(asObj(result.inputRequests) ?? {}).map((one) => {
    const request = asObj(one);
    return quoted(asObj(request?.params)?.message) || String(request?.method ?? "?");
  });
  return asked.join(", ") || "no question";
}

function implementation(info: unknown): string {
  const { name = "", version = "" } = asObj(info) ?? {};
  return `${name} ${version}`.trim();
}

/** What is said of a message that is gone in part. */
export const cutText = (kept: number, size: number): string =>
  `${sizeText(kept)} of ${sizeText(size)} kept`;
