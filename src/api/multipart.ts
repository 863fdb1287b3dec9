/** Reads multipart/form-data as it streams in: files in order, with limits that end the reading at once. */
import { Busboy, type BusboyFileStream, type BusboyInstance } from "@fastify/busboy";
import { FacewireError } from "../errors.ts";
import { type BodyLimits, joined, readChunks } from "./body.ts";

/** Limits of one form. */
export interface FormLimits extends BodyLimits {
  /** Most files in the form. */
  readonly maxFiles: number;
}

/** A file of a form. */
export interface FormFile {
  /** Name of the form's field. */
  readonly field: string;
  /** The file's own name without folders, or the field's name where it has none. */
  readonly name: string;
  /** Whether it has a name of its own. */
  readonly named: boolean;
  /** Its declared type in lower case, without parameters. */
  readonly type: string;
  readonly bytes: Uint8Array;
}

/** A field of a form that is no file. */
export interface FormField {
  readonly field: string;
  readonly value: string;
}

/** What a form held, in the order it came. */
export interface Form {
  readonly files: readonly FormFile[];
  readonly fields: readonly FormField[];
}

/** Text fields beside the files: few and short, since no dialect has more. */
const MAX_FIELDS = 32;
const MAX_FIELD_BYTES = 64 * 1024;
const MAX_PART_HEADERS = 16;
const MAX_PART_HEADER_BYTES = 8 * 1024;
const MAX_NAME_LENGTH = 255;

/** True for a request whose body is a form with files. */
export function isMultipartForm(request: Request): boolean {
  return /^multipart\/form-data\b/i.test(request.headers.get("content-type") ?? "");
}

/**
 * The files and fields of a multipart/form-data body. A part is a file when it has a file name or is declared as
 * something other than text. Rejects with `request_invalid` when the form is broken, `request_too_many_files` as soon as
 * one file too many begins (the rest is not read), and as `readChunks` does.
 */
export async function readForm(request: Request, limits: FormLimits): Promise<Form> {
  const parser = createFormParser(request, limits.maxFiles);
  const form = new FormCollector(parser, limits.maxFiles);
  await readChunks(request, limits, (chunk) => form.write(chunk));
  return form.end();
}

/** A parser for the form of a request. Throws `request_invalid` when its Content-Type is no form's. */
export function createFormParser(request: Request, maxFiles: number): BusboyInstance {
  try {
    return new Busboy({
      headers: { "content-type": request.headers.get("content-type") ?? "" },
      isPartAFile: (_field, type, name) => name !== undefined || (type !== undefined && !type.startsWith("text/")),
      limits: {
        files: maxFiles,
        fields: MAX_FIELDS,
        fieldSize: MAX_FIELD_BYTES,
        headerPairs: MAX_PART_HEADERS,
        headerSize: MAX_PART_HEADER_BYTES,
      },
    });
  } catch (error) {
    throw new FacewireError("request_invalid", "The form's Content-Type has no usable boundary.", { cause: error });
  }
}

/** Gathers what the parser finds and remembers the first thing that is wrong. */
class FormCollector {
  readonly #parser: BusboyInstance;
  readonly #files: FormFile[] = [];
  readonly #fields: FormField[] = [];
  readonly #finished = Promise.withResolvers<void>();
  #wrong: FacewireError | undefined;

  constructor(parser: BusboyInstance, maxFiles: number) {
    this.#parser = parser;
    // `end` may never be reached: a failure is then reported by `write`.
    this.#finished.promise.catch(() => undefined);
    parser.on("file", (field, stream, name, _encoding, type) => this.#file(field, stream, name, type));
    parser.on("field", (field, value, _cut, valueCut) => {
      if (valueCut) this.#fail(fieldTooLong(field));
      this.#fields.push({ field: field ?? "", value });
    });
    parser.on("filesLimit", () => this.#fail(tooManyFiles(maxFiles)));
    parser.on("fieldsLimit", () => this.#fail(tooManyFields()));
    parser.on("error", (error) => this.#fail(brokenForm(error)));
    parser.on("finish", () => this.#finished.resolve());
  }

  /** Parses a chunk; rejects with the first thing that is wrong. */
  async write(chunk: Uint8Array): Promise<void> {
    // A view, not a copy: the parser takes Buffers only.
    const buffer = Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength);
    if (!this.#parser.write(buffer)) await this.#drained();
    if (this.#wrong) throw this.#wrong;
  }

  /** The form, once the whole body was written. */
  async end(): Promise<Form> {
    this.#parser.end();
    await this.#finished.promise;
    if (this.#wrong) throw this.#wrong;
    return { files: this.#files, fields: this.#fields };
  }

  #drained(): Promise<void> {
    const drained = Promise.withResolvers<void>();
    this.#parser.once("drain", drained.resolve);
    // A parser that has failed never drains.
    this.#finished.promise.then(drained.resolve, drained.resolve);
    return drained.promise;
  }

  #file(field: string | undefined, stream: BusboyFileStream, name: string | undefined, type: string): void {
    const chunks: Uint8Array[] = [];
    const at = this.#files.length;
    const file = {
      field: field ?? "",
      name: fileName(field, name),
      named: Boolean(name),
      type: (type ?? "").toLowerCase(),
    };
    // Its place is taken at once: files end in the order they begin, but `end` may come after the next one begins.
    this.#files.push({ ...file, bytes: new Uint8Array(0) });
    stream.on("data", (chunk: Uint8Array) => chunks.push(chunk));
    stream.on("error", (error) => this.#fail(brokenForm(error)));
    stream.on("end", () => {
      this.#files[at] = { ...file, bytes: joined(chunks) };
    });
  }

  #fail(error: FacewireError): void {
    this.#wrong ??= error;
    this.#finished.reject(this.#wrong);
  }
}

/** What a file is called: its own name, else the field's. */
export function fileName(field: string | undefined, name: string | undefined): string {
  return (name || field || "file").slice(0, MAX_NAME_LENGTH);
}

/** `request_invalid` for a form that cannot be read to its end. */
export function brokenForm(cause: unknown): FacewireError {
  return new FacewireError("request_invalid", "The multipart form is broken or ends too early.", { cause });
}

/** `request_too_many_files`. */
export function tooManyFiles(maxFiles: number): FacewireError {
  const message = `The form holds more than ${maxFiles} files.`;
  return new FacewireError("request_too_many_files", message, { details: { max_files: maxFiles } });
}

/** `request_invalid` for a form with too many fields that are no files. */
export function tooManyFields(): FacewireError {
  return new FacewireError("request_invalid", `The form has more than ${MAX_FIELDS} fields that are no files.`);
}

/** `request_invalid` for a field whose text is too long. */
export function fieldTooLong(field: string | undefined): FacewireError {
  const shown = JSON.stringify((field ?? "").slice(0, MAX_NAME_LENGTH));
  return new FacewireError("request_invalid", `The form's field ${shown} is too long.`);
}
