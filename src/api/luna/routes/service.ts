/** Addresses about the server itself; none of them asks for credentials. */
import { basename, extname } from "node:path";
import type { LunaContext } from "../context.ts";
import { LunaError } from "../errors.ts";
import { json, type LunaOperation, type OpenOperation } from "../operation.ts";
import { readFlag } from "../query.ts";
import { configOperation } from "../service/config.ts";
import { documentOperations } from "../service/documents.ts";
import { databaseReport, healthReport } from "../service/health.ts";
import { versions } from "../service/version.ts";

/** See the file's head. */
export function serviceOperations(context: LunaContext): readonly LunaOperation[] {
  const { settings, metrics, version, health } = context;
  return [
    ...documentOperations(),
    configOperation(settings),
    open("/4/healthcheck", async ({ url }) => {
      const startedAt = performance.now();
      const all = readFlag(url.searchParams, "include_luna_services") === true;
      const parts = await health();
      const { healthy, errors } = all ? healthReport(parts) : databaseReport(parts);
      if (!healthy) return json({ errors }, 502);
      return json({ execution_time: Math.round(performance.now() - startedAt) / 1000 });
    }),
    open("/4/plugins", () =>
      json({ plugins: settings.stages.extra.map((file) => ({ name: nameOf(file), running: 1 })) }),
    ),
    open("/metrics", async () => {
      if (!metrics) throw new LunaError(12049, "Resource is disabled.");
      return new Response(await metrics.text(), { headers: { "content-type": "text/plain; charset=UTF-8" } });
    }),
    open(
      "/healthcheck",
      ({ url }) => new Response(null, { status: 308, headers: { location: `/4/healthcheck${url.search}` } }),
    ),
    open("/version", () => json({ Version: versions(version) })),
  ];
}

function open(path: string, handle: OpenOperation["handle"]): OpenOperation {
  return { method: "GET", path, access: "open", handle };
}

/** A stage file of one's own is what a plugin is elsewhere; its folder is nobody's business. */
function nameOf(file: string): string {
  return basename(file, extname(file));
}
