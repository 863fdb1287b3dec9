/**
 * Baseline JPEG (ITU-T T.81) of interleaved 8-bit RGB with 4:2:0 chroma: the coded picture alone. The host writes the header
 * before it and the end marker behind it, and lays memory out: see `../small-jpeg.ts`.
 */
import { beginCoding, codeBlock, endCoding } from "./coding";
import { paddedWidth, planesOf } from "./color";
import { transformBlock } from "./transform";

/** Rows that are worked on at once: what two rows of luma blocks and one of chroma blocks cover. */
const STRIP_ROWS: i32 = 16;
/** Bytes of a block's row in a plane of floats. */
const BLOCK_ROW: usize = 32;

/** Where things are behind `tables`. */
const LUMA_FACTORS: usize = 0;
const CHROMA_FACTORS: usize = 256;
const LUMA_CODES: usize = 512;
const CHROMA_CODES: usize = 512 + 2048;

/**
 * Codes a picture and returns the address behind its last byte. `tables`: the factors of luma and of chroma coefficients (64
 * floats each), then the codes of luma and of chroma as {@link codeBlock} wants them. `work` is room for a strip: 48 bytes of
 * pixels and 96 of planes for each column, the width rounded up to 16, and 16 bytes more.
 */
export function encode(source: usize, width: i32, height: i32, tables: usize, work: usize, target: usize): usize {
  const columns = paddedWidth(width);
  const luma = work + <usize>(columns * STRIP_ROWS * 3 + 16);
  const lumaRow = <usize>columns << 2;
  const blue = luma + lumaRow * STRIP_ROWS;
  const chromaRow = lumaRow >> 1;
  const red = blue + chromaRow * (STRIP_ROWS / 2);
  const lumaCodes = tables + LUMA_CODES;
  const chromaCodes = tables + CHROMA_CODES;
  beginCoding(target);
  let lastLuma: i32 = 0;
  let lastBlue: i32 = 0;
  let lastRed: i32 = 0;
  for (let y = 0; y < height; y += STRIP_ROWS) {
    planesOf(source, width, height, y, work, luma, blue, red);
    const lower = luma + lumaRow * 8;
    for (let at: usize = 0; at < chromaRow; at += BLOCK_ROW) {
      const left = at << 1;
      transformBlock(luma + left, lumaRow, tables + LUMA_FACTORS);
      lastLuma = codeBlock(lastLuma, lumaCodes);
      transformBlock(luma + left + BLOCK_ROW, lumaRow, tables + LUMA_FACTORS);
      lastLuma = codeBlock(lastLuma, lumaCodes);
      transformBlock(lower + left, lumaRow, tables + LUMA_FACTORS);
      lastLuma = codeBlock(lastLuma, lumaCodes);
      transformBlock(lower + left + BLOCK_ROW, lumaRow, tables + LUMA_FACTORS);
      lastLuma = codeBlock(lastLuma, lumaCodes);
      transformBlock(blue + at, chromaRow, tables + CHROMA_FACTORS);
      lastBlue = codeBlock(lastBlue, chromaCodes);
      transformBlock(red + at, chromaRow, tables + CHROMA_FACTORS);
      lastRed = codeBlock(lastRed, chromaCodes);
    }
  }
  return endCoding();
}
