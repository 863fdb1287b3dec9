/** Speaks to a running server as any client does, over HTTP. */
import { expect } from "bun:test";
import { join } from "node:path";
import type { PartHealth, PipelineSummary, RunResult } from "../../src/pipeline/results.ts";
import { SAMPLE_PICTURES } from "./cli.ts";

/** An answer with its JSON. */
export interface Answer<T = Record<string, unknown>> {
  readonly status: number;
  readonly headers: Headers;
  readonly body: T;
}

/** The answer to a run, whether it was worked on or refused as a whole. */
export type RunAnswer = Answer<Partial<RunResult> & { error?: ErrorJson }>;

/** A failure as told. */
export interface ErrorJson {
  readonly code: string;
  readonly message: string;
  readonly details?: Readonly<Record<string, unknown>>;
}

/** What `/health` says. */
export interface Health {
  readonly status: string;
  readonly parts: Readonly<Record<string, PartHealth>>;
}

/** What can be a body. */
export type Body = Uint8Array | string | FormData | ReadableStream<Uint8Array>;

/** A photograph of three people that comes with a development dependency. */
export const GOOD_PICTURE = await photograph("sample1.jpg");

/** Bytes of `sample1.jpg` and so on. */
export function photograph(name: string): Promise<Uint8Array> {
  return Bun.file(join(SAMPLE_PICTURES, name)).bytes();
}

/** Milliseconds until a fact that no answer announces must have come true. */
const PATIENCE = 10_000;

/** A client of one server, with or without a token. */
export class ApiClient {
  readonly url: string;
  readonly port: number;
  readonly #headers: Readonly<Record<string, string>>;

  constructor(url: string, token?: string) {
    this.url = url;
    this.port = Number(new URL(url).port);
    this.#headers = token === undefined ? {} : { authorization: `Bearer ${token}` };
  }

  /** The same server with a token. */
  as(token: string): ApiClient {
    return new ApiClient(this.url, token);
  }

  fetch(path: string, init: RequestInit = {}): Promise<Response> {
    return fetch(this.url + path, { ...init, headers: { ...this.#headers, ...(init.headers as object) } });
  }

  async json<T = Record<string, unknown>>(path: string, init?: RequestInit): Promise<Answer<T>> {
    const response = await this.fetch(path, init);
    return { status: response.status, headers: response.headers, body: (await response.json()) as T };
  }

  /** Sends a body to a pipeline. */
  run(pipeline: string, body: Body = GOOD_PICTURE, query = ""): Promise<RunAnswer> {
    return this.json(`/v1/pipelines/${pipeline}/run${query}`, { method: "POST", body: body as BodyInit });
  }

  async health(): Promise<Health> {
    return (await this.json<Health>("/health")).body;
  }

  async pipelines(): Promise<readonly PipelineSummary[]> {
    return (await this.json<{ pipelines: PipelineSummary[] }>("/v1/pipelines")).body.pipelines;
  }

  /** Value of a metric without labels, or the sum over its labels. */
  async metric(name: string): Promise<number> {
    const text = await (await this.fetch("/metrics")).text();
    return [...text.matchAll(new RegExp(`^${name}(?:\\{.*\\})? (\\S+)$`, "gm"))].reduce(
      (sum, [, value]) => sum + Number(value),
      0,
    );
  }

  /** Resolves with the health once it is as asked for: for what happens after an answer, such as a worker's return. */
  async healthBecomes(holds: (health: Health) => boolean): Promise<Health> {
    const end = Date.now() + PATIENCE;
    for (;;) {
      const health = await this.health();
      if (holds(health)) return health;
      if (Date.now() > end) throw new Error(`This health did not come about: ${JSON.stringify(health)}`);
      await Bun.sleep(5);
    }
  }

  /** Fails unless the server is as good as new: a face gets its verdict, every part is well, nothing waits or runs. */
  async expectAsBefore(): Promise<void> {
    const { status, body } = await this.run("face-liveness");
    expect(status).toBe(200);
    expect(body.items?.[0]?.faces[0]?.liveness?.prediction).toBe("live");
    // What could not be stored is tried again in its own time: until then the server is not as good as new.
    await this.healthBecomes((health) => isIdle(health) && health.status === "ok");
  }
}

/** Whether nothing waits for a worker or a pool and no worker is busy. */
export function isIdle({ parts }: Health): boolean {
  const pools = Object.values(
    (parts.queue?.details?.pools ?? {}) as Record<string, { taken: number; waiting: number }>,
  );
  const held = pools.every(({ taken, waiting }) => taken === 0 && waiting === 0);
  return parts.queue?.details?.waiting === 0 && parts.workers?.details?.busy === 0 && held;
}

/** A form with many files. */
export function form(files: Readonly<Record<string, Uint8Array | string>>): FormData {
  const data = new FormData();
  for (const [name, bytes] of Object.entries(files)) data.append("picture", new Blob([bytes as BlobPart]), name);
  return data;
}
