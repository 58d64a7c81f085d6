/** Newline-delimited JSON. */

import { decode } from "../bytes.js";
import { Flow, type Piece } from "./unit.js";

export class LineFlow extends Flow {
  #fragment = false;

  protected override restart(piece: Piece): void {
    this.#fragment = piece.offset > 0;
  }

  protected override read(): void {
    for (;;) {
      const end = this.pending.indexOf(10);
      if (end < 0) return;
      const start = this.at;
      const line = this.skip(end + 1);
      const crlf = end > 0 && line[end - 1] === 13;
      const body = line.subarray(0, crlf ? end - 1 : end);
      if (this.#fragment) {
        // A piece is most often a whole line, also where the one before it is missing.
        // The rest of a message is no message.
        this.#fragment = false;
        if (!isMessage(body)) {
          this.emit("undecoded", [start, start + end + 1]);
          continue;
        }
      }
      if (!decode(body).trim()) continue;
      const detail = { type: "line", end: crlf ? "\r\n" : "\n" } as const;
      this.emit("line", [start, start + end + 1], detail, body, [[start, start + body.length]]);
    }
  }
}

function isMessage(body: Uint8Array): boolean {
  try {
    const value: unknown = JSON.parse(decode(body));
    return typeof value === "object" && value !== null;
  } catch {
    return false;
  }
}
