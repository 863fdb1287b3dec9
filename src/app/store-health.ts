/** How the database is, as a part of `/health`. */
import { FacewireError } from "../errors.ts";
import type { PartHealth } from "../pipeline/results.ts";
import type { Store } from "../store/store.ts";

/** Asks the database. Without it pictures still run, so its failure degrades the server but does not make it unready. */
export async function storeHealth(store: Pick<Store, "ping">): Promise<PartHealth> {
  try {
    await store.ping();
    return { status: "ok" };
  } catch (thrown) {
    const { message, details } = FacewireError.from(thrown, "store_unavailable", "The database cannot be used.");
    return { status: "degraded", message, ...(details ? { details } : {}) };
  }
}
