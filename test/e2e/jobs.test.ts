/** Jobs through the door: handed in, watched, followed, cancelled, deleted. */
import { describe, expect, test } from "bun:test";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import {
  type Gate,
  gate,
  heldAt,
  samplePhotograph,
  scripted,
  startTestServer,
  type TestServer,
  testPicture,
} from "../../src/testing/index.ts";
import {
  accepted,
  endOf,
  followed,
  jobBecomes,
  jobForm,
  jobOf,
  lasting,
  resultsOf,
  submit,
} from "../jobs/job-client.ts";
import { movingVideo } from "../jobs/moving-video.ts";

const PICTURE = await testPicture({ faces: [{ box: [220, 120, 160, 200] }] });
const LIVENESS = "stages:\n  - detect: {}\n  - landmarks: {}\n  - liveness: {}\naggregate: { liveness: mean }\n";

/** A server whose models answer at once with one live face. */
const quickServer = (options: Parameters<typeof startTestServer>[0] = {}) =>
  startTestServer({ shipped: false, pipelines: { live: LIVENESS }, models: { "*": scripted() }, ...options });

/** One that answers when the gate lets it, one picture after the other. */
const heldServer = (held: Gate) =>
  quickServer({
    models: { "*": scripted(), "liveness-default": scripted(heldAt(held, {})) },
    settings: { inference: { items_per_worker: 1 } },
  });

const pictures = (count: number): [string, Uint8Array][] =>
  Array.from({ length: count }, (_, index) => [`${index}.png`, PICTURE]);

/** Resolves when no upload is left on the disk: they go right after their job has ended. */
async function uploadsAreGone({ dataDir }: TestServer): Promise<void> {
  for (const end = Date.now() + 5_000; ; await Bun.sleep(5)) {
    const left = await readdir(join(dataDir, "jobs"));
    if (left.length === 0) return;
    if (Date.now() > end) throw new Error(`These uploads stay: ${left}`);
  }
}

/** Resolves when so many pictures wait for a worker. */
async function untilWaiting(server: TestServer, count: number): Promise<void> {
  for (const end = Date.now() + 10_000; ; await Bun.sleep(5)) {
    const waiting = (await server.health()).parts.queue?.details?.waiting;
    if (waiting === count) return;
    if (Date.now() > end) throw new Error(`${waiting} pictures wait, not ${count}.`);
  }
}

async function eventTypes(server: TestServer, job: string): Promise<string[]> {
  const path = `/v1/events?limit=1000&request=job-${job}`;
  const { body } = await server.json<{ events: { type: string; job?: string }[] }>(path);
  expect(body.events.every((event) => event.job === job)).toBe(true);
  return body.events.map(({ type }) => type);
}

describe("A job of many pictures", () => {
  test("gives their results in order, a damaged one as failed, and the aggregate that one request would", async () => {
    await using server = await startTestServer({ shipped: ["face-liveness"] });
    const files: [string, Uint8Array | string][] = [];
    for (const at of [1, 2, 3, 4, 5, 6] as const) files.push([`sample${at}.jpg`, await samplePhotograph(at)]);
    files.splice(2, 0, ["broken.jpg", "this is no picture"]);
    const answer = await submit(server, "", jobForm(files, { pipeline: "face-liveness" }));
    expect(answer.status).toBe(202);
    expect(answer.headers.get("location")).toBe(`/v1/jobs/${answer.body.id}`);
    expect(answer.body).toMatchObject({ files: 7, progress: { done: 0, total: 7 }, options: {} });

    const job = await endOf(server, answer.body.id);
    expect(job).toMatchObject({
      state: "completed",
      progress: { done: 7, total: 7, ok: 6, failed: 1, time_left_s: null },
      versions: [(await server.pipelines()).find(({ name }) => name === "face-liveness")?.version],
    });
    const results = await resultsOf(server, job.id);
    expect(results.map(({ index, name, status }) => [index, name, status])).toEqual(
      files.map(([name], index) => [index, name, name === "broken.jpg" ? "failed" : "ok"]),
    );
    expect(results[2]?.error?.code).toBe("picture_unknown_format");
    const one = await server.run(
      "face-liveness",
      Object.fromEntries(files.map(([name, bytes]) => [name, new Blob([bytes as BlobPart])])),
    );
    expect(job.aggregate).toEqual(one.aggregate);
    expect(results.map(lasting)).toEqual(one.items.map(lasting));
    await uploadsAreGone(server);
  }, 60_000);

  test("is read in pages, and tells what was asked for", async () => {
    await using server = await quickServer();
    const id = await accepted(server, "?pipeline=live&exif=1&explain=1", jobForm(pictures(5)));
    await endOf(server, id);
    const all = await resultsOf(server, id, 2);
    expect(all.map(({ index }) => index)).toEqual([0, 1, 2, 3, 4]);
    expect(all[0]?.explain?.length).toBeGreaterThan(0);
    expect((await jobOf(server, id)).options).toEqual({ explain: true, exif: true });
    const last = await server.json(`/v1/jobs/${id}/results?after=4`);
    expect(last.body).toEqual({ request: expect.any(String), id, state: "completed", items: [] });
  });

  test("is followed line by line while it runs, with its files on the disk until it has ended", async () => {
    using held = gate();
    await using server = await heldServer(held);
    const id = await accepted(server, "?pipeline=live", jobForm(pictures(4)));
    await held.holds(1);
    expect((await readdir(join(server.dataDir, "jobs", id))).sort()).toEqual(["0", "1", "2", "3"]);
    const seen: string[] = [];
    held.pass();
    for await (const line of followed(server, id)) {
      seen.push("job" in line ? line.job.state : `${line.index}`);
      if (seen.length < 4) await held.holds(seen.length + 1);
      held.pass();
      if (seen.length === 1) expect((await jobOf(server, id)).state).toBe("running");
    }
    expect(seen).toEqual(["0", "1", "2", "3", "completed"]);
    await uploadsAreGone(server);
  }, 20_000);

  test("is followed from before its first result on: the answer begins at once", async () => {
    using held = gate();
    await using server = await heldServer(held);
    const id = await accepted(server, "?pipeline=live", jobForm(pictures(1)));
    await held.holds(1);
    const following = await server.fetch(`/v1/jobs/${id}/results?follow=1`);
    expect(following.status).toBe(200);
    held.open();
    const lines = (await following.text()).split("\n").filter((line) => line !== "");
    expect(lines.map((line) => Object.keys(JSON.parse(line))[0])).toEqual(["index", "job"]);
  });

  test("is counted in health and metrics until it has ended", async () => {
    using held = gate();
    await using server = await heldServer(held);
    const first = await accepted(server, "?pipeline=live", jobForm(pictures(1)));
    await held.holds(1);
    const second = await accepted(server, "?pipeline=live", jobForm(pictures(1)));
    expect((await server.health()).parts.jobs).toMatchObject({
      status: "ok",
      details: { running: 1, waiting: 1, stalled: 0 },
    });
    expect(await server.metric('facewire_jobs{state="waiting"}')).toBe(1);
    held.open();
    await endOf(server, first);
    await endOf(server, second);
    expect((await server.health()).parts.jobs).toMatchObject({ details: { running: 0, waiting: 0, stalled: 0 } });
  });

  test("tells its life as events: created, started, its items, progress, completed", async () => {
    await using server = await quickServer();
    const id = await accepted(server, "?pipeline=live", jobForm(pictures(3)));
    await endOf(server, id);
    const types = await eventTypes(server, id);
    expect(types.slice(0, 2)).toEqual(["job.created", "job.started"]);
    expect(types.at(-1)).toBe("job.completed");
    expect(types.filter((type) => type === "item.completed")).toHaveLength(3);
    expect(types).toContain("job.progress");
    expect(types.filter((type) => type.startsWith("request."))).toEqual([]);
  });
});

describe("A job of a video", () => {
  test("analyses the frames asked for, estimates how many there will be, and keeps the best one", async () => {
    await using server = await startTestServer({ shipped: ["video-liveness"] });
    const video = await movingVideo(30);
    const id = await accepted(server, "?pipeline=video-liveness&every=3&name=moving.mp4", video);
    const started = await jobBecomes(server, id, ({ progress }) => progress.total !== null);
    expect(started.progress.total).toBe(10);
    const job = await endOf(server, id);
    expect(job).toMatchObject({ state: "completed", options: { every: 3 }, progress: { done: 10, total: 10 } });
    const results = await resultsOf(server, id);
    expect(results.map(({ name, frame }) => [name, frame?.number])).toEqual(
      Array.from({ length: 10 }, (_, at) => ["moving.mp4", at * 3]),
    );
    const [summary] = job.videos ?? [];
    expect(summary).toMatchObject({ file: 0, name: "moving.mp4", frames_analysed: 10, ended: "complete" });
    expect(summary?.best_frame?.data).toStartWith("/9j/");

    const run = await server.run("video-liveness", { "moving.mp4": new Blob([video as BlobPart]) }, { every: 3 });
    expect(job.aggregate).toEqual(run.aggregate);
    expect(job.videos).toEqual(run.videos!);
    expect(results.map(lasting)).toEqual(run.items.map(lasting));
  }, 60_000);

  test("fails with the video's own error when it is the only file, and counts as one failed result among others", async () => {
    await using server = await startTestServer({ shipped: ["video-liveness"] });
    const broken = (await movingVideo(10)).slice(0, 600);
    const alone = await endOf(server, await accepted(server, "?pipeline=video-liveness", broken));
    expect([alone.state, alone.error?.code]).toEqual(["failed", expect.stringMatching(/^video_/)]);

    const files: [string, Uint8Array][] = [
      ["a.png", PICTURE],
      ["b.mp4", broken],
      ["c.png", PICTURE],
    ];
    const among = await endOf(server, await accepted(server, "?pipeline=video-liveness", jobForm(files)));
    expect([among.state, among.progress.failed]).toEqual(["completed", 1]);
    expect((await resultsOf(server, among.id)).map(({ index, name }) => [index, name])).toEqual([
      [0, "a.png"],
      [1, "b.mp4"],
      [2, "c.png"],
    ]);
  }, 60_000);
});

describe("Cancelling", () => {
  test("ends a running job at once, keeps its results, frees its worker, and is told", async () => {
    using held = gate();
    await using server = await heldServer(held);
    const id = await accepted(server, "?pipeline=live", jobForm(pictures(9)));
    await held.holds(1);
    held.pass();
    await jobBecomes(server, id, ({ progress }) => progress.done === 1);
    const cancelled = await server.json(`/v1/jobs/${id}`, { method: "DELETE" });
    expect([cancelled.status, cancelled.body.state]).toEqual([200, "cancelled"]);
    held.open();
    expect((await resultsOf(server, id)).map(({ index }) => index)).toEqual([0]);
    await uploadsAreGone(server);
    expect((await eventTypes(server, id)).at(-1)).toBe("job.cancelled");
    expect((await server.run("live", PICTURE)).items[0]?.status).toBe("ok");
  }, 20_000);

  test("ends a waiting job, which then never runs", async () => {
    using held = gate();
    await using server = await heldServer(held);
    const first = await accepted(server, "?pipeline=live", PICTURE);
    const second = await accepted(server, "?pipeline=live", PICTURE);
    await held.holds(1);
    expect((await jobOf(server, second)).state).toBe("waiting");
    expect((await server.json(`/v1/jobs/${second}`, { method: "DELETE" })).body.state).toBe("cancelled");
    held.open();
    await endOf(server, first);
    expect(await jobOf(server, second)).toMatchObject({ state: "cancelled", started_at: null, progress: { done: 0 } });
  });

  test("of a job that has ended deletes it with its results, or with cancel=1 answers job_ended and keeps it", async () => {
    await using server = await quickServer();
    const id = await accepted(server, "?pipeline=live", PICTURE);
    await endOf(server, id);
    const kept = await server.json(`/v1/jobs/${id}?cancel=1`, { method: "DELETE" });
    expect([kept.status, kept.body.error]).toMatchObject([409, { code: "job_ended", details: { state: "completed" } }]);
    expect((await server.fetch(`/v1/jobs/${id}`, { method: "DELETE" })).status).toBe(204);
    for (const path of [`/v1/jobs/${id}`, `/v1/jobs/${id}/results`, `/v1/jobs/${id}/results?follow=1`]) {
      const gone = await server.json(path);
      expect([gone.status, gone.body.error]).toMatchObject([404, { code: "job_unknown" }]);
    }
    expect((await server.json(`/v1/jobs/${id}`, { method: "DELETE" })).status).toBe(404);
    expect((await server.json("/v1/jobs")).body).toEqual({ request: expect.any(String), jobs: [] });
  });
});

describe("Jobs", () => {
  test("run as many at once as jobs.concurrent says, in the order they came", async () => {
    using held = gate();
    await using server = await quickServer({
      models: { "*": scripted(), "liveness-default": scripted(heldAt(held, {})) },
      settings: { jobs: { concurrent: 2 } },
      workers: 2,
    });
    const ids: string[] = [];
    for (let at = 0; at < 4; at++) ids.push(await accepted(server, "?pipeline=live", PICTURE));
    await held.holds(2);
    const states = async () => Promise.all(ids.map(async (id) => (await jobOf(server, id)).state));
    expect(await states()).toEqual(["running", "running", "waiting", "waiting"]);
    held.pass();
    await held.holds(3);
    expect((await states()).toSorted()).toEqual(["completed", "running", "running", "waiting"]);
    expect((await states())[3]).toBe("waiting");
    held.open();
    for (const id of ids) expect((await endOf(server, id)).state).toBe("completed");
  }, 20_000);

  test("leave the first place to requests", async () => {
    using held = gate();
    await using server = await quickServer({
      models: { "*": scripted(), "liveness-default": scripted(heldAt(held, {})) },
      settings: { inference: { items_per_worker: 1 } },
    });
    const id = await accepted(server, "?pipeline=live", jobForm(pictures(9)));
    await held.holds(1);
    const asked = server.run("live", { "asked.png": PICTURE });
    // One picture is at the gate, two of the job wait, and now the request behind them.
    await untilWaiting(server, 3);
    held.pass();
    await held.holds(2);
    expect(held.waiting).toEqual(["asked.png"]);
    held.open();
    await asked;
    await endOf(server, id);
  }, 20_000);

  test("are listed newest first, in pages, by state and pipeline", async () => {
    await using server = await quickServer({ pipelines: { live: LIVENESS, other: LIVENESS } });
    const ids: string[] = [];
    for (const pipeline of ["live", "other", "live"])
      ids.push(await accepted(server, `?pipeline=${pipeline}`, PICTURE));
    for (const id of ids) await endOf(server, id);
    const list = async (query: string) =>
      (await server.json<{ jobs: { id: string }[]; next?: string }>(`/v1/jobs${query}`)).body;
    const first = await list("?limit=2");
    expect(first.jobs.map(({ id }) => id)).toEqual([ids[2]!, ids[1]!]);
    expect((await list(`?limit=2&before=${first.next}`)).jobs.map(({ id }) => id)).toEqual([ids[0]!]);
    expect((await list("?pipeline=other")).jobs.map(({ id }) => id)).toEqual([ids[1]!]);
    expect((await list("?state=running")).jobs).toEqual([]);
    expect((await list("?state=completed")).jobs).toHaveLength(3);
    expect((await server.json("/v1/jobs?state=done")).status).toBe(400);
  });

  test("are handed in with role run and read with role read", async () => {
    await using server = await quickServer({ tokens: { reader: "read", runner: "run" } });
    const { reader, runner } = { reader: server.as(server.tokens.reader!), runner: server.as(server.tokens.runner!) };
    expect((await submit(reader, "?pipeline=live", PICTURE)).body.error?.code).toBe("forbidden");
    const id = await accepted(runner, "?pipeline=live", PICTURE);
    await endOf(reader, id);
    expect(await resultsOf(reader, id)).toHaveLength(1);
    expect((await reader.fetch(`/v1/jobs/${id}`, { method: "DELETE" })).status).toBe(403);
    expect((await runner.fetch(`/v1/jobs/${id}`, { method: "DELETE" })).status).toBe(204);
  });

  test("go on with a changed pipeline, and tell both versions; without their pipeline they fail", async () => {
    using held = gate();
    await using server = await heldServer(held);
    const id = await accepted(server, "?pipeline=live", jobForm(pictures(12)));
    await jobBecomes(server, id, ({ versions }) => versions.length > 0);
    await held.holds(1);
    const [before] = await server.pipelines();
    await server.writePipeline("live", LIVENESS.replace("mean", "minimum"));
    for (const end = Date.now() + 10_000; (await server.pipelines())[0]?.version === before?.version; ) {
      if (Date.now() > end) throw new Error("The changed pipeline was not taken up.");
      await Bun.sleep(10);
    }
    held.open();
    const job = await endOf(server, id);
    expect([job.state, job.versions.length, job.versions[0]]).toEqual(["completed", 2, before!.version]);
    expect(job.aggregate?.liveness).toMatchObject({ method: "minimum", pictures: 12 });

    held.close();
    const doomed = await accepted(server, "?pipeline=live", jobForm(pictures(12)));
    await jobBecomes(server, doomed, ({ versions }) => versions.length > 0);
    await server.removePipeline("live");
    for (const end = Date.now() + 10_000; (await server.pipelines()).length > 0; await Bun.sleep(10)) {
      if (Date.now() > end) throw new Error("The pipeline was not taken away.");
    }
    held.open();
    const failed = await endOf(server, doomed);
    expect([failed.state, failed.error?.code]).toEqual(["failed", "pipeline_unknown"]);
    expect((await eventTypes(server, doomed)).at(-1)).toBe("job.failed");
  }, 30_000);

  test("wait while the server is full, say why, and go on when it no longer is", async () => {
    using held = gate();
    await using server = await quickServer({
      models: { "*": scripted(), "liveness-default": scripted(heldAt(held, {})) },
      settings: { queue: { limit: 1 }, inference: { items_per_worker: 1 } },
    });
    const first = server.run("live", { "first.png": PICTURE });
    await held.holds(1);
    const second = server.run("live", { "second.png": PICTURE });
    await untilWaiting(server, 1);
    const id = await accepted(server, "?pipeline=live", jobForm(pictures(3)));
    const waiting = await jobBecomes(server, id, ({ waiting_for }) => waiting_for !== undefined);
    expect(waiting).toMatchObject({ state: "running", waiting_for: { code: "overloaded" }, progress: { done: 0 } });
    held.open();
    await Promise.all([first, second]);
    const job = await endOf(server, id);
    expect([job.state, job.progress.ok, job.waiting_for]).toEqual(["completed", 3, undefined]);
  }, 30_000);
});
