/** Operations of search. */
import type { LunaContext } from "../context.ts";
import type { LunaOperation } from "../operation.ts";

/** See the file's head. */
export function searchOperations(_context: LunaContext): readonly LunaOperation[] {
  return [];
}
