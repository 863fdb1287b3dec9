/** The forms results are printed in. */
import type { ModelCard } from "../../inference/card.ts";
import type { AggregateValue, ItemResult } from "../../pipeline/results.ts";
import { print } from "../output.ts";
import { csvHeading, csvRows, faceColumns } from "./csv.ts";
import { aggregateText, itemText } from "./text.ts";

/** Prints results one after the other. */
export interface Sink {
  begin(): Promise<void>;
  item(item: ItemResult): Promise<void>;
  aggregate(aggregate: Readonly<Record<string, AggregateValue | null>>): Promise<void>;
}

/** For people. */
export const textSink: Sink = {
  begin: async () => {},
  item: (item) => print(itemText(item)),
  aggregate: (aggregate) => print(aggregateText(aggregate)),
};

/** JSON Lines: one object a picture, in the form of the native API's items, and one with the aggregate at the end. */
export const jsonSink: Sink = {
  begin: async () => {},
  // The drawn picture is bytes for a file, not for a line of text.
  item: ({ drawn: _drawn, ...item }) => print(`${JSON.stringify(item)}\n`),
  aggregate: (aggregate) => print(`${JSON.stringify({ aggregate })}\n`),
};

/** CSV with columns for the parts that the pipeline writes; `cards` are those of the models it uses. */
export function csvSink(parts: readonly string[], cards: readonly ModelCard[]): Sink {
  const columns = faceColumns(parts, cards);
  return {
    begin: () => print(csvHeading(columns)),
    item: (item) => print(csvRows(columns, item)),
    // A table of faces has no row for it; the command refuses the two together.
    aggregate: async () => {},
  };
}
