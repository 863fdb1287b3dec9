/** The shipped models on photographs: brought as users bring them, loaded, and plausible. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { join, resolve } from "node:path";
import sharp from "sharp";
import { ModelCatalog } from "../../src/inference/catalog.ts";
import type { Detection, ModelOutput, Subject } from "../../src/inference/model.ts";
import { type LoadedModel, loadModel } from "../../src/inference/session.ts";
import { cosine, similarity } from "../../src/inference/similarity.ts";
import { pullModels, verifyModels } from "../../src/inference/store.ts";
import type { Picture } from "../../src/media/picture.ts";
import { landmarksOf } from "../../src/stages/landmarks.ts";
import { openPicture, samplePath } from "../support/stages.ts";

const root = resolve(import.meta.dir, "../..");
const cache = join(process.env.FACEWIRE_DATA_DIR ?? join(root, ".facewire"), "models");
/** A first pull brings 70 MB. */
const PULL_MS = 300_000;

let catalog: ModelCatalog;
const models = new Map<string, LoadedModel>();

beforeAll(async () => {
  catalog = await ModelCatalog.load(join(root, "models"));
  await pullModels(catalog, cache);
  for (const { name } of catalog.list())
    models.set(name, await loadModel(catalog.get(name), catalog.preparedFile(name, cache)));
}, PULL_MS);

afterAll(async () => {
  for (const model of models.values()) await model.release();
});

/** Runs a model by alias on each subject and gives one output of it. */
async function read<K extends ModelOutput["kind"]>(
  alias: string,
  output: string,
  kind: K,
  picture: Picture,
  subjects: readonly Subject[],
): Promise<Extract<ModelOutput, { kind: K }>[]> {
  const results = await models.get(catalog.get(alias).name)!.run(picture, subjects);
  return results.map((outputs) => {
    expect(outputs[output]?.kind).toBe(kind);
    return outputs[output] as Extract<ModelOutput, { kind: K }>;
  });
}

async function detect(picture: Picture, detector = "detector-default"): Promise<readonly Detection[]> {
  const box = { x: 0, y: 0, width: picture.width, height: picture.height };
  return (await read(detector, "faces", "detections", picture, [{ box }]))[0]!.detections;
}

/** Detections with what the other models crop around. */
async function faces(picture: Picture): Promise<(Subject & { points: ReturnType<typeof landmarksOf>["points"] })[]> {
  const found = await detect(picture);
  const points = await read("landmarks-default", "points", "points", picture, found);
  return found.map(({ box }, i) => ({ box, ...landmarksOf(points[i]!.points) }));
}

async function descriptors(picture: Picture): Promise<Float32Array[]> {
  const found = await read("descriptor-default", "descriptor", "vector", picture, await faces(picture));
  return found.map(({ values }) => values);
}

test("the whole default set is brought, verified and loaded", async () => {
  expect((await verifyModels(catalog, cache)).every(({ state }) => state === "ok")).toBe(true);
  expect(models.size).toBe(9);
});

test("both detectors find the three people of each picture, and agree on where they are", async () => {
  for (const name of ["sample1.jpg", "sample2.jpg", "sample3.jpg"]) {
    using picture = disposable(await openPicture(name));
    const normal = await detect(picture.value);
    const fine = await detect(picture.value, "detector-small-faces");
    expect([normal.length, fine.length]).toEqual([3, 3]);
    for (const { box } of normal) {
      const middle = [box.x + box.width / 2, box.y + box.height / 2] as const;
      const near = fine.some(
        (other) =>
          Math.abs(other.box.x + other.box.width / 2 - middle[0]) < box.width / 3 &&
          Math.abs(other.box.y + other.box.height / 2 - middle[1]) < box.height / 3,
      );
      expect(near).toBe(true);
    }
  }
});

test("landmarks lie on the face: in the box, eyes over nose over mouth", async () => {
  using picture = disposable(await openPicture("sample1.jpg"));
  for (const { box, points, five } of await faces(picture.value)) {
    const margin = 0.25 * box.height;
    expect(points).toHaveLength(68);
    for (const [x, y] of points) {
      expect(x).toBeWithin(box.x - margin, box.x + box.width + margin);
      expect(y).toBeWithin(box.y - margin, box.y + box.height + margin);
    }
    const [leftEye, rightEye, nose, leftMouth, rightMouth] = five!;
    expect(leftEye![0]).toBeLessThan(rightEye![0]);
    expect((leftEye![1] + rightEye![1]) / 2).toBeLessThan(nose![1]);
    expect(nose![1]).toBeLessThan((leftMouth![1] + rightMouth![1]) / 2);
  }
});

test("a person is alike in two versions of a picture, and not like the others", async () => {
  using picture = disposable(await openPicture("sample1.jpg"));
  const darker = await sharp(samplePath("sample1.jpg"))
    .modulate({ brightness: 0.7 })
    .resize(1100)
    .jpeg({ quality: 80 })
    .toBuffer();
  using other = disposable(await openPicture(new Uint8Array(darker)));
  const first = await descriptors(picture.value);
  const second = await descriptors(other.value);
  const card = catalog.get("descriptor-default");

  expect([first.length, second.length]).toEqual([3, 3]);
  for (const [i, descriptor] of first.entries()) {
    expect(descriptor.length).toBe(512);
    expect(cosine(descriptor, descriptor)).toBeCloseTo(1, 5);
    expect(Math.hypot(...descriptor)).toBeCloseTo(1, 4);
    const alike = second.map((candidate) => similarity(card, descriptor, candidate)).sort((a, b) => b - a);
    expect(alike[0]!).toBeGreaterThan(0.9);
    expect(alike[1]!).toBeLessThan(0.5);
    for (const [j, another] of first.entries()) {
      if (i !== j) expect(similarity(card, descriptor, another)).toBeLessThan(0.5);
    }
  }
});

test("people in a photograph are live, adult and have an expression", async () => {
  using picture = disposable(await openPicture("sample3.jpg"));
  const found = await faces(picture.value);
  const live = await read("liveness-default", "live", "probabilities", picture.value, found);
  const age = await read("attributes-default", "age", "number", picture.value, found);
  const gender = await read("attributes-default", "gender", "probabilities", picture.value, found);
  const emotion = await read("emotion-default", "emotion", "probabilities", picture.value, found);
  for (const i of found.keys()) {
    expect(live[i]!.values[0]!).toBeGreaterThan(0.5);
    expect(age[i]!.value).toBeWithin(18, 50);
    // The three are women.
    expect(gender[i]!.values[0]!).toBeGreaterThan(0.8);
    for (const { values } of [live[i]!, gender[i]!, emotion[i]!]) {
      expect(values.reduce((sum, value) => sum + value, 0)).toBeCloseTo(1, 4);
    }
  }
});

test("yaw turns its sign when the picture is mirrored", async () => {
  using picture = disposable(await openPicture("sample3.jpg"));
  const flopped = await sharp(samplePath("sample3.jpg")).flop().png({ compressionLevel: 1 }).toBuffer();
  using mirrored = disposable(await openPicture(new Uint8Array(flopped)));
  const { width } = picture.value;
  const found = await faces(picture.value);
  const turned = found.map(({ box }) => ({ box: { ...box, x: width - box.x - box.width } }));
  const yaw = await read("pose-default", "yaw", "number", picture.value, found);
  const mirroredYaw = await read("pose-default", "yaw", "number", mirrored.value, turned);
  for (const [i, { value }] of yaw.entries()) expect(Math.abs(value + mirroredYaw[i]!.value)).toBeLessThan(6);
});

test("open eyes are not called closed", async () => {
  using picture = disposable(await openPicture("sample3.jpg"));
  const eyes = (await faces(picture.value)).flatMap(({ points }) =>
    [36, 42].map((first) => {
      const [from, to] = [points[first]!, points[first + 3]!];
      const side = Math.hypot(to[0] - from[0], to[1] - from[1]);
      return { box: { x: (from[0] + to[0] - side) / 2, y: (from[1] + to[1] - side) / 2, width: side, height: side } };
    }),
  );
  const closed = await read("eyes-default", "closed", "probabilities", picture.value, eyes);
  const sure = closed.filter(({ values }) => values[0]! > 0.9);
  expect(sure.length).toBeLessThanOrEqual(1);
});

test.each(["landmarks-default", "descriptor-default", "liveness-default", "pose-default"])(
  "faces of a picture get the same answers from %s together as one by one",
  async (alias) => {
    using picture = disposable(await openPicture("sample2.jpg"));
    const found = await faces(picture.value);
    const model = models.get(catalog.get(alias).name)!;
    const together = await model.run(picture.value, found);
    for (const [i, face] of found.entries()) {
      const [alone] = await model.run(picture.value, [face]);
      expect(farthest(together[i], alone)).toBeLessThan(1e-3);
    }
  },
);

/** Greatest difference between the numbers of two answers of the same form. */
function farthest(a: unknown, b: unknown): number {
  if (typeof a === "number" && typeof b === "number") return Math.abs(a - b);
  if (typeof a !== "object" || typeof b !== "object" || a === null || b === null) return 0;
  const apart = Object.keys(a).map((key) =>
    farthest((a as Record<string, unknown>)[key], (b as Record<string, unknown>)[key]),
  );
  return Math.max(0, ...apart);
}

/** A picture that is released at the end of its block. */
function disposable(value: Picture): Disposable & { readonly value: Picture } {
  return { value, [Symbol.dispose]: () => value.release() };
}
