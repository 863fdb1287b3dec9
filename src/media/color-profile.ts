/** Colour profiles of JPEGs: converting from one costs more than decoding, and most pictures name sRGB, which needs none. */

/** A profile stands in one of the segments at the beginning, its description in its first few kilobytes. */
const HEADER_BYTES = 128 * 1024;
const PROFILE_BYTES = 4096;
const SIGNATURE = Buffer.from("ICC_PROFILE\0", "latin1");
/** How profiles spell it, in ASCII and in UTF-16. */
const NAMES = [Buffer.from("sRGB", "latin1"), Buffer.from("\0s\0R\0G\0B", "latin1")];

/** Whether a JPEG carries a colour profile that calls itself sRGB. */
export function namesSrgbProfile(bytes: Uint8Array): boolean {
  const head = Buffer.from(bytes.buffer, bytes.byteOffset, Math.min(bytes.length, HEADER_BYTES));
  const start = head.indexOf(SIGNATURE);
  if (start < 0) return false;
  // The header's third field is the colour space: a CMYK profile may mention sRGB, but is no RGB one.
  const profile = head.subarray(start + SIGNATURE.length + 2, start + PROFILE_BYTES);
  if (profile.toString("latin1", 16, 20) !== "RGB ") return false;
  return NAMES.some((name) => profile.includes(name));
}
