/** The pictures of a liveness request: one as the body, some as parts of a form, or some by their addresses. */
import { Type } from "@sinclair/typebox";
import { FacewireError } from "../../errors.ts";
import { sniffPicture } from "../../media/sniff.ts";
import type { Downloader } from "../../net/download.ts";
import type { Settings } from "../../settings/schema.ts";
import { decodeBase64 } from "../base64.ts";
import { readWhole } from "../body.ts";
import { type Form, type FormFile, isMultipartForm, readForm } from "../multipart.ts";
import { badJson, LunaError } from "./errors.ts";
import { bodyLimits, checkForm, closed, mediaType, readJson, text } from "./json-body.ts";
import type { AccountCall } from "./operation.ts";

/** A picture that is to be judged. */
export interface LivenessPicture {
  /** As answers name it. */
  readonly filename: string;
  /** Undefined where base64 could not be read. */
  readonly bytes: Uint8Array | undefined;
}

/** What a raw body is called. */
const RAW_NAME = "raw_image";
const BASE64_SUFFIX = "-base64";
/** Types of bodies and of parts; those of JPEG to TIFF are called `x-` in base64. */
const BINARY_TYPES = ["jpeg", "png", "bmp", "tiff", "x-portable-pixmap"].map((name) => `image/${name}`);
const BASE64_TYPES = BINARY_TYPES.map((type) => `${type.replace(/^image\/(?!x-)/, "image/x-")}${BASE64_SUFFIX}`);
const SENT_TYPES: ReadonlySet<string> = new Set([...BINARY_TYPES, ...BASE64_TYPES]);
/** Types that servers give pictures; what it is, the bytes say then. */
const SERVED_TYPES: ReadonlySet<string> = new Set([
  ...BINARY_TYPES,
  ...["jpg", "gif", "webp", "tif", "x-windows-bmp", "x-ms-bmp", "x-portable-graymap"].map((name) => `image/${name}`),
]);

const Meta = closed({
  OS: Type.Unsafe<string>(
    Type.Union(
      ["IOS", "ANDROID", "DESKTOP", "UNKNOWN"].map((os) => Type.Literal(os)),
      {
        expects: "one of IOS, ANDROID, DESKTOP and UNKNOWN",
      },
    ),
  ),
  MANUFACTURE: Type.Optional(text({ most: 1024 })),
  MODEL: Type.Optional(text({ most: 1024 })),
});
/** Bytes of `meta`, which may come as a file as large as a picture; reading it takes the main thread. */
const MOST_META = 64 * 1024;
const MOST_URLS = 8;
/** Addresses that are fetched from at once for one account: each holds a connection, slow servers hold it long. */
const MOST_FETCHED = 256;
const Urls = closed({
  urls: Type.Array(text({ least: 1, most: 2048 }), { minItems: 1, maxItems: MOST_URLS }),
  meta: Type.Optional(Meta),
  x_meta: Type.Optional(Type.Record(Type.String(), Type.Unknown())),
});

/** Reads liveness requests. */
export class LivenessPictures {
  readonly #settings: Settings;
  readonly #downloader: Downloader;
  /** Addresses that are fetched from now, by account. */
  readonly #fetching = new Map<string, number>();

  constructor(settings: Settings, downloader: Downloader) {
    this.#settings = settings;
    this.#downloader = downloader;
  }

  /**
   * The pictures, in their order. Throws `LunaError` 12017, 12022 (JSON, `meta`), 11027 and 11028 (addresses), 11029 and
   * 11049 (forms), `overloaded` when too much is fetched for the account already, and as `readWhole` does.
   */
  async read(call: AccountCall): Promise<readonly LivenessPicture[]> {
    const { request } = call;
    if (isMultipartForm(request)) return this.#ofForm(call);
    const type = mediaType(request);
    if (type === "application/json") return this.#ofUrls(call);
    if (!SENT_TYPES.has(type)) throw new LunaError(12017, "Bad content type");
    const bytes = await readWhole(request, bodyLimits(this.#settings, call));
    return [{ filename: RAW_NAME, bytes: plainBytes(type, bytes, call) }];
  }

  async #ofForm(call: AccountCall): Promise<readonly LivenessPicture[]> {
    const form = await this.#form(call);
    const meta = metaText(form);
    if (meta !== undefined) checkMeta(meta);
    const images = form.files.filter(({ field }) => field === "image");
    const { max_files: most } = this.#settings.http;
    if (images.length === 0 || images.length > most || form.fields.some(({ field }) => field === "image"))
      throw badForm();
    for (const { named, type } of images) {
      if (!named) throw badForm();
      if (!SENT_TYPES.has(type)) throw new LunaError(11029, "Bad content type of image in multipart body");
    }
    if (new Set(images.map(({ name }) => name)).size < images.length) throw badForm();
    return images.map(({ name, type, bytes }: FormFile) => ({ filename: name, bytes: plainBytes(type, bytes, call) }));
  }

  async #form(call: AccountCall): Promise<Form> {
    const { http } = this.#settings;
    // One more than pictures: `meta` may be sent as a file, too.
    const limits = { ...bodyLimits(this.#settings, call), maxFiles: http.max_files + 2 };
    try {
      return await readForm(call.request, limits);
    } catch (error) {
      const { code } = FacewireError.from(error);
      if (code === "request_invalid" || code === "request_too_many_files") throw badForm(error);
      throw error;
    }
  }

  async #ofUrls(call: AccountCall): Promise<readonly LivenessPicture[]> {
    const { urls } = await readJson(this.#settings, call, Urls);
    for (const [at, url] of urls.entries()) {
      if (!URL.canParse(url)) throw badJson(`urls[${at}]`, "is not a URI");
    }
    const giveBack = this.#takePlaces(call.caller.account, urls.length);
    const failed = new AbortController();
    const signal = AbortSignal.any([call.signal, failed.signal]);
    try {
      return await Promise.all(urls.map((url) => this.#ofUrl(url, call, signal)));
    } catch (error) {
      failed.abort();
      throw error;
    } finally {
      giveBack();
    }
  }

  /** The answer gives them back. */
  #takePlaces(account: string, count: number): () => void {
    const taken = (this.#fetching.get(account) ?? 0) + count;
    if (taken > MOST_FETCHED) {
      const message = "Too many pictures are being fetched for this account; try again.";
      throw new FacewireError("overloaded", message, { details: { retry_after_s: 1 } });
    }
    this.#fetching.set(account, taken);
    return () => {
      const left = (this.#fetching.get(account) ?? 0) - count;
      if (left > 0) this.#fetching.set(account, left);
      else this.#fetching.delete(account);
    };
  }

  async #ofUrl(url: string, call: AccountCall, signal: AbortSignal): Promise<LivenessPicture> {
    try {
      const { bytes } = await this.#downloader.fetch(url, {
        accepts: (type) => SERVED_TYPES.has(type),
        onBytes: (count) => call.exchange.body.take(count),
        signal,
      });
      if (sniffPicture(bytes) === undefined) throw noPicture(url);
      return { filename: url, bytes };
    } catch (error) {
      const { code } = FacewireError.from(error);
      if (code === "url_wrong_type") throw noPicture(url, error);
      // Not why: where nothing answers, and where nothing may be fetched, is nobody's business.
      if (code === "url_failed" || code === "url_refused") {
        throw new LunaError(11027, `Failed to download image by url '${url}'`, { cause: error });
      }
      throw error;
    }
  }
}

function plainBytes(type: string, sent: Uint8Array, call: AccountCall): Uint8Array | undefined {
  if (!type.endsWith(BASE64_SUFFIX)) return sent;
  const bytes = decodeBase64(Buffer.from(sent.buffer, sent.byteOffset, sent.byteLength).toString("latin1"));
  if (bytes) call.exchange.body.take(bytes.byteLength);
  // In memory of its own, so that it can be handed to another thread.
  return bytes && new Uint8Array(bytes);
}

/** The part `meta`, sent as a field or as a file. */
function metaText({ fields, files }: Form): string | undefined {
  const field = fields.find((each) => each.field === "meta");
  if (field) return field.value;
  const file = files.find((each) => each.field === "meta");
  if (file && file.bytes.byteLength > MOST_META) throw badJson("meta", `is longer than ${MOST_META} bytes`);
  return file && new TextDecoder().decode(file.bytes);
}

function checkMeta(json: string): void {
  let meta: unknown;
  try {
    meta = JSON.parse(json);
  } catch {
    throw badJson("meta", "is not JSON");
  }
  checkForm(closed({ meta: Meta }), { meta });
}

function badForm(cause?: unknown): LunaError {
  return new LunaError(11049, "Bad multipart body", cause === undefined ? {} : { cause });
}

function noPicture(url: string, cause?: unknown): LunaError {
  return new LunaError(11028, `Bad content type of image '${url}'`, cause === undefined ? {} : { cause });
}
