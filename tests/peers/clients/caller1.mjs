// A client of the TypeScript SDK 1.x: `caller1.mjs TRANSPORT URL`; it lists and calls `double`.
import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { StdioClientTransport } from "@modelcontextprotocol/sdk/client/stdio.js";
import { StreamableHTTPClientTransport } from "@modelcontextprotocol/sdk/client/streamableHttp.js";

const [way, url] = process.argv.slice(2);
const started = () => {
  const [command, ...args] = JSON.parse(url);
  return new StdioClientTransport({ command, args });
};
const client = new Client({ name: "caller", version: "1" });
await client.connect(
  way === "stdio" ? started() : new StreamableHTTPClientTransport(new URL(url)),
);
const tools = (await client.listTools()).tools.map((tool) => tool.name);
const called = await client.callTool({ name: "double", arguments: { number: 21 } });
console.log(JSON.stringify({ tools, called: called.structuredContent }));
await client.close();
