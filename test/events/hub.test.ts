/** When a hub reads the database, and when it stops. */
import { expect, test } from "bun:test";
import { EventHub } from "../../src/events/hub.ts";
import { Subscriber } from "../../src/events/subscriber.ts";
import { nativeView } from "../../src/events/view.ts";
import { createLogger } from "../../src/observe/logs.ts";
import type { EventPage, StoredEvent } from "../../src/store/events.ts";
import { settle } from "../support/settle.ts";
import { TestOutlet } from "./outlet.ts";
import { countingWatcher, storedEvent } from "./stored.ts";

/** A database whose answers to `after` come when the test says so, with what is stored as the question comes. */
class SlowEvents {
  readonly #stored: StoredEvent[] = [];
  readonly #answers: (() => void)[] = [];

  store(id: number): StoredEvent {
    const event = storedEvent(id);
    this.#stored.push(event);
    return event;
  }

  async bounds() {
    return { oldest: 0, latest: this.#stored.length };
  }

  async after(position: number): Promise<EventPage> {
    const events = this.#stored.filter(({ id }) => id > position);
    const latest = this.#stored.length;
    await new Promise<void>((resolve) => this.#answers.push(resolve));
    return { events, oldest: 0, latest, through: latest };
  }

  /** Answers what was asked until now. */
  async answer(): Promise<void> {
    for (const resolve of this.#answers.splice(0)) resolve();
    await settle();
  }
}

function followedHub() {
  const events = new SlowEvents();
  const parts = { events, watcher: countingWatcher(), now: () => 0 };
  const logger = createLogger("silent", { write: () => {} });
  // Nobody looks by himself here.
  const hub = new EventHub({ ...parts, logger, lookEveryMs: 1_000_000 });
  const outlet = new TestOutlet();
  const outbox = { bytes: 1_000_000, overflow: "drop-newest" } as const;
  new Subscriber({ ...parts, view: nativeView({}), position: 0, meeting: hub, outbox }).open(outlet);
  return { events, hub, outlet };
}

test.each([
  ["this process", (hub: EventHub, event: StoredEvent) => hub.stored([event])],
  ["another process", (hub: EventHub, event: StoredEvent) => hub.hint(event.id)],
])("what %s stores while a hint too far is looked for is handed out at once", async (_, tell) => {
  const { events, hub, outlet } = followedHub();
  hub.hint(1_000);
  await settle();
  tell(hub, events.store(1));
  await events.answer();
  await events.answer();
  await hub.settled();
  expect(outlet.ids).toEqual([1]);
  await hub.stop();
});
