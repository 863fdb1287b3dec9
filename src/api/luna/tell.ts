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
export async function tell({ events, now }: LunaContext, call: AccountCall, fact: ToldFact): Promise<void> {
  const { source, template, candidate, result } = fact;
  const { account, authorization } = call.caller;
  const event_type = source === "descriptors" ? "extract" : "match";
  await events.recorder.record([
    {
      type: `luna.${event_type}`,
      account,
      request: call.exchange.id,
      // The text of these members in this order is what subscribers are sent.
      data: {
        event_type,
        source,
        timestamp: now() / 1000,
        authorization,
        ...(template && { template }),
        ...(candidate && { candidate }),
        result,
      },
    },
  ]);
}
