/** Follows a folder by its path: also when the path leads to another folder, because a link in it was switched. */
import { type FSWatcher, type Stats, statSync, watch } from "node:fs";
import { stat } from "node:fs/promises";

/** Milliseconds of silence after a change before it is told: editors write a file in several steps. */
const SETTLE_MS = 100;
/** Milliseconds between looks at which folder the path leads to: nothing announces that. */
const LOOK_MS = 1_000;

/** Whom a watch tells. */
export interface FolderWatcher {
  /** Entries of the folder have changed and settled, or it is another folder now, or none. */
  onChange(): void;
  /** It cannot be watched now. */
  onError(error: Error): void;
}

/** Watches until the result is called. Never throws: a folder that is not there is watched as soon as it is. */
export function watchFolder(path: string, { onChange, onError }: FolderWatcher): () => void {
  let watcher: FSWatcher | undefined;
  let watched = identityNow(path);
  let settling: ReturnType<typeof setTimeout> | undefined;
  let ended = false;

  const changed = () => {
    clearTimeout(settling);
    settling = setTimeout(onChange, SETTLE_MS);
  };

  const follow = () => {
    watcher?.close();
    watcher = undefined;
    try {
      watcher = watch(path, changed);
      watcher.on("error", onError);
    } catch (thrown) {
      onError(thrown as Error);
    }
  };

  const look = async () => {
    const found = await identity(path);
    if (ended || found === watched) return;
    // Noted before it is followed: should it be switched in between, the next look sees that.
    watched = found;
    follow();
    changed();
  };

  follow();
  const looking = setInterval(look, LOOK_MS);
  looking.unref();
  return () => {
    ended = true;
    clearTimeout(settling);
    clearInterval(looking);
    watcher?.close();
  };
}

async function identity(path: string): Promise<string> {
  return identityOf(await stat(path).catch(() => undefined));
}

function identityNow(path: string): string {
  try {
    return identityOf(statSync(path));
  } catch {
    return identityOf(undefined);
  }
}

/** Tells a folder from all others, also from a later one in its place. */
function identityOf(found: Stats | undefined): string {
  return found ? `${found.dev}:${found.ino}` : "none";
}
