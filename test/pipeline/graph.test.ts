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

function graphOf(stageList: string, more = "") {
  const text = `name: p\ndescription: For a test.\n${more}stages:\n${stageList}`;
  const context = { stages, models, pools: {}, source: () => undefined, names: () => [] };
  return planGraph(planPipeline(text, "p.yaml", context).plan, stages, () => undefined);
}

/** Edges as `from > to`, of those that carry `part`. */
function edgesOf(part: string, stageList: string): string[] {
  const { edges } = graphOf(stageList);
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

test("edges that cross between places are marked, and each hop says all it carries", () => {
  const text =
    "  - detect\n  - { landmarks: {}, place: faces }\n  - pose\n  - { descriptor: {}, place: heavy }\n  - crop\n";
  const { nodes, edges, hops } = graphOf(text, "accepts: [image, video]\n");
  expect(nodes.map(({ place }) => place)).toEqual([undefined, undefined, "faces", "faces", "heavy", "heavy"]);
  expect(edges.filter(({ bus }) => bus).map(({ from, to }) => `${from} > ${to}`)).toEqual([
    "picture > 2. landmarks",
    "1. detect > 2. landmarks",
    "picture > 3. pose",
    "1. detect > 3. pose",
    "picture > 4. descriptor",
    "1. detect > 4. descriptor",
    "2. landmarks > 4. descriptor",
    "picture > 5. crop",
    "1. detect > 5. crop",
  ]);
  const picture = ["file", "jpeg"];
  expect(hops).toMatchObject([
    { from: null, to: "faces", before: "2. landmarks", picture, parts: ["face.box"] },
    {
      from: "faces",
      to: "heavy",
      before: "4. descriptor",
      picture,
      parts: ["face.box", "face.landmarks", "face.pose"],
    },
    { from: "heavy", to: null, before: null, picture: [] },
  ]);
  expect(hops[2]?.parts).toContain("face.descriptor");
});

test("without places nothing crosses", () => {
  const { edges, hops } = graphOf("  - detect\n  - landmarks\n");
  expect([hops, edges.filter(({ bus }) => bus)]).toEqual([[], []]);
});
