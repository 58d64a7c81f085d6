/** What the keys do while the picture or the table has the focus. */

import type { Flow } from "./flow.js";

const FAR = 1e9;

export function press(event: KeyboardEvent, flow: Flow): void {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  const { player, picture } = flow;
  const page = Math.max(1, Math.floor(picture.port.clientHeight / 36) - 2);
  const move = (by: number) => () => flow.walk.move(by, event.shiftKey);
  const acts: Readonly<Record<string, () => void>> = {
    ArrowDown: move(1),
    ArrowUp: move(-1),
    PageDown: move(page),
    PageUp: move(-page),
    Home: move(-FAR),
    End: move(FAR),
    Escape: () => (player.active ? player.leave() : flow.select(0)),
    " ": () => player.toggle(),
    ".": () => player.step(1),
    ",": () => player.step(-1),
    ArrowRight: () => (flow.learns ? flow.walk.exchange(1) : player.step(1)),
    ArrowLeft: () => (flow.learns ? flow.walk.exchange(-1) : player.step(-1)),
    Enter: () => flow.enter(),
    e: () => flow.walk.nextError(),
    f: () => flow.follow(),
    h: () => flow.foldAll(),
    t: () => flow.asTable(),
    d: () => flow.diff(),
  };
  const act = acts[event.key];
  if (!act) return;
  event.preventDefault();
  act();
}
