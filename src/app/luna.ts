/** The LUNA Backport 3 API of one server, where its settings want it. */
import manifest from "../../package.json" with { type: "json" };
import { createLunaApi, type LunaApi } from "../api/luna/api.ts";
import { Passwords } from "../api/luna/auth/passwords.ts";
import { Revocations } from "../api/luna/auth/revocations.ts";
import type { LunaContext } from "../api/luna/context.ts";
import { createLunaMetrics } from "../api/luna/metrics.ts";
import type { HttpWatcher } from "../observe/reports.ts";

/** What it is made of: parts of the server. */
export interface LunaParts
  extends Pick<LunaContext, "engine" | "store" | "gallery" | "events" | "models" | "settings" | "health" | "now"> {
  /** Is told of every request; must not throw. */
  readonly watcher: HttpWatcher;
}

/** The API, or undefined where `listen.luna` is `off`. */
export function openLuna({ watcher, ...parts }: LunaParts): LunaApi | undefined {
  const { listen, luna } = parts.settings;
  if (listen.luna === "off") return undefined;
  const context: LunaContext = {
    ...parts,
    passwords: new Passwords(),
    revocations: new Revocations(),
    metrics: luna.metrics ? createLunaMetrics() : undefined,
    version: manifest.version,
  };
  return createLunaApi({ context, listen: listen.luna, watcher });
}
