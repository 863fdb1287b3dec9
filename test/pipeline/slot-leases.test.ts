/** Who holds and who waits for slots, seen from the workers that ask for them. */
import { beforeEach, expect, test } from "bun:test";
import { FacewireError } from "../../src/errors.ts";
import { Pool } from "../../src/pipeline/pools.ts";
import { SlotLeases } from "../../src/pipeline/slot-leases.ts";

let pool: Pool;
let leases: SlotLeases;
let told: string[];

beforeEach(() => {
  pool = new Pool("heavy", { slots: 1, queue: 2 });
  told = [];
  leases = new SlotLeases(2, new Map([["heavy", pool]]), {
    onAnswer: (place, lease, error) => told.push(`${place}/${lease} ${error?.code ?? "granted"}`),
    onWait: (itemId) => told.push(`${itemId} waits`),
    onResume: (itemId) => told.push(`${itemId} resumes`),
  });
});

/** The worker at `place` asks for the pool's only slot. */
function ask(place: number, lease: number, id: string): void {
  leases.acquire(place, { type: "acquire", lease, id, pool: "heavy", slots: 1 }, 5);
}

test("an item waits from its first branch that does to its last", () => {
  ask(0, 1, "a");
  ask(1, 1, "b");
  ask(1, 2, "b");
  expect(leases.waits("b")).toBe(true);
  leases.release(0, 1);
  expect(leases.waits("b")).toBe(true);
  leases.release(1, 1);
  expect(leases.waits("b")).toBe(false);
  expect(told).toEqual(["0/1 granted", "b waits", "1/1 granted", "b resumes", "1/2 granted"]);
});

test("a wish for a pool whose line is full is refused at once", () => {
  for (const [lease, id] of ["a", "b", "c", "d"].entries()) ask(0, lease, id);
  expect(told.at(-1)).toBe("0/3 pool_full");
  expect(leases.waits("d")).toBe(false);
});

test("an item that is given up is told so for each branch that waits, and keeps what it holds until it gives it back", () => {
  ask(0, 1, "a");
  ask(0, 2, "a");
  told = [];
  leases.withdraw(0, "a", new FacewireError("request_cancelled", "The request is no longer wanted."));
  expect(told).toEqual(["a resumes", "0/2 request_cancelled"]);
  expect([pool.taken, pool.waiting]).toEqual([1, 0]);
  leases.release(0, 1);
  expect(pool.taken).toBe(0);
});

test("a worker that ends leaves its slots to others, not to its own waiting items", () => {
  ask(0, 1, "a");
  ask(0, 2, "b");
  ask(1, 1, "c");
  told = [];
  leases.lost(0);
  expect(told).toEqual(["c resumes", "1/1 granted"]);
  expect([pool.taken, pool.waiting]).toEqual([1, 0]);
  expect(leases.waits("b")).toBe(false);
});
