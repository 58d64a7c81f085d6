/** Whether a view is in the page, else it neither listens nor draws; out of sight it draws rarely. */

/** What is read aloud, or searched by the browser, may be behind by so much where nobody looks. */
const UNSEEN_MS = 500;

/** Kernel and page share a machine: what comes is drawn at most so often, what the reader does at once. */
const CAME_MS = 200;

export class Presence {
  #drawnAt = -Infinity;
  #ties: (() => void)[] | undefined;
  #inSight = true;
  #frame = 0;
  #unseen: ReturnType<typeof setTimeout> | undefined;
  #late: ReturnType<typeof setTimeout> | undefined;

  constructor(
    readonly element: HTMLElement,
    readonly draw: () => void,
  ) {}

  /** Whether it was asleep. `listen` ties it to the feed, and tells how to let go. */
  wake(listen: () => () => void): boolean {
    if (this.#ties) return false;
    this.#ties = [listen()];
    if (globalThis.ResizeObserver) this.#watch(new ResizeObserver(() => this.dirty()));
    if (globalThis.IntersectionObserver) {
      const seen = (entries: readonly IntersectionObserverEntry[]): void => {
        this.#inSight = entries.at(-1)?.isIntersecting ?? true;
        this.dirty();
      };
      this.#watch(new IntersectionObserver(seen));
    }
    return true;
  }

  sleep(): void {
    cancelAnimationFrame(this.#frame);
    clearTimeout(this.#late);
    clearTimeout(this.#unseen);
    this.#frame = 0;
    this.#late = this.#unseen = undefined;
    for (const undo of this.#ties ?? []) undo();
    this.#ties = undefined;
  }

  /** Draw in the next frame. */
  dirty(): void {
    if (!this.#ties) return;
    if (this.#inSight) this.#frame ||= requestAnimationFrame(() => this.#drawn());
    else this.#unseen ??= setTimeout(() => this.#drawn(), UNSEEN_MS);
  }

  /** Something came: draw it at once, or after a while where something was drawn just before. */
  came(): void {
    const wait = this.#drawnAt + CAME_MS - performance.now();
    if (wait <= 0 || !this.#inSight) this.dirty();
    else if (this.#ties && !this.#frame) this.#unseen ??= setTimeout(() => this.#drawn(), wait);
  }

  /** Do something soon, once however often it is asked for. */
  soon(act: () => void, ms: number): void {
    if (!this.#ties) return;
    this.#late ??= setTimeout(() => {
      this.#late = undefined;
      act();
    }, ms);
  }

  #drawn(): void {
    clearTimeout(this.#unseen);
    this.#frame = 0;
    this.#unseen = undefined;
    this.#drawnAt = performance.now();
    this.draw();
  }

  #watch(observer: ResizeObserver | IntersectionObserver): void {
    observer.observe(this.element);
    this.#ties?.push(() => observer.disconnect());
  }
}
