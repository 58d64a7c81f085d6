// A page to look at: node dev/page.mjs FIXTURE [OPTIONS-JSON] [dark|light] [SCRIPT] > page.html
import { readFileSync } from "node:fs";

const [name = "http", options = "{}", theme = "light", script = ""] = process.argv.slice(2);
const read = (path) => readFileSync(new URL(path, import.meta.url), "utf8");
const trace = read(`../test/fixtures/${name}.jsonl`).replaceAll("<", "\\u003c");
const style = read("../../mcp_notebook/show/static/flow.css");
const bundle = read("../../mcp_notebook/show/static/flow.js");
process.stdout.write(`<!doctype html><html lang="en"><meta charset="utf-8"><title>flow</title>
<style>html{color-scheme:${theme}}body{margin:16px;background:light-dark(#fff,#0e1014)}${style}</style>
<body data-jp-theme-light="${theme === "light"}"><main>
<script type="application/x-ndjson" data-mcp-flow='${options.replaceAll("'", "&#39;")}'>${trace}</script>
</main><script type="module">${bundle}</script>
<script type="module">const $ = (s) => document.querySelector(s), $$ = (s) => [...document.querySelectorAll(s)];
await new Promise((done) => setTimeout(done, 200));
${script}</script></body></html>
`);
