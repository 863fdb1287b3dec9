/** States of the model files, cheap to ask for often: a file is read again only when it has changed. */
import { readFile, stat } from "node:fs/promises";
import type { ModelCatalog } from "../../inference/catalog.ts";
import type { ModelListing } from "./context.ts";

interface Seen {
  readonly modified: number;
  readonly size: number;
  readonly state: ModelListing["state"];
}

/** Lists the catalog's models with the states of their prepared files in `cacheDir`. */
export function modelStates(catalog: ModelCatalog, cacheDir: string): () => Promise<readonly ModelListing[]> {
  const seen = new Map<string, Seen>();
  async function stateOf(file: string, sha256: string): Promise<ModelListing["state"]> {
    const facts = await stat(file).catch(() => undefined);
    if (!facts) return "missing";
    const known = seen.get(file);
    if (known && known.modified === facts.mtimeMs && known.size === facts.size) return known.state;
    // Web Crypto hashes on a thread of its own: megabytes are not hashed on the one that answers.
    const digest = await crypto.subtle.digest("SHA-256", await readFile(file));
    const state = Buffer.from(digest).toString("hex") === sha256 ? "ok" : "damaged";
    seen.set(file, { modified: facts.mtimeMs, size: facts.size, state });
    return state;
  }
  return () =>
    Promise.all(
      catalog.list().map(async (card) => ({
        card,
        state: await stateOf(catalog.preparedFile(card.name, cacheDir), card.sha256),
      })),
    );
}
