/** The dead letter of an item that was given up. */
import { type DeadLetter, summarise } from "../actors/dead-letters.ts";
import type { PublicError } from "../errors.ts";
import type { ItemOutcome } from "./protocol.ts";
import type { ScheduledItem } from "./scheduler.ts";

/** `key`: what the item's plan is known by. The picture of a frame is in the letter where its worker could still write one. */
export function itemLetter(
  item: ScheduledItem,
  key: string,
  attempts: number,
  cause: PublicError,
  { internal = "", carried }: ItemOutcome,
): DeadLetter {
  const { priority, parameters, explain, draw, exif } = item;
  const stage = cause.details?.stage;
  const bytes = item.input.type === "file" ? item.input.bytes : carried;
  return {
    address: `pipeline.${item.plan.name}${typeof stage === "string" ? ` stage ${stage}` : ""}`,
    kind: "item",
    cause,
    internal,
    attempts,
    messageId: item.id,
    requestId: item.requestId,
    sequence: item.index,
    traceparent: item.traceparent,
    time: Date.now(),
    summary: summarise({ pipeline: key, name: item.name, bytes }),
    // What a retry needs; see `ItemBody` of the dead letters' keeper.
    body: { pipeline: item.plan.name, name: item.name, bytes, wishes: { priority, parameters, explain, draw, exif } },
  };
}
