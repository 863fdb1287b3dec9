/** The gallery of one server, put together: loaded from the store, kept up to date by own commits and by hints over the bus. */
import type { Bus, Subscription } from "../bus/bus.ts";
import { type Clock, systemClock } from "../bus/clock.ts";
import type { Gallery } from "../gallery/gallery.ts";
import { createGallery } from "../gallery/live-gallery.ts";
import { comparableVersions } from "../gallery/versions.ts";
import type { ModelCatalog } from "../inference/catalog.ts";
import type { Logger } from "../observe/logs.ts";
import type { PartHealth } from "../pipeline/results.ts";
import type { Settings } from "../settings/schema.ts";
import type { GalleryChanges } from "../store/gallery/changes.ts";
import { keepPruned } from "./pruning.ts";

/** What a gallery is made of. */
export interface GalleryAppParts {
  readonly settings: Pick<Settings["gallery"], "threads">;
  readonly changes: GalleryChanges;
  readonly catalog: Pick<ModelCatalog, "list">;
  readonly logger: Logger;
  /** What the age of changes is counted to; the real time when absent. */
  readonly clock?: Clock;
}

/** The gallery of a running server. */
export interface OpenGallery {
  readonly gallery: Gallery;
  /** From now on other processes on the bus are told of changes and tell of theirs. */
  connect(bus: Bus): Promise<void>;
  /** `degraded` while it is loaded, and while it cannot be. */
  health(): PartHealth;
  close(): Promise<void>;
}

/** On this subject processes tell each other the position of the last change. */
const HINTS = "galleries.changed";

/** How long and how many changes are kept for processes that fall behind: whoever is further behind loads anew. */
const KEPT_CHANGES = { retention: 24 * 3_600_000, keep: 200_000 } as const;

/** Starts the threads and loading, and resolves at once: searches wait until all is loaded. */
export function openGallery({ settings, changes, catalog, logger, clock = systemClock }: GalleryAppParts): OpenGallery {
  const gallery = createGallery({
    changes,
    versions: comparableVersions(catalog.list()),
    threads: settings.threads,
    logger,
  });
  let bus: Bus | undefined;
  let hints: Subscription | undefined;
  let told = 0;
  const stopListening = changes.onCommitted(async () => {
    const position = (await gallery.hint()) ?? told;
    // Several commits are taken over, and told, together.
    if (position <= told) return;
    told = position;
    try {
      bus?.publish(HINTS, position);
    } catch {
      // Searches look for themselves: a hint that does not go out only makes them take over more at once.
    }
  });
  const stopPruning = keepPruned("gallery changes", changes, KEPT_CHANGES, logger, clock);
  return {
    gallery,
    async connect(connected) {
      hints = await connected.subscribe(HINTS, ({ body }) => {
        if (Number.isSafeInteger(body)) void gallery.hint(body as number);
      });
      bus = connected;
    },
    health() {
      const { loaded, descriptors, bytes } = gallery.state();
      const details = { descriptors, bytes, restarts: gallery.restarts() };
      if (loaded) return { status: "ok", details };
      const failure = gallery.failure();
      if (!failure) return { status: "degraded", message: "The gallery is being loaded.", details };
      return {
        status: "degraded",
        message: "The gallery cannot be loaded now.",
        details: { ...details, reason: failure.details?.reason },
      };
    },
    async close() {
      stopListening();
      bus = undefined;
      hints?.close();
      await gallery.close();
      await stopPruning();
    },
  };
}
