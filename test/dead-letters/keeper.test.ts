import { describe, expect, test } from "bun:test";
import type { DeadLetter } from "../../src/actors/dead-letters.ts";
import { deadLetterKeeper, type InputRules } from "../../src/dead-letters/keeper.ts";
import type { KeptInput, NewDeadLetter } from "../../src/store/dead-letters.ts";
import { letter } from "../store/letter.ts";

const RULES: InputRules = { keep_inputs: true, max_input: 10, inputs_total: 1_000 };
const BODY = { pipeline: "face-liveness", name: "gate.jpg", bytes: new Uint8Array(10) };

/** What the store is handed for a letter with a body. */
async function kept(body: unknown, rules: InputRules = RULES): Promise<[NewDeadLetter, KeptInput | undefined]> {
  const taken: [NewDeadLetter, KeptInput | undefined][] = [];
  const record = async (given: NewDeadLetter, input?: KeptInput) => {
    taken.push([given, input]);
    return "id";
  };
  await deadLetterKeeper({ record }, rules).record({ ...letter(), body } as DeadLetter);
  return taken[0] as [NewDeadLetter, KeptInput | undefined];
}

describe("The keeper of dead letters", () => {
  test("keeps the pipeline, the picture and what its request had asked for", async () => {
    const wishes = { priority: 7, explain: true, draw: false, exif: true };
    const [given, input] = await kept({ ...BODY, wishes });
    expect(given.pipeline).toBe("face-liveness");
    expect(input).toEqual({ name: "gate.jpg", bytes: BODY.bytes, wishes, mostInAll: 1_000 });
  });

  test("keeps no picture where the settings do not allow it, or one that is larger than allowed", async () => {
    for (const rules of [
      { ...RULES, keep_inputs: false },
      { ...RULES, max_input: 9 },
    ]) {
      const [given, input] = await kept(BODY, rules);
      expect([given.pipeline, input]).toEqual(["face-liveness", undefined]);
    }
  });

  test("hands the store nothing of a body but what it keeps", async () => {
    const [given] = await kept(BODY);
    expect(given).not.toHaveProperty("body");
  });

  test("takes letters about anything else as letters that can only be discarded", async () => {
    for (const body of [undefined, null, "text", 7, new Uint8Array(3), { pipeline: 1 }, { ...BODY, bytes: "text" }]) {
      const [given, input] = await kept(body);
      expect([given.pipeline, input]).toEqual([undefined, undefined]);
    }
  });

  test("keeps the letter of a frame whose picture is gone", async () => {
    expect(await kept({ ...BODY, bytes: undefined })).toMatchObject([{ pipeline: "face-liveness" }, undefined]);
  });
});
