/** JPEG, PNG, WebP, GIF and TIFF through sharp (libvips). */
import sharp, { type Sharp, type SharpOptions } from "sharp";
import { FacewireError } from "../errors.ts";
import { namesSrgbProfile } from "./color-profile.ts";
import { endsEarly } from "./early-end.ts";
import type { PictureLimits } from "./limits.ts";
import type { PictureFormat } from "./picture.ts";
import { checkSize, cutOff, type DecodedPixels, damaged } from "./pixels.ts";
import { firstPageOnly } from "./tiff-pages.ts";

// One thread a picture: every core has a worker that decodes its own pictures, more threads would only fight.
sharp.concurrency(1);
// Pictures do not come twice; libvips' cache of operations would only hold memory.
sharp.cache(false);

/** How much the decoder may forgive; see sharp's `failOn`. */
type Strictness = "none" | "error" | "warning";

/** libjpeg's warnings of picture data that it could not read: what it gives instead is grey, or from another place. */
const BROKEN_JPEG =
  /premature end of data segment|bad Huffman code|bad arithmetic code|found marker \S+ instead of RST/;

/** Decodes with sharp to upright sRGB, transparency laid on black; throws coded errors. */
export async function decodeWithSharp(
  bytes: Uint8Array,
  format: PictureFormat,
  limits: PictureLimits,
): Promise<DecodedPixels> {
  const input = format === "tiff" ? firstPageOnly(bytes) : bytes;
  const options: SharpOptions = {
    // Checked by libvips against the header, before pixels are decoded.
    limitInputPixels: limits.maxPixels,
    // The first frame or page only.
    pages: 1,
    ignoreIcc: format === "jpeg" && namesSrgbProfile(bytes),
  };
  const decode = (failOn: Strictness) => decodePixels(input, { ...options, failOn }, limits);
  try {
    if (limits.truncated === "decode") return await decode("none");
    // A JPEG whose middle is broken is only warned of; the other formats have checksums or call it an error.
    return await decode(format === "jpeg" ? "warning" : "error").catch((thrown: unknown) => {
      if (format !== "jpeg" || !isOnlyWarning(thrown)) throw thrown;
      return decode("error");
    });
  } catch (thrown) {
    throw await explain(thrown, input, format, limits, options);
  }
}

async function decodePixels(input: Uint8Array, options: SharpOptions, limits: PictureLimits): Promise<DecodedPixels> {
  const { data, info } = await sharp(input, options)
    .autoOrient()
    .flatten({ background: "#000" })
    .toColourspace("srgb")
    .timeout({ seconds: Math.max(1, Math.ceil(limits.decodeTimeoutMs / 1000)) })
    .raw()
    .toBuffer({ resolveWithObject: true });
  checkSize(info.width, info.height, limits);
  return { data, width: info.width, height: info.height, channels: info.channels === 1 ? 1 : 3 };
}

/** Whether it may be a warning of what does no harm, such as the wrong scan parameters some telephones write. */
function isOnlyWarning(thrown: unknown): boolean {
  if (!(thrown instanceof Error) || thrown instanceof FacewireError) return false;
  return !/exceeds pixel limit|timeout/.test(thrown.message) && !BROKEN_JPEG.test(thrown.message);
}

/** The coded error for what sharp threw. Its messages can hold paths and are kept as cause only. */
async function explain(
  thrown: unknown,
  bytes: Uint8Array,
  format: PictureFormat,
  limits: PictureLimits,
  options: SharpOptions,
): Promise<FacewireError> {
  if (thrown instanceof FacewireError) return thrown;
  const message = thrown instanceof Error ? thrown.message : String(thrown);
  if (/exceeds pixel limit/.test(message)) {
    return (await oversize(sharp(bytes, { ...options, limitInputPixels: false }), limits)) ?? damaged(format, thrown);
  }
  if (/timeout/.test(message)) {
    return new FacewireError("picture_too_slow", `Decoding took longer than ${limits.decodeTimeoutMs} ms.`, {
      details: { format, decode_timeout_ms: limits.decodeTimeoutMs },
      cause: thrown,
    });
  }
  const cut = limits.truncated === "refuse" && endsEarly(bytes, format);
  return cut ? cutOff(format, thrown) : damaged(format, thrown);
}

/** The error that names the declared size of a picture that is too large; reads the header only. */
async function oversize(picture: Sharp, limits: PictureLimits): Promise<FacewireError | undefined> {
  try {
    const { width, height } = await picture.metadata();
    checkSize(width, height, limits);
  } catch (thrown) {
    if (thrown instanceof FacewireError) return thrown;
  }
  return undefined;
}
