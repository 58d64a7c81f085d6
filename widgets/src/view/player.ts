/** The player: play, step, speed. */

import { durationText } from "../bytes.js";
import { Playback, SPEEDS } from "../playback.js";
import type { Row } from "../store.js";
import { button, h } from "./dom.js";

export interface Played {
  /** What is to be played, from where the reader is. */
  rows(): readonly Row[];
  from(): number;
  show(row: Row | undefined, flying: readonly { row: Row; part: number }[]): void;
  /** The end: everything is seen again. */
  leave(): void;
}

export class Player {
  readonly element: HTMLElement;
  readonly #play: HTMLButtonElement;
  readonly #speed: HTMLSelectElement;
  readonly #clock = h("span.mf-clock");
  readonly #stop: HTMLButtonElement;
  #playback: Playback | undefined;
  #frame = 0;
  #before = 0;
  #shown = -1;

  constructor(
    readonly stage: Played,
    readonly still: () => boolean = () =>
      globalThis.matchMedia?.("(prefers-reduced-motion: reduce)").matches ?? false,
  ) {
    this.#play = button("▶", () => this.toggle(), {
      "data-testid": "mcp-flow-play",
      "aria-label": "Play in slow motion",
    });
    this.#speed = h("select", { "aria-label": "Speed" });
    for (const slowness of SPEEDS) {
      this.#speed.append(
        h("option", { value: slowness }, slowness === 1 ? "as it was" : `1/${slowness}`),
      );
    }
    this.#speed.value = "100";
    this.#speed.addEventListener("change", () => {
      const seq = this.#playback?.current?.seq;
      if (seq === undefined) return;
      this.#playback = this.#load();
      this.#playback.seek(seq);
    });
    this.#stop = button("■", () => this.leave(), {
      "aria-label": "Leave slow motion",
      hidden: true,
    });
    this.element = h(
      "span.mf-player",
      { role: "group", "aria-label": "Slow motion" },
      button("◁", () => this.step(-1), { "aria-label": "Step back" }),
      this.#play,
      button("▷", () => this.step(1), { "aria-label": "Step forward" }),
      this.#stop,
      this.#speed,
      this.#clock,
    );
  }

  get playing(): boolean {
    return this.#frame !== 0;
  }

  get active(): boolean {
    return this.#playback !== undefined;
  }

  toggle(): void {
    if (this.playing) this.pause();
    else this.play();
  }

  play(): void {
    this.#begin();
    if (this.#playback?.done) this.#playback.position = 0;
    this.#before = 0;
    this.#frame = requestAnimationFrame((now) => this.#tick(now));
    this.#buttons();
  }

  pause(): void {
    cancelAnimationFrame(this.#frame);
    this.#frame = 0;
    this.#buttons();
  }

  step(by: number): void {
    const fresh = !this.active;
    this.#begin();
    this.pause();
    if (!(fresh && by > 0)) this.#playback?.step(by);
    this.#show();
  }

  leave(): void {
    if (!this.active) return;
    this.pause();
    this.#playback = undefined;
    this.#shown = -1;
    this.#clock.textContent = "";
    this.#buttons();
    this.stage.leave();
  }

  #begin(): void {
    if (this.#playback) return;
    this.#playback = this.#load();
    const from = this.stage.from();
    if (from) this.#playback.seek(from);
    this.#buttons();
  }

  #load(): Playback {
    return new Playback(this.stage.rows(), Number(this.#speed.value));
  }

  #tick(now: number): void {
    const playback = this.#playback;
    if (!playback || !this.#frame) return;
    // a page that slept does not jump
    playback.advance(this.#before ? Math.min(now - this.#before, 100) : 16);
    this.#before = now;
    this.#show();
    if (playback.done) this.pause();
    else this.#frame = requestAnimationFrame((next) => this.#tick(next));
  }

  #show(): void {
    const playback = this.#playback;
    if (!playback) return;
    const flying = this.still() ? [] : playback.flying();
    this.stage.show(playback.current, this.playing ? flying : flying.slice(0, 1));
    if (playback.index === this.#shown) return;
    this.#shown = playback.index;
    const first = playback.steps[0]?.row.event.time_ns ?? 0;
    const at = (playback.current?.event.time_ns ?? first) - first;
    this.#clock.textContent = `${playback.index + 1} of ${playback.steps.length}, ${durationText(at)}`;
  }

  #buttons(): void {
    this.#play.textContent = this.playing ? "❚❚" : "▶";
    this.#play.setAttribute("aria-label", this.playing ? "Pause" : "Play in slow motion");
    this.#play.setAttribute("aria-pressed", String(this.playing));
    this.#stop.hidden = !this.active;
  }
}
