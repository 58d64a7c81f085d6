// A client of the TypeScript SDK 2.x: `sdk2.mjs PICTURE [ERA URL WORD] ...`.
// It prints a line for each server: what it saw there. The URL may be a command line, as a list in
// JSON.
import { Client, SSEClientTransport, StreamableHTTPClientTransport } from "@modelcontextprotocol/client";
import { StdioClientTransport } from "@modelcontextprotocol/client/stdio";

const visit = async (picture, era, url, word) => {
  const client = new Client(
    { name: "sdk2", version: "2" },
    {
      capabilities: { elicitation: {}, sampling: {} },
      versionNegotiation: { mode: era },
    },
  );
  const asked = [];
  const steps = [];
  client.setRequestHandler("elicitation/create", async (request) => {
    asked.push(request.params.message);
    return { action: "accept", content: { name: "Ann", age: 41 } };
  });
  client.setRequestHandler("sampling/createMessage", async (request) => {
    const { content } = request.params.messages[0];
    asked.push((Array.isArray(content) ? content[0] : content).text);
    return { role: "assistant", model: "none", content: { type: "text", text: "The sea is wide" } };
  });
  const changed = new Promise((resolve) => {
    client.setNotificationHandler("notifications/tools/list_changed", async () => resolve());
  });

  const open = () => {
    if (url.startsWith("[")) {
      const [command, ...args] = JSON.parse(url);
      return new StdioClientTransport({ command, args });
    }
    const Way = url.endsWith("/sse") ? SSEClientTransport : StreamableHTTPClientTransport;
    return new Way(new URL(url));
  };
  const transport = open();
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
  const call = async (name, args, options) =>
    (await client.callTool({ name, arguments: args }, options)).content[0];
  const { tools } = await client.listTools();
  const climbed = await call("climb", { steps: 3 }, { onprogress: () => undefined });
  const turned = await call("negative", { png: picture });
  const greeted = await call("greet", {});
  const rhymed = await call("rhyme", {});
  const drawer = await client.readResource({ uri: "desk://drawer/7" });
  const prompt = await client.getPrompt({ name: "tidy", arguments: { place: "desk" } });
  const legacy = client.getNegotiatedProtocolVersion() < "2026";
  const subscription = legacy ? undefined : await client.listen({ toolsListChanged: true });
  await call("learn", { word });
  await changed;
  const learnt = await call(word, {});
  console.log(
    JSON.stringify({
      revision: client.getNegotiatedProtocolVersion(),
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
  await subscription?.close();
  await client.close();
};

const [picture, ...rest] = process.argv.slice(2);
for (let at = 0; at < rest.length; at += 3) {
  await visit(picture, ...rest.slice(at, at + 3));
}
