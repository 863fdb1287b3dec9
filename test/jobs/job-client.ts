/** What tests about jobs ask of a server. */
import { expect } from "bun:test";
import type { JobDetailJson, JobJson } from "../../src/jobs/job-json.ts";
import type { ItemResult } from "../../src/pipeline/results.ts";
import type { ErrorJson } from "../support/api-client.ts";

/** Anything that sends requests to one server: a client of the suite, or a server of the testing kit. */
export interface Sender {
  fetch(path: string, init?: RequestInit): Promise<Response>;
}

/** The answer to a job that was handed in, accepted or not. */
export interface Submitted {
  readonly status: number;
  readonly headers: Headers;
  readonly body: JobJson & { readonly error?: ErrorJson };
}

/** Hands a job in. */
export async function submit(
  server: Sender,
  query: string,
  body: Uint8Array | FormData | ReadableStream<Uint8Array> | string,
  headers: Readonly<Record<string, string>> = {},
): Promise<Submitted> {
  const response = await server.fetch(`/v1/jobs${query}`, { method: "POST", body: body as BodyInit, headers });
  return { status: response.status, headers: response.headers, body: (await response.json()) as Submitted["body"] };
}

/** Hands a job in that must be accepted, and resolves with its id. */
export async function accepted(...request: Parameters<typeof submit>): Promise<string> {
  const { status, body } = await submit(...request);
  expect([status, body.error]).toEqual([202, undefined]);
  return body.id;
}

/** A job as it is now. */
export async function jobOf(server: Sender, id: string): Promise<JobDetailJson> {
  const response = await server.fetch(`/v1/jobs/${id}`);
  expect(response.status).toBe(200);
  return (await response.json()) as JobDetailJson;
}

/** Milliseconds after which a job that did not come as far is a failure. */
const PATIENCE = 60_000;

/** Resolves with the job once it is as asked for. */
export async function jobBecomes(
  server: Sender,
  id: string,
  holds: (job: JobDetailJson) => boolean,
): Promise<JobDetailJson> {
  const end = Date.now() + PATIENCE;
  for (;;) {
    const job = await jobOf(server, id);
    if (holds(job)) return job;
    if (Date.now() > end) throw new Error(`The job did not become ${holds}: ${JSON.stringify(job)}`);
    await Bun.sleep(10);
  }
}

/** Resolves with the job once it has ended. */
export function endOf(server: Sender, id: string): Promise<JobDetailJson> {
  return jobBecomes(server, id, ({ ended_at }) => ended_at !== null);
}

/** All results there are, read in pages. */
export async function resultsOf(server: Sender, id: string, limit = 1000): Promise<ItemResult[]> {
  const items: ItemResult[] = [];
  for (let after = -1; ; ) {
    const response = await server.fetch(`/v1/jobs/${id}/results?limit=${limit}&after=${after}`);
    const page = (await response.json()) as { readonly items: readonly ItemResult[]; readonly next?: number };
    items.push(...page.items);
    if (page.items.length < limit || page.next === undefined) return items;
    after = page.next;
  }
}

/** A job's results line by line as they come, and its end. */
export async function* followed(
  server: Sender,
  id: string,
  after = -1,
): AsyncGenerator<ItemResult | { readonly job: JobJson }> {
  const response = await server.fetch(`/v1/jobs/${id}/results?follow=1&after=${after}`);
  expect(response.headers.get("content-type")).toBe("application/x-ndjson");
  const decoder = new TextDecoder();
  let rest = "";
  for await (const chunk of response.body ?? []) {
    const lines = (rest + decoder.decode(chunk, { stream: true })).split("\n");
    rest = lines.pop() ?? "";
    for (const line of lines) if (line !== "") yield JSON.parse(line) as ItemResult;
  }
}

/** A result without what differs from run to run. */
export function lasting({ timing: _timing, ...item }: ItemResult): object {
  return item;
}

/** A form of files in their order, with fields in front. */
export function jobForm(
  files: readonly (readonly [name: string, bytes: Uint8Array | string])[],
  fields: Readonly<Record<string, string>> = {},
): FormData {
  const form = new FormData();
  for (const [name, value] of Object.entries(fields)) form.append(name, value);
  for (const [name, bytes] of files) form.append("files", new Blob([bytes as BlobPart]), name);
  return form;
}
