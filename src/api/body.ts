/**
 * Reads request bodies within limits of size, time and memory. The limits are enforced here and not by the HTTP server,
 * because its own refusal has no body that a client could read.
 */
import { FacewireError } from "../errors.ts";

/** Limits of one body. */
export interface BodyLimits {
  /** Most bytes of the body. */
  readonly maxBytes: number;
  /** Milliseconds the whole body may take to arrive. */
  readonly timeoutMs: number;
  /** Memory shared by all bodies in flight; what is taken from it is the caller's to give back. */
  readonly share: BodyShare;
}

/** A shared allowance of bytes for all bodies that are held in memory at once. */
export class BodyBudget {
  readonly #most: number;
  #taken = 0;

  /** `most`: bytes that may be held at once. */
  constructor(most: number) {
    this.#most = most;
  }

  /** Bytes that are held now. */
  get taken(): number {
    return this.#taken;
  }

  /** A part of the allowance for one request. */
  share(): BodyShare {
    let held = 0;
    let released = false;
    return {
      take: (bytes) => {
        // Its request was answered already, such as at its deadline: nobody would give back what it took now.
        if (released)
          throw new FacewireError("request_cancelled", "The request was answered before its body was there.");
        if (this.#taken + bytes > this.#most) {
          throw new FacewireError("overloaded", "Too many request bodies are being held; this one was refused.", {
            details: { retry_after_s: 1 },
          });
        }
        this.#taken += bytes;
        held += bytes;
      },
      release: () => {
        released = true;
        this.#taken -= held;
        held = 0;
      },
    };
  }
}

/** What one request holds of a {@link BodyBudget}. */
export interface BodyShare {
  /** Counts bytes that are kept; throws `overloaded` when the allowance is used up. */
  take(bytes: number): void;
  /** Gives everything back; nothing can be taken afterwards. Calling it again does nothing. */
  release(): void;
}

/** What the declared length of a body says, or undefined when it is sent in chunks. */
function declaredLength(request: Request): number | undefined {
  const header = request.headers.get("content-length");
  return header === null ? undefined : Number(header);
}

function tooLarge(maxBytes: number): FacewireError {
  return new FacewireError("request_too_large", `The body is over the limit of ${maxBytes} bytes.`, {
    details: { max_bytes: maxBytes },
  });
}

/**
 * Refuses a body that declares more than `maxBytes` before any of it is read. Throws `request_too_large`, and
 * `media_type_unsupported` for a compressed body.
 */
export function checkDeclaredBody(request: Request, maxBytes: number): void {
  const encoding = request.headers.get("content-encoding");
  if (encoding !== null && encoding.toLowerCase() !== "identity") {
    throw new FacewireError("media_type_unsupported", "Bodies with a Content-Encoding are not read; send it plain.");
  }
  if ((declaredLength(request) ?? 0) > maxBytes) throw tooLarge(maxBytes);
}

/**
 * Hands the body's chunks to `onChunk` as they arrive and resolves at its end. Rejects with `request_too_large` as soon
 * as more than `maxBytes` came (or are declared), `request_too_slow` after `timeoutMs`, `request_cancelled` when the
 * client leaves, `overloaded` when the shared memory is used up, and with whatever `onChunk` throws. What is left of the
 * body is then thrown away as it arrives, so the connection stays usable.
 */
export async function readChunks(
  request: Request,
  limits: BodyLimits,
  onChunk: (chunk: Uint8Array) => void | Promise<void>,
): Promise<void> {
  checkDeclaredBody(request, limits.maxBytes);
  if (request.body === null) return;
  const reader = request.body.getReader();
  let stopped: FacewireError | undefined;
  let giveUp: (reason: FacewireError) => void = () => {};
  const stop = (reason: FacewireError) => {
    stopped ??= reason;
    giveUp(stopped);
  };
  const cancelled = () => stop(new FacewireError("request_cancelled", "The client left before the answer."));
  const timer = setTimeout(() => {
    const message = `The body did not arrive within ${limits.timeoutMs} ms.`;
    stop(new FacewireError("request_too_slow", message, { details: { timeout_ms: limits.timeoutMs } }));
  }, limits.timeoutMs);
  request.signal.addEventListener("abort", cancelled, { once: true });
  let received = 0;
  try {
    for (;;) {
      // Not a race with one promise for all reads: that one would hold every chunk until the body has ended.
      const { done, value } = await new Promise<Awaited<ReturnType<typeof read>>>((resolve, reject) => {
        giveUp = reject;
        if (stopped) reject(stopped);
        else read(reader).then(resolve, reject);
      });
      if (done) return;
      received += value.byteLength;
      if (received > limits.maxBytes) throw tooLarge(limits.maxBytes);
      limits.share.take(value.byteLength);
      await onChunk(value);
    }
  } catch (error) {
    // Not awaited: it settles when the peer is done sending, and the answer must not wait for that.
    reader.cancel().catch(() => undefined);
    throw error;
  } finally {
    clearTimeout(timer);
    request.signal.removeEventListener("abort", cancelled);
  }
}

/** A read that fails only because the peer has gone (or broke the framing), and says so. */
async function read(reader: ReadableStreamDefaultReader<Uint8Array>) {
  try {
    return await reader.read();
  } catch (error) {
    throw new FacewireError("request_cancelled", "The connection ended before the body did.", { cause: error });
  }
}

/** The whole body in one piece. Rejects as {@link readChunks} does; an absent body has no bytes. */
export async function readWhole(request: Request, limits: BodyLimits): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  await readChunks(request, limits, (chunk) => {
    chunks.push(chunk);
  });
  return joined(chunks);
}

/** Chunks in one piece that shares its memory with nothing else, so it can be handed to another thread. */
export function joined(chunks: readonly Uint8Array[]): Uint8Array {
  const only = chunks.length === 1 ? chunks[0] : undefined;
  if (only && only.byteLength === only.buffer.byteLength) return only;
  const whole = new Uint8Array(chunks.reduce((sum, chunk) => sum + chunk.byteLength, 0));
  let at = 0;
  for (const chunk of chunks) {
    whole.set(chunk, at);
    at += chunk.byteLength;
  }
  return whole;
}
