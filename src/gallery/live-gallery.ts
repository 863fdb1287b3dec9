/** The gallery of a running server: see `gallery.ts` for what it promises, `docs/galleries.md` for how it keeps that. */
import { availableParallelism } from "node:os";
import { FacewireError } from "../errors.ts";
import type { Logger } from "../observe/logs.ts";
import type { GalleryChanges } from "../store/gallery/changes.ts";
import type { Vector } from "../store/gallery/records.ts";
import { Follower } from "./follower.ts";
import type { Gallery, GalleryMatch, GallerySearch, GalleryState } from "./gallery.ts";
import { closed, ScanThreads } from "./scan-threads.ts";
import { SearchQueue } from "./search-queue.ts";
import type { ComparableVersion } from "./versions.ts";

/** Cores for each thread when their number is left to the machine: the others have the networks to run. */
const CORES_A_THREAD = 4;
/** Pairs that are compared in one go: about 10 ms, so that searches get in between. */
const PAIRS_AT_ONCE = 16_384;

/** Milliseconds that hints are gathered: the search behind a commit looks for itself, and should not find the database asked already. */
const HINT_DELAY = 20;

/** What a gallery is made of. */
export interface GalleryParts {
  readonly changes: Pick<GalleryChanges, "position" | "after" | "descriptors" | "members">;
  /** Models and versions whose descriptors can be compared. */
  readonly versions: readonly ComparableVersion[];
  readonly threads: number | "auto";
  readonly logger: Logger;
  /** Module of the threads; for tests. */
  readonly entry?: URL;
}

/** A gallery that is kept up to date from outside too. */
export interface LiveGallery extends Gallery {
  /**
   * Something was committed, here or elsewhere (`position`: up to where), perhaps: takes it over ahead of the next search, together with
   * what comes in the next moment. Resolves with the position then; undefined when there was nothing to do. Never rejects.
   */
  hint(position?: number): Promise<number | undefined>;
  /** Why nothing can be searched now; undefined while it can, or is being loaded. */
  failure(): FacewireError | undefined;
  /** Threads that were replaced. */
  restarts(): number;
}

/** Starts the threads and loading; can be asked at once. */
export function createGallery({ changes, versions, threads, logger, entry }: GalleryParts): LiveGallery {
  const count = threads === "auto" ? Math.max(1, Math.floor(availableParallelism() / CORES_A_THREAD)) : threads;
  let isClosed = false;
  let restarts = 0;
  const scanThreads = new ScanThreads({
    threads: count,
    versions,
    ...(entry && { entry }),
    onReady: () => follower.reload(),
    onLost(cause) {
      restarts++;
      logger.error("gallery thread lost", { cause });
      follower.lose();
    },
  });
  const follower = new Follower({ changes, threads: scanThreads, logger });
  const queue = new SearchQueue(scanThreads);
  const assertOpen = () => {
    if (isClosed) throw closed();
  };
  let hinted: Promise<number | undefined> | undefined;
  const takeHints = async () => {
    await new Promise((resume) => setTimeout(resume, HINT_DELAY));
    hinted = undefined;
    if (isClosed) return undefined;
    try {
      await follower.catchUp();
      return follower.position;
    } catch {
      return undefined;
    }
  };
  const search = async ({ deadline, signal, ...wanted }: GallerySearch): Promise<readonly GalleryMatch[]> => {
    for (;;) {
      await follower.catchUp();
      const holding = follower.holding;
      const matches = await queue.search(wanted, deadline, signal);
      // While it waited the threads may have begun to load anew, and have looked among a part only.
      if (holding !== undefined && holding === follower.holding) return matches;
    }
  };
  return {
    async search(wanted) {
      assertOpen();
      return withDeadline(wanted.deadline, () => search(wanted));
    },
    expect: () => queue.expect(),
    async compare(probes, others) {
      assertOpen();
      await scanThreads.ready();
      const result = new Float64Array(probes.length * others.length);
      const rows = Math.max(1, Math.floor(PAIRS_AT_ONCE / Math.max(1, others.length)));
      for (let row = 0; row < probes.length; row += rows) {
        const some: readonly Vector[] = probes.slice(row, row + rows);
        result.set(await scanThreads.ask<"compare">(0, { type: "compare", probes: some, others }), row * others.length);
      }
      return result;
    },
    state: (): GalleryState => ({ loaded: follower.isLoaded, ...scanThreads.state }),
    async hint(position = Number.POSITIVE_INFINITY) {
      // What is loaded will have it.
      if (isClosed || follower.position === undefined || follower.position >= position) return undefined;
      hinted ??= takeHints();
      return hinted;
    },
    failure: () => follower.failure,
    restarts: () => restarts,
    async close() {
      if (isClosed) return;
      isClosed = true;
      follower.close();
      await scanThreads.stop();
    },
  };
}

/** Rejects with `deadline_exceeded` when the time comes first. */
async function withDeadline<T>(deadline: number | undefined, work: () => Promise<T>): Promise<T> {
  if (deadline === undefined) return work();
  const late = () => new FacewireError("deadline_exceeded", "The search was not done by its deadline.");
  const left = deadline - Date.now();
  if (left <= 0) throw late();
  let timer: ReturnType<typeof setTimeout> | undefined;
  try {
    return await Promise.race([
      work(),
      new Promise<never>((_, reject) => {
        timer = setTimeout(() => reject(late()), Math.min(left, 2 ** 31 - 1));
      }),
    ]);
  } finally {
    clearTimeout(timer);
  }
}
