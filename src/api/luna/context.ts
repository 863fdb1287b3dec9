/** What the operations of the LUNA dialect work with. */
import type { EventFeed } from "../../events/feed.ts";
import type { EventRecorder } from "../../events/recorder.ts";
import type { Gallery } from "../../gallery/gallery.ts";
import type { ModelCatalog } from "../../inference/catalog.ts";
import type { Engine, PartHealth } from "../../pipeline/results.ts";
import type { Settings } from "../../settings/schema.ts";
import type { GalleryStore } from "../../store/gallery/gallery-store.ts";
import type { Passwords } from "./auth/passwords.ts";
import type { Revocations } from "./auth/revocations.ts";
import type { LunaMetrics } from "./metrics.ts";

/** Handed to every operation. */
export interface LunaContext {
  readonly engine: Engine;
  readonly store: GalleryStore;
  readonly gallery: Gallery;
  readonly events: { readonly recorder: EventRecorder; readonly feed: EventFeed };
  readonly models: ModelCatalog;
  /** Tells the operator that requests ask for a model that is not installed; more than once it is not told. */
  readonly lacking: (model: string) => void;
  /** All of them, for `/4/config`; the dialect's own are under `luna`. */
  readonly settings: Settings;
  /** Every part of the server by name. */
  readonly health: () => Promise<Readonly<Record<string, PartHealth>>>;
  /** Passwords of accounts. */
  readonly passwords: Passwords;
  /** Tokens and accounts that were ended through this process. */
  readonly revocations: Revocations;
  /** What `/metrics` of this API tells; undefined where it is off. */
  readonly metrics: LunaMetrics | undefined;
  /** Version of the program. */
  readonly version: string;
  /** Epoch milliseconds. */
  readonly now: () => number;
}
