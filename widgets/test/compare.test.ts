import { describe, expect, test, vi } from "vitest";
import { Framing } from "../src/decode/framing.js";
import { difference } from "../src/diff.js";
import type { Exchange } from "../src/exchange.js";
import type { Store } from "../src/store.js";
import { compareView, diffView } from "../src/view/compare.js";
import { stored } from "./traces.js";

const calls = (store: Store, tool: string): Exchange[] =>
  store.rows
    .filter((row) => !row.link.twin && row.kind === "request")
    .map((row) => row.exchanges[0]!)
    .filter((one) => one.tool === tool);
const texts = (within: ParentNode, selector: string): string[] =>
  [...within.querySelectorAll(selector)].map((one) => one.textContent!);

describe("the comparison of one call over four roads", () => {
  const store = stored("roads");
  const framing = new Framing(store);
  const adds = calls(store, "add");
  const columns = adds.map((one) => ({ label: one.request.event.transport, seq: one.seq }));
  const open = vi.fn();
  const view = compareView(columns, store, framing, open);
  const line = (name: string): Element =>
    [...view.querySelectorAll("tbody tr")].find((row) =>
      row.querySelector("th")!.textContent!.startsWith(name),
    )!;

  test("is a table with a caption, and a heading for each column and row", () => {
    expect(view.querySelector("table > caption")).not.toBeNull();
    expect(texts(view, "thead th[scope=col]")).toEqual([
      "of this call",
      ...["http legacy", "http-json legacy", "sse legacy", "websocket legacy"],
    ]);
    for (const row of view.querySelectorAll("tbody tr")) {
      expect(row.querySelectorAll("th[scope=row]").length).toBe(1);
      expect(row.querySelectorAll("td").length).toBe(4);
    }
  });

  test("says in a word what is equal, and only that", () => {
    const equal = [...view.querySelectorAll("tbody tr")]
      .filter((row) => row.querySelector("th .mf-equal")?.textContent === "equal")
      .map((row) => row.querySelector("th")!.firstChild!.textContent);
    expect(equal).toEqual([
      ...["result", "round trips", "messages", "the messages’ own bytes", "handshake before it"],
    ]);
    expect(line("framing bytes").querySelectorAll(".mf-measure").length).toBe(4);
    expect(line("messages").querySelectorAll(".mf-measure").length).toBe(0);
  });

  test("counts bytes to the last one: what rounds to the same is not the same", () => {
    const framings = texts(line("framing bytes"), "td").map((text) => /^[\d,]+ B$/.test(text));
    expect(framings).toEqual([true, true, true, true]);
  });

  test("opens the bytes of the request, of a time those of the answer", () => {
    line("framing bytes").querySelectorAll("button")[1]!.click();
    expect(open).toHaveBeenLastCalledWith(adds[1]!.seq, true);
    line("to the result").querySelectorAll("button")[3]!.click();
    expect(open).toHaveBeenLastCalledWith(adds[3]!.answers[0]!.seq, true);
    line("result").querySelectorAll("button")[0]!.click();
    expect(open).toHaveBeenLastCalledWith(adds[0]!.answers[0]!.seq, true);
  });

  test("prefers what the kernel counted to its own count", () => {
    const figures = { messages: 2, round_trips: 7, body: 301, framing: 1234 };
    const cost = { ...figures, first_byte_ns: 3e6, result_ns: null };
    const told = { ...columns[0]!, cost, opening: { ...figures, messages: 5 } };
    const made = compareView([told], store, framing, open);
    expect(texts(made, "tbody td").slice(1)).toEqual([
      ...["7", "2", "301 B", "1,234 B", "3.0 ms", "none", "5 messages, 1,535 B"],
    ]);
  });

  test("a call that has left the Trace is a column that says so", () => {
    const gone = compareView([columns[0]!, { label: "gone", seq: 999_999 }], store, framing, open);
    expect(texts(gone, "tbody td:last-child").every((text) => text === "not in the Trace")).toBe(
      true,
    );
    expect(gone.querySelectorAll("button[disabled]").length).toBe(8);
    expect(texts(gone, ".mf-equal")).toEqual([]);
  });
});

describe("two exchanges", () => {
  test("legacy and modern: what is only in one era is named, what is equal folds", () => {
    const store = stored("http");
    const [legacy, modern] = calls(store, "add") as [Exchange, Exchange];
    const view = diffView(legacy, modern, store, new Framing(store), () => undefined);
    expect(texts(view, "caption").slice(1)).toEqual([
      ...["HTTP head of the request", "request", "HTTP head of the answer", "answer"],
    ]);
    const parts = [...view.querySelectorAll("section")];
    const notes = parts.map((part) => texts(part, ".mf-note").join("; "));
    expect(notes[0]).toContain("mcp-session-id");
    expect(notes[0]).toMatch(/only in #\d+ http-modern, modern: .*mcp-method, mcp-name/);
    expect(notes[1]).toMatch(/only in #\d+ http-modern, modern: params\._meta\.io\.modelcontext/);
    expect(notes[1]).not.toContain("params.arguments");
    const show = [...parts[1]!.querySelectorAll("button")].find((one) =>
      /equal lines/.test(one.textContent!),
    )!;
    expect(parts[1]!.textContent).not.toContain('"a": 2');
    show.click();
    expect(parts[1]!.textContent).toContain('"a": 2');
    expect(texts(parts[1]!, "thead th[scope=col]").map((text) => text.split(", ")[1])).toEqual([
      ...["legacy", "modern"],
    ]);
  });

  test("the same exchange twice is equal on both sides", () => {
    const store = stored("memory");
    const [one] = calls(store, "add") as [Exchange];
    const view = diffView(one, one, store, new Framing(store), () => undefined);
    expect(texts(view, "section .mf-note")).toEqual(["equal on both sides", "equal on both sides"]);
    expect(view.querySelector(".mf-differs")).toBeNull();
  });
});

describe("a difference", () => {
  const sides = (left: string, right: string): string[] =>
    difference(left, right).pairs.map((pair) => `${pair.left ?? "-"} | ${pair.right ?? "-"}`);

  test("goes member by member, whatever their order", () => {
    expect(sides('{"a":1,"b":{"x":1}}', '{"b":{"x":2},"a":1}')).toEqual([
      "{ | {",
      '  "a": 1 |   "a": 1',
      '  "b": { |   "b": {',
      '    "x": 1 |     "x": 2',
      "  } |   }",
      "} | }",
    ]);
    expect(difference('{"a":1,"b":2}', '{"b":2,"a":1}').differing).toEqual([]);
  });

  test("names the topmost member that is on one side only", () => {
    const { differing, pairs } = difference('{"a":{"b":[1]}}', '{"c":3}');
    expect(differing).toEqual([
      { path: "a", in: "left" },
      { path: "c", in: "right" },
    ]);
    expect(pairs.filter((pair) => pair.right === undefined).length).toBe(5);
  });

  test("tells numbers apart that JavaScript does not", () => {
    const { differing } = difference('{"id":9007199254740993}', '{"id":9007199254740992}');
    expect(differing).toEqual([{ path: "id", in: "both" }]);
  });

  test("of what is no JSON compares the lines", () => {
    expect(sides("a\nb", "a")).toEqual(["a | a", "b | -"]);
    expect(difference("", "{}").differing).toEqual([{ path: "", in: "both" }]);
  });

  test("of a member that is an object here and a text there shows both", () => {
    expect(sides('{"a":{"b":1}}', '{"a":"b"}')).toContain('  "a": { |   "a": "b"');
  });
});
