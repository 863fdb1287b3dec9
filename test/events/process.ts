/** The events of one process on a database that others may share. */
import { type OpenEvents, openEvents } from "../../src/app/events.ts";
import type { Bus } from "../../src/bus/bus.ts";
import { MemoryBus } from "../../src/bus/memory-bus.ts";
import type { Subscriber } from "../../src/events/subscriber.ts";
import { nativeView } from "../../src/events/view.ts";
import { createLogger } from "../../src/observe/logs.ts";
import { loadSettings } from "../../src/settings/load.ts";
import type { EventFilter } from "../../src/store/events.ts";
import { openStore, type Store } from "../../src/store/store.ts";
import { TestOutlet } from "./outlet.ts";
import { type Counts, countingWatcher } from "./stored.ts";

/** See the file's head. */
export interface EventProcess extends AsyncDisposable, OpenEvents {
  readonly store: Store;
  readonly counts: Counts;
  /** Subscribes with an outlet that the test holds. */
  follow(
    wish?: { readonly filter?: EventFilter; readonly cursor?: string },
    outlet?: TestOutlet,
  ): Promise<{ readonly outlet: TestOutlet; readonly subscriber: Subscriber }>;
}

/** Starts one over a data folder. `bus`: shared with other processes; one of its own when absent. */
export async function eventProcess(
  folder: string,
  options: { readonly env?: Readonly<Record<string, string>>; readonly bus?: Bus | undefined } = {},
): Promise<EventProcess> {
  const store = await openStore(folder);
  const settings = await loadSettings({ env: { ...options.env } });
  const watcher = countingWatcher();
  const logger = createLogger("silent", { write: () => {} });
  const events = openEvents({ settings: settings.events, events: store.events, watcher, logger });
  await events.connect(options.bus ?? new MemoryBus());
  return {
    ...events,
    store,
    counts: watcher.counts,
    async follow({ filter = {}, cursor } = {}, outlet = new TestOutlet()) {
      const subscriber = await events.feed.subscribe({
        view: nativeView(filter),
        ...(cursor === undefined ? {} : { cursor }),
      });
      outlet.onDrain = () => subscriber.drained();
      subscriber.open(outlet);
      return { outlet, subscriber };
    },
    async [Symbol.asyncDispose]() {
      await events.close();
      await store.close();
    },
  };
}
