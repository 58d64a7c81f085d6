// A client of the TypeScript SDK 1.x: `sdk1.mjs PICTURE [TRANSPORT URL WORD] ...`.
// It prints a line for each server: what it saw there. For stdio the URL is a command line, as a
// list in JSON.
import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { SSEClientTransport } from "@modelcontextprotocol/sdk/client/sse.js";
import { StdioClientTransport } from "@modelcontextprotocol/sdk/client/stdio.js";
import { StreamableHTTPClientTransport } from "@modelcontextprotocol/sdk/client/streamableHttp.js";
import { WebSocketClientTransport } from "@modelcontextprotocol/sdk/client/websocket.js";
import {
  CallToolResultSchema,
  CreateMessageRequestSchema,
  ElicitRequestSchema,
  ToolListChangedNotificationSchema,
} from "@modelcontextprotocol/sdk/types.js";

const visit = async (picture, way, url, word) => {
  const open = {
    http: () => new StreamableHTTPClientTransport(new URL(url)),
    sse: () => new SSEClientTransport(new URL(url)),
    stdio: () => {
      const [command, ...args] = JSON.parse(url);
      return new StdioClientTransport({ command, args });
    },
    websocket: () => new WebSocketClientTransport(new URL(url)),
  }[way];

  const client = new Client(
    { name: "sdk1", version: "1" },
    { capabilities: { elicitation: {}, sampling: {} } },
  );
  const asked = [];
  const steps = [];
  client.setRequestHandler(ElicitRequestSchema, async (request) => {
    asked.push(request.params.message);
    return { action: "accept", content: { name: "Ann", age: 41 } };
  });
  client.setRequestHandler(CreateMessageRequestSchema, async (request) => {
    asked.push(request.params.messages[0].content.text);
    return { role: "assistant", model: "none", content: { type: "text", text: "The sea is wide" } };
  });
  const changed = new Promise((resolve) => {
    client.setNotificationHandler(ToolListChangedNotificationSchema, async () => resolve());
  });

  const transport = open();
  const keep = transport.setProtocolVersion;
  transport.setProtocolVersion = (revision) => {
    transport.agreed = revision;
    keep?.call(transport, revision);
  };
  await client.connect(transport);
  // this SDK forgets who wants progress as soon as the answer is read: steps that arrive together
  // with the answer reach its transport and nobody else
  const take = transport.onmessage;
  transport.onmessage = (message, extra) => {
    if (message.method === "notifications/progress") {
      const { progress, total, message: words } = message.params;
      steps.push([progress, total, words]);
    }
    take(message, extra);
  };
  const call = async (name, args, options) => {
    const asking = { name, arguments: args };
    return (await client.callTool(asking, CallToolResultSchema, options)).content[0];
  };
  const { tools } = await client.listTools();
  const climbed = await call("climb", { steps: 3 }, { onprogress: () => undefined });
  const turned = await call("negative", { png: picture });
  const greeted = await call("greet", {});
  const rhymed = await call("rhyme", {});
  const drawer = await client.readResource({ uri: "desk://drawer/7" });
  const prompt = await client.getPrompt({ name: "tidy", arguments: { place: "desk" } });
  await call("learn", { word });
  await changed;
  const learnt = await call(word, {});
  console.log(
    JSON.stringify({
      revision: transport.agreed,
      tools: tools.map((tool) => tool.name),
      climbed: climbed.text,
      steps,
      picture: turned.data,
      greeted: greeted.text,
      rhymed: rhymed.text,
      asked,
      drawer: drawer.contents[0].text,
      prompt: prompt.messages[0].content.text,
      learnt: learnt.text,
    }),
  );
  await client.close();
};

const [picture, ...rest] = process.argv.slice(2);
for (let at = 0; at < rest.length; at += 3) {
  await visit(picture, ...rest.slice(at, at + 3));
}
