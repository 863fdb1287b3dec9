import { describe, expect, test } from "bun:test";
import { PlanCosts } from "../../src/pipeline/plan-costs.ts";

function measured(elapsedMs: number, waitedMs = 0) {
  return { decodeMs: 0, times: [{ id: "1. probe", kind: "probe", elapsedMs, waitedMs, startedAt: 0 }] };
}

describe("the cost of a plan", () => {
  test("comes near what items take, in a few items, also after one slow beginning", () => {
    const costs = new PlanCosts();
    costs.learn("p", measured(3000), 1);
    for (let i = 0; i < 30; i++) costs.learn("p", measured(20), 1);
    expect(costs.itemMs("p")).toBeLessThan(100);
    for (let i = 0; i < 30; i++) costs.learn("p", measured(500), 1);
    expect(costs.itemMs("p")).toBeGreaterThan(450);
  });

  test("is shared by the items that a worker had in hand together", () => {
    const costs = new PlanCosts();
    for (let i = 0; i < 200; i++) costs.learn("p", measured(80), 2);
    expect(costs.itemMs("p")).toBeCloseTo(40, 3);
    expect(costs.stageMs(["p"], "1. probe")).toBe(80);
  });

  test("does not count waiting for a pool", () => {
    const costs = new PlanCosts();
    for (let i = 0; i < 200; i++) costs.learn("p", measured(1010, 1000), 1);
    expect(costs.itemMs("p")).toBeCloseTo(10, 3);
  });

  test("is forgotten with the plan", () => {
    const costs = new PlanCosts();
    const unknown = costs.itemMs("p");
    costs.learn("p", measured(1000), 1);
    costs.forget("p");
    expect(costs.itemMs("p")).toBe(unknown);
    expect(costs.stageMs(["p"], "1. probe")).toBeUndefined();
  });
});
