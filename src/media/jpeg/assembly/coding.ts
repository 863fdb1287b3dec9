/** Huffman coding of blocks of quantised coefficients, and the bits they become. */
import { coefficients } from "./transform";

/** The block's coefficients (i16) in the order of the zigzag. */
const ordered = memory.data(128, 16);

/** Where the codes of coefficients other than the first lie behind those of the first. */
const AC_CODES: usize = 1024;
/** Codes of the end of a block, and of sixteen zeros. */
const END: usize = 0;
const ZEROS: usize = 0xf0 << 2;

/** Where the next bytes go, and bits that wait for more: the lower {@link waiting} of {@link bits}. */
let output: usize = 0;
let bits: u64 = 0;
let waiting: i32 = 0;

export function beginCoding(target: usize): void {
  output = target;
  bits = 0;
  waiting = 0;
}

/** Writes what waits, filled up with ones, and returns the address behind it. */
export function endCoding(): usize {
  const missing = (8 - (waiting & 7)) & 7;
  bits = (bits << missing) | ((1 << missing) - 1);
  waiting += missing;
  for (; waiting > 0; waiting -= 8) output = putByte(output, <u32>(bits >> (waiting - 8)) & 0xff);
  return output;
}

/** Writes a byte; a zero follows 0xff, so that it is not taken for a marker. */
@inline
function putByte(target: usize, byte: u32): usize {
  store<u8>(target, byte);
  if (byte != 0xff) return target + 1;
  store<u8>(target, 0, 1);
  return target + 2;
}

function putCarefully(target: usize, word: u32): usize {
  let to = putByte(target, word >> 24);
  to = putByte(to, (word >> 16) & 0xff);
  to = putByte(to, (word >> 8) & 0xff);
  return putByte(to, word & 0xff);
}

/** Writes 32 bits. */
@inline
function putWord(target: usize, word: u32): usize {
  // Whether any byte is 0xff; that it sometimes says so of another word does no harm.
  const inverse = ~word;
  if ((inverse - 0x01010101) & word & 0x80808080) return putCarefully(target, word);
  store<u32>(target, bswap(word));
  return target + 4;
}

/** Bits of a number's magnitude. */
@inline
function sizeOf(value: i32): i32 {
  return 32 - clz(abs(value));
}

/** The magnitude's bits of a value of that size; of negative ones the inverse. */
@inline
function magnitude(value: i32, size: i32): u64 {
  return <u64>((value + (value >> 31)) & ((1 << size) - 1));
}

/** Moves coefficient `from` of {@link coefficients} to place `to` of {@link ordered}. */
@inline
function move(from: usize, to: usize): void {
  store<i16>(ordered + (to << 1), load<i16>(coefficients + (from << 1)));
}

/** Moves eight. */
@inline
function moveRow(
  to: usize, a: usize, b: usize, c: usize, d: usize, e: usize, f: usize, g: usize, h: usize): void {
  move(a, to);
  move(b, to + 1);
  move(c, to + 2);
  move(d, to + 3);
  move(e, to + 4);
  move(f, to + 5);
  move(g, to + 6);
  move(h, to + 7);
}

/** Puts the coefficients into the order of the zigzag and returns which are not zero, by bit. */
@inline
function order(): u64 {
  // Written out: addresses that are known cost half as much as those of a table, and this is a tenth of a JPEG's time.
  moveRow(0, 0, 8, 1, 2, 9, 16, 24, 17);
  moveRow(8, 10, 3, 4, 11, 18, 25, 32, 40);
  moveRow(16, 33, 26, 19, 12, 5, 6, 13, 20);
  moveRow(24, 27, 34, 41, 48, 56, 49, 42, 35);
  moveRow(32, 28, 21, 14, 7, 15, 22, 29, 36);
  moveRow(40, 43, 50, 57, 58, 51, 44, 37, 30);
  moveRow(48, 23, 31, 38, 45, 52, 59, 60, 53);
  moveRow(56, 46, 39, 47, 54, 61, 62, 55, 63);
  let zeros: u64 = 0;
  const zero = i16x8.splat(0);
  for (let i: usize = 0; i < 64; i += 16) {
    const first = i16x8.eq(v128.load(ordered + (i << 1)), zero);
    const second = i16x8.eq(v128.load(ordered + (i << 1), 16), zero);
    zeros |= <u64>(<u32>i8x16.bitmask(i8x16.narrow_i16x8_s(first, second))) << i;
  }
  return ~zeros;
}

/**
 * Codes the block in {@link coefficients} and returns its first coefficient, which the next block of the plane is given as
 * `last`. `codes`: 256 words for the first coefficient by the size of its difference, then 256 for the others by zeros
 * before them x 16 + size. A word is the code's bits above its length (8 bits).
 */
export function codeBlock(last: i32, codes: usize): i32 {
  let nonzero = order();
  let to = output;
  let held = bits;
  let count = waiting;

  const first = <i32>load<i16>(ordered);
  const difference = first - last;
  let size = sizeOf(difference);
  let code = load<u32>(codes + (<usize>size << 2));
  held = (((held << (code & 0xff)) | (code >> 8)) << size) | magnitude(difference, size);
  count += (code & 0xff) + size;
  if (count >= 32) {
    count -= 32;
    to = putWord(to, <u32>(held >> count));
  }

  const others = codes + AC_CODES;
  nonzero &= ~1;
  let next = 1;
  while (nonzero) {
    const at = <i32>ctz(nonzero);
    nonzero &= nonzero - 1;
    let zeros = at - next;
    next = at + 1;
    for (; zeros >= 16; zeros -= 16) {
      code = load<u32>(others + ZEROS);
      held = (held << (code & 0xff)) | (code >> 8);
      count += code & 0xff;
      if (count >= 32) {
        count -= 32;
        to = putWord(to, <u32>(held >> count));
      }
    }
    const value = <i32>load<i16>(ordered + (<usize>at << 1));
    size = sizeOf(value);
    code = load<u32>(others + (<usize>((zeros << 4) | size) << 2));
    held = (((held << (code & 0xff)) | (code >> 8)) << size) | magnitude(value, size);
    count += (code & 0xff) + size;
    if (count >= 32) {
      count -= 32;
      to = putWord(to, <u32>(held >> count));
    }
  }
  if (next < 64) {
    code = load<u32>(others + END);
    held = (held << (code & 0xff)) | (code >> 8);
    count += code & 0xff;
    if (count >= 32) {
      count -= 32;
      to = putWord(to, <u32>(held >> count));
    }
  }
  output = to;
  bits = held;
  waiting = count;
  return first;
}
