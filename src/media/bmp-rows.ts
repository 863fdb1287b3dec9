/** The pixels of a BMP, once its header is understood. Bytes past the end of the file read as zero. */
import { type BmpHeader, COMPRESSION } from "./bmp-header.ts";

/** Masks of 16-bit pixels without masks of their own: five bits a channel. */
const MASKS_555 = [0x7c00, 0x03e0, 0x001f, 0] as const;
const MASKS_888 = [0xff0000, 0x00ff00, 0x0000ff, 0] as const;

export class BmpRows {
  readonly #bytes: Uint8Array;
  readonly #header: BmpHeader;
  readonly #rowBytes: number;

  constructor(bytes: Uint8Array, header: BmpHeader) {
    this.#bytes = bytes;
    this.#header = header;
    // Rows are padded to 4 bytes. Plain arithmetic: width * bits can pass 32 bits.
    this.#rowBytes = Math.ceil((header.width * header.bits) / 32) * 4;
  }

  /** Whether the file holds all pixels. Run lengths must reach their end mark, or the last pixel. */
  complete(): boolean {
    const { pixels, height, palette } = this.#header;
    if (palette.offset + palette.count * palette.entryBytes > this.#bytes.length) return false;
    if (this.#isRunLength()) return this.#readRuns(() => {});
    // Some writers leave the padding of the last row out.
    const lastRow = Math.ceil((this.#header.width * this.#header.bits) / 8);
    return pixels + (height - 1) * this.#rowBytes + lastRow <= this.#bytes.length;
  }

  /** Interleaved RGB, top row first. */
  decode(): Uint8Array {
    const { width, height, bits } = this.#header;
    const out = new Uint8Array(width * height * 3);
    if (this.#isRunLength()) {
      const palette = this.#readPalette();
      this.#readRuns((x, row, index) => out.set(palette.subarray(index * 3, index * 3 + 3), (row * width + x) * 3));
    } else if (bits <= 8) {
      this.#indexed(out);
    } else if (bits === 24) {
      this.#plain24(out);
    } else {
      this.#masked(out);
    }
    return out;
  }

  #isRunLength(): boolean {
    return this.#header.compression === COMPRESSION.rle4 || this.#header.compression === COMPRESSION.rle8;
  }

  /** Where the file's row for a row of the upright picture begins. */
  #rowStart(row: number): number {
    const { pixels, height, topDown } = this.#header;
    return pixels + (topDown ? row : height - 1 - row) * this.#rowBytes;
  }

  /** 256 RGB entries; those that are not given are black. */
  #readPalette(): Uint8Array {
    const { offset, count, entryBytes } = this.#header.palette;
    const palette = new Uint8Array(256 * 3);
    for (let entry = 0; entry < count; entry++) {
      const at = offset + entry * entryBytes;
      for (let channel = 0; channel < 3; channel++) palette[entry * 3 + channel] = this.#bytes[at + 2 - channel] ?? 0;
    }
    return palette;
  }

  #indexed(out: Uint8Array): void {
    const { width, height, bits } = this.#header;
    const palette = this.#readPalette();
    const mask = (1 << bits) - 1;
    for (let row = 0, to = 0; row < height; row++) {
      const start = this.#rowStart(row);
      for (let x = 0; x < width; x++) {
        const bit = x * bits;
        const byte = this.#bytes[start + (bit >> 3)] ?? 0;
        const entry = ((byte >> (8 - bits - (bit & 7))) & mask) * 3;
        out[to++] = palette[entry]!;
        out[to++] = palette[entry + 1]!;
        out[to++] = palette[entry + 2]!;
      }
    }
  }

  #plain24(out: Uint8Array): void {
    const { width, height } = this.#header;
    for (let row = 0, to = 0; row < height; row++) {
      let from = this.#rowStart(row);
      for (let x = 0; x < width; x++, from += 3) {
        out[to++] = this.#bytes[from + 2] ?? 0;
        out[to++] = this.#bytes[from + 1] ?? 0;
        out[to++] = this.#bytes[from] ?? 0;
      }
    }
  }

  #masked(out: Uint8Array): void {
    const { width, height, bits, masks } = this.#header;
    const given = masks.some((mask) => mask !== 0) ? masks : bits === 16 ? MASKS_555 : MASKS_888;
    const [red, green, blue, alpha] = given.map(channelReader) as [Reader, Reader, Reader, Reader];
    const transparent = given[3] !== 0;
    const size = bits / 8;
    for (let row = 0, to = 0; row < height; row++) {
      let from = this.#rowStart(row);
      for (let x = 0; x < width; x++, from += size) {
        let value = 0;
        for (let byte = size - 1; byte >= 0; byte--) value = (value << 8) | (this.#bytes[from + byte] ?? 0);
        const opacity = transparent ? alpha(value) / 255 : 1;
        out[to++] = red(value) * opacity + 0.5;
        out[to++] = green(value) * opacity + 0.5;
        out[to++] = blue(value) * opacity + 0.5;
      }
    }
  }

  /** Calls `put` for every pixel that run lengths set; false when the file ends before they do. */
  #readRuns(put: (x: number, row: number, index: number) => void): boolean {
    const { width, height, bits, topDown } = this.#header;
    const bytes = this.#bytes;
    const nibbles = bits === 4;
    let at = this.#header.pixels;
    let x = 0;
    let y = 0;
    const set = (index: number): void => {
      if (x < width && y < height) put(x, topDown ? y : height - 1 - y, index);
      x++;
    };
    const pick = (byte: number, pixel: number): number => (nibbles ? (pixel & 1 ? byte & 15 : byte >> 4) : byte);
    while (y < height) {
      if (at + 2 > bytes.length) return y === height - 1 && x >= width;
      const count = bytes[at]!;
      const second = bytes[at + 1]!;
      at += 2;
      if (count > 0) {
        for (let pixel = 0; pixel < count; pixel++) set(pick(second, pixel));
      } else if (second === 0) {
        x = 0;
        y++;
      } else if (second === 1) {
        return true;
      } else if (second === 2) {
        if (at + 2 > bytes.length) return false;
        x += bytes[at]!;
        y += bytes[at + 1]!;
        at += 2;
      } else {
        const length = nibbles ? Math.ceil(second / 2) : second;
        if (at + length > bytes.length) return false;
        for (let pixel = 0; pixel < second; pixel++) set(pick(bytes[at + (nibbles ? pixel >> 1 : pixel)]!, pixel));
        // Literal runs are padded to 2 bytes.
        at += length + (length & 1);
      }
    }
    return true;
  }
}

type Reader = (value: number) => number;

/** Reads one channel of a masked pixel as 0..255. */
function channelReader(mask: number): Reader {
  if (mask === 0) return () => 0;
  const shift = 31 - Math.clz32(mask & -mask);
  const maximum = mask >>> shift;
  return (value) => (((value & mask) >>> shift) * 255) / maximum;
}
