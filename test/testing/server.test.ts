/** What a server of the kit promises to those who start one. */
import { describe, expect, test } from "bun:test";
import { existsSync } from "node:fs";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import {
  crashing,
  failing,
  fakeClock,
  forEachFace,
  gate,
  hasSamplePhotographs,
  heldAt,
  inTurn,
  samplePhotograph,
  scripted,
  scriptedByName,
  startTestServer,
  testPicture,
  unavailable,
} from "../../src/testing/index.ts";
import { temporaryFolder } from "../support/temp-folder.ts";
import { thrownBy } from "../support/thrown.ts";

const FACE = [{ box: [40, 30, 120, 150] }] as const;
const FACES = [{ box: [40, 30, 120, 150] }, { box: [300, 40, 120, 150] }] as const;
const picture = await testPicture({ faces: FACE });
/** Enough for a pipeline of one face with every part. */
const ALL = { "detector-default": scripted(FACE), "*": scripted() };

describe("A test server", () => {
  test("runs the shipped pipelines with the real models", async () => {
    expect(hasSamplePhotographs()).toBe(true);
    await using server = await startTestServer();
    const { items, aggregate } = await server.run("face-liveness", await samplePhotograph(1));
    expect(items[0]?.faces[0]?.liveness?.prediction).toBe("live");
    expect(aggregate.liveness?.value).toMatchObject({ prediction: "live" });
  });

  test("runs real stages on scripted models, with the card's thresholds", async () => {
    const liveness = scripted({ live: 0.4 });
    await using server = await startTestServer({
      models: { ...ALL, "liveness-default": liveness },
      pipelines: {
        soft: "stages:\n  - detect: {}\n  - liveness: { calibration: SOFT }\n",
        hard: { stages: [{ detect: {} }, { liveness: { calibration: "HARD" } }] },
      },
    });
    const predictions = await Promise.all(
      ["soft", "hard"].map(async (name) => (await server.run(name, picture)).items[0]?.faces[0]?.liveness?.prediction),
    );
    expect(predictions).toEqual(["live", "spoof"]);
  });

  test("has the shipped pipelines that are asked for, and its own in their place", async () => {
    const own = "stages: [detect]\n";
    await using server = await startTestServer({
      models: ALL,
      shipped: ["face-detect", "face-liveness"],
      pipelines: { "face-liveness": own },
    });
    expect((await server.pipelines()).map(({ name }) => name)).toEqual(["face-detect", "face-liveness"]);
    expect((await server.run("face-liveness", picture)).items[0]?.faces[0]?.liveness).toBeUndefined();
    expect(await thrownBy(startTestServer({ shipped: ["face-detekt"] }))).toMatchObject({
      code: "pipeline_unknown",
      message: expect.stringContaining('"face-detect"'),
    });
  });

  test("takes a pipeline's parameters by name", async () => {
    const pipelines = {
      chosen:
        "parameters: { marks: { type: boolean, default: false } }\n" +
        "stages:\n  - detect: {}\n  - landmarks: {}\n    when: request.marks\n",
    };
    await using server = await startTestServer({ pipelines, models: { "*": scripted() } });
    const picture = await testPicture();
    const marked = async (marks: boolean) =>
      (await server.run("chosen", picture, { parameters: { marks } })).items[0]?.faces[0]?.landmarks !== undefined;
    expect([await marked(true), await marked(false)]).toEqual([true, false]);
  });

  test("lists a pipeline that is not valid with the line of the test's own text", async () => {
    await using server = await startTestServer({
      models: ALL,
      shipped: false,
      pipelines: { good: "stages: [detect]", bad: "stages:\n  - detekt: {}\n" },
    });
    const bad = (await server.pipelines()).find(({ name }) => name === "bad");
    expect(bad?.error?.details?.problems).toMatchObject([{ line: 2, nearest: "detect" }]);
    expect(await thrownBy(server.run("bad", picture))).toMatchObject({ code: "pipeline_unavailable" });
    expect((await server.run("good", picture)).items[0]?.status).toBe("ok");
  });

  test("takes up a pipeline that is written while it runs", async () => {
    await using server = await startTestServer({ models: ALL, shipped: false, pipelines: { own: "stages: [detect]" } });
    await server.run("own", picture);
    await server.writePipeline("own", "stages:\n  - detect: {}\n  - landmarks: {}\n  - pose: {}\n");
    await server.events.next({ type: "pipeline.changed", pipeline: "own" });
    expect((await server.run("own", picture)).items[0]?.faces[0]?.pose).toBeDefined();
  });

  test("loads a pipeline when its first request comes, as its file is by then", async () => {
    const pipelines = { asked: "stages: [detect]", unasked: "stages: [detect]", changed: "stages: [detect]" };
    await using server = await startTestServer({ models: ALL, shipped: false, pipelines });
    const statuses = async () =>
      Object.fromEntries((await server.pipelines()).map(({ name, status }) => [name, status] as const));
    expect(await statuses()).toEqual({ asked: "loading", unasked: "loading", changed: "loading" });
    await server.writePipeline("changed", "stages:\n  - detect: {}\n  - landmarks: {}\n");
    await server.events.next({ type: "pipeline.changed", pipeline: "changed" });
    expect((await server.run("changed", picture)).items[0]?.faces[0]?.landmarks).toBeDefined();
    await Promise.all([server.run("asked", picture), server.run("asked", picture)]);
    expect(await statuses()).toEqual({ asked: "ok", unasked: "loading", changed: "ok" });
  });

  test("has the settings that are given, and says what is wrong with them", async () => {
    await using server = await startTestServer({ models: ALL, settings: { pictures: { max_bytes: "1KiB" } } });
    const { items } = await server.run("face-detect", picture);
    expect(items[0]?.error?.code).toBe("picture_too_large");
    const wrong = startTestServer({ settings: { pictures: { max_byte: "1KiB" } } as object });
    expect(await thrownBy(wrong)).toMatchObject({ code: "config_invalid" });
  });

  test("asks for tokens where it listens for others, and events still come", async () => {
    await using server = await startTestServer({
      models: ALL,
      tokens: { reader: "read", runner: "run" },
      settings: { listen: { native: "0.0.0.0:0" } },
    });
    expect(await thrownBy(server.run("face-detect", picture))).toMatchObject({ code: "unauthorized" });
    expect(await thrownBy(server.as(server.tokens.reader).run("face-detect", picture))).toMatchObject({
      code: "forbidden",
    });
    await server.as(server.tokens.runner).run("face-detect", picture);
    await server.events.next({ type: "item.completed", pipeline: "face-detect" });
  });

  test("gives traces and drawn pictures as they were asked for", async () => {
    await using server = await startTestServer({ models: ALL });
    const { items } = await server.run("face-detect", { "a.png": picture }, { explain: true, draw: true });
    expect(items[0]?.name).toBe("a.png");
    expect(items[0]?.explain?.[0]?.reasons.join()).toContain("found 1");
    expect([...items[0]!.drawn!.subarray(0, 2)]).toEqual([0xff, 0xd8]);
  });

  test("keeps its log lines and metrics for the test", async () => {
    await using server = await startTestServer({ models: ALL });
    await server.run("face-detect", picture);
    expect(server.logs.where({ message: "listening" })).toHaveLength(1);
    expect(await server.metric("facewire_items_total")).toBe(1);
    expect((await server.health()).parts.workers?.details?.size).toBe(1);
  });

  test("leaves neither folder nor port behind, however it ends", async () => {
    const server = await startTestServer({ models: ALL });
    await server.run("face-detect", picture);
    const folder = join(server.pipelinesDir, "..");
    expect(await readdir(folder)).toContain("pipelines");
    await Promise.all([server.stop(), server.stop()]);
    expect(existsSync(folder)).toBe(false);
    await expect(fetch(`${server.url}/health`)).rejects.toThrow();
  });

  test("that cannot start leaves nothing behind either", async () => {
    const failed = startTestServer({ models: { "liveness-defalt": scripted() } });
    expect(await thrownBy(failed)).toMatchObject({ code: "model_unknown", details: { nearest: "liveness-default" } });
    const misfit = startTestServer({ models: { "liveness-default": scripted({ alive: 1 }) } });
    expect(await thrownBy(misfit)).toMatchObject({ code: "config_invalid" });
  });

  test("shares nothing with others in the same process", async () => {
    const options = { shipped: false, pipelines: { own: "stages: [detect]" } } as const;
    const servers = await Promise.all(
      [FACE, FACES, []].map((faces) =>
        startTestServer({ ...options, models: { "detector-default": scripted(faces), "*": scripted() } }),
      ),
    );
    const found = await Promise.all(
      servers.map(async (server) => (await server.run("own", picture)).items[0]?.faces.length),
    );
    expect(found).toEqual([1, 2, 0]);
    for (const server of servers) expect(await server.events.all("item.completed")).toHaveLength(1);
    await Promise.all(servers.map((server) => server.stop()));
  });
});

describe("Scripted models of a server", () => {
  test("hold pictures at a gate until the test lets them go", async () => {
    const entrance = gate();
    await using server = await startTestServer({
      models: { ...ALL, "detector-default": scripted(heldAt(entrance, FACE)) },
    });
    const running = ["a", "b"].map((name) => server.run("face-detect", { [name]: picture }));
    await entrance.holds(2);
    expect([...entrance.waiting].sort()).toEqual(["a", "b"]);
    const [first] = entrance.waiting;
    entrance.pass();
    const done = await Promise.race(running);
    expect(done.items[0]?.name).toBe(first);
    entrance.open();
    expect((await Promise.all(running)).map(({ items }) => items[0]?.status)).toEqual(["ok", "ok"]);
  });

  test("that still wait at a gate do not hold up the end of the server", async () => {
    const entrance = gate();
    const server = await startTestServer({
      models: { ...ALL, "detector-default": scripted(heldAt(entrance, FACE)) },
    });
    const running = server.run("face-detect", picture).catch((error: unknown) => error);
    await entrance.holds();
    await server.stop();
    expect(existsSync(server.pipelinesDir)).toBe(false);
    await running;
  });

  test("say at a gate who came when too few do", async () => {
    const entrance = gate();
    expect(await thrownBy(entrance.holds(1, 10))).toMatchObject({ message: "0 of 1 pictures came to the gate: none." });
  });

  test("fail once and go well when tried again", async () => {
    await using server = await startTestServer({
      models: { ...ALL, "detector-default": scripted(inTurn(failing("no power"), FACE)) },
    });
    expect((await server.run("face-detect", picture)).items[0]?.status).toBe("ok");
  });

  test("end their worker, and the picture is tried again in the next", async () => {
    await using server = await startTestServer({
      models: { ...ALL, "detector-default": scripted(inTurn(crashing(), FACE)) },
    });
    expect((await server.run("face-detect", picture)).items[0]?.status).toBe("ok");
    expect(await server.metric("facewire_worker_losses_total")).toBe(1);
  });

  test("that fail for good give a coded error and a dead letter", async () => {
    await using server = await startTestServer({
      models: { ...ALL, "detector-default": scripted(failing("no power")) },
      settings: { inference: { max_attempts: 2 } },
    });
    const { items } = await server.run("face-detect", picture);
    expect(items[0]?.error).toMatchObject({ code: "stage_failed", message: expect.stringContaining("no power") });
    const letter = await server.events.next({ type: "dead_letter.created" });
    expect(letter.data.attempts).toBe(2);
  });

  test("that are unavailable make their pipelines unavailable, and no others", async () => {
    await using server = await startTestServer({ models: { ...ALL, "liveness-default": unavailable("in the post") } });
    const refused = await thrownBy(server.run("face-liveness", picture));
    expect(refused).toMatchObject({ code: "pipeline_unavailable" });
    expect(JSON.stringify((refused as { details: unknown }).details)).toContain("in the post");
    expect((await server.run("face-detect", picture)).items[0]?.status).toBe("ok");
  });

  test("answer by name and for each face", async () => {
    await using server = await startTestServer({
      shipped: ["face-liveness"],
      pipelines: { all: "stages:\n  - detect: {}\n  - liveness: {}\n" },
      models: {
        "detector-default": scripted(FACES),
        "liveness-default": scriptedByName({
          "mask-*": { live: 0.05 },
          "*": forEachFace({ live: 0.9 }, { live: 0.1 }),
        }),
        "*": scripted(),
      },
    });
    const { items } = await server.run("all", { "mask-1.png": picture, "people.png": picture });
    expect(items.map(({ faces }) => faces.map((face) => face.liveness?.prediction))).toEqual([
      ["spoof", "spoof"],
      ["live", "spoof"],
    ]);
  });

  test("stand in for a second detector without inventing faces", async () => {
    await using server = await startTestServer({ models: { ...ALL, "detector-default": scripted([]) } });
    expect((await server.run("face-detect", picture)).items[0]?.status).toBe("no_face");
  });
});

test("dead letters age by the clock of the server", async () => {
  const clock = fakeClock("2040-01-01T00:00:00Z");
  const models = { ...ALL, "detector-default": scripted(failing()) };
  await using server = await startTestServer({ clock, models, settings: { dead_letters: { retention: "2d" } } });
  await server.run("face-detect", picture);
  const kept = async () =>
    (await server.json<{ dead_letters: { time: string }[] }>("/v1/dead-letters")).body.dead_letters;
  await clock.advance("47h");
  expect((await kept()).map(({ time }) => time)).toEqual(["2040-01-01T00:00:00.000Z"]);
  await clock.advance("2h");
  expect(await kept()).toEqual([]);
});

test("a clock that is moved by hand lets events age and go without waiting", async () => {
  const clock = fakeClock("2030-01-01T00:00:00Z");
  await using server = await startTestServer({ clock, models: ALL, settings: { events: { retention: "30d" } } });
  await server.run("face-detect", picture);
  expect((await server.events.next("item.completed")).time).toBe("2030-01-01T00:00:00.000Z");
  const past = () => server.json<{ events: { age_ms: number }[] }>("/v1/events?type=item.completed");
  await clock.advance("29d");
  expect((await past()).body.events[0]?.age_ms).toBe(29 * 86_400_000);
  await clock.advance("25h");
  expect((await past()).body.events).toEqual([]);
});

test("with a file for a database it knows after a restart what it knew before", async () => {
  const data_dir = temporaryFolder("facewire-restart-");
  const options = { models: ALL, database: "file", settings: { data_dir } } as const;
  const first = await startTestServer(options);
  await first.run("face-detect", picture);
  await first.stop();
  await using second = await startTestServer(options);
  expect(await second.events.all("item.completed")).toHaveLength(1);
  expect(second.dataDir).toBe(data_dir);
});

test("jobs end and are forgotten by the clock of the server", async () => {
  const clock = fakeClock("2030-01-01T00:00:00Z");
  await using server = await startTestServer({ clock, models: ALL, settings: { jobs: { retention: "2d" } } });
  const init = { method: "POST", body: picture as BodyInit };
  const { body } = await server.json<{ id: string }>("/v1/jobs?pipeline=face-detect&name=a.png", init);
  const done = await server.events.next({ type: "job.completed", job: body.id });
  expect(done.time).toBe("2030-01-01T00:00:00.000Z");
  await clock.advance("47h");
  expect((await server.fetch(`/v1/jobs/${body.id}`)).status).toBe(200);
  await clock.advance("2h");
  expect((await server.fetch(`/v1/jobs/${body.id}`)).status).toBe(404);
});
