/** UUIDs as four 32-bit words, most significant first: their order is the order of the lower-case texts. */

/** Words of an id. */
export const UUID_WORDS = 4;

/** Where the 32 digits stand in the 36 characters. */
const DIGITS = [...Array(36).keys()].filter((at) => ![8, 13, 18, 23].includes(at));
/** Value of a character; 0 for what is no digit: ids were checked where they came in. */
const VALUES = new Uint8Array(128);
for (const [value, digit] of [..."0123456789abcdef"].entries()) {
  VALUES[digit.charCodeAt(0)] = value;
  VALUES[digit.toUpperCase().charCodeAt(0)] = value;
}
const BYTES = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, "0"));

/** Writes the words of an id to `words` from `at` on. */
export function writeUuid(text: string, words: Uint32Array, at = 0): void {
  for (let word = 0; word < UUID_WORDS; word++) {
    let value = 0;
    for (let digit = 8 * word; digit < 8 * word + 8; digit++) {
      value = (value << 4) | VALUES[text.charCodeAt(DIGITS[digit]!) & 127]!;
    }
    words[at + word] = value;
  }
}

/** The text of the words from `at` on. */
export function readUuid(words: Uint32Array, at = 0): string {
  let hex = "";
  for (let word = at; word < at + UUID_WORDS; word++) {
    const value = words[word]!;
    hex += BYTES[value >>> 24]! + BYTES[(value >>> 16) & 255]! + BYTES[(value >>> 8) & 255]! + BYTES[value & 255]!;
  }
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`;
}
