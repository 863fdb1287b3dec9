import { afterAll, beforeAll, expect, test } from "bun:test";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { BUILT_IN_KINDS, StageRegistry } from "../../src/stages/registry.ts";
import { thrownBy } from "../support/thrown.ts";

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "facewire-stages-"));
});
afterAll(() => rm(folder, { recursive: true }));

const sources = resolve("src/stages");

/** Writes a stage file of a user and gives its path. */
async function stageFile(name: string, changes: string): Promise<string> {
  const path = join(folder, name);
  await Bun.write(
    path,
    `import { Type } from ${JSON.stringify(resolve("node_modules/@sinclair/typebox"))};
     import { defineStage } from ${JSON.stringify(join(sources, "stage.ts"))};
     export default defineStage({
       kind: "brightness", summary: "Mean luma.", description: "Mean luma of each face.", example: "stages: []",
       options: Type.Object(
         { scale: Type.Number({ default: 2, description: "Factor." }) },
         { additionalProperties: false },
       ),
       reads: () => ["picture", "face.box"], writes: () => ["face.extra.brightness"], drops: "Nothing.", cost: "1 ms",
       models: () => [],
       async create({ scale }) {
         return { run(item, faces) { for (const face of faces) face.extra = { ...face.extra, brightness: scale }; } };
       },
       ${changes}
     });`,
  );
  return path;
}

test("the built-in kinds are there by name", () => {
  const names = new StageRegistry().kinds().map(({ kind }) => kind);
  expect(names).toEqual([
    "detect",
    "warp",
    "landmarks",
    "iso-frame",
    "pose",
    "eyes",
    "quality",
    "reject",
    "liveness",
    "attributes",
    "emotion",
    "descriptor",
    "crop",
  ]);
});

test("an unknown kind is refused with the nearest name", async () => {
  const registry = new StageRegistry();
  expect(registry.find("livenes")).toBeUndefined();
  expect(await thrownBy(() => registry.get("livenes"))).toMatchObject({
    code: "pipeline_invalid",
    details: { found: "livenes", nearest: "liveness" },
  });
});

test("a user's own stage file is loaded and runs", async () => {
  const registry = await StageRegistry.load([await stageFile("brightness.ts", "")]);
  expect(registry.kinds()).toHaveLength(BUILT_IN_KINDS.length + 1);
  const stage = await registry.get("brightness").create({ scale: 3 }, { model: () => Promise.reject(new Error()) });
  const face: { box: object; score: number; extra?: unknown } = { box: {}, score: 1 };
  await stage.run({} as never, [face] as never, {} as never);
  expect(face.extra).toEqual({ brightness: 3 });
});

test.each([
  ["no-kind.ts", `kind: "Bright ness",`, "`kind` must be"],
  ["no-cost.ts", `cost: "",`, "`cost` must be a text"],
  ["no-create.ts", "create: undefined,", "`create` must be a function"],
  ["open-options.ts", "options: Type.Object({}),", "additionalProperties: false"],
  [
    "bare-option.ts",
    "options: Type.Object({ scale: Type.Number() }, { additionalProperties: false }),",
    "`scale` has no description",
  ],
  ["taken-name.ts", `kind: "liveness",`, "there is already a stage of this kind"],
])("a stage file that is wrong is refused with what is wrong: %s", async (name, changes, problem) => {
  const loading = StageRegistry.load([await stageFile(name, changes)]);
  expect(await thrownBy(loading)).toMatchObject({
    code: "stage_invalid",
    message: expect.stringContaining(problem),
  });
});

test("a stage file that is missing or throws is refused by name", async () => {
  const missing = await thrownBy(StageRegistry.load([join(folder, "missing.ts")]));
  expect(missing).toMatchObject({ code: "stage_invalid", message: expect.stringContaining("missing.ts") });
  await Bun.write(join(folder, "throws.ts"), "throw new Error('no')");
  const throwing = await thrownBy(StageRegistry.load([join(folder, "throws.ts")]));
  expect(throwing).toMatchObject({ code: "stage_invalid", message: expect.stringContaining("throws.ts") });
});
