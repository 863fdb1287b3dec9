/** A job's results as answers. Their JSON is passed on as it was stored. */
import type { JobDesk } from "../../jobs/desk.ts";
import type { JobJson } from "../../jobs/job-json.ts";

/** Results read at once for those who follow. */
const FOLLOWED_AT_ONCE = 200;
/** Milliseconds after which a follower looks by himself: another process may work on the job. */
const LOOK_EVERY = 1_000;
/** Milliseconds without a line after which an empty one is sent, so that nobody takes the connection for dead. */
const SILENCE = 10_000;

/** A page of results. `next` is there as long as more may follow. */
export async function resultsPage(
  desk: JobDesk,
  id: string,
  after: number,
  limit: number,
  request: string,
): Promise<Response> {
  const { job, results } = await desk.results(id, after, limit);
  const next = results.at(-1)?.position ?? after;
  const more = !hasEnded(job) || isBefore(next, job);
  const head = JSON.stringify({ request, id: job.id, state: job.state });
  const items = results.map(({ item }) => item).join(",");
  const body = `${head.slice(0, -1)},"items":[${items}]${more ? `,"next":${next}` : ""}}`;
  return new Response(body, { headers: { "content-type": "application/json;charset=utf-8" } });
}

/**
 * All results, those to come as they come, one a line; when the job has ended, `{"job": …}` as the last line. A stream
 * without that line was cut off: it can be taken up again with `after`.
 */
export function followedResults(desk: JobDesk, id: string, after: number): Response {
  const lines = linesOf(desk, id, after);
  const body = new ReadableStream<Uint8Array>({
    async pull(controller) {
      const { done, value } = await lines.next();
      if (done) controller.close();
      else controller.enqueue(new TextEncoder().encode(value));
    },
    async cancel() {
      await lines.return(undefined);
    },
  });
  return new Response(body, { headers: { "content-type": "application/x-ndjson" } });
}

async function* linesOf(desk: JobDesk, id: string, from: number): AsyncGenerator<string, undefined> {
  let after = from;
  // Without a result, an empty line goes out first: with it the head of the answer does.
  let saidAt = Number.NEGATIVE_INFINITY;
  while (!desk.stopping) {
    // Waited for from before the look, so that nothing falls between the two.
    const change = desk.change(id, LOOK_EVERY);
    const { job, results } = await desk.results(id, after, FOLLOWED_AT_ONCE);
    const last = results.at(-1);
    if (last) {
      after = last.position;
      saidAt = performance.now();
      yield `${results.map(({ item }) => item).join("\n")}\n`;
    }
    if (last && isBefore(after, job)) continue;
    if (hasEnded(job)) {
      yield `${JSON.stringify({ job })}\n`;
      return;
    }
    if (performance.now() - saidAt > SILENCE) {
      saidAt = performance.now();
      yield "\n";
    }
    await change;
  }
}

/** Whether results are committed behind this one. */
function isBefore(index: number, { progress }: JobJson): boolean {
  return index + 1 < progress.done;
}

function hasEnded({ ended_at }: JobJson): boolean {
  return ended_at !== null;
}
