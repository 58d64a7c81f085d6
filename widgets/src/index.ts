/** The way in: a widget of a notebook, or a page that was saved. What is said: `protocol.ts`. */

import type { AnyModel, RenderProps } from "@anywidget/types";
import { Feed, Live, Static } from "./feed.js";
import type { Options } from "./protocol.js";
import { Flow } from "./view/flow.js";

interface Door {
  ready?: Promise<unknown>;
  open?: (door: unknown) => void;
  readonly feeds: Map<string, { feed: Promise<Feed>; found: (feed: Feed) => void }>;
}

const DOOR = Symbol.for("mcp_notebook.flow");
const page = globalThis as unknown as Record<symbol, Partial<Door> | undefined>;
const door = (page[DOOR] ??= {}) as Door;

function feedOf(id: string): { feed: Promise<Feed>; found: (feed: Feed) => void } {
  const feeds = ((door as { feeds?: Door["feeds"] }).feeds ??= new Map());
  let known = feeds.get(id);
  if (!known) {
    let found: (feed: Feed) => void = () => undefined;
    const feed = new Promise<Feed>((resolve) => (found = resolve));
    feeds.set(id, (known = { feed, found }));
  }
  return known;
}

const idOf = (model: AnyModel): string => String(model.get("feed") ?? "");

/** A model that has a snapshot is a feed; it lives as long as the model. */
function initialize({ model }: { model: AnyModel }): () => void {
  if (model.get("snapshot") === undefined) return () => undefined;
  const feed = new Feed(new Live(model)).open();
  feedOf(idOf(model)).found(feed);
  return () => {
    door.feeds.delete(idOf(model));
    feed.close();
  };
}

async function render({ model, el }: RenderProps): Promise<() => void> {
  const feed = await feedOf(idOf(model)).feed;
  const flow = new Flow(feed, (model.get("options") ?? {}) as Options);
  el.append(flow.element);
  return () => flow.destroy();
}

/** A page that was saved: the Trace stands in it. */
export function mountSaved(within: ParentNode): Flow[] {
  return [...within.querySelectorAll<HTMLScriptElement>("script[data-mcp-flow]")].map((script) => {
    let options: Options = {};
    try {
      options = JSON.parse(script.dataset.mcpFlow || "{}") as Options;
    } catch {
      // the picture matters more than how it begins
    }
    const flow = new Flow(new Feed(new Static(script.textContent ?? "")).open(), options);
    script.replaceWith(flow.element);
    return flow;
  });
}

const widget = { initialize, render };
door.ready ??= Promise.resolve(widget);
door.open?.(widget);
if (typeof document !== "undefined") mountSaved(document);
export default widget;
