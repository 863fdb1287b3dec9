import { expect, test } from "bun:test";
import type { Attribute } from "../../src/stages/item.ts";
import { buildStage, environment, runStages } from "../support/stages.ts";
import { thrownBy } from "../support/thrown.ts";

type Labelled = Extract<Attribute, { label: string }>;

/** The probabilities sum to 1, the label is the greatest of them, and the labels are the card's. */
async function expectLabelled({ label, probabilities }: Labelled, model: string, output: string): Promise<void> {
  const rule = (await environment.model(model)).card.outputs[output]!;
  expect(Object.keys(probabilities)).toEqual("labels" in rule ? rule.labels : []);
  expect(Object.values(probabilities).reduce((sum, p) => sum + p, 0)).toBeCloseTo(1, 4);
  expect(probabilities[label]).toBe(Math.max(...Object.values(probabilities)));
}

test("age and gender of the women of a photo are plausible", async () => {
  const { faces } = await runStages("sample3.jpg", [{ detect: {} }, { attributes: {} }]);
  for (const { attributes } of faces) {
    expect(Object.keys(attributes!)).toEqual(["age", "gender"]);
    expect((attributes!.age as { value: number }).value).toBeWithin(15, 45);
    const gender = attributes!.gender as Labelled;
    expect(gender.label).toBe("female");
    await expectLabelled(gender, "attributes-default", "gender");
  }
});

test("only what is wanted is written", async () => {
  const { faces } = await runStages("sample3.jpg", [{ detect: {} }, { attributes: { want: ["age"] } }]);
  for (const { attributes } of faces) expect(Object.keys(attributes!)).toEqual(["age"]);
});

test("an attribute the model does not have is an error when the stage is built, never a value", async () => {
  expect(await thrownBy(buildStage("attributes", { want: ["age", "ethnicity"] }))).toMatchObject({
    code: "pipeline_invalid",
    message: expect.stringContaining('asks for the output "ethnicity"'),
    details: { output: "ethnicity", available: ["age", "gender"] },
  });
});

test("a model for another task is refused when the stage is built", async () => {
  expect(await thrownBy(buildStage("pose", { model: "emotion-default" }))).toMatchObject({
    code: "pipeline_invalid",
    details: { stage: "pose", output: "yaw", available: ["emotion"] },
  });
});

test("emotions have the card's names, and a laughing face is happy", async () => {
  const { faces } = await runStages("sample1.jpg", [{ detect: {} }, { emotion: {} }]);
  for (const { emotion } of faces) await expectLabelled(emotion!, "emotion-default", "emotion");
  const laughing = faces.toSorted((a, b) => b.box.x - a.box.x)[0]!;
  expect(laughing.emotion!.label).toBe("happy");
});
