/** What the player plays on: the picture, as far as it has come. */

import type { Row } from "../store.js";
import type { Flow } from "./flow.js";
import type { Played } from "./player.js";

export class Stage implements Played {
  constructor(readonly flow: Flow) {}

  rows(): readonly Row[] {
    return this.flow.filter.shown;
  }

  from(): number {
    return this.flow.reading.selected;
  }

  show(row: Row | undefined, flying: readonly { row: Row; part: number }[]): void {
    const { flow } = this;
    const { reading, picture, shown } = flow;
    if (row && reading.future !== row.seq) {
      reading.future = row.seq;
      reading.go(row.seq);
      flow.asTable(false);
      flow.follow(false);
      if (flow.learns || flow.detail.row) flow.detail.show(row);
      picture.scroller.reveal(shown.placeOf(row));
      flow.draw();
    }
    picture.fly(flying, (one) => shown.placeOf(one));
  }

  leave(): void {
    this.flow.reading.future = Infinity;
    this.flow.picture.fly([], () => -1);
    this.flow.dirty();
  }
}
