/** What a row is called and says, for eyes and for ears. */

import { clean, durationText, sizeText, toText } from "./bytes.js";
import type { Envelope } from "./envelope.js";
import { cutText, type Phrase, phrase } from "./phrase.js";
import { cellOf, envelopesOf, type Row } from "./store.js";

export interface Said extends Phrase {
  /** The kind as a word, where the head does not say it. */
  readonly word: string;
  readonly id: string;
  readonly took: string;
  readonly size: string;
  /** How far a progress is, of 1. */
  readonly part: number | undefined;
}

export function say(row: Row): Said {
  const none = { word: "", id: "", took: "", size: "", part: undefined };
  const { event } = row;
  switch (event.kind) {
    case "stderr":
      return { ...none, head: "stderr", rest: clean(event.text, 200) };
    case "fault":
      return { ...none, head: "fault", rest: clean(event.text, 200) };
    case "opened":
      return { ...none, head: "opened", rest: clean(event.address, 120) };
    case "closed":
      return { ...none, head: "closed", rest: clean(event.reason, 120) };
    case "chunk":
      return {
        ...none,
        head: "bytes",
        rest: clean(toText(event.data).slice(0, 200), 120),
        size: sizeText(event.size),
      };
  }
  const one = envelopesOf(row)[0] as Envelope;
  const raw = toText(event.raw);
  const said = phrase(one, raw);
  const exchange = row.exchanges[0];
  const answers = row.kind === "response" || row.kind === "error";
  const took =
    answers && exchange ? durationText(event.time_ns - exchange.request.event.time_ns) : "";
  const cut = one.result === undefined && event.size > raw.length;
  const round = exchange && exchange.rounds.length > 1 ? exchange.rounds.indexOf(exchange.seq) : -1;
  const rest = cut ? cutText(raw.length, event.size) : said.rest;
  const params = one.params ?? {};
  const part =
    row.method === "notifications/progress" &&
    typeof params.progress === "number" &&
    typeof params.total === "number"
      ? Math.min(1, Math.max(0, params.progress / params.total))
      : undefined;
  return {
    head: said.head,
    rest: round < 0 ? rest : `round ${round + 1} of ${exchange?.rounds.length}, ${rest}`,
    word: wordOf(row),
    id: row.id === undefined ? "" : `id ${clean(row.id, 10)}`,
    took,
    size: sizeText(event.size),
    part,
  };
}

function wordOf(row: Row): string {
  if (row.kind === "notification" && !row.method.startsWith("notifications/"))
    return "notification";
  const status = row.exchanges[0]?.status;
  if (row.kind === "request" && status !== "answered") {
    return status === "unanswered" || status === "cancelled" || status === "duplicate"
      ? status
      : "";
  }
  if (row.kind === "response" && (status === "late" || status === "duplicate")) return status;
  return row.kind === "response" && row.failed ? "failed" : "";
}

/** A row in one sentence. */
export function sentence(row: Row): string {
  const { head, rest, word, id, took, size } = say(row);
  const from = row.direction === "c2s" ? "client to server" : "server to client";
  const way = row.event.kind === "message" ? `${row.kind}, ${from}` : row.kind;
  const after = took ? `after ${took}` : "";
  const parts = [
    `${row.seq}`,
    way,
    word,
    head,
    rest.slice(0, 100),
    id,
    after,
    size,
    `on ${row.event.conn}`,
    causeText(row),
  ];
  return clean(parts.filter(Boolean).join(", "), 300).replace(/,,/g, ",");
}

/** Which cell of the notebook caused a message; empty where none is known. */
export function causeText(row: Row): string {
  const cell = cellOf(row);
  return cell && `caused by ${clean(cell, 24)}`;
}

/** When, since the Trace began. */
export function timeText(row: Row, zeroNs: number): string {
  const ns = row.event.time_ns - zeroNs;
  return ns < 1e9 ? `${(ns / 1e6).toFixed(1)} ms` : `${(ns / 1e9).toFixed(3)} s`;
}

const PLAIN: readonly (readonly [(row: Row) => boolean, string])[] = [
  [
    (row) => row.method === "initialize",
    "The client introduces itself and asks which revision to speak.",
  ],
  [
    (row) => row.method === "server/discover",
    "The client asks what the server speaks, without opening a session.",
  ],
  [
    (row) => row.method === "notifications/initialized",
    "The client says that it is ready. The handshake is over.",
  ],
  [(row) => row.method === "tools/list", "The client asks which tools there are."],
  [
    (row) => row.method === "tools/call" && row.exchanges[0]?.retryOf !== undefined,
    "The client asks again, with the answers to the server’s questions.",
  ],
  [(row) => row.method === "tools/call", "The client asks the server to run a tool."],
  [
    (row) => row.method === "notifications/progress",
    "The tool tells how far it is. Nobody answers a notification.",
  ],
  [
    (row) => row.method === "notifications/cancelled",
    "The other side need not go on with this request.",
  ],
  [
    (row) => row.method === "elicitation/create",
    "The server asks the user something, by a request of its own.",
  ],
  [
    (row) => row.kind === "request" && row.direction === "s2c",
    "The server asks the client: the roles are turned round.",
  ],
  [(row) => row.kind === "notification", "A notification: nobody answers it."],
  [(row) => row.kind === "error", "The protocol refuses: there is an error instead of a result."],
  [
    (row) => row.kind === "response" && row.exchanges[0]?.status === "input-required",
    "The server cannot ask by itself here. It returns its questions, and the client will call again.",
  ],
  [
    (row) => row.kind === "response" && row.failed,
    "The tool failed. The protocol did not: this is a result like any other.",
  ],
  [(row) => row.kind === "response", "The answer. It carries the id of its request."],
  [
    (row) => row.kind === "stderr",
    "The child process wrote a line on its standard error. It is no part of the protocol.",
  ],
  [(row) => row.kind === "opened", "A link is open: bytes can travel."],
  [(row) => row.kind === "closed", "The link is closed."],
];

const ROADS: Readonly<Record<string, string>> = {
  "http-json": "Each answer is one body: the server cannot speak first here.",
  http: "The server speaks only while it answers a request, or on a stream that the client opened.",
  sse: "Requests go out as POST; whatever comes back comes on one stream of events.",
  websocket: "Both sides may speak at any time.",
  stdio: "Both sides may speak at any time, one JSON text a line.",
  memory: "Both sides may speak at any time.",
};

/** Where both sides could speak at any time, the modern era lets the server only answer. */
const ANSWERS =
  "The link carries both ways at any time. In this era the server only answers: what it wants to ask, it returns as its answer.";
const DUPLEX = new Set(["websocket", "stdio", "memory"]);

/** A message in plain words, for who sees one for the first time. */
export function explained(row: Row): string {
  const { transport } = row.event;
  const said = PLAIN.find(([holds]) => holds(row))?.[1] ?? "";
  const modern = row.session.revision >= "2026";
  const road = modern && DUPLEX.has(transport) ? ANSWERS : ROADS[transport];
  return `${said} ${road ?? ""}`.trim();
}
