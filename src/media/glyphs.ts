/** Text as outlines: drawn pictures look the same on machines without any fonts. */
import { readFileSync } from "node:fs";
import { type Font, type Glyph, parse } from "opentype.js";

/** DejaVu Sans Bold (free licence, as a package): covers Latin, Greek, Cyrillic and more, readable at small sizes. */
const FONT_FILE = "@fontsource/dejavu-sans/files/dejavu-sans-latin-700-normal.woff";

/** Height of capitals as a share of the font size, as the font has it. */
export const CAPITAL_HEIGHT = 0.73;

let loaded: Font | undefined;

/** The font, read on first use: most workers never draw. */
function font(): Font {
  if (!loaded) {
    const bytes = readFileSync(Bun.fileURLToPath(import.meta.resolve(FONT_FILE)));
    loaded = parse(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength));
  }
  return loaded;
}

/** Width of a line of text in pixels. */
export function textWidth(text: string, size: number): number {
  const { unitsPerEm } = font();
  return glyphsOf(text).reduce((width, glyph) => width + (glyph.advanceWidth ?? 0), 0) * (size / unitsPerEm);
}

/** SVG path data of a line of text whose baseline begins at (x, y). Holds coordinates only, never the text itself. */
export function textPath(text: string, x: number, y: number, size: number): string {
  const scale = size / font().unitsPerEm;
  let at = x;
  let path = "";
  for (const glyph of glyphsOf(text)) {
    path += glyph.getPath(at, y, size).toPathData(1);
    at += (glyph.advanceWidth ?? 0) * scale;
  }
  return path;
}

/**
 * One glyph a code point, a box for what the font lacks. The font's shaping rules are left out: the library throws on
 * some of them, and labels may hold any text.
 */
function glyphsOf(text: string): Glyph[] {
  return Array.from(text, (letter) => font().charToGlyph(letter));
}

/** The text cut to a width, with an ellipsis where something is missing. */
export function fitText(text: string, size: number, width: number): string {
  if (textWidth(text, size) <= width) return text;
  const letters = [...text];
  // Most of a text that does not fit is not needed to find where it is cut.
  let low = 0;
  let high = Math.min(letters.length, Math.ceil(width / (0.2 * size)));
  while (low < high) {
    const middle = Math.ceil((low + high) / 2);
    if (textWidth(`${letters.slice(0, middle).join("")}…`, size) <= width) low = middle;
    else high = middle - 1;
  }
  return `${letters.slice(0, low).join("")}…`;
}
