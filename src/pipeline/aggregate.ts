/** One value per aggregated part over the pictures of a request. */
import { descriptorJson } from "../stages/face-json.ts";
import type { Descriptor, Face } from "../stages/item.ts";
import type { StageRegistry } from "../stages/registry.ts";
import { facePart } from "./face-parts.ts";
import type { Plan } from "./plan.ts";
import type { AggregateValue, RunResult } from "./results.ts";

/**
 * Aggregates over the primary face of each picture: the largest one that no gate rejected. A picture has one vote,
 * however many faces it shows. `pictures` holds the faces of each picture that went well.
 */
export function aggregate(
  plan: Plan,
  stages: StageRegistry,
  pictures: readonly (readonly Face[])[],
): RunResult["aggregate"] {
  const primary = pictures.flatMap((faces) => primaryFace(faces) ?? []);
  const result: Record<string, AggregateValue | null> = {};
  for (const [key, { method, kind, options }] of Object.entries(plan.aggregate)) {
    const stage = stages.get(kind);
    const aggregation = stage.aggregation;
    const parts = stage.writes(options as never);
    const inputs = primary
      .filter((face) => parts.every((part) => facePart(face, part) !== undefined))
      .map((face) => ({ face, weight: face.quality?.overall ?? 1 }));
    result[key] =
      aggregation && inputs.length > 0
        ? { method, pictures: inputs.length, value: toJson(aggregation.aggregate(inputs, method, options)) }
        : null;
  }
  return result;
}

/** What {@link aggregate} looks at of a face: kept for thousands of frames, the rest would add up. */
export function aggregatedParts(plan: Plan, stages: StageRegistry, face: Face): Face {
  const kept: Record<string, unknown> = { box: face.box, score: face.score };
  if (face.quality) kept.quality = face.quality;
  for (const { kind, options } of Object.values(plan.aggregate)) {
    for (const part of stages.get(kind).writes(options as never)) {
      const [, name = "", extra] = part.split(".");
      const key = extra === undefined ? name : "extra";
      const value = face[key as keyof Face];
      if (value !== undefined) kept[key] = value;
    }
  }
  return kept as unknown as Face;
}

/** The largest face that no gate rejected. */
export function primaryFace(faces: readonly Face[]): Face | undefined {
  let largest: Face | undefined;
  for (const face of faces) {
    if (!face.rejected && (!largest || area(face) > area(largest))) largest = face;
  }
  return largest;
}

function area({ box }: Face): number {
  return box.width * box.height;
}

/** As faces show it: descriptors in base64, numbers with six digits after the point. */
function toJson(value: unknown): unknown {
  if (typeof value === "number") return Math.round(value * 1e6) / 1e6;
  if (Array.isArray(value)) return value.map(toJson);
  if (typeof value !== "object" || value === null) return value;
  if ((value as Partial<Descriptor>).values instanceof Float32Array) return descriptorJson(value as Descriptor);
  return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, toJson(each)]));
}
