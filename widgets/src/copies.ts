/** A recorded request as something to paste: a `%mcp` line, Python, curl. */

import { decode } from "./bytes.js";
import type { Framing } from "./decode/framing.js";
import { asObj, type Envelope } from "./envelope.js";
import { pretty, written } from "./jsontree.js";
import { isNamed, literal, pythonCall } from "./pycall.js";
import type { Row } from "./store.js";

/** One word of a `%mcp` line, quoted where it must be; `undefined`: it cannot be written there. */
function word(value: unknown): string | undefined {
  const text = String(value);
  // a backslash is a letter there, and $name a variable
  if (/^[\w@%+:,./-]+(=[\w@%+:,./-]*)?$/.test(text) && !text.startsWith("-")) return text;
  if (/[\n\r\0]|^-|^\$[^\W\d]\w*$|=\$[^\W\d]\w*$/.test(text)) return undefined;
  if (!text.includes("'")) return `'${text}'`;
  return text.includes('"') ? undefined : `"${text}"`;
}

const line = (...words: readonly (string | undefined)[]): string | undefined =>
  words.includes(undefined) ? undefined : words.filter(Boolean).join(" ");

/** The `%mcp` line, or the `%%mcp` cell, that sends a request again. */
export function magicLine(one: Envelope, conn: string, raw: string): string | undefined {
  const name = word(conn);
  const on = name && `--on ${name}`;
  if (one.kind === "response" || one.kind === "error") return undefined;
  return (one.kind === "request" ? command(one, on, raw) : undefined) ?? sent(on, raw);
}

function sent(on: string | undefined, raw: string): string | undefined {
  // what ends a cell ends the message: other line ends would be other bytes
  return raw.includes("\n") ? undefined : line("%%mcp send", on && `${on}\n${raw}`);
}

function command(one: Envelope, on: string | undefined, raw: string): string | undefined {
  const params = one.params ?? {};
  const given = asObj(params.arguments) ?? {};
  switch (one.method) {
    case "tools/call":
      if (isNamed(given) && /^[\w./-]+$/.test(String(params.name))) {
        const inside = Object.entries(given).map(([key, value]) => `${key}=${literal(value)}`);
        return line(`%mcp call ${params.name}(${inside.join(", ")})`, on);
      }
      return line("%%mcp call", word(params.name), on && `${on}\n${pretty(written(given))}`);
    case "tools/list":
    case "resources/list":
    case "prompts/list":
      return params.cursor === undefined
        ? line(`%mcp ${one.method.split("/")[0]}`, on)
        : sent(on, raw);
    case "resources/read":
      return line("%mcp read", word(params.uri), on);
    case "prompts/get": {
      const words = Object.entries(given).map(([key, value]) => word(`${key}=${value}`));
      return line("%mcp prompt", word(params.name), ...words, on);
    }
    case "completion/complete": {
      const [ref, argument] = [asObj(params.ref) ?? {}, asObj(params.argument) ?? {}];
      return line(
        "%mcp complete",
        word(ref.uri ?? ref.name),
        word(`${argument.name}=${argument.value ?? ""}`),
        on,
      );
    }
  }
  return undefined;
}

const WITH_A_METHOD = new Set([
  ...["tools/call", "tools/list", "resources/list", "resources/templates/list"],
  ...["resources/read", "resources/subscribe", "prompts/list", "prompts/get"],
  ...["completion/complete", "subscriptions/listen"],
]);

/** The line of Python that sends a request again; `raw` for what has no method of its own. */
export function pythonLine(one: Envelope, raw: string): string | undefined {
  if (one.kind === "response" || one.kind === "error") return undefined;
  if (!WITH_A_METHOD.has(one.method ?? "")) return `conn.send(${literal(`${raw}\n`)})`;
  const pieces = pythonCall(one, "c2s");
  return pieces.map((piece) => piece.text).join("");
}

const UNSENT =
  /^(host|content-length|transfer-encoding|connection|keep-alive|accept-encoding|user-agent)$/i;
const quote = (text: string): string => `'${text.replaceAll("'", "'\\''")}'`;

/** A text for the shell; what is masked in it becomes a variable that must be set. */
function shell(text: string, variable: string): string {
  const parts = text.split(/(\*{3,}|(?<![^ ])\*+$)/);
  if (parts.length === 1) return quote(text);
  const asked = `"\${${variable}:?holds what is masked here}"`;
  return parts.map((part, i) => (i % 2 ? asked : part && quote(part))).join("");
}

/** The same POST by curl. The endpoint must still be there, and in the legacy era the session. */
export function curlLine(row: Row, framing: Framing): string | undefined {
  if (row.direction !== "c2s" || row.event.kind !== "message") return undefined;
  const place = framing.locate(row);
  const head = place?.head?.detail;
  if (!place || head?.type !== "head" || !head.request) return undefined;
  const field = (name: string): string | undefined =>
    head.headers.find(([key]) => key.toLowerCase() === name)?.[1];
  const scheme = /^https:/.test(row.session.address) ? "https" : "http";
  const url = `${scheme}://${field("host") ?? "localhost"}${head.target}`;
  // an answer may be a stream of events: curl must not hold them back
  const stream = /event-stream/.test(field("accept") ?? "") ? " -N" : "";
  const fields = head.headers
    .filter(([name]) => !UNSENT.test(name))
    .map(([name, value]) => {
      const variable = `MCP_${name.toUpperCase().replace(/\W/g, "_")}`;
      return `-H ${shell(`${name}: ${value}`, variable)}`;
    });
  const body = `--data-raw ${quote(decode(place.body))}`;
  return [`curl -sS${stream} ${shell(url, "MCP_SECRET")}`, ...fields, body].join(" \\\n  ");
}
