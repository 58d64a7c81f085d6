/** What one message says of itself, read leniently; the mirror of `trace/envelope.py`. */

import { Exact, exactly } from "./jsontree.js";

export type Kind = "request" | "response" | "notification" | "error" | "invalid";
/** An id is compared as it is spelled: two beyond 2^53 are not the same by being near. */
export type Id = string | number | Exact;
export type Obj = Record<string, unknown>;

export interface Envelope {
  readonly kind: Kind;
  readonly id?: Id | undefined;
  readonly method?: string | undefined;
  /** The tool or prompt it names, or the resource's URI. */
  readonly name?: string | undefined;
  readonly params?: Obj | undefined;
  readonly result?: Obj | undefined;
  readonly error?: Obj | undefined;
}

const INVALID: Envelope = { kind: "invalid" };
const SUBSCRIPTION = "io.modelcontextprotocol/subscriptionId";
const STRING = '(?:[^"\\\\]|\\\\.){0,200}';
const CUT_HEAD = new RegExp(
  `^\\s*\\{\\s*(?:"jsonrpc"\\s*:\\s*"2\\.0"\\s*,\\s*)?(?:"id"\\s*:\\s*(-?\\d{1,20}|"${STRING}")\\s*,\\s*)?"(method|result|error)"\\s*:\\s*(?:"(${STRING})")?`,
);
const CUT_NAME = new RegExp(`"params"\\s*:\\s*\\{\\s*"name"\\s*:\\s*"(${STRING})"`);

export function asObj(value: unknown): Obj | undefined {
  return typeof value === "object" &&
    value !== null &&
    !Array.isArray(value) &&
    !(value instanceof Exact)
    ? (value as Obj)
    : undefined;
}

function asId(value: unknown): Id | undefined {
  return typeof value === "string" || typeof value === "number" || value instanceof Exact
    ? value
    : undefined;
}

/**
 * One envelope, more for a batch, `invalid` for what is none.
 *
 * @param all whether every number is kept as it is spelled, not only those JavaScript cannot hold.
 */
export function read(text: string, cut: boolean, all = false): readonly Envelope[] {
  let value: unknown;
  try {
    value = exactly(text, all);
  } catch {
    return [cut ? ofCut(text) : INVALID];
  }
  if (Array.isArray(value)) return value.length ? value.map(of) : [INVALID];
  return [of(value)];
}

export function of(value: unknown): Envelope {
  const obj = asObj(value);
  if (!obj) return INVALID;
  const id = asId(obj.id);
  const { method } = obj;
  if (typeof method === "string") {
    const params = asObj(obj.params);
    const name = [params?.name, params?.uri].find((one) => typeof one === "string") as
      | string
      | undefined;
    return { kind: id === undefined ? "notification" : "request", id, method, name, params };
  }
  if ("result" in obj) return { kind: "response", id, result: asObj(obj.result) };
  if ("error" in obj) return { kind: "error", id, error: asObj(obj.error) };
  return { kind: "invalid", id };
}

function ofCut(text: string): Envelope {
  const match = CUT_HEAD.exec(text);
  if (!match) return INVALID;
  const id = match[1] === undefined ? undefined : asId(unquoted(match[1]));
  if (match[2] === "method" && match[3] !== undefined) {
    const name = CUT_NAME.exec(text.slice(match[0].length));
    return {
      kind: id === undefined ? "notification" : "request",
      id,
      method: String(unquoted(`"${match[3]}"`)),
      name: name ? String(unquoted(`"${name[1]}"`)) : undefined,
    };
  }
  return { kind: match[2] === "error" ? "error" : "response", id };
}

function unquoted(text: string): unknown {
  try {
    return exactly(text);
  } catch {
    return text;
  }
}

/** The token a request asks progress for, or a progress notification answers to. */
export function progressToken(one: Envelope): Id | undefined {
  if (one.kind === "notification") return asId(one.params?.progressToken);
  return asId(asObj(one.params?._meta)?.progressToken);
}

/** The id of the `subscriptions/listen` a message of its stream belongs to. */
export function subscription(one: Envelope): Id | undefined {
  return asId(asObj((one.params ?? one.result)?._meta)?.[SUBSCRIPTION]);
}

export const isRetry = (one: Envelope): boolean =>
  one.params !== undefined && ("inputResponses" in one.params || "requestState" in one.params);

export const asks = (one: Envelope): boolean => one.result?.resultType === "input_required";

/** The revision the two speak, where this message tells. */
export function revision(one: Envelope): string {
  let version: unknown;
  if (one.result && "serverInfo" in one.result) version = one.result.protocolVersion;
  else if (one.method === "initialize") version = one.params?.protocolVersion;
  else version = asObj(one.params?._meta)?.["io.modelcontextprotocol/protocolVersion"];
  return typeof version === "string" ? version : "";
}
