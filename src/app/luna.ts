/** The LUNA Backport 3 API of one server with the galleries, which only it searches. */
import manifest from "../../package.json" with { type: "json" };
import { createLunaApi } from "../api/luna/api.ts";
import { Passwords } from "../api/luna/auth/passwords.ts";
import { Revocations } from "../api/luna/auth/revocations.ts";
import type { LunaContext } from "../api/luna/context.ts";
import { createLunaMetrics } from "../api/luna/metrics.ts";
import type { Bus } from "../bus/bus.ts";
import type { Clock } from "../bus/clock.ts";
import type { Logger } from "../observe/logs.ts";
import type { HttpWatcher } from "../observe/reports.ts";
import type { PartHealth } from "../pipeline/results.ts";
import { openGallery } from "./gallery.ts";

/** What it is made of: parts of the server. */
export interface LunaParts extends Pick<LunaContext, "engine" | "store" | "events" | "models" | "settings" | "health"> {
  readonly bus: Bus;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Is told of every request; must not throw. */
  readonly watcher: HttpWatcher;
}

/** The API of a running server. */
export interface OpenLuna {
  /** Binds the port; the address. Throws `config_invalid` when it cannot be bound. */
  listen(): string;
  /** Parts by name. */
  health(): Readonly<Record<string, PartHealth>>;
  /** Lets the requests in flight finish for at most `timeoutMs`. Returns how many were cut off. */
  stop(timeoutMs: number): Promise<number>;
  /** Ends the galleries; no request may be in flight. */
  close(): Promise<void>;
}

/** Opens it, or resolves with undefined where `listen.luna` is `off`. */
export async function openLuna(parts: LunaParts): Promise<OpenLuna | undefined> {
  const { settings, store, models: catalog, bus, clock, logger } = parts;
  const { listen, luna } = settings;
  if (listen.luna === "off") return undefined;
  await using opened = new AsyncDisposableStack();
  const gallery = opened.adopt(
    openGallery({ settings: settings.gallery, changes: store.changes, catalog, logger, clock }),
    (open) => open.close(),
  );
  await gallery.connect(bus);
  const context: LunaContext = {
    engine: parts.engine,
    store,
    gallery: gallery.gallery,
    events: parts.events,
    models: catalog,
    lacking: onceEach((model) => logger.warn("requests ask for a model that is not installed", { model })),
    settings,
    health: parts.health,
    passwords: new Passwords(),
    revocations: new Revocations(),
    metrics: luna.metrics ? createLunaMetrics() : undefined,
    version: manifest.version,
    now: () => clock.now(),
  };
  const api = createLunaApi({ context, listen: listen.luna, watcher: parts.watcher });
  opened.defer(async () => void (await api.stop(0)));
  const kept = opened.move();
  return {
    listen: () => api.listen(),
    health: () => ({ gallery: gallery.health() }),
    stop: (timeoutMs) => api.stop(timeoutMs),
    close: () => kept.disposeAsync(),
  };
}

/** Calls back with each name when it is first given; names must be few. */
function onceEach(callback: (name: string) => void): (name: string) => void {
  const given = new Set<string>();
  return (name) => {
    if (given.has(name)) return;
    given.add(name);
    callback(name);
  };
}
