/** The database of the settings, for the time of a command. Works beside a running server. */
import type { Store } from "../store/store.ts";
import type { GlobalOptions } from "./program.ts";
import { settingsOf } from "./settings.ts";

/** Opens the store, hands it to `use` and closes it again. Rejects with `config_invalid` or `store_unavailable`. */
export async function withStore<T>(options: GlobalOptions, use: (store: Store) => Promise<T>): Promise<T> {
  const settings = await settingsOf(options);
  const { openStoreOf } = await import("../store/store.ts");
  const store = await openStoreOf(settings);
  try {
    return await use(store);
  } finally {
    await store.close();
  }
}
