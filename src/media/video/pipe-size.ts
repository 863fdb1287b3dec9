/**
 * Enlarges a pipe. Linux gives one 64 KiB, a twentieth of a frame: writer and reader would wake each other for each piece.
 */
import { dlopen } from "bun:ffi";

/** `F_SETPIPE_SZ` of Linux. */
const SET_PIPE_SIZE = 1031;
/** What anyone may ask for, as `/proc/sys/fs/pipe-max-size` has it by default. */
const BYTES = 1 << 20;

/** Makes a pipe as large as is commonly allowed. Where that is refused or unknown it stays as it is: slower, no worse. */
export function enlargePipe(descriptor: number): void {
  if (process.platform !== "linux") return;
  try {
    const { symbols, close } = dlopen("libc.so.6", { fcntl: { args: ["i32", "i32", "i32"], returns: "i32" } });
    symbols.fcntl(descriptor, SET_PIPE_SIZE, BYTES);
    close();
  } catch {
    // Another C library.
  }
}
