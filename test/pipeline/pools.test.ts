import { describe, expect, test } from "bun:test";
import { FacewireError } from "../../src/errors.ts";
import { Pool } from "../../src/pipeline/pools.ts";

/** Claims on a pool by name, and who got slots in which order. */
class Claims {
  readonly pool: Pool;
  readonly granted: string[] = [];
  readonly #releases = new Map<string, () => void>();

  constructor(slots: number, queue: number) {
    this.pool = new Pool("heavy", { slots, queue });
  }

  claim(name: string, slots = 1, priority = 5) {
    return this.pool.claim({
      slots,
      priority,
      granted: (release) => {
        this.granted.push(name);
        this.#releases.set(name, release);
      },
    });
  }

  release(name: string): void {
    this.#releases.get(name)?.();
  }
}

describe("a pool", () => {
  test("never gives more slots than it has", () => {
    const claims = new Claims(3, 10);
    expect(claims.claim("a", 2).immediate).toBe(true);
    expect(claims.claim("b", 2).immediate).toBe(false);
    expect(claims.pool.taken).toBe(2);
    claims.release("a");
    expect(claims.granted).toEqual(["a", "b"]);
    expect(claims.pool.taken).toBe(2);
  });

  test("serves who waits by priority, equal ones in the order they came", () => {
    const claims = new Claims(1, 10);
    claims.claim("first");
    claims.claim("low", 1, 0);
    claims.claim("a");
    claims.claim("high", 1, 9);
    claims.claim("b");
    for (const name of ["first", "high", "a", "b", "low"]) claims.release(name);
    expect(claims.granted).toEqual(["first", "high", "a", "b", "low"]);
    expect(claims.pool.taken).toBe(0);
  });

  test("does not let small claims starve a large one of the same priority", () => {
    const claims = new Claims(2, 10);
    claims.claim("a");
    claims.claim("large", 2);
    expect(claims.claim("small").immediate).toBe(false);
    claims.release("a");
    expect(claims.granted).toEqual(["a", "large"]);
    claims.release("large");
    expect(claims.granted).toEqual(["a", "large", "small"]);
  });

  test("grants a higher priority at once when there are slots for it, whoever else waits", () => {
    const claims = new Claims(2, 1);
    claims.claim("a");
    claims.claim("large", 2);
    expect(claims.claim("urgent", 1, 9).immediate).toBe(true);
    expect(claims.granted).toEqual(["a", "urgent"]);
  });

  test("refuses with pool_full when as many wait as may", () => {
    const claims = new Claims(1, 1);
    claims.claim("a");
    claims.claim("b");
    expect(() => claims.claim("c")).toThrow(FacewireError);
    expect(claims.pool.waiting).toBe(1);
  });

  test("serves those behind a large claim that is withdrawn", () => {
    const claims = new Claims(2, 10);
    claims.claim("a");
    const large = claims.claim("large", 2);
    claims.claim("small");
    large.withdraw();
    large.withdraw();
    expect(claims.granted).toEqual(["a", "small"]);
    expect(claims.pool.waiting).toBe(0);
  });

  test("counts slots that are given back twice once", () => {
    const claims = new Claims(1, 10);
    claims.claim("a");
    claims.release("a");
    claims.release("a");
    expect(claims.pool.taken).toBe(0);
  });
});
