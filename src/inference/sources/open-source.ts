/** Makes a card's source readable: finds it, brings it if it is not here yet, and checks its integrity. */
import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { readFile } from "node:fs/promises";
import { dirname, join, posix } from "node:path";
import ssri from "ssri";
import { FacewireError } from "../../errors.ts";
import type { ModelCard } from "../card.ts";
import type { SourceFiles } from "../prepare/prepare.ts";
import { type DownloadProgress, download, integrityError } from "./download.ts";
import { readPackageFile, tarballUrl } from "./npm-package.ts";
import type { FileSource, HttpsSource, ModelSource, NpmSource } from "./source.ts";

/** Most bytes of one download. */
const MAX_DOWNLOAD_BYTES = 1024 * 1024 * 1024;

/** What opening a source may use. */
export interface OpenOptions {
  /** Folder where downloads are kept; cards of the same package share one. */
  readonly downloads: string;
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: ((progress: DownloadProgress) => void) | undefined;
}

/** Opens the source of a card. Throws `model_source_failed` when it cannot be read or is not what the card states. */
export async function openSource(
  card: Pick<ModelCard, "name" | "integrity">,
  source: ModelSource,
  options: OpenOptions,
): Promise<SourceFiles> {
  switch (source.kind) {
    case "npm":
      return openPackage(source, card.integrity, options);
    case "https":
      return openAddress(card, source, options);
    case "file":
      return openFile(card, source);
  }
}

async function openPackage(
  source: NpmSource,
  integrity: string | undefined,
  options: OpenOptions,
): Promise<SourceFiles> {
  const spec = `${source.package}@${source.version}`;
  const tarball = join(options.downloads, cacheName(`npm:${spec} ${integrity ?? ""}`, ".tgz"));
  if (!(await hasIntegrity(tarball, integrity))) {
    const url = await tarballUrl(source);
    // A registry on the own machine or network may speak plain HTTP: the card's integrity is what counts.
    await download(`The package ${spec}`, url, tarball, downloadOptions(["https:", "http:"], integrity, options));
  }
  return {
    main: await readPackageFile(tarball, source.path, spec),
    beside: (name) => readPackageFile(tarball, posix.join(posix.dirname(source.path), name), spec),
  };
}

async function openAddress(
  card: Pick<ModelCard, "name" | "integrity">,
  source: HttpsSource,
  options: OpenOptions,
): Promise<SourceFiles> {
  const bring = async (url: string, integrity: string | undefined): Promise<Uint8Array> => {
    const path = join(options.downloads, cacheName(`${url} ${integrity ?? ""}`, ".bin"));
    if (integrity === undefined || !(await hasIntegrity(path, integrity))) {
      await download(`The source of ${card.name}`, url, path, downloadOptions(["https:"], integrity, options));
    }
    return readFile(path);
  };
  return {
    main: await bring(source.url, card.integrity),
    // Files beside the main one have no integrity of their own; the sha256 of the prepared model covers them.
    beside: (name) => bring(new URL(name, source.url).href, undefined),
  };
}

async function openFile(card: Pick<ModelCard, "name" | "integrity">, source: FileSource): Promise<SourceFiles> {
  const read = async (path: string): Promise<Uint8Array> => {
    try {
      return await readFile(path);
    } catch (cause) {
      throw new FacewireError("model_source_failed", `The source file of ${card.name} could not be read.`, { cause });
    }
  };
  const main = await read(source.path);
  if (card.integrity !== undefined && !ssri.checkData(Buffer.from(main), card.integrity)) {
    throw integrityError(
      `The source file of ${card.name}`,
      card.integrity,
      ssri.fromData(Buffer.from(main)).toString(),
    );
  }
  return { main, beside: (name) => read(join(dirname(source.path), name)) };
}

function downloadOptions(
  protocols: readonly ("https:" | "http:")[],
  integrity: string | undefined,
  { signal, onProgress }: OpenOptions,
) {
  return { protocols, integrity, maxBytes: MAX_DOWNLOAD_BYTES, signal, onProgress };
}

/** Whether a file is there with the integrity; damaged and half-written downloads are brought again. */
async function hasIntegrity(path: string, integrity: string | undefined): Promise<boolean> {
  if (integrity === undefined || !(await Bun.file(path).exists())) return false;
  return ssri.checkStream(createReadStream(path), integrity).then(
    () => true,
    () => false,
  );
}

function cacheName(identity: string, extension: string): string {
  return createHash("sha256").update(identity).digest("hex").slice(0, 24) + extension;
}
