// build: write the bundle. --watch: write it at each change. --check: fail where it is stale.
import { createHash } from "node:crypto";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import esbuild from "esbuild";
import { pack, unpack } from "./pack.mjs";

const at = (path) => fileURLToPath(new URL(path, import.meta.url));
const out = {
  js: at("../mcp_notebook/show/static/flow.js"),
  css: at("../mcp_notebook/show/static/flow.css"),
};
const sources = () =>
  readdirSync(at("src"), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => `${entry.parentPath}/${entry.name}`.slice(at(".").length).replaceAll("\\", "/"))
    .concat("build.mjs", "pack.mjs", "package-lock.json")
    .sort((a, b) => (a < b ? -1 : 1));

/** The same as in tests/structure/test_bundle.py: of each file its name, NUL, its bytes, NUL. */
function hash() {
  const sum = createHash("sha256");
  for (const name of sources()) {
    sum
      .update(`${name}\0`)
      .update(readFileSync(at(name)))
      .update("\0");
  }
  return sum.digest("hex");
}

/** Members of our own that no message, option, element or library has: they get short names. */
const OURS =
  "answers atEnd bodySpans cancelled droppedBefore exchanges firstAnswer firstByteNs handshake handshakes " +
  "indexOfSeq latencyNs listed related resultNs retried retryOf retwinned reused roundTrips " +
  "scroller slowness stale turned twin unfolded zeroNs";

const options = () => ({
  mangleProps: new RegExp(`^(${OURS.replaceAll(" ", "|")})$`),
  entryPoints: { flow: at("src/index.ts"), style: at("src/styles.css") },
  bundle: true,
  format: "esm",
  target: ["es2022", "chrome123", "firefox120", "safari17.5"],
  charset: "utf8",
  legalComments: "none",
  minify: true,
  banner: {
    css: `/* built from widgets/src sha256:${hash()} */`,
  },
  outdir: at("."),
  write: false,
  logLevel: "warning",
});

async function build() {
  const { outputFiles } = await esbuild.build(options());
  const text = (end) => outputFiles.find(({ path }) => path.endsWith(end)).text;
  const js = `// built from widgets/src sha256:${hash()}\n${pack(text(".js"))}`;
  return { js, css: text(".css") };
}

/** Without what depends on the Node that packed it. */
const plain = (kind, text) => (kind === "js" ? text.split("\n", 1) + unpack(text) : text);

const write = async () => {
  const made = await build();
  for (const kind of ["js", "css"]) writeFileSync(out[kind], made[kind]);
  return made;
};

if (process.argv.includes("--check")) {
  const made = await build();
  const stale = ["js", "css"].filter(
    (kind) => plain(kind, readFileSync(out[kind], "utf8")) !== plain(kind, made[kind]),
  );
  if (stale.length) console.error(`flow.${stale} is not what the sources give: npm run build`);
  process.exit(stale.length);
} else if (process.argv.includes("--watch")) {
  const plugin = { name: "write", setup: (b) => b.onEnd(write) };
  await (await esbuild.context({ ...options(), plugins: [plugin] })).watch();
} else {
  for (const [kind, text] of Object.entries(await write())) {
    console.log(`flow.${kind} ${(Buffer.byteLength(text) / 1000).toFixed(1)} kB`);
  }
}
