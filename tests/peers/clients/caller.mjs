// A client of the TypeScript SDK: `caller.mjs VERSION TRANSPORT URL`; it lists and calls `double`.
// For stdio the URL is a command line, as a list in JSON.
const [version, way, url] = process.argv.slice(2);

const MODULES = {
  1: ["index.js", "stdio.js", "streamableHttp.js"].map((name) => `sdk/client/${name}`),
  2: ["client", "client/stdio"],
}[version].map((name) => import(`@modelcontextprotocol/${name}`));
const sdk = Object.assign({}, ...(await Promise.all(MODULES)));

const started = () => {
  const [command, ...args] = JSON.parse(url);
  return new sdk.StdioClientTransport({ command, args });
};
const client = new sdk.Client({ name: "caller", version: "1" });
await client.connect(
  way === "stdio" ? started() : new sdk.StreamableHTTPClientTransport(new URL(url)),
);
const tools = (await client.listTools()).tools.map((tool) => tool.name);
const called = await client.callTool({ name: "double", arguments: { number: 21 } });
console.log(JSON.stringify({ tools, called: called.structuredContent }));
await client.close();
