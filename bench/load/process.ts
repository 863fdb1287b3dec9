/** Makes HTTP requests: in a process of its own, because the server's main thread is what is measured. */
import type { EncodedPicture } from "../pictures.ts";
import { quantile } from "../statistics.ts";
import type { LoadOrder, LoadReport, LoadTarget, Outcomes } from "./protocol.ts";

let url = "";
let pictures: readonly EncodedPicture[] = [];
let pipelines: readonly string[] = [];
let target: LoadTarget | undefined;
let next = 0;

/** What came of the requests of one order. */
class Tally {
  readonly #start = performance.now();
  readonly #answered: number[] = [];
  readonly #refused: number[] = [];
  readonly #failed: Record<string, number> = {};
  #refusal = "";

  add(status: number, ms: number, body = ""): void {
    if (status === 200 || status === 201) this.#answered.push(ms);
    else if (status === 429 || status === 503) {
      this.#refused.push(ms);
      this.#refusal ||= body.slice(0, 500);
    } else this.#failed[status] = (this.#failed[status] ?? 0) + 1;
  }

  report(): LoadReport {
    return {
      elapsedMs: performance.now() - this.#start,
      answered: outcomes(this.#answered),
      refused: outcomes(this.#refused),
      refusal: this.#refusal,
      failed: this.#failed,
    };
  }
}

function outcomes(ms: readonly number[]): Outcomes {
  const all = { medianMs: quantile(ms, 0.5), p99Ms: quantile(ms, 0.99), mostMs: quantile(ms, 1) };
  return { count: ms.length, ...all };
}

/** One request: the next picture, the next pipeline or the target. */
async function request(tally: Tally): Promise<void> {
  const turn = next++;
  const { bytes } = pictures[Math.floor(turn / pipelines.length) % pictures.length]!;
  const start = performance.now();
  try {
    const path = target?.path ?? `/v1/pipelines/${pipelines[turn % pipelines.length]}/run`;
    const response = await fetch(url + path, {
      method: "POST",
      headers: target?.headers ?? { "content-type": "application/octet-stream" },
      ...(target?.pictures === false ? {} : { body: bytes as Uint8Array<ArrayBuffer> }),
    });
    const body = await response.arrayBuffer();
    tally.add(response.status, performance.now() - start, response.ok ? "" : new TextDecoder().decode(body));
  } catch {
    tally.add(0, performance.now() - start);
  }
}

async function closed(connections: number, more: () => boolean): Promise<LoadReport> {
  const tally = new Tally();
  await Promise.all(
    Array.from({ length: connections }, async () => {
      while (more()) await request(tally);
    }),
  );
  return tally.report();
}

async function open(perSecond: number, forMs: number): Promise<LoadReport> {
  const tally = new Tally();
  const start = performance.now();
  const running: Promise<void>[] = [];
  for (;;) {
    const elapsed = performance.now() - start;
    if (elapsed >= forMs) break;
    while (running.length < (elapsed / 1000) * perSecond) running.push(request(tally));
    await Bun.sleep(1);
  }
  await Promise.all(running);
  return tally.report();
}

process.on("message", async (order: LoadOrder) => {
  switch (order.type) {
    case "target":
      ({ url, pictures, pipelines, target } = order);
      process.send?.({ type: "target" });
      return;
    case "closed": {
      const end = performance.now() + order.forMs;
      process.send?.({ type: "closed", ...(await closed(order.connections, () => performance.now() < end)) });
      return;
    }
    case "count": {
      const last = next + order.requests;
      process.send?.({ type: "count", ...(await closed(order.connections, () => next < last)) });
      return;
    }
    case "open":
      process.send?.({ type: "open", ...(await open(order.perSecond, order.forMs)) });
      return;
  }
});
process.once("disconnect", () => process.exit());
process.send?.({ type: "ready" });
