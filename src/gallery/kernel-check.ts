/** Which kernels this engine runs exactly. */
import { GROUP_ROWS, type KernelKind, LIKELY, ScanMemory, VECTOR } from "./scan-memory.ts";

const VECTORS = 32;
const VALUES = VECTOR * VECTORS;
const ROWS = 64;

let chosen: KernelKind | undefined;

/**
 * The fastest kernels whose sums are exact here. The relaxed instruction is exact for the values it is given on all machines that are
 * known; one that saturates or takes signs otherwise would be noticed here, and an engine without it cannot compile it.
 */
export function bestKernels(): KernelKind {
  chosen ??= isExact("relaxed") ? "relaxed" : "plain";
  return chosen;
}

/** Whether the kernels add up random and extreme values as plain arithmetic does. */
export function isExact(kind: KernelKind): boolean {
  let memory: ScanMemory;
  try {
    memory = new ScanMemory(kind);
  } catch {
    return false;
  }
  const group = memory.allocate(VECTORS);
  const { bytes, signed, floats } = memory;
  // A fixed sequence: the check has to come out the same each time.
  let state = 1;
  const random = () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
  const slots = Uint32Array.from({ length: ROWS }, (_, row) => group * GROUP_ROWS + row);
  for (const slot of slots) {
    const place = memory.place(slot, VECTORS);
    const number = slot % 4 === 0 ? () => 127 : slot % 4 === 1 ? () => 0 : () => Math.floor(128 * random());
    for (let at = 0; at < VALUES; at++) bytes[place.bytes + at] = number();
    floats[place.step / 4] = 1;
    floats[place.missed / 4] = 0;
  }
  // 16 x 16 values of a lane x 127 is just below the largest 16-bit number.
  const makers: readonly ((at: number) => number)[] = [
    () => 16,
    () => -16,
    () => Math.floor(33 * random()) - 16,
    (at) => (at % 128 < 2 ? 127 : at % 128 === 8 ? -127 : 0),
  ];
  for (const [place, make] of makers.entries()) {
    let sum = 0;
    for (let at = 0; at < VALUES; at++) {
      const value = make(at);
      signed[memory.value(place, VECTORS, at)] = value;
      sum += value;
    }
    // With this scale `most` is the sum itself.
    memory.writeHead(place, { sum, scale: 2, spread: 1 });
    memory.setBar(place, Number.NEGATIVE_INFINITY);
  }
  memory.setSlots(slots);
  for (const probes of [1, 2, 3, makers.length]) {
    memory.scan(ROWS, VECTORS, probes);
    for (let place = 0; place < probes; place++) {
      const { count, at } = memory.found(place);
      if (count !== ROWS) return false;
      for (const [row, slot] of slots.entries()) {
        const most = floats[at + 2 * row + 1];
        if (memory.words[at + 2 * row] !== slot + LIKELY || most !== expected(memory, slot, place)) return false;
      }
    }
  }
  return true;
}

/** What `most` has to be, by plain arithmetic. */
function expected(memory: ScanMemory, slot: number, place: number): number {
  const row = memory.place(slot, VECTORS).bytes;
  let sum = 0;
  for (let at = 0; at < VALUES; at++) {
    sum += (2 * memory.bytes[row + at]! - 127) * memory.signed[memory.value(place, VECTORS, at)]!;
  }
  return sum;
}
