/** Calling a tool from the view: connection, tool, its form, and what came of it. */

import { clean } from "../bytes.js";
import { asObj, type Obj } from "../envelope.js";
import type { Feed } from "../feed.js";
import { written } from "../jsontree.js";
import type { Answer } from "../protocol.js";
import { envelopesOf, type Session, type Store } from "../store.js";
import { outcome } from "./columns.js";
import { button, h } from "./dom.js";
import { type Field, members } from "./form.js";

export class Calling {
  readonly element = h("section.mf-calling", { "aria-label": "Call a tool", hidden: true });
  readonly #said = h("p.mf-note", { role: "status" });
  readonly #conn = h("select", { "aria-label": "Connection" });
  readonly #tool = h("select", { "aria-label": "Tool" });
  readonly #form = h("div");
  readonly #none = h("p.mf-note");
  readonly #chooser = h("div.mf-copies", {}, this.#conn, this.#tool);
  readonly #call = button("Call", () => this.#send());
  readonly #show = button("Show it", () => undefined, { hidden: true });
  /** Forms that were begun: what was typed is there again. */
  readonly #forms = new Map<string, Field>();
  #sessions: readonly Session[] = [];
  #tools: readonly Obj[] = [];
  #field: Field | undefined;

  constructor(
    readonly feed: Feed,
    readonly done: (answer: Answer) => void,
  ) {
    this.#conn.addEventListener("change", () => this.#drawTools());
    this.#tool.addEventListener("change", () => this.#drawForm());
    this.element.append(
      this.#none,
      this.#chooser,
      this.#form,
      h("div.mf-copies", {}, this.#call, this.#show),
      this.#said,
    );
  }

  toggle(): void {
    this.element.hidden = !this.element.hidden;
    if (this.element.hidden) return;
    this.#draw();
    (this.#sessions.length ? this.#conn : this.element).focus();
  }

  #draw(): void {
    const { store } = this.feed;
    this.#sessions = [...store.sessions.values()].filter(
      (one) => one.vantage === "client" && one.open > 0,
    );
    this.#chooser.hidden = !this.#sessions.length;
    const before = this.#conn.value;
    fill(
      this.#conn,
      this.#sessions.map((one) => one.conn),
    );
    this.#conn.value = this.#sessions.some((_, i) => String(i) === before) ? before : "0";
    this.#drawTools();
  }

  #hint(): string {
    const conn = this.#session?.conn;
    if (conn === undefined) return "No connection is open. Type %mcp connect in a cell.";
    const name = /^[\w.-]+$/.test(conn) ? ` --on ${conn}` : "";
    return `No list of the tools of ${clean(conn, 40)} is in the Trace. Type %mcp tools${name} in a cell, then open this again.`;
  }

  get #session(): Session | undefined {
    return this.#sessions[Number(this.#conn.value)];
  }

  #drawTools(): void {
    const before = this.#tools[Number(this.#tool.value)]?.name;
    this.#tools = this.#session ? toolsOf(this.#session, this.feed.store) : [];
    fill(
      this.#tool,
      this.#tools.map((one) => one.name),
    );
    const some = this.#tools.length > 0;
    for (const part of [this.#tool, this.#form, this.#call]) part.hidden = !some;
    // it may have listed them, and the list has left the Trace
    const again = this.#tools.findIndex((one) => one.name === before);
    this.#none.textContent = some ? "" : this.#hint();
    this.#tool.value = String(Math.max(0, again));
    this.#drawForm();
  }

  #drawForm(): void {
    const tool = this.#tools[Number(this.#tool.value)];
    if (!tool) return;
    const schema = asObj(tool.inputSchema) ?? {};
    // another schema is another form, even under the same name
    const key = JSON.stringify([this.#session?.key, tool.name, schema]);
    this.#field = this.#forms.get(key) ?? members(schema);
    this.#forms.set(key, this.#field);
    const about =
      typeof tool.description === "string" ? [h("p", {}, clean(tool.description, 300))] : [];
    this.#form.replaceChildren(...about, this.#field.element);
    this.#say("");
  }

  #say(text: string): void {
    this.#said.textContent = clean(text, 300);
    this.#show.hidden = true;
  }

  async #send(): Promise<void> {
    const conn = this.#session?.conn ?? "";
    const tool = String(this.#tools[Number(this.#tool.value)]?.name ?? "");
    let given: Obj;
    try {
      given = (this.#field?.value() ?? {}) as Obj;
    } catch (error) {
      this.#say(`Not called. ${(error as Error).message}`);
      const wrong = this.#form.querySelector<HTMLElement>('[aria-invalid="true"]');
      const input = wrong?.matches("input, select, textarea")
        ? wrong
        : wrong?.querySelector<HTMLElement>("input, select, textarea, button");
      input?.focus();
      return;
    }
    this.#say(`${tool} is called …`);
    this.#call.disabled = true;
    const text = written(given);
    const what = text === JSON.stringify(given) ? { arguments: given } : { text };
    const answer = await this.feed.do({ type: "call", conn, tool, ...what });
    this.#call.disabled = false;
    const { store } = this.feed;
    const exchange = answer.seq === undefined ? undefined : store.at(answer.seq)?.exchanges[0];
    const came = exchange?.answers.length ? outcome(exchange, store) : undefined;
    const said = answer.text ?? (answer.ok ? came : undefined);
    this.#say(`${tool}: ${said ?? (answer.ok ? "called" : "it did not work")}`);
    if (!answer.seq) return;
    this.#show.hidden = false;
    this.#show.textContent = `Show #${answer.seq}`;
    this.#show.onclick = () => this.done(answer);
    this.done(answer);
  }
}

const fill = (select: HTMLSelectElement, names: readonly unknown[]): void =>
  select.replaceChildren(...names.map((name, i) => h("option", { value: i }, clean(name, 60))));

/** The tools a connection last listed, page after page; what came later under a name counts. */
export function toolsOf(session: Session, store: Store): Obj[] {
  const found = new Map<unknown, Obj>();
  const rows = [...store.links.values()]
    .filter((link) => link.session === session)
    .flatMap((link) => link.rows);
  for (const row of rows.sort((a, b) => a.seq - b.seq)) {
    const asked = row.exchanges[0]?.request;
    if (row.exchanges[0]?.method !== "tools/list" || row === asked) continue;
    const listed = envelopesOf(row)[0]?.result?.tools;
    if (!asked || !Array.isArray(listed)) continue;
    if (envelopesOf(asked)[0]?.params?.cursor === undefined) found.clear();
    for (const one of listed) {
      const tool = asObj(one);
      if (typeof tool?.name === "string") found.set(tool.name, tool);
    }
  }
  return [...found.values()];
}
