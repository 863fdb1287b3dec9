/** The prepared model files of a cache folder: bringing them and checking them. */
import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { FacewireError } from "../errors.ts";
import type { ModelCard } from "./card.ts";
import type { ModelCatalog } from "./catalog.ts";
import { prepareModel } from "./prepare/prepare.ts";
import { openFolder, writeAtomically } from "./sources/atomic-file.ts";
import { openSource } from "./sources/open-source.ts";

/** How far one model is. Each begins with `check` and ends with `ready`. */
export type PullProgress =
  | { readonly model: string; readonly step: "check" | "prepare" }
  | {
      readonly model: string;
      readonly step: "download";
      readonly receivedBytes: number;
      /** Undefined when the server does not say. */
      readonly totalBytes: number | undefined;
    }
  | {
      readonly model: string;
      readonly step: "ready";
      /** Whether the file was there already. */
      readonly present: boolean;
    };

/** How models are pulled. */
export interface PullOptions {
  /** Names or aliases; all cards when absent. */
  readonly only?: readonly string[];
  readonly onProgress?: (progress: PullProgress) => void;
  readonly signal?: AbortSignal;
}

/** State of a prepared file. */
export type FileState = "ok" | "missing" | "damaged";

/** A model with the state of its prepared file. */
export interface VerifiedModel {
  readonly card: ModelCard;
  readonly file: string;
  readonly state: FileState;
}

/** Folder inside the cache that keeps downloads; it may be deleted at any time. */
const DOWNLOADS = "downloads";

/**
 * Brings and prepares every model whose file is missing or damaged, one after the other. Several processes may do so at
 * once: files appear whole, and all write the same bytes. Throws `model_unknown`, `model_source_failed`,
 * `model_prepare_failed` or `file_unwritable`; models that were done before stay.
 */
export async function pullModels(catalog: ModelCatalog, cacheDir: string, options: PullOptions = {}): Promise<void> {
  const names = options.only ?? catalog.list().map(({ name }) => name);
  for (const card of new Set(names.map((name) => catalog.get(name)))) {
    options.signal?.throwIfAborted();
    await pullModel(catalog, card, cacheDir, options);
  }
}

/** The state of every model's prepared file, in the order of the catalog. */
export function verifyModels(catalog: ModelCatalog, cacheDir: string): Promise<VerifiedModel[]> {
  return Promise.all(
    catalog.list().map(async (card) => {
      const file = catalog.preparedFile(card.name, cacheDir);
      return { card, file, state: await fileState(file, card.sha256) };
    }),
  );
}

async function pullModel(
  catalog: ModelCatalog,
  card: ModelCard,
  cacheDir: string,
  options: PullOptions,
): Promise<void> {
  const model = card.name;
  const tell = options.onProgress ?? (() => {});
  tell({ model, step: "check" });
  const file = catalog.preparedFile(model, cacheDir);
  const present = (await fileState(file, card.sha256)) === "ok";
  if (!present) {
    const downloads = join(cacheDir, DOWNLOADS);
    // Before anything is brought: the source is not to blame for a folder that cannot be written.
    await openFolder(downloads);
    const source = await openSource(card, catalog.source(model), {
      downloads,
      signal: options.signal,
      onProgress: (progress) => tell({ model, step: "download", ...progress }),
    });
    tell({ model, step: "prepare" });
    const bytes = await prepareModel(source, card);
    checkPrepared(card, bytes);
    await writeAtomically(file, (write) => write(bytes));
  }
  tell({ model, step: "ready", present });
}

function checkPrepared(card: ModelCard, bytes: Uint8Array): void {
  const actual = sha256(bytes);
  if (actual === card.sha256) return;
  throw new FacewireError(
    "model_source_failed",
    `The prepared file of model ${card.name} does not have the sha256 its card states; it was not kept. ` +
      `If the source is the wanted one, the card must say ${actual}.`,
    { details: { model: card.name, expected: card.sha256, actual } },
  );
}

async function fileState(file: string, expected: string): Promise<FileState> {
  let bytes: Uint8Array;
  try {
    bytes = await readFile(file);
  } catch {
    return "missing";
  }
  return sha256(bytes) === expected ? "ok" : "damaged";
}

function sha256(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}
