/** The third layer: heads, events, frames and line ends that the message travelled in. */

import { clean, countText, decode, durationText, hex, sizeText } from "../../bytes.js";
import type { Located } from "../../decode/framing.js";
import type { Unit } from "../../decode/unit.js";
import { OPCODES } from "../../decode/websocket.js";
import type { Row } from "../../store.js";
import { h } from "../dom.js";
import { type Layer, note, nowhere, type Shown } from "./layer.js";

const NAMES: Readonly<Record<string, string>> = {
  line: "a line of JSON",
  "http-head": "HTTP head",
  "http-body": "HTTP body",
  "sse-event": "server-sent event",
  "ws-frame": "WebSocket frame",
  tail: "another protocol",
  undecoded: "could not be read",
};
/** So many events of the same stream are shown before and after. */
const AROUND = 4;

export const framingLayer: Layer = (row, shown) => {
  const place = shown.framing.locate(row);
  if (!place) return [nowhere(row)];
  const { head, units } = place;
  const last = units[units.length - 1]!;
  const way = last.direction === "c2s" ? "requests" : "answers";
  const where = `bytes ${units[0]!.span[0]} to ${last.span[1]} of ${clean(row.event.conn, 40)}’s ${way} on one link`;
  const parts: Node[] = [note(`${NAMES[last.layer] ?? last.layer}, ${where}`)];
  if (head) parts.push(unitView(head, row, true));
  const shownUnits = last.layer === "sse-event" ? stream(place, shown) : units;
  for (const unit of shownUnits) parts.push(unitView(unit, row, units.includes(unit)));
  const other = head && otherHead(head, place, shown);
  if (other) {
    const title = row.direction === "c2s" ? "answered under" : "asked under";
    parts.push(h("h4", {}, title), unitView(other, row, false));
  }
  return parts;
};

/** The head of the answer to a request, or of the request to an answer. */
function otherHead(head: Unit, { link }: Located, shown: Shown): Unit | undefined {
  const heads = shown.framing.of(link).units.filter((unit) => {
    const { detail } = unit;
    // 100 Continue and the like answer nothing
    return (
      unit.layer === "http-head" &&
      detail?.type === "head" &&
      (detail.request || detail.status === 101 || detail.status >= 200)
    );
  });
  const side = (own: boolean): Unit[] =>
    heads.filter((unit) => (unit.direction === head.direction) === own);
  return side(false)[side(true).indexOf(head)];
}

/** The events of the same stream, so that it is seen how they came one by one. */
function stream({ link, head, units }: Located, shown: Shown): Unit[] {
  const all = shown.framing.of(link).units.filter((unit) => unit.direction === units[0]!.direction);
  const begin = head ? all.indexOf(head) + 1 : all.indexOf(units[0]!);
  const end = all.findIndex((unit, i) => i >= begin && unit.layer !== "sse-event");
  const events = all.slice(begin, end < 0 ? undefined : end);
  const at = events.indexOf(units[0]!);
  return events.slice(Math.max(0, at - AROUND), at + AROUND + 1);
}

function unitView(unit: Unit, row: Row, own: boolean): HTMLElement {
  const since = unit.timeNs - (row.exchanges[0]?.request ?? row).event.time_ns;
  const when = `${since < 0 ? "−" : "+"}${durationText(Math.abs(since))}`;
  const head = h(
    "div.mf-uhead",
    {},
    h("b", {}, NAMES[unit.layer] ?? unit.layer),
    h("span", {}, sizeText(unit.span[1] - unit.span[0])),
    h("span", { title: "when its last byte was seen, after the request" }, when),
  );
  if (unit.detail?.type === "head") head.append(h("code", {}, clean(startLine(unit), 200)));
  if (own) head.append(h("span.mf-offstage", {}, "of this message"));
  const facts = factsOf(unit).flatMap(([name, value]) => [
    h("dt", {}, clean(name, 80)),
    h("dd", {}, clean(value, 400)),
  ]);
  const list = facts.length ? [h("dl.mf-facts", {}, ...facts)] : [];
  return h("div", { class: own ? "mf-unit mf-ownunit" : "mf-unit" }, head, ...list);
}

function startLine({ detail }: Unit): string {
  if (detail?.type !== "head") return "";
  return detail.request
    ? `${detail.method} ${detail.target} HTTP/1.1`
    : `HTTP/1.1 ${detail.status} ${detail.reason}`;
}

type Fact = readonly [name: string, value: string];

function factsOf(unit: Unit): readonly Fact[] {
  const { detail, body } = unit;
  switch (detail?.type) {
    case "head":
      if (unit.layer !== "http-body") return detail.headers.slice(0, 60);
      return [
        ["bytes", countText(body?.length ?? 0, "byte")],
        ["pieces", String(unit.bodySpans.length)],
      ];
    case "sse": {
      const size = body ? `${sizeText(body.length)} in ${countText(detail.lines, "line")}` : "none";
      const facts: Fact[] = [["event", detail.event]];
      if (detail.id !== undefined) facts.push(["id", detail.id]);
      if (detail.retry !== undefined) facts.push(["retry", `${detail.retry} ms`]);
      if (detail.comments.length) facts.push(["comment", detail.comments.join(" ")]);
      facts.push(["data", size]);
      if (body) facts.push(["text", decode(body.subarray(0, 160))]);
      return facts;
    }
    case "ws": {
      const mask = detail.mask
        ? `${hex(detail.mask)} (clients must mask)`
        : "none (servers must not mask)";
      return [
        ["opcode", `${detail.opcode} ${OPCODES[detail.opcode]}`],
        ["fin", detail.fin ? "1, the last frame of its message" : "0, more frames follow"],
        ...(detail.rsv ? [["rsv", String(detail.rsv)] as const] : []),
        ["length", countText(detail.length, "byte")],
        ["mask", mask],
      ];
    }
    case "line": {
      const ends = { "\n": "a line feed, 0a", "\r\n": "CR LF, 0d 0a", "": "nothing yet" };
      return [
        ["ends with", ends[detail.end]],
        ["text", countText(body?.length ?? 0, "byte")],
      ];
    }
    default:
      return [];
  }
}
