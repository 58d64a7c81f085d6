/** From message to message, from exchange to exchange, from error to error. */

import { nextStep, togetherWith } from "../steps.js";
import type { Flow } from "./flow.js";

export class Walk {
  constructor(readonly flow: Flow) {}

  move(by: number, extend = false): void {
    const { shown, reading } = this.flow;
    const { rows } = shown;
    const { selected } = reading;
    const from = selected ? shown.indexOf(selected) : by < 0 ? rows.length : -1;
    const next = rows[Math.min(Math.max(from + by, 0), rows.length - 1)];
    if (next) this.flow.select(next.seq, extend, true);
  }

  /** To the next exchange or the one before; the others stand back while one is looked at. */
  exchange(by: 1 | -1): void {
    const { flow } = this;
    const { shown, feed } = flow;
    flow.player.leave();
    const next = nextStep(shown.rows, feed.store.at(flow.reading.selected), by, feed.store);
    if (!next) {
      flow.say(by > 0 ? "That was the last exchange." : "This is the first exchange.");
      return;
    }
    const places = togetherWith(next, feed.store).map((row) => shown.placeOf(row));
    flow.scroller.reveal(Math.max(...places));
    flow.select(next.seq, false, true);
  }

  nextError(): void {
    const { flow } = this;
    const found = flow.shown.nextError(flow.reading.selected);
    if (found) flow.select(found.seq, false, true);
    else flow.say("There is no error.");
  }
}
