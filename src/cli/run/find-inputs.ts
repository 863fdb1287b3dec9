/** Turns the files and folders of a command line into the list of pictures and videos to run. */
import { open, readdir, realpath, stat } from "node:fs/promises";
import { basename, extname, join } from "node:path";
import { FacewireError } from "../../errors.ts";
import { sniffPicture } from "../../media/sniff.ts";
import { SNIFF_VIDEO_BYTES, sniffVideo } from "../../media/video/sniff.ts";

/** A file that may be run. */
export interface FoundInput {
  readonly kind: InputKind;
  /** Whether it stands on the command line itself. */
  readonly named: boolean;
  readonly path: string;
  /** What results call it: as named on the command line, or the folder's name as given joined with the path inside it. */
  readonly name: string;
  /** Path inside the folder it was found in, or the file's own name: where a drawn copy goes. */
  readonly inside: string;
}

/** What a file is run as. */
export type InputKind = "picture" | "video";

/** Files in the order named, folders sorted by name; and what folders held besides. */
export interface FoundInputs {
  readonly inputs: readonly FoundInput[];
  /** Files in folders that are not run, counted by extension (`.csv`, or `no extension`). */
  readonly skipped: ReadonlyMap<string, number>;
}

/** A damaged picture in a folder should be reported, not skipped: what claims to be a picture is taken at its word. */
const PICTURE_EXTENSIONS = new Set([
  ".jpg",
  ".jpeg",
  ".jpe",
  ".jfif",
  ".png",
  ".webp",
  ".gif",
  ".tif",
  ".tiff",
  ".bmp",
  ".dib",
  ".ppm",
  ".pgm",
  ".pnm",
]);
/** The same for videos. */
const VIDEO_EXTENSIONS = new Set([
  ".mp4",
  ".m4v",
  ".mov",
  ".mkv",
  ".webm",
  ".avi",
  ".ts",
  ".mts",
  ".mpg",
  ".mpeg",
  ".flv",
  ".ogv",
  ".wmv",
  ".asf",
  ".3gp",
  ".y4m",
]);

/**
 * Files named on the command line always count, as what they begin like. Folders are read to the bottom, without hidden
 * entries; of their files those count that have the extension of one of the wanted kinds or begin like one. Throws `usage`
 * for a path that does not exist.
 */
export async function findInputs(paths: readonly string[]): Promise<FoundInputs> {
  const inputs: FoundInput[] = [];
  const skipped = new Map<string, number>();
  const visited = new Set<string>();

  async function folder(path: string, inside: string): Promise<void> {
    const real = await realpath(path);
    // A link back to a parent would never end.
    if (visited.has(real)) return;
    visited.add(real);
    const names = (await readdir(path)).filter((name) => !name.startsWith(".")).sort(byName);
    for (const name of names) {
      const child = join(path, name);
      const info = await stat(child).catch(() => undefined);
      if (info?.isDirectory()) await folder(child, join(inside, name));
      else if (info?.isFile()) await file(child, join(inside, name));
    }
  }

  async function file(path: string, inside: string): Promise<void> {
    const extension = extname(path).toLowerCase();
    const kind = (await beginsLike(path)) ?? claimedKind(extension);
    if (kind !== undefined) inputs.push({ kind, named: false, path, name: path, inside });
    else skip(skipped, path);
  }

  for (const path of paths) {
    const info = await stat(path).catch(() => {
      throw new FacewireError("usage", `${path} does not exist or may not be read.`);
    });
    if (info.isDirectory()) await folder(path, "");
    else {
      const kind = (await beginsLike(path)) ?? claimedKind(extname(path).toLowerCase()) ?? "picture";
      inputs.push({ kind, named: true, path, name: path, inside: basename(path) });
    }
  }
  return { inputs, skipped };
}

/** Leaves out what folders held of kinds the pipeline does not take; what was named stays, to be refused by name. */
export function inputsFor({ inputs, skipped }: FoundInputs, wanted: ReadonlySet<InputKind>): FoundInputs {
  const left = new Map(skipped);
  const kept = inputs.filter(({ kind, named, path }) => {
    const keep = named || wanted.has(kind);
    if (!keep) skip(left, path);
    return keep;
  });
  return { inputs: kept, skipped: left };
}

/** `skipped 3 files that are not pictures (2 .csv, 1 .mp4)`, or undefined when there were none. */
export function skippedText(skipped: ReadonlyMap<string, number>, wanted: ReadonlySet<InputKind>): string | undefined {
  if (skipped.size === 0) return undefined;
  const kinds = [...skipped].sort(([, a], [, b]) => b - a);
  const total = kinds.reduce((sum, [, count]) => sum + count, 0);
  const listed = kinds.map(([kind, count]) => `${count} ${kind}`).join(", ");
  const many = [...wanted].map((kind) => `${kind}s`).join(" or ");
  const one = [...wanted].map((kind) => `a ${kind}`).join(" or ");
  return `skipped ${total} ${total === 1 ? `file that is not ${one}` : `files that are not ${many}`} (${listed})`;
}

/** Natural order, so that frame-2 comes before frame-10. */
const collator = new Intl.Collator("en", { numeric: true });
function byName(a: string, b: string): number {
  return collator.compare(a, b) || (a < b ? -1 : 1);
}

function skip(skipped: Map<string, number>, path: string): void {
  const extension = extname(path).toLowerCase();
  const kind = extension === "" ? "no extension" : extension;
  skipped.set(kind, (skipped.get(kind) ?? 0) + 1);
}

function claimedKind(extension: string): InputKind | undefined {
  if (PICTURE_EXTENSIONS.has(extension)) return "picture";
  return VIDEO_EXTENSIONS.has(extension) ? "video" : undefined;
}

async function beginsLike(path: string): Promise<InputKind | undefined> {
  const buffer = new Uint8Array(SNIFF_VIDEO_BYTES);
  try {
    await using file = await open(path, "r");
    const { bytesRead } = await file.read(buffer, 0, buffer.length, 0);
    const head = buffer.subarray(0, bytesRead);
    if (sniffPicture(head) !== undefined) return "picture";
    return sniffVideo(head) === undefined ? undefined : "video";
  } catch {
    return undefined;
  }
}
