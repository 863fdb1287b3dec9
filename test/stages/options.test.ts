import { expect, test } from "bun:test";
import { parseStageOptions, toPixels } from "../../src/stages/options.ts";
import { BUILT_IN_KINDS, StageRegistry } from "../../src/stages/registry.ts";
import { thrownBy } from "../support/thrown.ts";

const registry = new StageRegistry();
const parse = (kind: string, written: unknown) => parseStageOptions(registry.get(kind), written);

test("every built-in kind works with no options written", () => {
  for (const kind of BUILT_IN_KINDS) expect(() => parseStageOptions(kind, undefined)).not.toThrow();
});

test("defaults are filled in beside what is written, and what is written stays as it was", () => {
  const written = { faces: { at_most: 3 } };
  expect(parse("detect", written)).toMatchObject({
    faces: { at_most: 3 },
    model: "detector-default",
    small_faces: "auto",
  });
  expect(written).toEqual({ faces: { at_most: 3 } });
});

test("pixels are a number or text with px", () => {
  expect(toPixels(parse("detect", { min_face: "40.5px" }).min_face as string)).toBe(40.5);
  expect(toPixels(parse("detect", { min_face: 40 }).min_face as number)).toBe(40);
});

test.each([
  ["detect", { min_faces: 40 }, "/min_faces"],
  ["detect", { min_face: "40" }, "/min_face"],
  ["detect", { min_face: "-4px" }, "/min_face"],
  ["detect", { faces: { at_most: 0 } }, "/faces"],
  ["detect", { threshold: 1.5 }, "/threshold"],
  ["liveness", { calibration: "MEDIUM" }, "/calibration"],
  ["quality", { min_sharpness: "high" }, "/min_sharpness"],
  ["crop", { thumbnails: [5000] }, "/thumbnails"],
])("a wrong option of %s is refused by its path: %j", async (kind, written, path) => {
  const error = (await thrownBy(() => parse(kind, written))) as { details: { problems: { path: string }[] } };
  expect(error).toMatchObject({ code: "pipeline_invalid", details: { stage: kind } });
  expect(error.details.problems[0]?.path).toStartWith(path);
});

test("quality needs the pose only where a turn is limited", () => {
  const quality = registry.get("quality");
  expect(quality.reads({})).not.toContain("face.pose");
  expect(quality.reads({ max_yaw: 30 })).toContain("face.pose");
});

test("the models of a stage follow its options", () => {
  const names = (kind: string, options: object) =>
    registry
      .get(kind)
      .models(parse(kind, options))
      .map(({ name }) => name);
  expect(names("detect", {})).toEqual(["detector-default", "detector-small-faces"]);
  expect(names("detect", { small_faces: "never", model: "own" })).toEqual(["own"]);
  expect(registry.get("attributes").models({ model: "m", want: ["ethnicity"] })).toEqual([
    { name: "m", task: "attributes", outputs: ["ethnicity"] },
  ]);
});
