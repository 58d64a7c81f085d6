/** WebSocket frames (RFC 6455, section 5.2). */

import { isUtf8 } from "../bytes.js";
import type { WsFrame } from "./unit.js";

export const OPCODES: Readonly<Record<number, string>> = {
  0: "continuation",
  1: "text",
  2: "binary",
  8: "close",
  9: "ping",
  10: "pong",
};

/** The frame at the beginning of some bytes; `undefined`: more are needed; `null`: it is none. */
export function readFrame(
  data: Uint8Array,
  at: number,
): { frame: WsFrame; size: number } | undefined | null {
  if (data.length < 2) return undefined;
  const [first = 0, second = 0] = data;
  const opcode = first & 15;
  if (!(opcode in OPCODES)) return null;
  let length = second & 127;
  let header = 2;
  const view = new DataView(data.buffer, data.byteOffset, data.byteLength);
  if (length === 126) {
    if (data.length < 4) return undefined;
    length = view.getUint16(2);
    header = 4;
  } else if (length === 127) {
    if (data.length < 10) return undefined;
    length = Number(view.getBigUint64(2));
    header = 10;
  }
  if (opcode >= 8 && (length > 125 || !(first & 128))) return null;
  const masked = (second & 128) !== 0;
  const start = header + (masked ? 4 : 0);
  if (data.length < start + length) return undefined;
  const mask = masked ? data.slice(header, header + 4) : undefined;
  const payload = data.slice(start, start + length);
  if (mask) for (let i = 0; i < payload.length; i++) payload[i]! ^= mask[i & 3]!;
  const frame: WsFrame = {
    type: "ws",
    opcode,
    fin: (first & 128) !== 0,
    rsv: (first >> 4) & 7,
    length,
    mask,
    payload,
    payloadStart: at + start,
  };
  return { frame, size: start + length };
}

/**
 * Whether some bytes are nothing but whole frames as this direction must send them. Lengths that
 * meet the end, the right masking and text that is UTF-8 are too much for chance.
 */
export function areFrames(data: Uint8Array, masked: boolean): boolean {
  let rest = data;
  while (rest.length) {
    const found = readFrame(rest, 0);
    if (!found || (found.frame.mask !== undefined) !== masked || found.frame.rsv) return false;
    const { opcode, fin, payload } = found.frame;
    if (opcode === 1 && fin && !isUtf8(payload)) return false;
    rest = rest.subarray(found.size);
  }
  return data.length > 0;
}
