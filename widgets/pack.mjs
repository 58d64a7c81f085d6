// The bundle, deflated: a notebook keeps a copy of it, and half the size is half the notebook.
import { deflateRawSync, inflateRawSync } from "node:zlib";

const BEFORE = 'const packed = "';

/** A module that unpacks a module and gives what that gives. */
export const pack = (js) => `${BEFORE}${deflateRawSync(js, { level: 9 }).toString("base64")}";
const bytes = Uint8Array.from(atob(packed), (c) => c.charCodeAt(0));
const plain = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate-raw"));
const code = new Blob([await new Response(plain).text()], { type: "text/javascript" });
const place = URL.createObjectURL(code);
const bundle = await import(place);
URL.revokeObjectURL(place);
export default bundle.default;
`;

/** What was packed: another deflate writes other bytes for the same. */
export function unpack(module) {
  const start = module.indexOf(BEFORE) + BEFORE.length;
  const packed = module.slice(start, module.indexOf('"', start));
  return inflateRawSync(Buffer.from(packed, "base64")).toString("utf8");
}
