/** Slow motion: what was recorded, on a clock of its own. Pure: the view turns the hands. */

import type { Row } from "./store.js";

export const SPEEDS = [1, 10, 30, 100, 300, 1000] as const;
const LONGEST_WAIT_MS = 1600;
const FLIGHT_MS: readonly [number, number] = [240, 1100];
const MOST = 5000;

export interface Step {
  readonly row: Row;
  readonly start: number;
  readonly flight: number;
}

/** Rows with the moments at which they set out; waits that are too long are cut short. */
export class Playback {
  readonly steps: readonly Step[];
  /** Milliseconds since the beginning, on the slow clock. */
  position = 0;

  constructor(
    rows: readonly Row[],
    readonly slowness: number,
  ) {
    const steps: Step[] = [];
    let start = 0;
    rows.slice(0, MOST).forEach((row, i) => {
      const next = rows[i + 1];
      const gap = next ? ((next.event.time_ns - row.event.time_ns) / 1e6) * slowness : 0;
      const flight = Math.min(Math.max(gap * 0.9, FLIGHT_MS[0]), FLIGHT_MS[1]);
      steps.push({ row, start, flight });
      start += Math.min(Math.max(gap, FLIGHT_MS[0] / 3), LONGEST_WAIT_MS);
    });
    this.steps = steps;
  }

  get length(): number {
    const last = this.steps[this.steps.length - 1];
    return last ? last.start + last.flight : 0;
  }

  get done(): boolean {
    return this.position >= this.length;
  }

  /** The place of the last step that has set out. */
  get index(): number {
    let low = 0;
    let high = this.steps.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.steps[middle]!.start <= this.position) low = middle + 1;
      else high = middle;
    }
    return low - 1;
  }

  get current(): Row | undefined {
    return this.steps[this.index]?.row;
  }

  /** What is on its way, and how far. */
  flying(): { row: Row; part: number }[] {
    const found: { row: Row; part: number }[] = [];
    for (let at = this.index; at >= 0 && at > this.index - 40; at--) {
      const { row, start, flight } = this.steps[at]!;
      const part = (this.position - start) / flight;
      if (part < 1) found.push({ row, part });
    }
    return found;
  }

  advance(ms: number): void {
    this.position = Math.min(this.length, this.position + ms);
  }

  /** One step on, or back; a step is seen at its end. */
  step(by: number): void {
    const to = Math.min(Math.max(this.index + by, 0), this.steps.length - 1);
    const step = this.steps[to];
    if (step)
      this.position = Math.min(
        step.start + step.flight * 0.999,
        (this.steps[to + 1]?.start ?? Infinity) - 0.01,
      );
  }

  seek(seq: number): void {
    const step = this.steps.find(({ row }) => row.seq >= seq);
    if (step) this.position = step.start;
  }
}
