/** What the plan's graph says flows from one stage to another. */
import { expect, test } from "bun:test";
import { join } from "node:path";
import { ModelCatalog } from "../../src/inference/catalog.ts";
import { planGraph } from "../../src/pipeline/graph.ts";
import { planPipeline } from "../../src/pipeline/planner.ts";
import { StageRegistry } from "../../src/stages/registry.ts";
import { PROJECT_ROOT } from "../support/cli.ts";

const stages = new StageRegistry();
const models = await ModelCatalog.load(join(PROJECT_ROOT, "models"));

/** Edges as `from > to`, of those that carry `part`. */
function edgesOf(part: string, stageList: string): string[] {
  const text = `name: p\ndescription: For a test.\nstages:\n${stageList}`;
  const context = { stages, models, pools: {}, source: () => undefined, names: () => [] };
  const { edges } = planGraph(planPipeline(text, "p.yaml", context).plan, stages, () => undefined);
  return edges.filter((edge) => edge.parts.includes(part)).map(({ from, to }) => `${from} > ${to}`);
}

test("a part that several stages add to flows from each of them", () => {
  const text =
    "  - detect\n  - attributes: { want: [age] }\n  - attributes: { want: [gender] }\n" +
    "  - emotion: {}\n    when: face.attributes.age.value > 18.0\n";
  expect(edgesOf("face.attributes", text)).toEqual(["2. attributes > 4. emotion", "3. attributes > 4. emotion"]);
});

test("no part flows between branches, also none that several may add to", () => {
  const text =
    "  - detect\n  - attributes: { want: [age] }\n  - parallel:\n      - attributes: { want: [gender] }\n" +
    "      - { emotion: {}, when: face.attributes.age.value > 18.0 }\n";
  expect(edgesOf("face.attributes", text)).toEqual(["2. attributes > 4. emotion"]);
});

test("what branches write flows to the stages behind them", () => {
  const text =
    "  - detect\n  - parallel:\n      - [landmarks, { attributes: { want: [age] } }]\n      - attributes: { want: [gender] }\n" +
    "  - emotion: {}\n    when: face.attributes.age.value > 18.0\n  - descriptor\n";
  expect(edgesOf("face.attributes", text)).toEqual(["3. attributes > 5. emotion", "4. attributes > 5. emotion"]);
  expect(edgesOf("face.landmarks", text)).toEqual(["2. landmarks > 6. descriptor"]);
});

test("within a branch parts flow as elsewhere", () => {
  const text = "  - detect\n  - parallel:\n      - [landmarks, descriptor]\n      - emotion\n";
  expect(edgesOf("face.landmarks", text)).toEqual(["2. landmarks > 3. descriptor"]);
  expect(edgesOf("face.box", text)).toContain("1. detect > 4. emotion");
});
