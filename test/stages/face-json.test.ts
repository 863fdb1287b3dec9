import { expect, test } from "bun:test";
import { faceJson } from "../../src/stages/face-json.ts";
import type { Face } from "../../src/stages/item.ts";

const bare: Face = { box: { x: 1.23456, y: 2, width: 3, height: 4 }, score: 0.98765432 };

test("a face has only the parts that were written, rounded", () => {
  expect(faceJson(bare)).toEqual({ box: { x: 1.23, y: 2, width: 3, height: 4 }, score: 0.987654 });
});

test("keys are snake_case and binary values base64", () => {
  const eye = { closedProbability: 0.1, aspectRatio: 0.3, state: "open" } as const;
  const json = faceJson({
    ...bare,
    eyes: { left: eye, right: { ...eye, state: "closed" } },
    quality: { sharpness: 1, darkness: 1, light: 1, saturation: 1, eyeDistance: 61.5, cropRoom: 0.5, overall: 0.7 },
    liveness: { probability: 0.7, score: 0.85, prediction: "live", calibration: "HARD", raw: 0.9 },
    attributes: { age: { value: 31.12345678 }, gender: { label: "female", probabilities: { female: 0.9, male: 0.1 } } },
    descriptor: { model: "m", version: "1", values: Float32Array.of(1, -0.5) },
    crops: {
      portrait: {
        box: { x: 1, y: 2, width: 3, height: 4 },
        contentType: "image/jpeg",
        width: 3,
        height: 4,
        bytes: Uint8Array.of(255, 216),
      },
    },
    rejected: { stage: "quality", reason: "light", message: "too light" },
  });
  expect(json.eyes).toEqual({
    left: { state: "open", closed_probability: 0.1, aspect_ratio: 0.3 },
    right: { state: "closed", closed_probability: 0.1, aspect_ratio: 0.3 },
  });
  expect(json.quality).toMatchObject({ eye_distance: 61.5, crop_room: 0.5 });
  expect(json.attributes).toMatchObject({ age: { value: 31.123457 }, gender: { label: "female" } });
  expect(json.descriptor).toEqual({ model: "m", version: "1", length: 2, data: "AACAPwAAAL8=" });
  const box = { x: 1, y: 2, width: 3, height: 4 };
  expect(json.crops).toEqual({ portrait: { content_type: "image/jpeg", width: 3, height: 4, box, data: "/9g=" } });
  expect(json.rejected?.reason).toBe("light");
  expect(JSON.parse(JSON.stringify(json))).toEqual(json);
});
