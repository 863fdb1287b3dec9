import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { join } from "node:path";
import sharp from "sharp";
import { PLAIN_PICTURE, samplePicture, type TestEngine, testEngine } from "../support/engine.ts";

const DETECT = "  - detect: {}\n";

describe("a run", () => {
  let engine: TestEngine;
  let sample: Uint8Array;

  beforeAll(async () => {
    sample = await samplePicture("sample1.jpg");
    engine = await testEngine({
      everything:
        "stages:\n  - detect: {}\n  - landmarks: {}\n  - quality: {}\n  - liveness: {}\naggregate: { liveness: mean }\n",
      largest:
        "stages:\n  - detect: { faces: largest }\n  - landmarks: {}\n  - quality: { min_eye_distance: 5000px }\n  - liveness: {}\n",
      sequence: `stages:\n${DETECT}  - landmarks: {}\n  - emotion: {}\n  - pose: {}\n`,
      branches: `stages:\n${DETECT}  - landmarks: {}\n  - parallel:\n      - emotion: {}\n      - pose: {}\n`,
      nested: `stages:\n${DETECT}  - landmarks: {}\n  - parallel:\n      - [emotion, crop, quality]\n      - pose: {}\n  - eyes: {}\n`,
      sure: `stages:\n${DETECT}  - emotion: {}\n    when: face.score > 0.995\n`,
      crowd: `stages:\n${DETECT}  - emotion: {}\n    when: faces > 100\n`,
      few: `stages:\n${DETECT}  - emotion: {}\nlimits: { faces: 2, files: 3 }\n`,
      marked: `stages:\n${DETECT}  - mark: { text: hello }\n`,
      missing: `stages:\n${DETECT}  - attributes: {}\n  - emotion: {}\n    when: face.attributes.nothing.value > 1.0\n`,
    });
  });
  afterAll(() => engine[Symbol.asyncDispose]());

  const pictures = (...names: string[]) => ({ files: names.map((name) => ({ name, bytes: sample })) });

  test("answers each picture and one aggregate", async () => {
    const files = [
      { name: "a.jpg", bytes: sample },
      { name: "plain.pgm", bytes: PLAIN_PICTURE },
      { name: "b.jpg", bytes: await samplePicture("sample2.jpg") },
    ];
    const answer = await engine.run("everything", { files });
    expect(answer.items.map((item) => [item.index, item.name, item.status])).toEqual([
      [0, "a.jpg", "ok"],
      [1, "plain.pgm", "no_face"],
      [2, "b.jpg", "ok"],
    ]);
    expect(answer.items[0]?.faces).toHaveLength(3);
    expect(answer.aggregate.liveness).toMatchObject({ method: "mean", pictures: 2 });
    expect(answer.version).toBe(engine.engine.pipeline("everything").version);
  });

  test("goes on with the other pictures when one cannot be decoded", async () => {
    const files = [
      { name: "text", bytes: new TextEncoder().encode("not a picture") },
      { name: "a.jpg", bytes: sample },
    ];
    const { items } = await engine.run("everything", { files });
    expect(items[0]).toMatchObject({ status: "failed", error: { code: "picture_unknown_format" } });
    expect(items[1]?.status).toBe("ok");
  });

  test("of one picture has the face's own values as its aggregate, to the same digits", async () => {
    const { items, aggregate } = await engine.run("everything", pictures("a"));
    const largest = items[0]?.faces.toSorted((a, b) => b.box.width * b.box.height - a.box.width * a.box.height)[0];
    expect(aggregate.liveness?.value).toEqual(largest?.liveness);
  });

  test("has no aggregate value where no picture had the part", async () => {
    const { aggregate } = await engine.run("everything");
    expect(aggregate).toEqual({ liveness: null });
  });

  test("passes faces by that a gate turned away, and names the reason", async () => {
    const { items } = await engine.run("largest", pictures("a"));
    expect(items[0]?.status).toBe("rejected");
    expect(items[0]?.faces[0]?.rejected).toMatchObject({ reason: "eye_distance" });
    expect(items[0]?.faces[0]?.liveness).toBeUndefined();
  });

  test("gives the same in branches as one after the other", async () => {
    const [one, two] = await Promise.all(["sequence", "branches"].map((name) => engine.run(name, pictures("a"))));
    expect(two?.items[0]?.faces).toEqual(one?.items[0]?.faces ?? []);
  });

  test("asks a condition about faces for each face", async () => {
    const { items } = await engine.run("sure", pictures("a"));
    const faces = items[0]?.faces ?? [];
    expect(faces.some((face) => face.score > 0.995) && faces.some((face) => face.score <= 0.995)).toBe(true);
    for (const face of faces) expect(face.emotion !== undefined).toBe(face.score > 0.995);
  });

  test("asks a condition about the picture once", async () => {
    const { items } = await engine.run("crowd", { ...pictures("a"), explain: true });
    expect(items[0]?.faces.every((face) => face.emotion === undefined)).toBe(true);
    expect(items[0]?.explain?.[1]).toMatchObject({ ran: false, reasons: ["when: faces > 100"] });
  });

  test("answers with a coded error when a condition fails on a picture", async () => {
    const { items } = await engine.run("missing", pictures("a"));
    expect(items[0]).toMatchObject({ status: "failed", error: { code: "stage_failed" } });
  });

  test("works on no more faces than the pipeline allows", async () => {
    const { items } = await engine.run("few", pictures("a"));
    expect(items[0]?.faces).toHaveLength(2);
  });

  test("refuses more pictures than the pipeline allows", async () => {
    expect(engine.run("few", pictures("a", "b", "c", "d"))).rejects.toMatchObject({ code: "request_too_many_files" });
  });

  test("carries the parts of a user's own stage", async () => {
    const { items } = await engine.run("marked", pictures("a"));
    expect(items[0]?.faces[0]?.extra).toEqual({ mark: "hello" });
  });

  test("explains stages in the order of the file, also those of branches, which end in any", async () => {
    const { items } = await engine.run("nested", { ...pictures("a"), explain: true });
    const kinds = ["detect", "landmarks", "emotion", "crop", "quality", "pose", "eyes"];
    expect(items[0]?.explain?.map((trace) => trace.stage)).toEqual(kinds.map((kind, at) => `${at + 1}. ${kind}`));
  });

  test("explains each stage: what it read, wrote, took and why", async () => {
    const { items } = await engine.run("everything", { ...pictures("a"), explain: true });
    const traces = items[0]?.explain ?? [];
    expect(traces.map((trace) => trace.stage)).toEqual(["1. detect", "2. landmarks", "3. quality", "4. liveness"]);
    const liveness = traces[3];
    expect(liveness).toMatchObject({ kind: "liveness", ran: true, faces_in: 3, faces_out: 3 });
    expect(liveness?.reads).toContain("face.box");
    expect(liveness?.reasons.join()).toMatch(/face 1: raw [01]\.\d+ against/);
    expect(liveness?.elapsed_ms).toBeGreaterThan(0);
    expect((await engine.run("everything", pictures("a"))).items[0]?.explain).toBeUndefined();
  });

  test("draws the picture with its verdicts when asked", async () => {
    const { items } = await engine.run("everything", { ...pictures("a"), draw: true });
    const drawn = await sharp(items[0]?.drawn).metadata();
    expect(drawn.format).toBe("jpeg");
    expect(Buffer.compare(Buffer.from(items[0]?.drawn ?? []), Buffer.from(sample))).not.toBe(0);
  });

  test("shows EXIF fields only when asked", async () => {
    const bytes = new Uint8Array(
      await sharp({ create: { width: 64, height: 64, channels: 3, background: "#888" } })
        .withExif({ IFD0: { Artist: "somebody" } })
        .jpeg()
        .toBuffer(),
    );
    const files = [{ name: "exif.jpg", bytes }];
    expect((await engine.run("everything", { files, exif: true })).items[0]?.picture?.exif).toMatchObject({
      Artist: "somebody",
    });
    expect((await engine.run("everything", { files })).items[0]?.picture?.exif).toBeUndefined();
  });

  test("of a pipeline that is not there names the nearest", async () => {
    expect(engine.run("everythin")).rejects.toMatchObject({
      code: "pipeline_unknown",
      details: { nearest: "everything" },
    });
  });

  test("tells each item as it comes", async () => {
    const seen: number[] = [];
    await engine.run("everything", { ...pictures("a", "b"), onItem: (item) => seen.push(item.index) });
    expect(seen.sort()).toEqual([0, 1]);
  });

  test("shows the plan with the parts that flow and the measured cost", async () => {
    const { plan, stage_schemas } = engine.engine.pipeline("everything");
    expect(plan.edges).toContainEqual({ from: "1. detect", to: "4. liveness", parts: ["face.box"] });
    expect(plan.nodes.find((node) => node.kind === "liveness")?.measured_ms).toBeGreaterThan(0);
    expect(Object.keys(stage_schemas)).toContain("liveness");
  });

  test("of a definition is checked without being kept", () => {
    const text = "name: new\ndescription: x\nstages: [detect]\n";
    expect(engine.engine.validate(text).plan.nodes).toHaveLength(2);
    expect(() => engine.engine.validate("name: new\nstages: [detct]\n", "body")).toThrow("body");
    expect(engine.engine.pipelines().map((pipeline) => pipeline.name)).not.toContain("new");
  });
});

test("a stage file that is no stage is named when the engine starts", async () => {
  const start = testEngine({}, { stageFiles: [join(import.meta.dir, "engine.test.ts.missing")] });
  expect(start).rejects.toMatchObject({ code: "stage_invalid" });
});

test("a face without the part that a stage reads is passed by, and the others go on", async () => {
  await using engine = await testEngine({
    some: "stages:\n  - detect: {}\n  - landmarks: {}\n    when: face.score > 0.995\n  - descriptor: {}\n",
  });
  const files = [{ name: "a.jpg", bytes: await samplePicture("sample1.jpg") }];
  const { items } = await engine.run("some", { files, explain: true });
  const faces = items[0]?.faces ?? [];
  expect(faces.some((face) => face.score > 0.995) && faces.some((face) => face.score <= 0.995)).toBe(true);
  for (const face of faces) expect(face.descriptor !== undefined).toBe(face.score > 0.995);
  expect(items[0]?.explain?.[2]?.reasons.join()).toContain("has no face.landmarks");
});

test("an engine whose folder cannot be read leaves no thread behind that keeps the process alive", async () => {
  const script = join(import.meta.dir, "../fixtures/start-without-folder.ts");
  const started = Bun.spawn([process.execPath, script], { stdout: "pipe", stderr: "inherit" });
  const patience = setTimeout(() => started.kill(), 10_000);
  expect(await new Response(started.stdout).text()).toBe("config_invalid\n");
  expect(await started.exited).toBe(0);
  clearTimeout(patience);
}, 15_000);
