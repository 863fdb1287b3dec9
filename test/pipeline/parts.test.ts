/** What `explain` shows of parts, and which faces and parts count for the aggregate. */
import { describe, expect, test } from "bun:test";
import { aggregate, primaryFace } from "../../src/pipeline/aggregate.ts";
import { partsOf } from "../../src/pipeline/parts-view.ts";
import type { Plan } from "../../src/pipeline/plan.ts";
import type { Face, Item, Liveness } from "../../src/stages/item.ts";
import { StageRegistry } from "../../src/stages/registry.ts";

function face(width: number, parts: Partial<Face> = {}): Face {
  return { box: { x: 0, y: 0, width, height: width }, score: 0.9, ...parts };
}

function liveness(probability: number): Liveness {
  const prediction = probability > 0.5 ? "live" : "spoof";
  return { probability, score: 0, prediction, calibration: "REGULAR", raw: probability };
}

const rejected = { stage: "3. quality", reason: "dark", message: "Too dark." };

describe("parts in an explanation", () => {
  const show = (one: Face, ...parts: string[]) => partsOf({} as Item, [one], parts).faces;

  test("are cut short: numbers to four digits, lists to five values, bytes to their count", () => {
    const values = Float32Array.from({ length: 512 }, (_, i) => i / 3);
    const one = face(10.123456, {
      descriptor: { model: "m", version: "1", values },
      crops: {
        portrait: {
          box: { x: 1, y: 2, width: 3, height: 4 },
          contentType: "image/jpeg",
          width: 1,
          height: 1,
          bytes: new Uint8Array(3000),
        },
      },
    });
    expect(show(one, "face.box", "face.descriptor", "face.crops")).toEqual([
      {
        box: { x: 0, y: 0, width: 10.1235, height: 10.1235 },
        descriptor: { model: "m", version: "1", values: [0, 0.3333, 0.6667, 1, 1.3333, "… 507 more"] },
        crops: {
          portrait: {
            box: { x: 1, y: 2, width: 3, height: 4 },
            contentType: "image/jpeg",
            width: 1,
            height: 1,
            bytes: "3000 bytes",
          },
        },
        score: 0.9,
      },
    ]);
  });

  test("are left out where nobody wrote them, and one's own are found by name", () => {
    const one = face(10, { extra: { mark: "seen", other: 1 }, rejected });
    expect(show(one, "face.pose", "face.extra.mark")).toEqual([{ "extra.mark": "seen", rejected: "dark" }]);
  });
});

describe("the aggregate", () => {
  const stages = new StageRegistry();
  const plan = {
    aggregate: { liveness: { method: "mean", kind: "liveness", options: { calibration: "REGULAR" } } },
  } as unknown as Plan;

  test("is over the largest face of each picture that no gate rejected", () => {
    const faces = [face(50, { rejected }), face(20), face(30), face(30)];
    expect(primaryFace(faces)).toBe(faces[2] as Face);
    expect(primaryFace([face(50, { rejected })])).toBeUndefined();
    expect(primaryFace([])).toBeUndefined();
  });

  test("counts pictures whose primary face has the part, one vote each", () => {
    const pictures = [
      [face(20, { liveness: liveness(0.9) }), face(10, { liveness: liveness(0.1) })],
      [face(20, { liveness: liveness(0.7) })],
      [face(20)],
      [],
    ];
    expect(aggregate(plan, stages, pictures).liveness).toMatchObject({
      method: "mean",
      pictures: 2,
      value: { probability: expect.closeTo(0.8, 6) },
    });
  });

  test("is null where no picture has the part", () => {
    expect(aggregate(plan, stages, [[face(20)]])).toEqual({ liveness: null });
    expect(aggregate(plan, stages, [])).toEqual({ liveness: null });
  });
});
