/**
 * Keeps ONNX Runtime from calling home. Since 1.30 its Linux build counts use for Microsoft unless `ORT_DISABLE_TELEMETRY`
 * is set: it writes a database below the user's cache folder and logs into /tmp, and looks at the process's whole command
 * line (with a recursion that overflows a worker's stack when that is longer than some 20 KB).
 *
 * The native library reads the variable with getenv, which does not see `process.env` of Bun; so it is set in the C
 * library itself. To be imported before `onnxruntime-node` by whatever imports that.
 */
import { dlopen, FFIType } from "bun:ffi";

const VARIABLE = "ORT_DISABLE_TELEMETRY";

// Elsewhere the runtime has no telemetry of this kind.
if (process.platform === "linux") {
  const { symbols, close } = dlopen("libc.so.6", {
    setenv: { args: [FFIType.cstring, FFIType.cstring, FFIType.i32], returns: FFIType.i32 },
  });
  const text = (value: string) => Buffer.from(`${value}\0`);
  symbols.setenv(text(VARIABLE), text("1"), 1);
  close();
}
