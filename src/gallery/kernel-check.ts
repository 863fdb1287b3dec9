/** Which kernels this engine runs exactly. */
import { GROUP_ROWS, type KernelKind, lowerStride, PROBE_HEAD, ScanMemory, upperStride } from "./scan-memory.ts";

const PIECES = 16;
const VALUES = 32 * PIECES;
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
  const group = memory.allocate(PIECES);
  const { bytes, signed, words, floats } = memory;
  // A fixed sequence: the check has to come out the same each time.
  let state = 1;
  const random = () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
  const slots = Uint32Array.from({ length: ROWS }, (_, row) => group * GROUP_ROWS + row);
  for (const slot of slots) {
    const { upper, lower, numbers } = memory.place(slot, PIECES);
    const byte = slot % 4 === 0 ? () => 255 : slot % 4 === 1 ? () => 0 : () => Math.floor(256 * random());
    for (let at = 0; at < upperStride(PIECES); at++) bytes[upper + at] = byte();
    for (let at = 0; at < lowerStride(PIECES); at++) bytes[lower + at] = byte();
    floats[numbers / 4] = 1;
    floats[numbers / 4 + GROUP_ROWS] = 0;
    floats[numbers / 4 + 2 * GROUP_ROWS] = 0;
  }
  // 34 x 64 values of a lane x 15 is just below the largest 16-bit number.
  const makers = [() => 34, () => -34, () => Math.floor(69 * random()) - 34, () => (random() < 0.1 ? 127 : -13)];
  for (const [place, make] of makers.entries()) {
    const head = memory.probe(place);
    let sum = 0;
    for (let at = 0; at < VALUES; at++) {
      const value = make();
      signed[head + PROBE_HEAD + at] = value;
      sum += value;
    }
    words[head / 4] = sum;
    // With this scale `most` is the sum itself.
    floats[head / 4 + 1] = 2;
    floats[head / 4 + 2] = 1;
    floats[head / 4 + 3] = Number.NEGATIVE_INFINITY;
    words[head / 4 + 5] = memory.foundAddress(place);
  }
  memory.setSlots(slots);
  for (const probes of [1, 2, makers.length]) {
    for (let place = 0; place < probes; place++) words[memory.probe(place) / 4 + 4] = 0;
    memory.scan(ROWS, PIECES, probes);
    for (let place = 0; place < probes; place++) {
      if (words[memory.probe(place) / 4 + 4] !== ROWS) return false;
      for (const [row, slot] of slots.entries()) {
        const found = memory.found(place) + 2 * row;
        if (words[found] !== slot || floats[found + 1] !== expected(memory, slot, memory.probe(place))) return false;
      }
    }
  }
  return true;
}

/** What `most` has to be, by plain arithmetic. */
function expected(memory: ScanMemory, slot: number, head: number): number {
  const { upper, lower } = memory.place(slot, PIECES);
  let sum = 0;
  for (let at = 0; at < VALUES; at++) {
    const high = (memory.bytes[upper + (at >>> 5) * 16 + (at & 15)]! >>> ((at & 16) >>> 2)) & 15;
    const low = (memory.bytes[lower + (at >>> 6) * 16 + (at & 15)]! >>> ((at & 48) >>> 3)) & 3;
    sum += (2 * (4 * high + low) - 63) * memory.signed[head + PROBE_HEAD + at]!;
  }
  return sum;
}
