import { expect, test } from "bun:test";
import { FacewireError } from "../../src/errors.ts";
import type { PoolWorker } from "../../src/inference/worker-pool.ts";
import { HeldPlans } from "../../src/pipeline/held-plans.ts";
import type { Plan } from "../../src/pipeline/plan.ts";
import type { ToWorker } from "../../src/pipeline/protocol.ts";

const PLAN = { name: "p", version: "1", steps: [] } as unknown as Plan;

/** Two places with what was posted to each, and the plans that failed. */
function places() {
  const posted: string[] = [];
  const failed: string[] = [];
  const workers = [0, 1].map(
    (place): PoolWorker<ToWorker> => ({ place, state: "ready", post: ({ type }) => posted.push(`${type} ${place}`) }),
  );
  return {
    posted,
    failed,
    plans: new HeldPlans(
      () => workers,
      ({ name }) => failed.push(name),
    ),
  };
}

test("a plan is taken up when every worker has said so", async () => {
  const { plans } = places();
  const defined = plans.define(PLAN);
  plans.answered(0, "p@1", undefined, undefined);
  expect([...plans.places("p@1")]).toEqual([0]);
  plans.answered(1, "p@1", undefined, undefined);
  await defined;
  expect([...plans.places("p@1")]).toEqual([0, 1]);
});

test("a plan that one worker cannot take up is taken back from all", async () => {
  const { plans, posted } = places();
  const defined = plans.define(PLAN);
  plans.answered(1, "p@1", { code: "model_damaged", message: "Damaged." }, "in the worker's own words");
  expect(await defined.catch((error) => error)).toMatchObject({
    code: "model_damaged",
    cause: "in the worker's own words",
  });
  expect(posted).toEqual(["define 0", "define 1", "forget 0", "forget 1"]);
  plans.answered(0, "p@1", undefined, undefined);
  expect(plans.places("p@1").size).toBe(0);
});

test("a plan is given again only to the worker that could not take it up", async () => {
  const { plans, posted, failed } = places();
  const defined = plans.define(PLAN);
  for (const place of [0, 1]) plans.answered(place, "p@1", undefined, undefined);
  await defined;
  plans.lost(1);
  plans.answered(1, "p@1", { code: "model_damaged", message: "Damaged." }, undefined);
  expect([failed, plans.failures("p@1").length]).toEqual([["p"], 1]);
  posted.length = 0;
  plans.retry();
  plans.retry();
  expect(posted).toEqual(["define 1"]);
  plans.answered(1, "p@1", undefined, undefined);
  expect([plans.failures("p@1").length, plans.places("p@1").size]).toEqual([0, 2]);
});

test("nobody waits for a plan once the workers stop", async () => {
  const { plans } = places();
  const defined = plans.define(PLAN);
  plans.endWaits(new FacewireError("shutting_down", "The server is stopping."));
  expect(await defined.catch((error) => error.code)).toBe("shutting_down");
});
