import { describe, expect, test } from "bun:test";
import { pump } from "../../src/pipeline/pump.ts";

const inputs = Array.from({ length: 50 }, (_, index) => index);

/** Ends after a number of turns of the event loop that differs from input to input, so that results come out of order. */
async function inTurns(turns: number): Promise<void> {
  for (let turn = 0; turn < turns; turn++) await new Promise<void>((resolve) => setImmediate(resolve));
}

describe("pump", () => {
  test("results come out in input order although work ends in another", async () => {
    const ended: number[] = [];
    const emitted: number[] = [];
    const count = await pump({
      inputs,
      concurrency: 4,
      work: async (input) => {
        await inTurns((input * 7) % 5);
        ended.push(input);
        return input;
      },
      emit: async (result) => {
        await inTurns(1);
        emitted.push(result);
      },
    });
    expect(count).toBe(50);
    expect(emitted).toEqual(inputs);
    expect(ended).not.toEqual(inputs);
  });

  test("never more than the concurrency is worked on, and it is reached", async () => {
    let running = 0;
    let most = 0;
    await pump({
      inputs,
      concurrency: 3,
      work: async () => {
        most = Math.max(most, ++running);
        await inTurns(3);
        running--;
      },
      emit: async () => {},
    });
    expect(most).toBe(3);
  });

  test("one slow picture holds back a bounded number of results, not all", async () => {
    const first = Promise.withResolvers<void>();
    let begun = 0;
    const all = pump({
      inputs: Array.from({ length: 1000 }, (_, index) => index),
      concurrency: 2,
      work: async (input) => {
        begun++;
        if (input === 0) await first.promise;
      },
      emit: async () => {},
    });
    await inTurns(500);
    const begunWhileHeld = begun;
    first.resolve();
    expect(await all).toBe(1000);
    expect(begunWhileHeld).toBeGreaterThan(2);
    expect(begunWhileHeld).toBeLessThanOrEqual(16);
  });

  test("an abort begins nothing new and still emits what was begun", async () => {
    const stop = new AbortController();
    const emitted: number[] = [];
    const count = await pump({
      inputs,
      concurrency: 2,
      signal: stop.signal,
      work: async (input) => {
        await inTurns(2);
        if (input === 5) stop.abort();
        return input;
      },
      emit: async (result) => void emitted.push(result),
    });
    expect(count).toBe(emitted.length);
    expect(count).toBeLessThan(10);
    expect(emitted).toEqual(inputs.slice(0, count));
  });

  test("a failure ends the pump with that failure, after running work ended", async () => {
    let running = 0;
    const failing = pump({
      inputs,
      concurrency: 4,
      work: async (input) => {
        running++;
        await inTurns(input % 3);
        running--;
        if (input === 10) throw new Error("disk gone");
      },
      emit: async () => {},
    });
    await expect(failing).rejects.toThrow("disk gone");
    expect(running).toBe(0);
  });
});
