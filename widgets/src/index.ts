/** The way in: the feed of a notebook, or a page that was saved. What is said: `protocol.ts`. */

import type { AnyModel, RenderProps } from "@anywidget/types";
import { door, type Known } from "./door.js";
import { defineElements, optionsOf } from "./elements.js";
import { Feed, Live, Static } from "./feed.js";
import type { Options } from "./protocol.js";
import { Flow } from "./view/flow.js";

const idOf = (model: AnyModel): string => String(model.get("feed") ?? "");

/** The feed lives as long as its model. */
function initialize({ model }: { model: AnyModel }): () => void {
  const feed = new Feed(new Live(model)).open();
  const leave = door.add(idOf(model), { feed, model });
  return () => {
    leave();
    feed.close();
  };
}

/** A feed that is itself displayed is a view too. */
function render({ model, el }: Pick<RenderProps, "model" | "el">): () => void {
  let flow: Flow | undefined;
  const unwatch = door.watch(idOf(model), (known: Known | undefined) => {
    if (!known || flow?.feed === known.feed) return;
    flow?.destroy();
    flow = new Flow(known.feed, (model.get("options") ?? {}) as Options);
    el.replaceChildren(flow.element);
    flow.wake();
  });
  return () => {
    unwatch();
    flow?.destroy();
  };
}

/** A page that was saved: the Trace stands in it. */
export function mountSaved(within: ParentNode): Flow[] {
  return [...within.querySelectorAll<HTMLScriptElement>("script[data-mcp-flow]")].map((script) => {
    const feed = new Feed(new Static(script.textContent ?? "")).open();
    const flow = new Flow(feed, optionsOf(script.dataset.mcpFlow));
    script.replaceWith(flow.element);
    return flow.wake();
  });
}

door.widget ??= { initialize, render };
defineElements();
if (typeof document !== "undefined") mountSaved(document);
export default door.widget;
