import { describe, expect, test } from "bun:test";
import { checkPacked } from "../../src/bus/nats/check-packed.ts";
import {
  ENVELOPE_ROOM,
  readMessage,
  readOutcome,
  readWork,
  writeMessage,
  writeRefusal,
} from "../../src/bus/nats/envelope.ts";
import { pack, unpack } from "../../src/bus/nats/packed.ts";
import { MAX_DEPTH, measureMessage, NO_HEADERS, type WireValue } from "../../src/bus/wire.ts";
import { thrownBy } from "../support/thrown.ts";

const LIMITS = { depth: MAX_DEPTH + 1, size: 1024 * 1024 };
const LIMIT = 1024 * 1024;

/** Lists inside each other, `depth` of them. */
function nested(depth: number): WireValue {
  let value: WireValue = [];
  for (let i = 1; i < depth; i++) value = [value];
  return value;
}

describe("wire values as bytes", () => {
  /** Bits of doubles, so that NaN and -0 are told apart from their likes. */
  const bits = (numbers: readonly number[]): readonly bigint[] =>
    numbers.map((number) => new BigUint64Array(new Float64Array([number]).buffer)[0] as bigint);

  test("doubles arrive bit for bit", () => {
    const doubles = [0, -0, Number.NaN, Infinity, -Infinity, 5e-324, 1e308, 0.1, 2 ** 31, 2 ** 32, 2 ** 53, -(2 ** 63)];
    const random = new Float64Array(new Uint32Array(4096).map((_, i) => Math.imul(i + 1, 2_654_435_761)).buffer);
    const all = [...doubles, ...random].map((number) => (Number.isNaN(number) ? Number.NaN : number));
    const bytes = pack(all);
    checkPacked(bytes, LIMITS);
    expect(bits(unpack(bytes) as number[])).toEqual(bits(all));
  });

  const values: [string, WireValue][] = [
    ["text of all planes", ["", "Grüße", "👋🏽", "\u0000", "x".repeat(70_000), "ü".repeat(300)]],
    ["byte arrays of all lengths", [0, 1, 255, 256, 65_535, 65_536].map((length) => new Uint8Array(length).fill(7))],
    ["a record of many keys", Object.fromEntries(Array.from({ length: 70_000 }, (_, i) => [`k${i}`, null]))],
    ["a long list", Array.from({ length: 70_000 }, (_, i) => i - 35_000)],
    ["keys that mean something to JavaScript", { constructor: "a", toJSON: 1, hasOwnProperty: [], length: -0 }],
    ["-0 anywhere", [{ a: { b: [1, -0, 2] } }, -0]],
    ["the deepest nesting", nested(MAX_DEPTH)],
  ];
  test.each(values)("%s arrives unchanged", (_, value) => {
    const bytes = pack(value);
    checkPacked(bytes, { ...LIMITS, size: Number.POSITIVE_INFINITY });
    expect(unpack(bytes)).toStrictEqual(value);
  });

  test("an absent property is not carried, nor is a prototype", () => {
    const bare = Object.assign(Object.create(null) as Record<string, WireValue>, { a: 1 });
    expect(unpack(pack({ a: undefined, b: { c: undefined, d: 1 }, bare }))).toStrictEqual({
      b: { d: 1 },
      bare: { a: 1 },
    });
  });

  test("what is read shares no memory with what was received", () => {
    const bytes = pack({ crop: new Uint8Array([1, 2, 3]) });
    const { crop } = unpack(bytes) as { crop: Uint8Array };
    bytes.fill(0);
    expect([...crop]).toEqual([1, 2, 3]);
    expect(crop.buffer.byteLength).toBe(3);
    expect(crop.constructor).toBe(Uint8Array);
  });

  test("no bytes of a message that was measured exceed its measure and the room for the envelope", () => {
    for (const body of [
      null,
      0.5,
      "x".repeat(1000),
      new Uint8Array(1000),
      Array(1000).fill(0.1),
      { a: { b: [-0, {}] } },
    ]) {
      const bytes = writeMessage({ id: "id", headers: NO_HEADERS, body });
      expect(bytes.length).toBeLessThanOrEqual(measureMessage("", NO_HEADERS, body) + ENVELOPE_ROOM);
    }
  });
});

describe("bytes from strangers", () => {
  const hostile: [string, number[] | Uint8Array, string][] = [
    ["nothing", [], "message_invalid"],
    ["text", new TextEncoder().encode('{"json": true}'), "message_invalid"],
    ["a list that says it has four billion entries", [0xdd, 0xff, 0xff, 0xff, 0xff], "message_invalid"],
    ["lists inside lists that each say they are huge", Array(3000).fill([0xdc, 0xff, 0xff]).flat(), "message_invalid"],
    ["nesting that would end the stack", new Uint8Array(500_000).fill(0x91), "message_invalid"],
    ["records inside records", new Uint8Array(500_000).fill(0x81), "message_invalid"],
    ["a string that ends too early", [0xdb, 0xff, 0xff, 0xff, 0xff, 0x41], "message_invalid"],
    ["a byte array that ends too early", [0xc6, 0x00, 0x10, 0x00, 0x00, 0x41], "message_invalid"],
    ["a key that is no string", [0x81, 0x01, 0x01], "message_invalid"],
    ["a date", [0xd6, 0xff, 0, 0, 0, 0], "message_invalid"],
    ["a record definition of the writer's library", [0xd4, 0x72, 0x40, 0x91, 0xa1, 0x61, 0x01], "message_invalid"],
    ["an error object of the writer's library", [0xc7, 0x01, 0x65, 0xc0], "message_invalid"],
    ["a reserved byte", [0xc1], "message_invalid"],
    ["two values", [0x01, 0x01], "message_invalid"],
    [
      "many small values that would grow in memory",
      [0xdd, 0, 3, 0, 0, ...new Uint8Array(0x30000).fill(0x80)],
      "message_too_large",
    ],
    ["a wrong kind", pack([9, "id", null, 1]), "message_invalid"],
    ["an id that is no string", pack([1, 5, null, 1]), "message_invalid"],
    ["headers that are no record", pack([1, "id", ["a"], 1]), "message_invalid"],
    ["a header that is no string", pack([1, "id", { a: 1 }, 1]), "message_invalid"],
    ["no body", pack([1, "id", null]), "message_invalid"],
    ["work where a message should be", pack([4, "id", null, 1, null]), "message_invalid"],
  ];
  test.each(hostile)("%s is refused as a message", async (_, bytes, code) => {
    expect(await thrownBy(() => readMessage(Uint8Array.from(bytes), LIMIT))).toMatchObject({ code });
  });

  test("no way to cut a message short is taken for a message", async () => {
    const whole = writeMessage({
      id: "id",
      headers: { a: "b" },
      body: { text: "abc", list: [1, -0, 0.5, null, true] },
    });
    for (let length = 0; length < whole.length; length++) {
      expect(await thrownBy(() => readMessage(whole.slice(0, length), LIMIT))).toMatchObject({
        code: "message_invalid",
      });
    }
  });

  test("work with a key that is no string is refused", async () => {
    expect(await thrownBy(() => readWork(pack([4, "id", null, 1, 5]), LIMIT))).toMatchObject({
      code: "message_invalid",
    });
  });

  test("a refusal with a code that is not known here is internal", () => {
    expect(readOutcome(pack([3, "code_of_tomorrow", "New.", null]), LIMIT)).toEqual({
      refusal: { code: "internal", message: "New." },
    });
    expect(readOutcome(pack([3, "toString", "Old.", null]), LIMIT)).toEqual({
      refusal: { code: "internal", message: "Old." },
    });
  });

  test("details of a refusal that cannot be carried are left out, its code is not", () => {
    const circle: Record<string, unknown> = {};
    circle.self = circle;
    for (const details of [circle, { long: "x".repeat(5000) }]) {
      const bytes = writeRefusal({ code: "overloaded", message: "Full.", details }, 1000);
      expect(readOutcome(bytes, LIMIT)).toEqual({ refusal: { code: "overloaded", message: "Full." } });
    }
  });

  test("a key named __proto__ does not reach a prototype", () => {
    const { body } = readMessage(pack([1, "id", null, new Map([["__proto__", { polluted: true }]]) as never]), LIMIT);
    expect((body as { polluted?: boolean }).polluted).toBeUndefined();
    expect(Object.getPrototypeOf(body)).toBe(Object.prototype);
  });
});
