/** Runs pictures that clients send through the dialect's pipelines, and tells what came out in the dialect's words. */
import { FacewireError } from "../../errors.ts";
import type { NewDescriptor, Vector } from "../../store/gallery/records.ts";
import type { LunaContext } from "./context.ts";
import type { LunaCall } from "./operation.ts";

/** What is wanted of a picture. */
export interface ExtractionWish {
  readonly attributes: boolean;
  readonly emotions: boolean;
  readonly ethnicities: boolean;
  readonly headPose: boolean;
  readonly quality: boolean;
  /** Least score, 0 to 1. */
  readonly scoreThreshold: number;
  /** Greatest angles in degrees either way; no gate where absent. */
  readonly pitch?: number;
  readonly yaw?: number;
  readonly roll?: number;
  /** The body is an aligned face of 250 x 250; nothing is looked for. */
  readonly warped: boolean;
  /** False: nothing is to be stored, no descriptor is computed. */
  readonly descriptor: boolean;
  readonly exif: boolean;
}

/** A body of the picture endpoints. */
export type SentBody =
  | { readonly kind: "picture"; readonly bytes: Uint8Array }
  /** An uploaded descriptor (SDK layout or xpk). */
  | { readonly kind: "descriptor"; readonly vector: Vector };

/** A rectangle in whole pixels. */
export interface LunaRect {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

/** A face as answers show it. */
export interface LunaFace {
  /** Absent where no descriptor was extracted. */
  readonly id?: string;
  readonly rect?: LunaRect;
  readonly rectISO?: LunaRect;
  readonly score?: number;
  readonly attributes?: Readonly<Record<string, unknown>>;
  readonly quality?: Readonly<Record<string, number>>;
}

/** A face that was found, and what is to be kept of it; the latter absent where no descriptor was wanted. */
export interface ExtractedFace {
  readonly face: LunaFace;
  readonly keep?: NewDescriptor;
}

/** What came of a body; by falling score. At least one face: without one {@link extract} throws. */
export interface Extraction {
  readonly faces: readonly ExtractedFace[];
  /** Where asked for; empty when the picture has none. */
  readonly exif?: Readonly<Record<string, unknown>>;
}

/**
 * Reads a body of one of the picture content types, binary or base64. Throws `LunaError` 12017, 18001 (500), 100033, 12035,
 * 12038, 34001, and `request_too_large`.
 */
export async function readSentBody(_context: LunaContext, _call: LunaCall): Promise<SentBody> {
  throw new FacewireError("internal", "Not built yet.");
}

/**
 * Extracts the faces of a body; nothing is stored. A picture without faces is 4003 (500), one whose faces were all turned
 * away by thresholds 36003, a warp of another size 11043, what cannot be decoded 100033.
 */
export async function extract(
  _context: LunaContext,
  _call: LunaCall,
  _body: SentBody,
  _wish: ExtractionWish,
): Promise<Extraction> {
  throw new FacewireError("internal", "Not built yet.");
}
