/** Brings one file over HTTP: bounded in size and time, tried again when the network fails, checked before it is kept. */
import { setTimeout as wait } from "node:timers/promises";
import ssri from "ssri";
import { FacewireError } from "../../errors.ts";
import { writeAtomically } from "./atomic-file.ts";

/** How far a download is. */
export interface DownloadProgress {
  readonly receivedBytes: number;
  /** As the server states it; undefined when it does not. */
  readonly totalBytes: number | undefined;
}

/** How a download is made. */
export interface DownloadOptions {
  /** Subresource integrity the bytes must have; without it nothing is checked. */
  readonly integrity?: string | undefined;
  /** Protocols that addresses and redirects may have. */
  readonly protocols: readonly ("https:" | "http:")[];
  readonly maxBytes: number;
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: ((progress: DownloadProgress) => void) | undefined;
  readonly patience?: Patience;
}

/** How long a slow or failing server is borne with. */
export interface Patience {
  /** An attempt ends when nothing has come for so long. */
  readonly idleMs: number;
  /** Waits before the second attempt, the third and so on. */
  readonly retryAfterMs: readonly number[];
}

const DEFAULT_PATIENCE: Patience = { idleMs: 30_000, retryAfterMs: [500, 2_000] };
const MAX_REDIRECTS = 5;

/** Marks failures that another attempt may not have. */
class PassingFailure extends Error {}

/**
 * Downloads `url` into `path`, which appears only when the whole file is there and has its integrity. `name` is what
 * errors call the file. Throws `model_source_failed`, or `file_unwritable` when the path cannot be written.
 */
export async function download(name: string, url: string, path: string, options: DownloadOptions): Promise<void> {
  for (let attempt = 0; ; attempt++) {
    try {
      return await downloadOnce(name, url, path, options);
    } catch (error) {
      options.signal?.throwIfAborted();
      const pause = (options.patience ?? DEFAULT_PATIENCE).retryAfterMs[attempt];
      if (!(error instanceof PassingFailure)) throw error;
      if (pause === undefined) {
        throw new FacewireError("model_source_failed", `${name} could not be downloaded: ${error.message}`, {
          cause: error.cause ?? error,
        });
      }
      await wait(pause, undefined, options.signal ? { signal: options.signal } : {});
    }
  }
}

async function downloadOnce(name: string, url: string, path: string, options: DownloadOptions): Promise<void> {
  const idle = new AbortController();
  const signal = options.signal ? AbortSignal.any([idle.signal, options.signal]) : idle.signal;
  const { idleMs } = options.patience ?? DEFAULT_PATIENCE;
  const timer = setTimeout(() => idle.abort(), idleMs);
  try {
    const response = await follow(name, url, options, signal);
    if (!response.ok || response.body === null) {
      const message = `the server answered ${response.status}`;
      if (response.status >= 500 || response.status === 429) throw new PassingFailure(message);
      throw new FacewireError("model_source_failed", `${name} could not be downloaded: ${message}.`);
    }
    const totalBytes = Number(response.headers.get("content-length")) || undefined;
    const integrity = options.integrity === undefined ? undefined : ssri.parse(options.integrity);
    const check = ssri.create({ algorithms: integrity ? [integrity.pickAlgorithm()] : ["sha512"] });
    let receivedBytes = 0;
    await writeAtomically(path, async (write) => {
      for await (const chunk of response.body!) {
        timer.refresh();
        receivedBytes += chunk.length;
        if (receivedBytes > options.maxBytes) {
          throw new FacewireError("model_source_failed", `${name} is larger than ${options.maxBytes} bytes.`);
        }
        check.update(chunk);
        await write(chunk);
        options.onProgress?.({ receivedBytes, totalBytes });
      }
      if (totalBytes !== undefined && receivedBytes < totalBytes && !response.headers.get("content-encoding")) {
        throw new PassingFailure("the connection ended early");
      }
      const actual = check.digest().toString();
      if (integrity && !integrity.match(actual)) throw integrityError(name, integrity.toString(), actual);
    });
  } catch (error) {
    if (error instanceof FacewireError || error instanceof PassingFailure) throw error;
    if (idle.signal.aborted) throw new PassingFailure(`nothing came for ${idleMs / 1000} s`, { cause: error });
    throw new PassingFailure("the network failed", { cause: error });
  } finally {
    clearTimeout(timer);
  }
}

/** Follows redirects by hand, so that none leads to a protocol that is not allowed. */
async function follow(name: string, url: string, options: DownloadOptions, signal: AbortSignal): Promise<Response> {
  let address = new URL(url);
  for (let redirects = 0; redirects <= MAX_REDIRECTS; redirects++) {
    if (!options.protocols.some((protocol) => protocol === address.protocol)) {
      throw new FacewireError(
        "model_source_failed",
        `${name} leads to a ${address.protocol} address, which is not allowed.`,
      );
    }
    const response = await fetch(address, { redirect: "manual", signal });
    const location = response.status >= 300 && response.status < 400 ? response.headers.get("location") : null;
    if (location === null) return response;
    await response.body?.cancel();
    address = new URL(location, address);
  }
  throw new FacewireError("model_source_failed", `${name} is redirected more than ${MAX_REDIRECTS} times.`);
}

/** The error of bytes that are not the ones the card was written for. */
export function integrityError(name: string, expected: string, actual: string): FacewireError {
  return new FacewireError(
    "model_source_failed",
    `${name} does not have the integrity its card states; nothing of it was used.`,
    { details: { expected, actual } },
  );
}
