/** Elements. Text goes in as text and nowhere as HTML: it comes from servers. */

export type Child = Node | string | number | undefined | false;
export type Props = Readonly<Record<string, string | number | boolean | undefined | EventListener>>;

type Tags = HTMLElementTagNameMap;
type TagOf<S extends string> = S extends `${infer T}.${string}` ? T : S;
type Made<S extends string> = TagOf<S> extends keyof Tags ? Tags[TagOf<S>] : HTMLElement;

/** An element by its name and classes, as in `span.mf-note`. */
export function h<S extends string>(
  name: S,
  props: Props = {},
  ...children: readonly Child[]
): Made<S> {
  const [tag = "", ...classes] = name.split(".");
  const made = document.createElement(tag) as Made<S>;
  if (classes.length) made.className = classes.join(" ");
  dress(made, props);
  for (const child of children) {
    if (child !== undefined && child !== false)
      made.append(typeof child === "number" ? String(child) : child);
  }
  return made;
}

export function s(tag: string, props: Props = {}, ...children: readonly Node[]): SVGElement {
  const made = document.createElementNS("http://www.w3.org/2000/svg", tag);
  dress(made, props);
  made.append(...children);
  return made;
}

function dress(made: Element, props: Props): void {
  for (const [name, value] of Object.entries(props)) {
    if (value === undefined || value === false) continue;
    if (typeof value === "function") made.addEventListener(name.slice(2), value);
    else made.setAttribute(name, value === true ? "" : String(value));
  }
}

export const button = (text: string, onclick: () => void, props: Props = {}): HTMLButtonElement =>
  h("button", { type: "button", ...props, onclick }, text);

/** Put text on the clipboard; on plain http pages there is no clipboard but the old one. */
export async function copy(text: string): Promise<boolean> {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    const area = h("textarea", { "aria-hidden": "true", class: "mf-offstage" });
    area.value = text;
    document.body.append(area);
    area.select();
    const done = document.execCommand?.("copy") ?? false;
    area.remove();
    return done;
  }
}
