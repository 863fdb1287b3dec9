import { describe, expect, test } from "bun:test";
import { FacewireError } from "../../src/errors.ts";
import type { EventRecorder, NewEvent } from "../../src/events/recorder.ts";
import { withEvents } from "../../src/events/with-events.ts";
import type {
  Engine,
  FaceJson,
  ItemResult,
  RunRequest,
  RunResult,
  VideoRunRequest,
  VideoRunResult,
} from "../../src/pipeline/results.ts";
import { PIPELINE, runResult, scriptedEngine } from "../api/native/scripted-engine.ts";
import { rejection, settle } from "../support/settle.ts";

const REQUEST: RunRequest = {
  id: "r1",
  pipeline: PIPELINE,
  files: [
    { name: "a.jpg", bytes: new Uint8Array() },
    { name: "b.jpg", bytes: new Uint8Array() },
  ],
};

const DESCRIPTOR = { model: "m", version: "1", length: 512, data: "c2VjcmV0" };
const LIVENESS = { prediction: "spoof", probability: 0.1, score: -2, calibration: "REGULAR", raw: 0.2 } as const;

function face(parts: Partial<FaceJson> = {}): FaceJson {
  return { box: { x: 1, y: 2, width: 3, height: 4 }, score: 0.9, ...parts };
}

/** Keeps what it is told; stores it when the test says so. */
class TestRecorder implements EventRecorder {
  readonly told: NewEvent[] = [];
  readonly #gates: ((stored: boolean) => void)[] = [];
  #open: boolean;

  constructor(open = true) {
    this.#open = open;
  }

  get types(): readonly string[] {
    return this.told.map(({ type }) => type);
  }

  record(events: readonly NewEvent[]): Promise<boolean> {
    this.told.push(...events);
    if (this.#open) return Promise.resolve(true);
    return new Promise((resolve) => this.#gates.push(resolve));
  }

  async settled(): Promise<void> {
    await this.record([]);
  }

  /** Everything told so far is stored. */
  store(): void {
    for (const open of this.#gates.splice(0)) open(true);
  }

  storeAll(): void {
    this.#open = true;
    this.store();
  }
}

/** An engine that hands over the items one by one, as the real one does. */
function engineOf(item: (name: string, index: number) => Partial<ItemResult>, end?: Partial<RunResult>): Engine {
  return scriptedEngine({
    async run(request) {
      const result = { ...runResult(request, item), ...end };
      for (const each of result.items) request.onItem?.(each);
      return result;
    },
  });
}

describe("A run", () => {
  test("tells of its faces, its items and its end, in this order, and passes on what the caller wants to hear", async () => {
    const recorder = new TestRecorder();
    const faces = [face({ liveness: LIVENESS, descriptor: DESCRIPTOR }), face()];
    const engine = engineOf((_, at) => (at === 0 ? { status: "ok", faces } : {}));
    const heard: string[] = [];
    await withEvents(engine, recorder).run({ ...REQUEST, onItem: ({ name }) => heard.push(name) });
    expect(heard).toEqual(["a.jpg", "b.jpg"]);
    expect(recorder.types).toEqual([
      "face.liveness",
      "face.extracted",
      "item.completed",
      "item.completed",
      "request.completed",
    ]);
    expect(recorder.told[0]).toMatchObject({ pipeline: PIPELINE, request: "r1", item: 0, verdict: "spoof" });
    expect(recorder.told.at(-1)?.data).toMatchObject({ items: { ok: 1, no_face: 1, rejected: 0, failed: 0 } });
  });

  test("is not answered before its events are stored", async () => {
    const recorder = new TestRecorder(false);
    let answered = false;
    const running = withEvents(
      engineOf(() => ({})),
      recorder,
    )
      .run(REQUEST)
      .then(() => {
        answered = true;
      });
    await settle();
    expect(recorder.types.at(-1)).toBe("request.completed");
    expect(answered).toBe(false);
    recorder.storeAll();
    await running;
  });

  test("never puts the numbers of a descriptor into an event, nor pictures", async () => {
    const recorder = new TestRecorder();
    const box = { x: 0, y: 0, width: 1, height: 1 };
    const crops = { portrait: { content_type: "image/jpeg", width: 1, height: 1, box, data: "c2VjcmV0" } };
    const engine = engineOf(() => ({ status: "ok", faces: [face({ descriptor: DESCRIPTOR, crops })] }), {
      aggregate: {
        descriptor: { method: "mean", pictures: 1, value: DESCRIPTOR },
        liveness: { method: "mean", pictures: 1, value: LIVENESS },
      },
    });
    await withEvents(engine, recorder).run(REQUEST);
    expect(JSON.stringify(recorder.told)).not.toContain("c2VjcmV0");
    const end = recorder.told.at(-1);
    expect(end).toMatchObject({
      verdict: "spoof",
      data: { aggregate: { descriptor: { value: { model: "m", version: "1", length: 512 } } } },
    });
  });

  test("tells of failed items, also of those that its answer had to do without", async () => {
    const recorder = new TestRecorder();
    const error = { code: "deadline_exceeded", message: "Too late." } as const;
    const engine = scriptedEngine({
      run: async (request) => runResult(request, (_, at) => (at === 1 ? { status: "failed", error } : {})),
    });
    await withEvents(engine, recorder).run(REQUEST);
    expect(recorder.types).toEqual(["item.completed", "item.failed", "request.completed"]);
    expect(recorder.told[1]).toMatchObject({ item: 1, data: { name: "b.jpg", error } });
  });

  test("that fails as a whole tells so, and rejects as the engine did", async () => {
    const recorder = new TestRecorder();
    const thrown = new FacewireError("request_cancelled", "The client left.");
    const engine = scriptedEngine({ run: () => Promise.reject(thrown) });
    expect(await rejection(withEvents(engine, recorder).run(REQUEST))).toBe(thrown);
    expect(recorder.told).toEqual([
      {
        type: "request.failed",
        pipeline: PIPELINE,
        request: "r1",
        data: { error: { code: "request_cancelled", message: "The client left." } },
      },
    ]);
  });

  test.each(["overloaded", "pool_full", "pipeline_unknown", "shutting_down"] as const)(
    "that is refused with %s tells nothing: refusals come by the thousand",
    async (code) => {
      const recorder = new TestRecorder();
      const engine = scriptedEngine({ run: () => Promise.reject(new FacewireError(code, "No.")) });
      expect(await rejection(withEvents(engine, recorder).run(REQUEST))).toMatchObject({ code });
      expect(recorder.told).toEqual([]);
    },
  );

  test("twice under one request id is two runs: callers choose ids, and may repeat them", async () => {
    const recorder = new TestRecorder();
    const engine = withEvents(
      engineOf(() => ({})),
      recorder,
    );
    await engine.run(REQUEST);
    await engine.run(REQUEST);
    expect(recorder.told.filter(({ key }) => key !== undefined)).toEqual([]);
  });
});

describe("A video", () => {
  const VIDEO = { id: "r1", pipeline: PIPELINE, path: "/v.mp4", name: "v.mp4" };

  /** An engine that hands over two frames. */
  function videoEngine(firstIndex = 0): Engine {
    return {
      ...scriptedEngine(),
      async runVideo(request: VideoRunRequest): Promise<VideoRunResult> {
        for (const at of [0, 1]) {
          const frame = { file: 0, number: at * 5, time_s: at * 0.2 };
          const item = { index: firstIndex + at, name: "v.mp4", frame, status: "ok", faces: [face()] } as const;
          await request.onItem(item, undefined);
        }
        return {
          request: request.id,
          pipeline: PIPELINE,
          version: "v",
          aggregate: {},
          elapsed_ms: 5,
        } as VideoRunResult;
      },
    };
  }

  test("tells of each frame with its place in the video, and of its end", async () => {
    const recorder = new TestRecorder();
    await withEvents(videoEngine(), recorder).runVideo({ ...VIDEO, onItem: () => {} });
    expect(recorder.types).toEqual(["item.completed", "item.completed", "request.completed"]);
    expect(recorder.told[1]).toMatchObject({ item: 1, frame: { file: 0, number: 5, time_s: 0.2 } });
    expect(recorder.told[2]?.data).toMatchObject({ items: { ok: 2 } });
  });

  test("of a job is told without waiting for each frame to be stored, and a frame that is run again names the same facts", async () => {
    const recorder = new TestRecorder(false);
    const handed: number[] = [];
    const engine = withEvents(videoEngine(7), recorder, { job: "j1" });
    const running = engine.runVideo({ ...VIDEO, onItem: ({ index }) => void handed.push(index) });
    await settle();
    // All is told although nothing is stored yet: many frames share a commit.
    expect([recorder.types, handed]).toEqual([
      ["item.completed", "item.completed"],
      [7, 8],
    ]);
    recorder.storeAll();
    await running;
    const again = new TestRecorder();
    await withEvents(videoEngine(7), again, { job: "j1" }).runVideo({ ...VIDEO, id: "another", onItem: () => {} });
    expect(again.told.map(({ key }) => key)).toEqual(recorder.told.map(({ key }) => key));
    expect(new Set(again.told.map(({ key }) => key)).size).toBe(2);
    expect(recorder.told[0]).toMatchObject({ job: "j1" });
    // The job tells of its end itself.
    expect(recorder.types).not.toContain("request.completed");
  });
});
