/** What is done to galleries in the background: unused descriptors go, those of an older model are extracted again. */
import type { Clock } from "../bus/clock.ts";
import { keepCollected } from "../gallery/collection.ts";
import { Reextraction } from "../gallery/reextraction.ts";
import type { ModelCatalog } from "../inference/catalog.ts";
import type { Logger } from "../observe/logs.ts";
import type { Engine, PartHealth } from "../pipeline/results.ts";
import type { Settings } from "../settings/schema.ts";
import type { GalleryStore } from "../store/gallery/gallery-store.ts";

/** What it works with. */
export interface GalleryWorkParts {
  readonly settings: Settings["gallery"];
  readonly store: GalleryStore;
  readonly engine: Engine;
  readonly catalog: Pick<ModelCatalog, "find">;
  /** Inference workers. */
  readonly workers: number;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** The work of one process. */
export interface GalleryWork {
  /** How far extracting again is. */
  health(): Promise<PartHealth>;
  /** Gives up what is in hand. May be called again. */
  close(): Promise<void>;
}

/** What descriptors are made with where a pipeline says nothing else. */
const DESCRIPTOR_MODEL = "descriptor-default";
/** Pictures in hand for each worker: one is computed while the next is decoded. */
const PICTURES_PER_WORKER = 2;

/** Begins. */
export function openGalleryWork({
  settings,
  store,
  engine,
  catalog,
  workers,
  clock,
  logger,
}: GalleryWorkParts): GalleryWork {
  const endCollection = keepCollected({
    descriptors: store.descriptors,
    lifetime: settings.descriptor_lifetime,
    every: settings.collect_every,
    clock,
    logger,
  });
  const card = catalog.find(DESCRIPTOR_MODEL);
  const reextraction =
    card && settings.reextract === "auto"
      ? new Reextraction({
          store: store.reextractions,
          engine,
          target: { model: card.name, version: card.version },
          concurrent: workers * PICTURES_PER_WORKER,
          clock,
          logger,
        })
      : undefined;
  reextraction?.start();
  return {
    health: async () => reextraction?.health() ?? { status: "ok", details: { state: "off" } },
    async close() {
      await Promise.all([endCollection(), reextraction?.close()]);
    },
  };
}
