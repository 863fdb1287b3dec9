/** An engine whose runs are told as events. No stage and no dialect knows of events: what it answers is what it tells. */
import { type ErrorCode, FacewireError } from "../errors.ts";
import type {
  Engine,
  ItemResult,
  RunRequest,
  RunResult,
  VideoRunRequest,
  VideoRunResult,
} from "../pipeline/results.ts";
import { completedEvent, countItems, itemEvents, plainError, type RunSubject } from "./item-events.ts";
import type { EventRecorder, NewEvent } from "./recorder.ts";

/** Codes of requests that were not taken: under load there are thousands a second, and nothing happened. */
const NOT_TAKEN: ReadonlySet<ErrorCode> = new Set([
  "pipeline_unknown",
  "pipeline_unavailable",
  "overloaded",
  "pool_full",
  "shutting_down",
  "request_invalid",
  "request_too_many_files",
  "input_not_accepted",
]);

/**
 * The engine, telling the recorder of every item and the end of every run. Events are stored before the answer goes out;
 * they never change it, delay it by no more than a commit, and fail nothing.
 *
 * With `job` its runs are parts of that job: events carry its id, and an item that is run again after a restart tells
 * nothing twice. A frame's events are told before `onItem` is called; the job waits until they are stored before it
 * acknowledges the frame, and tells its end itself.
 */
export function withEvents(engine: Engine, recorder: EventRecorder, options: { readonly job?: string } = {}): Engine {
  const { job } = options;
  const subjectOf = (request: { readonly id: string; readonly pipeline: string }): RunSubject => ({
    pipeline: request.pipeline,
    request: request.id,
    ...(job === undefined ? {} : { job }),
  });

  async function run(request: RunRequest): Promise<RunResult> {
    const subject = subjectOf(request);
    const telling = new Telling(recorder);
    const told = new Set<number>();
    const result = await telling.whole(subject, () =>
      engine.run({
        ...request,
        onItem(item, primary) {
          told.add(item.index);
          telling.tell(itemEvents(subject, item, job));
          request.onItem?.(item, primary);
        },
      }),
    );
    // Items that the answer had to do without are not handed over one by one.
    for (const item of result.items) if (!told.has(item.index)) telling.tell(itemEvents(subject, item, job));
    if (job === undefined) telling.tell([completedEvent(subject, countItems(result.items), result)]);
    await telling.told();
    return result;
  }

  async function runVideo(request: VideoRunRequest): Promise<VideoRunResult> {
    const subject = subjectOf(request);
    const telling = new Telling(recorder);
    const counts = countItems([]);
    const result = await telling.whole(subject, () =>
      engine.runVideo({
        ...request,
        async onItem(item: ItemResult, primary) {
          counts[item.status]++;
          telling.tell(itemEvents(subject, item, job));
          await request.onItem(item, primary);
        },
      }),
    );
    if (job === undefined) telling.tell([completedEvent(subject, counts, result)]);
    await telling.told();
    return result;
  }

  return {
    run,
    runVideo,
    aggregate: (pipeline, faces) => engine.aggregate(pipeline, faces),
    admit: (pipeline) => engine.admit(pipeline),
    pipelines: () => engine.pipelines(),
    pipeline: (name) => engine.pipeline(name),
    validate: (source, file) => engine.validate(source, file),
    health: () => engine.health(),
    drain: (timeoutMs) => engine.drain(timeoutMs),
  };
}

/** The events of one run, some of which may not be stored yet. */
class Telling {
  readonly #recorder: EventRecorder;
  #last: Promise<void> = Promise.resolve();

  constructor(recorder: EventRecorder) {
    this.#recorder = recorder;
  }

  /** Events are stored in the order they are told: the last one stands for all. */
  tell(events: readonly NewEvent[]): void {
    this.#last = this.#recorder.record(events);
  }

  told(): Promise<void> {
    return this.#last;
  }

  /** Runs something and tells when it ends without an answer. */
  async whole<R>(subject: RunSubject, action: () => Promise<R>): Promise<R> {
    try {
      return await action();
    } catch (thrown) {
      const error = FacewireError.from(thrown);
      if (!NOT_TAKEN.has(error.code) && subject.job === undefined) {
        this.tell([{ ...subject, type: "request.failed", data: { error: plainError(error.toPublic()) } }]);
      }
      await this.told();
      throw thrown;
    }
  }
}
