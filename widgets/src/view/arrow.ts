/** The arrow of a row: told apart by line and head, not by colour alone. */

import { ARROW_Y, type Arrow, ROW } from "../layout.js";
import { s } from "./dom.js";

const line = (d: string, kind = ""): SVGElement => s("path", { class: `mf-line${kind}`, d });
const glyph = (d: string): SVGElement => s("path", { class: "mf-glyph", d });
const stub = (from: number, to: number): SVGElement =>
  s("path", { class: "mf-stub", d: `M${from} ${ARROW_Y}H${to}` });

export function drawArrow({ x1, x2, shape, head, you, tool }: Arrow, width: number): SVGElement {
  const y = ARROW_Y;
  const way = Math.sign(x2 - x1);
  const drawn = s("svg", { class: "mf-arrow", "aria-hidden": "true", width, height: ROW });
  const [client, server] = way > 0 ? [x1, x2] : [x2, x1];
  if (you !== undefined) drawn.append(stub(you + 6, client - 6));
  if (tool !== undefined) drawn.append(stub(server + 6, tool - 4));
  if (head === "note") drawn.append(glyph(`M${x1 - 5} ${y - 5}h7l3 3v7h-10z`));
  else if (head === "bolt") drawn.append(glyph(`M${x1 + 2} ${y - 8}l-6 9h4l-2 7 7-10h-4z`));
  else if (head === "plus" || head === "minus") {
    drawn.append(line(`M${x1 + 5} ${y}H${x2 - 5}`, " mf-link"));
    for (const x of [x1, x2]) {
      const sign = `M${x - 2.5} ${y}h5${head === "plus" ? `M${x} ${y - 2.5}v5` : ""}`;
      drawn.append(
        s("circle", { class: "mf-end", cx: x, cy: y, r: 5 }),
        s("path", { class: "mf-sign", d: sign }),
      );
    }
  } else {
    drawn.append(line(`M${x1 + way * 5} ${y}H${x2 - way * 6}`, ` mf-${shape}`));
    drawn.append(tipOf(head, x2 - way * 5, y, way));
  }
  return drawn;
}

function tipOf(head: Arrow["head"], x: number, y: number, way: number): SVGElement {
  const back = x - way * 9;
  switch (head) {
    case "arrow":
      return glyph(`M${x} ${y}L${back} ${y - 5}V${y + 5}z`);
    case "cross":
      return line(`M${x - 4 - way * 4} ${y - 5}l9 10m0 -10l-9 10`);
    case "diamond":
      return glyph(`M${x} ${y}l${-way * 6} -5l${-way * 6} 5l${way * 6} 5z`);
    case "square":
      return s("rect", { class: "mf-end", x: x - way * 4 - 4, y: y - 4, width: 8, height: 8 });
    case "circle":
      return s("circle", { class: "mf-end", cx: x - way * 4, cy: y, r: 3.5 });
    default:
      return line(`M${back} ${y - 5}L${x} ${y}L${back} ${y + 5}`);
  }
}
