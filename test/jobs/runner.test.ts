/** How a job is worked on when the engine does what a test says. */
import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { ulid } from "ulid";
import { FacewireError } from "../../src/errors.ts";
import type { EventRecorder, NewEvent } from "../../src/events/recorder.ts";
import { JobChanges } from "../../src/jobs/changes.ts";
import { JobFolders } from "../../src/jobs/folders.ts";
import { Leases } from "../../src/jobs/leases.ts";
import { JobNews } from "../../src/jobs/news.ts";
import { JobRunner } from "../../src/jobs/runner.ts";
import { JobUpload } from "../../src/jobs/upload.ts";
import { createLogger } from "../../src/observe/logs.ts";
import type { Engine, ItemResult, VideoRunRequest, VideoRunResult } from "../../src/pipeline/results.ts";
import { openStore, type Store } from "../../src/store/store.ts";
import { type ScriptedEngine, scriptedEngine } from "../api/native/scripted-engine.ts";
import { temporaryFolder } from "../support/temp-folder.ts";

/** How an MP4 begins. */
const VIDEO = Buffer.from("\0\0\0\x20ftypisom\0\0\x02\0isomiso2avc1mp41");
const FRAMES = 6;

let store: Store;
let folders: JobFolders;
let events: NewEvent[];
const runners: JobRunner[] = [];
beforeEach(async () => {
  const folder = temporaryFolder("facewire-runner-");
  store = await openStore(folder);
  folders = new JobFolders(folder);
  events = [];
});
afterEach(async () => {
  for (const runner of runners.splice(0)) await runner.stop(0);
  await store.close();
});

/** Stores events at once. */
function storing(): EventRecorder {
  return { record: async (told) => events.push(...told) > 0, settled: async () => undefined };
}

/** Starts a runner on an engine. */
function start(engine: Engine, recorder: EventRecorder = storing()): JobRunner {
  const runner = new JobRunner({
    engine,
    recorder,
    jobs: store.jobs,
    work: store.jobWork,
    content: store.jobContent,
    folders,
    leases: new Leases(store.jobWork),
    news: new JobNews(recorder, store.jobs),
    changes: new JobChanges(),
    logger: createLogger("silent", { write: () => undefined }),
    concurrent: 1,
    priority: 2,
    pictures: 2,
    maxPictureBytes: 1_000,
    place: async () => undefined,
  });
  runners.push(runner);
  runner.start();
  return runner;
}

/** A waiting job of these files. */
async function job(...files: readonly Uint8Array[]): Promise<string> {
  const id = ulid();
  await store.jobs.reserve({ id, owner: "o", leaseUntil: Date.now() + 60_000, limit: undefined });
  const upload = new JobUpload(id, folders, store.jobContent);
  for (const [at, bytes] of files.entries()) {
    await upload.begin(`file-${at}`);
    await upload.write(bytes);
    await upload.end();
  }
  const facts = await upload.complete();
  const admission = { pipeline: "face-detect", options: {}, key: undefined, fingerprint: "f", total: undefined };
  await store.jobs.admit(id, { ...admission, files: facts.files, bytes: facts.bytes });
  return id;
}

async function becomes(id: string, holds: (job: NonNullable<Awaited<ReturnType<Store["jobs"]["get"]>>>) => boolean) {
  for (const end = Date.now() + 10_000; ; await Bun.sleep(2)) {
    const found = await store.jobs.get(id);
    if (found && holds(found)) return found;
    if (Date.now() > end) throw new Error(`The job did not become ${holds}: ${JSON.stringify(found)}`);
  }
}

const endOf = (id: string) => becomes(id, ({ endedAt }) => endedAt !== undefined);

/** An engine that plays a video of six frames from where it is asked to; `frame` says what becomes of each. */
function playing(
  frame: (number: number, request: VideoRunRequest) => Partial<ItemResult> | Promise<Partial<ItemResult>>,
): ScriptedEngine & { readonly asked: VideoRunRequest[] } {
  const asked: VideoRunRequest[] = [];
  const runVideo = async (request: VideoRunRequest): Promise<VideoRunResult> => {
    asked.push(request);
    const facts = { container: "mp4", codec: "h264", width: 9, height: 9, rotation: 0, duration_s: 2, frame_rate: 3 };
    request.onInfo?.(facts, { every: 1 });
    for (let number = (request.after?.number ?? -1) + 1, index = request.firstIndex ?? 0; number < FRAMES; number++) {
      const shown = { file: request.file ?? 0, number, time_s: number / 3 };
      const item = { index: index++, name: request.name, status: "no_face", faces: [], frame: shown } as const;
      try {
        await request.onItem({ ...item, ...(await frame(number, request)) }, undefined);
      } catch (thrown) {
        // As the real engine does.
        throw FacewireError.from(thrown);
      }
    }
    const video = { ...facts, file: 0, name: request.name, frames_decoded: FRAMES, frames_analysed: 1 };
    return {
      request: request.id,
      pipeline: request.pipeline,
      version: "0123456789ab",
      aggregate: {},
      elapsed_ms: 1,
      video: { ...video, ended: "complete", best_frame: null },
    };
  };
  return Object.assign(scriptedEngine(), { asked, runVideo, aggregate: () => ({}) });
}

const failure = (code: "group_unavailable" | "picture_truncated") =>
  ({ status: "failed", error: new FacewireError(code, "No.").toPublic() }) as const;

const frames = async (id: string) =>
  (await store.jobContent.results(id, -1, 100)).map(({ item }) => {
    const { index, frame, status } = JSON.parse(item) as ItemResult;
    return [index, frame?.number, status];
  });

describe("A video", () => {
  test("goes on behind its last good frame when the surroundings fail in the middle, and says what it waits for", async () => {
    let outage = true;
    const engine = playing((number) => (number === 3 && outage ? failure("group_unavailable") : {}));
    const id = await job(VIDEO);
    start(engine);
    const waiting = await becomes(id, ({ waitingFor }) => waitingFor !== undefined);
    expect([waiting.state, waiting.waitingFor?.code, waiting.counts.no_face]).toEqual([
      "running",
      "group_unavailable",
      3,
    ]);
    outage = false;
    const ended = await endOf(id);
    expect([ended.state, ended.counts.no_face, ended.total, ended.waitingFor]).toEqual(["completed", 6, 6, undefined]);
    expect(await frames(id)).toEqual(Array.from({ length: FRAMES }, (_, at) => [at, at, "no_face"]));
    for (const request of engine.asked.slice(1)) {
      expect([request.after, request.firstIndex]).toEqual([{ number: 2, timeS: 2 / 3 }, 3]);
    }
    // What did not count has told nothing.
    expect(events.filter(({ type }) => type === "item.failed")).toEqual([]);
    expect(events.filter(({ type }) => type === "item.completed")).toHaveLength(6);
    const { summaries } = await store.jobContent.videos(id, 10);
    expect(JSON.parse(summaries[0] ?? "{}")).toMatchObject({ frames_analysed: 6 });
  });

  test("is not acknowledged before its events are stored, and its end is told again until it is", async () => {
    const stored = Promise.withResolvers<void>();
    let away = true;
    const recorder: EventRecorder = {
      async record(told) {
        events.push(...told);
        return !away;
      },
      settled: () => stored.promise,
    };
    const id = await job(VIDEO);
    start(
      playing(() => ({})),
      recorder,
    );
    for (const end = Date.now() + 10_000; events.length < 7 && Date.now() < end; ) await Bun.sleep(2);
    await Bun.sleep(20);
    expect(await frames(id)).toEqual([]);
    stored.resolve();
    expect((await endOf(id)).state).toBe("completed");
    expect(await frames(id)).toHaveLength(FRAMES);
    for (const end = Date.now() + 10_000; events.at(-1)?.type !== "job.completed" && Date.now() < end; ) {
      await Bun.sleep(2);
    }
    const news = new JobNews(recorder, store.jobs);
    events = [];
    await news.tellMissed();
    away = false;
    await news.tellMissed();
    await news.tellMissed();
    const end = ["job.created", "job.completed"];
    expect(events.map(({ type }) => type)).toEqual([...end, ...end] as (typeof events)[number]["type"][]);
  });

  test("keeps a frame that fails by its own fault as failed, and goes on", async () => {
    const id = await job(VIDEO);
    start(playing((number) => (number === 2 ? failure("picture_truncated") : {})));
    expect(await endOf(id)).toMatchObject({ state: "completed", counts: { no_face: 5, failed: 1 } });
  });

  test("is given back behind the frame in hand when the process is to stop, and taken up there by the next", async () => {
    const inHand = Promise.withResolvers<void>();
    const goOn = Promise.withResolvers<void>();
    const id = await job(VIDEO);
    const first = start(
      playing(async (number) => {
        if (number === 2) {
          inHand.resolve();
          await goOn.promise;
        }
        return {};
      }),
    );
    await inHand.promise;
    const stopped = first.stop(10_000);
    goOn.resolve();
    await stopped;
    expect(await store.jobs.get(id)).toMatchObject({ state: "waiting", owner: undefined, counts: { no_face: 3 } });
    const next = playing(() => ({}));
    start(next);
    expect(await endOf(id)).toMatchObject({ state: "completed", counts: { no_face: 6 } });
    expect(next.asked.map(({ after }) => after?.number)).toEqual([2]);
    expect(await frames(id)).toEqual(Array.from({ length: FRAMES }, (_, at) => [at, at, "no_face"]));
    expect(events.filter(({ type }) => type === "job.started").map(({ data }) => data)).toEqual([
      { resumed: false },
      { resumed: true },
    ]);
  });

  test("that cannot be finished in time is cut off at the end of the drain, and what it had is kept", async () => {
    const inHand = Promise.withResolvers<void>();
    const id = await job(VIDEO);
    const runner = start(
      playing((number, { signal }) => {
        if (number < 4) return {};
        inHand.resolve();
        return new Promise((_, reject) => {
          signal?.addEventListener("abort", () => reject(new FacewireError("request_cancelled", "Cancelled.")));
        });
      }),
    );
    await inHand.promise;
    await runner.stop(20);
    expect(await store.jobs.get(id)).toMatchObject({ state: "waiting", counts: { no_face: 4 } });
  });
});

test("a failure nobody foresaw ends the job with its code, and the next job runs", async () => {
  const engine = playing(() => {
    throw new Error("unforeseen");
  });
  const doomed = await job(VIDEO);
  const next = await job(new Uint8Array(9));
  start(engine);
  expect(await endOf(doomed)).toMatchObject({ state: "failed", error: { code: "internal" } });
  expect((await endOf(next)).state).toBe("completed");
  expect(events.findLast(({ job: id, type }) => id === doomed && type === "job.failed")?.data).toEqual({
    error: { code: "internal", message: expect.any(String) },
  });
});
