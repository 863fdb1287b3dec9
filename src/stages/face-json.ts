/** Faces and their parts as users see them: snake_case, plain JSON, binary values in base64. */
import type { Box } from "../media/picture.ts";
import { eyeJson } from "./eyes.ts";
import type { Attribute, Descriptor, Face, FaceCrop, Landmarks } from "./item.ts";
import { qualityJson } from "./quality.ts";

/** A rectangle in pixels of the upright picture. */
export interface BoxJson {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

/** An attribute: a number, or a label with the probabilities it was chosen from. */
export type AttributeJson =
  | { readonly value: number }
  | { readonly label: string; readonly probabilities: Readonly<Record<string, number>> };

/** One face as shown to users. A part is there when a stage of the pipeline wrote it. */
export interface FaceJson {
  readonly box: BoxJson;
  readonly score: number;
  readonly landmarks?: {
    readonly points: readonly (readonly [number, number])[];
    readonly five: readonly (readonly [number, number])[];
  };
  /** Where a portrait in the proportions of ISO/IEC 19794-5 lies; may reach past the edges of the picture. */
  readonly frame?: BoxJson;
  readonly pose?: { readonly yaw: number; readonly pitch: number; readonly roll: number };
  readonly eyes?: Readonly<
    Record<"left" | "right", { state: "open" | "closed"; closed_probability: number; aspect_ratio: number }>
  >;
  readonly quality?: {
    readonly sharpness: number;
    readonly darkness: number;
    readonly light: number;
    readonly saturation: number;
    readonly eye_distance: number;
    readonly crop_room: number;
    readonly overall: number;
  };
  readonly liveness?: {
    readonly prediction: "live" | "spoof" | "unknown";
    readonly probability: number;
    readonly score: number;
    readonly calibration: string;
    readonly raw: number;
  };
  readonly attributes?: Readonly<Record<string, AttributeJson>>;
  readonly emotion?: Extract<AttributeJson, { label: string }>;
  /** `data`: the values as little-endian 32-bit floats, base64. */
  readonly descriptor?: {
    readonly model: string;
    readonly version: string;
    readonly length: number;
    readonly data: string;
  };
  /** `box`: what it was cut from; may reach past the edges of the picture. `data`: the encoded crop, base64. */
  readonly crops?: Readonly<
    Record<string, { content_type: string; width: number; height: number; box: BoxJson; data: string }>
  >;
  readonly rejected?: { readonly stage: string; readonly reason: string; readonly message: string };
  readonly extra?: Readonly<Record<string, unknown>>;
}

type Json<K extends keyof FaceJson> = NonNullable<FaceJson[K]>;

/** A face with the parts it has. Pixels are rounded to hundredths; measures keep six digits after the point. */
export function faceJson(face: Face): FaceJson {
  const { box, score, landmarks, frame, pose, eyes, quality, liveness, attributes, emotion, descriptor, crops } = face;
  return {
    box: boxJson(box),
    score: measure(score),
    ...(landmarks && { landmarks: landmarksJson(landmarks) }),
    ...(frame && { frame: boxJson(frame) }),
    ...(pose && { pose: rounded(pose) }),
    ...(eyes && { eyes: { left: rounded(eyeJson(eyes.left)), right: rounded(eyeJson(eyes.right)) } }),
    ...(quality && { quality: rounded(qualityJson(quality)) }),
    ...(liveness && { liveness: rounded(liveness) }),
    ...(attributes && { attributes: mapValues(attributes, attributeJson) }),
    ...(emotion && { emotion: labelledJson(emotion) }),
    ...(descriptor && { descriptor: descriptorJson(descriptor) }),
    ...(crops && { crops: mapValues(crops, cropJson) }),
    ...(face.rejected && { rejected: face.rejected }),
    ...(face.extra && { extra: face.extra }),
  };
}

/** A descriptor with its values as little-endian 32-bit floats in base64. */
export function descriptorJson({ model, version, values }: Descriptor): Json<"descriptor"> {
  const bytes = Buffer.alloc(values.length * 4);
  // Half a thousand numbers a face: a view is ten times as quick as the buffer's own writing and reading.
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  for (let i = 0; i < values.length; i++) view.setFloat32(i * 4, values[i]!, true);
  return { model, version, length: values.length, data: bytes.toString("base64") };
}

/** The values of such a descriptor. */
export function descriptorValues({ length, data }: Pick<Json<"descriptor">, "length" | "data">): Float32Array {
  const bytes = Buffer.from(data, "base64");
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const values = new Float32Array(length);
  for (let i = 0; i < length; i++) values[i] = view.getFloat32(i * 4, true);
  return values;
}

function landmarksJson({ points, five }: Landmarks): Json<"landmarks"> {
  const round = ([x, y]: readonly [number, number]) => [pixel(x), pixel(y)] as const;
  return { points: points.map(round), five: five.map(round) };
}

function attributeJson(attribute: Attribute): Json<"attributes">[string] {
  return "value" in attribute ? { value: measure(attribute.value) } : labelledJson(attribute);
}

function labelledJson({ label, probabilities }: Extract<Attribute, { label: string }>): Json<"emotion"> {
  return { label, probabilities: mapValues(probabilities, measure) };
}

function boxJson({ x, y, width, height }: Box): BoxJson {
  return { x: pixel(x), y: pixel(y), width: pixel(width), height: pixel(height) };
}

function cropJson({ contentType, width, height, box, bytes }: FaceCrop): Json<"crops">[string] {
  const data = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("base64");
  return { content_type: contentType, width, height, box: boxJson(box), data };
}

function pixel(value: number): number {
  return Math.round(value * 100) / 100;
}

function measure(value: number): number {
  return Math.round(value * 1e6) / 1e6;
}

/** The object with its numbers rounded. */
function rounded<T extends object>(value: T): T {
  return mapValues(value as Record<string, unknown>, (each) => (typeof each === "number" ? measure(each) : each)) as T;
}

function mapValues<V, W>(record: Readonly<Record<string, V>>, map: (value: V) => W): Record<string, W> {
  return Object.fromEntries(Object.entries(record).map(([key, value]) => [key, map(value)]));
}
