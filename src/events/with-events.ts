/** An engine whose runs are told as events. No stage and no dialect knows of events: what it answers is what it tells. */
import { type ErrorCode, FacewireError } from "../errors.ts";
import { engineWith } from "../pipeline/engine-decorator.ts";
import type {
  Engine,
  ItemResult,
  RunRequest,
  RunResult,
  VideoRunRequest,
  VideoRunResult,
} from "../pipeline/results.ts";
import { completedEvent, countItems, itemEvents, plainError, type RunSubject } from "./item-events.ts";
import type { EventRecorder } from "./recorder.ts";
import { ToldEvents } from "./told.ts";

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
    const events = new ToldEvents(recorder);
    const told = new Set<number>();
    const result = await whole(events, subject, () =>
      engine.run({
        ...request,
        onItem(item, primary) {
          told.add(item.index);
          void events.record(itemEvents(subject, item, job));
          request.onItem?.(item, primary);
        },
      }),
    );
    // Items that the answer had to do without are not handed over one by one.
    for (const item of result.items) if (!told.has(item.index)) void events.record(itemEvents(subject, item, job));
    if (job === undefined) void events.record([completedEvent(subject, countItems(result.items), result)]);
    await events.stored();
    return result;
  }

  async function runVideo(request: VideoRunRequest): Promise<VideoRunResult> {
    const subject = subjectOf(request);
    const events = new ToldEvents(recorder);
    const counts = countItems([]);
    const result = await whole(events, subject, () =>
      engine.runVideo({
        ...request,
        async onItem(item: ItemResult, primary) {
          counts[item.status]++;
          void events.record(itemEvents(subject, item, job));
          await request.onItem(item, primary);
        },
      }),
    );
    if (job === undefined) void events.record([completedEvent(subject, counts, result)]);
    await events.stored();
    return result;
  }

  return engineWith(engine, { run, runVideo });
}

/** Runs something and tells when it ends without an answer. */
async function whole<R>(told: ToldEvents, subject: RunSubject, action: () => Promise<R>): Promise<R> {
  try {
    return await action();
  } catch (thrown) {
    const error = FacewireError.from(thrown);
    if (!NOT_TAKEN.has(error.code) && subject.job === undefined) {
      void told.record([{ ...subject, type: "request.failed", data: { error: plainError(error.toPublic()) } }]);
    }
    await told.stored();
    throw thrown;
  }
}
