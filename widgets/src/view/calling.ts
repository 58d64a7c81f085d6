/** Calling a tool from the view: connection, tool, its form. */

import { clean } from "../bytes.js";
import { asObj, type Obj } from "../envelope.js";
import type { Feed } from "../feed.js";
import type { Answer } from "../protocol.js";
import { envelopesOf, type Session } from "../store.js";
import { button, h } from "./dom.js";
import { type Field, members } from "./form.js";

export class Calling {
  readonly element = h("section.mf-calling", { "aria-label": "Call a tool", hidden: true });
  readonly #said = h("p.mf-note", { role: "status" });

  constructor(
    readonly feed: Feed,
    readonly done: (answer: Answer) => void,
  ) {}

  toggle(): void {
    this.element.hidden = !this.element.hidden;
    if (!this.element.hidden) this.#draw();
  }

  #draw(): void {
    const { store } = this.feed;
    const sessions = [...store.sessions.values()].filter(
      (one) => one.vantage === "client" && one.open > 0 && store.at(one.listed),
    );
    if (!sessions.length) {
      this.element.replaceChildren(
        h("p.mf-note", {}, "No open connection has listed its tools: %mcp tools"),
      );
      return;
    }
    const conn = h("select", { "aria-label": "Connection" });
    sessions.forEach((one, i) => {
      conn.append(h("option", { value: i }, clean(one.conn, 60)));
    });
    const tool = h("select", { "aria-label": "Tool" });
    const form = h("div");
    let tools: Obj[] = [];
    let fields: Field | undefined;
    const drawForm = (): void => {
      const chosen = tools[Number(tool.value)];
      const schema = asObj(chosen?.inputSchema) ?? {};
      fields = members(schema);
      const about =
        typeof chosen?.description === "string"
          ? h("p", {}, clean(chosen.description, 300))
          : undefined;
      form.replaceChildren(...(about ? [about] : []), fields.element);
    };
    const drawTools = (): void => {
      tools = toolsOf(sessions[Number(conn.value)], this.feed);
      tool.replaceChildren(
        ...tools.map((one, i) => h("option", { value: i }, clean(one.name, 60))),
      );
      drawForm();
    };
    conn.addEventListener("change", drawTools);
    tool.addEventListener("change", drawForm);
    drawTools();
    const call = button("Call", () => {
      try {
        const given = asObj(fields?.value()) ?? {};
        const name = String(tools[Number(tool.value)]?.name ?? "");
        this.#call(sessions[Number(conn.value)]?.conn ?? "", name, given);
      } catch (error) {
        this.#said.textContent = (error as Error).message;
      }
    });
    this.element.replaceChildren(h("div.mf-copies", {}, conn, tool), form, call, this.#said);
  }

  async #call(conn: string, tool: string, given: Obj): Promise<void> {
    this.#said.textContent = "called …";
    const answer = await this.feed.do({ type: "call", conn, tool, arguments: given });
    this.#said.textContent = clean(answer.text ?? (answer.ok ? "done" : "it did not work"), 200);
    this.done(answer);
  }
}

function toolsOf(session: Session | undefined, feed: Feed): Obj[] {
  const row = session && feed.store.at(session.listed);
  const listed =
    row && envelopesOf(row).find((one) => Array.isArray(one.result?.tools))?.result?.tools;
  return (Array.isArray(listed) ? listed : []).flatMap((one) => {
    const tool = asObj(one);
    return tool ? [tool] : [];
  });
}
