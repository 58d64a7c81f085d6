/** The whole view: what is above, beside and below the picture, and how it all stands. */

import { clean } from "../bytes.js";
import { type Feed, Static } from "../feed.js";
import type { Filter } from "../filter.js";
import type { Answer, Options } from "../protocol.js";
import { Reading } from "../reading.js";
import { Shown } from "../shown.js";
import { type Change, type Row, type Session, touched } from "../store.js";
import { Aside } from "./aside.js";
import { Calling } from "./calling.js";
import { Detail } from "./detail.js";
import { h } from "./dom.js";
import { frame } from "./frame.js";
import { press } from "./keys.js";
import { folded, miniHead } from "./mini.js";
import { Picture } from "./picture.js";
import { Player } from "./player.js";
import { Presence } from "./presence.js";
import type { Scroller } from "./scroller.js";
import { Stage } from "./stage.js";
import { Status } from "./status.js";
import { Table } from "./table.js";
import { Toolbar } from "./toolbar.js";
import { Walk } from "./walk.js";

const SLICE_MS = 6;
const ALSO_MS = 300;

/** How a view stands: more than it is told at first. */
export interface Standing extends Options {
  readonly follow?: boolean;
  readonly table?: boolean;
  readonly top?: number;
  readonly open?: boolean;
}

export class Flow {
  readonly element: HTMLElement;
  readonly shown: Shown;
  readonly reading = new Reading();
  readonly picture: Picture;
  readonly table: Table;
  readonly detail: Detail;
  readonly player: Player;
  readonly walk = new Walk(this);
  readonly #toolbar: Toolbar;
  readonly #status: Status;
  readonly #calling: Calling;
  readonly #aside: Aside;
  readonly #presence: Presence;
  /** What else is drawn when the Trace has grown. */
  readonly #also: (() => void)[] = [];
  /** Of a mini view, what unfolds it. */
  #fold: HTMLDetailsElement | undefined;
  #follow: boolean;
  /** Whether it speaks to a learner. */
  learns: boolean;
  #asTable = false;
  #seenChanges = 0;
  /** What is to be selected once the feed has brought it. */
  #wanted = 0;

  constructor(
    readonly feed: Feed,
    readonly options: Standing = {},
    /** What the kernel said in its place. */
    readonly told: readonly Node[] = [],
  ) {
    const { store } = feed;
    this.learns = options.preset === "learn";
    this.#follow = options.follow ?? !(feed.backend instanceof Static);
    this.shown = new Shown(store, options.scope ?? "", options.mini);
    const select = (row: Row, extend: boolean): void => this.select(row.seq, extend);
    const fold = (session: Session): void => this.fold(session);
    this.picture = new Picture(store, this.reading, this.shown.folds, { select, fold });
    this.table = new Table(store, select);
    this.detail = new Detail(store, feed.framing, {
      get live() {
        return feed.live;
      },
      resend: (row, edited) => this.#resend(row, edited),
      go: (seq) => this.select(seq, false, true),
      close: () => this.select(0),
    });
    this.player = new Player(new Stage(this));
    this.#calling = new Calling(feed, (answer) => this.#answered(answer));
    this.#aside = new Aside(feed, (seq, bytes) => {
      if (bytes) this.detail.layer = "bytes";
      this.#opened(seq);
      this.select(seq, false, true);
      this.detail.element.scrollIntoView?.({ block: "nearest" });
    });
    this.#status = new Status(feed);
    this.#toolbar = new Toolbar(this, options.query ?? "", this.player.element);
    const drawings = h("div.mf-shown", {}, this.picture.element, this.table.element);
    this.element = frame(
      () => this.#toolbar.focus(),
      this.#toolbar.element,
      this.#toolbar.wrong,
      this.#calling.element,
      h("div.mf-body", {}, drawings, this.detail.element),
      this.#aside.element,
      ...this.#status.elements,
    );
    this.#presence = new Presence(this.element, () => this.draw());
    this.#wire();
    this.#begin();
  }

  get filter(): Filter {
    return this.shown.filter;
  }

  #wire(): void {
    const { shown } = this;
    this.picture.source = this.table.source = {
      get count() {
        return shown.rows.length;
      },
      at: (index) => shown.rows[index],
      key: (row) => row.seq,
    };
    for (const port of [this.picture.port, this.table.element]) {
      const scrolled = (): void => {
        if (this.scroller.wentUp() && !this.player.active) this.follow(false);
        if (this.scroller.strayed) this.dirty();
      };
      port.addEventListener("scroll", scrolled, { passive: true });
      port.addEventListener("keydown", (event) => press(event, this));
    }
  }

  #begin(): void {
    const { options, element } = this;
    const { mini, compare } = options;
    const named = { docked: options.docked, big: options.big, mini, comparing: compare };
    for (const [name, is] of Object.entries(named))
      if (is !== undefined && is !== false) element.classList.add(`mf-${name}`);
    element.toggleAttribute("data-mini", mini !== undefined);
    if (options.height) element.style.setProperty("--height", `${options.height}px`);
    this.table.element.hidden = true;
    if (mini !== undefined) this.#mini(mini);
    if (compare) {
      this.#also.push(() => this.#aside.compare(compare, this.told));
      element.classList.toggle("mf-shut", !options.select);
    }
    this.#drawAlso();
    this.preset(this.learns);
    this.shown.advance(50);
    if (options.select && compare) this.#opened(options.select);
    if (options.select) this.#await(options.select);
    this.follow(this.#follow);
    if (options.table) this.asTable(true);
    if (options.top) this.scroller.park(options.top);
    this.#seenChanges = this.feed.changes;
  }

  /** Select a row, now or once the feed has brought it. */
  #await(seq: number): void {
    if (this.feed.store.at(seq)) this.select(seq, false, true);
    else {
      this.reading.go(seq, false);
      this.#wanted = seq;
    }
  }

  /** Of a comparison: once something of it is looked at, the flow of its connection comes. */
  #opened(seq: number): void {
    if (!this.options.compare) return;
    this.shown.only = this.feed.store.at(seq)?.session;
    this.element.classList.remove("mf-shut");
    this.query();
    while (!this.shown.advance(1000));
    this.draw();
  }

  #mini(seq: number): void {
    this.#follow = false;
    const summary = h("summary.mf-minihead");
    this.#also.push(() => {
      if (miniHead(summary, this.shown.exchange, seq) && !this.shown.current) this.query();
    });
    this.#fold = folded(this.element, summary, this.options.open === true, () => this.dirty());
  }

  #drawAlso(): void {
    for (const draw of this.#also) draw();
  }

  // ---- in the page, and out of it

  /** Begin to follow the feed, or go on: it is in the page, and is brought up to date. */
  wake(): this {
    const { feed } = this;
    const slept = this.#presence.wake(() => feed.listen((change) => this.#changed(change)));
    if (slept && this.#seenChanges !== feed.changes) {
      this.#changed("cleared");
      while (!this.shown.advance(1000));
      this.shown.sort();
    }
    this.dirty();
    return this;
  }

  /** Let go of the feed and draw no more: it is not in the page. What the reader did is kept. */
  sleep(): void {
    this.player.pause();
    this.#presence.sleep();
    this.#seenChanges = this.feed.changes;
    this.picture.scroller.park();
    this.table.scroller.park();
  }

  destroy(): void {
    this.sleep();
    this.player.leave();
    this.element.remove();
  }

  /** How it stands, for another view in its place. */
  state(): Standing {
    return {
      ...this.options,
      ...{ preset: this.learns ? "learn" : "dev", query: this.#toolbar.query },
      ...{ follow: this.#follow, select: this.reading.selected, table: this.#asTable },
      ...{ top: this.scroller.top, open: this.#fold?.open ?? false },
    };
  }

  #changed(change: Change | "cleared"): void {
    const { detail, picture, table } = this;
    this.shown.changed(change);
    if (this.#wanted && this.feed.store.at(this.#wanted)) {
      while (!this.shown.advance(1000));
      this.select(this.#wanted, false, true);
    }
    if (change === "cleared") {
      picture.scroller.stale();
      table.scroller.stale();
      if (!this.feed.store.at(this.reading.selected)) this.select(0);
    } else {
      this.#status.take(change.added);
      for (const seq of touched(change))
        for (const { scroller } of [picture, table]) scroller.remake(seq);
      const { row } = detail;
      if (row && change.replaced.some(({ link }) => link === row.link)) detail.draw();
    }
    if (this.#also.length) this.#presence.soon(() => this.#drawAlso(), ALSO_MS);
    if (this.#fold?.open !== false) this.#presence.came();
  }

  // ---- what is shown

  say(text: string): void {
    this.#status.say(text);
  }

  get scroller(): Scroller<Row> {
    return (this.#asTable ? this.table : this.picture).scroller;
  }

  /** Whether one connection is looked at at a time. */
  get #single(): boolean {
    return (this.learns || this.options.big === true) && this.options.mini === undefined;
  }

  query(): void {
    const { shown } = this;
    shown.road = this.#single ? this.#toolbar.chosen(shown.roads) : undefined;
    try {
      shown.query(this.#toolbar.query);
      this.#toolbar.complain();
    } catch (error) {
      this.#toolbar.complain(error);
    }
    this.picture.scroller.stale();
    this.table.scroller.stale();
    this.dirty();
  }

  dirty(): void {
    if (this.#fold?.open !== false) this.#presence.dirty();
  }

  draw(): void {
    const { shown, reading, feed } = this;
    if (this.#toolbar.roads(shown.roads) && this.#single) this.query();
    const done = shown.advance(SLICE_MS);
    this.#toolbar.live(feed.live);
    this.#toolbar.folds(feed.store.handshakes.size > 0, shown.unfolded, shown.folds.off);
    if (this.#asTable) {
      this.table.draw(this.#follow);
      this.table.paint(reading.selected);
    } else {
      const end = this.#follow && !this.player.active;
      this.picture.draw(shown.sessions, (row) => shown.placeOf(row), end, this.learns);
      this.picture.paint();
    }
    const selected = reading.span && shown.between(reading.span);
    this.#status.draw(shown.tally, reading.marked, selected, this.learns);
    this.scroller.settle();
    if (!done) this.dirty();
  }

  // ---- what the reader does

  select(seq: number, extend = false, reveal = false): void {
    this.#wanted = 0;
    this.reading.go(seq, extend);
    const row = this.feed.store.at(seq);
    if (row) this.follow(false);
    this.detail.show(extend ? undefined : row);
    if (reveal && row) this.scroller.reveal(this.shown.indexOf(seq));
    if (row) this.picture.show(row);
    this.dirty();
  }

  /** Open what is selected: a handshake that is folded, else its detail. */
  enter(): void {
    const row = this.feed.store.at(this.reading.selected);
    const tab = this.detail.element.querySelector<HTMLElement>('[aria-selected="true"]');
    if (row && row.handshake === row.seq) this.fold(row.session);
    else tab?.focus();
  }

  fold(session: Session): void {
    this.shown.folds.turn(session.key);
    this.query();
  }

  foldAll(): void {
    this.shown.folds.turnAll(!this.shown.unfolded);
    this.query();
  }

  follow(follow = !this.#follow): void {
    this.#follow = follow;
    this.#toolbar.pressed("follow", follow);
    this.dirty();
  }

  asTable(table = !this.#asTable): void {
    if (table === this.#asTable) return;
    this.#asTable = table;
    if (!table) this.shown.sort((this.#toolbar.order = "time"));
    this.table.element.hidden = !table;
    this.picture.element.hidden = table;
    this.#toolbar.pressed("table", table);
    this.scroller.stale();
    this.dirty();
  }

  sort(): void {
    const { order } = this.#toolbar;
    this.shown.sort(order);
    if (order !== "time") {
      this.follow(false);
      if (!this.#asTable) this.asTable(true);
    }
    this.table.scroller.stale();
    this.dirty();
  }

  preset(learn: boolean): void {
    this.learns = this.detail.learn = learn;
    this.element.classList.toggle("mf-learn", learn);
    this.element.classList.toggle("mf-one", this.#single);
    this.#toolbar.pressed("learn", learn);
    this.#toolbar.pressed("dev", !learn);
    this.#toolbar.roads(this.shown.roads);
    this.detail.draw();
    this.query();
  }

  diff(): void {
    const { reading } = this;
    reading.marked = this.#aside.pick(reading.marked, reading.selected);
    this.dirty();
  }

  // ---- what the kernel does

  async #resend(row: Row, edited?: string): Promise<void> {
    const what = edited === undefined ? {} : { edited };
    this.#answered(await this.feed.do({ type: "resend", seq: row.seq, ...what }));
  }

  call(): void {
    this.#calling.toggle();
  }

  #answered(answer: Answer): void {
    const text = clean(answer.text ?? (answer.ok ? "Done." : "It did not work."), 300);
    this.#status.say(text);
    if (!answer.ok) this.#toolbar.wrong.textContent = text;
    if (answer.seq) this.select(answer.seq, false, true);
  }
}
