/** Faces and their parts as users see them: snake_case, plain JSON, binary values in base64. */
import type { FaceJson } from "../pipeline/results.ts";
import { eyeJson } from "./eyes.ts";
import type { Attribute, Descriptor, Face, FaceCrop, Landmarks } from "./item.ts";
import { qualityJson } from "./quality.ts";

type Json<K extends keyof FaceJson> = NonNullable<FaceJson[K]>;

/** A face with the parts it has. Pixels are rounded to hundredths; measures keep six digits after the point. */
export function faceJson(face: Face): FaceJson {
  const { box, score, landmarks, pose, eyes, quality, liveness, attributes, emotion, descriptor, crops } = face;
  return {
    box: { x: pixel(box.x), y: pixel(box.y), width: pixel(box.width), height: pixel(box.height) },
    score: measure(score),
    ...(landmarks && { landmarks: landmarksJson(landmarks) }),
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
  values.forEach((value, i) => {
    bytes.writeFloatLE(value, i * 4);
  });
  return { model, version, length: values.length, data: bytes.toString("base64") };
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

function cropJson({ contentType, width, height, bytes }: FaceCrop): Json<"crops">[string] {
  const data = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("base64");
  return { content_type: contentType, width, height, data };
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
