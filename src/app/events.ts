/** The events of one server, put together: told by the engine and the dead letters, stored, handed to subscribers. */
import type { Bus, Subscription } from "../bus/bus.ts";
import { type Clock, systemClock } from "../bus/clock.ts";
import { EventLog } from "../events/event-log.ts";
import { EventFeed } from "../events/feed.ts";
import { EventHub } from "../events/hub.ts";
import { plainError } from "../events/item-events.ts";
import type { EventRecorder } from "../events/recorder.ts";
import type { Logger } from "../observe/logs.ts";
import type { EngineWatcher, EventWatcher } from "../observe/reports.ts";
import type { PartHealth, PipelineSummary } from "../pipeline/results.ts";
import type { Settings } from "../settings/schema.ts";
import type { Events } from "../store/events.ts";
import { keepPruned } from "./pruning.ts";

/** What events are made of. */
export interface EventParts {
  readonly settings: Settings["events"];
  readonly events: Events;
  readonly watcher: EventWatcher;
  readonly logger: Logger;
  /** The time of events, and what their age is counted to. */
  readonly clock?: Clock;
}

/** The events of a running server. */
export interface OpenEvents {
  readonly recorder: EventRecorder;
  readonly feed: EventFeed;
  /** Tells of pipelines that change once {@link connect} was called; those taken up at the start are no news. */
  readonly observer: EngineWatcher;
  /**
   * From now on other processes on the bus are told of new events and tell of theirs. `loading`: pipelines of the start
   * that workers have not taken up yet; that these versions then run is no news either.
   */
  connect(bus: Bus, loading?: readonly Pick<PipelineSummary, "name" | "version">[]): Promise<void>;
  health(): PartHealth;
  /** Takes nothing more, stores what waits, and ends. */
  close(): Promise<void>;
}

/** On this subject processes tell each other up to which id events are stored. */
const HINTS = "events.stored";

/** Starts storing, pruning and handing out. */
export function openEvents({ settings, events, watcher, logger, clock = systemClock }: EventParts): OpenEvents {
  const now = () => clock.now();
  let bus: Bus | undefined;
  let hints: Subscription | undefined;
  const starting = new Map<string, string>();
  const hub = new EventHub({ events, watcher, logger, now });
  const log = new EventLog({
    events,
    watcher,
    logger,
    now,
    onStored(stored) {
      hub.stored(stored);
      hint(bus, stored.at(-1)?.id ?? 0);
    },
  });
  const stopPruning = keepPruned("events", events, settings, logger, clock);
  const { outbox, subscribers } = settings;
  return {
    recorder: log,
    feed: new EventFeed({ events, hub, watcher, outbox, subscribers, now }),
    observer: {
      pipelineChanged(pipeline, version, error) {
        const isStart = !error && starting.get(pipeline) === version;
        if (!error) starting.delete(pipeline);
        if (!bus || isStart) return;
        const data = { version, ...(error ? { error: plainError(error) } : {}) };
        void log.record([{ type: "pipeline.changed", pipeline, data }]);
      },
    },
    async connect(connected, loading = []) {
      for (const { name, version } of loading) starting.set(name, version);
      hints = await connected.subscribe(HINTS, ({ body }) => {
        if (Number.isSafeInteger(body)) hub.hint(body as number);
      });
      bus = connected;
    },
    health() {
      const { failure, waiting, lost } = log;
      const details = { waiting, lost };
      if (!failure) return { status: "ok", details };
      const reason = failure.details?.reason;
      return { status: "degraded", message: "Events cannot be stored now.", details: { ...details, reason } };
    },
    async close() {
      await log.close();
      bus = undefined;
      hints?.close();
      await hub.stop();
      await stopPruning();
    },
  };
}

/** Others look for themselves every second: a hint that does not go out only makes them later. */
function hint(bus: Bus | undefined, latest: number): void {
  try {
    bus?.publish(HINTS, latest);
  } catch {
    // The bus tells of its own loss.
  }
}
