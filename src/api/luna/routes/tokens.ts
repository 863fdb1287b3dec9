/** Operations of tokens. */
import type { LunaContext } from "../context.ts";
import type { LunaOperation } from "../operation.ts";

/** See the file's head. */
export function tokensOperations(_context: LunaContext): readonly LunaOperation[] {
  return [];
}
