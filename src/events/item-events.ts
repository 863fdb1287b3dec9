/** What the answer for one picture or frame says, as events. Pixels, crops and descriptors stay in the answer. */
import type { PublicError } from "../errors.ts";
import type { FaceJson, ItemResult, RunResult } from "../pipeline/results.ts";
import type { EventData, Verdict } from "./catalog.ts";
import type { EventSubject, NewEvent } from "./recorder.ts";

/** Whose items they are. */
export interface RunSubject {
  readonly pipeline: string;
  readonly request: string;
  readonly job?: string;
}

/**
 * One event a face for each verdict and each descriptor, then one for the item. `unique` names the run: the same item of
 * the same run gives events with the same keys. Without it events have no keys.
 */
export function itemEvents(run: RunSubject, item: ItemResult, unique: string | undefined): NewEvent[] {
  const key = (fact: string) => (unique === undefined ? {} : { key: `${unique}/${item.index}/${fact}` });
  const subject: EventSubject = { ...run, item: item.index, ...(item.frame ? { frame: item.frame } : {}) };
  const { name, error } = item;
  if (item.status === "failed") {
    const failure = error ?? { code: "internal", message: "An unexpected failure." };
    return [{ ...subject, ...key("item"), type: "item.failed", data: { name, error: plainError(failure) } }];
  }
  const faces = item.faces.flatMap((face, at) => faceEvents(subject, key, name, face, at));
  const rejected = item.faces.filter((face) => face.rejected).length;
  const data = { name, status: item.status, faces: item.faces.length, rejected };
  return [...faces, { ...subject, ...key("item"), type: "item.completed", data }];
}

function faceEvents(
  subject: EventSubject,
  key: (fact: string) => { key?: string },
  name: string,
  face: FaceJson,
  at: number,
): NewEvent[] {
  const { box, score, liveness, descriptor, quality, rejected } = face;
  const events: NewEvent[] = [];
  if (liveness) {
    const { probability, calibration, prediction } = liveness;
    events.push({
      ...subject,
      ...key(`liveness/${at}`),
      type: "face.liveness",
      verdict: prediction,
      data: {
        name,
        face: at,
        box,
        score,
        probability,
        calibration,
        ...(rejected ? { rejected: rejected.reason } : {}),
      },
    });
  }
  if (descriptor) {
    const { model, version, length } = descriptor;
    events.push({
      ...subject,
      ...key(`extracted/${at}`),
      type: "face.extracted",
      ...(liveness ? { verdict: liveness.prediction } : {}),
      data: {
        name,
        face: at,
        box,
        score,
        ...(quality ? { quality: quality.overall } : {}),
        descriptor: { model, version, length },
      },
    });
  }
  return events;
}

/** Items by status. */
export type ItemCounts = EventData<"request.completed">["items"];

/** How many items there were of each status. */
export function countItems(items: readonly Pick<ItemResult, "status">[]): ItemCounts {
  const counts = { ok: 0, no_face: 0, rejected: 0, failed: 0 };
  for (const { status } of items) counts[status]++;
  return counts;
}

/** The event of a request that was answered, or of a video that was run to its end. */
export function completedEvent(
  run: RunSubject,
  items: ItemCounts,
  result: Pick<RunResult, "version" | "aggregate" | "elapsed_ms">,
): NewEvent {
  const verdict = aggregatedVerdict(result.aggregate);
  return {
    ...run,
    type: "request.completed",
    ...(verdict ? { verdict } : {}),
    data: {
      version: result.version,
      items,
      aggregate: withoutVectors(result.aggregate) as Readonly<Record<string, unknown>>,
      elapsed_ms: result.elapsed_ms,
    },
  };
}

/** An error without what is not plain JSON. */
export function plainError({ code, message, details }: PublicError): PublicError {
  return { code, message, ...(details ? { details } : {}) };
}

function aggregatedVerdict(aggregate: RunResult["aggregate"]): Verdict | undefined {
  const value = aggregate.liveness?.value as { readonly prediction?: Verdict } | undefined;
  return value?.prediction;
}

/** The value without the numbers of descriptors: an event is read by more people than an answer is. */
function withoutVectors(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutVectors);
  if (typeof value !== "object" || value === null) return value;
  const { data, ...rest } = value as Record<string, unknown>;
  const isDescriptor = typeof data === "string" && "model" in rest && "length" in rest;
  const kept = isDescriptor || data === undefined ? rest : { ...rest, data };
  return Object.fromEntries(Object.entries(kept).map(([key, each]) => [key, withoutVectors(each)]));
}
