/** Turns the files and folders of a command line into the list of pictures to run. */
import { open, readdir, realpath, stat } from "node:fs/promises";
import { basename, extname, join } from "node:path";
import { FacewireError } from "../../errors.ts";
import { sniffPicture } from "../../media/sniff.ts";

/** A picture that will be run. */
export interface FoundPicture {
  readonly path: string;
  /** What results call it: as named on the command line, or the folder's name as given joined with the path inside it. */
  readonly name: string;
  /** Path inside the folder it was found in, or the file's own name: where a drawn copy goes. */
  readonly inside: string;
}

/** Pictures in the order named, folders sorted by name; and what folders held besides. */
export interface FoundPictures {
  readonly pictures: readonly FoundPicture[];
  /** Files in folders that are not pictures, counted by extension (`.csv`, or `no extension`). */
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
/** Bytes that tell all formats apart. */
const HEAD_BYTES = 16;

/**
 * Files named on the command line always count. Folders are read to the bottom, without hidden entries; of their files
 * those count that have a picture's extension or begin like a picture. Throws `usage` for a path that does not exist.
 */
export async function findPictures(paths: readonly string[]): Promise<FoundPictures> {
  const pictures: FoundPicture[] = [];
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
    if (PICTURE_EXTENSIONS.has(extension) || (await beginsLikePicture(path))) {
      pictures.push({ path, name: path, inside });
    } else {
      const kind = extension === "" ? "no extension" : extension;
      skipped.set(kind, (skipped.get(kind) ?? 0) + 1);
    }
  }

  for (const path of paths) {
    const info = await stat(path).catch(() => {
      throw new FacewireError("usage", `${path} does not exist or may not be read.`);
    });
    if (info.isDirectory()) await folder(path, "");
    else pictures.push({ path, name: path, inside: basename(path) });
  }
  return { pictures, skipped };
}

/** `skipped 3 files that are not pictures (2 .csv, 1 .mp4)`, or undefined when there were none. */
export function skippedText(skipped: ReadonlyMap<string, number>): string | undefined {
  if (skipped.size === 0) return undefined;
  const kinds = [...skipped].sort(([, a], [, b]) => b - a);
  const total = kinds.reduce((sum, [, count]) => sum + count, 0);
  const listed = kinds.map(([kind, count]) => `${count} ${kind}`).join(", ");
  return `skipped ${total} ${total === 1 ? "file that is not a picture" : "files that are not pictures"} (${listed})`;
}

/** Natural order, so that frame-2 comes before frame-10. */
const collator = new Intl.Collator("en", { numeric: true });
function byName(a: string, b: string): number {
  return collator.compare(a, b) || (a < b ? -1 : 1);
}

async function beginsLikePicture(path: string): Promise<boolean> {
  const head = new Uint8Array(HEAD_BYTES);
  try {
    await using file = await open(path, "r");
    const { bytesRead } = await file.read(head, 0, HEAD_BYTES, 0);
    return sniffPicture(head.subarray(0, bytesRead)) !== undefined;
  } catch {
    return false;
  }
}
