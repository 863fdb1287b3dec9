/** Bodies of the picture endpoints: pictures and uploaded descriptors, as bytes or as base64. */
import { DescriptorBytesError, type DescriptorProblem } from "../../gallery/formats/problem.ts";
import { readSdkVector, readXpkVector } from "../../gallery/formats/vectors.ts";
import type { ModelCatalog } from "../../inference/catalog.ts";
import type { Vector } from "../../store/gallery/records.ts";
import { decodeBase64 } from "../base64.ts";
import { joined, readWhole } from "../body.ts";
import type { LunaContext } from "./context.ts";
import { LunaError } from "./errors.ts";
import { bodyLimits, mediaType } from "./json-body.ts";
import type { LunaCall } from "./operation.ts";
import { admitPicture, pipelineFor } from "./pipelines.ts";

/** A body of the picture endpoints. */
export type SentBody =
  | { readonly kind: "picture"; readonly bytes: Uint8Array }
  /** An uploaded descriptor (SDK layout or xpk). */
  | { readonly kind: "descriptor"; readonly vector: Vector };

type BodyKind = "picture" | "sdk" | "xpk";

/** Types of descriptor bodies; their answers carry them, too. */
export const SDK_TYPE = "application/x-vl-face-descriptor";
export const XPK_TYPE = "application/x-vl-xpk";

const BASE64_SUFFIX = "-base64";
/** What each type is sent as; JPEG to GIF are called `x-` in base64, the others have it in both. */
const BINARY_TYPES = new Map<string, BodyKind>([
  ...["jpeg", "png", "bmp", "tiff", "gif", "x-windows-bmp", "x-portable-pixmap"].map(
    (name) => [`image/${name}`, "picture"] as const,
  ),
  [SDK_TYPE, "sdk"],
  [XPK_TYPE, "xpk"],
]);
const BASE64_TYPES = new Map<string, BodyKind>(
  [...BINARY_TYPES].map(([type, kind]) => [`${type.replace(/^image\/(?!x-)/, "image/x-")}${BASE64_SUFFIX}`, kind]),
);

/** Whether a request's type says that a picture or a descriptor is sent. Throws `LunaError` 12017 for any other type. */
export function sentKind(request: Request): SentBody["kind"] {
  return bodyKind(mediaType(request)) === "picture" ? "picture" : "descriptor";
}

/**
 * Reads a body of one of the picture content types, binary or base64; which picture format it is, its bytes say. Throws
 * `LunaError` 12017, 18001 (500), 100033, 12035, 12037, 12038, 34001; as `readWhole` does (`request_too_large` …); and before
 * a picture is read, as it would be refused afterwards (`overloaded` …).
 */
export async function readSentBody(context: LunaContext, call: LunaCall): Promise<SentBody> {
  const type = mediaType(call.request);
  const kind = bodyKind(type);
  if (kind === "picture") {
    admitPicture(context.engine, pipelineFor(call.url.searchParams.get("warped_image") === "1"));
  }
  const sent = await readWhole(call.request, bodyLimits(context.settings, call));
  const bytes = BASE64_TYPES.has(type) ? decoded(sent) : sent;
  if (bytes !== sent) call.exchange.body.take(bytes.byteLength);
  if (kind === "picture") {
    if (bytes.byteLength === 0) throw new LunaError(100033, "The body holds no bytes.");
    return { kind, bytes };
  }
  return { kind: "descriptor", vector: uploadedVector(context.models, kind, bytes) };
}

function bodyKind(type: string): BodyKind {
  const kind = BINARY_TYPES.get(type) ?? BASE64_TYPES.get(type);
  if (kind === undefined) throw new LunaError(12017, "Bad content type");
  return kind;
}

/** In memory of its own, so that it can be handed to another thread. */
function decoded(sent: Uint8Array): Uint8Array {
  const bytes = decodeBase64(Buffer.from(sent.buffer, sent.byteOffset, sent.byteLength).toString("latin1"));
  if (bytes === undefined) {
    throw new LunaError(18001, "Failed convert data from base64 to bytes", { status: 500 });
  }
  return joined([bytes]);
}

function uploadedVector(models: ModelCatalog, kind: "sdk" | "xpk", bytes: Uint8Array): Vector {
  try {
    return kind === "sdk" ? readSdkVector(models, bytes) : readXpkVector(models, bytes);
  } catch (error) {
    throw error instanceof DescriptorBytesError ? refusal(kind, error.problem, error) : error;
  }
}

function refusal(kind: "sdk" | "xpk", problem: DescriptorProblem, cause: Error): LunaError {
  if (problem.kind === "version") {
    return new LunaError(34001, `Descriptor version ${problem.version} is not supported`, { cause });
  }
  if (problem.kind === "missing") return new LunaError(12037, "XPK file does not contain descriptor", { cause });
  return kind === "sdk"
    ? new LunaError(12038, "SDK descriptor is not valid", { cause })
    : new LunaError(12035, "Failed to parse xpk file", { cause });
}
