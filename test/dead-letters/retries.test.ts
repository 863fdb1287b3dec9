import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { rm } from "node:fs/promises";
import type { DeadLetter } from "../../src/actors/dead-letters.ts";
import { DeadLetterRetries } from "../../src/dead-letters/retries.ts";
import { FacewireError } from "../../src/errors.ts";
import type { RunRequest } from "../../src/pipeline/results.ts";
import { openStore, type Store } from "../../src/store/store.ts";
import { PIPELINE, runResult, scriptedEngine } from "../api/native/scripted-engine.ts";
import { letter } from "../store/letter.ts";
import { rejection } from "../support/settle.ts";
import { temporaryFolder } from "../support/temp-folder.ts";

const FAILURE = { code: "stage_failed", message: "A stage failed." } as const;

let folder: string;
let store: Store;
let retries: DeadLetterRetries;
let id: string;
beforeEach(async () => {
  folder = temporaryFolder("facewire-retries-");
  store = await openStore(folder);
  retries = new DeadLetterRetries(store.deadLetters);
  const wishes = { priority: 7, explain: true };
  const input = { name: "gate.jpg", bytes: new Uint8Array([1, 2]), wishes, mostInAll: 100 };
  await store.deadLetters.record(letter({ pipeline: PIPELINE }), input);
  id = (await store.deadLetters.list({ limit: 1 })).letters[0]?.id ?? "";
});
afterEach(async () => {
  await store.close();
  await rm(folder, { recursive: true, force: true });
});

describe("A retry", () => {
  test("runs the kept input as its request had asked for it", async () => {
    const engine = scriptedEngine();
    const { result, error, attempts } = await retries.retry(engine, id, { traceparent: "00-a-b-01" });
    expect([error, attempts]).toEqual([undefined, letter().attempts + 1]);
    expect(engine.requests).toEqual([
      {
        id: result.request,
        pipeline: PIPELINE,
        files: [{ name: "gate.jpg", bytes: new Uint8Array([1, 2]) }],
        priority: 7,
        explain: true,
        traceparent: "00-a-b-01",
      },
    ]);
    expect(await store.deadLetters.get(id)).toBeUndefined();
  });

  test("that is not taken leaves the letter as it was, and free", async () => {
    const refusal = new FacewireError("overloaded", "Too much work is waiting.");
    const before = await store.deadLetters.get(id);
    const engine = scriptedEngine({ run: () => Promise.reject(refusal) });
    expect((await rejection(retries.retry(engine, id))).code).toBe("overloaded");
    expect(await store.deadLetters.get(id)).toEqual(before as never);
    expect((await retries.retry(scriptedEngine(), id)).error).toBeUndefined();
  });

  test("hears what its own run gave up, and lets letters of all other runs pass", async () => {
    const passed: DeadLetter[] = [];
    const sink = retries.sink({ record: (given) => void passed.push(given) });
    const given = (requestId: string | undefined): DeadLetter => ({
      ...letter({ requestId, attempts: 2, internal: "Error: again" }),
      body: undefined,
    });
    const run = async (request: RunRequest) => {
      await sink.record(given(request.id));
      await sink.record(given("another"));
      await sink.record(given(undefined));
      return runResult(request, () => ({ status: "failed", error: FAILURE }));
    };
    const { error, attempts } = await retries.retry(scriptedEngine({ run }), id);
    expect([error, attempts]).toEqual([FAILURE, letter().attempts + 2]);
    expect(passed.map(({ requestId }) => requestId)).toEqual(["another", undefined]);
    expect(await store.deadLetters.get(id)).toMatchObject({ attempts, cause: FAILURE, internal: "Error: again" });
  });

  test("of a message between parts of the server is refused", async () => {
    await store.deadLetters.record(letter({ pipeline: undefined }));
    const message = (await store.deadLetters.list({ limit: 1 })).letters[0]?.id ?? "";
    expect(await rejection(retries.retry(scriptedEngine(), message))).toMatchObject({
      code: "dead_letter_without_input",
      message: expect.stringContaining("message between parts"),
    });
  });
});
