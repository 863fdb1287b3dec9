/**
 * The events that are told and the subscribers that follow them, both by number: so who tells and who listens know, each by
 * itself, what everybody must get.
 */
import type { NewEvent } from "../../src/events/recorder.ts";

/** Which events a subscriber asked for, as parameters of its address. */
export interface Wish {
  readonly type?: string;
  readonly pipeline?: string;
  readonly verdict?: string;
  readonly request?: string;
}

/** Events of one request: one picture with one face. */
export const EVENTS_A_REQUEST = 4;
/** Different ids of requests, and pipelines, in turn. */
const REQUESTS = 100;
const PIPELINES = 10;

const BOX = { x: 512.4, y: 160.2, width: 210.8, height: 268.1 };
const SCORE = 0.998;
const ITEMS = { ok: 1, no_face: 0, rejected: 0, failed: 0 };

/** The event of a number: a request's liveness, descriptor, item and end, one request after the other. */
export function toldEvent(number: number): NewEvent {
  const turn = Math.floor(number / EVENTS_A_REQUEST);
  const [pipeline, request] = [`gate-${turn % PIPELINES}`, `bench-${turn % REQUESTS}`];
  // Every pipeline gets all verdicts.
  const mood = Math.floor(turn / PIPELINES) % 10;
  const verdict = mood < 7 ? "live" : mood < 9 ? "spoof" : "unknown";
  const subject = { pipeline, request, item: number };
  const face = { name: "gate.jpg", face: 0, box: BOX, score: SCORE };
  switch (number % EVENTS_A_REQUEST) {
    case 0:
      return {
        ...subject,
        type: "face.liveness",
        verdict,
        data: { ...face, probability: 0.981, calibration: "REGULAR" },
      };
    case 1: {
      const descriptor = { model: "fr-feature", version: "1", length: 512 };
      return { ...subject, type: "face.extracted", verdict, data: { ...face, quality: 0.84, descriptor } };
    }
    case 2:
      return { ...subject, type: "item.completed", data: { name: "gate.jpg", status: "ok", faces: 1, rejected: 0 } };
    default:
      return {
        ...subject,
        type: "request.completed",
        verdict,
        data: { version: "5b1f0c9a72de", items: ITEMS, aggregate: {}, elapsed_ms: 22.1 },
      };
  }
}

const TYPES = ["face.liveness", "face.extracted", "item.completed", "request.completed"];
const VERDICTS = ["live", "spoof", "unknown"];

/**
 * What the subscriber of a number asks for. Of twenty, one wants everything, four a type, five a pipeline, three a verdict,
 * four a type of a pipeline with a verdict, and three the events of one request.
 */
export function wishOf(subscriber: number): Wish {
  const kind = subscriber % 20;
  const turn = Math.floor(subscriber / 20) + kind;
  const type = TYPES[turn % TYPES.length]!;
  const pipeline = `gate-${turn % PIPELINES}`;
  const verdict = VERDICTS[turn % VERDICTS.length]!;
  if (kind < 1) return {};
  if (kind < 5) return { type };
  if (kind < 10) return { pipeline };
  if (kind < 13) return { verdict };
  if (kind < 17) return { type, pipeline, verdict };
  return { request: `bench-${subscriber % REQUESTS}` };
}

/** Whether an event is among those a subscriber asked for. */
export function isWished(wish: Wish, event: NewEvent): boolean {
  const parts = ["type", "pipeline", "verdict", "request"] as const;
  return parts.every((part) => wish[part] === undefined || wish[part] === event[part]);
}
