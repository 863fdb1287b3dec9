/** Reads MessagePack from outside: its structure is walked, and bounded, before any of it is built. */
import { Unpackr } from "msgpackr";

/** How large a structure may be. */
export interface MsgpackLimits {
  /** Maps and arrays within each other. */
  readonly depth: number;
  /** Values of all kinds, keys among them. */
  readonly values: number;
}

/** The bytes are no single complete value, or one that is not taken. */
export class MsgpackProblem extends Error {}

/**
 * The one value that the bytes hold: maps as objects, binary as `Uint8Array`. Extension types are refused, since the library
 * gives some of them meanings (among them structures that it compiles to code). Throws {@link MsgpackProblem}.
 */
export function readMsgpack(bytes: Uint8Array, limits: MsgpackLimits): unknown {
  walk(bytes, limits);
  try {
    return new Unpackr({ useRecords: false, mapsAsObjects: true, int64AsType: "number" }).unpack(bytes);
  } catch (cause) {
    throw new MsgpackProblem("it cannot be read", { cause });
  }
}

/** What follows a first byte: this many bytes of its own, then this many values. */
interface Extent {
  readonly bytes: number;
  readonly values: number;
}

/** Visits every value once, without recursion; what it passes is complete and within the limits. */
function walk(bytes: Uint8Array, limits: MsgpackLimits): void {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  // Values still to come, for each open map or array.
  const open = [1];
  let at = 0;
  let seen = 0;
  while (open.length > 0) {
    const level = open.length - 1;
    if (open[level] === 0) {
      open.pop();
      continue;
    }
    open[level]! -= 1;
    if (++seen > limits.values) throw new MsgpackProblem(`it holds more than ${limits.values} values`);
    const { bytes: own, values } = extentAt(view, at);
    at += 1 + own;
    // Every value takes a byte at least, so a count beyond the rest of the bytes is a lie.
    if (at + values > bytes.byteLength) throw new MsgpackProblem("it ends too early");
    if (values > 0) {
      open.push(values);
      if (open.length - 1 > limits.depth) throw new MsgpackProblem(`it is nested more than ${limits.depth} deep`);
    }
  }
  if (at !== bytes.byteLength) throw new MsgpackProblem("something follows its end");
}

const nothing = (bytes: number): Extent => ({ bytes, values: 0 });

/** Bytes behind the first one, for types of a fixed size: `c0`, `c2`, `c3`, and `ca` to `d3`. */
const FIXED: ReadonlyMap<number, number> = new Map([
  [0xc0, 0],
  [0xc2, 0],
  [0xc3, 0],
  [0xca, 4],
  [0xcb, 8],
  [0xcc, 1],
  [0xcd, 2],
  [0xce, 4],
  [0xcf, 8],
  [0xd0, 1],
  [0xd1, 2],
  [0xd2, 4],
  [0xd3, 8],
]);

function extentAt(view: DataView, at: number): Extent {
  if (at >= view.byteLength) throw new MsgpackProblem("it ends too early");
  const type = view.getUint8(at);
  if (type < 0x80 || type >= 0xe0) return nothing(0);
  if (type < 0x90) return { bytes: 0, values: 2 * (type & 0x0f) };
  if (type < 0xa0) return { bytes: 0, values: type & 0x0f };
  if (type < 0xc0) return nothing(type & 0x1f);
  const fixed = FIXED.get(type);
  if (fixed !== undefined) return nothing(fixed);
  switch (type) {
    case 0xc4:
    case 0xd9:
      return nothing(1 + count(view, at + 1, 1));
    case 0xc5:
    case 0xda:
      return nothing(2 + count(view, at + 1, 2));
    case 0xc6:
    case 0xdb:
      return nothing(4 + count(view, at + 1, 4));
    case 0xdc:
      return { bytes: 2, values: count(view, at + 1, 2) };
    case 0xdd:
      return { bytes: 4, values: count(view, at + 1, 4) };
    case 0xde:
      return { bytes: 2, values: 2 * count(view, at + 1, 2) };
    case 0xdf:
      return { bytes: 4, values: 2 * count(view, at + 1, 4) };
    default:
      throw new MsgpackProblem("it holds a type that is not taken");
  }
}

function count(view: DataView, at: number, size: 1 | 2 | 4): number {
  if (at + size > view.byteLength) throw new MsgpackProblem("it ends too early");
  if (size === 1) return view.getUint8(at);
  return size === 2 ? view.getUint16(at) : view.getUint32(at);
}
