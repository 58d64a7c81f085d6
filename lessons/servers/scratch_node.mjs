// An MCP server over HTTP without any MCP library: Node's own http module, revision 2026-07-28.
//
// Start it in a terminal, on a port of your choice:
//
//     node lessons/servers/scratch_node.mjs 8123
//
// and connect to it from a notebook:
//
//     %mcp connect http://127.0.0.1:8123/mcp --as scratch
//
// It has one tool, and does what scratch_asgi.py does.

import { createServer } from "node:http";

const REVISION = "2026-07-28";
const META = "io.modelcontextprotocol/";
const LOCAL = ["127.0.0.1", "localhost"];
const TOOL = {
  name: "shout",
  description: "Say it in capitals.",
  inputSchema: { type: "object", properties: { text: { type: "string" } }, required: ["text"] },
};
const CACHE = { ttlMs: 60000, cacheScope: "private" };
const RESULTS = {
  "server/discover": () => ({
    supportedVersions: [REVISION],
    capabilities: { tools: {} },
    ...CACHE,
  }),
  "tools/list": () => ({ tools: [TOOL], ...CACHE }),
  "tools/call": (params) => ({
    content: [{ type: "text", text: params.arguments.text.toUpperCase() }],
  }),
};

function refuse(status, code, message, id = null, data = undefined) {
  return [status, { jsonrpc: "2.0", id, error: { code, message, data } }];
}

/** The status and the JSON for the body of one POST. */
function answer(headers, body) {
  let message;
  try {
    message = JSON.parse(body);
  } catch {
    return refuse(400, -32700, "not JSON");
  }
  if (typeof message?.method !== "string") {
    return refuse(400, -32600, "one request or notification, please");
  }
  const { id, method, params = {} } = message;
  if (id === undefined) return [202, null];
  const meta = params._meta ?? {};
  const version = meta[`${META}protocolVersion`];
  if (version === undefined || meta[`${META}clientCapabilities`] === undefined) {
    return refuse(400, -32602, "_meta lacks the version or the capabilities", id);
  }
  const said = [headers["mcp-protocol-version"], headers["mcp-method"], headers["mcp-name"]];
  if (said[0] !== version || said[1] !== method || said[2] !== params.name) {
    return refuse(400, -32020, "a header does not match the body", id);
  }
  if (version !== REVISION) {
    const data = { supported: [REVISION], requested: version };
    return refuse(400, -32022, "this version is not spoken here", id, data);
  }
  if (!Object.hasOwn(RESULTS, method) || (method === "tools/call" && params.name !== "shout")) {
    return refuse(404, -32601, `there is no ${method} here`, id);
  }
  const info = { [`${META}serverInfo`]: { name: "scratch", version: "1" } };
  const result = { resultType: "complete", ...RESULTS[method](params), _meta: info };
  return [200, { jsonrpc: "2.0", id, result }];
}

/** Whether an address is one of this machine. */
function local(address) {
  try {
    return LOCAL.includes(new URL(address).hostname);
  } catch {
    return false;
  }
}

function handle(request, body) {
  const { host, origin } = request.headers;
  if (!local(`http://${host}`)) return [421, null];
  if (origin !== undefined && !local(origin)) return [403, null];
  if (request.url !== "/mcp") return [404, null];
  if (request.method !== "POST") return [405, null];
  return answer(request.headers, body);
}

createServer(async (request, response) => {
  const parts = [];
  for await (const part of request) parts.push(part);
  const [status, reply] = handle(request, Buffer.concat(parts).toString("utf8"));
  const text = reply === null ? "" : JSON.stringify(reply);
  response.writeHead(status, {
    "Content-Type": "application/json",
    "Content-Length": Buffer.byteLength(text),
  });
  response.end(text);
}).listen(Number(process.argv[2]), "127.0.0.1");
