/** What a baseline JPEG of a quality holds beside its coded picture, and the numbers its coding needs. */

/** How coarse coefficients are at quality 50, in the order of the zigzag: the example tables of ITU-T T.81, Annex K. */
const LUMA_STEPS = [
  16, 11, 12, 14, 12, 10, 16, 14, 13, 14, 18, 17, 16, 19, 24, 40, 26, 24, 22, 22, 24, 49, 35, 37, 29, 40, 58, 51, 61,
  60, 57, 51, 56, 55, 64, 72, 92, 78, 64, 68, 87, 69, 55, 56, 80, 109, 81, 87, 95, 98, 103, 104, 103, 62, 77, 113, 121,
  112, 100, 120, 92, 101, 103, 99,
];
const CHROMA_STEPS = [17, 18, 18, 24, 21, 24, 47, 26, 26, 47, 99, 66, 56, 66, ...Array.from({ length: 50 }, () => 99)];

/** A Huffman table as files have it: how many codes there are of each length 1 to 16, then what they stand for. */
interface HuffmanTable {
  readonly counts: readonly number[];
  readonly symbols: Uint8Array;
}

const SIZES = Uint8Array.from({ length: 12 }, (_, size) => size);

/** The tables of Annex K, which fit pictures of all kinds well: of first coefficients and of the others. */
const LUMA_FIRST: HuffmanTable = { counts: [0, 1, 5, 1, 1, 1, 1, 1, 1, 0, 0, 0, 0, 0, 0, 0], symbols: SIZES };
const CHROMA_FIRST: HuffmanTable = { counts: [0, 3, 1, 1, 1, 1, 1, 1, 1, 1, 1, 0, 0, 0, 0, 0], symbols: SIZES };
const LUMA_OTHERS: HuffmanTable = {
  counts: [0, 2, 1, 3, 3, 2, 4, 3, 5, 5, 4, 4, 0, 0, 1, 125],
  symbols: Uint8Array.fromHex(
    "01020300041105122131410613516107227114328191a1082342b1c11552d1f02433627282090a161718191a25262728292a3435363738393a4344" +
      "45464748494a535455565758595a636465666768696a737475767778797a838485868788898a92939495969798999aa2a3a4a5a6a7a8a9aab2" +
      "b3b4b5b6b7b8b9bac2c3c4c5c6c7c8c9cad2d3d4d5d6d7d8d9dae1e2e3e4e5e6e7e8e9eaf1f2f3f4f5f6f7f8f9fa",
  ),
};
const CHROMA_OTHERS: HuffmanTable = {
  counts: [0, 2, 1, 2, 4, 4, 3, 4, 7, 5, 4, 4, 0, 1, 2, 119],
  symbols: Uint8Array.fromHex(
    "000102031104052131061241510761711322328108144291a1b1c109233352f0156272d10a162434e125f11718191a262728292a35363738393a4344" +
      "45464748494a535455565758595a636465666768696a737475767778797a82838485868788898a92939495969798999aa2a3a4a5a6a7a8a9aa" +
      "b2b3b4b5b6b7b8b9bac2c3c4c5c6c7c8c9cad2d3d4d5d6d7d8d9dae2e3e4e5e6e7e8e9eaf2f3f4f5f6f7f8f9fa",
  ),
};

/** Row and column of each coefficient in the order of the zigzag: along the diagonals, up and down in turn. */
const ZIGZAG: readonly (readonly [row: number, column: number])[] = Array.from({ length: 15 }, (_, diagonal) => {
  const places = Array.from({ length: 8 }, (_, row) => [row, diagonal - row] as const);
  const inside = places.filter(([, column]) => column >= 0 && column < 8);
  return diagonal % 2 === 0 ? inside.reverse() : inside;
}).flat();

/** The scale that the transform leaves on the coefficients of a row or column. */
const SCALES = Array.from({ length: 8 }, (_, i) => (i === 0 ? 1 : Math.SQRT2 * Math.cos((i * Math.PI) / 16)));

/** Bytes of {@link codingTables}. */
export const TABLE_BYTES = 2 * 256 + 4 * 1024;

/** Steps of a quality 1..100, in the order of the zigzag; qualities mean what they do to libjpeg. */
function stepsOf(base: readonly number[], quality: number): readonly number[] {
  const percent = quality < 50 ? Math.floor(5000 / quality) : 200 - 2 * quality;
  return base.map((step) => Math.min(255, Math.max(1, Math.floor((step * percent + 50) / 100))));
}

/** What the kernels read behind `tables`: see `assembly/jpeg.ts`. */
export function codingTables(quality: number): Uint8Array {
  const tables = new DataView(new ArrayBuffer(TABLE_BYTES));
  [LUMA_STEPS, CHROMA_STEPS].forEach((base, plane) => {
    stepsOf(base, quality).forEach((step, at) => {
      const [row, column] = ZIGZAG[at]!;
      tables.setFloat32(256 * plane + 4 * (8 * column + row), 1 / (8 * step * SCALES[row]! * SCALES[column]!), true);
    });
  });
  [LUMA_FIRST, LUMA_OTHERS, CHROMA_FIRST, CHROMA_OTHERS].forEach((table, index) => {
    for (const [symbol, code, length] of codesOf(table)) {
      tables.setUint32(512 + 1024 * index + 4 * symbol, (code << 8) | length, true);
    }
  });
  return new Uint8Array(tables.buffer);
}

/** The codes of a table: counted up within a length, and a zero more at the end for the next. */
function codesOf({
  counts,
  symbols,
}: HuffmanTable): readonly (readonly [symbol: number, code: number, length: number])[] {
  let code = 0;
  let at = 0;
  return counts.flatMap((count, index) => {
    const codes = Array.from({ length: count }, () => [symbols[at++]!, code++, index + 1] as const);
    code *= 2;
    return codes;
  });
}

/** All of a file before its coded picture: luma at full size, chroma at half, the example Huffman tables, no metadata. */
export function jpegHeader(width: number, height: number, quality: number): Uint8Array {
  const components = [1, 0x22, 0, 2, 0x11, 1, 3, 0x11, 1];
  return Uint8Array.from([
    ...[0xff, 0xd8],
    ...segment(0xdb, [0, ...stepsOf(LUMA_STEPS, quality)]),
    ...segment(0xdb, [1, ...stepsOf(CHROMA_STEPS, quality)]),
    ...segment(0xc0, [8, height >> 8, height & 255, width >> 8, width & 255, 3, ...components]),
    ...huffmanSegment(0x00, LUMA_FIRST),
    ...huffmanSegment(0x10, LUMA_OTHERS),
    ...huffmanSegment(0x01, CHROMA_FIRST),
    ...huffmanSegment(0x11, CHROMA_OTHERS),
    ...segment(0xda, [3, 1, 0x00, 2, 0x11, 3, 0x11, 0, 63, 0]),
  ]);
}

function huffmanSegment(id: number, { counts, symbols }: HuffmanTable): readonly number[] {
  return segment(0xc4, [id, ...counts, ...symbols]);
}

function segment(marker: number, payload: readonly number[]): readonly number[] {
  const length = payload.length + 2;
  return [0xff, marker, length >> 8, length & 255, ...payload];
}
