/**
 * The memory frames are handed over in: a number of slots that the reading thread fills and the main thread frees. Free slots
 * are the back-pressure: without one the thread does not read, and ffmpeg waits for it.
 */

/** Words of the control block; the slots' states follow. */
const STOP = 0;
const WAKE = 1;
const DECODED = 2;
const FIRST_SLOT = 3;
const FREE = 0;
const TAKEN = 1;

/** What crosses to the thread. */
export interface SharedSlots {
  readonly control: SharedArrayBuffer;
  readonly pixels: SharedArrayBuffer;
  /** Bytes of a frame. */
  readonly frameBytes: number;
  readonly count: number;
}

/** Either side's view of the slots. */
export class FrameSlots {
  readonly shared: SharedSlots;
  readonly #control: Int32Array;

  constructor(shared: SharedSlots) {
    this.shared = shared;
    this.#control = new Int32Array(shared.control);
  }

  /** `count` free slots for frames of `frameBytes` bytes. */
  static create(frameBytes: number, count: number): FrameSlots {
    const control = new SharedArrayBuffer((FIRST_SLOT + count) * Int32Array.BYTES_PER_ELEMENT);
    // Slots begin at multiples of a cache line.
    const stride = Math.ceil(frameBytes / 64) * 64;
    return new FrameSlots({ control, pixels: new SharedArrayBuffer(stride * count), frameBytes: stride, count });
  }

  /** Byte offset of a slot. */
  offset(slot: number): number {
    return slot * this.shared.frameBytes;
  }

  /** Whether a frame could be read now. */
  get anyFree(): boolean {
    return this.#find() !== undefined;
  }

  /** Frames that were decoded so far. */
  get decoded(): number {
    return Atomics.load(this.#control, DECODED);
  }

  set decoded(count: number) {
    Atomics.store(this.#control, DECODED, count);
  }

  /** Whether reading is over. */
  get stopped(): boolean {
    return Atomics.load(this.#control, STOP) === 1;
  }

  /** Takes a free slot; waits until there is one. Undefined when reading is over. Blocks: for the thread only. */
  take(): number | undefined {
    for (;;) {
      const seen = Atomics.load(this.#control, WAKE);
      if (this.stopped) return undefined;
      const slot = this.#find();
      if (slot !== undefined) {
        Atomics.store(this.#control, FIRST_SLOT + slot, TAKEN);
        return slot;
      }
      Atomics.wait(this.#control, WAKE, seen);
    }
  }

  /** Gives a slot back. */
  free(slot: number): void {
    Atomics.store(this.#control, FIRST_SLOT + slot, FREE);
    this.#wake();
  }

  /** Ends the reading, also where it waits for a slot. */
  stop(): void {
    Atomics.store(this.#control, STOP, 1);
    this.#wake();
  }

  #find(): number | undefined {
    for (let slot = 0; slot < this.shared.count; slot++) {
      if (Atomics.load(this.#control, FIRST_SLOT + slot) === FREE) return slot;
    }
    return undefined;
  }

  #wake(): void {
    Atomics.add(this.#control, WAKE, 1);
    Atomics.notify(this.#control, WAKE);
  }
}
