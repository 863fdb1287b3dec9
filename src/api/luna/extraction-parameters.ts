/** The query parameters that say what is wanted of a picture. */
import type { ExtractionWish } from "./extraction.ts";
import type { LunaCall } from "./operation.ts";
import { readFlag, readNumber } from "./query.ts";
import { sentKind } from "./sent-body.ts";

const LARGEST_ANGLE = 180;

/**
 * What a request wants of the picture it sends; of a descriptor nothing can be wanted, whatever the query says. Throws
 * `LunaError` 12012, and 12017 for a body of neither kind. Angles beyond what an angle can be are no threshold at all.
 */
export function readExtractionWish({ request, url }: LunaCall): ExtractionWish {
  const query = sentKind(request) === "picture" ? url.searchParams : new URLSearchParams();
  // Nothing is cached here, but what is no flag is none here either.
  readFlag(query, "no_cache");
  return {
    attributes: readFlag(query, "estimate_attributes") ?? false,
    emotions: readFlag(query, "estimate_emotions") ?? false,
    ethnicities: readFlag(query, "estimate_ethnicities") ?? false,
    headPose: readFlag(query, "estimate_head_pose") ?? false,
    quality: readFlag(query, "estimate_quality") ?? false,
    scoreThreshold: readNumber(query, "score_threshold", { least: 0, most: 1 }) ?? 0,
    ...angle(query, "pitch"),
    ...angle(query, "yaw"),
    ...angle(query, "roll"),
    warped: readFlag(query, "warped_image") ?? false,
    descriptor: readFlag(query, "extract_descriptor") ?? true,
    exif: readFlag(query, "extract_exif") ?? false,
  };
}

function angle<A extends "pitch" | "yaw" | "roll">(query: URLSearchParams, axis: A): { readonly [K in A]?: number } {
  const degrees = readNumber(query, `${axis}__lt`);
  const closed = degrees !== undefined && degrees >= 0 && degrees <= LARGEST_ANGLE;
  return (closed ? { [axis]: degrees } : {}) as { readonly [K in A]?: number };
}
