/** Collects what a test server tells over a real WebSocket, from its first event on, and waits for what should come. */
import type { EventData, EventType } from "../events/catalog.ts";
import type { PublishedEvent } from "../events/event-text.ts";
import type { SubscriptionMessage } from "../events/messages.ts";
import type { TestClient } from "./client.ts";
import { PATIENCE_MS, within } from "./patience.ts";

/** An event of one type, or of any. */
export type CollectedEvent<T extends EventType = EventType> = {
  [K in T]: Omit<PublishedEvent, "type" | "data"> & { readonly type: K; readonly data: EventData<K> };
}[T];

/** Which events are meant: those that have all that is named. A type alone may be given instead. */
export interface EventMatch<T extends EventType = EventType>
  extends Partial<Pick<PublishedEvent, "pipeline" | "request" | "job" | "item" | "verdict">> {
  readonly type?: T;
  /** Parts of the data, however deep. */
  readonly data?: Readonly<Record<string, unknown>>;
}

/** How long {@link EventCollector.next} waits. */
export interface EventPatience {
  /** Milliseconds; 5,000 when absent. */
  readonly timeoutMs?: number;
}

/** Events that a message of the collector shows. */
const SHOWN_EVENTS = 20;

/** See the file's head. It connects when it is first asked; events from before come then. */
export class EventCollector {
  readonly #client: TestClient;
  readonly #events: CollectedEvent[] = [];
  readonly #given = new Set<CollectedEvent>();
  #connected: Promise<void> | undefined;
  #socket: WebSocket | undefined;
  /** Everything up to this id has come. */
  #position = 0;
  #ended: Error | undefined;
  #news = Promise.withResolvers<void>();

  constructor(client: TestClient) {
    this.#client = client;
  }

  /**
   * The first event that matches and was not given out by an earlier call; waits for it if need be. Rejects with a list
   * of what did come.
   *
   * @example await server.events.next({ type: "face.liveness", verdict: "spoof" })
   */
  async next<T extends EventType = EventType>(
    match: T | EventMatch<T> = {},
    { timeoutMs = PATIENCE_MS }: EventPatience = {},
  ): Promise<CollectedEvent<T>> {
    const found = this.#until(() => this.#events.find((event) => !this.#given.has(event) && fits(event, match)));
    const late = () => `No further event came within ${timeoutMs} ms that is ${shown(match)}. ${this.#cameText()}`;
    const event = await within(timeoutMs, found, late);
    this.#given.add(event);
    return event as CollectedEvent<T>;
  }

  /** All events that match and that were told before this call, the oldest first. */
  async all<T extends EventType = EventType>(match: T | EventMatch<T> = {}): Promise<readonly CollectedEvent<T>[]> {
    await within(PATIENCE_MS, this.#catchUp(), () => `The events so far did not all come. ${this.#cameText()}`);
    return this.#events.filter((event) => fits(event, match)) as unknown as readonly CollectedEvent<T>[];
  }

  /** Rejects when an event that matches was told before this call. */
  async none<T extends EventType = EventType>(match: T | EventMatch<T> = {}): Promise<void> {
    const found = await this.all(match);
    if (found.length === 0) return;
    throw new Error(`There should be no event that is ${shown(match)}. ${this.#cameText()}`);
  }

  /** Ends the connection. */
  close(): void {
    this.#socket?.close();
  }

  /** Waits until everything has come that the server has stored by now. */
  async #catchUp(): Promise<void> {
    const { events, oldest } = await this.#page();
    // The newest of all may be an event that is not shown here: one of an account.
    const newest = Number(events[0]?.id ?? oldest);
    await this.#until(() => this.#position >= newest || undefined);
  }

  async #until<R>(look: () => R | undefined): Promise<R> {
    this.#connected ??= this.#connect();
    await this.#connected;
    for (;;) {
      const found = look();
      if (found !== undefined) return found;
      if (this.#ended) throw this.#ended;
      await this.#news.promise;
    }
  }

  async #connect(): Promise<void> {
    // What was deleted before anybody asked is not there to be had.
    const { oldest } = await this.#page();
    const socket = this.#client.webSocket(`/v1/events?cursor=${oldest}`);
    this.#socket = socket;
    socket.onmessage = ({ data }) => this.#take(JSON.parse(String(data)));
    socket.onclose = ({ code, reason }) => this.#end(`The connection to the events ended: ${code} ${reason}`);
  }

  async #page(): Promise<{ readonly events: readonly { readonly id: string }[]; readonly oldest: string }> {
    const path = "/v1/events?order=desc&limit=1";
    return (await this.#client.json<{ events: { id: string }[]; oldest: string }>(path)).body;
  }

  #take(message: CollectedEvent | SubscriptionMessage): void {
    if (isEvent(message)) {
      this.#events.push(message);
      this.#position = Number(message.id);
    } else this.#hear(message);
    this.#tellNews();
  }

  #hear(message: SubscriptionMessage): void {
    switch (message.type) {
      case "subscription.started":
        this.#position = Number(message.cursor);
        break;
      case "subscription.lagged":
        this.#end(`${message.missed} events were left out, because the test was too slow to read them.`);
        break;
      case "subscription.failed":
        this.#end(`The subscription to the events ended: ${message.error.message}`);
        break;
    }
  }

  #end(why: string): void {
    this.#ended ??= new Error(`${why} ${this.#cameText()}`);
    this.#tellNews();
  }

  #tellNews(): void {
    this.#news.resolve();
    this.#news = Promise.withResolvers();
  }

  #cameText(): string {
    if (this.#events.length === 0) return "None came at all.";
    const last = this.#events.slice(-SHOWN_EVENTS).map(({ age_ms: _, time: __, ...event }) => JSON.stringify(event));
    const which = last.length < this.#events.length ? `, the last ${last.length} of them` : "";
    return `${this.#events.length} came${which}:\n${last.join("\n")}`;
  }
}

function isEvent(message: CollectedEvent | SubscriptionMessage): message is CollectedEvent {
  return "id" in message;
}

function fits(event: CollectedEvent, match: EventType | EventMatch<EventType>): boolean {
  return contains(event, typeof match === "string" ? { type: match } : match);
}

/** Whether a value has all that is wanted of it. */
function contains(value: unknown, wanted: unknown): boolean {
  if (typeof wanted !== "object" || wanted === null) return Object.is(value, wanted);
  if (typeof value !== "object" || value === null) return false;
  return Object.entries(wanted).every(
    ([key, part]) => part === undefined || contains((value as Record<string, unknown>)[key], part),
  );
}

function shown(match: EventType | EventMatch<EventType>): string {
  return typeof match === "string" ? match : JSON.stringify(match);
}
