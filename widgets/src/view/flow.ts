/** The whole view: toolbar, picture or table, detail, and what the keys do. */

import { clean, countText, durationText, sizeText } from "../bytes.js";
import type { Exchange } from "../exchange.js";
import type { Feed } from "../feed.js";
import { Filter } from "../filter.js";
import { totalOf } from "../measure.js";
import { ORDERS, type Order, sorted } from "../order.js";
import type { Answer, Options } from "../protocol.js";
import { completions, parse, QueryError, type Word } from "../query.js";
import type { Change, Row, Session } from "../store.js";
import { Calling } from "./calling.js";
import { compareView, diffView } from "./compare.js";
import { Detail } from "./detail.js";
import { button, h } from "./dom.js";
import { miniHead } from "./mini.js";
import { Picture } from "./picture.js";
import { Player } from "./player.js";
import { Table } from "./table.js";

const SLICE_MS = 6;
const ANNOUNCE_MS = 3000;
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
  readonly filter: Filter;
  readonly picture: Picture;
  readonly table: Table;
  readonly detail: Detail;
  readonly player: Player;
  readonly #calling: Calling;
  readonly #box: HTMLInputElement;
  readonly #wrong = h("p.mf-wrong", { role: "alert" });
  readonly #status = h("div.mf-statusbar");
  readonly #live = h("div.mf-offstage", { "aria-live": "polite", role: "status" });
  readonly #extra = h("div.mf-extra", { hidden: true });
  readonly #buttons: Record<string, HTMLButtonElement> = {};
  readonly #order: HTMLSelectElement;
  readonly #words = h("datalist");
  /** What else is drawn when the Trace has grown. */
  readonly #also: (() => void)[] = [];
  #alsoDue = 0;
  readonly #shown: HTMLElement;
  /** Undoes what ties it to the feed and the page; while it sleeps there is nothing to undo. */
  #ties: (() => void)[] | undefined;
  #seenChanges = 0;
  #selected = 0;
  #marked = 0;
  #anchor = 0;
  #span: readonly [number, number] | undefined;
  #follow: boolean;
  #learn: boolean;
  #asTable = false;
  #unfolded = new Set<string>();
  #sorted: Row[] | undefined;
  #sessions = new Set<Session>();
  #sessionsOf = 0;
  #frame = 0;
  #announced = -Infinity;
  #pendingErrors = 0;
  #pendingEnds = 0;
  #future = Infinity;
  #scope: Word[] = [];
  #only: Exchange | undefined;
  /** The connection the learner looks at. */
  readonly #road = h("select.mf-learnonly", { "aria-label": "Connection" });

  constructor(
    readonly feed: Feed,
    readonly options: Standing = {},
  ) {
    const { store } = feed;
    this.#learn = options.preset === "learn";
    this.#follow = options.follow ?? feed.backend.live;
    this.filter = new Filter(store);
    const select = (row: Row, extend: boolean): void => this.select(row.seq, extend);
    this.picture = new Picture(store, { select, fold: (session) => this.#fold(session) });
    this.table = new Table(store, select);
    this.detail = new Detail(store, feed.framing, {
      live: feed.backend.live,
      resend: (row, edited) => this.#resend(row, edited),
      go: (seq) => this.select(seq, false, true),
      close: () => this.select(0, false),
    });
    this.player = new Player({
      rows: () => this.filter.shown,
      from: () => this.#selected,
      show: (row, flying) => this.#playing(row, flying),
      leave: () => this.#left(),
    });
    this.#calling = new Calling(feed, (answer) => this.#answered(answer));
    const words = `mcp-flow-words-${Math.random().toString(36).slice(2)}`;
    this.#words.id = words;
    this.#box = h("input", {
      ...{ type: "search", class: "mf-filter", "data-testid": "mcp-flow-filter", list: words },
      ...{
        placeholder: "filter: tool:add status:error slow:>100ms text",
        "aria-label": "Filter",
        spellcheck: "false",
      },
    });
    this.#box.value = options.query ?? "";
    this.#box.addEventListener("input", () => this.#query());
    this.#box.addEventListener("focus", () => this.#complete());
    this.#order = h("select", { "aria-label": "Order" });
    for (const [order, text] of Object.entries(ORDERS))
      this.#order.append(h("option", { value: order }, text));
    this.#order.addEventListener("change", () => this.#sort());
    this.#shown = h("div.mf-shown", {}, this.picture.element, this.table.element);
    this.element = h(
      "div",
      {
        ...{ class: "mcp-flow", "data-testid": "mcp-flow", "data-lm-suppress-shortcuts": "true" },
        ...{ role: "region", "aria-label": "MCP messages" },
      },
      this.#toolbar(),
      this.#wrong,
      this.#calling.element,
      h("div.mf-body", {}, this.#shown, this.detail.element),
      this.#extra,
      this.#status,
      this.#live,
      this.#words,
    );
    if (options.docked) this.element.classList.add("mf-docked");
    if (options.height) this.element.style.setProperty("--height", `${options.height}px`);
    this.table.element.hidden = true;
    this.#wire();
    this.#begin();
  }

  /** Begin to follow the feed, or go on: it is in the page, and is brought up to date. */
  wake(): this {
    if (this.#ties) return this;
    const { feed } = this;
    this.#ties = [feed.listen((change) => this.#changed(change))];
    if (typeof ResizeObserver === "function") {
      const seen = new ResizeObserver(() => this.#dirty());
      seen.observe(this.element);
      this.#ties.push(() => seen.disconnect());
    }
    if (this.#seenChanges !== feed.changes) {
      this.#changed("cleared");
      while (!this.filter.advance(1000));
      if (this.#sorted) this.#sort();
    }
    this.#dirty();
    return this;
  }

  /** Let go of the feed and draw no more: it is not in the page. What the reader did is kept. */
  sleep(): void {
    cancelAnimationFrame(this.#frame);
    clearTimeout(this.#alsoDue);
    this.#frame = this.#alsoDue = 0;
    this.player.pause();
    for (const undo of this.#ties ?? []) undo();
    this.#ties = undefined;
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
      ...{ preset: this.#learn ? "learn" : "dev", query: this.#box.value, follow: this.#follow },
      ...{ select: this.#selected, table: this.#asTable },
      top: (this.#asTable ? this.table : this.picture).scroller.top,
      open: this.element.querySelector<HTMLDetailsElement>(".mf-fold")?.open ?? false,
    };
  }

  // ---- what is shown

  #begin(): void {
    const { options } = this;
    try {
      this.#scope = parse(options.scope ?? "");
    } catch {
      this.#scope = [];
    }
    if (options.mini !== undefined) this.#mini(options.mini);
    if (options.compare) this.#compare();
    this.#drawRoads();
    this.#preset(this.#learn);
    this.filter.advance(50);
    if (options.select) this.select(options.select, false, true);
    if (options.follow) this.#setFollow(true);
    if (options.table) this.#setTable(true);
    if (options.top) (this.#asTable ? this.table : this.picture).scroller.park(options.top);
    this.#seenChanges = this.feed.changes;
  }

  #mini(seq: number): void {
    this.element.classList.add("mf-mini");
    this.#follow = false;
    const fill = (): void => {
      const exchange = this.feed.store.at(seq)?.exchanges.find((one) => one.seq === seq);
      this.#only = exchange;
    };
    fill();
    const summary = h("summary.mf-minihead");
    const draw = (): void => {
      fill();
      summary.replaceChildren(...miniHead(this.#only, seq, this.feed.store));
    };
    const details = h("details.mf-fold", {}, summary, ...this.element.childNodes);
    details.open = this.options.open === true;
    this.element.append(details);
    details.addEventListener("toggle", () => this.#dirty());
    draw();
    this.#also.push(draw);
  }

  #compare(): void {
    const draw = (): void => {
      const view = compareView(
        this.options.compare ?? [],
        this.feed.store,
        this.feed.framing,
        (seq, bytes) => {
          if (bytes) this.detail.layer = "bytes";
          this.select(seq, false, true);
        },
      );
      this.#extra.replaceChildren(view);
    };
    this.#extra.hidden = false;
    this.element.classList.add("mf-comparing");
    draw();
    this.#also.push(draw);
  }

  #toolbar(): HTMLElement {
    const add = (
      name: string,
      text: string,
      title: string,
      act: () => void,
      toggles = false,
    ): HTMLButtonElement => {
      const made = button(text, act, {
        title,
        "aria-label": title,
        "aria-pressed": toggles ? "false" : undefined,
      });
      this.#buttons[name] = made;
      return made;
    };
    this.#road.addEventListener("change", () => this.#query());
    const learn = add(
      "learn",
      "Learn",
      "Learn: plain words, few lanes, step by step",
      () => this.#preset(true),
      true,
    );
    const dev = add("dev", "Dev", "Dev: filter, errors, sorting", () => this.#preset(false), true);
    const bar = h(
      "div.mf-toolbar",
      { role: "toolbar", "aria-label": "Flow" },
      this.#box,
      h("span.mf-pair", {}, learn, dev),
      this.#road,
      add("follow", "Follow", "Follow what comes (f)", () => this.#setFollow(!this.#follow), true),
      add("error", "Next error", "Jump to the next error (e)", () => this.nextError()),
      add("table", "Table", "Show as a table (t)", () => this.#setTable(!this.#asTable), true),
      this.#order,
    );
    const mark = add(
      "diff",
      "Compare",
      "Pick this exchange, then another, to compare them (d)",
      () => this.#diff(),
    );
    bar.append(mark);
    for (const one of [mark, this.#buttons.error, this.#buttons.table, this.#order])
      one?.classList.add("mf-devonly");
    if (this.feed.backend.live) {
      bar.append(
        add("call", "Call a tool", "Call a tool with a form", () => this.#calling.toggle()),
      );
    }
    bar.append(this.player.element);
    return bar;
  }

  #wire(): void {
    this.picture.source = this.table.source = {
      ...{ at: (index: number) => this.#rows[index], key: (row: Row) => row.seq },
      count: 0,
    };
    const count = { get: () => this.#rows.length };
    Object.defineProperty(this.picture.scroller.source, "count", count);
    for (const port of [this.picture.port, this.table.element]) {
      port.addEventListener(
        "scroll",
        () => {
          const { scroller } = this.#asTable ? this.table : this.picture;
          if (this.#follow && !scroller.atEnd && !this.player.active) this.#setFollow(false);
          this.#dirty();
        },
        { passive: true },
      );
      port.addEventListener("keydown", (event) => this.#key(event));
    }
    this.element.addEventListener("keydown", (event) => {
      if (
        event.key === "/" &&
        !/^(INPUT|TEXTAREA|SELECT)$/.test((event.target as HTMLElement).tagName)
      ) {
        event.preventDefault();
        this.#box.focus();
      }
      event.stopPropagation();
    });
  }

  get #rows(): readonly Row[] {
    return this.#sorted ?? this.filter.shown;
  }

  #changed(change: Change | "cleared"): void {
    if (change === "cleared") {
      this.filter.restart();
      this.#sessions.clear();
      this.#sessionsOf = 0;
      this.picture.scroller.stale();
      this.table.scroller.stale();
      if (this.#selected && !this.feed.store.at(this.#selected)) this.select(0, false);
    } else {
      this.filter.changed(change);
      for (const row of change.added) {
        if (row.link.twin) continue;
        if (row.failed) this.#pendingErrors++;
        else if (row.kind === "response" && row.exchanges[0]?.method === "tools/call")
          this.#pendingEnds++;
      }
      for (const exchange of change.turned) this.picture.scroller.remake(exchange.seq);
      if (change.retwinned !== undefined || change.removed) this.#sessionsOf = 0;
    }
    if (this.#also.length) {
      this.#alsoDue ||= Number(
        setTimeout(() => {
          this.#alsoDue = 0;
          for (const draw of this.#also) draw();
        }, ALSO_MS),
      );
    }
    this.#dirty();
  }

  #query(): void {
    try {
      const words = parse(this.#box.value);
      const { rounds } = this.#only ?? {};
      const road = this.#learn && !rounds ? this.#session() : undefined;
      const only = rounds
        ? (row: Row) => row.exchanges.some((one) => one.rounds === this.#only?.rounds)
        : (row: Row) =>
            !road || (row.session === road && row.kind !== "opened" && row.kind !== "closed");
      this.filter.set({
        words,
        scope: this.#scope,
        unfolded: rounds ? true : this.#unfolded,
        only,
      });
      this.#wrong.textContent = "";
      this.#box.removeAttribute("aria-invalid");
    } catch (error) {
      if (!(error instanceof QueryError)) throw error;
      this.#wrong.textContent = clean(`${error.message}. ${error.hint}`, 300);
      this.#box.setAttribute("aria-invalid", "true");
    }
    this.#sessionsOf = 0;
    this.#sessions.clear();
    if (this.#sorted) this.#sort();
    this.picture.scroller.stale();
    this.#dirty();
  }

  #complete(): void {
    const typed = completions(this.feed.store.rows.slice(-2000));
    this.#words.replaceChildren(...typed.map((value) => h("option", { value })));
  }

  // ---- drawing

  #dirty(): void {
    if (this.#ties) this.#frame ||= requestAnimationFrame(() => this.draw());
  }

  draw(): void {
    this.#frame = 0;
    const done = this.filter.advance(SLICE_MS);
    const shown = this.filter.shown;
    for (; this.#sessionsOf < shown.length; this.#sessionsOf++)
      this.#sessions.add(shown[this.#sessionsOf]!.session);
    this.#sessionsOf = shown.length;
    if (this.#asTable) {
      this.table.draw(this.#follow);
      this.table.paint(this.#selected);
    } else {
      this.picture.seen = this.#seen();
      const end = this.#follow && !this.player.active;
      this.picture.draw(this.#inSight(), (row) => this.#placeOf(row), end);
      this.picture.paint();
    }
    this.#drawRoads();
    this.#drawStatus();
    this.#announce();
    if (!done) this.#dirty();
  }

  /** The sessions that have lanes: in the learner's picture one, with at most four lanes. */
  #inSight(): Iterable<Session> {
    const road = this.#learn && !this.#only ? this.#session() : undefined;
    return road ? [road] : this.#sessions;
  }

  #roads(): Session[] {
    const all = [...this.feed.store.sessions.values()];
    const clients = all.filter((one) => one.vantage === "client");
    return clients.length ? clients : all;
  }

  #session(): Session | undefined {
    const roads = this.#roads();
    return roads.find((one) => one.key === this.#road.value) ?? roads.at(-1);
  }

  #drawRoads(): void {
    const roads = this.#roads();
    if (this.#road.options.length === roads.length) return;
    const chosen = this.#road.value;
    this.#road.replaceChildren(
      ...roads.map(({ key, conn }) => h("option", { value: key }, clean(conn, 40))),
    );
    this.#road.value = chosen || (this.#session()?.key ?? "");
    if (this.#learn) this.#query();
  }

  #seen() {
    return {
      ...{ selected: this.#selected, marked: this.#marked, span: this.#span },
      ...{ future: this.#future, learn: this.#learn },
    };
  }

  #placeOf(row: Row): number {
    const index = this.filter.indexOf(row.seq);
    return this.filter.shown[index]?.seq === row.seq ? index : -1;
  }

  #drawStatus(): void {
    const { store } = this.feed;
    const parts = [
      `${countText(this.#rows.length, "row")} of ${countText(store.messages, "message")}`,
    ];
    if (store.errors) parts.push(countText(store.errors, "error"));
    const gone = store.dropped + store.droppedBefore;
    if (gone) parts.push(`${countText(gone, "older event")} dropped`);
    if (this.feed.bad) parts.push(`${countText(this.feed.bad, "line")} could not be read`);
    if (this.#marked) parts.push(`comparing #${this.#marked} with: select another, press d`);
    if (this.#span) {
      const [low, high] = this.#span;
      const rows = this.filter.shown.slice(this.filter.indexOf(low), this.filter.indexOf(high + 1));
      const total = totalOf(rows);
      parts.unshift(
        `selected ${countText(total.messages, "message")}, ${durationText(total.ns)}, ${sizeText(total.bytes)}`,
      );
    }
    const text = parts.join("  ·  ");
    if (this.#status.textContent !== text) this.#status.textContent = text;
  }

  #announce(): void {
    const now = performance.now();
    if (!(this.#pendingErrors + this.#pendingEnds) || now - this.#announced < ANNOUNCE_MS) return;
    this.#announced = now;
    const ends = this.#pendingEnds ? `${countText(this.#pendingEnds, "call")} ended. ` : "";
    const errors = this.#pendingErrors ? `${countText(this.#pendingErrors, "error")}.` : "";
    this.#live.textContent = ends + errors;
    this.#pendingEnds = this.#pendingErrors = 0;
  }

  // ---- what the reader does

  select(seq: number, extend: boolean, reveal = false): void {
    if (extend && this.#anchor) {
      this.#span = [Math.min(this.#anchor, seq), Math.max(this.#anchor, seq)];
    } else {
      this.#anchor = seq;
      this.#span = undefined;
    }
    this.#selected = seq;
    const row = this.feed.store.at(seq);
    if (row && seq) this.#setFollow(false);
    this.detail.learn = this.#learn;
    this.detail.show(extend ? undefined : row);
    if (reveal && row) {
      const { scroller } = this.#asTable ? this.table : this.picture;
      scroller.reveal(this.#sorted ? this.#sorted.indexOf(row) : this.filter.indexOf(seq));
    }
    this.#dirty();
  }

  move(by: number, extend = false): void {
    const rows = this.#rows;
    const row = this.feed.store.at(this.#selected);
    const at =
      this.#sorted && row ? this.#sorted.indexOf(row) : this.filter.indexOf(this.#selected);
    const to = Math.min(
      Math.max(this.#selected ? at + by : by < 0 ? rows.length - 1 : 0, 0),
      rows.length - 1,
    );
    const next = rows[to];
    if (next) this.select(next.seq, extend, true);
  }

  nextError(): void {
    const shown = this.filter.shown;
    const from = this.filter.indexOf(this.#selected + 1);
    const found = shown.slice(from).find((row) => row.failed) ?? shown.find((row) => row.failed);
    if (found) this.select(found.seq, false, true);
    else this.#live.textContent = "There is no error.";
  }

  #key(event: KeyboardEvent): void {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const page = Math.max(1, Math.floor(this.picture.port.clientHeight / 36) - 2);
    const acts: Readonly<Record<string, () => void>> = {
      ArrowDown: () => this.move(1, event.shiftKey),
      ArrowUp: () => this.move(-1, event.shiftKey),
      PageDown: () => this.move(page, event.shiftKey),
      PageUp: () => this.move(-page, event.shiftKey),
      Home: () => this.move(-1e9, event.shiftKey),
      End: () => this.move(1e9, event.shiftKey),
      Escape: () => (this.player.active ? this.player.leave() : this.select(0, false)),
      " ": () => this.player.toggle(),
      ".": () => this.player.step(1),
      ",": () => this.player.step(-1),
      ArrowRight: () => this.player.step(1),
      ArrowLeft: () => this.player.step(-1),
      Enter: () => this.#enter(),
      e: () => this.nextError(),
      f: () => this.#setFollow(!this.#follow),
      t: () => this.#setTable(!this.#asTable),
      d: () => this.#diff(),
    };
    const act = acts[event.key];
    if (!act) return;
    event.preventDefault();
    act();
  }

  #enter(): void {
    const row = this.feed.store.at(this.#selected);
    if (!row) return;
    if (row.handshake === row.seq) this.#fold(row.session);
    this.detail.element.querySelector<HTMLElement>('[role="tab"][aria-selected="true"]')?.focus();
  }

  #fold(session: Session): void {
    if (!this.#unfolded.delete(session.key)) this.#unfolded.add(session.key);
    this.#query();
  }

  #setFollow(follow: boolean): void {
    this.#follow = follow;
    this.#buttons.follow?.setAttribute("aria-pressed", String(follow));
    this.#dirty();
  }

  #setTable(table: boolean): void {
    this.#asTable = table;
    if (!table && this.#order.value !== "time") {
      this.#order.value = "time";
      this.#sort();
    }
    this.table.element.hidden = !table;
    this.picture.element.hidden = table;
    this.#buttons.table?.setAttribute("aria-pressed", String(table));
    (table ? this.table : this.picture).scroller.stale();
    this.#dirty();
  }

  #sort(): void {
    const order = this.#order.value as Order;
    if (order === "time") this.#sorted = undefined;
    else {
      while (!this.filter.advance(1000));
      this.#sorted = sorted(this.filter.shown, order);
      this.#setFollow(false);
      if (!this.#asTable) this.#setTable(true);
    }
    this.table.scroller.stale();
    this.#dirty();
  }

  #preset(learn: boolean): void {
    this.#learn = this.detail.learn = learn;
    this.element.classList.toggle("mf-learn", learn);
    this.#buttons.learn?.setAttribute("aria-pressed", String(learn));
    this.#buttons.dev?.setAttribute("aria-pressed", String(!learn));
    this.detail.draw();
    this.#query();
  }

  #diff(): void {
    const row = this.feed.store.at(this.#selected);
    const one = row?.exchanges[0];
    const other = this.feed.store.at(this.#marked)?.exchanges[0];
    if (!one || !other || one === other) {
      this.#marked = other && one === other ? 0 : (one?.seq ?? 0);
      this.#extra.hidden = true;
    } else {
      const view = diffView(other, one, this.feed.store, this.feed.framing, (seq, bytes) => {
        if (bytes) this.detail.layer = "bytes";
        this.select(seq, false, true);
      });
      const close = button("Close the comparison", () => (this.#extra.hidden = true));
      this.#extra.replaceChildren(close, view);
      this.#extra.hidden = false;
      this.#marked = 0;
    }
    this.#dirty();
  }

  // ---- slow motion

  #playing(row: Row | undefined, flying: readonly { row: Row; part: number }[]): void {
    if (row && this.#future !== row.seq) {
      this.#future = row.seq;
      this.#selected = row.seq;
      this.#anchor = row.seq;
      if (this.#asTable) this.#setTable(false);
      this.#setFollow(false);
      if (this.#learn || !this.detail.element.hidden) this.detail.show(row);
      this.picture.scroller.reveal(this.#placeOf(row));
      this.draw();
    }
    this.picture.fly(flying, (one) => this.#placeOf(one));
  }

  #left(): void {
    this.#future = Infinity;
    this.picture.fly([], () => -1);
    this.#dirty();
  }

  // ---- what the kernel does

  async #resend(row: Row, edited?: string): Promise<void> {
    const what = edited === undefined ? {} : { edited };
    this.#answered(await this.feed.do({ type: "resend", seq: row.seq, ...what }));
  }

  #answered(answer: Answer): void {
    const text = answer.text ?? (answer.ok ? "Done." : "It did not work.");
    this.#live.textContent = clean(text, 200);
    if (!answer.ok) this.#wrong.textContent = clean(text, 300);
    if (answer.seq) this.select(answer.seq, false, true);
  }
}
