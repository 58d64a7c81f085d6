/** Bytes and text: as the kernel writes them, as the reader sees them. */

import type { WireBytes } from "./protocol.js";

const encoder = new TextEncoder();
const decoder = new TextDecoder("utf-8", { ignoreBOM: true });
const strict = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

export function toBytes(value: WireBytes): Uint8Array {
  if (typeof value === "string") return encoder.encode(value);
  try {
    return Uint8Array.from(atob(value?.base64 ?? ""), (c) => c.charCodeAt(0));
  } catch {
    return new Uint8Array();
  }
}

export function toText(value: WireBytes): string {
  return typeof value === "string" ? value : decoder.decode(toBytes(value));
}

export const encode = (text: string): Uint8Array => encoder.encode(text);
export const decode = (data: Uint8Array): string => decoder.decode(data);

export function isUtf8(data: Uint8Array): boolean {
  try {
    strict.decode(data);
    return true;
  } catch {
    return false;
  }
}

/** Bytes as characters of the same number, for patterns and heads. */
export function latin1(data: Uint8Array): string {
  let text = "";
  for (let at = 0; at < data.length; at += 8192) {
    text += String.fromCharCode(...data.subarray(at, at + 8192));
  }
  return text;
}

export function concat(parts: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

export const hex = (data: Uint8Array, between = " "): string =>
  Array.from(data, (byte) => byte.toString(16).padStart(2, "0")).join(between);

// What would move, hide or paint: controls, invisible and bidirectional characters, lone
// surrogates. Joiners stay, scripts are spelled with them.
const UNFIT = /[\p{Cc}\p{Cn}\p{Co}\p{Cs}\p{Zl}\p{Zp}]|(?![\u200c\u200d])\p{Cf}/gu;

function escaped(c: string): string {
  if (c === "\t") return "\\t";
  const code = c.codePointAt(0) ?? 0;
  if (code < 0x100) return `\\x${code.toString(16).padStart(2, "0")}`;
  return code < 0x10000
    ? `\\u${code.toString(16).padStart(4, "0")}`
    : `\\U${code.toString(16).padStart(8, "0")}`;
}

/** Text from elsewhere as it can stand in one line: nothing in it moves, hides or paints. */
export function clean(value: unknown, limit = Infinity): string {
  let text = String(value);
  if (text.length > 2 * limit + 2) text = text.slice(0, 2 * limit + 2);
  const shown = text.replace(/\r\n?|\n/g, "⏎").replace(UNFIT, escaped);
  if (shown.length <= limit) return shown;
  const end = /[\ud800-\udbff]/.test(shown[limit - 2] ?? "") ? limit - 2 : limit - 1;
  return `${shown.slice(0, end)}…`;
}

/** The same for several lines: line ends stay. */
export const cleanLines = (value: unknown): string =>
  String(value)
    .replace(/\r\n?/g, "\n")
    .replace(UNFIT, (c) => (c === "\n" ? c : escaped(c)));

export function sizeText(n: number): string {
  if (n < 1000) return `${n} B`;
  if (n < 999_950) return `${(n / 1e3).toFixed(1)} kB`;
  return n < 999_950_000 ? `${(n / 1e6).toFixed(1)} MB` : `${(n / 1e9).toFixed(1)} GB`;
}

export function durationText(ns: number): string {
  if (ns < 1e6) return `${Math.floor(Math.max(0, ns) / 1000)} µs`;
  return ns < 1e9 ? `${(ns / 1e6).toFixed(1)} ms` : `${(ns / 1e9).toFixed(2)} s`;
}

export const countText = (n: number, noun: string): string =>
  `${String(n).replace(/\B(?=(\d{3})+$)/g, ",")} ${noun}${n === 1 ? "" : "s"}`;
