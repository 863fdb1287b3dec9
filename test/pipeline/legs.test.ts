/** Where a pipeline is cut into legs, and what a file may say about videos and places. */
import { beforeAll, describe, expect, test } from "bun:test";
import { join } from "node:path";
import type { FacewireError } from "../../src/errors.ts";
import { ModelCatalog } from "../../src/inference/catalog.ts";
import { legsOf, type RunsHere } from "../../src/pipeline/legs.ts";
import { planKey, stagesOf } from "../../src/pipeline/plan.ts";
import { planPipeline } from "../../src/pipeline/planner.ts";
import { StageRegistry } from "../../src/stages/registry.ts";
import type { Problem } from "../../src/yaml/checked-yaml.ts";
import { PROJECT_ROOT } from "../support/cli.ts";

let stages: StageRegistry;
let models: ModelCatalog;
beforeAll(async () => {
  stages = await StageRegistry.load([]);
  models = await ModelCatalog.load(join(PROJECT_ROOT, "models"));
});

function plan(text: string) {
  const context = { stages, models, pools: {}, source: () => undefined, names: () => ["p"] };
  return planPipeline(`name: p\ndescription: For a test.\n${text}`, "p.yaml", context).plan;
}

function problem(text: string): Problem | undefined {
  try {
    plan(text);
  } catch (thrown) {
    const { details } = thrown as FacewireError;
    return (details?.problems as Problem[] | undefined)?.[0];
  }
  throw new Error("The pipeline was taken, but it is not valid.");
}

/** Each leg as its group and the kinds of its stages. */
function cut(text: string, runsHere: RunsHere) {
  return legsOf(plan(text), runsHere).map(({ group, plan }) => [
    group,
    ...stagesOf(plan.steps).map(({ kind }) => kind),
  ]);
}

const CHAIN = [
  "stages:",
  "  - detect: {}",
  "  - landmarks: {}",
  "    place: faces",
  "  - quality: {}",
  "  - liveness: {}",
  "    place: verdicts",
].join("\n");
const onlyUnplaced: RunsHere = (group) => group === undefined;

describe("A pipeline with places", () => {
  test("is one leg, its own plan, where everything runs in one process", () => {
    const whole = plan(CHAIN);
    expect(legsOf(whole, () => true)).toEqual([{ group: undefined, plan: whole }]);
  });

  test("sends a stage with a place and what follows to its group, until the next place", () => {
    expect(cut(CHAIN, onlyUnplaced)).toEqual([
      [undefined, "detect"],
      ["faces", "landmarks", "quality"],
      ["verdicts", "liveness"],
    ]);
  });

  test("keeps neighbours together that run here, whatever their places are called", () => {
    expect(cut(CHAIN, (group) => group !== "verdicts")).toEqual([
      [undefined, "detect", "landmarks", "quality"],
      ["verdicts", "liveness"],
    ]);
  });

  test("sends what has no place to the group `default` from a process that runs no stages", () => {
    expect(cut(CHAIN, () => false)[0]).toEqual(["default", "detect"]);
  });

  test("begins here, without a stage, where its first one has a place and it takes videos: frames become files", () => {
    const video = `accepts: [image, video]\n${CHAIN}`;
    expect(cut(video.replace("detect: {}", "detect: {}\n    place: faces"), () => false)[0]).toEqual([undefined]);
    expect(cut(video, () => false)[0]).toEqual(["default", "detect"]);
  });

  test("gives each leg a key of its own, so that workers can hold several", () => {
    const keys = legsOf(plan(CHAIN), onlyUnplaced).map((leg) => planKey(leg.plan));
    expect(new Set(keys).size).toBe(3);
  });

  test("is refused with a place inside branches, or one that is no name", () => {
    const branches =
      "stages:\n  - detect: {}\n  - parallel:\n      - pose: {}\n      - crop: {}\n        place: faces\n";
    expect(problem(branches.replace("pose", "landmarks"))).toMatchObject({ path: "stages[1].parallel[1].place" });
    expect(problem("stages:\n  - detect: {}\n    place: Some Where\n")).toMatchObject({ path: "stages[0].place" });
  });
});

describe("A pipeline that takes videos", () => {
  test("analyses five frames a second unless it says otherwise", () => {
    const sampling = (video: string) => plan(`accepts: [video]\n${video}stages:\n  - detect: {}\n`).sampling;
    expect(sampling("")).toEqual({ rate: 5 });
    expect(sampling("video: { rate: 0.5 }\n")).toEqual({ rate: 0.5 });
    expect(sampling("video: { every: 3 }\n")).toEqual({ every: 3 });
  });

  test("chooses frames by rate or by number, not both, and only where it takes videos at all", () => {
    const both = "accepts: [video]\nvideo: { rate: 5, every: 2 }\nstages:\n  - detect: {}\n";
    expect(problem(both)).toMatchObject({ path: "video.every" });
    expect(problem("video: { rate: 5 }\nstages:\n  - detect: {}\n")).toMatchObject({ path: "video" });
  });
});
