/** The forms results are printed in. */
import type { ModelCard } from "../../inference/card.ts";
import type { AggregateValue, ItemResult, VideoRunResult } from "../../pipeline/results.ts";
import { print } from "../output.ts";
import { csvHeading, csvRows, csvVideoRow, faceColumns } from "./csv.ts";
import { aggregateText, itemText, videoText } from "./text.ts";

/** Prints results one after the other. */
export interface Sink {
  begin(): Promise<void>;
  item(item: ItemResult): Promise<void>;
  /** The end of a video whose frames came before. */
  video(result: VideoRunResult): Promise<void>;
  aggregate(aggregate: Readonly<Record<string, AggregateValue | null>>): Promise<void>;
}

/** For people. */
export const textSink: Sink = {
  begin: async () => {},
  item: (item) => print(itemText(item)),
  video: (result) => print(videoText(result)),
  aggregate: (aggregate) => print(aggregateText(aggregate)),
};

/**
 * JSON Lines: one object a picture or frame, in the form of the native API's items, one with `video` and `aggregate` at the
 * end of each video, and one with the aggregate where one was asked for.
 */
export const jsonSink: Sink = {
  begin: async () => {},
  // The drawn picture is bytes for a file, not for a line of text.
  item: ({ drawn: _drawn, ...item }) => print(`${JSON.stringify(item)}\n`),
  video: ({ video, aggregate }) => print(`${JSON.stringify({ video, aggregate })}\n`),
  aggregate: (aggregate) => print(`${JSON.stringify({ aggregate })}\n`),
};

/**
 * CSV with columns for the parts that the pipeline writes; `cards` are those of the models it uses, `frames` adds the
 * columns of videos.
 */
export function csvSink(parts: readonly string[], cards: readonly ModelCard[], frames: boolean): Sink {
  const columns = faceColumns(parts, cards);
  return {
    begin: () => print(csvHeading(columns, frames)),
    item: (item) => print(csvRows(columns, item, frames)),
    video: (result) => print(csvVideoRow(columns, result)),
    // A table of faces has no row for it; the command refuses the two together.
    aggregate: async () => {},
  };
}
