/** Operations of persons. */
import type { LunaContext } from "../context.ts";
import type { LunaOperation } from "../operation.ts";

/** See the file's head. */
export function personsOperations(_context: LunaContext): readonly LunaOperation[] {
  return [];
}
