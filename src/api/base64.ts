/** Base64 that is not taken on trust. */

/**
 * The bytes of base64 with padding; undefined where a character, the padding or the last bits are wrong. White space between
 * characters is passed over, as mail and command line tools break lines. 15 MiB take some 20 ms, below 100 ms where every other
 * character is white space.
 */
export function decodeBase64(text: string): Uint8Array | undefined {
  // The quick decoder passes over what it does not know; only what encodes back to the same text was base64 all through.
  const decoded = Buffer.from(text, "base64");
  const again = decoded.toString("base64");
  if (again !== text && !isSpacedOut(text, again)) return undefined;
  return new Uint8Array(decoded.buffer, decoded.byteOffset, decoded.byteLength);
}

/** Whether the text is the other one with white space. */
function isSpacedOut(text: string, compact: string): boolean {
  let at = 0;
  for (let i = 0; i < text.length; i++) {
    const character = text.charCodeAt(i);
    if (character === 0x20 || character === 0x0a || character === 0x0d || character === 0x09) continue;
    if (character !== compact.charCodeAt(at++)) return false;
  }
  return at === compact.length;
}
