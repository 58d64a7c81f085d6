/** What each layer of the detail is drawn from, and where the chosen field lies. */

import { decode, encode } from "../../bytes.js";
import { type Framing, inStream, type Located } from "../../decode/framing.js";
import type { Span } from "../../decode/unit.js";
import { nodeAt, nodeOver, parseTree } from "../../jsontree.js";
import type { Row, Store } from "../../store.js";
import { h } from "../dom.js";

export interface Deeds {
  readonly live: boolean;
  resend(row: Row, edited?: string): void;
  go(seq: number): void;
  close(): void;
}

/** What a layer sees of the detail. */
export interface Shown {
  readonly store: Store;
  readonly framing: Framing;
  readonly deeds: Deeds;
  /** The field that is chosen: its path in the message. */
  readonly path: readonly string[];
  /** What is looked for in the message, and the text that is being edited. */
  find: string;
  edited: string | undefined;
  choose(path: readonly string[]): void;
  draw(): void;
}

export type Layer = (row: Row, shown: Shown) => Node[];

export const note = (text: string): HTMLElement => h("p.mf-note", {}, text);

export const nowhere = (row: Row): HTMLElement =>
  note(
    row.event.kind === "message"
      ? "The bytes that carried it are not in the Trace."
      : "No framing stands for this.",
  );

/** Where the field of a path lies among the bytes that carried a message. */
export function bytesOfField(
  body: Uint8Array,
  spans: Located["spans"],
  path: readonly string[],
): Span[] {
  const text = decode(body);
  const root = path.length ? parseTree(text) : undefined;
  const node = root && nodeAt(root, path);
  if (!node?.path.length) return [];
  const start = encode(text.slice(0, node.start)).length;
  return inStream(spans, [start, start + encode(text.slice(node.start, node.end)).length]);
}

/** The path of the field that a byte belongs to. */
export function fieldAt(
  body: Uint8Array,
  spans: Located["spans"],
  at: number,
): readonly string[] | undefined {
  let before = 0;
  for (const [start, end] of spans) {
    if (at >= start && at < end) {
      const root = parseTree(decode(body));
      const place = decode(body.subarray(0, before + at - start)).length;
      return root && nodeOver(root, place).path;
    }
    before += end - start;
  }
  return undefined;
}
