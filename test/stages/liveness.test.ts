import { expect, test } from "bun:test";
import type { Liveness } from "../../src/stages/item.ts";
import { logit, sigmoid } from "../../src/stages/logit.ts";
import { around } from "../support/samples.ts";
import { environment, runStages } from "../support/stages.ts";

async function livenessOf(source: string | Uint8Array, options: object): Promise<Liveness[]> {
  const { faces } = await runStages(source, [{ detect: {} }, { liveness: options }]);
  return faces.map(({ liveness }) => liveness!);
}

test("one half is the threshold of the calibration, the score is the logit, and stricter means less", async () => {
  const { thresholds } = (await environment.model("liveness-default")).card.liveness!;
  const byName = {
    SOFT: await livenessOf("sample2.jpg", { calibration: "SOFT" }),
    REGULAR: await livenessOf("sample2.jpg", {}),
    HARD: await livenessOf("sample2.jpg", { calibration: "HARD" }),
  };
  for (const name of ["SOFT", "REGULAR", "HARD"] as const) {
    for (const { raw, score, probability, prediction, calibration } of byName[name]) {
      expect(calibration).toBe(name);
      expect(score).toBeCloseTo(logit(raw) - logit(thresholds[name]), 9);
      expect(probability).toBeCloseTo(sigmoid(score), 12);
      expect(prediction).toBe(raw >= thresholds[name] ? "live" : "spoof");
    }
  }
  byName.REGULAR.forEach(({ raw, probability }, i) => {
    expect(byName.SOFT[i]!.raw).toBe(raw);
    expect(byName.SOFT[i]!.probability).toBeGreaterThan(probability);
    expect(byName.HARD[i]!.probability).toBeLessThan(probability);
  });
});

test("people on ordinary photos are live", async () => {
  for (const name of ["sample1.jpg", "sample3.jpg", "sample4.jpg"]) {
    for (const { prediction } of await livenessOf(name, {})) expect(prediction).toBe("live");
  }
});

test("without room around the face the prediction is unknown, the probability stays, and explain says why", async () => {
  const whole = await runStages("sample3.jpg", [{ detect: { faces: "largest" } }]);
  const tight = await around("sample3.jpg", whole.faces[0]!.box, 1.3);
  const { faces, reasons } = await runStages(tight, [{ detect: { faces: "largest" } }, { liveness: {} }]);
  const { prediction, probability } = faces[0]!.liveness!;
  expect(prediction).toBe("unknown");
  expect(probability).toBeWithin(0, 1);
  expect(reasons.at(-1)).toMatch(
    /^face 1: raw 0\.\d+ against 0\.3 \(REGULAR\): unknown, the crop has 0\.\d\d of its room/,
  );
});

test("a network that is entirely sure has a finite score", () => {
  expect(logit(1)).toBeCloseTo(13.8155, 3);
  expect(logit(0)).toBeCloseTo(-logit(1), 6);
  expect(sigmoid(logit(0.123))).toBeCloseTo(0.123, 12);
});
