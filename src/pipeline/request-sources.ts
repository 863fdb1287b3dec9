/** The files of requests, told apart, and videos made ready to run. */
import { ulid } from "ulid";
import { sniffPicture } from "../media/sniff.ts";
import { sniffVideo } from "../media/video/sniff.ts";
import type { Dispatcher } from "./dispatcher.ts";
import type { Leg } from "./legs.ts";
import type { Plan } from "./plan.ts";
import type { RequestSource } from "./request-actor.ts";
import { checkAccepted, unknownVideo } from "./request-checks.ts";
import type { RunFile, RunRequest, VideoRunRequest } from "./results.ts";
import { VideoRun, type VideoRunOptions } from "./video-run.ts";
import { type VideoSettings, VideoSources } from "./video-sources.ts";

/** A request and the version of its pipeline. */
export interface PlannedRequest<R> {
  readonly request: R;
  readonly plan: Plan;
  readonly legs: readonly Leg[];
}

/** What is the same for every video of a pipeline. */
type CommonOptions = Pick<RunRequest, "id" | "parameters" | "explain" | "draw" | "exif" | "priority" | "traceparent">;

/** See the file's head. */
export class RequestSources {
  readonly #videos: VideoSources;
  readonly #dispatcher: Dispatcher;

  /** `slots`: frames a video has in memory at once. */
  constructor(settings: VideoSettings, slots: number, dispatcher: Dispatcher) {
    this.#videos = new VideoSources(settings, slots);
    this.#dispatcher = dispatcher;
  }

  /** See {@link VideoSources.removeLeftovers}. */
  removeLeftovers(): Promise<void> {
    return this.#videos.removeLeftovers();
  }

  /** See {@link VideoSources.closed}. */
  closed(timeoutMs: number): Promise<void> {
    return this.#videos.closed(timeoutMs);
  }

  /**
   * What the files of a request are, checked against what the pipeline takes. `deadline`: epoch milliseconds. Throws
   * `input_not_accepted` or `video_unknown_format`.
   */
  of({ request, plan, legs }: PlannedRequest<RunRequest>, deadline: number): RequestSource[] {
    const { sampling = plan.sampling, priority = plan.priority } = request;
    return request.files.map(({ name, bytes }) => {
      if (!isVideo(bytes)) {
        if (!plan.accepts.includes("image") && !sniffPicture(bytes)) throw unknownVideo(name);
        checkAccepted("image", name, plan);
        return { type: "picture", name, bytes };
      }
      checkAccepted("video", name, plan);
      return {
        type: "video",
        name,
        open: async (file, firstIndex, signal) => {
          const reader = await this.#videos.openBytes(bytes, { sampling, signal, priority });
          const rest = { reader, file, firstIndex, maxFrames: plan.maxFrames, deadline: () => deadline, signal };
          return this.#videoRun(name, { request, plan, legs }, rest);
        },
      };
    });
  }

  /** Opens the video of a run; its frames have the pipeline's own deadline each. Rejects with a `video_*` error. */
  async open({ request, plan, legs }: PlannedRequest<VideoRunRequest>, signal: AbortSignal): Promise<VideoRun> {
    const { path, name, after, best, onBest, file = 0, firstIndex = 0 } = request;
    const { sampling = plan.sampling, priority = plan.priority } = request;
    checkAccepted("video", name, plan);
    const reader = await this.#videos.openFile(path, { sampling, signal, priority, ...(after && { after }) });
    return this.#videoRun(
      name,
      { request, plan, legs },
      {
        reader,
        file,
        firstIndex,
        maxFrames: Number.POSITIVE_INFINITY,
        deadline: () => Date.now() + plan.deadlineMs,
        signal,
        ...(best && { best }),
        ...(onBest && { onBest }),
      },
    );
  }

  #videoRun(
    name: string,
    { request, plan, legs }: PlannedRequest<CommonOptions>,
    rest: Omit<VideoRunOptions, "dispatcher" | "item" | "id">,
  ): VideoRun {
    const { explain = false, draw = false, exif = false, priority = plan.priority, traceparent, id } = request;
    const { parameters = {} } = request;
    const item = { requestId: id, legs, name, priority, parameters, explain, draw, exif, traceparent };
    return new VideoRun({ ...rest, dispatcher: this.#dispatcher, item, id: ulid() });
  }
}

/** Whether any file of a request is a video. */
export function hasVideo(files: readonly RunFile[]): boolean {
  return files.some(({ bytes }) => isVideo(bytes));
}

function isVideo(bytes: Uint8Array): boolean {
  return sniffVideo(bytes) !== undefined;
}
