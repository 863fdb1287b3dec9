/** What the filters of a subscription look at in an event. */
import type { StoredEvent } from "../../store/events.ts";
import type { Authorization } from "./operation.ts";
import type { ToldCandidate } from "./tell.ts";

/** Estimates of one face; absent where they were not made. */
export interface FactFace {
  /** 0 female, 1 male. */
  readonly gender?: number;
  readonly age?: number;
  readonly eyeglasses?: number;
}

/** An event as it was told. */
interface ToldEvent {
  readonly event_type: "match" | "extract";
  readonly authorization: Authorization;
  readonly candidate?: ToldCandidate;
  readonly result: {
    readonly faces?: readonly { readonly attributes?: FactFace }[];
    readonly face?: { readonly attributes?: FactFace };
    readonly candidates?: readonly { readonly similarity: number }[];
  };
}

/** See the file's head. */
export interface EventFact {
  readonly told: ToldEvent;
  /** Id of the token of the request, or `basic`. */
  readonly by: string;
  /** Faces with estimates. */
  readonly faces: readonly FactFace[];
  /** The list it was matched against. */
  readonly list: string | undefined;
  /** Of the candidates, in their order. */
  readonly similarities: readonly number[];
}

/** Reads an event; undefined for one that is none of this dialect. */
export function eventFact(event: StoredEvent): EventFact | undefined {
  if (!event.type.startsWith("luna.")) return undefined;
  try {
    const told = JSON.parse(event.data) as ToldEvent;
    const { authorization, candidate, result } = told;
    const faces = result.faces ?? (result.face ? [result.face] : []);
    return {
      told,
      by: authorization === "basic" ? authorization : authorization.token_id,
      faces: faces.flatMap(({ attributes }) => attributes ?? []),
      list: candidate && "list_id" in candidate ? candidate.list_id : undefined,
      similarities: (result.candidates ?? []).map(({ similarity }) => similarity),
    };
  } catch {
    // Nothing but a later version could have written it.
    return undefined;
  }
}

/** The text of an event whose candidates are only those at the given places. */
export function trimmedText({ told }: EventFact, kept: readonly number[]): string {
  const all = told.result.candidates ?? [];
  const result = { ...told.result, candidates: kept.map((at) => all[at]) };
  return JSON.stringify({ ...told, result });
}
