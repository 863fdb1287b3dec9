/** Jobs outlive what happens to the processes that work on them. */
import { expect, test } from "bun:test";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { accepted, endOf, followed, jobBecomes, jobOf, lasting, resultsOf } from "../jobs/job-client.ts";
import { movingVideo } from "../jobs/moving-video.ts";
import { serve } from "../support/server-process.ts";
import { makeHome } from "../support/test-server.ts";

const VIDEO = await movingVideo(240);
const EVERY_FRAME = "?pipeline=video-liveness&every=1&name=moving.mp4";

/** Resolves when a job has this many results. */
async function gotAsFarAs(results: number, stream: ReturnType<typeof followed>): Promise<void> {
  let count = 0;
  for await (const _line of stream) if (++count === results) return;
}

/** What is left of jobs on the disk. */
const foldersOf = (home: { readonly dataDir: string }) => readdir(join(home.dataDir, "jobs"));

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
  expect(await foldersOf(home)).toEqual([]);

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
