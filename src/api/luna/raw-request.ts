/** The body of a comparison of descriptors that are sent along: JSON or MessagePack, bounded before it is read. */
import { type TSchema, Type } from "@sinclair/typebox";
import { Value } from "@sinclair/typebox/value";
import { DescriptorBytesError } from "../../gallery/formats/problem.ts";
import { readRawVector, readSdkVector, readXpkVector } from "../../gallery/formats/vectors.ts";
import type { ModelCatalog } from "../../inference/catalog.ts";
import type { Vector } from "../../store/gallery/records.ts";
import { decodeBase64 } from "../base64.ts";
import { readWhole } from "../body.ts";
import type { LunaContext } from "./context.ts";
import { badJson, LunaError } from "./errors.ts";
import { bodyLimits, checkForm, closed, mediaType, readJson, text } from "./json-body.ts";
import { MsgpackProblem, readMsgpack } from "./msgpack.ts";
import type { AccountCall } from "./operation.ts";

/** References times candidates: keeps an answer below a few megabytes and a comparison below a tenth of a second. */
const MOST_PAIRS = 10_000;
/** Bytes of a body, about 1,400 descriptors: reading one takes the main thread, some 50 ms for as many. */
const MOST_BYTES = 4 * 1024 * 1024;
/** An element has four members, one of them with two more: less than 14 values with their keys. */
const MSGPACK_LIMITS = { depth: 4, values: 14 * (MOST_PAIRS + 1) + 8 };

/** A descriptor that was sent along, under the sender's name for it. */
export interface NamedVector {
  readonly id: string;
  readonly vector: Vector;
}

/** What is compared: each reference with each candidate. */
export interface RawRequest {
  readonly references: readonly NamedVector[];
  readonly candidates: readonly NamedVector[];
}

type Side = keyof RawRequest;
type Blob = string | Uint8Array;

/** One element, in the forms that both kinds of body have. */
type Element =
  | {
      readonly id: string;
      readonly type: "raw_descriptor";
      readonly data: { readonly descriptor: Blob; readonly version: number };
    }
  | { readonly id: string; readonly type: "sdk_descriptor" | "xpk_file"; readonly data: Blob };

const Elements = Type.Array(Type.Unknown(), { minItems: 1, maxItems: MOST_PAIRS });
const Request = closed({ references: Elements, candidates: Elements });

function elementForms(blob: TSchema): TSchema {
  const id = text({ most: 36 });
  return Type.Union([
    closed({
      id,
      type: Type.Literal("raw_descriptor"),
      data: closed({ descriptor: blob, version: Type.Integer({ minimum: 0, maximum: 0xffff_ffff }) }),
    }),
    closed({ id, type: Type.Union([Type.Literal("sdk_descriptor"), Type.Literal("xpk_file")]), data: blob }),
  ]);
}
const JSON_ELEMENT = elementForms(Type.String());
const MSGPACK_ELEMENT = elementForms(Type.Union([Type.String(), Type.Uint8Array()]));

/**
 * Reads the body. Throws `LunaError` 12017, 12022, 18001, 12034, 12035, 12037 and 12038, all with 400, and `request_too_large`.
 */
export async function readRawRequest(context: LunaContext, call: AccountCall): Promise<RawRequest> {
  const { settings, models } = context;
  const packed = mediaType(call.request) === "application/msgpack";
  const body = packed ? await readPacked(context, call) : await readJson(settings, call, Request, MOST_BYTES);
  const { references, candidates } = body;
  if (references.length * candidates.length > MOST_PAIRS) {
    throw badJson("", `references x candidates must not be more than ${MOST_PAIRS} pairs`);
  }
  const form = packed ? MSGPACK_ELEMENT : JSON_ELEMENT;
  const side = (name: Side, elements: readonly unknown[]) =>
    elements.map((element, i) => {
      if (!Value.Check(form, element)) {
        throw badJson(name, `${name}[${i}] must be valid exactly by one of oneOf definition`);
      }
      const { id } = element as Element;
      return { id, vector: vectorOf(models, element as Element) };
    });
  return { references: side("references", references), candidates: side("candidates", candidates) };
}

async function readPacked(
  context: LunaContext,
  call: AccountCall,
): Promise<{ readonly [S in Side]: readonly unknown[] }> {
  const limits = bodyLimits(context.settings, call, Math.min(MOST_BYTES, context.settings.luna.max_body));
  const value = unpacked(await readWhole(call.request, limits));
  checkForm(Request, value);
  return value as { readonly [S in Side]: readonly unknown[] };
}

function unpacked(bytes: Uint8Array): unknown {
  try {
    return readMsgpack(bytes, MSGPACK_LIMITS);
  } catch (cause) {
    if (cause instanceof MsgpackProblem) throw badJson("", `is not MessagePack as described: ${cause.message}`);
    throw cause;
  }
}

function vectorOf(models: ModelCatalog, { type, data }: Element): Vector {
  try {
    if (type === "raw_descriptor") return readRawVector(models, data.version, bytesOf(data.descriptor));
    return type === "sdk_descriptor" ? readSdkVector(models, bytesOf(data)) : readXpkVector(models, bytesOf(data));
  } catch (error) {
    throw error instanceof DescriptorBytesError ? refusal(type, error) : error;
  }
}

function bytesOf(blob: Blob): Uint8Array {
  if (typeof blob !== "string") return blob;
  const bytes = decodeBase64(blob);
  if (bytes === undefined) throw new LunaError(18001, "Failed convert data from base64 to bytes");
  return bytes;
}

function refusal(type: Element["type"], cause: DescriptorBytesError): LunaError {
  const { problem } = cause;
  switch (problem.kind) {
    case "length":
      return new LunaError(12034, `Descriptor has incorrect length ${problem.bytes}`, { cause });
    case "version":
      return new LunaError(12037, `Descriptor version ${problem.version} are not registered in the system`, { cause });
    case "missing":
      return new LunaError(12037, "XPK file does not contain descriptor", { cause });
    default:
      return type === "xpk_file"
        ? new LunaError(12035, "Failed to parse xpk file", { cause })
        : new LunaError(12038, "SDK descriptor is not valid", { cause });
  }
}
