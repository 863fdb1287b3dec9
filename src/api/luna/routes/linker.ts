/** Operations of linker. */
import type { LunaContext } from "../context.ts";
import type { LunaOperation } from "../operation.ts";

/** See the file's head. */
export function linkerOperations(_context: LunaContext): readonly LunaOperation[] {
  return [];
}
