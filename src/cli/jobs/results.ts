/** `facewire jobs results`. */
import { FacewireError } from "../../errors.ts";
import type { JobJson } from "../../jobs/job-json.ts";
import type { ItemResult } from "../../pipeline/results.ts";
import { note, print } from "../output.ts";
import { EXIT } from "../report.ts";
import { itemText } from "../run/text.ts";
import { listenForStop } from "../stop-signal.ts";
import { clientOf, type JobsClient, type ServerOptions } from "./client.ts";
import { stateText } from "./text.ts";

interface ResultsOptions extends ServerOptions {
  readonly after?: string;
  readonly follow?: boolean;
  readonly json?: boolean;
}

interface ResultsPage {
  readonly state: JobJson["state"];
  readonly items: readonly ItemResult[];
  readonly next?: number;
}

const RESULTS_ON_A_PAGE = 500;
/** Milliseconds before a stream that was cut off is taken up again. */
const AGAIN_AFTER = 1_000;

/** Prints a job's results: those there are, or with `--follow` all, as they come. */
export async function jobResults(id: string, options: ResultsOptions): Promise<number> {
  const after = options.after === undefined ? -1 : Number(options.after);
  if (!Number.isInteger(after)) throw new FacewireError("usage", `--after ${options.after} is not a whole number.`);
  const client = await clientOf(options);
  const show = (item: ItemResult) => print(options.json ? `${JSON.stringify(item)}\n` : itemText(item));
  return options.follow ? follow(client, id, after, show) : there(client, id, after, show);
}

async function there(
  client: JobsClient,
  id: string,
  from: number,
  show: (item: ItemResult) => Promise<void>,
): Promise<number> {
  for (let after = from; ; ) {
    const path = `/v1/jobs/${encodeURIComponent(id)}/results?limit=${RESULTS_ON_A_PAGE}&after=${after}`;
    const { items, next, state } = (await client.json<ResultsPage>(path)) as ResultsPage;
    for (const item of items) await show(item);
    if (items.length === 0 || next === undefined) {
      if (next !== undefined) note(`The job is ${state}; more may come: --follow, or --after ${next}`);
      return EXIT.ok;
    }
    after = next;
  }
}

/** A stream that ends without saying how the job did is taken up again: the server may have been started anew. */
async function follow(
  client: JobsClient,
  id: string,
  from: number,
  show: (item: ItemResult) => Promise<void>,
): Promise<number> {
  const stop = listenForStop();
  let after = from;
  let opened = false;
  try {
    while (!stop.signal.aborted) {
      try {
        const path = `/v1/jobs/${encodeURIComponent(id)}/results?follow=1&after=${after}`;
        const response = await client.open(path, { signal: stop.signal });
        opened = true;
        for await (const line of linesOf(response)) {
          const said = JSON.parse(line) as ItemResult | { readonly job: JobJson };
          if ("job" in said) {
            note(stateText(said.job));
            return said.job.state === "completed" ? EXIT.ok : EXIT.failed;
          }
          await show(said);
          after = said.index;
        }
      } catch (thrown) {
        if (stop.signal.aborted) break;
        const coded = thrown instanceof FacewireError && thrown.code !== "server_unreachable";
        if (coded || !opened) throw thrown;
      }
      await Bun.sleep(AGAIN_AFTER);
    }
    return EXIT.interrupted;
  } finally {
    stop.dispose();
  }
}

/** The lines of an answer that are not empty. A connection that breaks ends them with an error. */
async function* linesOf(response: Response): AsyncGenerator<string> {
  const decoder = new TextDecoder();
  let rest = "";
  for await (const chunk of response.body ?? []) {
    const lines = (rest + decoder.decode(chunk, { stream: true })).split("\n");
    rest = lines.pop() ?? "";
    yield* lines.filter((line) => line !== "");
  }
}
