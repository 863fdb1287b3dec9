/**
 * Where the kernels find what. `../../scan-memory.ts` lays it out, `../../quantize.ts` says what the numbers mean.
 *
 * A group of 1024 rows is: the numbers of each row, a byte (0..127) each, in whole vectors of 16; then the steps of all rows, then the
 * lengths of what each one misses (f32).
 */

/** Rows of a group. */
export const GROUP_SHIFT: u32 = 10;
export const GROUP_MASK: u32 = (1 << GROUP_SHIFT) - 1;
/** Bytes between a row's step and the length of what it misses. */
export const MISSED: usize = 4 << GROUP_SHIFT;

/** Where things are in a probe's head. */
export const SUM: usize = 0;
export const SCALE: usize = 4;
export const SPREAD: usize = 8;
export const BAR: usize = 12;
export const FOUND: usize = 16;
export const OUT: usize = 20;
/** Room for four numbers (f32). */
export const FOUR: usize = 32;

/**
 * The values (i8) of four probes lie side by side: 16 of the first, 16 of each of the others, then the next 16 of the first. So one
 * address does for all four.
 */
export const LANE: usize = 16;
export const VECTOR_SHIFT: usize = 6;

/** Number of the row at a place of the list of slots. */
@inline
export function slotAt(slots: usize, place: u32): u32 {
  return load<u32>(slots + (<usize>place << 2));
}

/** Address of a slot's group. `table`: addresses of the groups. */
@inline
export function groupOf(table: usize, slot: u32): usize {
  return <usize>load<u32>(table + (<usize>(slot >> GROUP_SHIFT) << 2));
}

/** Row of a slot in its group. */
@inline
export function rowOf(slot: u32): usize {
  return <usize>(slot & GROUP_MASK);
}

/** Where the steps of a group's rows begin. `stride`: bytes of a row. */
@inline
export function stepsAt(stride: usize): usize {
  return stride << GROUP_SHIFT;
}
