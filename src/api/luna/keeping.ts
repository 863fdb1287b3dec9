/** Keeps what was extracted, as long as somebody waits for the answer. */
import { FacewireError } from "../../errors.ts";
import type { LunaContext } from "./context.ts";
import type { ExtractedFace } from "./extraction.ts";
import type { AccountCall } from "./operation.ts";

/**
 * Throws `request_cancelled` or `deadline_exceeded` when the caller has left or was given the answer that it took too long:
 * from then on nothing may be stored.
 */
export function checkAwaited({ signal, deadline }: AccountCall): void {
  if (!signal.aborted) return;
  if (Date.now() >= deadline) throw new FacewireError("deadline_exceeded", "The request took too long.");
  throw new FacewireError("request_cancelled", "The client left before the answer.");
}

/** Stores all faces that are to be kept, or none. */
export async function storeExtraction(
  { store }: LunaContext,
  call: AccountCall,
  faces: readonly ExtractedFace[],
): Promise<void> {
  const kept = faces.flatMap(({ keep }) => keep ?? []);
  checkAwaited(call);
  if (kept.length > 0) await store.descriptors.create(call.caller.account, kept);
}
