/** Brings the body of a new job to disk as it comes: one file, or the files of a form. */
import type { BusboyFileStream, BusboyInstance } from "@fastify/busboy";
import { FacewireError } from "../../errors.ts";
import type { JobUpload } from "../../jobs/upload.ts";
import { type BodyShare, readChunks } from "../body.ts";
import {
  brokenForm,
  createFormParser,
  type FormField,
  fieldTooLong,
  fileName,
  isMultipartForm,
  tooManyFields,
  tooManyFiles,
} from "../multipart.ts";

/** Limits of a job's body. */
export interface JobBodyLimits {
  /** Bytes. */
  readonly maxBody: number;
  readonly maxFiles: number;
  /** Milliseconds the whole body may take. */
  readonly uploadTimeoutMs: number;
}

/** What is on its way to disk is not held in memory. */
const NO_SHARE: BodyShare = { take() {}, release() {} };

/**
 * Writes the body into the upload and resolves with the form's fields. `name`: what a body that is one file is called.
 * Rejects with `request_too_large`, `request_too_slow`, `request_too_many_files`, `request_invalid`, `request_cancelled`,
 * `media_type_unsupported` and `store_unavailable`; nothing is written to the upload afterwards.
 */
export async function receiveJobBody(
  request: Request,
  upload: JobUpload,
  name: string,
  limits: JobBodyLimits,
): Promise<readonly FormField[]> {
  const body = { maxBytes: limits.maxBody, timeoutMs: limits.uploadTimeoutMs, share: NO_SHARE };
  if (!isMultipartForm(request)) {
    if (/^multipart\//i.test(request.headers.get("content-type") ?? "")) {
      throw new FacewireError("media_type_unsupported", "Of the multipart types only multipart/form-data is read.");
    }
    await upload.begin(name);
    await readChunks(request, body, (chunk) => upload.write(chunk));
    if (upload.bytes === 0) throw new FacewireError("request_invalid", "The body holds no bytes.");
    await upload.end();
    return [];
  }
  const receiver = new FormReceiver(createFormParser(request, limits.maxFiles), upload, limits.maxFiles);
  try {
    await readChunks(request, body, (chunk) => receiver.write(chunk));
    return await receiver.end();
  } catch (thrown) {
    await receiver.giveUp();
    throw thrown;
  }
}

/** Takes a form apart: files to the upload one after the other, fields into a list. */
class FormReceiver {
  readonly #parser: BusboyInstance;
  readonly #upload: JobUpload;
  readonly #fields: FormField[] = [];
  readonly #finished = Promise.withResolvers<void>();
  readonly #streams = new Set<BusboyFileStream>();
  #written: Promise<void> = Promise.resolve();
  #wrong: FacewireError | undefined;

  constructor(parser: BusboyInstance, upload: JobUpload, maxFiles: number) {
    this.#parser = parser;
    this.#upload = upload;
    // `end` may never be reached: a failure is then reported by `write`.
    this.#finished.promise.catch(() => undefined);
    parser.on("file", (field, stream, name) => this.#file(fileName(field, name), stream));
    parser.on("field", (field, value, _cut, valueCut) => {
      if (valueCut) this.#fail(fieldTooLong(field));
      this.#fields.push({ field: field ?? "", value });
    });
    parser.on("filesLimit", () => this.#fail(tooManyFiles(maxFiles)));
    parser.on("fieldsLimit", () => this.#fail(tooManyFields()));
    parser.on("error", (error) => this.#fail(brokenForm(error)));
    parser.on("finish", () => this.#finished.resolve());
  }

  /** Parses a chunk; resolves when there is room for the next. Rejects with the first thing that is wrong. */
  async write(chunk: Uint8Array): Promise<void> {
    // A view, not a copy: the parser takes Buffers only.
    const room = this.#parser.write(Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength));
    if (!room && !this.#wrong) await this.#drained();
    if (this.#wrong) throw this.#wrong;
  }

  /** The fields, once the whole body was written and the files are with the upload. */
  async end(): Promise<readonly FormField[]> {
    this.#parser.end();
    await this.#finished.promise;
    await this.#written;
    if (this.#wrong) throw this.#wrong;
    return this.#fields;
  }

  /** Resolves when nothing is written to the upload any more. */
  async giveUp(): Promise<void> {
    this.#fail(brokenForm(undefined));
    for (const stream of this.#streams) stream.destroy();
    await this.#written;
  }

  #drained(): Promise<void> {
    return new Promise((resolve) => {
      this.#parser.once("drain", resolve);
      // A parser that has failed never drains.
      this.#finished.promise.then(resolve, resolve);
    });
  }

  #file(name: string, stream: BusboyFileStream): void {
    this.#streams.add(stream);
    stream.on("error", (error) => this.#fail(brokenForm(error)));
    this.#written = this.#written.then(async () => {
      try {
        if (this.#wrong) return;
        await this.#upload.begin(name);
        for await (const chunk of stream) await this.#upload.write(chunk as Uint8Array);
        if (!this.#wrong) await this.#upload.end();
      } catch (thrown) {
        this.#fail(thrown instanceof FacewireError ? thrown : brokenForm(thrown));
        // What still comes of it is thrown away, so that the parser gets on to notice the end.
        stream.resume();
      } finally {
        this.#streams.delete(stream);
      }
    });
  }

  #fail(error: FacewireError): void {
    this.#wrong ??= error;
    this.#finished.reject(this.#wrong);
  }
}
