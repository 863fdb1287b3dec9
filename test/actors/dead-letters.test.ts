import { describe, expect, test } from "bun:test";
import { type DeadLetter, internalText, MemoryDeadLetters, summarise } from "../../src/actors/dead-letters.ts";

describe("dead letters", () => {
  test("a summary shows the shape of a body and none of its texts or bytes", () => {
    const body = {
      name: "alice",
      secret: "pa55",
      index: 2,
      live: true,
      bytes: new Uint8Array(9),
      rows: [[1, 2]],
      none: null,
    };
    expect(summarise(body)).toBe(
      "{name: text(5), secret: text(4), index: 2, live: true, bytes: bytes(9), rows: list(1) of list(2) of 1, none: null}",
    );
  });

  test("a summary is short whatever the body", () => {
    const wide = Object.fromEntries(Array.from({ length: 500 }, (_, i) => [`key-${i}`.repeat(20), i]));
    const deep: Record<string, unknown> = {};
    deep.self = deep;
    expect(summarise(wide).length).toBeLessThanOrEqual(400);
    expect(summarise(deep)).toBe("{self: {self: {self: {…}}}}");
    expect(summarise(undefined)).toBe("undefined");
  });

  test("the internal text follows the chain of causes", () => {
    const text = internalText(new Error("outer", { cause: new Error("inner", { cause: "core" }) }));
    expect(text).toContain("outer");
    expect(text).toContain("caused by: Error: inner");
    expect(text).toContain("caused by: core");
  });

  test("the memory sink keeps the newest, without bodies", () => {
    const sink = new MemoryDeadLetters(2);
    for (const messageId of ["1", "2", "3"]) sink.record({ messageId, body: "secret" } as unknown as DeadLetter);
    expect(sink.letters.map((letter) => [letter.messageId, letter.body])).toEqual([
      ["2", undefined],
      ["3", undefined],
    ]);
  });
});
