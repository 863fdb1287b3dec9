import { describe, expect, test } from "bun:test";
import { join } from "node:path";
import { ModelCatalog } from "../../../src/inference/catalog.ts";
import { LoadedModels } from "../../../src/inference/loaded-models.ts";
import type { Model, ModelOutputs } from "../../../src/inference/model.ts";
import type { ModelScript, ScriptedStep } from "../../../src/inference/scripted/script.ts";
import { ScriptedModel } from "../../../src/inference/scripted/scripted-model.ts";
import { nameShown } from "../../../src/inference/scripted/shown-names.ts";
import { openPicture } from "../../support/stages.ts";
import { thrownBy } from "../../support/thrown.ts";

const catalog = await ModelCatalog.load(join(import.meta.dir, "../../../models"));
const WIDE = { box: { x: 100, y: 50, width: 100, height: 120 } };
const picture = await openPicture(
  new Uint8Array(Buffer.concat([Buffer.from("P5 400 300 255\n"), Buffer.alloc(400 * 300, 128)])),
);

function script(...steps: ScriptedStep[]): ModelScript {
  return { rules: [{ steps, calls: new SharedArrayBuffer(4) }] };
}

function model(name: string, ...steps: ScriptedStep[]): Model {
  return new ScriptedModel(catalog.get(name), script(...steps));
}

async function one(of: Model): Promise<ModelOutputs> {
  const [outputs] = await of.run(picture, [WIDE]);
  return outputs!;
}

function values(outputs: ModelOutputs | undefined, name: string): number[] {
  const output = outputs?.[name];
  return output && "values" in output ? [...output.values] : [];
}

describe("A scripted model", () => {
  test("finds the faces it is told to, under the card's threshold and overlap", async () => {
    const found = await one(
      model("detector-default", {
        faces: [
          { box: [10, 10, 50, 60], score: 0.7 },
          { box: { x: 200, y: 10, width: 50, height: 60 } },
          { box: [11, 10, 50, 60], score: 0.65 },
          { box: [300, 10, 50, 60], score: 0.5 },
        ],
      }),
    );
    expect(found.faces).toEqual({
      kind: "detections",
      detections: [
        { box: { x: 200, y: 10, width: 50, height: 60 }, score: 0.99 },
        { box: { x: 10, y: 10, width: 50, height: 60 }, score: 0.7 },
      ],
    });
  });

  test("is neutral where the script says nothing: one face, frontal, live", async () => {
    const { faces } = await one(model("detector-default", {}));
    expect(faces).toMatchObject({ detections: [{ box: { x: 158, y: 97.5, width: 84, height: 105 } }] });
    const { points } = await one(model("landmarks-default", {}));
    const found = points?.kind === "points" ? points.points : [];
    expect(found).toHaveLength(68);
    for (const [x, y] of found) {
      expect(x >= 100 && x <= 200 && y >= 50 && y <= 170).toBe(true);
    }
    expect(found[36]![0]).toBeLessThan(found[45]![0]);
    expect(values(await one(model("liveness-default", {})), "live")[0]).toBeCloseTo(0.95);
    expect(await one(model("pose-default", {}))).toMatchObject({ yaw: { value: 0 }, roll: { value: 0 } });
  });

  test("gives probabilities by label, the rest shared among the labels left out", async () => {
    const given = [{ live: 0.2 }, { live: { "attack-1": 0.5, live: 0.1 } }, { live: "attack-2" }];
    const all = await model("liveness-default", { outputs: given }).run(picture, [WIDE, WIDE, WIDE, WIDE]);
    const rounded = all.map((outputs) => values(outputs, "live").map((value) => Math.round(value * 100) / 100));
    expect(rounded).toEqual([
      [0.2, 0.4, 0.4],
      [0.1, 0.5, 0.4],
      [0, 0, 1],
      [0, 0, 1],
    ]);
  });

  test("gives each name a descriptor of its own, always the same", async () => {
    const of = async (name: string) =>
      values(await one(model("descriptor-default", { outputs: [{ descriptor: name }] })), "descriptor");
    const cosine = (a: number[], b: number[]) => a.reduce((sum, value, i) => sum + value * b[i]!, 0);
    const [ada, again, bob] = [await of("ada"), await of("ada"), await of("bob")];
    expect(ada).toHaveLength(512);
    expect(cosine(ada, again)).toBeCloseTo(1, 5);
    expect(Math.abs(cosine(ada, bob))).toBeLessThan(0.2);
  });

  test("takes its steps in turn, over all workers, and stays at the last", async () => {
    const shared = script({ outputs: [{ yaw: 1 }] }, { outputs: [{ yaw: 2 }] });
    const [a, b] = [0, 1].map(() => new ScriptedModel(catalog.get("pose-default"), shared));
    const turns = [await one(a!), await one(b!), await one(a!)];
    expect(turns.map(({ yaw }) => yaw)).toEqual([1, 2, 2].map((value) => ({ kind: "number", value })));
  });

  test("tells pictures apart by name", async () => {
    const rules = ["left*.jpg", "*"].map((name, at) => ({
      name,
      steps: [{ outputs: [{ yaw: at }] }],
      calls: new SharedArrayBuffer(4),
    }));
    const pose = new ScriptedModel(catalog.get("pose-default"), { rules });
    nameShown(picture, "left-1.jpg");
    const left = await one(pose);
    nameShown(picture, "left-1.jpeg");
    expect([left.yaw, (await one(pose)).yaw]).toEqual([0, 1].map((value) => ({ kind: "number", value })));
  });

  test("fails as it is told", async () => {
    expect(await thrownBy(one(model("pose-default", { fail: "no power" })))).toMatchObject({
      code: "stage_failed",
      message: "no power",
    });
    const models = new LoadedModels(catalog.list(), {}, { "hopenet-224": { rules: [], unavailable: "never brought" } });
    expect(await thrownBy(models.get("pose-default"))).toMatchObject({ code: "model_unavailable" });
  });

  test("stands in for a file that is not there", async () => {
    const models = new LoadedModels(catalog.list(), {}, { "hopenet-224": script({ outputs: [{ yaw: 5 }] }) });
    expect(await one(await models.get("pose-default"))).toMatchObject({ yaw: { value: 5 } });
    expect(await thrownBy(models.get("liveness-default"))).toMatchObject({ code: "model_unavailable" });
  });

  for (const [mistake, name, step, words] of [
    ["an output", "liveness-default", { outputs: [{ lve: 1 }] }, 'did you mean "live"?'],
    ["a label", "liveness-default", { outputs: [{ live: { alive: 1 } }] }, 'names the label "alive"'],
    ["a probability", "liveness-default", { outputs: [{ live: 1.5 }] }, "add up to 1"],
    ["a box", "detector-default", { faces: [{ box: [1, 2, 3] }] }, "left, top, width and height"],
    ["a number", "pose-default", { outputs: [{ yaw: "left" }] }, "must be a number"],
    ["a list of points", "landmarks-default", { outputs: [{ points: [[1, 2]] }] }, "68 points"],
    ["faces", "pose-default", { faces: [] }, "gives no detections"],
  ] as const) {
    test(`whose script has ${mistake} that does not fit the card says so when it is made`, async () => {
      expect(await thrownBy(() => model(name, step as unknown as ScriptedStep))).toMatchObject({
        code: "config_invalid",
        message: expect.stringContaining(words),
      });
    });
  }
});
