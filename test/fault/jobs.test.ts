/** Jobs outlive what happens to the processes that work on them. */
import { Database } from "bun:sqlite";
import { expect, test } from "bun:test";
import { mkdir, readdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { ulid } from "ulid";
import { accepted, endOf, followed, jobBecomes, jobForm, jobOf, lasting, resultsOf } from "../jobs/job-client.ts";
import { movingVideo } from "../jobs/moving-video.ts";
import type { ApiClient } from "../support/api-client.ts";
import { PLAIN_PICTURE } from "../support/engine.ts";
import { type ServerProcess, serve } from "../support/server-process.ts";
import { makeHome, testServer } from "../support/test-server.ts";

const VIDEO = await movingVideo(240);
const EVERY_FRAME = "?pipeline=video-liveness&every=1&name=moving.mp4";

/** Resolves when a job has this many results. */
async function gotAsFarAs(results: number, stream: ReturnType<typeof followed>): Promise<void> {
  let count = 0;
  for await (const _line of stream) if (++count === results) return;
}

/** The events of a type that a job has told. */
async function eventsOf(client: ApiClient, job: string, type: string) {
  const path = `/v1/events?limit=1000&type=${type}`;
  const { body } = await client.json<{ events: { job?: string; item?: number; data: unknown }[] }>(path);
  return body.events.filter((event) => event.job === job);
}

/** Stops a process while it does not hold the database's lock, which would hold up everybody else as well. */
async function stopOutsideOfWrites(home: { readonly dataDir: string }, server: ServerProcess): Promise<void> {
  using database = new Database(join(home.dataDir, "facewire.sqlite"));
  for (;;) {
    server.kill("SIGSTOP");
    try {
      database.run("begin immediate");
      database.run("rollback");
      return;
    } catch {
      server.kill("SIGCONT");
      await Bun.sleep(5);
    }
  }
}

/** What is left of jobs on the disk. */
const foldersOf = (home: { readonly dataDir: string }) => readdir(join(home.dataDir, "jobs"));

/** Resolves when nothing is left of them. */
async function noFoldersIn(home: { readonly dataDir: string }): Promise<void> {
  const end = Date.now() + 10_000;
  for (let left = await foldersOf(home); left.length > 0; left = await foldersOf(home)) {
    if (Date.now() > end) throw new Error(`This is left: ${left.join(", ")}`);
    await Bun.sleep(5);
  }
}

test("a job whose process is killed in the middle of a video goes on behind its last frame, twice, as if nothing had happened", async () => {
  await using home = await makeHome({}, ["video-liveness"]);
  let id = "";
  for (const results of [20, 90]) {
    await using server = await serve(home);
    if (id === "") id = await accepted(server.client, EVERY_FRAME, VIDEO);
    await gotAsFarAs(results, followed(server.client, id));
    server.kill("SIGKILL");
    expect(await server.ended).toBe(137);
  }
  await using server = await serve(home);
  const before = (await jobOf(server.client, id)).progress.done;
  expect(before).toBeGreaterThanOrEqual(90);
  expect(before).toBeLessThan(240);
  const job = await endOf(server.client, id);
  expect([job.state, job.error, job.progress.done]).toEqual(["completed", undefined, 240]);

  const whole = await endOf(server.client, await accepted(server.client, EVERY_FRAME, VIDEO));
  const results = await resultsOf(server.client, id);
  expect(results.map(({ index }) => index)).toEqual(Array.from({ length: 240 }, (_, index) => index));
  expect(results.map(lasting)).toEqual((await resultsOf(server.client, whole.id)).map(lasting));
  expect(job.aggregate).toEqual(whole.aggregate!);
  expect(job.videos).toEqual(whole.videos!);
  expect(job.progress).toMatchObject({ ok: whole.progress.ok, no_face: whole.progress.no_face });
  await noFoldersIn(home);

  // Each frame has told its events once, in all three lives of the job together.
  const { events } = (
    await server.client.json<{ events: { type: string; item?: number; job?: string }[] }>(
      "/v1/events?limit=1000&type=item.completed",
    )
  ).body;
  const told = events.filter((event) => event.job === id).map(({ item }) => item);
  expect(told.toSorted((a, b) => a! - b!)).toEqual(results.map(({ index }) => index));
}, 120_000);

test("a server that is told to stop gives its job back behind the frame that is done, and another goes on with it at once", async () => {
  await using home = await makeHome({}, ["video-liveness"]);
  await using first = await serve(home);
  const id = await accepted(first.client, EVERY_FRAME, VIDEO);
  await gotAsFarAs(15, followed(first.client, id));
  first.kill("SIGTERM");
  expect(await first.ended).toBe(0);
  expect(first.output()).toContain("job given back");

  await using second = await serve(home);
  await jobBecomes(second.client, id, ({ state }) => state !== "waiting");
  const job = await endOf(second.client, id);
  expect([job.state, job.progress.done, job.progress.failed]).toEqual(["completed", 240, 0]);
  expect((await resultsOf(second.client, id)).map(({ frame }) => frame?.number)).toEqual(
    Array.from({ length: 240 }, (_, number) => number),
  );
}, 120_000);

test("two processes on one data folder share the jobs: each is run once, and can be read and cancelled through either", async () => {
  await using home = await makeHome({ plain: "stages:\n  - detect: {}\n" }, ["video-liveness"]);
  await using first = await serve(home);
  await using second = await serve(home);
  const videos = [await accepted(first.client, EVERY_FRAME, VIDEO), await accepted(first.client, EVERY_FRAME, VIDEO)];
  const many = await accepted(
    second.client,
    "?pipeline=plain",
    jobForm(Array.from({ length: 20 }, (_, at) => [`${at}.pgm`, PLAIN_PICTURE] as const)),
  );
  // One each: neither waits for the other.
  for (const id of videos) await jobBecomes(second.client, id, ({ progress }) => progress.done > 5);
  for (const { client } of [first, second]) {
    expect((await client.json<{ jobs: unknown[] }>("/v1/jobs?state=running")).body.jobs).toHaveLength(2);
  }
  // Whoever works on the first video, one of the two is asked to cancel what the other does.
  for (const [at, { client }] of [first, second].entries()) {
    const { status } = await client.json(`/v1/jobs/${videos[at]}`, { method: "DELETE" });
    expect(status).toBe(200);
  }
  expect((await endOf(first.client, many)).progress).toMatchObject({ done: 20, no_face: 20 });
  expect((await resultsOf(first.client, many)).map(({ index }) => index)).toEqual(
    Array.from({ length: 20 }, (_, index) => index),
  );
  for (const id of [...videos, many]) expect(await eventsOf(second.client, id, "job.started")).toHaveLength(1);
  for (const id of videos) {
    const { progress, state } = await jobOf(second.client, id);
    expect(state).toBe("cancelled");
    expect((await resultsOf(first.client, id)).map(({ index }) => index)).toEqual(
      Array.from({ length: progress.done }, (_, index) => index),
    );
  }
  // The process that did a job removes its uploads just after it has said that it ended.
  await noFoldersIn(home);
}, 60_000);

test("a process that was held up for longer than its lease changes nothing of the job that another has taken over", async () => {
  await using home = await makeHome({}, ["video-liveness"]);
  await using first = await serve(home);
  const id = await accepted(first.client, EVERY_FRAME, VIDEO);
  await gotAsFarAs(15, followed(first.client, id));
  await stopOutsideOfWrites(home, first);
  await using second = await serve(home);
  const stopped = (await jobOf(second.client, id)).progress.done;
  const taken = await jobBecomes(second.client, id, ({ progress }) => progress.done > stopped);
  expect([taken.state, taken.progress.done < 240]).toEqual(["running", true]);
  first.kill("SIGCONT");
  const job = await endOf(second.client, id);
  expect([job.state, job.progress.done]).toEqual(["completed", 240]);
  expect((await resultsOf(second.client, id)).map(({ index, frame }) => [index, frame?.number])).toEqual(
    Array.from({ length: 240 }, (_, at) => [at, at]),
  );
  // The one that was held up is well, and knows that the job is not its own.
  expect((await jobOf(first.client, id)).state).toBe("completed");
  await jobBecomes(first.client, await accepted(first.client, EVERY_FRAME, VIDEO), ({ progress }) => progress.done > 0);
}, 60_000);

test("what an upload left whose process was killed is gone after the next start; that of a living process stays", async () => {
  await using home = await makeHome({ plain: "stages:\n  - detect: {}\n" });
  const trickle = () => {
    let sent = false;
    return new ReadableStream<Uint8Array>({
      async pull(controller) {
        if (sent) await new Promise(() => {});
        sent = true;
        controller.enqueue(PLAIN_PICTURE);
      },
    });
  };
  const begun = async (client: ApiClient, folders: number) => {
    void client.fetch("/v1/jobs?pipeline=plain", { method: "POST", body: trickle() }).catch(() => undefined);
    for (
      const end = Date.now() + 10_000;
      (await foldersOf(home).catch(() => [])).length < folders;
      await Bun.sleep(5)
    ) {
      if (Date.now() > end) throw new Error("The upload did not begin.");
    }
  };
  {
    await using killed = await serve(home);
    await begun(killed.client, 1);
    killed.kill("SIGKILL");
    await killed.ended;
  }
  // A folder of a job that the database was restored without.
  const stray = join(home.dataDir, "jobs", ulid());
  await mkdir(stray);
  await writeFile(join(stray, "0"), "a face");
  await using living = await serve(home);
  await noFoldersIn(home);
  await begun(living.client, 1);
  await using _third = await serve(home);
  expect(await foldersOf(home)).toHaveLength(1);
}, 60_000);

test("a job whose database is locked waits, and goes on when it is let go, with no result lost", async () => {
  await using server = await testServer({
    pipelines: { plain: "stages:\n  - detect: {}\n" },
    env: { FACEWIRE_INFERENCE_WORKERS: "1" },
  });
  const files = Array.from({ length: 300 }, (_, at) => [`${at}.pgm`, PLAIN_PICTURE] as const);
  const id = await accepted(server.client, "?pipeline=plain", jobForm(files));
  await jobBecomes(server.client, id, ({ progress }) => progress.done > 0);
  using holder = new Database(join(server.home.dataDir, "facewire.sqlite"));
  holder.run("begin immediate");
  const before = (await jobOf(server.client, id)).progress.done;
  await Bun.sleep(2_500);
  // Readers are not held up, and nothing counts as done that is not committed.
  expect((await jobOf(server.client, id)).progress.done).toBe(before);
  holder.run("rollback");
  const job = await endOf(server.client, id);
  expect([job.state, job.progress.done, job.progress.failed]).toEqual(["completed", 300, 0]);
  expect((await resultsOf(server.client, id)).map(({ name }) => name)).toEqual(files.map(([name]) => name));
}, 60_000);
