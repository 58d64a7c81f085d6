/** The heads of the lanes, and the lines below them. */

import { clean } from "../bytes.js";
import type { Lane } from "../lanes.js";
import { button, h, s } from "./dom.js";

const ICONS: Readonly<Record<Lane["kind"], string>> = {
  you: "M8 2.5a2.8 2.8 0 1 1 0 5.6a2.8 2.8 0 0 1 0-5.6zM2.5 14a5.5 5.5 0 0 1 11 0",
  connection: "M2 8h12M10.5 4.5L14 8l-3.5 3.5",
  relay: "M2 8h3M11 8h3M5 4.500h6v7h-6z",
  endpoint: "M2.5 3h11v4h-11zM2.5 9h11v4h-11zM5 5h.01M5 11h.01",
  child: "M2.5 3.5h11v9h-11zM5 6.5l2 1.5l-2 1.5M8.5 10h2.5",
  outside: "M2 8h9M7.5 4.5L11 8l-3.5 3.5M14 3v10",
  remote: "M8 2a6 6 0 1 1 0 12a6 6 0 0 1 0-12zM2 8h12M8 2c4 4 4 8 0 12c-4-4-4-8 0-12",
  tools:
    "M10 2.5a3.5 3.5 0 0 0-3.2 5L2.5 11.8l1.7 1.7L8.5 9.2a3.5 3.5 0 0 0 4.7-4.3l-2 2l-2.1-2.1l2-2z",
};

const WHOLE_BADGE = 124;

/** `open`: its handshakes are shown message by message; `fixed`: that cannot be changed now. */
export function laneHead(
  lane: Lane,
  open: boolean,
  fixed: boolean,
  fold: (key: string) => void,
): HTMLElement {
  const { kind, revision, badge, tools, shakes, x, room, tight } = lane;
  const icon = s(
    "svg",
    { viewBox: "0 0 16 16", class: "mf-icon", "aria-hidden": "true" },
    s("path", { d: ICONS[kind] }),
  );
  const title = clean(lane.title, 60);
  const under = clean(lane.open ? lane.under : `${lane.under}, closed`, 40);
  const head = h(
    `div.mf-lane.mf-lane-${kind}`,
    { title: `${clean(lane.whole, 400) || title}, ${under}` },
    h("span.mf-name", {}, icon, h("span", {}, title)),
    h("span.mf-under", {}, under),
  );
  head.classList.toggle("mf-tight", tight);
  head.style.left = `${x}px`;
  head.style.width = `${room}px`;
  if (badge) {
    const spoken = `${badge} ${clean(revision, 10)}`;
    // where it is narrow the word says enough
    const text = room < WHOLE_BADGE ? badge : spoken;
    head.append(h(`span.mf-under.mf-badge.mf-${badge}`, { title: spoken }, text));
  } else if (tools.length) {
    const text = tools.join(" · ");
    head.append(h("span.mf-under.mf-tools", { title: text }, text));
  }
  if (shakes) {
    const text = open ? "▾ handshake" : "▸ handshake";
    const name = `Handshake of ${title}`;
    const props = {
      class: "mf-shake",
      "aria-expanded": String(open),
      "aria-label": name,
      disabled: fixed,
    };
    head.append(button(text, () => fold(shakes), { ...props, title: name }));
  }
  return head;
}

export function lifeline(lane: Lane): HTMLElement {
  const line = h(`div.mf-life.mf-life-${lane.kind}`);
  line.style.left = `${lane.x}px`;
  return line;
}
