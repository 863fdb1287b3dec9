/**
 * The request actor: gathers the results of one request and answers when all are there, or at the deadline with what it
 * has. It lives for one request; its work is given up when it ends early.
 */
import type { Actors } from "../actors/actors.ts";
import { FacewireError, type PublicError } from "../errors.ts";
import type { Face } from "../stages/item.ts";
import type { StageRegistry } from "../stages/registry.ts";
import { aggregate, primaryFace } from "./aggregate.ts";
import type { DispatchedItem, Dispatcher } from "./dispatcher.ts";
import { itemResult } from "./item-result.ts";
import type { Leg } from "./legs.ts";
import type { Plan } from "./plan.ts";
import type { ItemResult, PrimaryFace, RunRequest, RunResult, VideoSummary } from "./results.ts";
import type { SettledItem } from "./scheduler.ts";
import type { VideoRun } from "./video-run.ts";

/** One file of a request: a picture as it came, or a video with the way to open it. */
export type RequestSource =
  | { readonly type: "picture"; readonly name: string; readonly bytes: Uint8Array }
  | {
      readonly type: "video";
      readonly name: string;
      /** Opens it; `file` and `firstIndex` as in `VideoRunOptions`. Rejects with a `video_*` error. */
      open(file: number, firstIndex: number, signal: AbortSignal): Promise<VideoRun>;
    };

/** What a request needs to be run. */
export interface RequestWork {
  readonly actors: Actors;
  readonly dispatcher: Dispatcher;
  readonly stages: StageRegistry;
  readonly plan: Plan;
  readonly legs: readonly Leg[];
  readonly request: RunRequest;
  readonly sources: readonly RequestSource[];
  /** Unique address and prefix of item ids; request ids may come from clients and repeat. */
  readonly id: string;
  readonly traceparent: string | undefined;
  /** Milliseconds since the epoch. */
  readonly startedAt: number;
  readonly deadline: number;
  onItem(result: ItemResult, settled: SettledItem, primary: PrimaryFace | undefined): void;
}

/** What the actor is told: an item's end, or that everything there is has been sent off. */
type Told = { readonly index: number; readonly result: ItemResult; readonly settled: SettledItem } | "all-sent";

/**
 * Runs a request and resolves with its answer; items without a result at the deadline are answered with
 * `deadline_exceeded`. Rejects with `request_cancelled` when the caller gives up, or `shutting_down`.
 */
export function runRequest(work: RequestWork): Promise<RunResult> {
  const { actors, request, deadline } = work;
  return actors.runOnce<RunResult, Told>(
    `request.${work.id}`,
    (finish) => {
      const gathering = new Gathering(work);
      return {
        start: (context) => {
          // An actor that has ended no longer wants what comes late.
          gathering.submit((told) => void context.tell(context.address, told).catch(() => undefined));
        },
        onMessage: ({ body }) => {
          gathering.take(body);
          if (gathering.complete) finish.resolve(gathering.answer(false));
        },
        onDeadline: () => gathering.answer(true),
        stop: () => gathering.giveUp(),
      };
    },
    {
      kind: "request",
      capacity: Number.MAX_SAFE_INTEGER,
      deadline,
      ...(request.signal ? { signal: request.signal } : {}),
    },
  );
}

/** An item that was sent off. */
interface Sent {
  readonly name: string;
  readonly id: string;
  result: ItemResult | undefined;
  faces: readonly Face[];
}

/** The results so far. */
class Gathering {
  readonly #work: RequestWork;
  /** By index, counted from 0. */
  readonly #items: Sent[] = [];
  /** The one that is being read. */
  #video: VideoRun | undefined;
  readonly #summaries: VideoSummary[] = [];
  readonly #end = new AbortController();
  /** Files that were sent off wholly. */
  #filesSent = 0;
  #missing = 0;
  #allSent = false;

  constructor(work: RequestWork) {
    this.#work = work;
  }

  get complete(): boolean {
    return this.#allSent && this.#missing === 0;
  }

  /** Sends everything on its way. Pictures go at once, videos frame by frame, each file after the one before it. */
  submit(tell: (told: Told) => void): void {
    const { sources } = this.#work;
    const video = sources.findIndex(({ type }) => type === "video");
    const pictures = video < 0 ? sources.length : video;
    for (let file = 0; file < pictures; file++) this.#sendPicture(file, tell);
    this.#filesSent = pictures;
    if (video < 0) tell("all-sent");
    else void this.#sendRest(video, tell).finally(() => tell("all-sent"));
  }

  take(told: Told): void {
    if (told === "all-sent") {
      this.#allSent = true;
      return;
    }
    const { index, result, settled } = told;
    const item = this.#items[index];
    if (!item || item.result) return;
    item.result = result;
    item.faces = settled.outcome.faces;
    this.#missing--;
    this.#work.onItem(result, settled, result.status === "ok" ? primaryFace(item.faces) : undefined);
  }

  /** The answer as of now; `cut`: the time is up. */
  answer(cut: boolean): RunResult {
    const { plan, request, startedAt, stages, sources } = this.#work;
    const video = this.#video;
    if (cut && video) this.#takeUnclaimed(video);
    const items = this.#items.map(({ name, result }, index) => result ?? failed(this.#shown(index), name, LATE));
    const filesSent = this.#filesSent + (video?.allSent ? 1 : 0);
    for (const { name } of sources.slice(filesSent)) items.push(failed(this.#shown(items.length), name, LATE));
    const videos = video ? [...this.#summaries, video.summary(cut)] : this.#summaries;
    return {
      request: request.id,
      pipeline: plan.name,
      version: plan.version,
      items,
      ...(sources.some(({ type }) => type === "video") ? { videos } : {}),
      aggregate: aggregate(
        plan,
        stages,
        this.#items.flatMap(({ result, faces }) => (result?.status === "ok" ? [faces] : [])),
      ),
      elapsed_ms: Date.now() - startedAt,
    };
  }

  /** Frames that are done behind one that is not; their results come in order and would come too late. */
  #takeUnclaimed(video: VideoRun): void {
    for (const done of video.unclaimed()) {
      const { index } = this.#expect(video.name);
      if (done) this.take({ index, ...done });
    }
  }

  /** Cancels what is not done. */
  giveUp(): void {
    this.#end.abort();
    if (this.complete) return;
    for (const { id, result } of this.#items) if (!result) this.#work.dispatcher.cancel(id);
  }

  async #sendRest(from: number, tell: (told: Told) => void): Promise<void> {
    for (let file = from; file < this.#work.sources.length && !this.#end.signal.aborted; file++) {
      if (this.#work.sources[file]?.type === "picture") this.#sendPicture(file, tell);
      else await this.#sendVideo(file, tell);
      this.#filesSent++;
    }
  }

  #sendPicture(file: number, tell: (told: Told) => void): void {
    const { request, plan, legs, deadline, traceparent, dispatcher, sources } = this.#work;
    const source = sources[file];
    if (source?.type !== "picture") return;
    const { index, id } = this.#expect(source.name);
    const item: DispatchedItem = {
      id,
      requestId: request.id,
      legs,
      name: source.name,
      input: { type: "file", bytes: source.bytes },
      index,
      priority: request.priority ?? plan.priority,
      deadline,
      parameters: request.parameters ?? {},
      explain: request.explain ?? false,
      draw: request.draw ?? false,
      exif: request.exif ?? false,
      traceparent,
      snapshotAbove: undefined,
      settle: (settled) => tell({ index, settled, result: itemResult(this.#shown(index), source.name, settled) }),
    };
    dispatcher.submit([item]);
  }

  /** A video that cannot be opened, or read further, leaves one failed item that says so. */
  async #sendVideo(file: number, tell: (told: Told) => void): Promise<void> {
    const source = this.#work.sources[file];
    if (source?.type !== "video") return;
    let video: VideoRun | undefined;
    try {
      video = await source.open(file, this.#shown(this.#items.length), this.#end.signal);
      this.#video = video;
      for await (const { result, settled } of video.results()) {
        tell({ ...this.#expect(source.name), result, settled });
      }
    } catch (thrown) {
      if (this.#end.signal.aborted) return;
      const error = FacewireError.from(thrown, "internal", "The video could not be read.").toPublic();
      const { index } = this.#expect(source.name);
      tell({ index, settled: unsent(error), result: failed(this.#shown(index), source.name, error) });
    } finally {
      if (video && !this.#end.signal.aborted) {
        this.#video = undefined;
        this.#summaries.push(video.summary());
      }
    }
  }

  #expect(name: string): { readonly index: number; readonly id: string } {
    const index = this.#items.length;
    const id = `${this.#work.id}.${index}`;
    this.#items.push({ name, id, result: undefined, faces: [] });
    this.#missing++;
    return { index, id };
  }

  #shown(index: number): number {
    return (this.#work.request.firstIndex ?? 0) + index;
  }
}

const LATE = new FacewireError("deadline_exceeded", "It was not done by the deadline.").toPublic();

function failed(index: number, name: string, error: PublicError): ItemResult {
  return { index, name, status: "failed", faces: [], error };
}

function unsent(error: PublicError): SettledItem {
  const outcome = { faces: [], decodeMs: 0, times: [], traces: [], error };
  return { outcome, queuedAt: Date.now(), startedAt: undefined, attempts: 0 };
}
