/** What one event holds: its text, what it weighs, and what its messages name. */

import { clean, encode, toText } from "./bytes.js";
import { type Envelope, read } from "./envelope.js";
import type { TraceEvent } from "./protocol.js";

const EVENT_WEIGHT = 16;
export const TOOLS = 40;

/** The text an event is searched in. */
export function textOf(event: TraceEvent): string {
  switch (event.kind) {
    case "message":
      return toText(event.raw);
    case "chunk":
      return toText(event.data);
    case "opened":
      return event.address;
    case "closed":
      return event.reason;
    default:
      return event.text;
  }
}

export const envelopesIn = (event: TraceEvent): readonly Envelope[] =>
  event.kind === "message" ? read(toText(event.raw), event.size > kept(event)) : [];

/** How many bytes of a message are here. */
function kept({ raw, size }: TraceEvent & { kind: "message" }): number {
  if (typeof raw !== "string") return Math.floor((raw.base64.length * 3) / 4);
  // a text is cut only where it is long: counting its bytes would cost more than parsing it
  return raw.length === size ? size : encode(raw).length;
}

/** The tools a message names. */
export function toolsIn(one: Envelope): string[] {
  const listed = Array.isArray(one.result?.tools) ? one.result.tools.slice(0, TOOLS) : [];
  const names = listed.map((tool) => (tool as { name?: unknown } | null)?.name);
  if (one.method === "tools/call") names.push(one.name);
  return names.filter((name) => typeof name === "string").map((name) => clean(name, 60));
}

export function weight(event: TraceEvent): number {
  const data = event.kind === "message" ? event.raw : event.kind === "chunk" ? event.data : "";
  return (typeof data === "string" ? data.length : data.base64.length) + EVENT_WEIGHT;
}
