/** An item on its way to another process, and what came of it on its way back: exact to the last bit, checked on arrival. */
import type { Static } from "@sinclair/typebox";
import type { WireRecord, WireValue } from "../../bus/wire.ts";
import { ERROR_CODES, type ErrorCode, FacewireError, type PublicError } from "../../errors.ts";
import { frameBytes } from "../../media/yuv.ts";
import type { Face } from "../../stages/item.ts";
import type { ItemInput, ItemOutcome, ItemTask } from "../protocol.ts";
import type { StageTrace } from "../results.ts";
import { bytesOf, floatsOf, fromWire, toWire } from "./plain-data.ts";
import { checkerOf, OutcomeSchema, TaskSchema } from "./schemas.ts";

/** What a task says beside what the request for it says. */
export type SentTask = Omit<ItemTask, "slot" | "id" | "plan" | "deadline">;

type SentFrame = Extract<Static<typeof TaskSchema>["input"], { type: "frame" }>;

const checkTask = checkerOf(TaskSchema);
const checkOutcome = checkerOf(OutcomeSchema);

/** Writes a task. Throws `stage_failed` when a stage before wrote what no message carries. */
export function taskToWire(task: SentTask): WireRecord {
  const { input, faces, index, name, carry, parameters, explain, draw, exif, snapshotAbove } = task;
  const rest = {
    index,
    name,
    carry,
    parameters: { ...parameters },
    explain,
    draw,
    exif,
    ...(snapshotAbove === undefined ? {} : { snapshotAbove }),
  };
  return { ...rest, input: inputToWire(input), faces: faces.map(faceToWire) };
}

/** Reads a task. Throws `message_invalid`. */
export function taskFromWire(value: WireValue): SentTask {
  const { input, faces, ...rest } = checkTask(value);
  return {
    ...rest,
    input: input.type === "file" ? input : frameFromWire(input),
    faces: faces.map((face) => faceFromWire(face as unknown as WireRecord)),
  } as SentTask;
}

/** A frame goes with its pixels only to stages without a place: see `legs.ts`. */
function inputToWire(input: ItemInput): WireRecord {
  if (input.type === "file") return { ...input };
  const { buffer, offset, ...rest } = input.pixels;
  const bytes = new Uint8Array(buffer, offset, frameBytes(rest.width, rest.height));
  return { type: "frame", bytes, ...rest };
}

function frameFromWire({ bytes, width, height, matrix, range }: SentFrame): ItemInput {
  if (bytes.byteLength !== frameBytes(width, height)) {
    throw new FacewireError("message_invalid", "A frame does not have as many bytes as its size asks for.");
  }
  const buffer = new SharedArrayBuffer(bytes.byteLength);
  new Uint8Array(buffer).set(bytes);
  return { type: "frame", pixels: { buffer, offset: 0, width, height, matrix, range } };
}

/** Writes what came of a task. Throws `stage_failed` when a stage wrote what no message carries. */
export function outcomeToWire(outcome: ItemOutcome): WireRecord {
  const { faces, traces, picture, error, ...rest } = outcome;
  return {
    ...(rest as unknown as WireRecord),
    faces: faces.map(faceToWire),
    traces: traces.map((trace) => toWire(trace)),
    ...(picture ? { picture: toWire(picture) } : {}),
    ...(error ? { error: errorToWire(error) } : {}),
  };
}

/** Reads what came of a task. Throws `message_invalid`. */
export function outcomeFromWire(value: WireValue): ItemOutcome {
  const { faces, traces, picture, error, ...rest } = checkOutcome(value);
  return {
    ...(rest as Pick<ItemOutcome, "decodeMs" | "times">),
    faces: faces.map((face) => faceFromWire(face as unknown as WireRecord)),
    traces: traces.map((trace) => fromWire(trace as unknown as WireValue) as StageTrace),
    ...(picture ? { picture: fromWire(picture as WireValue) as NonNullable<ItemOutcome["picture"]> } : {}),
    ...(error ? { error: errorFromWire(error.code, error.message, error.details as WireValue | undefined) } : {}),
  };
}

/** Most parts of a face are plain numbers, which go as they are. */
function faceToWire(face: Face): WireRecord {
  const { descriptor, extra, ...plain } = face;
  return {
    ...(plain as unknown as WireRecord),
    ...(descriptor ? { descriptor: { ...descriptor, values: bytesOf(descriptor.values) } } : {}),
    ...(extra ? { extra: toWire(extra) } : {}),
  };
}

function faceFromWire({ descriptor, extra, ...plain }: WireRecord): Face {
  const read = descriptor as (WireRecord & { values: Uint8Array }) | undefined;
  return {
    ...plain,
    ...(read ? { descriptor: { ...read, values: floatsOf(read.values) } } : {}),
    ...(extra === undefined ? {} : { extra: fromWire(extra) }),
  } as unknown as Face;
}

function errorToWire({ code, message, details }: PublicError): WireRecord {
  return { code, message, ...(details ? { details: toWire(details) } : {}) };
}

/** A code that this version does not know is an unexpected failure. */
function errorFromWire(code: string, message: string, details: WireValue | undefined): PublicError {
  const known: ErrorCode = Object.hasOwn(ERROR_CODES, code) ? (code as ErrorCode) : "internal";
  const read = details === undefined ? undefined : fromWire(details);
  return typeof read === "object" && read !== null && !Array.isArray(read)
    ? { code: known, message, details: read as Readonly<Record<string, unknown>> }
    : { code: known, message };
}
