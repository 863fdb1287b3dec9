import { describe, expect, test } from "bun:test";
import { ItemQueue, type QueuedItem } from "../../src/pipeline/item-queue.ts";

interface Named extends QueuedItem {
  readonly name: string;
}

function item(name: string, facts: Partial<QueuedItem> = {}): Named {
  return { name, priority: 5, key: "p@1", byteLength: 10, attempts: 0, ...facts };
}

function filled(...items: Named[]): ItemQueue<Named> {
  const queue = new ItemQueue<Named>();
  for (const each of items) queue.add(each);
  return queue;
}

function order(queue: ItemQueue<Named>): string[] {
  const names: string[] = [];
  for (let next = queue.take(() => "take"); next; next = queue.take(() => "take")) names.push(next.name);
  return names;
}

describe("the order of a queue", () => {
  test("is by priority, then by age", () => {
    const queue = filled(item("a"), item("low", { priority: 0 }), item("b"), item("high", { priority: 9 }), item("c"));
    expect(order(queue)).toEqual(["high", "a", "b", "c", "low"]);
  });

  test("has what came back ahead of its own priority, not of a higher one", () => {
    const queue = filled(item("new"), item("high", { priority: 6 }), item("again", { attempts: 1 }));
    expect(order(queue)).toEqual(["high", "again", "new"]);
  });

  test("lets those by whose turn it is not, and keeps their place", () => {
    const queue = filled(item("a", { key: "away@1" }), item("b"));
    expect(queue.take(({ key }) => (key === "away@1" ? "pass" : "take"))?.name).toBe("b");
    expect(order(queue)).toEqual(["a"]);
  });

  test("lets nobody by one that holds the line", () => {
    const queue = filled(item("a", { attempts: 1 }), item("b"), item("high", { priority: 9 }));
    const turn = ({ name }: Named) => (name === "a" ? "hold" : "take");
    expect(queue.take(turn)?.name).toBe("high");
    expect(queue.take(turn)).toBeUndefined();
    expect(queue.length).toBe(2);
  });
});

describe("the sums of a queue", () => {
  const costs: Record<string, number> = { "p@1": 10, "q@1": 100 };
  const costOf = (key: string) => costs[key] ?? 0;

  test("count items and bytes, and are nothing when it is empty", () => {
    const first = item("a");
    const queue = filled(first, item("b", { byteLength: 7 }));
    expect([queue.length, queue.bytes]).toEqual([2, 17]);
    expect(queue.remove(first)).toBe(true);
    expect(queue.remove(first)).toBe(false);
    expect([queue.length, queue.bytes]).toEqual([1, 7]);
    queue.take(() => "take");
    expect([queue.length, queue.bytes, queue.estimatedMs(0, costOf)]).toEqual([0, 0, 0]);
  });

  test("estimate the work at a priority and above, by what each plan costs now", () => {
    const queue = filled(item("a"), item("b", { key: "q@1" }), item("c", { priority: 9 }), item("d", { priority: 0 }));
    expect([0, 5, 6, 9].map((priority) => queue.estimatedMs(priority, costOf))).toEqual([130, 120, 10, 10]);
    expect(queue.estimatedMs(0, () => 1)).toBe(4);
  });
});
