/** The lanes of the picture: who they stand for, and where they stand. */

import type { Session } from "./store.js";

const MIN_GAP = 64;
const NARROW = 420;
const NARROW_GAP = 36;
/** From the edge to the first lane. */
const EDGE = 66;
const SERVES = new Set<Lane["kind"]>(["endpoint", "child", "remote"]);
/** How wide a letter of a head's name is, and of what stands under it, about; and its icon. */
const LETTER = 8.6;
const SMALL = 6.1;
const ICON = 22;
/** What a head may take beyond the lanes, at their left and right. */
const MARGIN = 34;
export const LEFT = 92;
export const RIGHT = 132;

export interface Lane {
  readonly id: string;
  readonly kind:
    | "you"
    | "connection"
    | "relay"
    | "endpoint"
    | "child"
    | "remote"
    | "outside"
    | "tools";
  readonly title: string;
  /** The title with all its words, where it is a short one; else empty. */
  readonly whole: string;
  readonly under: string;
  readonly badge: "" | "modern" | "legacy";
  readonly revision: string;
  readonly tools: readonly string[];
  readonly open: boolean;
  /** The session whose handshakes can be folded here; empty: there are none. */
  readonly shakes: string;
  readonly x: number;
  /** How wide its head may be, and whether its name then needs two lines. */
  readonly room: number;
  readonly tight: boolean;
}

/** Between whom a session's messages travel; a relay stands between the two. */
export interface Ends {
  readonly client: Lane;
  readonly server: Lane;
  readonly relay: Lane | undefined;
}

export interface Lanes {
  readonly lanes: readonly Lane[];
  readonly width: number;
  readonly tool: Lane | undefined;
  readonly you: Lane | undefined;
  readonly ends: ReadonlyMap<string, Ends>;
  /** Whether several connections share a lane, so that rows must name theirs. */
  readonly merged: boolean;
  readonly narrow: boolean;
}

export const era = (revision: string): Lane["badge"] =>
  revision === "" ? "" : revision >= "2026" ? "modern" : "legacy";

/** Over these a connection opens links as it needs them: one that closed says nothing of it. */
const MANY_LINKS = new Set(["http", "http-json", "sse"]);

const isOpen = ({ transport, open }: Session): boolean => open > 0 || MANY_LINKS.has(transport);

/** A command line without its folders. */
export const shortCommand = (command: string): string =>
  (command.match(/\S+/g) ?? [])
    .map((word) => word.replace(/\\/g, "/").replace(/\/+$/, "").split("/").at(-1) || word)
    .join(" ");

const KIND_WORD: Readonly<Record<string, string>> = {
  stdio: "a child process",
  bridge: "a child process",
};

/** The lanes of a session; a relay serves the connection of its name. */
function lanesOf(session: Session, clients: ReadonlyMap<string, Session>): [string, string] {
  const { vantage, key, conn, peer } = session;
  const client = vantage === "relay" ? clients.get(conn) : undefined;
  if (client) return lanesOf(client, clients);
  if (vantage === "client") return [`c ${key}`, peer ? `s ${peer}` : `r ${key}`];
  return ["elsewhere", vantage === "server" ? `s ${conn}` : `r ${key}`];
}

/**
 * Lay out the lanes of some sessions: you, then each endpoint with its connections before it,
 * so that most arrows go from one lane to the next.
 */
export function layOut(sessions: Iterable<Session>, space: number, learn = false): Lanes {
  const all = [...sessions];
  const of = (vantage: string, some = all): Session[] =>
    some.filter((one) => one.vantage === vantage);
  const clients = new Map(of("client").map((one) => [one.conn, one]));
  const ends = new Map(all.map((one) => [one.key, lanesOf(one, clients)]));
  const servers = new Map<string, Session[]>();
  for (const session of all) {
    const id = ends.get(session.key)![1];
    servers.set(id, [...(servers.get(id) ?? []), session]);
  }
  const lanes: Unplaced[] = [];
  const lane = (id: string, kind: Lane["kind"], title: string, under: string, more = {}): void => {
    const none = { whole: "", badge: "", revision: "", tools: [], open: true, shakes: "" } as const;
    lanes.push({ id, kind, title, under, ...none, ...more });
  };
  const narrow = space < NARROW;
  const merged = narrow && (clients.size > 1 || servers.size > 1);
  if (!narrow && clients.size) lane("you", "you", "you", "the notebook");
  if (merged) {
    const name = (names: readonly string[], noun: string): string =>
      names.length === 1 ? names[0]! : `${names.length} ${noun}`;
    const ways = [...new Set(all.map((one) => one.transport))].join(", ");
    const open = all.some(isOpen);
    const titles = [...servers].map(([id, [one]]) => (id[0] === "s" ? id.slice(2) : one!.conn));
    lane("client", "connection", name([...clients.keys()], "connections"), ways, { open });
    lane("server", "endpoint", name(titles, "servers"), "answering", { open });
    for (const key of ends.keys()) ends.set(key, ["client", "server"]);
    servers.clear();
  } else if ([...ends.values()].some(([client]) => client === "elsewhere"))
    lane("elsewhere", "outside", "a client", "outside");
  for (const [id, group] of servers) {
    for (const session of of("client", group)) {
      const { key, conn, transport, revision, shakes } = session;
      const open = isOpen(session);
      const own = { badge: era(revision), revision, open, shakes: shakes ? key : "" };
      lane(`c ${key}`, "connection", conn, transport, own);
    }
    for (const { key, conn } of of("relay", group)) lane(`x ${key}`, "relay", conn, "relay");
    const first = group[0]!;
    const inKernel = id.startsWith("s ");
    const child = first.transport in KIND_WORD && !inKernel;
    const tools = [...new Set(group.flatMap((one) => [...one.tools]))];
    const whole = child ? first.address : "";
    const title = inKernel ? id.slice(2) : shortCommand(whole) || first.conn;
    const under = inKernel ? "endpoint" : (KIND_WORD[first.transport] ?? "a server elsewhere");
    lane(id, inKernel ? "endpoint" : child ? "child" : "remote", title, under, {
      tools: learn ? [] : tools,
      whole: whole === title ? "" : whole,
      open: group.some(isOpen),
      shakes: of("server", group).find((one) => one.shakes)?.key ?? "",
    });
    if (learn) lane("tools", "tools", "tool", "your function", { tools });
  }
  const edge = narrow ? 38 : EDGE;
  const least = narrow ? NARROW_GAP : MIN_GAP;
  const sum = (all: readonly number[]): number => all.reduce((one, other) => one + other, 0);
  if (lanes[0]?.kind === "you" && sum(sharesOf(lanes)) * least + 2 * edge > space) lanes.shift();
  const shares = sharesOf(lanes);
  const whole = sum(shares) || 1;
  const edges = 2 * edge;
  const unit = Math.max(least, (space - edges) / whole);
  const width = Math.max(Math.round(unit * whole + edges), Math.min(space, 400));
  const placed = place(lanes, lanes.length === 1 ? width / 2 : edge, shares, unit, width);
  const at = new Map(placed.map((one) => [one.id, one]));
  const placedEnds = [...ends].map(([key, [client, server]]) => {
    const both = { client: at.get(client)!, server: at.get(server)! };
    return [key, { ...both, relay: at.get(`x ${key}`) }] as const;
  });
  const [tool, you] = [at.get("tools"), at.get("you")];
  return { lanes: placed, width, tool, you, ends: new Map(placedEnds), merged, narrow };
}

type Unplaced = Omit<Lane, "x" | "room" | "tight">;

/** Give lanes their places, and heads the room there is up to the heads beside them. */
function place(
  lanes: readonly Unplaced[],
  first: number,
  shares: readonly number[],
  unit: number,
  width: number,
): Lane[] {
  let x = first;
  const at = lanes.map((_, i) => Math.round(i ? (x += unit * shares[i - 1]!) : x));
  const needs = lanes.map(needOf);
  return lanes.map((lane, i) => {
    const beside = [i - 1, i + 1].flatMap((other) => {
      const [there, need] = [at[other], needs[other]];
      if (there === undefined || need === undefined) return [];
      return [reach(needs[i]! / 2, need / 2, Math.abs(there - at[i]!)) - 2];
    });
    const edges = [at[i]! + MARGIN, width - at[i]! + MARGIN];
    const room = Math.round(2 * Math.min(...beside, ...edges));
    return { ...lane, x: at[i]!, room, tight: needs[i]! > room };
  });
}

/** How far a head may reach towards another; what neither needs is shared. */
function reach(own: number, other: number, gap: number): number {
  const free = gap - own - other;
  if (free >= 0) return own + free / 2;
  return own <= gap / 2 ? own : Math.max(gap / 2, gap - other);
}

/** How wide a head would like to be. */
const needOf = ({ title, under, badge, open }: Unplaced): number =>
  Math.max(
    [...title].length * LETTER + ICON,
    ([...under].length + (open ? 0 : 8)) * SMALL,
    badge ? badge.length * SMALL + 16 : 0,
  );

/** How much room there is after each lane: most where arrows run, before a server. */
function sharesOf(lanes: readonly Pick<Lane, "kind">[]): number[] {
  return lanes.map(({ kind }, i) => {
    const next = lanes[i + 1]?.kind;
    if (!next) return 0;
    if (SERVES.has(next) && !SERVES.has(kind)) return 2.6;
    return kind === "you" || next === "tools" ? 1 : 1.25;
  });
}
