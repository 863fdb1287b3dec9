/** Speaks to a test server over HTTP as any client does. */
import type { RUN_PARAMETERS } from "../api/native/run-options.ts";
import { FacewireError, type PublicError } from "../errors.ts";
import type { ParameterValues } from "../pipeline/parameters.ts";
import type { PartHealth, PipelineSummary, RunResult } from "../pipeline/results.ts";

/** Types of the DOM, which some projects have as well, hide that Bun's WebSocket takes headers. */
const SocketWithHeaders = WebSocket as unknown as new (url: string, options: Bun.WebSocketOptions) => WebSocket;

/** A picture or video as the whole body, or several by name. */
export type TestFiles = Uint8Array | Blob | Readonly<Record<string, Uint8Array | Blob>>;

/** The query parameters of a run, as docs/api.md has them; switches may be given as true, the pipeline's parameters by name. */
export type TestRunOptions = {
  readonly [K in Exclude<keyof typeof RUN_PARAMETERS, "parameters">]?: string | number | boolean;
} & { readonly parameters?: ParameterValues; readonly signal?: AbortSignal };

/** An answer with its JSON. */
export interface JsonAnswer<T> {
  readonly status: number;
  readonly headers: Headers;
  readonly body: T;
}

/** What `/health` says. */
export interface HealthAnswer {
  readonly status: string;
  readonly parts: Readonly<Record<string, PartHealth>>;
}

/** See the file's head. */
export class TestClient {
  /** Address without a path, such as `http://127.0.0.1:41234`. */
  readonly url: string;
  readonly #credentials: Readonly<Record<string, string>>;

  constructor(url: string, token?: string) {
    this.url = url;
    this.#credentials = token === undefined ? {} : { authorization: `Bearer ${token}` };
  }

  /** The same server, asked with a token. */
  as(token: string): TestClient {
    return new TestClient(this.url, token);
  }

  /** As the global `fetch`, with a path of the server. */
  fetch(path: string, init: RequestInit = {}): Promise<Response> {
    const headers = new Headers(init.headers);
    for (const [name, value] of Object.entries(this.#credentials)) headers.set(name, value);
    return fetch(this.url + path, { ...init, headers });
  }

  /** As the global `WebSocket`, with a path of the server. */
  webSocket(path: string): WebSocket {
    return new SocketWithHeaders(this.url.replace(/^http/, "ws") + path, { headers: { ...this.#credentials } });
  }

  /** Asks and reads the JSON of the answer, whatever its status is. */
  async json<T = Record<string, unknown>>(path: string, init?: RequestInit): Promise<JsonAnswer<T>> {
    const response = await this.fetch(path, init);
    return { status: response.status, headers: response.headers, body: (await response.json()) as T };
  }

  /**
   * Runs a pipeline. Resolves with the answer, also when pictures in it failed; rejects with the server's coded
   * `FacewireError` when the request was refused as a whole.
   */
  async run(pipeline: string, files: TestFiles, options: TestRunOptions = {}): Promise<RunResult> {
    const { signal, parameters, ...rest } = options;
    const query = parameters === undefined ? rest : { ...rest, parameters: JSON.stringify(parameters) };
    const path = `/v1/pipelines/${encodeURIComponent(pipeline)}/run${queryText(query)}`;
    // A drawn picture would else be the whole answer.
    const headers = { accept: "application/json" };
    const init = { method: "POST", body: bodyOf(files), headers, ...(signal && { signal }) };
    const { body } = await this.json<Partial<RunResult> & { readonly error?: PublicError }>(path, init);
    if (body.items === undefined) throw FacewireError.fromPublic(body.error as PublicError);
    return { ...(body as RunResult), items: body.items.map(withDrawnBytes) };
  }

  async pipelines(): Promise<readonly PipelineSummary[]> {
    return (await this.json<{ pipelines: PipelineSummary[] }>("/v1/pipelines")).body.pipelines;
  }

  async health(): Promise<HealthAnswer> {
    return (await this.json<HealthAnswer>("/health")).body;
  }

  /** Value of a metric, summed over its labels. 0 for one that was never counted. */
  async metric(name: string): Promise<number> {
    const text = await (await this.fetch("/metrics")).text();
    const values = text.matchAll(new RegExp(`^${name}(?:\\{.*\\})? (\\S+)$`, "gm"));
    return [...values].reduce((sum, [, value]) => sum + Number(value), 0);
  }
}

function queryText(options: Readonly<Record<string, string | number | boolean | undefined>>): string {
  const given = Object.entries(options).filter(([, value]) => value !== undefined);
  const query = new URLSearchParams(
    given.map(([name, value]) => [name, typeof value === "boolean" ? String(Number(value)) : String(value)]),
  );
  return query.size === 0 ? "" : `?${query}`;
}

function bodyOf(files: TestFiles): BodyInit {
  if (files instanceof Uint8Array || files instanceof Blob) return files as BodyInit;
  const form = new FormData();
  for (const [name, bytes] of Object.entries(files)) form.append("file", new Blob([bytes as BlobPart]), name);
  return form;
}

type Item = RunResult["items"][number];

/** JSON carries drawn pictures in base64; a test wants the JPEG. */
function withDrawnBytes(item: Item): Item {
  const drawn = item.drawn as { readonly data: string } | undefined;
  return drawn ? { ...item, drawn: new Uint8Array(Buffer.from(drawn.data, "base64")) } : item;
}
