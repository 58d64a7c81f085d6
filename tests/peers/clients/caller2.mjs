// A client of the TypeScript SDK 2.x: `caller2.mjs TRANSPORT URL`; it lists and calls `double`.
import { Client, StreamableHTTPClientTransport } from "@modelcontextprotocol/client";
import { StdioClientTransport } from "@modelcontextprotocol/client/stdio";

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
